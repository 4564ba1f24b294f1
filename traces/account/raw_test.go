package account

import (
	"bytes"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/contend-go/contend/traces/decode"
)

// raw is a slow, plain accounting on the raw times of events. All events of all generations are sorted by time, and after each the time since the
// one before is added to the state of every P and every goroutine.
//
// golang.org/x/exp/trace is no reference for this where generations overlap, as they do when a thread is stalled: it lets no time go back from one
// event to the next, so that the events of the later generation are moved to the end of the earlier one, by up to the length of the stall. It is off by a
// fifth on testdata/cases/overlap.trace. It is the reference for the order of events; see oracle.
type raw struct {
	windows []*rawWindow
	procs   int
	stopper uint64 // goroutine that stops the world, 0 for none that is known
	stw     bool
	ps      map[uint64]*rawP
	gs      map[uint64]*rawG
	threads map[uint64]*rawThread
	now     int64
}

type rawWindow struct {
	from, to int64
	parts    map[uint64]*Parts
	g        [numGStates]time.Duration
	capacity time.Duration
	// What idle and held Ps are to be charged to, by what goroutines did.
	wake, switching, rest time.Duration
}

type rawThread struct{ p, g uint64 } // plus 1, 0 for none

type rawP struct {
	known   bool
	pending []rawPending
	held    bool
	fresh   bool // held, and idle before
	syscall bool
	sweep   bool
	swept   bool   // as rawG.assisted
	g       uint64 // plus 1
	thread  *rawThread
}

type rawPending struct {
	w   *rawWindow
	d   time.Duration
	stw bool
	n   int
	// a goroutine could have run
	ready bool
}

type rawG struct {
	state          gState
	worker, assist bool
	assisted       bool // its assists have been told: a generation's late word that it is in one is old
}

type rawEvent struct {
	decode.Event
	thread uint64
	tables *decode.Tables
	gen    int
}

// rawEvents are a trace's events by time.
func rawEvents(t *testing.T, data []byte) (events []rawEvent) {
	tr, err := decode.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for i, g := range tr.Generations {
		tables, err := g.Tables()
		if err != nil {
			t.Fatal(err)
		}
		for s := g.Events(tables.Clock); s.Next(1<<63 - 1); {
			for _, e := range s.Events {
				events = append(events, rawEvent{e, g.Threads[s.Thread].ID, tables, i})
			}
		}
	}
	sort.SliceStable(events, func(i, k int) bool { return events[i].Time < events[k].Time })
	return events
}

// account accounts the events in windows that end at those times.
func (r *raw) account(events []rawEvent, ends []int64) {
	r.ps, r.gs, r.threads = map[uint64]*rawP{}, map[uint64]*rawG{}, map[uint64]*rawThread{}
	from := events[0].Time
	r.now = from
	for _, to := range ends {
		r.windows = append(r.windows, &rawWindow{from: from, to: to, parts: map[uint64]*Parts{}})
		from = to
	}
	for i := range events {
		switch e := &events[i]; e.Type { // GOMAXPROCS at the start, and all Ps there will be
		case decode.ProcsChange:
			if r.procs == 0 {
				r.procs = int(e.Args[0])
			}
			r.p(e.Args[0] - 1)
		case decode.ProcStart, decode.ProcStatus:
			r.p(e.Args[0])
		}
	}
	r.before(events)
	for i := range events {
		e := &events[i]
		r.pass(e.Time)
		r.event(e)
	}
	r.pass(ends[len(ends)-1])
	for id := range r.ps {
		r.settle(id)
	}
}

