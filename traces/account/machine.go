package account

import (
	"strings"

	"github.com/contend-go/contend/traces/decode"
)

// gState is what a goroutine does.
type gState uint8

const (
	gGone gState = iota // or not known
	gRunnable
	gRunning
	gSyscall    // in a system call, its P still there
	gSyscallOut // in a system call that lost its P, or in cgo without one
	gWaiting
	numGStates
)

// goroutine is the state of one goroutine.
type goroutine struct {
	id    uint64
	seq   uint64
	since int64  // in state
	site  int32  // where it is blocked or in a system call
	start uint64 // stack of the function that it begins with, if it was created in this generation
	state gState
	// head: it is in its state since before the generation, so the stitcher knows since when.
	head   bool
	woken  bool // runnable because it was unblocked
	gc     bool // a mark worker
	assist bool // in a mark assist
}

// tables is what events refer to.
type tables interface {
	String(id uint64) string
	Stack(id uint64, buf []decode.Frame) []decode.Frame
}

// machine runs the events of one generation: it knows what every P and goroutine does, and
// puts the time into books. What began before the generation it leaves to the
// stitcher.
type machine struct {
	tables tables
	spec   WindowSpec

	world
	translate *translator // for whoever watches

	threads []thread
	lanes   []*lane
	gs      map[uint64]*goroutine
	recent  [256]*goroutine // of gs, by the low byte of the id
	sites   siteTable
	stops   map[uint64]bool // stacks of GoStop: is it a hand-off?
	label   map[uint64]bool // labels of GoLabel: is it a mark worker?

	forced  bool // the current event must be taken, whatever it contradicts
	events  int64
	odd     int64 // events that contradict what is known
	crowded bool  // there are more cuts than windows are told apart
	nextCut int64 // when the first of others is
	others  []cut // of the generations before and after, as far as they overlap with this one

	result result
}

// thread is what a thread (M) holds.
type thread struct {
	id    uint64
	index int32
	now   int64 // of its last event; never less than that of what the event depends on
	lane  *lane
	g     *goroutine
	cpu   *threadCPU
	// woke is the site at which the goroutine waited that the thread unblocked last, -1 if
	// none; head is that goroutine's index in result.heads plus 1 if its site is not known.
	woke int32
	head int
}

// result is what a machine found.
type result struct {
	end   int64 // time of the last event
	seen  int   // Ps that appeared before the first event that tells GOMAXPROCS
	cuts  []cut
	heads []head // goroutines whose state from before the generation ended in it
	tails []tail // goroutines at its end
}

type cutKind uint8

const (
	cutMark  cutKind = iota // a mark
	cutProcs                // a change of GOMAXPROCS, maybe to what it was
	cutStop                 // the world is stopped
	cutStart                // and started again
	cutNone                 // nothing; it is there so that events come in the same order whatever the windows are
)

// cut is a moment at which something changes that all Ps share.
type cut struct {
	at    int64
	kind  cutKind
	procs int    // cutProcs: GOMAXPROCS from then on
	label string // cutMark
}

// head is the end of a state from before the generation.
type head struct {
	id      uint64
	at      int64
	state   gState
	site    int32  // as far as the generation tells
	stack   uint64 // of who unblocked it
	handoff bool
	woken   bool // it ended by an unblock
	// uncounted: the state did not end as such states do, but in a gap, or with the goroutine.
	uncounted bool
}

// tail is a goroutine's state at the end of a generation.
type tail struct {
	id    uint64
	since int64
	site  int32
	state gState
	head  bool // since before the generation
	woken bool
}

const noSite = -1

// newMachine makes a machine for a generation that begins at start, of a trace that begins at
// origin, with the threads of those ids. It ends at about end. others are cuts of the neighbours, in the order of time.
func newMachine(t tables, threads []uint64, start, end int64, others []cut, j *job) *machine {
	m := &machine{
		tables: t, spec: j.windows, others: others,
		gs: make(map[uint64]*goroutine), stops: make(map[uint64]bool), label: make(map[uint64]bool),
		sites: newSiteTable(),
	}
	m.grid = j.grid
	m.books = books{newBook(start)}
	m.epochs = []epoch{{at: start}}
	m.threads = make([]thread, len(threads))
	for i, id := range threads {
		m.threads[i] = thread{id: id, index: int32(i), woke: noSite, cpu: j.cpu(id)}
	}
	if m.spec.Mode == Slices {
		m.crowded = !m.world.slice(j.origin, int64(m.spec.Every), end, maxWindows)
	}
	m.foresee()
	return m
}

