package derive

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/contend-go/contend/bench/sample"
)

// The units of an open load, whose operations are due at a rate that others set.
const (
	offered  = "offered/s"
	achieved = "achieved/s"
	capacity = "capacity/s"
	keyRate  = "rate"
)

// Quantiles are the units that what callers wait is told by, from the median on.
var Quantiles = []string{"p50-ns", "p90-ns", "p99-ns", "p99.9-ns", "p99.99-ns"}

// Before these stand the times of an operation itself, and those that a closed loop shows.
const (
	Service = "service-"
	Closed  = "closed-"
)

// Capacity is the throughput of the closed loop beside the point's open load.
func (p *Point) Capacity() Estimate { return p.Units[capacity] }

// Samples are the point's own valid samples, without controls and probes.
func (p *Point) Samples() []*sample.Sample { return p.shared }

// share reports whether the axis is a rate in percent of each series' own capacity.
func (a *Axis) share() bool {
	return a.Key == keyRate && len(a.Values) > 0 && strings.HasSuffix(a.labels[a.Lowest()], "%")
}

// shares reports whether what was offered is a share of each series' own capacity, so that it differs
// from one to the next.
func (f *Facet) shares() bool {
	return f.X.share() || slices.ContainsFunc(f.names, func(fd sample.Field) bool { return fd.Key == keyRate && strings.HasSuffix(fd.Value, "%") })
}

// pace finds out whether the point's load was open, and at how many of its samples the backlog
// grew. Where half of them or more tell no quantiles, those of the others would be a rosy
// selection, and count for nothing.
func (p *Point) pace(f *Facet) {
	if p.Units[offered].N == 0 {
		return
	}
	f.Paced = true
	for _, s := range p.shared {
		if _, told := s.Value(Quantiles[0]); !told {
			p.Unstable++
		}
	}
	if p.Carried() {
		return
	}
	maps.DeleteFunc(p.Units, func(unit string, _ Estimate) bool {
		return unit == "max-ns" || slices.ContainsFunc(Quantiles, func(q string) bool { return strings.TrimPrefix(strings.TrimPrefix(unit, Service), Closed) == q })
	})
}

// Told says of how many samples the quantiles of an open load are, where the others were unstable; empty where it is all
// of them.
func (p *Point) Told() string {
	if p.Unstable == 0 {
		return ""
	}
	told := fmt.Sprintf("%d of %d samples", len(p.shared)-p.Unstable, len(p.shared))
	if !p.Carried() {
		return "too few: " + told
	}
	return told
}

// Carried reports whether most samples of an open load carried what was offered.
func (p *Point) Carried() bool { return p.Units[offered].N > 0 && 2*p.Unstable < len(p.shared) }

// markCapacity ends a rate's axis where capacity does, and marks it there.
func (f *Facet) markCapacity() {
	const most = 6 // series with a mark of their own
	switch {
	case !f.Paced || f.X.Key != keyRate:
	case f.X.share():
		f.Boundaries = []Boundary{{100, "capacity"}}
	case len(f.Series) <= most:
		f.Boundaries = nil
		for _, s := range f.Series {
			if c := s.capacity(); c > 0 {
				f.Boundaries = append(f.Boundaries, Boundary{int(c), "capacity of " + s.Name})
			}
		}
		slices.SortFunc(f.Boundaries, func(a, b Boundary) int { return a.After - b.After })
	}
	if n := len(f.Boundaries); n > 0 && !f.X.Procs() {
		f.X.Reach = float64(f.Boundaries[n-1].After)
	}
}

