package derive

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Table is a table of texts under its own heading.
type Table struct {
	Title   string     `json:"title"`
	About   string     `json:"about,omitempty"`
	Columns []string   `json:"columns"`
	Numeric []bool     `json:"-"` // by column; missing means text
	Rows    [][]string `json:"rows"`
}

// Answers are the facets' contests as tables: who is fastest under which
// conditions, and how series that are no alternatives scale; of an overlay, what changed. There is no table
// without a row.
func (v *View) Answers() (tables []Table) {
	fastest := Table{Title: "Fastest", Columns: []string{"conditions", "at", "fastest", "ops/s", "÷ next", "95% interval"}, Numeric: []bool{false, false, false, true, true, true}}
	scaling := Table{Title: "Throughput", Columns: []string{"benchmark", "at", "ops/s", "÷ lowest", "95% interval"}, Numeric: []bool{false, false, true, true, true}}
	for _, f := range v.Facets {
		if f.Contest.Unrelated != "" || len(f.Contest.Ranks) < 2 {
			scaling.Rows = append(scaling.Rows, f.scaling()...)
			scaling.About = cmp.Or(scaling.About, f.Contest.Unrelated)
			continue
		}
		fastest.Rows = append(fastest.Rows, f.fastest())
	}
	all := []Table{fastest, scaling}
	if v.Sides[0] != "" {
		all = []Table{v.changedWaits(v.Facets...), v.changes(v.Facets...)}
		if !v.builds { // of two builds nobody asks which backend is fastest in either
			all = append(all, fastest)
		}
	}
	all = append([]Table{v.waiting()}, all...)
	for _, t := range all {
		if len(t.Rows) > 0 {
			tables = append(tables, t.compact())
		}
	}
	return tables
}

// compact leaves out a first column that says nothing.
func (t Table) compact() Table {
	for _, row := range t.Rows {
		if row[0] != "" {
			return t
		}
	}
	t.Columns, t.Numeric = t.Columns[1:], t.Numeric[1:]
	for i := range t.Rows {
		t.Rows[i] = t.Rows[i][1:]
	}
	return t
}

// fastest is the facet's row: the fastest, or those that cannot be told from it,
// and its ratio to the next competitor.
func (f *Facet) fastest() []string {
	c := &f.Contest
	first := c.Ranks[0]
	row := []string{f.Label(), f.X.At(c.X), equal(c.Winners()), bareRate(first.Point), "", ""}
	next, ok := c.next()
	if !ok {
		return row
	}
	if next.Standing == Open {
		row[2] += " ?"
	}
	r := rateRatio(first.Point, next.Point)
	row[4] = fmt.Sprintf("%s %s", Format("×", r.Median), next.Name)
	row[5] = r.span("×")
	return row
}

// equal joins those that cannot be told apart.
func equal(names []string) string {
	const most = 4
	if len(names) > most {
		names = append(slices.Clone(names[:most-1]), fmt.Sprintf("%d more", len(names)-most+1))
	}
	return strings.Join(names, " = ")
}

// bareRate is a point's throughput without the unit, which stands in the table's head.
func bareRate(p *Point) string {
	return strings.TrimSuffix(Format("ops/s", p.Rate.Median), " ops/s")
}

// scaling has a row for each series: its throughput at its highest valid value of
// the axis, and the ratio to that at the lowest.
func (f *Facet) scaling() (rows [][]string) {
	for _, s := range f.Series {
		var last *Point
		for _, p := range s.Points {
			if p.Rate.N > 0 && (last == nil || !p.Oversubscribed) {
				last = p
			}
		}
		if last == nil {
			continue
		}
		name := s.Name
		if label := f.Label(); label != "" {
			name += " (" + label + ")"
		}
		row := []string{name, f.X.At(last.X), bareRate(last), "", ""}
		if last.Speedup.N > 0 && last.X != f.X.Lowest() {
			row[3], row[4] = Format("×", last.Speedup.Median), last.Speedup.span("×")
		}
		rows = append(rows, row)
	}
	return rows
}

// span is the interval, or why there is none.
func (e Estimate) span(unit string) string {
	if !e.Interval() {
		return "none, " + e.Basis()
	}
	return fmt.Sprintf("%s to %s", strings.TrimSuffix(Format(unit, e.Lo), "×"), Format(unit, e.Hi))
}