// before makes the goroutines that there are when the trace begins, in the states that their first events tell.
func (r *raw) before(events []rawEvent) {
	seen := map[uint64]bool{}
	first := func(id uint64, state gState) {
		if !seen[id] && state != gGone {
			r.gs[id] = &rawG{state: state}
		}
		seen[id] = true
	}
	for i := range events {
		switch e := &events[i]; e.Type {
		case decode.GoCreate, decode.GoCreateBlocked, decode.GoCreateSyscall:
			first(e.Args[0], gGone)
		case decode.GoStart:
			first(e.Args[0], gRunnable)
		case decode.GoUnblock, decode.GoSwitch, decode.GoSwitchDestroy:
			first(e.Args[0], gWaiting)
		case decode.GoStatus, decode.GoStatusStack:
			switch decode.GoState(e.Args[2]) {
			case decode.GoRunnable:
				first(e.Args[0], gRunnable)
			case decode.GoWaiting:
				first(e.Args[0], gWaiting)
			default: // it is on a thread, which its event tells
				first(e.Args[0], gGone)
			}
		}
	}
}

// pass adds the time up to t.
func (r *raw) pass(t int64) {
	for _, w := range r.windows {
		d := time.Duration(min(t, w.to) - max(r.now, w.from))
		if d <= 0 {
			continue
		}
		w.capacity += d * time.Duration(r.procs)
		ready := false
		for _, g := range r.gs {
			w.g[g.state] += d
			ready = ready || g.state == gRunnable
		}
		for id, p := range r.ps {
			x := rawPending{w, d, r.stw, r.procs, ready}
			if !p.known {
				p.pending = append(p.pending, x)
			} else {
				r.add(id, p, x)
			}
		}
	}
	r.now = max(r.now, t)
}

func (r *raw) add(id uint64, p *rawP, x rawPending) {
	s := r.state(p, x.stw)
	if (s == Idle || s == STW) && x.n > 0 && id >= uint64(x.n) {
		return
	}
	if x.w.parts[id] == nil {
		x.w.parts[id] = new(Parts)
	}
	x.w.parts[id][s] += x.d
	switch {
	case s != Idle && s != Held:
	case !x.ready:
		x.w.rest += x.d
	case s == Held && !p.fresh:
		x.w.switching += x.d
	default:
		x.w.wake += x.d
	}
}

func (r *raw) state(p *rawP, stw bool) State {
	switch {
	case !p.held && stw, p.held && stw && !p.syscall && (p.g == 0 || p.g == r.stopper):
		return STW
	case !p.held:
		return Idle
	case p.syscall:
		return Syscall
	case p.sweep:
		return GC
	case p.g == 0:
		return Held
	}
	if g := r.gs[p.g-1]; g != nil && (g.worker || g.assist) {
		return GC
	}
	return Running
}

// settle gives a P's time before its first event to the state that it turned out to be in.
func (r *raw) settle(id uint64) *rawP {
	p := r.p(id)
	if !p.known {
		p.known, p.fresh = true, true
		for _, x := range p.pending {
			stopper := r.stopper
			r.stopper = 0
			r.add(id, p, x)
			r.stopper = stopper
		}
		p.pending = nil
	}
	return p
}

func (r *raw) p(id uint64) *rawP {
	if r.ps[id] == nil {
		r.ps[id] = new(rawP)
	}
	return r.ps[id]
}

// g is a goroutine; one that is new was in the given state since the trace began.
func (r *raw) g(id uint64, state gState) *rawG {
	if r.gs[id] == nil {
		r.gs[id] = &rawG{state: state}
		if state != gGone {
			for _, w := range r.windows {
				if d := time.Duration(min(r.now, w.to) - w.from); d > 0 {
					w.g[state] += d
				}
			}
		}
	}
	return r.gs[id]
}

