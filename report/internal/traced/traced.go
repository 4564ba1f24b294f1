// Package traced joins what samples and execution traces say together: the
// traces that samples have as attachments, drawn and tabulated for a report.
package traced

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/internal/chart"
	"github.com/contend-go/contend/report/internal/derive"
	"github.com/contend-go/contend/report/internal/html"
	"github.com/contend-go/contend/report/internal/strip"
	"github.com/contend-go/contend/traces/account"
	"github.com/contend-go/contend/traces/show"
)

// Traces are what a report shows of the traces of a set.
type Traces struct {
	Pictures []*chart.Picture // timelines of tours
	Strips   []strip.Strip    // the same for the page
	Tables   []html.Table
	Findings []derive.Finding // the lines to blame, the worst first
	Notes    []string         // traces that cannot be read, and how many are left out
}

// mostCells is how many columns of lanes a page shows in all its timelines together:
// some 15 bytes each.
const mostCells = 80_000

// Open reads the traces that the samples of a set name. noun is what a line of the charts is, such as "backend".
func Open(set *sample.Set, noun string) (t Traces, err error) {
	tours, notes := openTours(set, chart.TimelineColumns)
	open := openOnce()
	cells, more := openCells(set, open)
	grown, unread := growths(set, open)
	for _, note := range slices.Concat(notes, more, unread) {
		if !slices.Contains(t.Notes, note) {
			t.Notes = append(t.Notes, note)
		}
	}
	costs := derive.Costs(set)
	names := map[string]int{}
	for _, tour := range tours {
		tl := tour.timeline(costs)
		pic, err := tl.Picture()
		if err != nil {
			return t, fmt.Errorf("%s: %w", tour.Name, err)
		}
		page, err := tl.Strip(mostCells / len(tours))
		if err != nil {
			return t, fmt.Errorf("%s: %w", tour.Name, err)
		}
		pic.Name = "timeline-" + tour.series
		if names[pic.Name]++; names[pic.Name] > 1 { // another workload
			pic.Name += fmt.Sprintf("-%d", names[pic.Name])
		}
		t.Pictures, t.Strips = append(t.Pictures, pic), append(t.Strips, page)
	}
	t.Tables = tables(noun, tours, cells, grown, costs)
	t.Findings = findings(tours, cells, grown)
	return t, nil
}

// timeline is what is shown of a tour.
func (t *tour) timeline(costs map[*sample.Sample]derive.Estimate) *chart.Timeline {
	tl := Chart(t.Trace, t.series, t.conditions)
	for _, w := range t.Account.Windows {
		tl.Cost = append(tl.Cost, costs[t.steps[w.Label]].Median)
	}
	return tl
}

// Chart is a trace as the picture of its Ps over time.
func Chart(t *show.Trace, title, conditions string) *chart.Timeline {
	return &chart.Timeline{Title: title, Conditions: conditions, Account: t.Account, CPU: t.CPU, Usable: t.Usable}
}

// withoutZeros leaves out columns of nothing but 0.0%, and says which.
func withoutZeros(t html.Table) html.Table {
	if len(t.Rows) == 0 {
		return t
	}
	var empty []string
	for i := len(t.Columns) - 1; i >= 0; i-- {
		if slices.ContainsFunc(t.Rows, func(row []string) bool { return row[i] != "0.0%" }) {
			continue
		}
		empty = append([]string{t.Columns[i]}, empty...)
		t.Columns, t.Numeric = slices.Delete(t.Columns, i, i+1), slices.Delete(t.Numeric, i, i+1)
		for j := range t.Rows {
			t.Rows[j] = slices.Delete(t.Rows[j], i, i+1)
		}
	}
	if len(empty) > 0 {
		t.About += " 0.0% everywhere: " + strings.Join(empty, ", ") + "."
	}
	return t
}

// sites are the worst places to wait in a window, without those that cost nothing.
func sites(w *account.Window, most int) [][]string {
	lost := slices.Index(show.SiteColumns, "lost CPU time")
	return slices.DeleteFunc(show.SiteRows(w, most), func(row []string) bool { return row[lost] == "0.0%" })
}

// costColumn heads what tracing cost: throughput ÷ that of untraced samples.
const costColumn = "traced ÷ untraced"

// tables are what traces tell beyond pictures and samples.
func tables(noun string, tours []*tour, cells []*cell, grown []Growth, costs map[*sample.Sample]derive.Estimate) []html.Table {
	cost := func(s *sample.Sample) string {
		if e := costs[s]; e.N > 0 {
			return derive.Format("×", e.Median)
		}
		return "–"
	}
	const most = 3 // sites of each
	const lost = "Lost CPU time: the share of the time of Ps without a goroutine that is charged to waits at this line. Lines with less than 0.05% are left out."
	numeric := []bool{false, false, false, true, true, true, true, false, true}
	toured := html.Table{
		Title: "Worst places to wait", Columns: slices.Concat([]string{noun}, show.SiteColumns), Numeric: numeric,
		About: "Over a tour through all values of GOMAXPROCS; what tracing cost stands in the timelines. " + lost,
	}
	traced := html.Table{
		Title: "Worst places to wait, traced cells", Columns: slices.Concat([]string{noun}, show.SiteColumns, []string{costColumn}), Numeric: numeric,
		About: "Of each line of the charts the traces at the highest GOMAXPROCS that this host has CPUs for, all repetitions together. " + lost,
	}
	work := html.Table{
		Title: "CPU time by kind", Columns: slices.Concat([]string{noun, sample.GOMAXPROCS, costColumn}, show.CPUColumns()), Numeric: append([]bool{false}, slices.Repeat([]bool{true}, 2+len(show.CPUColumns()))...),
		About: "Shares of the CPU profiler's samples, of which few tell little. First the tours, step by step, then the traced cells.",
	}
	addWork := func(title string, s *sample.Sample, w *account.Window) {
		if cpu := show.CPURow(w); s != nil && cpu != nil {
			work.Rows = append(work.Rows, slices.Concat([]string{title, strconv.Itoa(s.Name.Procs()), cost(s)}, cpu))
		}
	}
	for _, t := range tours {
		for _, row := range sites(&t.Account.Total, most) {
			toured.Rows = append(toured.Rows, slices.Concat([]string{t.series}, row))
		}
		for i := range t.Account.Windows {
			addWork(t.series, t.steps[t.Account.Windows[i].Label], &t.Account.Windows[i])
		}
	}
	for _, c := range cells {
		for _, row := range sites(c.window, most) {
			traced.Rows = append(traced.Rows, slices.Concat([]string{c.title}, row, []string{cost(c.sample)}))
		}
		addWork(c.title, c.sample, c.window)
	}
	work = withoutZeros(work)
	return slices.DeleteFunc([]html.Table{growthTable(noun, grown), toured, traced, mutexTable(noun, cells, most), work}, func(t html.Table) bool { return len(t.Rows) == 0 })
}
