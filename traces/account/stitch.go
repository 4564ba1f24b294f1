package account

import (
	"encoding/binary"

	"github.com/contend-go/contend/traces/decode"
)

// stitcher puts the generations together, in order. It alone knows what crosses
// generations: the state of every P and goroutine from its last event in
// one generation to its first in another. Generations may overlap in time: a thread that was stalled ends one
// when others are well within the next. What a P or a goroutine does is in order all the same, so each
// is followed by its own times, and nothing is cut where a generation begins.
type stitcher struct {
	*job
	world // its books are the windows
	lanes []*lane
	gs    map[uint64]*carried
	names names

	origin, end int64 // of what was stitched
	known       int64 // cuts up to here are in epochs
	lastID      uint64
	whole       bool // the last generation was complete
	odd         int64
	crowded     bool // there are more windows than are told apart
	events      int64
	most        int  // Ps there ever were, seen or not
	guessed     bool // GOMAXPROCS at the start, by the highest P

	// For a second pass.
	intro     []introduced
	laneIntro []laneIntro
	starts    []int64        // of generations
	genIndex  map[uint64]int // by number
	holders   *holders       // that it found, or nil
}

// carried is a goroutine between its events in different generations.
type carried struct {
	state gState
	woken bool
	site  int32 // the stitcher's number
	since int64
	intro int // index into stitcher.intro plus 1
}

// introduced is a goroutine of which the trace first tells that it is in a state.
type introduced struct {
	gen     uint64
	id      uint64
	since   int64 // in the state for all that is known
	state   gState
	site    int32
	through bool   // to the end of the trace
	rel     uint64 // stack of who ended it, 0 if nobody did
}

// names gives stacks and sites numbers that hold for the whole trace.
type names struct {
	stackIndex map[string]uint64
	stacks     []Stack
	siteIndex  map[nameKey]int32
	sites      []nameKey
	apparatus  []bool  // by site: its goroutines measure
	classes    []class // by site
	details    map[int32]string
}

type nameKey struct {
	reason Reason
	stack  uint64
}

func newStitcher(j *job) *stitcher {
	return &stitcher{
		job: j, world: world{grid: j.grid}, gs: make(map[uint64]*carried), genIndex: make(map[uint64]int), whole: true, known: -1 << 63,
		names: names{
			stackIndex: map[string]uint64{"": 0}, stacks: []Stack{nil},
			siteIndex: make(map[nameKey]int32), details: make(map[int32]string),
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
		apparatus := k.reason == Measuring || measures(n.stacks[k.stack])
		n.apparatus = append(n.apparatus, apparatus)
		n.classes = append(n.classes, classOf(k.reason, n.stacks[k.stack], apparatus))
	}
	return i
}

func newTranslator(n *names, m *machine) *translator {
	return &translator{n: n, t: m.tables, table: &m.sites, stacks: make(map[uint64]uint64), sites: make(map[int32]int32)}
}

// class is what share the goroutines of a site get of idle Ps.
func (n *names) class(site int32) class {
	if site < 0 {
		return exempt
	}
	return n.classes[site]
}

// translator turns a generation's numbers of stacks and sites into the stitcher's.
type translator struct {
	n      *names
	t      tables
	table  *siteTable
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
		k := x.table.keys[id]
		stack := x.stack(k.stack)
		i = x.n.site(nameKey{reasonOf(k, x.t.String(k.reason), x.n.stacks[stack]), stack})
		x.sites[id] = i
	}
	return i
}