func (r *raw) event(e *rawEvent) {
	th := r.threads[e.thread]
	if th == nil {
		th = &rawThread{}
		r.threads[e.thread] = th
	}
	var g *rawG
	if th.g > 0 {
		g = r.gs[th.g-1]
	}
	var p *rawP
	if th.p > 0 {
		p = r.ps[th.p-1]
	}
	leave := func(state gState) {
		if p != nil {
			r.settle(th.p - 1)
			p.g = 0
		}
		if g != nil {
			g.state, g.worker = state, false
		}
		th.g = 0
	}
	switch e.Type {
	case decode.ProcsChange:
		r.procs = int(e.Args[0])
		for id := range uint64(r.procs) {
			r.p(id)
		}
	case decode.ProcStart:
		p := r.settle(e.Args[0])
		p.held, p.g, p.syscall, p.thread, p.fresh = true, 0, false, th, true
		th.p = e.Args[0] + 1
	case decode.ProcStop:
		if p != nil {
			r.settle(th.p - 1)
			if p.syscall && g != nil && g.state == gSyscall {
				g.state = gSyscallOut
			}
			p.held, p.syscall, p.g, p.thread = false, false, 0, nil
			th.p = 0
		}
	case decode.ProcSteal:
		p := r.settle(e.Args[0])
		if o := p.thread; o != nil {
			if o.g > 0 && r.gs[o.g-1] != nil && r.gs[o.g-1].state == gSyscall {
				r.gs[o.g-1].state = gSyscallOut
			}
			o.p = 0
		}
		p.held, p.syscall, p.g, p.thread = false, false, 0, nil
	case decode.ProcStatus:
		p := r.p(e.Args[0])
		if p.known || p.held {
			break
		}
		switch decode.ProcState(e.Args[1]) {
		case decode.ProcIdle:
			r.settle(e.Args[0])
		case decode.ProcRunning, decode.ProcSyscall:
			p.held, p.syscall = true, decode.ProcState(e.Args[1]) == decode.ProcSyscall
			p.thread, th.p = th, e.Args[0]+1
		case decode.ProcSyscallAbandoned:
			p.held, p.syscall = true, true
		}
	case decode.GoCreate, decode.GoCreateBlocked:
		r.g(e.Args[0], gGone).state = gRunnable
		if e.Type == decode.GoCreateBlocked {
			r.g(e.Args[0], gGone).state = gWaiting
		}
	case decode.GoCreateSyscall:
		r.g(e.Args[0], gGone).state = gSyscallOut
		th.g = e.Args[0] + 1
	case decode.GoStart:
		if p != nil {
			r.settle(th.p - 1)
			p.g, p.syscall, p.fresh = e.Args[0]+1, false, false
		}
		r.g(e.Args[0], gRunnable).state = gRunning
		th.g = e.Args[0] + 1
	case decode.GoDestroy, decode.GoDestroySyscall:
		if e.Type == decode.GoDestroySyscall && p != nil {
			r.settle(th.p - 1)
			p.held, p.syscall, p.thread = false, false, nil
			th.p = 0
		}
		id := th.g - 1
		leave(gGone)
		delete(r.gs, id)
	case decode.GoStop:
		leave(gRunnable)
	case decode.GoBlock:
		leave(gWaiting)
	case decode.GoUnblock:
		r.g(e.Args[0], gWaiting).state = gRunnable
	case decode.GoSwitch, decode.GoSwitchDestroy:
		leave(gWaiting)
		r.g(e.Args[0], gWaiting).state = gRunning
		th.g = e.Args[0] + 1
		if p != nil {
			p.g = th.g
		}
	case decode.GoSyscallBegin:
		if p != nil {
			r.settle(th.p - 1)
			p.syscall = true
		}
		if g != nil {
			g.state = gSyscall
		}
	case decode.GoSyscallEnd:
		if p != nil {
			r.settle(th.p - 1)
			p.syscall = false
		}
		if g != nil {
			g.state = gRunning
		}
	case decode.GoSyscallEndBlocked:
		if p != nil {
			r.settle(th.p - 1)
		}
		if g != nil {
			g.state = gRunnable
		}
		th.g = 0
	case decode.GoStatus, decode.GoStatusStack:
		if r.gs[e.Args[0]] != nil {
			break
		}
		state := map[decode.GoState]gState{decode.GoRunnable: gRunnable, decode.GoRunning: gRunning, decode.GoSyscall: gSyscallOut, decode.GoWaiting: gWaiting}[decode.GoState(e.Args[2])]
		mine := e.Args[1] == e.thread && (state == gRunning || state == gSyscallOut)
		if mine && state == gSyscallOut && p != nil {
			state = gSyscall
		}
		r.g(e.Args[0], state)
		if mine {
			th.g = e.Args[0] + 1
			if p != nil {
				p.g = th.g
				p.syscall = state == gSyscall
				r.settle(th.p - 1).fresh = false
			}
		}
	case decode.GoLabel:
		if g != nil && strings.HasPrefix(e.tables.String(e.Args[0]), "GC (") {
			g.worker = true
		}
	case decode.GCMarkAssistBegin, decode.GCMarkAssistEnd:
		if g != nil {
			g.assist, g.assisted = e.Type == decode.GCMarkAssistBegin, true
		}
	case decode.GCMarkAssistActive:
		if g := r.gs[e.Args[0]]; g != nil && !g.assisted {
			g.assist = true
		}
	case decode.GCSweepBegin, decode.GCSweepEnd:
		if p != nil {
			p.sweep, p.swept = e.Type == decode.GCSweepBegin, true
		}
	case decode.GCSweepActive:
		if p := r.p(e.Args[0]); !p.swept {
			p.sweep = true
		}
	case decode.STWBegin:
		r.stw, r.stopper = true, th.g
		if p != nil {
			r.settle(th.p - 1)
		}
	case decode.STWEnd:
		r.stw, r.stopper = false, 0
	}
}

