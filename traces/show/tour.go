package show

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/traces/account"
	"github.com/contend-go/contend/traces/record"
)

// Tour is the trace of one backend's way through all values of GOMAXPROCS.
type Tour struct {
	Backend    string
	Conditions string // what else the name says
	// Steps are its samples by the label of their window: "gomaxprocs=8".
	Steps map[string]*sample.Sample
	*Trace
}

// Tours opens the tours of a set of samples, with a timeline of that many
// columns. Tours whose trace cannot be read are in notes, one line each.
func Tours(set *sample.Set, columns int) (tours []*Tour, notes []string) {
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
			t, err := Open(path, Options{Columns: columns})
			if err != nil {
				notes = append(notes, err.Error())
				continue
			}
			if usable, err := strconv.ParseFloat(s.Config["usable-cpus"], 64); err == nil {
				t.Usable = int(usable) // a quota of 7.5: 8 Ps are too many
			}
			backend, _ := s.Name.Get("backend")
			tours = append(tours, &Tour{Backend: backend, Conditions: conditions(s.Name), Steps: steps(set, s), Trace: t})
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

// Cost prints what tracing cost a sample: its throughput ÷ the untraced one's.
type Cost func(*sample.Sample) string

// CostColumn heads a column of costs.
const CostColumn = "traced ÷ untraced"

// SiteColumns are the columns of [Tour.SiteRows].
var SiteColumns = []string{"backend", "waits for", "where", "lost CPU time", "goroutine wait", "waits", "hand-offs", "woken by"}

// SiteRows are the tour's worst wait sites, as a report shows them.
func (t *Tour) SiteRows(top int) (rows [][]string) {
	return siteRows(t.Backend, &t.Account.Total, top)
}

// CPUColumns are the columns of [Tour.CPURows] and [Cell.CPURow].
func CPUColumns() []string {
	columns := []string{"backend", sample.GOMAXPROCS, CostColumn, "samples"}
	for k := range account.NumCPUKinds {
		columns = append(columns, k.String())
	}
	return columns
}

// CPURows tell what the CPUs did in each step of the tour, by the samples of the
// profiler; there are none where it has none.
func (t *Tour) CPURows(cost Cost) (rows [][]string) {
	for i := range t.Account.Windows {
		w := &t.Account.Windows[i]
		if s := t.Steps[w.Label]; s != nil && len(w.CPU) > 0 {
			rows = append(rows, cpuRow(t.Backend, s, w, cost))
		}
	}
	return rows
}

func cpuRow(title string, s *sample.Sample, w *account.Window, cost Cost) []string {
	var shares [account.NumCPUKinds]float64
	samples := int64(0)
	for _, c := range w.CPU {
		shares[c.Kind] = c.Share
		samples += c.Samples
	}
	row := []string{title, strconv.Itoa(s.Name.Procs()), cost(s), count(samples)}
	for _, share := range shares {
		row = append(row, percent(share))
	}
	return row
}

func siteRows(title string, w *account.Window, top int) (rows [][]string) {
	sites := slices.DeleteFunc(places(w.Sites), func(s account.Site) bool { return s.Apparatus })
	for _, s := range upTo(sites, top) {
		rows = append(rows, []string{title, string(s.Reason), place(site(s.Stack)), percent(ratio(s.Charged, lost(w))),
			short(s.Wait), count(s.Waits), fmt.Sprint(s.Handoffs), wokenBy(&s)})
	}
	return rows
}
