package account

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/exp/trace"

	"github.com/contend-go/contend/traces/decode"
)

// readOld is Read for the format before Go 1.22, which is rare by now. golang.org/x/exp/trace
// reads it, all of it into memory, and what it says is fed to a machine as one generation.
func readOld(r io.ReaderAt, size int64, minor int, opt Options) (*Account, error) {
	tr, err := trace.NewReader(io.NewSectionReader(r, 0, size))
	if err != nil {
		return nil, &decode.FormatError{What: err.Error()}
	}
	first, err := tr.ReadEvent()
	for err == nil && first.Kind() == trace.EventSync {
		first, err = tr.ReadEvent() // time begins with what the program did
	}
	if err != nil {
		return nil, &decode.FormatError{What: fmt.Sprintf("it has a trace's header, but no events: %v", err)}
	}
	events := []trace.Event{first}
	a := &Account{GoMinor: minor, Size: size, Generations: 1}
	for {
		ev, err := tr.ReadEvent()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			a.Lost.Generations = 1
			a.Lost.add(err.Error())
			break
		}
		events = append(events, ev)
	}
	j := &job{windows: opt.Windows, origin: int64(first.Time())}
	if opt.Timeline.Columns > 0 {
		j.grid = newGrid(j.origin, int64(events[len(events)-1].Time()), opt)
	}
	if j.windows.Mode == Auto {
		j.windows.Mode = ProcsChanges
		for _, ev := range events {
			if ev.Kind() == trace.EventLog && ev.Log().Category == MarkCategory {
				j.windows.Mode = Marks
			}
		}
	}
	o := &old{
		numbers: map[string]uint64{"": 0}, strings: []string{""},
		stackIDs: map[trace.Stack]uint64{trace.NoStack: 0}, stacks: []trace.Stack{trace.NoStack},
	}
	s := newStitcher(j)
	o.run(events, j, nil)
	s.add(o.m, 1, true)
	s.finish()
	if opt.Causes {
		c := newCharger(s)
		c.budget += 32 * int64(len(events))
		o.run(events, j, c)
		c.finish()
	}
	if opt.Progress != nil {
		opt.Progress(size, size)
	}
	s.write(a, nil)
	return a, nil
}

// old feeds the events of golang.org/x/exp/trace to a machine, and is its tables.
type old struct {
	m        *machine
	numbers  map[string]uint64
	strings  []string
	stackIDs map[trace.Stack]uint64
	stacks   []trace.Stack
}

// run runs all events through a new machine, watched by c if it is not nil.
func (o *old) run(events []trace.Event, j *job, c *charger) {
	o.m = newMachine(o, nil, j.origin, int64(events[len(events)-1].Time()), nil, j)
	if c != nil {
		o.m.watch, o.m.translate = c, newTranslator(&c.s.names, o.m)
		c.introduce(1)
	}
	for _, ev := range events {
		o.event(ev)
	}
	o.m.end()
	o.m.result.end = max(o.m.result.end, int64(events[len(events)-1].Time()))
}

// by is the goroutine that did what an event says, or nil.
func (o *old) by(ev trace.Event) *goroutine {
	if ev.Goroutine() == trace.NoGoroutine {
		return nil
	}
	return o.m.find(uint64(ev.Goroutine()))
}

// String is the string of that number.
func (o *old) String(id uint64) string {
	if id < uint64(len(o.strings)) {
		return o.strings[id]
	}
	return ""
}

// Stack appends the frames of the stack of that number.
func (o *old) Stack(id uint64, buf []decode.Frame) []decode.Frame {
	if id < uint64(len(o.stacks)) {
		for f := range o.stacks[id].Frames() {
			buf = append(buf, decode.Frame{PC: f.PC, Func: decode.Printable(f.Func), File: decode.Printable(f.File), Line: f.Line})
		}
	}
	return buf
}

func (o *old) string(s string) uint64 {
	id, ok := o.numbers[s]
	if !ok {
		id = uint64(len(o.strings))
		o.numbers[s] = id
		o.strings = append(o.strings, decode.Printable(s))
	}
	return id
}

func (o *old) stack(s trace.Stack) uint64 {
	id, ok := o.stackIDs[s]
	if !ok {
		id = uint64(len(o.stacks))
		o.stackIDs[s] = id
		o.stacks = append(o.stacks, s)
	}
	return id
}

// event feeds one event.
func (o *old) event(ev trace.Event) {
	m, t := o.m, int64(ev.Time())
	m.events++
	if t >= m.nextCut {
		m.foreseen(t)
	}
	switch ev.Kind() {
	case trace.EventMetric:
		if x := ev.Metric(); x.Name == "/sched/gomaxprocs:threads" {
			m.setProcs(int(min(x.Value.Uint64(), maxProcs)), t)
		}
	case trace.EventLog:
		if l := ev.Log(); m.spec.Mode == Marks && l.Category == MarkCategory {
			m.cut(markOf(decode.Printable(l.Message), t), nil)
		}
	case trace.EventLabel:
		l := ev.Label()
		if l.Resource.Kind == trace.ResourceGoroutine && m.isWorker(o.string(l.Label)) {
			o.change(ev, l.Resource.Goroutine(), func(g *goroutine) { g.gc = true })
		}
	case trace.EventRangeBegin, trace.EventRangeActive, trace.EventRangeEnd:
		o.rangeEvent(ev)
	case trace.EventStackSample:
		m.sample([]decode.Sample{{Time: t, Stack: o.stack(ev.Stack())}})
	case trace.EventStateTransition:
		switch st := ev.StateTransition(); st.Resource.Kind {
		case trace.ResourceProc:
			o.proc(st, t)
		case trace.ResourceGoroutine:
			o.goroutine(ev, st, t)
		}
	}
}