// add stitches the next generation to those before it.
func (s *stitcher) add(m *machine, id uint64, complete bool) {
	r := &m.result
	start := m.books[0].start
	if s.books == nil {
		s.origin, s.end = start, start
		s.books = books{newBook(start)}
		procs, told := firstProcs(m)
		s.guessed = !told
		s.epochs = []epoch{{at: start, procs: procs}}
	} else if !s.whole || id != s.lastID+1 {
		s.gap(start)
	}
	s.lastID, s.whole = id, complete
	s.genIndex[id] = len(s.starts)
	s.starts = append(s.starts, start)
	s.odd += m.odd
	s.crowded = s.crowded || m.crowded
	s.events += m.events
	s.most = max(s.most, s.lanesOf(m))
	for i := range r.cuts {
		s.cut(&r.cuts[i])
	}
	if w := s.job.windows; w.Mode == Slices && !s.slice(s.job.origin, int64(w.Every), r.end, mostWindows(s.most)) {
		s.crowded = true
	}
	s.known = max(s.known, r.end)
	x := newTranslator(&s.names, m)
	for _, b := range m.books {
		s.books[s.books.at(b.start)].add(b, x.site, x.stack)
	}
	for j := range r.heads {
		s.endHead(&r.heads[j], x, start)
	}
	for _, t := range r.tails {
		c := s.gs[t.id]
		switch {
		case !t.head:
			s.gs[t.id] = &carried{state: t.state, woken: t.woken, site: x.site(t.site), since: t.since}
		case c == nil:
			s.gs[t.id] = s.introduce(t.id, t.state, x.site(t.site), start)
		case t.site >= 0 && s.names.sites[c.site] == nameKey{reason: UnknownWait}:
			c.site = x.site(t.site) // a later generation tells its stack
		}
	}
	s.addLanes(m, start)
	s.end = max(s.end, r.end)
}

// startTime is how soon a trace tells GOMAXPROCS if it tells it at its start; what it tells later is of a change.
const startTime = 10e6

// firstProcs is GOMAXPROCS at the start of a trace, and whether the trace tells it: what the first event about it says, unless
// that event is no longer the first and more Ps appeared before it; or else the
// number of Ps, as every generation tells the status of all.
func firstProcs(m *machine) (n int, told bool) {
	for _, c := range m.result.cuts {
		if c.procs > 0 {
			n = max(c.procs, m.result.seen)
			return n, n == c.procs && c.at-m.books[0].start <= startTime
		}
	}
	return max(len(m.lanes), 1), false
}

// cut takes a generation's cut over, unless the one before told of it.
func (s *stitcher) cut(c *cut) {
	if c.at <= s.known {
		return
	}
	e := *s.now()
	e.at = max(c.at, e.at)
	switch c.kind {
	case cutProcs:
		e.procs = c.procs
	case cutStop, cutStart:
		e.stw = c.kind == cutStop
	}
	if label, ok := s.begins(c); ok {
		if len(s.books) >= mostWindows(s.most) {
			s.crowded = true
		} else {
			b := newBook(e.at)
			b.label = label
			s.open(b, s.lanes)
		}
	}
	s.begin(e, nil)
}

// begins reports whether a window begins with a cut, and its label.
func (s *stitcher) begins(c *cut) (label string, ok bool) {
	last := s.books[len(s.books)-1]
	switch {
	case !c.splits(s.job.windows.Mode):
		return "", false
	case c.kind == cutProcs:
		label = procsLabel(c.procs)
		if last.label == "" { // the trace begins with its number
			last.label = label
		}
		return label, last.label != label
	}
	return c.label, c.label != "" || last.label != ""
}

// introduce makes a goroutine that first appears now, in a state that it has had since the
// generation began at start, for all that is known.
func (s *stitcher) introduce(id uint64, state gState, site int32, start int64) *carried {
	s.intro = append(s.intro, introduced{gen: s.lastID, id: id, since: start, state: state, site: site})
	return &carried{state: state, site: site, since: start, intro: len(s.intro)}
}

// endHead ends the state that a goroutine has had since an earlier generation.
func (s *stitcher) endHead(h *head, x *translator, start int64) {
	c := s.gs[h.id]
	if c == nil {
		c = s.introduce(h.id, h.state, x.site(h.site), start)
	}
	delete(s.gs, h.id)
	if c.intro > 0 && h.woken {
		s.intro[c.intro-1].rel = x.stack(h.stack)
	}
	if h.state == gSyscallOut && c.state == gSyscall {
		c.state = gSyscallOut
	}
	s.books.goroutine(c.state, c.site, c.since, h.at)
	if h.uncounted {
		return
	}
	b, waited := s.books[s.books.at(h.at)], max(h.at-c.since, 0)
	switch c.state {
	case gWaiting, gSyscallOut:
		site := b.site(c.site)
		site.ended(waited)
		if h.woken && c.state == gWaiting {
			site.released(x.stack(h.stack), 1)
		}
		if h.handoff {
			site.handoffs++
		}
	case gRunnable:
		if c.woken {
			b.wake.add(waited)
		}
	}
}

