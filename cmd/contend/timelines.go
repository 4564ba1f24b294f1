package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/chart"
	"github.com/contend-go/contend/report/html"
	"github.com/contend-go/contend/traces/show"
)

// timelines draws the tours of a set into dir, as timeline-BACKEND.png, and
// returns what a report shows of them. Tours that cannot be read are said on
// stderr.
func timelines(set *sample.Set, dir string) (pictures []html.Timeline, tables []html.Table, err error) {
	tours, notes := show.Tours(set, chart.TimelineColumns)
	for _, n := range notes {
		fmt.Fprintln(os.Stderr, "contend:", n)
	}
	sites := html.Table{
		Title: "Worst places to wait", Columns: show.SiteColumns, Numeric: []bool{false, false, false, true, true, true, true, false},
		About: "Over a tour through all values of GOMAXPROCS. Lost CPU time: the share of the time of Ps without a goroutine that is charged to waits at this line.",
	}
	if len(tours) > 0 {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return nil, nil, err
		}
	}
	names := map[string]int{}
	for _, t := range tours {
		pic, err := timeline(t.Trace, t.Backend, t.Conditions).Picture()
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
		sites.Rows = append(sites.Rows, t.SiteRows(3)...)
	}
	if len(sites.Rows) > 0 {
		tables = append(tables, sites)
	}
	rows, notes := show.CellSites(set, 3)
	for _, n := range notes {
		fmt.Fprintln(os.Stderr, "contend:", n)
	}
	if len(rows) > 0 {
		cells := sites
		cells.Title, cells.Rows = "Worst places to wait, traced cells", rows
		cells.About = "Of each series one trace, at the highest GOMAXPROCS that this host has CPUs for. Lost CPU time: the share of the time of Ps without a goroutine that is charged to waits at this line."
		tables = append(tables, cells)
	}
	return pictures, tables, nil
}