// capacity is the median of the series' capacities, 0 if there is none.
func (s *Series) capacity() float64 {
	var all []float64
	for _, p := range s.Points {
		if c := p.Capacity(); c.N > 0 {
			all = append(all, c.Median)
		}
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// unitless is a rate without its unit, which stands in the table's head.
func unitless(unit string, e Estimate) string {
	if e.N == 0 {
		return "–"
	}
	return strings.TrimSuffix(Format(unit, e.Median), " "+unit)
}

// resolved is how many times the generator's own lag a wait must be to be told from it.
const resolved = 10

// callers has a row for each series at each rate: what a caller waits and, beside it, what an operation
// takes and what a closed loop shows.
func (f *Facet) callers() (rows [][]string) {
	for _, c := range f.Contests {
		rows = append(rows, f.callersOf(c)...)
	}
	return rows
}

// callersOf are the rows of one group of series.
func (f *Facet) callersOf(c *Contest) (rows [][]string) {
	for _, s := range c.Series {
		for _, p := range s.Points {
			if p.Units[offered].N == 0 {
				continue
			}
			row := []string{f.LabelOf(c), s.Marked(), f.X.At(p.X), "unstable", "", "", "", "", p.Told()}
			if p.Carried() {
				for i, q := range []string{"p50-ns", "p99-ns", "p99.9-ns", Service + "p99-ns", Closed + "p99-ns"} {
					row[3+i] = unitless(q, p.Units[q])
					if e := p.Units[q]; slices.Contains(Quantiles, q) && e.N > 0 && e.Median < resolved*p.Units["lag-p99-ns"].Median {
						row[3+i] = "≤ " + row[3+i]
					}
				}
			}
			rows = append(rows, append(row, unitless(offered, p.Units[offered]), unitless(achieved, p.Units[achieved])))
		}
	}
	return rows
}

// What tables of open loads say below them.
const (
	aboutUnstable = "Unstable: more was offered than was carried, so that waiting has no end."
	aboutTold     = "Where some samples were unstable, quantiles are of the others, and rosier than the truth."
)

// waiting is the table of an open load.
func (v *View) waiting() Table {
	t := Table{
		Title:   "What callers wait, medians of the samples",
		Columns: []string{"conditions", v.Noun(), "at", "p50", "p99", "p99.9", "service p99", "closed loop's p99", "quantiles of", "offered/s", "carried/s"},
		Numeric: []bool{false, false, false, true, true, true, true, true, false, true, true},
		About:   "p50, p99 and p99.9 count from when an operation was due, queues included; service is the operation alone. A closed loop never queues: its figure hides what callers wait.",
	}
	for _, f := range v.Facets {
		if f.Paced {
			t.Rows = append(t.Rows, f.callers()...)
		}
	}
	t.explain(
		aboutWithout, groupWithout, aboutUnstable, "unstable", aboutTold, " samples",
		"≤: the generator's own lag is more than a tenth of it.", "≤",
		BrokenNote, brokenMark)
	return t
}

// changedWaits tells for each series how the new side's p99 relates to the old one's, at each value
// of the axis at which both carried what was offered.
func (v *View) changedWaits(facets ...*Facet) Table {
	const unit = "p99-ns"
	was, is := v.Sides[0], v.Sides[1]
	t := Table{
		Title:   fmt.Sprintf("%s against %s: p99", is, was),
		Columns: []string{"conditions", v.Noun(), "at", was, is, is + " ÷ " + was, "95% interval", "quantiles of"},
		Numeric: []bool{false, false, false, true, true, true, true, false},
	}
	for _, f := range facets {
		for _, s := range f.Series {
			old := s.other(f)
			if !f.Paced || s.Old || old == nil {
				continue
			}
			for _, after := range s.Points {
				before := old.Point(after.X)
				if before == nil || before.Units[offered].N == 0 || after.Units[offered].N == 0 {
					continue
				}
				row := []string{f.Label(), s.Pair, f.X.At(after.X), "unstable", "unstable", "", "", ""}
				var told []string
				for i, p := range []*Point{before, after} {
					if p.Carried() {
						row[3+i] = unitless(unit, p.Units[unit])
					}
					if text := p.Told(); text != "" {
						told = append(told, v.Sides[i]+" "+text)
					}
				}
				row[7] = strings.Join(told, ", ")
				if r := Ratio(after.shared, before.shared, quantile(unit)); before.Carried() && after.Carried() && r.N > 0 {
					row[5], row[6] = Format("×", r.Median), r.span("×")
				}
				t.Rows = append(t.Rows, row)
			}
		}
	}
	t.explain(aboutUnstable, "unstable", aboutTold, " samples")
	return t
}

// quantile is what is compared of samples of an open load.
func quantile(unit string) Quantity {
	return func(s *sample.Sample) (float64, bool) { return s.Value(unit) }
}

// Carried is the series' point at the highest rate up to which every rate was carried, and that at the lowest that was not; nil
// where there is none. A higher rate that was carried all the same was luck, or the host was quieter then.
func (s *Series) Carried() (last, broke *Point) {
	for _, p := range s.Points {
		switch {
		case p.Carried():
			last = p
		case p.Units[offered].N > 0:
			return last, p
		}
	}
	return last, nil
}

// patience is the finding of an open load: who lets callers wait least, at a rate that is the same for all,
// or the highest rate that each carried.
func patience(f *Facet, c *Contest) Finding {
	fd := Finding{Kind: Leader, What: fmt.Sprintf("What callers wait at the highest %s at which the load was carried", f.X.Title()), Where: c.Group}
	for _, s := range c.Series {
		last, broke := s.Carried()
		line := s.Marked() + ": "
		switch {
		case last == nil && broke == nil:
			continue
		case last == nil:
			line += "no rate was carried"
		default:
			line += f.X.At(last.X)
			if p99 := last.Units["p99-ns"]; p99.N > 0 {
				line += ", p99 " + Format("p99-ns", p99.Median)
				if told := last.Told(); told != "" {
					line += " (" + told + ", the others were unstable)"
				}
			}
		}
		if broke != nil {
			line += "; unstable at " + f.X.Label(broke.X)
		}
		if most := s.capacity(); most > 0 {
			line += fmt.Sprintf("; capacity %s ops/s", strings.TrimSuffix(Format(capacity, most), " "+capacity))
		}
		fd.More = append(fd.More, line)
	}
	if !f.shares() {
		f.least(c, &fd)
	}
	return fd
}

// least ranks by p99 at the highest rate that two series carried: the same rate for both. Locks that did not exclude
// and references do not compete.
func (f *Facet) least(c *Contest, fd *Finding) {
	const unit = "p99-ns"
	for _, x := range slices.Backward(f.X.Values) {
		var ranks []Rank
		for _, s := range c.Series {
			if p := s.Point(x); p != nil && !s.Reference && !s.Broke && p.Carried() && p.Units[unit].N > 0 {
				ranks = append(ranks, Rank{Series: s, Point: p})
			}
		}
		if len(ranks) < 2 {
			continue
		}
		slices.SortStableFunc(ranks, func(a, b Rank) int { return cmp.Compare(a.Units[unit].Median, b.Units[unit].Median) })
		a, b := ranks[0], ranks[1]
		tied := []string{a.Name}
		for i := range ranks[1:] {
			other := &ranks[1+i]
			other.Ratio = Ratio(a.shared, other.shared, quantile(unit))
			if other.Ratio.Interval() && !other.Ratio.Below(1) {
				if len(tied) == 1 {
					b = *other
				}
				tied = append(tied, other.Name)
			}
		}
		r := Ratio(a.shared, b.shared, quantile(unit))
		fd.Where, fd.Sure = c.where(f.X.At(x)), r.uncertainty("×")
		fd.Much = fmt.Sprintf("p99 %s, %s that of %s", Format(unit, a.Units[unit].Median), Format("×", r.Median), b.Name)
		switch {
		case len(tied) > 1:
			fd.What = "what callers of " + list(tied) + " wait cannot be told apart"
			fd.Much = fmt.Sprintf("p99 %s for %s, %s that of %s", Format(unit, a.Units[unit].Median), a.Name, Format("×", r.Median), b.Name)
		case r.Below(1):
			fd.What = "callers of " + a.Name + " wait least"
		default:
			fd.What = "whose callers wait least cannot be told: " + a.Name + " has the lowest median"
		}
		return
	}
}
