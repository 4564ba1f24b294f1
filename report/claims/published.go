package claims

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/internal/derive"
)

// Figure is what others published for a row of primitives, beside ours.
type Figure struct {
	Row, Impl string
	Theirs    string // as printed
	Procs     string // their GOMAXPROCS, empty where they did not state it
	Year      string
	Procedure string
	Ours      string // median of ns/op [95% interval]; empty where it was not measured
	At        string // our GOMAXPROCS
}

// Published lists the figures that others published for rows of primitives, each
// beside ours: at the same GOMAXPROCS, or where they did not state it, at our
// highest that is no oversubscription.
func Published(set *sample.Set) (list []Figure) {
	seen := map[string]bool{}
	for _, r := range set.Records {
		if r.Verb != "published" || seen[r.String()] {
			continue
		}
		seen[r.String()] = true
		f := Figure{Row: r.Get("row"), Impl: r.Get("impl"), Theirs: r.Get("figure"), Procs: r.Get(sample.GOMAXPROCS), Year: r.Get("year"), Procedure: r.Get("procedure")}
		f.Ours, f.At = ours(set, r)
		list = append(list, f)
	}
	return list
}

// ours is the figure of the record's cell in the run that the record is of,
// and the GOMAXPROCS it was measured at; both empty if there is none.
func ours(set *sample.Set, r sample.Record) (figure, at string) {
	byProcs := map[int][]*sample.Sample{}
	usable := 0.0
	for _, s := range set.Samples {
		if s.Run == r.Run && s.Valid() && isRow(s.Name, r.Get("row"), r.Get("impl")) {
			byProcs[s.Name.Procs()] = append(byProcs[s.Name.Procs()], s)
			usable = s.UsableCPUs()
		}
	}
	procs, err := strconv.Atoi(r.Get(sample.GOMAXPROCS))
	if err != nil {
		for p := range byProcs {
			if float64(p) <= usable {
				procs = max(procs, p)
			}
		}
	}
	if len(byProcs[procs]) == 0 {
		return "", ""
	}
	e := derive.Median(byProcs[procs], func(s *sample.Sample) (float64, bool) { return s.Value("ns/op") })
	figure, at = fmt.Sprintf("%.3g", e.Median), strconv.Itoa(procs)
	if e.Interval() {
		figure += fmt.Sprintf(" [%.3g, %.3g]", e.Lo, e.Hi)
	}
	if usable > 0 && float64(procs) > usable {
		at += " (oversubscribed)"
	}
	return figure, at
}

// isRow reports whether the name is a row's plain cell: nothing held, no
// thinking, no probe.
func isRow(n *sample.Name, row, impl string) bool {
	r, _ := n.Get("row")
	i, _ := n.Get("impl")
	return r == row && i == impl && !slices.ContainsFunc(n.Keys, func(f sample.Field) bool {
		return f.Key == "hold" || f.Key == "think" || f.Key == "probe"
	})
}
