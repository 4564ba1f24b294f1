package traced

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/internal/derive"
	"github.com/contend-go/contend/traces/account"
	"github.com/contend-go/contend/traces/blame"
)

// verdict is what one window of a trace says.
func verdict(a *account.Account, w *account.Window) *blame.Verdict {
	of := *a
	of.Total = *w
	return blame.Of(&of)
}

// blamed is the line to blame of one series.
type blamed struct {
	*blame.Finding
	title  string
	series string // of a cell, see [seriesOf]
	traces int    // that there are of the series
	in     int    // those that name the line
}

// leastShare is the share of capacity from which on a line is worth more than the word that
// nothing waits.
const leastShare = 0.01

// findings are the lines to blame, the worst first: of traced cells or, where no
// cell was traced on its own, of tours at their highest valid GOMAXPROCS. Share-nothing controls share no line.
func findings(tours []*tour, cells []*cell, grown []Growth) (fs []derive.Finding) {
	var all []blamed
	add := func(title, series string, verdicts []*blame.Verdict) {
		if b, ok := worst(verdicts); ok {
			b.title, b.series = title, series
			all = append(all, b)
		}
	}
	shared := slices.DeleteFunc(slices.Clone(cells), func(c *cell) bool {
		sharing, _ := c.sample.Name.Get("sharing")
		return sharing == "none"
	})
	var firsts []*sample.Sample
	for _, c := range shared {
		firsts = append(firsts, c.sample)
	}
	differ := differing(firsts)
	for _, c := range shared {
		add(title(c.sample, differ), seriesOf(c.sample), c.verdicts)
	}
	for _, t := range tours {
		if len(cells) > 0 {
			break
		}
		if w := t.highest(); w != nil {
			add(fmt.Sprintf("%s, %s", t.series, w.Label), "", []*blame.Verdict{verdict(t.Account, w)})
		}
	}
	slices.SortStableFunc(all, func(a, b blamed) int {
		switch {
		case a.before(&b):
			return -1
		case b.before(&a):
			return 1
		}
		return 0
	})
	explained := map[string]bool{}
	for _, g := range grown {
		if f, ok := g.finding(); ok {
			fs, explained[g.series] = append(fs, f), true
		}
	}
	for _, c := range shared {
		if f, ok := c.runtimeLock(); ok {
			fs = append(fs, f)
		}
	}
	for _, b := range all {
		if explained[b.series] && b.Known == blame.Sampled {
			continue // nothing waits, and why that is slow is told
		}
		fs = append(fs, b.finding())
	}
	if reasons, series := untold(grown); len(reasons) > 0 {
		f := derive.Finding{Kind: derive.Unknown, What: "What these traces cannot tell"}
		for _, r := range reasons {
			f.More = append(f.More, strings.Join(series[r], ", ")+": "+r)
		}
		fs = append(fs, f)
	}
	return fs
}

// finding is what a reader is told. Of a line that costs next to nothing, that it does.
func (b *blamed) finding() derive.Finding {
	lines := b.Lines()
	fd := derive.Finding{Kind: derive.Blame, Where: b.title, What: lines[0], More: lines[1:], Next: b.Next, Sure: b.sure()}
	if b.Kind != blame.Busy && b.OfCapacity < leastShare {
		fd.What, fd.More, fd.Next = "next to nothing is lost to waiting: "+derive.Format(derive.WaitUnit, b.OfCapacity)+" of capacity at the worst line", lines, ""
	}
	return fd
}

// before reports whether b is more to blame than o.
func (b *blamed) before(o *blamed) bool {
	if busy := b.Kind == blame.Busy; busy != (o.Kind == blame.Busy) {
		if busy {
			return o.OfCapacity < leastShare
		}
		return b.OfCapacity >= leastShare
	}
	if most, others := 2*b.in > b.traces, 2*o.in > o.traces; most != others {
		return most
	}
	return b.OfCapacity > o.OfCapacity
}

// sure says how the line is known, and how many traces agree.
func (b *blamed) sure() string {
	if b.traces == 1 {
		return fmt.Sprintf("%s, of 1 trace", b.Known)
	}
	return fmt.Sprintf("%s, in %d of %d traces", b.Known, b.in, b.traces)
}

// worst is the line that the traces of one series lose most capacity at, as the trace says
// it in which it has the median share of those that name it. A line that most traces name goes
// before any that few do: one collection of garbage in one of three windows is chance.
// That nothing waits is said where nothing else loses a hundredth of capacity.
func worst(verdicts []*blame.Verdict) (b blamed, ok bool) {
	by := map[string][]*blame.Finding{}
	for _, v := range verdicts {
		for i := range v.Findings {
			f := &v.Findings[i]
			at := fmt.Sprintf("%s %s:%d", f.Kind, f.Line.File, f.Line.Line)
			if f.Kind == blame.Busy {
				at = f.Kind // whatever its hottest line
			}
			by[at] = append(by[at], f)
		}
	}
	for _, at := range slices.Sorted(maps.Keys(by)) {
		fs := by[at]
		slices.SortStableFunc(fs, func(x, y *blame.Finding) int { return cmp.Compare(x.OfCapacity, y.OfCapacity) })
		x := blamed{Finding: fs[len(fs)/2], traces: len(verdicts), in: len(fs)}
		if !ok || x.before(&b) {
			b, ok = x, true
		}
	}
	return b, ok
}

// highest is the window of the highest GOMAXPROCS that there are CPUs for.
func (t *tour) highest() (best *account.Window) {
	for i := range t.Account.Windows {
		w := &t.Account.Windows[i]
		if s := t.steps[w.Label]; s == nil || t.Usable > 0 && s.Name.Procs() > t.Usable {
			continue
		}
		if best == nil || t.steps[w.Label].Name.Procs() > t.steps[best.Label].Name.Procs() {
			best = w
		}
	}
	return best
}
