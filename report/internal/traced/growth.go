package traced

import (
	"fmt"
	"strings"
	"time"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/internal/derive"
	"github.com/contend-go/contend/report/internal/html"
	"github.com/contend-go/contend/traces/blame"
)

// Growth is why a series' CPU time per operation grows with GOMAXPROCS, or why that
// cannot be told.
type Growth struct {
	Title  string
	series string // see [seriesOf]
	*blame.Growth
	Untold string // if Growth is nil
}

// seriesOf is what tells the series of samples apart.
func seriesOf(s *sample.Sample) string { return s.Name.Without(sample.GOMAXPROCS) + " " + s.Variant }

// growths compares the traced repetitions of each series at the lowest GOMAXPROCS
// with those at the highest that the host has CPUs for.
func growths(set *sample.Set, open opener) (list []Growth, notes []string) {
	bySeries := map[string][]*sample.Sample{}
	var order []string
	for _, s := range set.Samples {
		usable := s.UsableCPUs()
		if probe, _ := s.Name.Get("probe"); probe != "trace" || !s.Valid() || len(s.Attachments) == 0 || usable > 0 && float64(s.Name.Procs()) > usable {
			continue
		}
		key := seriesOf(s)
		if bySeries[key] == nil {
			order = append(order, key)
		}
		bySeries[key] = append(bySeries[key], s)
	}
	if len(order) > maxCells {
		order = order[:maxCells] // openCells has said so
	}
	var firsts []*sample.Sample
	for _, key := range order {
		firsts = append(firsts, bySeries[key][0])
	}
	differ := differing(firsts)
	for _, key := range order {
		samples := bySeries[key]
		lowest, highest := samples[0], samples[0]
		for _, s := range samples {
			if s.Name.Procs() < lowest.Name.Procs() {
				lowest = s
			}
			if s.Name.Procs() > highest.Name.Procs() {
				highest = s
			}
		}
		if lowest.Name.Procs() == highest.Name.Procs() {
			continue
		}
		from, more := loads(samples, lowest.Name.Procs(), open)
		to, again := loads(samples, highest.Name.Procs(), open)
		notes = append(append(notes, more...), again...)
		g, untold := blame.Grow(from, to)
		if g != nil || untold != "" {
			list = append(list, Growth{title(highest, differ), seriesOf(highest), g, untold})
		}
	}
	return list, notes
}

// loads are the repetitions at one GOMAXPROCS whose trace is of the whole timed
// window, which has enough CPU samples.
func loads(samples []*sample.Sample, procs int, open opener) (list []blame.Load, notes []string) {
	for _, s := range samples {
		cpu, ok := s.Value("cpu-ns/op")
		if s.Name.Procs() != procs || !ok {
			continue
		}
		traces, unread := open.all(s)
		notes = append(notes, unread...)
		for _, t := range traces {
			w := measured(t.Account)
			if w.Label != fmt.Sprintf("N=%d", s.Iters) {
				continue // of a part of it
			}
			list = append(list, blame.Load{Procs: procs, Ops: float64(s.Iters), CPU: time.Duration(cpu * float64(s.Iters)), Window: w})
		}
	}
	return list, notes
}

// finding is the growth as what a report says first.
func (g Growth) finding() (f derive.Finding, ok bool) {
	if g.Growth == nil {
		return f, false
	}
	lines := g.Lines()
	return derive.Finding{
		Kind: derive.Blame, Where: g.Title, What: lines[0], More: lines[1 : len(lines)-1], Next: g.Next(),
		Sure: fmt.Sprintf("sampled, by the difference of CPU samples: %.0f standard errors", g.Grown[0].Z),
	}, true
}

// untold are the reasons for which growths cannot be told, and of which series: on a
// busy host it is the same for all.
func untold(list []Growth) (reasons []string, series map[string][]string) {
	series = map[string][]string{}
	for _, g := range list {
		if g.Growth != nil {
			continue
		}
		if series[g.Untold] == nil {
			reasons = append(reasons, g.Untold)
		}
		series[g.Untold] = append(series[g.Untold], g.Title)
	}
	return reasons, series
}

// growthTable tells the growths of a set.
func growthTable(noun string, list []Growth) html.Table {
	t := html.Table{
		Title:   "CPU time per operation that grows with GOMAXPROCS",
		About:   "By the difference of CPU samples between the lowest and the highest GOMAXPROCS that this host has CPUs for, of traced repetitions; without the allocator and the collector.",
		Columns: []string{noun, "what", "place", "GOMAXPROCS", "CPU per operation", "standard errors", "try"},
		Numeric: []bool{5: true},
	}
	for _, g := range list {
		if g.Growth == nil {
			continue
		}
		for _, d := range g.Grown {
			t.Rows = append(t.Rows, []string{
				g.Title, d.What(), d.Where(), fmt.Sprintf("%d → %d", g.From, g.To), d.Cost(), fmt.Sprintf("%.0f", d.Z), g.Next(),
			})
		}
	}
	reasons, series := untold(list)
	for _, r := range reasons {
		t.Rows = append(t.Rows, []string{strings.Join(series[r], ", "), "cannot tell", r, "", "", "", ""})
	}
	return t
}
