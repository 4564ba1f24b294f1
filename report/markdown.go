package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/contend-go/contend/bench/vocabulary"
	"github.com/contend-go/contend/report/internal/derive"
	"github.com/contend-go/contend/report/internal/markdown"
)

// Markdown prints what the report says first, and the wall time per operation of
// every cell, or the 99th percentile of what a caller of an open load waits: a line for each series and a column for each value of the axis: median
// in ns [95% interval]. Of the names in against, the first that
// a chart has is what its other series are divided by, block by block, in as many
// columns more; it is an error if none has any of them.
func (r *Report) Markdown(w io.Writer, against ...string) error {
	view := r.view
	if len(against) > 0 && !slices.ContainsFunc(against, func(name string) bool { return slices.Contains(view.Names, name) }) {
		return vocabulary.Unknown(view.Noun(), against[0], view.Names)
	}
	columns := []string{"chart", view.Noun()}
	type column struct {
		key string
		x   float64
	}
	var across []column
	for _, f := range view.Facets {
		for _, x := range f.X.Values {
			if c := (column{f.X.Key, x}); !slices.Contains(across, c) {
				across = append(across, c)
			}
		}
	}
	slices.SortStableFunc(across, func(a, b column) int { return cmp.Or(strings.Compare(a.key, b.key), cmp.Compare(a.x, b.x)) })
	axis := func(c column) *derive.Axis { // of the first facet that has it
		i := slices.IndexFunc(view.Facets, func(f *derive.Facet) bool { return f.X.Key == c.key && slices.Contains(f.X.Values, c.x) })
		return &view.Facets[i].X
	}
	unit := timeUnit(view)
	for _, c := range across {
		columns = append(columns, markdown.Escape(axis(c).At(c.x))+", "+unit)
	}
	if len(against) > 0 {
		for _, c := range across {
			columns = append(columns, "÷ first, "+markdown.Escape(axis(c).Label(c.x)))
		}
	}
	var b strings.Builder
	r.findings(&b)
	line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	line(columns)
	b.WriteString("|" + strings.Repeat("---|", len(columns)) + "\n")
	for _, f := range view.Facets {
		var values []string
		for _, field := range f.Fields {
			values = append(values, field.Value)
		}
		first := reference(f, against)
		for _, s := range f.Series {
			cells := []string{markdown.Escape(strings.TrimSpace(strings.Join(values, " ") + " " + f.GroupOf(s))), markdown.Escape(s.Marked())}
			for _, c := range across {
				cells = append(cells, on(f, c.key, func() string { return estimate(s.Point(c.x), (*derive.Point).Time) }))
			}
			if len(against) > 0 {
				for _, c := range across {
					cells = append(cells, on(f, c.key, func() string { return relation(s, first, c.x) }))
				}
			}
			line(cells)
		}
	}
	if slices.ContainsFunc(view.Facets, func(f *derive.Facet) bool {
		return slices.ContainsFunc(f.Series, func(s *derive.Series) bool { return s.Broke })
	}) {
		b.WriteString("\n" + markdown.Escape(derive.BrokenNote) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// timeUnit is what the table's figures are.
func timeUnit(v *derive.View) string {
	paced := 0
	for _, f := range v.Facets {
		if f.Paced {
			paced++
		}
	}
	switch paced {
	case 0:
		return "ns/op"
	case len(v.Facets):
		return "p99 in ns"
	}
	return "ns/op, or p99 of an open load"
}

// findings writes what the report says first.
func (r *Report) findings(b *strings.Builder) {
	escape := markdown.Escape
	for _, f := range derive.NextOnce(r.Findings()) {
		fmt.Fprintf(b, "- %s\n", escape(f.String()))
		for _, more := range f.More {
			fmt.Fprintf(b, "  - %s\n", escape(more))
		}
		if f.Next != "" {
			fmt.Fprintf(b, "  - → %s\n", escape(f.Next))
		}
	}
	b.WriteByte('\n')
}

// on is the cell of a column, empty where the facet has another axis.
func on(f *derive.Facet, key string, cell func() string) string {
	if f.X.Key != key {
		return ""
	}
	return cell()
}

// reference is the series that the names choose in a facet, nil if it has none.
func reference(f *derive.Facet, names []string) *derive.Series {
	for _, name := range names {
		if i := slices.IndexFunc(f.Series, func(s *derive.Series) bool { return s.Name == name }); i >= 0 {
			return f.Series[i]
		}
	}
	return nil
}

func relation(s, first *derive.Series, x float64) string {
	switch {
	case first == nil || first.Point(x) == nil:
		return ""
	case s == first:
		return "1"
	}
	return estimate(s.Point(x), func(p *derive.Point) derive.Estimate { return p.Against(first.Point(x)) })
}

// estimate is a figure of a point, empty if that was not measured.
func estimate(p *derive.Point, of func(*derive.Point) derive.Estimate) string {
	if p == nil {
		return ""
	}
	if p.Unstable > 0 && !p.Carried() {
		return "unstable"
	}
	e := of(p)
	if e.N == 0 {
		return ""
	}
	text := fmt.Sprintf("%s [%s, %s]", digits(e.Median), digits(e.Lo), digits(e.Hi))
	if !e.Interval() {
		text = fmt.Sprintf("%s (%s, no interval)", digits(e.Median), e.Basis())
	}
	if told := p.Told(); told != "" {
		text += " (" + told + ")"
	}
	if p.Oversubscribed {
		text += " (oversubscribed)"
	}
	return text
}

// digits prints three significant ones, without an exponent.
func digits(v float64) string {
	text := strconv.FormatFloat(v, 'g', 3, 64)
	if strings.Contains(text, "e") {
		v, _ = strconv.ParseFloat(text, 64) // our own text
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return text
}
