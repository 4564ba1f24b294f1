package show

import (
	"fmt"
	"slices"

	"github.com/contend-go/contend/traces/account"
)

// SiteColumns head the rows of [SiteRows].
var SiteColumns = []string{"waits for", "where", "lost CPU time", "goroutine wait", "waits", "hand-offs", "woken by"}

// SiteRows are a window's worst wait sites, the worst first: the apparatus that
// measured is left out.
func SiteRows(w *account.Window, top int) (rows [][]string) {
	l := placesOf(w)
	sites := slices.DeleteFunc(l.merge(w.Sites), func(s account.Site) bool { return s.Apparatus })
	for _, s := range upTo(sites, top) {
		rows = append(rows, []string{string(s.Reason), l.spot(s.Stack), percent(ratio(s.Charged, lost(w))),
			short(s.Wait), count(s.Waits), fmt.Sprint(s.Handoffs), l.wokenBy(&s)})
	}
	return rows
}

// CPUColumns head the cells of [CPURow].
func CPUColumns() []string {
	columns := []string{"samples"}
	for k := range account.NumCPUKinds {
		columns = append(columns, k.String())
	}
	return columns
}

// CPURow tells what the CPUs did in a window, by the samples of the profiler;
// nil without any.
func CPURow(w *account.Window) []string {
	if len(w.CPU) == 0 {
		return nil
	}
	var shares [account.NumCPUKinds]float64
	samples := int64(0)
	for _, c := range w.CPU {
		shares[c.Kind] = c.Share
		samples += c.Samples
	}
	row := []string{count(samples)}
	for _, share := range shares {
		row = append(row, percent(share))
	}
	return row
}