// foresee sets nextCut.
func (m *machine) foresee() {
	m.nextCut = 1<<63 - 1
	if len(m.others) > 0 {
		m.nextCut = m.others[0].at
	}
}

// at is the book that holds t.
func (m *machine) at(t int64) *book {
	if b := m.books[len(m.books)-1]; b.start <= t {
		return b
	}
	return m.books[m.books.at(t)]
}

// run runs all events.
func (m *machine) run(s *decode.Stream) {
	for m.next(s) {
	}
	m.end()
}

// next runs the next events. It returns false at the end.
func (m *machine) next(s *decode.Stream) bool {
	if !s.Next(m.nextCut) {
		return false
	}
	if t := s.Events[0].Time; t >= m.nextCut {
		m.foreseen(t)
	}
	m.forced = s.Forced
	taken := m.take(&m.threads[s.Thread], s.Events)
	m.events += int64(taken)
	if taken < len(s.Events) {
		s.Postpone(taken)
	}
	return true
}

// take runs events of a thread. It returns how many it took before one of another thread
// must come first.
func (m *machine) take(th *thread, events []decode.Event) int {
	if m.watch != nil {
		for i := range events {
			if !m.watched(th, &events[i]) {
				return i
			}
		}
		return len(events)
	}
	for i := range events {
		if !m.step(th, &events[i]) {
			return i
		}
	}
	return len(events)
}

// watched is step, and tells who watches which goroutine is on the thread's P from then on.
func (m *machine) watched(th *thread, e *decode.Event) bool {
	g, l := th.g, th.lane
	var was *chargedG
	if g != nil {
		was = m.watch.g(g.id)
	}
	if !m.step(th, e) {
		return false
	}
	if l != nil && was != nil && th.g != g {
		m.watch.vacated(l.p, was)
	}
	if l := th.lane; l != nil {
		m.watch.onP(l.p, th.g)
	}
	return true
}

// after brings the thread to time t, unless it is past it, and returns its time. Clocks of CPUs may
// differ: what depends on something is not before it, whatever they say.
func (th *thread) after(t int64) int64 {
	th.now = max(th.now, t)
	return th.now
}

// end ends the generation. Ps and goroutines go on from their last events.
func (m *machine) end() {
	m.result.end = m.epochs[0].at
	for i := range m.threads {
		m.result.end = max(m.result.end, m.threads[i].now)
	}
	for _, l := range m.lanes {
		if l != nil {
			l.close(l.since)
		}
	}
	m.crowded = m.crowded || m.full
	for _, g := range m.gs {
		if g.state != gGone {
			m.result.tails = append(m.result.tails, tail{id: g.id, since: g.since, site: g.site, state: g.state, head: g.head, woken: g.woken})
		}
	}
}

