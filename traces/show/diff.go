package show

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/contend-go/contend/traces/account"
)

// Diff writes two traces on the same categories: shares of capacity, so that
// traces of different lengths compare. Windows of the same label are compared
// with each other, and then the totals.
func Diff(w io.Writer, a, b *Trace, top int) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "A: %s\nB: %s\nshares of capacity (GOMAXPROCS × time); wait is goroutine-seconds per second of capacity\n\n", a.Name, b.Name)
	ta, tb := &a.Account.Total, &b.Account.Total
	line(tw, "", "A", "B", "B − A")
	for i := range a.Account.Windows {
		wa := &a.Account.Windows[i]
		if wb := sameLabel(b, wa.Label); wb != nil {
			name := ": running"
			if a.Account.Split && b.Account.Split {
				name = ": on a CPU"
			}
			shares(tw, wa.Label+name, onCPU(wa), onCPU(wb))
			shares(tw, "p-wait", wa.PWait(), wb.PWait())
		}
	}
	line(tw, "in all", "", "", "")
	diffParts(tw, ta, tb)
	diffWaits(tw, ta, tb)
	line(tw, "wake to run, p50", short(ta.WakeToRun.Quantile(0.5)), short(tb.WakeToRun.Quantile(0.5)), "")
	line(tw, "wake to run, p99", short(ta.WakeToRun.Quantile(0.99)), short(tb.WakeToRun.Quantile(0.99)), "")
	perSecond := func(w *account.Window) float64 { return ratio(time.Duration(handoffs(w)), w.Wall()) * 1e9 }
	line(tw, "hand-offs/s", fmt.Sprintf("%.4g", perSecond(ta)), fmt.Sprintf("%.4g", perSecond(tb)), fmt.Sprintf("%+.4g", perSecond(tb)-perSecond(ta)))
	if err := tw.Flush(); err != nil {
		return err
	}
	return diffSites(w, ta, tb, top)
}

// onCPU is the share of capacity in which goroutines ran, on a CPU where that is
// known.
func onCPU(w *account.Window) float64 {
	return ratio(w.Parts[account.OnCPU]+w.Parts[account.Running], w.Capacity)
}

// sameLabel is the only window of that label; nil if there is none, or several.
func sameLabel(t *Trace, label string) (found *account.Window) {
	for i := range t.Account.Windows {
		if w := &t.Account.Windows[i]; label != "" && w.Label == label {
			if found != nil {
				return nil
			}
			found = w
		}
	}
	return found
}

func line(w io.Writer, name, a, b, change string) {
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t\n", name, a, b, change)
}

func shares(w io.Writer, name string, a, b float64) {
	line(w, name, percent(a), percent(b), fmt.Sprintf("%+.1f", 100*(b-a)))
}

func diffParts(w io.Writer, a, b *account.Window) {
	for s := account.State(0); s < account.NumStates; s++ {
		if x, y := ratio(a.Parts[s], a.Capacity), ratio(b.Parts[s], b.Capacity); max(x, y) >= 0.0005 {
			shares(w, s.String(), x, y)
		}
	}
	shares(w, "p-wait", a.PWait(), b.PWait())
}

// diffWaits compares blocked goroutine-time by reason.
func diffWaits(w io.Writer, a, b *account.Window) {
	share := func(w *account.Window, r account.Reason) float64 {
		for _, x := range w.Waits {
			if x.Reason == r {
				return ratio(x.Time, w.Capacity)
			}
		}
		return 0
	}
	var reasons []account.Reason
	for _, x := range slices.Concat(a.Waits, b.Waits) {
		if x.Time > 0 && !slices.Contains(reasons, x.Reason) {
			reasons = append(reasons, x.Reason)
		}
	}
	for _, r := range reasons {
		x, y := share(a, r), share(b, r)
		if max(x, y) < 0.0005 {
			continue
		}
		line(w, "wait: "+string(r), fmt.Sprintf("%.3g", x), fmt.Sprintf("%.3g", y), fmt.Sprintf("%+.3g", y-x))
	}
}

// diffSites lists the sites whose share of capacity changed most.
func diffSites(w io.Writer, a, b *account.Window, top int) error {
	type change struct {
		name string
		a, b float64
	}
	changes := map[string]*change{}
	collect := func(w *account.Window, add func(*change, float64)) {
		l := placesOf(w)
		for i := range w.Sites {
			s := &w.Sites[i]
			name := fmt.Sprintf("%-12s %s", s.Reason, l.spot(s.Stack))
			if changes[name] == nil {
				changes[name] = &change{name: name}
			}
			add(changes[name], ratio(s.Charged, w.Capacity))
		}
	}
	collect(a, func(c *change, v float64) { c.a += v })
	collect(b, func(c *change, v float64) { c.b += v })
	var all []*change
	for _, c := range changes {
		if max(c.a, c.b) >= 0.0005 {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(x, y *change) int {
		return cmp.Or(cmp.Compare(max(y.b-y.a, y.a-y.b), max(x.b-x.a, x.a-x.b)), cmp.Compare(max(y.a, y.b), max(x.a, x.b)), cmp.Compare(x.name, y.name))
	})
	p := &printer{w: w}
	if len(all) > 0 {
		p.f("\nsites whose part of the lost time changed most, share of capacity\n%8s %8s\n", "A", "B")
	}
	for _, c := range upTo(all, top) {
		p.f("%8s %8s  %s\n", percent(c.a), percent(c.b), c.name)
	}
	return p.err
}
