package account

import (
	"encoding/binary"

	"github.com/contend-go/contend/traces/decode"
)

// stitcher puts the generations together, in order. It alone knows what crosses
// generations and windows: the state of every P and goroutine from its last event in
// one piece to its first in another.
type stitcher struct {
	*job
	world
	windows []*book
	lanes   []*lane
	gs      map[uint64]*carried
	names   names

	origin, end int64 // of what was stitched
	settled     int64 // capacity is accounted up to here
	lastID      uint64
	whole       bool // the last generation was complete
	odd         int64
	crowded     bool // there are more windows than are told apart
	events      int64
	closed      int // windows[:closed] are charged
	most        int // Ps there ever were, seen or not
}

// carried is a goroutine between its events in different pieces.
type carried struct {
	state gState
	woken bool
	site  int32 // the stitcher's number
	since int64
	done  int64 // accounted up to here, but for its share in siteBook.wait
}

// names gives stacks and sites numbers that hold for the whole trace.
type names struct {
	stackIndex map[string]uint64
	stacks     []Stack
	siteIndex  map[nameKey]int32
	sites      []nameKey
	apparatus  []bool // by site: its goroutines measure
}

type nameKey struct {
	reason Reason
	stack  uint64
}

func newStitcher(j *job) *stitcher {
	return &stitcher{
		job: j, world: world{grid: j.grid}, gs: make(map[uint64]*carried), whole: true,
		names: names{
			stackIndex: map[string]uint64{"": 0}, stacks: []Stack{nil},
			siteIndex: make(map[nameKey]int32),
		},
	}
}

// stack numbers a stack by its contents.
func (n *names) stack(frames []decode.Frame) uint64 {
	var key []byte
	for _, f := range frames {
		key = binary.AppendUvarint(key, f.PC)
		key = binary.AppendUvarint(key, f.Line)
	}
	i, ok := n.stackIndex[string(key)]
	if !ok {
		i = uint64(len(n.stacks))
		n.stackIndex[string(key)] = i
		stack := make(Stack, len(frames))
		for k, f := range frames {
			stack[k] = Frame{Func: f.Func, File: f.File, Line: int(f.Line), PC: f.PC}
		}
		n.stacks = append(n.stacks, stack)
	}
	return i
}

func (n *names) site(k nameKey) int32 {
	i, ok := n.siteIndex[k]
	if !ok {
		i = int32(len(n.sites))
		n.siteIndex[k] = i
		n.sites = append(n.sites, k)
		n.apparatus = append(n.apparatus, measures(n.stacks[k.stack]))
	}
	return i
}

// translator turns a generation's numbers of stacks and sites into the stitcher's.
type translator struct {
	n      *names
	t      tables
	keys   []siteKey
	stacks map[uint64]uint64
	sites  map[int32]int32
	buf    []decode.Frame
}

func (x *translator) stack(id uint64) uint64 {
	if id == 0 {
		return 0
	}
	i, ok := x.stacks[id]
	if !ok {
		x.buf = x.t.Stack(id, x.buf[:0])
		i = x.n.stack(x.buf)
		x.stacks[id] = i
	}
	return i
}

func (x *translator) site(id int32) int32 {
	if id < 0 {
		return x.n.site(nameKey{reason: UnknownWait})
	}
	i, ok := x.sites[id]
	if !ok {
		k := x.keys[id]
		stack := x.stack(k.stack)
		i = x.n.site(nameKey{reasonOf(k, x.t.String(k.reason), x.n.stacks[stack]), stack})
		x.sites[id] = i
	}
	return i
}

// add stitches the next generation to those before it.
func (s *stitcher) add(m *machine, id uint64, complete bool) {
	r := &m.result
	start := r.pieces[0].start
	if s.book == nil {
		s.origin, s.end, s.settled = start, start, start
		s.book = newBook(start)
		s.book.charge0 = start
		s.windows = append(s.windows, s.book)
	} else if !s.whole || id != s.lastID+1 {
		s.gap(start)
	}
	s.lastID, s.whole = id, complete
	s.odd += m.odd
	s.crowded = s.crowded || m.crowded
	s.events += m.events
	if s.procs == 0 {
		s.procs = firstProcs(m)
	}
	s.most = max(s.most, s.lanesOf(m))
	before := s.world
	x := &translator{n: &s.names, t: m.tables, keys: m.sites.keys, stacks: make(map[uint64]uint64), sites: make(map[int32]int32)}
	books := s.addPieces(r.pieces, x, start)
	s.world = before
	s.addLanes(m, books, start)
	s.addCapacity(r, books, before.procs)
	s.end = max(s.end, r.end)
	for ; s.closed < len(s.windows)-1; s.closed++ {
		w := s.windows[s.closed]
		w.charge(w.end, s.names.apparatus)
	}
	if len(s.book.rows) > maxRows*3/4 {
		s.stretch()
	}
}

