package traced

import (
	"fmt"
	"path/filepath"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/traces/record"
	"github.com/contend-go/contend/traces/show"
)

// tour is the trace of one backend's way through all values of GOMAXPROCS.
type tour struct {
	series     string
	conditions string // what else the name says
	// steps are its samples by the label of their window: "gomaxprocs=8".
	steps map[string]*sample.Sample
	*show.Trace
}

// openTours opens the tours of a set of samples, with a timeline of that many
// columns. Tours whose trace cannot be read are in notes, one line each.
func openTours(set *sample.Set, columns int) (tours []*tour, notes []string) {
	seen := map[string]bool{}
	for _, s := range set.Samples {
		if probe, _ := s.Name.Get("probe"); probe != "tour" || !s.Valid() {
			continue
		}
		for _, a := range s.Attachments {
			path := filepath.Join(filepath.Dir(s.File), filepath.FromSlash(a.Path))
			if a.Kind != record.KindTrace || seen[path] {
				continue
			}
			seen[path] = true
			t, err := show.Open(path, show.Options{Columns: columns})
			if err != nil {
				notes = append(notes, err.Error())
				continue
			}
			if usable := s.UsableCPUs(); usable > 0 {
				t.Usable = int(usable) // a quota of 7.5: 8 Ps are too many
			}
			series, _ := s.Name.Get("backend")
			tours = append(tours, &tour{series: series, conditions: conditions(s.Name), steps: steps(set, s), Trace: t})
		}
	}
	return tours, notes
}

// steps are the samples of the process that s is of.
func steps(set *sample.Set, s *sample.Sample) map[string]*sample.Sample {
	by := map[string]*sample.Sample{}
	for _, o := range set.Samples {
		if o.Run == s.Run && o.Cell == s.Cell && o.Block == s.Block && o.Variant == s.Variant && o.File == s.File && o.Valid() {
			by[fmt.Sprintf("%s=%d", sample.GOMAXPROCS, o.Name.Procs())] = o
		}
	}
	return by
}

// conditions are a tour's name for a picture's second line.
func conditions(n *sample.Name) string {
	text := ""
	for _, f := range n.Keys {
		switch f.Key {
		case "backend", "probe", sample.GOMAXPROCS:
			continue
		}
		if text != "" {
			text += " · "
		}
		text += f.Key + "=" + f.Value
	}
	return text
}