// step runs an event of a thread. It reports false if one of another thread must come first.
func (m *machine) step(th *thread, e *decode.Event) bool {
	t := th.after(e.Time)
	switch e.Type {
	case decode.GoStart:
		return m.goStart(th, e.Args[0], e.Args[1])
	case decode.GoUnblock:
		return m.goUnblock(th, e.Args[0], e.Args[1], e.Args[2])
	case decode.GoBlock:
		if g := m.leave(th, t); g != nil {
			g.site = m.sites.of(e.Args[0], e.Args[1])
			m.setG(g, gWaiting, t)
		}
	case decode.GoStop:
		if g := m.leave(th, t); g != nil {
			g.site = m.sites.of(e.Args[0], e.Args[1])
			m.setG(g, gRunnable, t)
			g.woken = false
			m.handoff(th, g, e.Args[1])
		}
	case decode.GoDestroy:
		if g := m.leave(th, t); g != nil {
			m.destroy(g, t)
		}
	case decode.GoCreate, decode.GoCreateBlocked:
		m.goCreate(e, t)
	case decode.GoSyscallBegin:
		m.syscallBegin(th, e.Args[0], e.Args[1])
	case decode.GoSyscallEnd:
		m.syscallEnd(th)
	case decode.GoSyscallEndBlocked:
		return m.syscallEndBlocked(th)
	case decode.GoCreateSyscall:
		if th.lane != nil {
			m.odd++ // a thread that comes from C has none
		}
		m.at(t).created++
		g := m.create(e.Args[0], gSyscallOut, t)
		g.site = m.sites.of(reasonSyscall, 0)
		m.tell(g, t)
		th.g = g
	case decode.GoDestroySyscall:
		m.destroySyscall(th, t)
	case decode.GoSwitch, decode.GoSwitchDestroy:
		return m.goSwitch(th, e)
	case decode.GoStatus:
		m.goStatus(th, e, 0)
	case decode.GoStatusStack:
		m.goStatus(th, e, e.Args[3])
	case decode.GoLabel:
		if g := th.g; g != nil && m.isWorker(e.Args[0]) {
			g.gc = true
			m.resume(th, t)
		}
	case decode.ProcStart:
		return m.procStart(th, e)
	case decode.ProcStop:
		if l := th.lane; l != nil {
			m.release(th, l, t)
			l.set(Idle, t)
		}
	case decode.ProcSteal:
		return m.procSteal(th, e)
	case decode.ProcStatus:
		m.procStatus(th, e)
	case decode.ProcsChange:
		m.setProcs(int(min(e.Args[0], maxProcs)), t)
	case decode.STWBegin:
		if th.lane != nil && th.lane.head {
			th.lane.endHead(t)
		}
		m.stopTheWorld(th.g, t)
		if m.watch != nil {
			p := -1
			if th.lane != nil {
				p = th.lane.p
			}
			m.watch.stop(m, th.g, p, e.Args[0], e.Args[1], t)
		}
	case decode.STWEnd:
		m.startTheWorld(t)
	case decode.GCMarkAssistBegin, decode.GCMarkAssistEnd:
		if g := th.g; g != nil {
			g.assist = e.Type == decode.GCMarkAssistBegin
			if m.watch != nil {
				m.watch.assist(m, g, e.Args[0], t)
			}
			m.resume(th, t)
		}
	case decode.GCMarkAssistActive:
		if g := m.find(e.Args[0]); g != nil {
			g.assist = true
			if g == th.g {
				m.resume(th, t)
			}
		}
	case decode.GCSweepBegin, decode.GCSweepEnd, decode.GCSweepActive:
		m.sweep(th, e)
	case decode.UserLog:
		if m.spec.Mode == Marks && m.tables.String(e.Args[1]) == MarkCategory {
			m.cut(markOf(m.tables.String(e.Args[2]), t), nil)
		}
	case decode.Gap:
		m.gap(th, t)
	}
	return true
}

// find returns the goroutine of that id, or nil.
func (m *machine) find(id uint64) *goroutine {
	slot := &m.recent[id&255]
	if g := *slot; g != nil && g.id == id {
		return g
	}
	g := m.gs[id]
	if g != nil {
		*slot = g
	}
	return g
}

// create makes a goroutine, or a new one out of one that should not exist.
func (m *machine) create(id uint64, state gState, t int64) *goroutine {
	g := m.find(id)
	if g == nil {
		g = &goroutine{id: id}
		m.gs[id] = g
	}
	*g = goroutine{id: id, site: noSite, state: state, since: t}
	if state != gRunnable {
		g.site = m.sites.of(reasonUnknown, 0) // until it is told
	}
	return g
}

// known returns the goroutine of that id, made if necessary: events may be lost.
func (m *machine) known(id uint64, t int64) *goroutine {
	if g := m.find(id); g != nil {
		return g
	}
	m.odd++
	return m.create(id, gGone, t)
}

// setG ends the goroutine's state at t, and begins another. Where events contradict each other, t
// may be before the state began.
func (m *machine) setG(g *goroutine, state gState, t int64) {
	t = max(t, g.since)
	if b := m.books[len(m.books)-1]; g.head {
		m.endHead(g, t)
	} else if g.since < b.start { // in several windows
		m.books.goroutine(g.state, g.site, g.since, t)
		switch b = m.at(t); g.state {
		case gRunnable:
			if g.woken {
				b.wake.add(t - g.since)
			}
		case gWaiting, gSyscallOut:
			b.site(g.site).ended(t - g.since)
		}
	} else {
		d := t - g.since
		b.g[g.state] += d
		switch g.state {
		case gRunnable:
			if g.site >= 0 {
				b.site(g.site).ready += d
			}
			if g.woken {
				b.wake.add(d)
			}
		case gWaiting, gSyscallOut:
			s := b.site(g.site)
			s.wait += d
			s.ended(d)
		}
	}
	g.state, g.since = state, t
	if m.watch != nil {
		m.tell(g, t)
	}
}

