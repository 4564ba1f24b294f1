// Package blame says which line is to blame for the time that Ps lost in a trace: what
// kind of wait it is, at which line, called from where, who held what others waited for and what it did meanwhile, how that is known,
// and what to try next. What a trace cannot tell it says in plain words.
package blame

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/contend-go/contend/traces/account"
)

// Known says how something is known.
type Known uint8

// The ways to know, the surest first.
const (
	Exact    Known = iota // by events of the trace
	Inferred              // partly by who woke those of which the trace does not tell where they waited, or by what else is blocked
	Sampled               // by samples of a CPU profile in the trace
)

// String is the word for it.
func (k Known) String() string { return [...]string{"exact", "inferred", "sampled"}[k] }

// Finding is one thing that a trace says first: what, where, how much, how sure, what next.
type Finding struct {
	Kind string // "mutex", "chan receive", "system call", …
	Place
	// Others are further lines that wait for the same, most first; Line is the first of them.
	Others []Row

	// Share is that of the time that Ps lost without measuring, OfCapacity that of GOMAXPROCS × time. For Sampled findings Share is that of the
	// CPU samples.
	Share, OfCapacity float64
	By                account.Charge
	Waits             int64
	Open              int64 // goroutines that still wait there at the end
	Samples           int64 // that tell it

	Under int // number of an earlier finding whose holder does this, counted from 1: they are one cause; 0 is none

	Holder *Holder // nil if nobody holds anything, or the trace does not tell
	Note   string  // what else is known of it
	Known  Known
	Next   string // what to try
}

// Row is one of several lines that wait for the same.
type Row struct {
	Place
	Share float64
}

// Holder is who held what others waited for, or whom they waited for.
type Holder struct {
	Func string // a function of it, empty if not known
	Lock bool   // it held a lock, a place or a connection; otherwise they waited for what it did
	// Activity is what it mostly did meanwhile, At the line, Share the share of the waits' time.
	Activity account.Activity
	Reason   account.Reason // if it was blocked
	At       account.Frame
	Share    float64
	Known    Known
}

// Busy is the kind of a finding that nothing waits: what slows the CPUs, a trace cannot see.
const Busy = "busy"

// Verdict is what a trace says.
type Verdict struct {
	Findings []Finding // at most maxFindings, by their share of capacity
	// Lost is the P time that was lost; of it Measurement went to recording and to the harness of a test, NoCPU to threads that
	// had no CPU, and NoWork to nothing at all.
	Lost, Measurement, NoCPU, NoWork time.Duration
	Capacity                         time.Duration
	Stuck                            []Stuck  // what is still blocked at the end, and may be so for ever
	Remarks                          []string // what a reader must know, one line each

	// Explained is the share of Lost, without Measurement, that is at the lines of Findings.
	Explained float64

	unplaced time.Duration // lost to goroutines of which the trace does not have the place
}

// maxFindings is how many findings a reader gets, each of no less than those shares of the loss and of capacity.
const (
	maxFindings   = 5
	leastShare    = 0.03
	leastCapacity = 0.001
)

// Of makes the verdict of a trace that was accounted with its causes.
func Of(a *account.Account) *Verdict {
	w := &a.Total
	v := &Verdict{Lost: w.Lost(), Capacity: w.Capacity}
	for _, c := range w.Causes {
		switch c.Kind {
		case account.NoCPU:
			v.NoCPU += c.Time
		case account.NoWork:
			v.NoWork += c.Time
		}
	}
	l := NewLocator(&a.Total)
	for _, g := range v.gather(l, w) {
		v.Findings = append(v.Findings, v.finding(l, a, g))
	}
	v.serial(l, w)
	v.sampled(l, w)
	slices.SortStableFunc(v.Findings, func(x, y Finding) int { return cmp.Compare(y.OfCapacity, x.OfCapacity) })
	if len(v.Findings) > maxFindings {
		v.Findings = v.Findings[:maxFindings]
	}
	v.stuck(l, a)
	v.remark(a)
	for i := range v.Findings {
		f := &v.Findings[i]
		if f.Known != Sampled {
			v.Explained += f.Share
		}
		f.Under = v.under(i)
	}
	return v
}

