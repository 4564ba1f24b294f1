package account

import (
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"golang.org/x/exp/trace"
)

// oracle is the accounting of the package's documentation, written plainly: after every event it
// adds the time since the event before to the state of every P and every goroutine. It
// shares no code with the accounting that it judges.
type oracle struct {
	windows []*oracleWindow
	waits   int64 // blocked → runnable or running
	reasons map[string]int64
	sysBlk  int64 // syscall → runnable
	wakes   int64 // unblocked → running
	created int64

	origin, now trace.Time
	procs       int
	pending     []oraclePending // time before GOMAXPROCS is known
	ps          []*oracleP
	gs          map[trace.GoID]*oracleG
	stopper     trace.GoID // that stops the world, or NoGoroutine
	// old: the trace is of Go before 1.22, where a P's first event is its start, not its status.
	old bool
}

type oracleWindow struct {
	label    string
	start    trace.Time
	capacity time.Duration
	parts    []Parts // by P
	g        map[trace.GoState]time.Duration
}

type oracleP struct {
	known   bool
	held    bool // by a thread
	syscall bool
	sweep   bool
	g       trace.GoID
	pending []oraclePending // time before its first event
}

type oraclePending struct {
	w   *oracleWindow
	stw bool
	d   time.Duration
	n   int // GOMAXPROCS then
}

type oracleG struct {
	state  trace.GoState
	reason string
	woken  bool
	worker bool
	assist bool
}

func (o *oracle) run(r io.Reader, byProcs bool) error {
	tr, err := trace.NewReader(r)
	if err != nil {
		return err
	}
	o.gs, o.reasons, o.stopper = make(map[trace.GoID]*oracleG), make(map[string]int64), trace.NoGoroutine
	for {
		ev, err := tr.ReadEvent()
		if errors.Is(err, io.EOF) {
			if o.procs == 0 {
				o.setProcs(len(o.ps))
			}
			for i := range o.ps {
				o.settle(i) // a P that never appeared was idle
			}
			return nil
		}
		if err != nil {
			return err
		}
		if o.windows == nil {
			if ev.Kind() == trace.EventSync {
				continue // before the first event that has a meaning
			}
			o.origin, o.now = ev.Time(), ev.Time()
			o.cut("", o.now)
		}
		o.pass(ev.Time())
		switch ev.Kind() {
		case trace.EventMetric:
			if m := ev.Metric(); m.Name == "/sched/gomaxprocs:threads" {
				n := int(m.Value.Uint64())
				if o.procs != 0 && n != o.procs && byProcs {
					o.cut(procsLabel(n), o.now)
				}
				if byProcs && o.procs == 0 {
					o.windows[0].label = procsLabel(n)
				}
				o.setProcs(n)
			}
		case trace.EventLog:
			if l := ev.Log(); l.Category == MarkCategory && !byProcs {
				label := strings.TrimPrefix(l.Message, "begin ")
				if label == "end" {
					label = ""
				}
				o.cut(label, o.now)
			}
		case trace.EventLabel:
			if l := ev.Label(); strings.HasPrefix(l.Label, "GC (") {
				o.g(l.Resource.Goroutine()).worker = true
			}
		case trace.EventRangeBegin, trace.EventRangeActive, trace.EventRangeEnd:
			o.rangeEvent(ev)
		case trace.EventStateTransition:
			switch st := ev.StateTransition(); st.Resource.Kind {
			case trace.ResourceProc:
				o.proc(st)
			case trace.ResourceGoroutine:
				o.goroutine(ev, st)
			}
		}
	}
}

func (o *oracle) cut(label string, at trace.Time) {
	o.windows = append(o.windows, &oracleWindow{label: label, start: at, g: make(map[trace.GoState]time.Duration)})
}

func (o *oracle) window() *oracleWindow { return o.windows[len(o.windows)-1] }

func (o *oracle) setProcs(n int) {
	o.procs = n
	o.p(trace.ProcID(n - 1))
	for _, p := range o.pending {
		p.w.capacity += p.d * time.Duration(n)
	}
	for _, p := range o.ps {
		for i := range p.pending {
			if p.pending[i].n == 0 {
				p.pending[i].n = n
			}
		}
	}
	o.pending = nil
}

// pass adds the time up to t to every state.
func (o *oracle) pass(t trace.Time) {
	d := t.Sub(o.now)
	o.now = t
	w := o.window()
	if o.procs == 0 {
		o.pending = append(o.pending, oraclePending{w: w, stw: o.stopper != trace.NoGoroutine, d: d})
	}
	w.capacity += d * time.Duration(o.procs)
	for i, p := range o.ps {
		if !p.known {
			p.pending = append(p.pending, oraclePending{w, o.stopper != trace.NoGoroutine, d, o.procs})
			continue
		}
		w.add(i, o.state(p), d, o.procs)
	}
	for _, g := range o.gs {
		w.g[g.state] += d
	}
}

func (w *oracleWindow) add(p int, s State, d time.Duration, procs int) {
	for len(w.parts) <= p {
		w.parts = append(w.parts, Parts{})
	}
	if (s == Idle || s == STW) && procs > 0 && p >= procs {
		return
	}
	w.parts[p][s] += d
}

