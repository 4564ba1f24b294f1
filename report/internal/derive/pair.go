package derive

import (
	"fmt"
	"slices"
	"strings"

	"github.com/contend-go/contend/bench/sample"
)

// pair finds the two sides of an overlay, as of two builds or runs: every series
// has one of two values of the only key that was lifted into the names. all are
// the series, one of each name.
func (v *View) pair(lifted []string, o order, all []*Series) {
	if len(lifted) != 1 {
		return
	}
	key := lifted[0]
	var sides []string
	for _, s := range all {
		i := slices.IndexFunc(s.fields, func(f sample.Field) bool { return f.Key == key })
		if i < 0 {
			return
		}
		if side := s.fields[i].Value; !slices.Contains(sides, side) {
			sides = append(sides, side)
		}
	}
	if len(sides) != 2 {
		return
	}
	slices.SortStableFunc(sides, func(a, b string) int { return o.values(key, a, b) })
	v.Sides, v.builds = [2]string(sides), key == keyFile || key == keyVariant
	for _, f := range v.Facets {
		for _, s := range f.Series {
			s.Pair, s.Old = pairOfSeries(s.fields, key, sides[0])
		}
	}
}

// pairOfSeries is what the two sides of a series have in common, and whether this is the
// old one.
func pairOfSeries(fields []sample.Field, key, oldSide string) (pair string, old bool) {
	var parts []string
	for _, f := range fields {
		if f.Key != key {
			parts = append(parts, f.Value)
		} else {
			old = f.Value == oldSide
		}
	}
	return strings.Join(parts, "/"), old
}

// pairMarks are the marks of an overlay: both sides of a series have its colour and
// shape, the old one hollow.
func pairMarks(all []*Series) map[string]Mark {
	var pairs []string
	for _, s := range all {
		if !slices.Contains(pairs, s.Pair) {
			pairs = append(pairs, s.Pair)
		}
	}
	of := marks(pairs, FilledShapes)
	given := map[string]Mark{}
	for _, s := range all {
		m := of[s.Pair]
		m.Old = s.Old
		given[s.Name] = m
	}
	return given
}

// Pairs is how many series there are, both sides counted as one.
func (v *View) Pairs() int {
	pairs := map[string]bool{}
	for _, f := range v.Facets {
		for _, s := range f.Series {
			pairs[s.Pair] = true
		}
	}
	return len(pairs)
}

// changes tells for each series how the new side's throughput relates to the old one's, at
// the highest value of the axis that both have and that is not oversubscribed.
func (v *View) changes(facets ...*Facet) Table {
	was, is := v.Sides[0], v.Sides[1]
	t := Table{
		Title:   fmt.Sprintf("%s against %s", is, was),
		Columns: []string{"conditions", v.Noun(), "at", was + ", ops/s", is + ", ops/s", is + " ÷ " + was, "95% interval"},
		Numeric: []bool{false, false, false, true, true, true, true},
		About:   "Each interval holds for itself alone.",
	}
	if v.builds {
		t.About += " contend compare judges all of them together, and fails on what is worse."
	}
	for _, f := range facets {
		for _, s := range f.Series {
			old := s.other(f)
			if s.Old || old == nil {
				continue
			}
			before, after := common(f, old, s)
			if before == nil {
				continue
			}
			r := rateRatio(after, before)
			t.Rows = append(t.Rows, []string{f.Label(), s.Pair, f.X.At(after.X), bareRate(before), bareRate(after), Format("×", r.Median), r.span("×")})
		}
	}
	return t
}

// changed is the finding of an overlay: how the new side of each series relates to the old one.
func (v *View) changed(f *Facet) Finding {
	fd := Finding{Kind: Leader, What: v.Sides[1] + " against " + v.Sides[0]}
	tables := []Table{v.changes(f)}
	if f.Paced {
		tables = []Table{v.changedWaits(f)}
	}
	for _, t := range tables {
		for _, row := range t.Rows {
			line := fmt.Sprintf("%s, %s: %s", row[1], row[2], row[3]+" → "+row[4])
			if row[5] != "" {
				line += fmt.Sprintf(", %s (95%% interval: %s)", row[5], row[6])
			}
			if len(row) > 7 && row[7] != "" {
				line += "; quantiles of " + row[7]
			}
			fd.More = append(fd.More, line)
		}
	}
	return fd
}

// other is the old side of the series, nil if there is none.
func (s *Series) other(f *Facet) *Series {
	i := slices.IndexFunc(f.Series, func(o *Series) bool { return o.Old && o.Pair == s.Pair })
	if i < 0 {
		return nil
	}
	return f.Series[i]
}

// common are the points of two series at the highest value of the axis at which both have a throughput,
// below oversubscription where there is one.
func common(f *Facet, a, b *Series) (p, q *Point) {
	for _, x := range slices.Backward(f.X.Values) {
		at, too := a.Point(x), b.Point(x)
		if at == nil || too == nil || at.Rate.N == 0 || too.Rate.N == 0 {
			continue
		}
		if p == nil || p.Oversubscribed && !at.Oversubscribed && !too.Oversubscribed {
			p, q = at, too
		}
	}
	return p, q
}