// under is the number, from 1, of an earlier finding whose holder does what finding i
// is: both are one cause. 0 is none.
func (v *Verdict) under(i int) int {
	for j := range i {
		if h := v.Findings[j].Holder; h != nil && h.At.Func != "" && key(h.At) == key(v.Findings[i].Line) {
			return j + 1
		}
	}
	return 0
}

// useful is the lost time that the program lost.
func (v *Verdict) useful() time.Duration { return v.Lost - v.Measurement }

// group is the sites of one finding.
type group struct {
	kind    string
	reason  account.Reason
	by      account.Charge
	charged time.Duration
	waits   int64
	open    int64
	parked  int64
	rows    []row
	holds   []account.Hold
	held    time.Duration
	detail  string

	releasers []account.Releaser
	ended     int64 // goroutines created there
	ran       time.Duration
	yields    int64
}

type row struct {
	Place
	charged time.Duration
	stack   account.Stack
}

type groupKey struct {
	kind string
	at   string
}

// gather adds up sites that are one to a reader: a lock by the line that locks it, if that is of a wrapper or of the standard library, with
// its callers as rows; anything else by its line.
func (v *Verdict) gather(l Locator, w *account.Window) []*group {
	groups := map[groupKey]*group{}
	var order []*group
	for i := range w.Sites {
		s := &w.Sites[i]
		if s.Apparatus {
			v.Measurement += s.Charged
			continue
		}
		p := l.Place(s.Stack)
		kind := kindOf(s.Reason)
		at := key(p.Line)
		if isShared(s.Reason) {
			at = key(p.Lock)
		}
		g := groups[groupKey{kind, at}]
		if g == nil {
			g = &group{kind: kind, reason: s.Reason, detail: s.Detail}
			groups[groupKey{kind, at}] = g
			order = append(order, g)
		}
		g.add(s, p)
	}
	slices.SortStableFunc(order, func(x, y *group) int { return cmp.Compare(y.charged, x.charged) })
	return slices.DeleteFunc(order, func(g *group) bool {
		if g.rows[0].Line.Func == "" {
			v.unplaced += g.charged
			return true
		}
		return ratio(g.charged, v.useful()) < leastShare || ratio(g.charged, v.Capacity) < leastCapacity
	})
}

// key tells lines apart. Instances of generic functions are one.
func key(f account.Frame) string {
	if f.File == "" {
		return f.Func
	}
	return fmt.Sprintf("%s:%d", f.File, f.Line)
}

func (g *group) add(s *account.Site, p Place) {
	g.charged += s.Charged
	g.waits += s.Waits
	g.open += s.Open
	g.parked += s.Parked
	g.releasers = append(g.releasers, s.Releasers...)
	g.ended, g.ran, g.yields = g.ended+s.Ended, g.ran+s.Ran, g.yields+s.Yields
	g.held += s.Held
	g.holds = append(g.holds, s.Holds...)
	b := &g.by
	b.Blocked, b.WakeUp, b.Switching = b.Blocked+s.By.Blocked, b.WakeUp+s.By.WakeUp, b.Switching+s.By.Switching
	b.Syscall, b.Stopped, b.Inferred = b.Syscall+s.By.Syscall, b.Stopped+s.By.Stopped, b.Inferred+s.By.Inferred
	for i := range g.rows {
		if r := &g.rows[i]; key(r.Line) == key(p.Line) && key(r.Caller) == key(p.Caller) {
			r.charged += s.Charged
			return
		}
	}
	g.rows = append(g.rows, row{p, s.Charged, s.Stack})
}

// isShared reports whether all who wait in one function for that wait for the same thing, so that its callers are to be added up.
func isShared(r account.Reason) bool {
	switch r {
	case account.Mutex, account.RWReader, account.RWWriter, account.Once, account.Singleflight, account.Semaphore, account.Pool:
		return true
	}
	return false
}

// kindOf is what a reader calls a wait.
func kindOf(r account.Reason) string {
	switch r {
	case account.SyscallOut:
		return "system call"
	case account.Yield:
		return "runtime.Gosched"
	case account.Created:
		return "new goroutines"
	case account.StopGC:
		return "garbage collection"
	case account.System:
		return "runtime"
	case account.OtherSync:
		return "semaphore of the runtime"
	}
	return string(r)
}