// lanesOf is how many Ps there are in a generation, seen or not.
func (s *stitcher) lanesOf(m *machine) int {
	n := max(s.now().procs, len(m.lanes))
	for _, c := range m.result.cuts {
		n = max(n, c.procs)
	}
	return n
}

// addLanes settles what Ps did between their events in different generations, and takes over
// what they do at the end of this one.
func (s *stitcher) addLanes(m *machine, start int64) {
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
		if in == nil {
			continue
		}
		if l.cpu == nil && head.seen && head.thread >= 0 {
			l.cpu = s.cpu(m.threads[head.thread].id)
			l.recompute()
		}
		l.cells.merge(&in.cells)
		if in.head {
			if l.base == Unknown {
				l.base = in.base
				l.recompute()
			}
			continue
		}
		if l.base == Syscall && l.g != nil && head.seen {
			s.lostP(l.g.id, in, head.until)
		}
		l.close(head.until)
		l.base, l.since, l.g, l.cpu = in.base, in.since, in.g, nil
		l.edge = in.since
		l.enter(in.since)
		if in.thread >= 0 {
			l.cpu = s.cpu(m.threads[in.thread].id)
		}
		l.recompute()
	}
}

// lane returns the stitcher's P, made from what a generation knows of it, if need be.
func (s *stitcher) lane(p int, start int64, in *lane, head laneHead) *lane {
	for len(s.lanes) <= p {
		s.lanes = append(s.lanes, nil)
	}
	l := s.lanes[p]
	if l == nil {
		l = &lane{p: p, w: &s.world, base: Idle, eff: Idle, since: s.origin, edge: s.origin}
		s.lanes[p] = l
	} else if l.base != Unknown || l.since > start {
		return l
	}
	// It was in the state that its first event tells since the generation began.
	l.close(start)
	switch {
	case head.seen:
		l.base = head.state
	case in != nil:
		l.base = in.base
	}
	l.recompute()
	s.laneIntro = append(s.laneIntro, laneIntro{start, p, l.base})
	return l
}

// lostP says that a P was taken from a goroutine in a system call that began in an earlier
// generation.
func (s *stitcher) lostP(id uint64, in *lane, at int64) {
	if c := s.gs[id]; c != nil && c.state == gSyscall && in.base != Syscall && at > c.since {
		s.books.goroutine(c.state, c.site, c.since, at)
		c.state, c.since = gSyscallOut, at
	}
}

// gap ends everything at the end of what was stitched, as what follows is lost up to start.
func (s *stitcher) gap(start int64) {
	for id, c := range s.gs {
		s.books.goroutine(c.state, c.site, c.since, s.end)
		delete(s.gs, id)
	}
	for _, l := range s.lanes {
		l.close(s.end)
		l.base, l.g, l.cpu = Unknown, nil, nil
		l.recompute()
	}
}

// finish ends the trace.
func (s *stitcher) finish() {
	s.books[len(s.books)-1].end = s.end
	for _, l := range s.lanes {
		l.close(s.end)
	}
	last := s.books[len(s.books)-1]
	for _, c := range s.gs {
		s.books.goroutine(c.state, c.site, c.since, s.end)
		if c.state != gWaiting && c.state != gSyscallOut {
			continue
		}
		site := last.site(c.site)
		site.open++
		site.maxOpen = max(site.maxOpen, s.end-c.since)
		if c.since <= last.start {
			site.parked++
		}
		if c.intro > 0 {
			s.intro[c.intro-1].through = true
		}
	}
	// GOMAXPROCS over the windows.
	for i := range s.epochs {
		e := &s.epochs[i]
		to := s.end
		if i+1 < len(s.epochs) {
			to = min(to, s.epochs[i+1].at)
		}
		s.books.spread(e.at, to, func(b *book, d int64, _ bool) {
			b.procs.add(e.procs)
			b.capacity += int64(e.procs) * d
		})
	}
	for _, b := range s.books { // those of no length
		if b.procs.max == 0 {
			b.procs.add(s.epochs[s.epochAt(b.start)].procs)
		}
	}
}
