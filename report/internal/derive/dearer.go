package derive

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// muchDearer is from which growth on the CPU time of an operation is worth a sentence.
const muchDearer = 2

// growth is that of a series' CPU time per operation, from the lowest value of GOMAXPROCS to
// the highest that is not oversubscribed.
type growth struct {
	what string
	Estimate
}

// dearer says in which series an operation takes twice the CPU time or more where the most
// CPUs run it, of facets without traces: with them, the lines say more. CPUs then do not wait,
// but work in vain, as where they take a cache line from each other, spin or try again.
func (v *View) dearer() (fd Finding, ok bool) {
	var grown []growth
	for _, f := range v.Facets {
		valid := f.Valid()
		if !f.X.Procs() || f.Paced || f.locks || f.HasTraced || len(valid) < 2 {
			continue
		}
		low, high := valid[0], valid[len(valid)-1]
		for _, s := range f.Series {
			a, b := s.Point(low), s.Point(high)
			if s.Reference || a == nil || b == nil {
				continue
			}
			if r := relate(observe(b.shared, "cpu-ns/op"), observe(a.shared, "cpu-ns/op"), ratio); r.Interval() && r.Lo >= muchDearer {
				where := strings.TrimPrefix(f.Label()+", "+f.X.At(high), ", ")
				grown = append(grown, growth{fmt.Sprintf("%s, %s: %s of that at %s (%s)", s.Name, where, Format("×", r.Median), f.X.Label(low), r.uncertainty("×")), r})
			}
		}
	}
	if len(grown) == 0 {
		return fd, false
	}
	slices.SortStableFunc(grown, func(a, b growth) int { return cmp.Compare(b.Median, a.Median) })
	fd = Finding{Kind: Blame, What: "On more CPUs, an operation takes far more CPU time",
		Next: "repeat with --trace cells: it names the lines whose CPU time grows, as where CPUs take a cache line from each other, spin or try again"}
	const most = 3
	for _, g := range grown[:min(most, len(grown))] {
		fd.More = append(fd.More, g.what)
	}
	if n := len(grown) - most; n > 0 {
		fd.More = append(fd.More, fmt.Sprintf("and %d more", n))
	}
	return fd, true
}