// finding makes a group a finding.
func (v *Verdict) finding(l Locator, a *account.Account, g *group) Finding {
	slices.SortStableFunc(g.rows, func(x, y row) int { return cmp.Compare(y.charged, x.charged) })
	f := Finding{
		Kind: g.kind, Place: g.rows[0].Place, By: g.by, Waits: g.waits, Open: g.open,
		Share: ratio(g.charged, v.useful()), OfCapacity: ratio(g.charged, v.Capacity),
	}
	switch {
	case g.reason == account.StopWorld && g.detail != "":
		f.Kind += " (" + g.detail + ")"
	case g.reason == account.Created && g.isShort():
		g.kind = "short goroutines"
		f.Kind = g.kind
	}
	for _, r := range g.rows {
		f.Others = append(f.Others, Row{r.Place, ratio(r.charged, v.useful())})
	}
	if ratio(g.by.Inferred, g.charged) > 0.1 {
		f.Known = Inferred
	}
	if f.Holder = holder(l, g); f.Holder != nil {
		f.Holder.Lock = isShared(g.reason)
	} else if g.open > 0 && isShared(g.reason) {
		f.Holder = blockedHolder(l, a, g)
	}
	f.Note, f.Next = g.note(f.Holder), g.advice(f.Holder, a.Duration)
	return f
}

