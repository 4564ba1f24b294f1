package show

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/traces/account"
	"github.com/contend-go/contend/traces/record"
)

// maxCells bounds how many traces of cells are opened for one report.
const maxCells = 24

// CellSites are the worst wait sites of a set's traced cells, as a report shows
// them under SiteColumns: of each series the first trace at the highest
// GOMAXPROCS that the host has CPUs for, and top sites of each. Traces that
// cannot be read, and how many are not shown, are in notes, one line each.
func CellSites(set *sample.Set, top int) (rows [][]string, notes []string) {
	best := map[string]*sample.Sample{}
	var order []string
	for _, s := range set.Samples {
		if probe, _ := s.Name.Get("probe"); probe != "trace" || !s.Valid() || traceOf(s) == "" {
			continue
		}
		key := s.Name.Without(sample.GOMAXPROCS) + " " + s.Variant
		old, ok := best[key]
		if !ok {
			order = append(order, key)
		}
		if !ok || better(s, old) {
			best[key] = s
		}
	}
	if len(order) > maxCells {
		notes = append(notes, fmt.Sprintf("lock sites are of %d of the %d traced series; see contend trace for the others", maxCells, len(order)))
		order = order[:maxCells]
	}
	for _, key := range order {
		s := best[key]
		t, err := Open(filepath.Join(filepath.Dir(s.File), filepath.FromSlash(traceOf(s))), Options{})
		if err != nil {
			notes = append(notes, err.Error())
			continue
		}
		title := strings.TrimPrefix(s.Name.Without("probe"), "Benchmark")
		if backend, ok := s.Name.Get("backend"); ok {
			title = fmt.Sprintf("%s (%s) gomaxprocs=%d", backend, conditions(s.Name), s.Name.Procs())
		}
		if s.Variant != "" {
			title += " (" + s.Variant + ")"
		}
		rows = append(rows, siteRows(title, measured(t.Account), top)...)
	}
	return rows, notes
}

// measured is the part of a trace that the sample is of: the longest of the
// windows N=…, with which a benchmark's runs are marked, without its set-up and
// the search for N. A trace without them is of the timed window alone.
func measured(a *account.Account) *account.Window {
	all := &a.Total
	w := all
	for i := range a.Windows {
		x := &a.Windows[i]
		if strings.HasPrefix(x.Label, "N=") && (w == all || x.End-x.Start > w.End-w.Start) {
			w = x
		}
	}
	return w
}

// better reports whether s tells more of its series than old: more Ps, as long
// as there are CPUs for them.
func better(s, old *sample.Sample) bool {
	usable, err := strconv.ParseFloat(s.Config["usable-cpus"], 64)
	fits := func(s *sample.Sample) bool { return err != nil || float64(s.Name.Procs()) <= usable }
	if fits(s) != fits(old) {
		return fits(s)
	}
	return s.Name.Procs() > old.Name.Procs()
}

// traceOf is the path of a sample's first trace; empty if it has none.
func traceOf(s *sample.Sample) string {
	for _, a := range s.Attachments {
		if a.Kind == record.KindTrace {
			return a.Path
		}
	}
	return ""
}
