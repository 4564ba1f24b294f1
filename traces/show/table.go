package show

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/contend-go/contend/traces/account"
	"github.com/contend-go/contend/traces/blame"
)

// maxRows is how many windows the table shows; a screen has no more room.
const maxRows = 16

// Table writes a summary that fits a screen: where capacity went by window,
// and the top worst places where goroutines waited (all if top is 0).
func (t *Trace) Table(w io.Writer, top int) error {
	p := &printer{w: w}
	t.heading(p)
	t.verdict(p)
	p.err = first(p.err, t.capacity(w))
	t.lostTime(p)
	t.sites(p, top)
	t.cpu(p)
	for _, n := range t.notes() {
		p.f("note: %s\n", n)
	}
	for _, r := range t.Account.Lost.Reasons {
		p.f("lost: %s\n", r)
	}
	return p.err
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *Trace) heading(p *printer) {
	p.f("%s: %s\n\n", t.Name, t.Summary())
}

// mostlyExplained is the share of the lost time below which findings are not the main thing.
const mostlyExplained = 0.4

// verdict writes what is to be said first: what is stuck, and the lines to blame.
func (t *Trace) verdict(p *printer) {
	v := t.Verdict()
	for i := range v.Stuck {
		p.f("stuck: %s\n", &v.Stuck[i])
	}
	if len(v.Stuck) > 0 {
		p.f("\n")
	}
	if n := len(v.Findings); n > 0 && v.Findings[0].Known != blame.Sampled && v.Explained < mostlyExplained {
		p.f("only %s of the time lost (measurement left out) is at these lines; the notes at the end say where the rest went\n", percent(v.Explained))
	}
	for i := range v.Findings {
		f := &v.Findings[i]
		lines := f.Lines()
		p.f("%d. %s\n", i+1, lines[0])
		for _, l := range lines[1:] {
			p.f("   %s\n", l)
		}
		if f.Next != "" {
			p.f("   try: %s\n", f.Next)
		}
	}
	if len(v.Findings) > 0 {
		p.f("\n")
	}
}

// Verdict says which lines are to blame.
func (t *Trace) Verdict() *blame.Verdict {
	if t.blamed == nil {
		t.blamed = blame.Of(t.Account)
	}
	return t.blamed
}

// notes are what a reader must know.
func (t *Trace) notes() []string {
	notes := slices.Concat(t.Verdict().Remarks, t.Notes)
	if t.Account.GuessedProcs {
		why := "the part of the file that tells it is lost"
		if t.Account.GoMinor < 22 {
			why = "traces before Go 1.22 do not tell it"
		}
		notes = append(notes, fmt.Sprintf("GOMAXPROCS is a guess, one more than the highest P that ran (~%d): %s", t.Account.Windows[0].MinProcs, why))
	}
	return notes
}

// Summary says in a line what the trace is.
func (t *Trace) Summary() string {
	a := t.Account
	s := fmt.Sprintf("%s trace, %s, %s events in %s", goVersion(a), short(a.Duration), count(a.Events), size(a.Size))
	if t.Usable > 0 {
		s += fmt.Sprintf("; %d usable CPUs", t.Usable)
	}
	return s
}

// column is one column of the capacity table.
type column struct {
	name  string
	value func(i int, w *account.Window) string // i is −1 for the total
}

// columns are those in which something is to be seen.
func (t *Trace) columns() []column {
	cols := []column{
		{"P", func(_ int, w *account.Window) string {
			if t.Account.GuessedProcs {
				return "~" + procs(w)
			}
			return procs(w)
		}},
		{"wall", func(_ int, w *account.Window) string { return short(w.Wall()) }},
	}
	for s := account.State(0); s < account.NumStates; s++ {
		if t.seen(s) {
			cols = append(cols, column{s.String(), func(_ int, w *account.Window) string {
				return percent(ratio(w.Parts[s], w.Capacity))
			}})
		}
		if s == account.Running && !t.Account.Split && t.CPU != nil {
			cols = append(cols, column{"CPU time", func(i int, w *account.Window) string { return t.cpuShare(i, w) }})
		}
	}
	return append(cols,
		column{"p-wait", func(_ int, w *account.Window) string { return percent(w.PWait()) }},
		column{"residual", func(_ int, w *account.Window) string { return fmt.Sprintf("%.2f%%", 100*ratio(w.Residual, w.Capacity)) }},
		column{"runnable", func(_ int, w *account.Window) string {
			return fmt.Sprintf("%.3g", ratio(w.Goroutines.Runnable, w.Wall()))
		}},
		column{"wake p50", func(_ int, w *account.Window) string { return short(w.WakeToRun.Quantile(0.5)) }},
		column{"p99", func(_ int, w *account.Window) string { return short(w.WakeToRun.Quantile(0.99)) }},
		column{"hand-offs", func(_ int, w *account.Window) string { return count(handoffs(w)) }},
	)
}