// firstProcs is GOMAXPROCS at the start of a trace: what the first event about it says, unless
// that event is no longer the first and more Ps appeared before it; or else the
// number of Ps, as every generation tells the status of all.
func firstProcs(m *machine) int {
	for _, c := range m.result.cuts {
		if c.procs > 0 {
			return max(c.procs, m.result.seen)
		}
	}
	return max(len(m.lanes), 1)
}

// addPieces merges the pieces into windows, and returns the window of each.
func (s *stitcher) addPieces(pieces []*piece, x *translator, start int64) (books []*book) {
	for i, p := range pieces {
		if i > 0 {
			s.boundary(p)
		}
		s.book.add(p.book, x.site, x.stack)
		for j := range p.heads {
			s.endHead(&p.heads[j], x, start)
		}
		for _, t := range p.tails {
			c := s.gs[t.id]
			switch {
			case !t.head:
				s.gs[t.id] = &carried{state: t.state, woken: t.woken, site: x.site(t.site), since: t.since, done: t.since}
			case c == nil:
				s.gs[t.id] = s.introduce(t.state, x.site(t.site), start)
			case t.site >= 0 && s.names.sites[c.site] == nameKey{reason: UnknownWait}:
				c.site = x.site(t.site) // a later generation tells its stack
			}
		}
		books = append(books, s.book)
	}
	return books
}

// boundary begins a window where a piece does, if it is one.
func (s *stitcher) boundary(p *piece) {
	label := p.mark
	if len(s.windows) >= mostWindows(s.most) {
		s.crowded = true
		return
	}
	switch p.begins {
	case cutProcs:
		if s.book.label == procsLabel(p.procs) {
			return
		}
		if label = procsLabel(p.procs); s.book.label == "" {
			s.book.label = label
			return
		}
	case cutMark:
		if label == "" && s.book.label == "" {
			return
		}
	case cutSlice:
		if p.start <= s.book.start {
			return
		}
	}
	s.closeWindow(p.start)
	s.book = newBook(p.start)
	s.book.label, s.book.charge0 = label, p.start
	s.windows = append(s.windows, s.book)
}

// closeWindow ends the current window: it gets its share of what is going on.
func (s *stitcher) closeWindow(at int64) {
	s.book.end = at
	for _, c := range s.gs {
		s.pass(c, at)
	}
}

// pass takes a goroutine over the end of the current window.
func (s *stitcher) pass(c *carried, at int64) {
	b := s.book
	if c.state == gWaiting || c.state == gSyscallOut {
		site := b.site(c.site)
		if c.since <= b.start {
			site.parked++
		} else {
			site.wait += max(at-c.since, 0)
		}
	}
	s.account(c, at)
}

// account accounts a carried goroutine's time up to at.
func (s *stitcher) account(c *carried, at int64) {
	if at <= c.done {
		return
	}
	b := s.book
	switch c.state {
	case gRunnable:
		b.addRunnable(c.done, at)
	case gWaiting, gSyscallOut:
		b.g[c.state] += at - c.done
		if c.since > b.charge0 { // otherwise it was blocked throughout
			b.addBlocked(b.site(c.site), c.done, at)
		}
	default:
		b.g[c.state] += at - c.done
	}
	c.done = at
}

// introduce makes a goroutine that first appears now, in a state that it has had since the
// generation began at start, for all that is known.
func (s *stitcher) introduce(state gState, site int32, start int64) *carried {
	c := &carried{state: state, site: site, since: start, done: start}
	current := s.book
	for _, s.book = range s.windows[s.closed:] {
		if s.book != current && s.book.end > c.done { // the window ended in this generation
			s.pass(c, s.book.end)
		}
	}
	s.book = current
	c.done = max(c.done, current.start)
	return c
}

// endHead ends the state that a goroutine has had since an earlier piece.
func (s *stitcher) endHead(h *head, x *translator, start int64) {
	b := s.book
	c := s.gs[h.id]
	if c == nil {
		c = s.introduce(h.state, x.site(h.site), start)
	}
	delete(s.gs, h.id)
	if h.state == gSyscallOut && c.state == gSyscall {
		c.state = gSyscallOut
	}
	waited := h.at - c.since
	switch c.state {
	case gWaiting, gSyscallOut:
		// Not throughout, as it ends here.
		b.g[c.state] += max(h.at-c.done, 0)
		site := b.site(c.site)
		b.addBlocked(site, max(c.done, b.charge0), h.at)
		site.wait += max(h.at-max(c.since, b.start), 0)
		if h.uncounted {
			return
		}
		site.ended(waited)
		if h.woken && c.state == gWaiting {
			site.released(x.stack(h.stack), 1)
		}
		if h.handoff {
			site.handoffs++
		}
	case gRunnable:
		if c.woken && !h.uncounted {
			b.wake.add(waited)
		}
		s.account(c, h.at)
	default:
		s.account(c, h.at)
	}
}

// lanesOf is how many Ps there are in a generation, seen or not.
func (s *stitcher) lanesOf(m *machine) int {
	n := max(s.procs, len(m.lanes))
	for _, c := range m.result.cuts {
		n = max(n, c.procs)
	}
	return n
}

