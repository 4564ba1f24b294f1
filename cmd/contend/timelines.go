package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/chart"
	"github.com/contend-go/contend/report/derive"
	"github.com/contend-go/contend/report/html"
	"github.com/contend-go/contend/traces/show"
)

// timelines draws the tours of a set into dir, as timeline-BACKEND.png, and
// returns what a report shows of them and of traced cells. Traces that cannot be
// read are said on stderr.
func timelines(set *sample.Set, dir string) (pictures []html.Timeline, tables []html.Table, err error) {
	tours, notes := show.Tours(set, chart.TimelineColumns)
	cells, more := show.Cells(set)
	for _, n := range append(notes, more...) {
		fmt.Fprintln(os.Stderr, "contend:", n)
	}
	if len(tours) > 0 {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return nil, nil, err
		}
	}
	costs := derive.Costs(set)
	names := map[string]int{}
	for _, t := range tours {
		tl := timeline(t.Trace, t.Backend, t.Conditions)
		for _, w := range t.Account.Windows {
			tl.Cost = append(tl.Cost, costs[t.Steps[w.Label]].Median)
		}
		pic, err := tl.Picture()
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", t.Name, err)
		}
		var png bytes.Buffer
		if err := pic.Encode(&png, "png", chart.DefaultDPI); err != nil {
			return nil, nil, err
		}
		name := "timeline-" + t.Backend
		if names[name]++; names[name] > 1 { // another workload
			name += fmt.Sprintf("-%d", names[name])
		}
		if err := os.WriteFile(filepath.Join(dir, name+".png"), png.Bytes(), 0o666); err != nil {
			return nil, nil, err
		}
		pictures = append(pictures, html.Timeline{Title: t.Backend, About: t.Conditions, PNG: png.Bytes()})
	}
	return pictures, traceTables(tours, cells, costs), nil
}

// traceTables are what traces tell beyond pictures and samples.
func traceTables(tours []*show.Tour, cells []*show.Cell, costs map[*sample.Sample]derive.Estimate) []html.Table {
	cost := func(s *sample.Sample) string {
		if e := costs[s]; e.N > 0 {
			return derive.Format("×", e.Median)
		}
		return "–"
	}
	const lost = "Lost CPU time: the share of the time of Ps without a goroutine that is charged to waits at this line."
	numeric := []bool{false, false, false, true, true, true, true, false, true}
	toured := html.Table{
		Title: "Worst places to wait", Columns: show.SiteColumns, Numeric: numeric,
		About: "Over a tour through all values of GOMAXPROCS; what tracing cost stands in the timelines. " + lost,
	}
	traced := html.Table{
		Title: "Worst places to wait, traced cells", Columns: append(slices.Clone(show.SiteColumns), show.CostColumn), Numeric: numeric,
		About: "Of each series the traces at the highest GOMAXPROCS that this host has CPUs for, all repetitions together. " + lost,
	}
	work := html.Table{
		Title: "CPU time by kind", Columns: show.CPUColumns(), Numeric: []bool{false, true, true, true, true, true, true, true, true, true, true},
		About: "Shares of the CPU profiler's samples, of which few tell little. First the tours, step by step, then the traced cells.",
	}
	for _, t := range tours {
		toured.Rows = append(toured.Rows, t.SiteRows(3)...)
		work.Rows = append(work.Rows, t.CPURows(cost)...)
	}
	for _, c := range cells {
		traced.Rows = append(traced.Rows, c.SiteRows(3, cost)...)
		if row := c.CPURow(cost); row != nil {
			work.Rows = append(work.Rows, row)
		}
	}
	return slices.DeleteFunc([]html.Table{toured, traced, work}, func(t html.Table) bool { return len(t.Rows) == 0 })
}