// tell tells who watches what a goroutine does now.
func (m *machine) tell(g *goroutine, t int64) {
	if m.watch != nil {
		m.watch.change(m, g, g.state, t)
	}
}

// endHead ends a state from before the generation.
func (m *machine) endHead(g *goroutine, t int64) *head {
	m.result.heads = append(m.result.heads, head{id: g.id, at: t, state: g.state, site: g.site})
	g.head = false
	return &m.result.heads[len(m.result.heads)-1]
}

func (m *machine) destroy(g *goroutine, t int64) {
	m.setG(g, gGone, t)
	m.at(t).exited++
	m.forget(g)
}

func (m *machine) forget(g *goroutine) {
	delete(m.gs, g.id)
	if m.recent[g.id&255] == g {
		m.recent[g.id&255] = nil
	}
}

// ready reports whether the current event can be taken: whether the goroutine
// is in the state and at the sequence number before it. A goroutine of which events were
// lost takes any.
func (m *machine) ready(g *goroutine, state gState, seq uint64) bool {
	if g != nil && g.state == state && g.seq+1 == seq {
		return true
	}
	if g != nil && g.state == gGone {
		return true
	}
	if m.forced {
		m.odd++
	}
	return m.forced
}

func (m *machine) goStart(th *thread, id, seq uint64) bool {
	g := m.find(id)
	if !m.ready(g, gRunnable, seq) {
		return false
	}
	if g == nil {
		g = m.known(id, th.now)
	}
	t := th.after(g.since)
	if old := th.g; old != nil {
		m.odd++
		m.setG(old, gGone, t)
	}
	m.setG(g, gRunning, t)
	g.seq = seq
	th.g = g
	th.woke, th.head = noSite, 0
	if l := th.lane; l != nil {
		l.g = g
		l.set(l.running(), t)
	}
	return true
}

// running is the state of a P on which a goroutine runs.
func (l *lane) running() State {
	if g := l.g; l.sweep || g != nil && (g.gc || g.assist) {
		return GC
	}
	if l.g == nil {
		return Held
	}
	return Running
}

// resume sets a P to what its goroutine makes of it, as that may have changed.
func (m *machine) resume(th *thread, t int64) {
	if l := th.lane; l != nil && !l.head && l.base != Syscall {
		if s := l.running(); s != l.base {
			l.set(s, t)
		}
	} else if l != nil && l.head && l.running() == GC {
		l.set(GC, t)
	}
}

func (m *machine) goUnblock(th *thread, id, seq, stack uint64) bool {
	g := m.find(id)
	if !m.ready(g, gWaiting, seq) {
		return false
	}
	if g == nil {
		g = m.known(id, th.now)
	}
	g.seq = seq
	th.woke, th.head = m.unblock(g, th.g, stack, th.after(g.since))
	return true
}

// unblock makes a waiting goroutine runnable; by did that, or if it is nil a timer or the network. It returns what thread.woke and thread.head are.
func (m *machine) unblock(g, by *goroutine, stack uint64, t int64) (woke int32, index int) {
	woke = noSite
	t = max(t, g.since)
	if m.watch != nil {
		m.watch.woken(m, g, by, stack, t)
	}
	switch {
	case g.head:
		h := m.endHead(g, t)
		h.stack, h.woken = stack, true
		index = len(m.result.heads)
	case g.state == gWaiting:
		b := m.books[len(m.books)-1]
		if g.since < b.start {
			m.books.goroutine(gWaiting, g.site, g.since, t)
			b = m.at(t)
		} else {
			b.g[gWaiting] += t - g.since
			b.site(g.site).wait += t - g.since
		}
		s := b.site(g.site)
		s.ended(t - g.since)
		s.released(stack, 1)
		woke = g.site
	case g.state != gGone:
		m.books.goroutine(g.state, g.site, g.since, t)
	}
	g.state, g.since, g.woken = gRunnable, t, true
	return woke, index
}