// rawly holds the accounting against the plain one on raw times, in windows of that length.
func rawly(t *testing.T, data []byte, every time.Duration) {
	t.Helper()
	spec := WindowSpec{Mode: Slices, Every: every}
	if every == 0 {
		spec.Mode = Whole
	}
	a, err := readBytes(data, Options{Windows: spec, Causes: true})
	if err != nil {
		t.Fatal(err)
	}
	var ends []int64
	for _, w := range a.Windows {
		ends = append(ends, a.Origin+int64(w.End))
	}
	events := rawEvents(t, data)
	if events[0].Time != a.Origin {
		t.Errorf("the trace begins at %d, want %d", a.Origin, events[0].Time)
	}
	r := new(raw)
	r.account(events, ends)
	near := func(i int, what any, got, want time.Duration) {
		t.Helper()
		// 0.1%, of the window where the part is small: the order of events of the same tick differs from run to run. How far the clocks of
		// CPUs are apart is the host's business.
		if d := (got - want).Abs(); d > want/1000 && d > a.Windows[i].Wall()/1000+2*time.Microsecond+a.Windows[i].skew {
			t.Errorf("windows of %v, number %d from %v: %v: %v, want %v", every, i, a.Windows[i].Start, what, got, want)
		}
	}
	for i := range a.Windows {
		w, want := &a.Windows[i], r.windows[i]
		if r.procs > 0 {
			near(i, "capacity", w.Capacity, want.capacity)
		}
		for s := range NumStates {
			var sum time.Duration
			for _, p := range want.parts {
				sum += p[s]
			}
			near(i, s, w.Parts[s], sum)
		}
		near(i, "running", w.Goroutines.Running, want.g[gRunning])
		near(i, "runnable", w.Goroutines.Runnable, want.g[gRunnable])
		near(i, "in system calls", w.Goroutines.Syscall, want.g[gSyscall]+want.g[gSyscallOut])
		near(i, "waiting", w.Goroutines.Waiting, want.g[gWaiting])
		by := map[CauseKind]time.Duration{}
		for _, c := range w.Causes {
			by[c.Kind] += c.Time
		}
		near(i, "wake-up", by[WakeUp], want.wake)
		near(i, "switching", by[Switching]+by[NoCPU], want.switching)
		near(i, "nothing to run", by[Blocked]+by[NoWork], want.rest)
		if t.Failed() {
			return
		}
	}
}