// fakeP is the first of the numbers that the old format gives to sources of events that are
// no Ps, such as timers.
const fakeP = 1_000_000

// lane is the P of that id, or nil if it is none.
func (o *old) lane(id trace.ProcID, t int64) *lane {
	if id < 0 || id >= fakeP {
		return nil
	}
	return o.m.lane(uint64(id), t)
}

// change changes a goroutine that may be running, and so what its P does.
func (o *old) change(ev trace.Event, id trace.GoID, f func(*goroutine)) {
	t := int64(ev.Time())
	g := o.m.find(uint64(id))
	if g == nil {
		return
	}
	f(g)
	if l := o.lane(ev.Proc(), t); l != nil && l.g == g && l.base != Syscall {
		l.set(l.running(), t)
	}
}

func (o *old) rangeEvent(ev trace.Event) {
	r, t := ev.Range(), int64(ev.Time())
	on := ev.Kind() != trace.EventRangeEnd
	switch {
	case len(r.Name) >= 14 && r.Name[:14] == "stop-the-world":
		if on {
			g := o.by(ev)
			o.m.stopTheWorld(g, t)
			if o.m.watch != nil {
				reason := strings.TrimSuffix(strings.TrimPrefix(r.Name, "stop-the-world ("), ")")
				o.m.watch.stop(o.m, g, int(ev.Proc()), o.string(reason), o.stack(ev.Stack()), t)
			}
		} else {
			o.m.startTheWorld(t)
		}
	case r.Name == "GC mark assist":
		o.change(ev, r.Scope.Goroutine(), func(g *goroutine) {
			if g.assist = on; o.m.watch != nil {
				o.m.watch.assist(o.m, g, o.stack(ev.Stack()), t)
			}
		})
	case r.Name == "GC incremental sweep":
		if l := o.lane(r.Scope.Proc(), t); l != nil {
			l.sweep = on
			if l.base != Syscall && l.base != Idle {
				l.set(l.running(), t)
			}
		}
	}
}

func (o *old) proc(st trace.StateTransition, t int64) {
	from, to := st.Proc()
	l := o.lane(st.Resource.Proc(), t)
	if l == nil || from == to {
		return
	}
	if l.head {
		l.base = Idle
		if from == trace.ProcRunning {
			l.base = Held
		}
	}
	if g := l.g; g != nil && g.state == gSyscall {
		o.m.setG(g, gSyscallOut, t)
	}
	l.g = nil
	if to == trace.ProcRunning {
		l.set(Held, t)
	} else {
		l.set(Idle, t)
	}
}

// goStates are the states of golang.org/x/exp/trace.
var goStates = map[trace.GoState]gState{
	trace.GoRunnable: gRunnable, trace.GoRunning: gRunning, trace.GoSyscall: gSyscall, trace.GoWaiting: gWaiting,
}

func (o *old) goroutine(ev trace.Event, st trace.StateTransition, t int64) {
	m := o.m
	from, to := st.Goroutine()
	id := uint64(st.Resource.Goroutine())
	g := m.find(id)
	l := o.lane(ev.Proc(), t)
	var was *chargedG
	if m.watch != nil {
		was = m.watch.g(id)
	}
	if g == nil {
		g = m.create(id, goStates[from], t)
		g.site = m.sites.of(reasonUnknown, o.stack(st.Stack))
		if from == trace.GoNotExist {
			m.at(t).created++
			g.site, g.start = m.sites.of(reasonCreated, o.stack(ev.Stack())), o.stack(st.Stack)
		} else {
			g.since = m.books[0].start // since before the trace
		}
		if from == trace.GoUndetermined {
			g.state = goStates[to]
			switch {
			case to == trace.GoSyscall:
				g.state = gSyscallOut // its P, if it still had one, would have started
			case l != nil:
				o.onP(l, g, from, to, t)
			}
			m.tell(g, t)
			return
		}
	}
	if from == to {
		return
	}
	if from == trace.GoWaiting {
		m.unblock(g, o.by(ev), o.stack(ev.Stack()), t)
	} else if to == trace.GoRunnable {
		g.woken = false
	}
	state := goStates[to]
	if state == gSyscall && l == nil {
		state = gSyscallOut
	}
	switch {
	case to == trace.GoWaiting && from == trace.GoRunning, to == trace.GoRunnable && from == trace.GoRunning:
		reason := o.string(st.Reason)
		if reason == 0 {
			reason = reasonUnknown
		}
		g.site = m.sites.of(reason, o.stack(st.Stack))
	case to == trace.GoSyscall:
		g.site = m.sites.of(reasonSyscall, o.stack(st.Stack))
	}
	if state != g.state {
		m.setG(g, state, t)
	}
	if to == trace.GoNotExist {
		m.at(t).exited++
		m.forget(g)
	}
	if from == trace.GoRunning && to != trace.GoSyscall {
		g.gc = false
	}
	if l != nil {
		o.onP(l, g, from, to, t)
		if c := m.watch; c != nil {
			if from == trace.GoRunning && l.g == nil {
				c.vacated(l.p, was)
			}
			c.onP(l.p, l.g)
		}
	}
}

// onP says what a goroutine's transition makes of the P it happens on.
func (o *old) onP(l *lane, g *goroutine, from, to trace.GoState, t int64) {
	switch {
	case to == trace.GoRunning:
		if l.head && from != trace.GoUndetermined {
			l.base = Held
		} else if l.head {
			l.base = Running
		}
		l.g = g
		l.set(l.running(), t)
	case to == trace.GoSyscall && (from == trace.GoRunning || from == trace.GoUndetermined):
		l.g = g
		l.set(Syscall, t)
	case l.g == g:
		l.g = nil
		l.set(l.running(), t)
	}
}