// handoff recognises the yield of an unlocker in starvation mode, which comes right after it
// unblocked the waiter that it hands the lock and its P to.
func (m *machine) handoff(th *thread, g *goroutine, stack uint64) {
	if th.woke == noSite && th.head == 0 {
		return
	}
	is, ok := m.stops[stack]
	if !ok {
		is = isHandoff(m.tables.Stack(stack, nil))
		m.stops[stack] = is
	}
	if !is {
		return
	}
	if m.watch != nil {
		m.watch.handed(g)
	}
	if heads := m.result.heads; th.head > 0 && th.head <= len(heads) {
		heads[th.head-1].handoff = true
	} else if th.woke >= 0 {
		m.at(th.now).site(th.woke).handoffs++
	}
}

// leave takes the running goroutine off the thread and its P.
func (m *machine) leave(th *thread, t int64) *goroutine {
	g := th.g
	if g == nil {
		m.odd++
		return nil
	}
	th.g = nil
	g.gc = false
	if l := th.lane; l != nil {
		l.g = nil
		l.set(l.running(), t)
	}
	return g
}

func (m *machine) goCreate(e *decode.Event, t int64) {
	if e.Type == decode.GoCreate {
		g := m.create(e.Args[0], gRunnable, t)
		g.site, g.start = m.sites.of(reasonCreated, e.Args[2]), e.Args[1]
		m.tell(g, t)
	} else {
		g := m.create(e.Args[0], gWaiting, t)
		g.site = m.sites.of(reasonCoroutine, e.Args[2])
		m.tell(g, t)
	}
	m.at(t).created++
}

func (m *machine) goSwitch(th *thread, e *decode.Event) bool {
	id, seq := e.Args[0], e.Args[1]
	next := m.find(id)
	if !m.ready(next, gWaiting, seq) {
		return false
	}
	if next == nil {
		next = m.known(id, th.now)
	}
	t := th.after(next.since)
	if g := m.leave(th, t); g != nil {
		if e.Type == decode.GoSwitchDestroy {
			m.destroy(g, t)
		} else {
			g.site = m.sites.of(reasonCoroutine, 0)
			m.setG(g, gWaiting, t)
		}
	}
	if next.head {
		m.endHead(next, t).woken = true
		next.state = gGone
	}
	m.setG(next, gRunning, t)
	next.seq = seq
	th.g = next
	if l := th.lane; l != nil {
		l.g = next
		l.set(l.running(), t)
	}
	return true
}

func (m *machine) syscallBegin(th *thread, seq, stack uint64) {
	g, l := th.g, th.lane
	if g != nil {
		site := m.sites.of(reasonSyscall, stack)
		if g.state != gRunning {
			m.setG(g, gRunning, th.now) // the events between were lost
		}
		g.site = site
		m.setG(g, gSyscall, th.now)
	}
	if l != nil {
		l.seq = seq
		l.set(Syscall, th.now)
	}
}

func (m *machine) syscallEnd(th *thread) {
	if th.lane == nil {
		m.odd++ // it goes on at once, as it kept its P
	}
	if g := th.g; g != nil {
		m.setG(g, gRunning, th.now)
	}
	if l := th.lane; l != nil {
		l.g = th.g
		l.set(l.running(), th.now)
	}
}

func (m *machine) syscallEndBlocked(th *thread) bool {
	// The P was lost, so the event that took it comes first.
	if l := th.lane; l != nil && l.base == Syscall && !l.head {
		if !m.forced {
			return false
		}
		m.odd++
		th.lane = nil
	}
	if g := th.g; g != nil {
		t := th.after(g.since)
		if g.state == gSyscall {
			m.setG(g, gSyscallOut, t)
		}
		m.setG(g, gRunnable, t)
		g.woken = false
		th.g = nil
	}
	if l := th.lane; l != nil {
		l.g = nil
	}
	return true
}

func (m *machine) destroySyscall(th *thread, t int64) {
	if g := th.g; g != nil {
		// A thread of C that leaves Go did not wait for anything.
		if g.head {
			m.endHead(g, t).uncounted = true
			g.state = gGone
		} else {
			g.state = gSyscall
		}
		m.destroy(g, t)
		th.g = nil
	}
	// The thread may still have its P. It is not the thread's any more.
	if l := th.lane; l != nil {
		l.set(Idle, t)
		l.g, l.thread, l.abandoned = nil, -1, true
		th.lane = nil
	}
}

// release takes the P off the thread. A goroutine that is in a system call stays behind.
func (m *machine) release(th *thread, l *lane, t int64) {
	if g := th.g; g != nil && g.state == gSyscall {
		m.setG(g, gSyscallOut, t)
	}
	if th.lane == l {
		th.lane = nil
	}
	if l.head {
		l.endHead(t)
	}
	l.settle(t) // while it is known which thread it was
	l.g, l.thread, l.cpu = nil, -1, nil
}

