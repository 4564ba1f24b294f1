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

// Marks that stand beside a name, and what they say.
const (
	brokenMark = " ✗"
	refMark    = " (reference)"
	openWords  = "cannot be told (highest median "
	aboutOpen  = "Cannot be told: there are too few samples for an interval."
	aboutTie   = "=: cannot be told apart."
	aboutRef   = "Reference: synchronises nothing, so that others are held against it."
	BrokenNote = "✗: did not exclude under this fault and fence (two had the same thing at once, or a change was lost), so its speed counts for nothing."

	aboutWithout = "What does without a lock is ranked for itself: nobody keeps anything that others wait for, so --hold hardly slows it."
)

// Marked is the series' name, with a mark if it did not exclude.
func (s *Series) Marked() string {
	if s.Broke {
		return s.Name + brokenMark
	}
	return s.Name
}

// Answers are the facets' contests as tables: who is fastest under which
// conditions, and how series that are no alternatives scale; of an overlay, what changed. There is no table
// without a row.
func (v *View) Answers() (tables []Table) {
	fastest := Table{Title: "Fastest", Columns: []string{"conditions", "at", "fastest", "median ops/s", "÷ next ranked", "95% interval", "not ranked"}, Numeric: []bool{false, false, false, true, true, true, false}}
	scaling := Table{Title: "Throughput", Columns: []string{v.Noun(), "at", "median ops/s", "÷ lowest", "95% interval"}, Numeric: []bool{false, false, true, true, true}}
	for _, f := range v.Facets {
		if !f.Competes() {
			scaling.Rows = append(scaling.Rows, f.scaling()...)
			scaling.About = cmp.Or(scaling.About, f.Contests[0].Unrelated)
			continue
		}
		for _, c := range f.Contests {
			if len(c.Ranks) > 0 {
				fastest.Rows = append(fastest.Rows, f.fastest(c))
			}
		}
	}
	fastest.explain(aboutTie, " = ", aboutOpen, openWords, BrokenNote, brokenMark, aboutRef, refMark, aboutWithout, groupWithout)
	scaling.explain(BrokenNote, brokenMark)
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

// explain adds what marks mean, as pairs of a text and its mark, where the table has the mark.
func (t *Table) explain(pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		has := func(cell string) bool { return strings.Contains(cell, pairs[i+1]) }
		if slices.ContainsFunc(t.Rows, func(row []string) bool { return slices.ContainsFunc(row, has) }) {
			t.About = strings.TrimSpace(t.About + " " + pairs[i])
		}
	}
}

// compact leaves out the columns that say nothing.
func (t Table) compact() Table {
	c := Table{Title: t.Title, About: t.About, Rows: make([][]string, len(t.Rows))}
	for i, name := range t.Columns {
		if !slices.ContainsFunc(t.Rows, func(row []string) bool { return row[i] != "" }) {
			continue
		}
		c.Columns, c.Numeric = append(c.Columns, name), append(c.Numeric, t.Numeric[i])
		for j, row := range t.Rows {
			c.Rows[j] = append(c.Rows[j], row[i])
		}
	}
	return c
}

// fastest is a contest's row: the fastest, or those that cannot be told from it,
// its ratio to the next competitor, and what is not ranked.
func (f *Facet) fastest(c *Contest) []string {
	first := c.Ranks[0]
	row := []string{f.LabelOf(c), f.X.At(c.X), "", "", "", "", c.unranked()}
	if !first.competes() {
		row[2] = "no lock excluded"
		if c.Group == groupWithout {
			row[2] = "nothing excluded"
		}
		return row
	}
	row[2], row[3] = joined(c.Winners(), " = "), bareRate(first.Point)
	next, ok := c.next()
	if !ok {
		return row
	}
	if c.Chance() {
		row[2] = openWords + first.Name + ")"
	}
	lead := next.lead()
	row[4] = fmt.Sprintf("%s %s", Format("×", lead.Median), next.Name)
	row[5] = lead.span("×")
	return row
}

// unranked names what has no place in the ranking, and marks why.
func (c *Contest) unranked() string {
	var names []string
	for _, name := range c.broken() {
		names = append(names, name+brokenMark)
	}
	for _, name := range c.standing(Reference) {
		names = append(names, name+refMark)
	}
	return joined(names, ", ")
}

// joined are names, the first few of many.
func joined(names []string, by string) string {
	const most = 4
	if len(names) > most {
		names = append(slices.Clone(names[:most-1]), fmt.Sprintf("%d more", len(names)-most+1))
	}
	return strings.Join(names, by)
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
		name := s.Marked()
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
		return e.Basis() + ", no interval"
	}
	return fmt.Sprintf("%s to %s", strings.TrimSuffix(Format(unit, e.Lo), "×"), Format(unit, e.Hi))
}