// addLanes settles what Ps did between their events in different generations, and takes over
// what they do at the end of this one.
func (s *stitcher) addLanes(m *machine, books []*book, start int64) {
	for p := range s.most {
		var in *lane
		if p < len(m.lanes) {
			in = m.lanes[p]
		}
		var head laneHead
		if p < len(m.heads) {
			head = m.heads[p]
		}
		l := s.lane(p, start, in, head)
		if l.cpu == nil && head.seen && head.thread >= 0 {
			l.cpu = s.cpu(m.threads[head.thread].id)
		}
		to := m.result.end
		if head.seen {
			to = head.until
		}
		if l.base == Syscall && in != nil && l.g != nil && head.seen {
			s.lostP(l.g.id, in, to)
		}
		s.replay(l, to, m.result.cuts, books)
		if in == nil {
			continue
		}
		l.cells.merge(&in.cells)
		if in.head {
			if l.base == Unknown {
				l.base = in.base
			}
			continue
		}
		l.base, l.since, l.g = in.base, in.since, in.g
		l.cpu = nil
		if in.thread >= 0 {
			l.cpu = s.cpu(m.threads[in.thread].id)
		}
	}
	for _, c := range m.result.cuts {
		if c.procs > 0 {
			s.procs = c.procs
		}
	}
	s.book = s.windows[len(s.windows)-1]
}

// lane returns the stitcher's P, made from what a generation knows of it, if need be.
func (s *stitcher) lane(p int, start int64, in *lane, head laneHead) *lane {
	for len(s.lanes) <= p {
		s.lanes = append(s.lanes, nil)
	}
	l := s.lanes[p]
	if l == nil {
		l = &lane{p: p, w: &s.world, base: Idle, since: start, edge: start}
		s.lanes[p] = l
	} else if l.base != Unknown || l.since > start {
		return l
	}
	// It was in the state that its first event tells since the generation began.
	if l.base == Unknown {
		l.eff = Unknown
		l.close(start)
	}
	switch {
	case head.seen:
		l.base = head.state
	case in != nil:
		l.base = in.base
	}
	return l
}

// lostP says that a P was taken from a goroutine in a system call that began in an earlier
// generation.
func (s *stitcher) lostP(id uint64, in *lane, at int64) {
	if c := s.gs[id]; c != nil && c.state == gSyscall && in.base != Syscall && at > c.done && at >= s.book.start {
		s.account(c, at)
		c.state, c.since = gSyscallOut, at
	}
}

// replay settles a P up to a time within the generation, past its cuts.
func (s *stitcher) replay(l *lane, to int64, cuts []cut, books []*book) {
	w := s.world
	w.book = books[0]
	l.w = &w
	l.recompute()
	for _, c := range cuts {
		if c.at > to {
			break
		}
		l.close(c.at)
		w.apply(c, books)
		l.recompute()
	}
	l.close(to)
	l.w = &s.world
}

// apply makes what a cut changes true.
func (w *world) apply(c cut, books []*book) {
	if c.procs > 0 {
		w.procs = c.procs
	}
	if c.stw != 0 {
		w.stw = c.stw > 0
	}
	if c.piece > 0 {
		w.book = books[c.piece]
	}
}

// addCapacity integrates GOMAXPROCS, which was before at the generation's start.
func (s *stitcher) addCapacity(r *result, books []*book, before int) {
	w := world{book: books[0], procs: before}
	end := max(r.end, s.settled)
	for _, c := range r.cuts {
		s.integrate(&w, c.at)
		w.apply(c, books)
	}
	s.integrate(&w, end)
}

// integrate goes back where a cut lies before the end of the last generation: a
// thread that was stalled can end one generation after others began the next.
func (s *stitcher) integrate(w *world, to int64) {
	w.book.procs.add(w.procs)
	w.book.capacity += int64(w.procs) * (to - s.settled)
	s.settled = to
}

// stretch charges the current window's idle time so far.
func (s *stitcher) stretch() {
	for _, c := range s.gs {
		s.account(c, s.end)
	}
	s.book.charge(s.end, s.names.apparatus)
}

// gap ends everything at the end of what was stitched, as what follows is lost up to start.
func (s *stitcher) gap(start int64) {
	for id, c := range s.gs {
		if c.state == gWaiting || c.state == gSyscallOut {
			s.book.site(c.site).wait += max(s.end-max(c.since, s.book.start), 0)
		}
		s.account(c, s.end)
		delete(s.gs, id)
	}
	for _, l := range s.lanes {
		l.recompute()
		l.close(s.end)
		l.base, l.eff, l.g, l.cpu = Unknown, Unknown, nil, nil
	}
}

// finish ends the trace.
func (s *stitcher) finish() {
	for _, l := range s.lanes {
		l.recompute()
		l.close(s.end)
	}
	s.closeWindow(s.end)
	for ; s.closed < len(s.windows); s.closed++ {
		w := s.windows[s.closed]
		w.charge(w.end, s.names.apparatus)
	}
}