// lane returns a P, made if necessary, or nil for a number that cannot be.
func (m *machine) lane(p uint64, t int64) *lane {
	if p >= maxProcs {
		m.odd++
		return nil
	}
	for uint64(len(m.lanes)) <= p {
		m.lanes = append(m.lanes, nil)
	}
	if m.lanes[p] == nil {
		m.lanes[p] = &lane{p: int(p), w: &m.world, base: Unknown, eff: Unknown, thread: -1, head: true, since: t, edge: t, epoch: m.epochAt(t), book: m.books.at(t)}
	}
	return m.lanes[p]
}

// maxProcs is more than GOMAXPROCS is anywhere; what is above is damage.
const maxProcs = 1 << 12

// maxWindows bounds the windows of a trace, and maxParts what is kept for every P in each: a
// damaged trace of a few hundred bytes may name any number of both. What follows the last
// window there may be is part of it.
const (
	maxWindows = 10000
	maxParts   = 1 << 20
)

// mostWindows is how many windows there may be of that many Ps.
func mostWindows(procs int) int { return min(maxWindows, maxParts/max(procs, 1)) }

// bind gives a P to a thread, to it alone: a P's time does not go back.
func (m *machine) bind(th *thread, l *lane) {
	if l.thread >= 0 {
		m.threads[l.thread].lane = nil // where the event that took it was lost
	}
	if old := th.lane; old != nil && old != l {
		old.g, old.thread, old.cpu = nil, -1, nil
	}
	th.lane = l
	l.thread = th.index
	l.cpu = th.cpu
	l.until = 0 // there may be more to settling from now on
	l.abandoned = false
}

// fits reports whether the current event can be taken, given whether the P is in a state for
// it: whether it is also at the sequence number before it. A P of which events were lost takes any; one of
// which nothing came yet waits for its status, which comes first.
func (m *machine) fits(l *lane, state bool, seq uint64) bool {
	if l.base == Unknown {
		return !l.head || m.forced
	}
	if state && l.seq+1 == seq {
		return true
	}
	if m.forced {
		m.odd++
	}
	return m.forced
}

func (m *machine) procStart(th *thread, e *decode.Event) bool {
	l := m.lane(e.Args[0], th.now)
	if l == nil {
		return true
	}
	seq := e.Args[1]
	if !m.fits(l, l.base == Idle && th.lane == nil, seq) {
		return false
	}
	t := th.after(l.since)
	l.seq = seq
	m.bind(th, l)
	l.g = nil
	l.set(Held, t)
	if n := m.now().procs; n > 0 && l.p >= n {
		m.setProcs(l.p+1, t) // the event that said so was lost
	}
	return true
}

func (m *machine) procSteal(th *thread, e *decode.Event) bool {
	l := m.lane(e.Args[0], th.now)
	if l == nil {
		return true
	}
	seq := e.Args[1]
	if !m.fits(l, l.base == Syscall || l.abandoned, seq) {
		return false
	}
	t := th.after(l.since)
	l.seq = seq
	if l.thread >= 0 {
		m.release(&m.threads[l.thread], l, t)
	}
	l.abandoned = false
	l.set(Idle, t)
	return true
}

func (m *machine) procStatus(th *thread, e *decode.Event) {
	t := th.now
	l := m.lane(e.Args[0], t)
	if l == nil {
		return
	}
	l.seq = 0
	if !l.head {
		return
	}
	switch decode.ProcState(e.Args[1]) {
	case decode.ProcIdle:
		l.base = Idle
		l.set(Idle, t)
	case decode.ProcRunning:
		l.base = Held // a goroutine's status may follow
		m.bind(th, l)
	case decode.ProcSyscall:
		l.base = Syscall
		m.bind(th, l)
	case decode.ProcSyscallAbandoned:
		l.base, l.abandoned = Syscall, true
	}
}