// seen reports whether a state has a digit to print in any row.
func (t *Trace) seen(s account.State) bool {
	for i := range t.Account.Windows {
		if w := &t.Account.Windows[i]; !t.unmarked(w) && ratio(w.Parts[s], w.Capacity) >= 0.0005 {
			return true
		}
	}
	w := &t.Account.Total
	return s == account.Idle || ratio(w.Parts[s], w.Capacity) >= 0.0005
}

func procs(w *account.Window) string {
	if w.MinProcs == w.MaxProcs {
		return fmt.Sprint(w.MaxProcs)
	}
	return fmt.Sprintf("%d–%d", w.MinProcs, w.MaxProcs)
}

func (t *Trace) cpuShare(i int, w *account.Window) string {
	if i < 0 { // the total: only if every window is known
		var sum time.Duration
		for _, d := range t.CPU {
			if d < 0 {
				return "–"
			}
			sum += d
		}
		return percent(ratio(sum, w.Capacity))
	}
	if t.CPU[i] < 0 {
		return "–"
	}
	return percent(ratio(t.CPU[i], w.Capacity))
}

func handoffs(w *account.Window) (n int64) {
	for _, s := range w.Sites {
		n += s.Handoffs
	}
	return n
}

// label names a window.
func (t *Trace) label(w *account.Window) string {
	l := w.Label
	if l == "" {
		l = short(w.Start) + "–" + short(w.End)
	}
	if t.Usable > 0 && w.MaxProcs > t.Usable {
		l += " (oversubscribed)"
	}
	return l
}

// unmarked reports whether a window is what lies between the marks of a trace.
func (t *Trace) unmarked(w *account.Window) bool {
	return w.Label == "" && slices.ContainsFunc(t.Account.Windows, func(w account.Window) bool { return w.Label != "" })
}

// capacity writes the table of windows, in percent of GOMAXPROCS × time.
func (t *Trace) capacity(w io.Writer) error {
	cols := t.columns()
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, value func(column) string) {
		cells := []string{name}
		for _, c := range cols {
			cells = append(cells, value(c))
		}
		fmt.Fprintln(tw, strings.Join(cells, "\t")+"\t")
	}
	row("window", func(c column) string { return c.name })
	windows := t.Account.Windows
	rows, left := 0, 0
	for i := range windows {
		if t.unmarked(&windows[i]) || rows == maxRows {
			left++
			continue
		}
		row(t.label(&windows[i]), func(c column) string { return c.value(i, &windows[i]) })
		rows++
	}
	if len(windows) != 1 {
		row("total", func(c column) string { return c.value(-1, &t.Account.Total) })
	}
	if err := tw.Flush(); err != nil || left == 0 {
		return err
	}
	_, err := fmt.Fprintf(w, "%d more windows, outside of marks or too many for a screen, are in the total and in --json\n", left)
	return err
}

// lostTime writes where the capacity went that did no work.
func (t *Trace) lostTime(p *printer) {
	w := &t.Account.Total
	all := lost(w)
	p.f("\nlost CPU time (Ps that ran no goroutine): %s, %s of capacity\n", short(all), percent(w.PWait()))
	byKind := map[string]time.Duration{"lost part of the trace": w.Parts[account.Unknown]}
	for _, c := range w.Causes {
		name := c.Kind.String()
		if c.Kind == account.Blocked {
			name = "blocked on " + string(c.Reason)
		}
		byKind[name] += c.Time
	}
	names := make([]string, 0, len(byKind))
	for n, d := range byKind {
		if d > 0 {
			names = append(names, n)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		if byKind[a] != byKind[b] {
			return int(byKind[b] - byKind[a])
		}
		return strings.Compare(a, b)
	})
	var parts []string
	for _, n := range names {
		if share := ratio(byKind[n], all); share >= 0.001 {
			parts = append(parts, n+" "+percent(share))
		}
	}
	if len(parts) > 0 {
		p.f("  %s\n", strings.Join(parts, " · "))
	}
}