func ratio(a, b time.Duration) float64 {
	if b <= 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// holder is what the holder mostly did, by the chains of releases.
func holder(l Locator, g *group) *Holder {
	switch g.reason {
	case account.SyscallOut, account.Yield, account.Created, account.StopGC, account.StopWorld, account.Sleep, account.Network,
		account.System, account.Preempted, account.GCAssist, account.GCWait:
		return nil
	}
	if g.held <= 0 {
		return nil
	}
	type what struct {
		act    account.Activity
		reason account.Reason
		at     string
		fn     string
	}
	sums := map[what]time.Duration{}
	frames := map[what]account.Frame{}
	var known time.Duration
	for _, h := range g.holds {
		k := what{act: h.Activity, fn: holdFunc(l, h)}
		switch h.Activity {
		case account.HoldUnknown:
			continue
		case account.HoldHandover:
			// Whoever takes a free lock and frees it again without waking anybody leaves no event, so this may be
			// a part of running.
			k.act = account.HoldRunning
		case account.HoldSyscall, account.HoldBlocked:
			k.reason = h.Reason
			p := l.Place(h.At)
			if h.Activity == account.HoldBlocked && h.Reason == g.reason {
				continue // it waited for the same, and who held that is not known
			}
			k.at = key(p.Line)
			frames[k] = p.Line
		}
		sums[k] += h.Time
		known += h.Time
	}
	var best what
	for k, d := range sums {
		if d > sums[best] || d == sums[best] && (k.fn < best.fn || k.fn == best.fn && k.at < best.at) {
			best = k
		}
	}
	if known < g.held/10 {
		return nil
	}
	return &Holder{Func: best.fn, Activity: best.act, Reason: best.reason, At: frames[best], Share: ratio(sums[best], known)}
}

// holdFunc names the holder: the innermost function that both the stack of the release and that of what it did in
// between have, as who releases is often a helper; of a holder that only ran there is the release alone.
func holdFunc(l Locator, h account.Hold) string {
	in := func(f account.Frame) bool { return l.module(f) != std && !isWrapper(f.Func) }
	for _, f := range h.Release {
		if in(f) && (len(h.At) == 0 || slices.ContainsFunc(h.At, func(x account.Frame) bool { return x.Func == f.Func })) {
			return plain(f.Func)
		}
	}
	for _, f := range slices.Concat(h.Release, h.At) {
		if in(f) {
			return plain(f.Func)
		}
	}
	return ""
}

// blockedHolder finds a holder that does not release while the trace lasts: it is blocked in the function that locks, at a later line than the lock.
func blockedHolder(l Locator, a *account.Account, g *group) *Holder {
	lock := g.rows[0].stack
	for _, f := range lock {
		if l.module(f) == std || isWrapper(f.Func) {
			continue
		}
		for _, o := range a.OpenWaits {
			if o.System || string(o.Reason) == string(g.reason) {
				continue
			}
			for _, x := range o.Stack {
				if x.Func == f.Func && x.File == f.File && x.Line > f.Line {
					h := &Holder{Func: plain(f.Func), Lock: true, Activity: account.HoldBlocked, Reason: o.Reason, At: x, Share: 1, Known: Inferred}
					if o.Reason == account.SyscallOut {
						h.Activity = account.HoldSyscall
					}
					return h
				}
			}
		}
		break
	}
	return nil
}

// serialShare is from which share of the window on its serial part is worth a finding.
const serialShare = 0.2

const inSyscall = "in a system call at "

// serial finds Amdahl's bound as it was: time in which a single P was busy, the others had nothing to do.
func (v *Verdict) serial(l Locator, w *account.Window) {
	var sum time.Duration
	type part struct {
		Place
		d    time.Duration
		what string
	}
	parts := map[string]*part{}
	for _, s := range w.Serial {
		p, what := l.Place(s.Stack), "ran on from "
		switch start := l.Place(s.Start); {
		case s.Syscall:
			what = inSyscall
		case len(s.Start) > 0 && l.module(start.Line) != std:
			p = start
		case s.Reason == account.Created:
			what = "ran on since its creation at " // by the standard library, as WaitGroup.Go does
		}
		if p.Line.Func == "" {
			continue
		}
		sum += s.Time
		k := what + key(p.Line)
		if parts[k] == nil {
			parts[k] = &part{Place: p, what: what}
		}
		parts[k].d += s.Time
	}
	if ratio(sum, w.Wall()) < serialShare {
		return
	}
	var best *part
	for _, p := range parts {
		if best == nil || p.d > best.d || p.d == best.d && key(p.Line) < key(best.Line) {
			best = p
		}
	}
	known := Inferred
	if best.what == inSyscall {
		known = Exact
	}
	v.Remarks = append(v.Remarks, fmt.Sprintf("serial part: for %s of the time one P was busy, the others had nothing to do; %s of that %s%s (%s)",
		percent(ratio(sum, w.Wall())), percent(ratio(best.d, sum)), best.what, Spot(best.Line), known))
}

// hot is CPU samples of one kind and line.
type hot struct {
	kind account.CPUKind
	Place
	n int64
}

// sampled finds what CPUs do instead of work: on the fast paths of locks, for locks of the runtime, growing stacks. It counts by capacity, like what
// is lost.
func (v *Verdict) sampled(l Locator, w *account.Window) {
	var all int64
	byLine := map[string]*hot{}
	for _, c := range w.CPU {
		all += c.Samples
		for _, s := range c.Stacks {
			p := l.Place(s.Stack)
			if c.Kind == account.StackGrowth {
				p = l.Place(l.callers(s.Stack))
			}
			k := fmt.Sprint(c.Kind, key(p.Line))
			if c.Kind == account.StackGrowth || c.Kind == account.LockFast {
				k = fmt.Sprint(c.Kind, plain(p.Line.Func)) // several lines of a function are one
			}
			if byLine[k] == nil {
				byLine[k] = &hot{kind: c.Kind, Place: p}
			}
			byLine[k].n += s.Count
		}
	}
	if all == 0 {
		v.blind(w, nil, 0)
		return
	}
	var list []*hot
	for _, h := range byLine {
		list = append(list, h)
	}
	slices.SortFunc(list, func(x, y *hot) int { return cmp.Or(cmp.Compare(y.n, x.n), cmp.Compare(key(x.Line), key(y.Line))) })
	busy := 1 - ratio(w.Lost(), w.Capacity)
	found := false
	for _, h := range list {
		share := float64(h.n) / float64(all)
		if h.kind == account.User || h.kind == account.Tracer || h.n < 3 || share < 0.1 {
			continue
		}
		found = true
		if slices.ContainsFunc(v.Findings, func(f Finding) bool { return f.Known == Sampled && key(f.Line) == key(h.Line) }) {
			continue // another kind of the same line
		}
		v.Findings = append(v.Findings, Finding{
			Kind: h.kind.String(), Place: h.Place, Share: share, OfCapacity: share * busy, Samples: h.n, Known: Sampled, Next: next[h.kind.String()],
		})
	}
	if !found {
		v.blind(w, list, all)
	}
}

// callers is a stack from the caller of the program's own innermost function on: it is the call that needs more stack.
func (l Locator) callers(s account.Stack) account.Stack {
	at := slices.IndexFunc(s, func(f account.Frame) bool { return l.module(f) != std })
	if at < 0 || at+1 == len(s) {
		return s
	}
	return s[at+1:]
}

// idleShare is below which share of capacity lost, without measuring, nothing waits.
const idleShare = 0.02

// blind says that nothing waits, where that is so, and where CPUs are hottest.
func (v *Verdict) blind(w *account.Window, list []*hot, all int64) {
	if ratio(v.useful(), v.Capacity) >= idleShare {
		return
	}
	f := Finding{Kind: Busy, OfCapacity: 1 - ratio(w.Lost(), w.Capacity), Known: Sampled, Next: next[Busy]}
	list = slices.DeleteFunc(slices.Clone(list), func(h *hot) bool { return h.kind == account.Tracer })
	if len(list) > 0 {
		f.Place, f.Samples, f.Share = list[0].Place, list[0].n, float64(list[0].n)/float64(all)
	}
	v.Findings = append(v.Findings, f)
}

// remark says what else a reader must know.
func (v *Verdict) remark(a *account.Account) {
	add := func(format string, args ...any) { v.Remarks = append(v.Remarks, fmt.Sprintf(format, args...)) }
	if share := ratio(v.Measurement, v.Lost); share >= 0.1 {
		add("measurement: %s of what was lost went to the recording, profiles or the test's harness; it is left out of the shares above", percent(share))
	}
	if share := ratio(v.NoCPU, v.useful()); share >= 0.1 {
		add("no CPU: %s of the time lost, measurement left out, went to Ps whose thread most likely had no CPU (more Ps than CPUs, or neighbours)", percent(share))
	}
	if share := ratio(v.NoWork, v.useful()); share >= 0.1 {
		add("too few goroutines: in %s of the time lost nothing was runnable or blocked", percent(share))
	}
	if share := ratio(v.unplaced, v.useful()); share >= 0.1 && ratio(v.unplaced, v.Capacity) >= leastCapacity {
		add("unknown: %s of the time lost went to goroutines of which the trace does not tell where they stood", percent(share))
	}
	v.assists(NewLocator(&a.Total), &a.Total)
	var unknown, all time.Duration
	for _, s := range a.Total.Waits {
		if s.Reason == account.UnknownWait {
			unknown += s.Time
		}
		all += s.Time
	}
	if a.GoMinor < 23 && ratio(unknown, all) >= 0.1 {
		add("Go 1.%d does not write where goroutines were blocked before the trace began: %s of all waiting is such; record for longer, or with Go 1.23", a.GoMinor, percent(ratio(unknown, all)))
	}
	if a.SkippedHolds > 0 {
		add("\"held by\" and \"waits for\" rest on a part of the waits: %d were too long a way to follow", a.SkippedHolds)
	}
}

// assists tells which allocations do the collector's work, where that is much.
func (v *Verdict) assists(l Locator, w *account.Window) {
	var all, most time.Duration
	var at account.Frame
	by := map[string]time.Duration{}
	for i := range w.Sites {
		s := &w.Sites[i]
		if s.Assist == 0 {
			continue
		}
		p := l.Place(s.Stack)
		all += s.Assist
		by[key(p.Line)] += s.Assist
		if d := by[key(p.Line)]; d > most {
			most, at = d, p.Line
		}
	}
	if share := ratio(all, w.Capacity); share >= assistShare {
		v.Remarks = append(v.Remarks, fmt.Sprintf("garbage collection: for %s of capacity, allocations do the collector's work; %s of that at %s", percent(share), percent(ratio(most, all)), Spot(at)))
	}
}

// assistShare is from which share of capacity on mark assists are worth a remark.
const assistShare = 0.02

func percent(share float64) string {
	if share > 0 && share < 0.0995 {
		return fmt.Sprintf("%.1f%%", 100*share)
	}
	return fmt.Sprintf("%.0f%%", 100*share)
}

// Spot is a frame for the eye: "pkg.Func dir/file.go:12".
func Spot(f account.Frame) string {
	if f.File == "" {
		return plain(f.Func)
	}
	file := f.File
	if i := strings.LastIndexByte(file, '/'); i >= 0 {
		if k := strings.LastIndexByte(file[:i], '/'); k >= 0 {
			file = file[k+1:]
		}
	}
	return fmt.Sprintf("%s %s:%d", plain(f.Func), file, f.Line)
}