func (m *machine) goStatus(th *thread, e *decode.Event, stack uint64) {
	t := th.now
	id := e.Args[0]
	g := m.find(id)
	if g == nil {
		g = m.create(id, gGone, t)
		g.head = true
	} else if g.state != gGone {
		g.seq = 0
		return
	}
	g.since = max(g.since, t)
	g.site = m.sites.of(reasonUnknown, stack)
	switch decode.GoState(e.Args[2]) {
	case decode.GoRunnable:
		g.state = gRunnable
	case decode.GoWaiting:
		g.state = gWaiting
	case decode.GoRunning:
		g.state = gRunning
		th.g = g
		if l := th.lane; l != nil {
			l.g = g
			if l.head {
				l.base = Running
			}
		}
	case decode.GoSyscall:
		g.state = gSyscallOut
		g.site = m.sites.of(reasonSyscall, stack)
		if th.id != e.Args[1] {
			break // it has been in there for long, without a P
		}
		th.g = g
		if l := th.lane; l != nil {
			l.g = g
			g.state = gSyscall
		}
	}
	g.seq = 0
}

func (m *machine) sweep(th *thread, e *decode.Event) {
	t := th.now
	l := th.lane
	if e.Type == decode.GCSweepActive && e.Args[0] < uint64(len(m.lanes)) {
		l = m.lanes[e.Args[0]]
	}
	if l == nil {
		return
	}
	l.sweep = e.Type != decode.GCSweepEnd
	if l == th.lane {
		m.resume(th, t)
	}
}

func (m *machine) stopTheWorld(g *goroutine, t int64) {
	m.cut(cut{at: t, kind: cutStop}, g)
}

func (m *machine) startTheWorld(t int64) { m.cut(cut{at: t, kind: cutStart}, nil) }

func (m *machine) setProcs(n int, t int64) {
	if n == m.now().procs || n == 0 {
		return
	}
	if m.now().procs == 0 {
		m.result.seen = len(m.lanes)
	}
	m.cut(cut{at: t, kind: cutProcs, procs: n}, nil)
}

// markOf is the cut that a message of our category makes.
func markOf(message string, t int64) cut {
	label, _ := strings.CutPrefix(message, "begin ")
	if message == "end" {
		label = ""
	}
	return cut{at: t, kind: cutMark, label: label}
}

// foreseen makes the cuts up to t that are known beforehand.
func (m *machine) foreseen(t int64) {
	for m.nextCut <= t {
		c := m.others[0]
		m.others = m.others[1:]
		m.cut(c, nil)
		m.foresee()
	}
}

// cut makes a cut: an epoch begins, and with some a window.
func (m *machine) cut(c cut, stopper *goroutine) {
	e := *m.now()
	c.at = max(c.at, e.at)
	e.at = c.at
	switch c.kind {
	case cutProcs:
		e.procs = c.procs
	case cutStop, cutStart:
		e.stw, e.stopper = c.kind == cutStop, stopper
	}
	if c.splits(m.spec.Mode) {
		if len(m.books) >= mostWindows(len(m.lanes)) {
			m.crowded = true
		} else {
			m.open(newBook(c.at), m.lanes)
		}
	}
	m.begin(e, m.lanes)
	m.result.cuts = append(m.result.cuts, c)
}

// splits reports whether a window may begin with the cut.
func (c *cut) splits(mode WindowMode) bool {
	return c.kind == cutMark && mode == Marks || c.kind == cutProcs && mode == ProcsChanges
}

// sample counts CPU-profile samples.
func (m *machine) sample(samples []decode.Sample) {
	kinds := make(map[uint64]CPUKind)
	for _, s := range samples {
		kind, ok := kinds[s.Stack]
		if !ok {
			kind = cpuKind(m.tables.Stack(s.Stack, nil))
			kinds[s.Stack] = kind
		}
		b := m.books[m.books.at(s.Time)]
		if b.samples == nil {
			b.samples = make(map[sampleKey]int64)
		}
		b.samples[sampleKey{kind, s.Stack}]++
	}
}

// gap forgets what the thread does: its events are lost from here on.
func (m *machine) gap(th *thread, t int64) {
	m.events--
	if g := th.g; g != nil {
		if g.head {
			m.endHead(g, t).uncounted = true
			g.state = gGone
		}
		m.setG(g, gGone, t)
		th.g = nil
	}
	if l := th.lane; l != nil {
		l.g = nil
		l.set(Unknown, t)
		l.thread, l.cpu = -1, nil
		th.lane = nil
	}
}

// isWorker reports whether a label is that of a mark worker.
func (m *machine) isWorker(label uint64) bool {
	is, ok := m.label[label]
	if !ok {
		is = strings.HasPrefix(m.tables.String(label), "GC (")
		m.label[label] = is
	}
	return is
}