func (o *oracle) state(p *oracleP) State {
	stw := o.stopper != trace.NoGoroutine
	switch {
	case !p.held:
		if stw {
			return STW
		}
		return Idle
	case p.syscall:
		return Syscall
	case stw && p.g == o.stopper:
		return STW
	case p.sweep:
		return GC
	case p.g != trace.NoGoroutine:
		if g := o.g(p.g); g.worker || g.assist {
			return GC
		}
		return Running
	case stw:
		return STW
	}
	return Held
}

// settle gives a P's time before its first event to the state it turned out to be in.
func (o *oracle) settle(i int) {
	p := o.ps[i]
	if p.known {
		return
	}
	p.known = true
	stopper := o.stopper
	for _, x := range p.pending {
		o.stopper = trace.NoGoroutine
		s := o.state(p)
		if x.stw && (s == Idle || s == Held) {
			s = STW
		}
		x.w.add(i, s, x.d, x.n)
	}
	o.stopper = stopper
	p.pending = nil
}

func (o *oracle) g(id trace.GoID) *oracleG {
	g := o.gs[id]
	if g == nil {
		g = new(oracleG)
		o.gs[id] = g
	}
	return g
}

func (o *oracle) p(id trace.ProcID) *oracleP {
	for len(o.ps) <= int(id) {
		o.ps = append(o.ps, &oracleP{g: trace.NoGoroutine, pending: slices.Clone(o.pending)})
	}
	return o.ps[id]
}

func (o *oracle) proc(st trace.StateTransition) {
	from, to := st.Proc()
	p := o.p(st.Resource.Proc())
	if from == to {
		return
	}
	switch {
	case from == trace.ProcUndetermined && !o.old:
		p.held = to == trace.ProcRunning
		if !p.held {
			o.settle(int(st.Resource.Proc()))
		}
		// Otherwise the next event tells what it holds.
	default:
		o.settle(int(st.Resource.Proc()))
		p.held, p.syscall, p.g = to == trace.ProcRunning, false, trace.NoGoroutine
		p.known = true
	}
}

func (o *oracle) goroutine(ev trace.Event, st trace.StateTransition) {
	from, to := st.Goroutine()
	id := st.Resource.Goroutine()
	if from == to {
		return
	}
	if from == trace.GoUndetermined {
		g := o.g(id)
		g.state = to
		// It was in this state since the trace began.
		for i, w := range o.windows {
			end := o.now
			if i+1 < len(o.windows) {
				end = o.windows[i+1].start
			}
			w.g[to] += end.Sub(w.start)
		}
		if (to == trace.GoRunning || to == trace.GoSyscall) && realProc(ev) != trace.NoProc {
			p := o.p(realProc(ev))
			p.g, p.syscall = id, to == trace.GoSyscall
			o.settle(int(realProc(ev)))
		}
		return
	}
	if realProc(ev) != trace.NoProc {
		o.settle(int(realProc(ev)))
	}
	g := o.g(id)
	g.state = to
	switch {
	case from == trace.GoNotExist:
		o.created++
		g.reason = "created"
	case to == trace.GoWaiting:
		g.reason = st.Reason
	case from == trace.GoWaiting:
		o.waits++
		o.reasons[g.reason]++
		g.woken = true
	case from == trace.GoSyscall && to == trace.GoRunnable:
		o.sysBlk++
		g.woken = false
	case to == trace.GoRunnable:
		g.woken = false
	}
	if from == trace.GoRunnable && to == trace.GoRunning && g.woken {
		o.wakes++
	}
	if from == trace.GoRunning && to != trace.GoSyscall {
		g.worker = false
	}
	if realProc(ev) != trace.NoProc {
		p := o.p(realProc(ev))
		switch {
		case to == trace.GoRunning:
			p.g, p.syscall = id, false
		case from == trace.GoRunning && to == trace.GoSyscall:
			p.syscall = true
		case from == trace.GoRunning && p.g == id:
			p.g = trace.NoGoroutine
		case from == trace.GoSyscall && p.g == id:
			p.g, p.syscall = trace.NoGoroutine, false
		}
	}
	if to == trace.GoNotExist {
		delete(o.gs, id)
	}
}

func (o *oracle) rangeEvent(ev trace.Event) {
	r := ev.Range()
	on := ev.Kind() != trace.EventRangeEnd
	switch {
	case strings.HasPrefix(r.Name, "stop-the-world"):
		o.stopper = trace.NoGoroutine
		if on {
			o.stopper = ev.Goroutine()
		}
	case r.Name == "GC mark assist":
		o.g(r.Scope.Goroutine()).assist = on
	case r.Name == "GC incremental sweep":
		o.p(r.Scope.Proc()).sweep = on
	}
}

// realProc is an event's P. Traces of Go before 1.22 number other sources of events as Ps, too.
func realProc(ev trace.Event) trace.ProcID {
	if p := ev.Proc(); p < 1_000_000 {
		return p
	}
	return trace.NoProc
}
