package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/derive"
)

// Markdown prints the wall time per operation of every cell, a line for each
// series and a column for each GOMAXPROCS: median in ns [95% interval]. Of the
// names in against, the first that a chart has is what its other series are
// divided by, block by block, in as many columns more.
func Markdown(w io.Writer, set *sample.Set, against ...string) error {
	view := derive.New(set)
	var procs []int
	for _, f := range view.Facets {
		procs = append(procs, f.Procs...)
	}
	slices.Sort(procs)
	procs = slices.Compact(procs)

	columns := []string{"chart", "series"}
	for _, p := range procs {
		columns = append(columns, fmt.Sprintf("GOMAXPROCS=%d, ns/op", p))
	}
	if len(against) > 0 {
		for _, p := range procs {
			columns = append(columns, fmt.Sprintf("÷ first, %d", p))
		}
	}
	var b strings.Builder
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
			cells := []string{inert(strings.Join(values, " ")), inert(s.Name)}
			for _, p := range procs {
				cells = append(cells, estimate(s.Point(p), (*derive.Point).Time))
			}
			if len(against) > 0 {
				for _, p := range procs {
					cells = append(cells, relation(s, first, p))
				}
			}
			line(cells)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
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

func relation(s, first *derive.Series, procs int) string {
	switch {
	case first == nil || first.Point(procs) == nil:
		return ""
	case s == first:
		return "1"
	}
	return estimate(s.Point(procs), func(p *derive.Point) derive.Estimate { return p.Against(first.Point(procs)) })
}

// estimate is a figure of a point, empty if that was not measured.
func estimate(p *derive.Point, of func(*derive.Point) derive.Estimate) string {
	if p == nil {
		return ""
	}
	e := of(p)
	mark := ""
	if p.Oversubscribed {
		mark = " (oversubscribed)"
	}
	switch {
	case e.N == 0:
		return ""
	case !e.Interval():
		return digits(e.Median) + mark
	}
	return fmt.Sprintf("%s [%s, %s]%s", digits(e.Median), digits(e.Lo), digits(e.Hi), mark)
}

// digits prints three significant ones, without an exponent.
func digits(v float64) string {
	text := strconv.FormatFloat(v, 'g', 3, 64)
	if strings.Contains(text, "e+") {
		v, _ = strconv.ParseFloat(text, 64) // our own text
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return text
}

// inert keeps a name from ending its cell.
func inert(name string) string { return strings.ReplaceAll(name, "|", `\|`) }