// sites writes the worst places to wait.
func (t *Trace) sites(p *printer, top int) {
	w := &t.Account.Total
	l := placesOf(w)
	sites := l.merge(w.Sites)
	if len(sites) == 0 {
		p.f("\nno goroutine waited\n")
		return
	}
	p.f("\nworst of %d wait sites, by their share of lost CPU time\n", len(sites))
	sites = upTo(sites, top)
	for i := range sites {
		s := &sites[i]
		p.f("%6s  %-12s %s\n", percent(ratio(s.Charged, lost(w))), s.Reason, l.spot(s.Stack))
		switch {
		case s.By.Syscall > 0:
			p.f("        the calls kept a P for %s; blocked %s in %s waits after it was taken away", short(s.By.Syscall), short(s.Wait), count(s.Waits))
		case s.Waits+s.Open+s.Parked == 0:
			p.f("        %s of P time, and no wait", short(s.Charged))
		default:
			p.f("        %s in %s waits, longest %s", short(s.Wait), count(s.Waits), short(s.MaxWait))
		}
		switch {
		case s.Parked > 0:
			p.f("; %s blocked all along", count(s.Parked))
		case s.Open > 0:
			p.f("; %s still blocked at the end, the longest for %s", count(s.Open), short(s.MaxOpen))
		}
		if s.Handoffs+s.Barging > 0 {
			p.f("; %s handed over in starvation mode, %s barged", count(s.Handoffs), count(s.Barging))
		}
		if by := l.wokenBy(s); by != "" {
			p.f("; woken by %s", by)
		}
		p.f("\n")
	}
}

// merge merges sites that differ only in how their line was reached, and
// leaves out those that did not wait.
func (l places) merge(sites []account.Site) (out []account.Site) {
	type key struct {
		reason account.Reason
		place  string
	}
	at := map[key]int{}
	for _, s := range sites {
		if s.Wait == 0 && s.Charged == 0 || s.Reason == account.System && s.Charged == 0 {
			continue
		}
		k := key{s.Reason, l.spot(s.Stack)}
		i, ok := at[k]
		if !ok {
			at[k] = len(out)
			out = append(out, s)
			continue
		}
		m := &out[i]
		m.Open, m.MaxOpen = m.Open+s.Open, max(m.MaxOpen, s.MaxOpen)
		m.Wait, m.Charged, m.MaxWait = m.Wait+s.Wait, m.Charged+s.Charged, max(m.MaxWait, s.MaxWait)
		m.Waits, m.Parked, m.Handoffs, m.Barging = m.Waits+s.Waits, m.Parked+s.Parked, m.Handoffs+s.Handoffs, m.Barging+s.Barging
	}
	slices.SortStableFunc(out, func(a, b account.Site) int { return cmp.Compare(b.Charged, a.Charged) })
	return out
}

// wokenBy is the place that most often ended waits at a site, "" where the
// trace does not tell.
func (l places) wokenBy(s *account.Site) string {
	if len(s.Releasers) == 0 || len(s.Releasers[0].Stack) == 0 {
		return ""
	}
	return l.spot(s.Releasers[0].Stack)
}

// cpu writes what CPU-profile samples say of the work.
func (t *Trace) cpu(p *printer) {
	if len(t.Account.Total.CPU) == 0 {
		return
	}
	var parts []string
	samples := int64(0)
	for _, c := range t.Account.Total.CPU {
		if c.Samples > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", c.Kind, percent(c.Share)))
			samples += c.Samples
		}
	}
	p.f("\nCPU time by %s samples: %s\n", count(samples), strings.Join(parts, " · "))
	p.f("  hottest: %s\n", strings.Join(t.hottest(samples), " · "))
}

// hottest are the lines with the most samples, and their shares.
func (t *Trace) hottest(samples int64) (lines []string) {
	l := placesOf(&t.Account.Total)
	by := map[string]int64{}
	for _, c := range t.Account.Total.CPU {
		for _, s := range c.Stacks {
			by[l.spot(s.Stack)] += s.Count
		}
	}
	spots := slices.SortedFunc(maps.Keys(by), func(a, b string) int { return cmp.Or(cmp.Compare(by[b], by[a]), cmp.Compare(a, b)) })
	for _, s := range upTo(spots, 3) {
		lines = append(lines, s+" "+percent(float64(by[s])/float64(samples)))
	}
	return lines
}

// goVersion names the version of the trace's format.
func goVersion(a *account.Account) string { return fmt.Sprintf("Go 1.%d", a.GoMinor) }

// count prints a number with a suffix: "1.23k", "4.5M".
func count(n int64) string {
	switch {
	case n < 10_000:
		return fmt.Sprint(n)
	case n < 10_000_000:
		return fmt.Sprintf("%.4gk", float64(n)/1e3)
	case n < 10_000_000_000:
		return fmt.Sprintf("%.4gM", float64(n)/1e6)
	}
	return fmt.Sprintf("%.4gG", float64(n)/1e9)
}

// size prints bytes: "113 MB".
func size(n int64) string {
	switch {
	case n < 1e4:
		return fmt.Sprintf("%d bytes", n)
	case n < 1e6:
		return fmt.Sprintf("%.3g kB", float64(n)/1e3)
	case n < 1e9:
		return fmt.Sprintf("%.3g MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.3g GB", float64(n)/1e9)
}
