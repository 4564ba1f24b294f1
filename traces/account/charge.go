package account

import (
	"math"
	"math/bits"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/contend-go/contend/traces/decode"
)

// charges is what the time that Ps lost in a window is charged to. It adds up to the window's parts
// Idle, Held, Syscall and STW.
type charges struct {
	sites  []charge // by the stitcher's site index
	noCPU  float64  // held for longer than a switch takes: the thread had no CPU
	noWork float64  // nothing was runnable or blocked
	serial map[serialKey]int64
	// skew bounds what is charged wrongly, ns of Ps, because an event came after one that is later on another CPU's clock.
	skew int64
}

// charge is lost P time by what it was lost to at a site, ns.
type charge struct {
	blocked, wake, switching float64
	syscall, stw             int64
	assist                   int64   // not lost: running in a mark assist
	inferred                 float64 // of blocked: the site is told by who ended the wait
	ended, ran               int64   // goroutines created there that ended, and for how long they had run
	yields                   int64   // calls that gave the P away
}

func (c *charges) site(i int32) *charge {
	c.sites = grow(c.sites, int(i))
	return &c.sites[i]
}

// serialKey is what the only P that was busy did.
type serialKey struct {
	site    int32 // of the system call, or where the running goroutine stood last
	syscall bool
	g       uint64
	start   uint64 // stack of the function it began with, if it did not stand anywhere yet
}

// maxSwitch divides switching from one goroutine to the next in two: the scheduler takes less than 1 µs, a thief that
// sleeps before it takes another P's goroutine up to 100 µs. A P that is held for longer, with something runnable, most
// likely has a thread without a CPU, which no line is to blame for.
const maxSwitch = 100_000

// class says which share of idle Ps blocked goroutines get.
type class uint8

const (
	ordinary class = iota
	// lesser: they get a share where no ordinary goroutine is blocked: those that wait for others to end, those of which nobody knows where they
	// are, and those that were idle for all of the trace.
	lesser
	ready
	exempt // none: the runtime's own goroutines, and those that measure
	numClasses
)

// charger follows all events in the order of time, and charges at every instant the Ps that do not work: if a
// goroutine is runnable, to the runnable ones; otherwise to the blocked ones; to all of them equally. It needs what a first
// pass found: windows, GOMAXPROCS, and what goroutines did before their first event.
type charger struct {
	s      *stitcher
	now    int64
	epoch  int
	until  int64 // the next epoch begins
	intro  []introduced
	lanes  []laneIntro
	infer  *inference
	visits int64 // steps back through histories, and how many there may be
	budget int64

	ps                      []chargedP
	procs                   int
	stw                     bool
	stopSite                int32
	stopping                uint64 // goroutine that stops the world
	stopper                 int    // its P, −1 for none
	idle, fresh, left, busy int    // Ps: idle, held since they were idle, held since a goroutine left, at work
	sum                     int    // of the numbers of those at work
	gs                      map[uint64]*chargedG
	recent                  [256]*chargedG // of gs, by the low byte of the id
	count                   [numClasses]int

	// Sums over time of what one goroutine of a class gets, and of the time in which something was runnable; and
	// what they were when each window began.
	got   [3]float64
	runs  int64
	marks []mark

	serial    serialKey
	serialFor int64
	charges   *charges // of the window

	holders *holders
	dead    []*chargedG // that ended last, whose history may be asked for
	deadAt  int
	starter uint64 // goroutine that began the trace
	begun   string // function in which it did
}

type mark struct {
	at   int64
	got  [3]float64
	runs int64
}

// laneIntro is what a P did when the trace, or what is left of it, begins.
type laneIntro struct {
	at    int64
	p     int
	state State
}

type chargedP struct {
	state State
	fresh bool // held, and was idle before
	since int64
	site  int32 // of its system call, or of the goroutine that left it last
	runs  int64 // charger.runs when it was left
	at    int64
	g     *chargedG
}

type chargedG struct {
	id       uint64
	state    gState
	class    class
	site     int32
	inferred bool
	since    int64
	got      float64
	woke     int32 // site at which the one waited that it woke last
	assists  int32 // site of the mark assist it is in, less than 0 for none
	born     int32 // site that created it, less than 0 if that was before the trace
	start    uint64
	ran      int64
	hist     history
}

func newCharger(s *stitcher) *charger {
	c := &charger{
		s: s, now: s.origin, until: s.origin, epoch: -1, intro: s.intro, lanes: s.laneIntro, infer: s.inference(),
		gs: make(map[uint64]*chargedG), stopper: -1, stopSite: noSite, budget: 1 << 20, dead: make([]*chargedG, maxDead),
	}
	c.holders = newHolders()
	s.holders = c.holders
	c.ps = make([]chargedP, s.most)
	for i := range c.ps {
		c.ps[i] = chargedP{state: Idle, site: noSite, since: s.origin}
	}
	c.enter()
	return c
}

// charge charges what the windows lost.
func (j *job) charge(t *decode.Trace, s *stitcher) error {
	c := newCharger(s)
	type source struct {
		*machine
		*decode.Stream
	}
	next := 0
	var sources []source
	for {
		first := -1
		for i := range sources {
			if first < 0 || sources[i].Time() < sources[first].Time() {
				first = i
			}
		}
		// A generation begins before the one before it ends.
		if next < len(t.Generations) && (first < 0 || len(sources) < 2 && next < len(c.s.starts) && sources[first].Time() >= c.s.starts[next]) {
			m, stream, _, err := j.machine(t, next)
			if err != nil {
				return err
			}
			stream.Ordered = true
			m.watch = c
			m.translate = newTranslator(&s.names, m)
			sources = append(sources, source{m, stream})
			c.introduce(t.Generations[next].ID)
			next++
			continue
		}
		if first < 0 {
			break
		}
		c.budget += 64
		if !sources[first].next(sources[first].Stream) {
			if err := sources[first].Err(); err != nil {
				return err
			}
			sources = append(sources[:first], sources[first+1:]...)
		}
	}
	c.finish()
	return nil
}

// introduce makes the goroutines and Ps known that a generation is the first to tell of.
func (c *charger) introduce(gen uint64) {
	for ; len(c.lanes) > 0 && c.lanes[0].at <= max(c.now, c.s.starts[c.s.genIndex[gen]]); c.lanes = c.lanes[1:] {
		l := c.lanes[0]
		c.proc(l.p, l.state, l.at)
	}
	for ; len(c.intro) > 0 && c.intro[0].gen == gen; c.intro = c.intro[1:] {
		in := &c.intro[0]
		if c.gs[in.id] != nil {
			continue
		}
		g := c.g(in.id)
		site, inferred := in.site, false
		if c.s.names.sites[site].reason == UnknownWait {
			site, inferred = c.infer.site(in)
		}
		c.put(g, in.state, site, in.since)
		g.inferred = inferred
		if in.through && g.class == ordinary && c.s.names.sites[site].reason.patient() {
			c.reclass(g, lesser)
		}
	}
}

func (c *charger) reclass(g *chargedG, to class) {
	c.count[g.class]--
	g.class = to
	c.count[to]++
	g.got = c.share(to)
}

func (c *charger) share(k class) float64 {
	if k > ready {
		return 0
	}
	return c.got[k]
}

func (c *charger) g(id uint64) *chargedG {
	slot := &c.recent[id&255]
	if g := *slot; g != nil && g.id == id {
		return g
	}
	g := c.gs[id]
	if g == nil {
		g = &chargedG{id: id, class: exempt, site: noSite, woke: noSite, assists: noSite, born: noSite, since: c.now}
		c.count[exempt]++
		c.gs[id] = g
	}
	*slot = g
	return g
}

// enter enters the epochs and windows that have begun.
func (c *charger) enter() {
	for len(c.marks) < len(c.s.books) && c.s.books[len(c.marks)].start <= c.now {
		c.flushSerial()
		c.marks = append(c.marks, mark{c.now, c.got, c.runs})
		b := c.s.books[len(c.marks)-1]
		b.charges = new(charges)
		c.charges = b.charges
	}
	for c.epoch+1 < len(c.s.epochs) && c.s.epochs[c.epoch+1].at <= c.now {
		c.epoch++
	}
	c.until = 1<<63 - 1
	if c.epoch+1 < len(c.s.epochs) {
		c.until = c.s.epochs[c.epoch+1].at
	}
	if next := len(c.marks); next < len(c.s.books) {
		c.until = min(c.until, c.s.books[next].start)
	}
	e := &c.s.epochs[max(c.epoch, 0)]
	if e.stw != c.stw || e.procs != c.procs {
		c.stw, c.procs = e.stw, e.procs
		for len(c.ps) < c.procs {
			c.ps = append(c.ps, chargedP{state: Idle, site: noSite, since: c.now})
		}
		c.recount()
	}
	if !e.stw {
		c.stopper = -1
	}
}

// recount counts the Ps.
func (c *charger) recount() {
	c.idle, c.fresh, c.left, c.busy, c.sum = 0, 0, 0, 0, 0
	for p := range c.ps {
		c.tally(p, 1)
	}
}

// tally counts a P in, or out.
func (c *charger) tally(p, n int) {
	x := &c.ps[p]
	switch {
	case x.state == Idle:
		if p < c.procs {
			c.idle += n
		}
	case x.state == Held && x.fresh:
		c.fresh += n
	case x.state == Held:
		c.left += n
	case x.state != Unknown:
		c.busy += n
		c.sum += n * p
	}
}

// advance charges the time up to t.
func (c *charger) advance(t int64) {
	for c.now < t {
		to := min(t, c.until)
		if d := to - c.now; d > 0 {
			c.pass(d)
			c.now = to
		}
		if c.now >= c.until {
			c.enter()
		}
	}
}

// pass charges d ns in which nothing changed.
func (c *charger) pass(d int64) {
	if c.stw {
		n := c.idle + c.fresh + c.left
		for p := c.procs; p > 0 && p < len(c.ps); p++ {
			if c.ps[p].state == Held {
				n-- // a P beyond GOMAXPROCS does not wait for the world
			}
		}
		if p := c.stopper; p >= 0 && (c.procs == 0 || p < c.procs) && (c.ps[p].state == Running || c.ps[p].state == GC) {
			n++
		}
		site := c.stopSite
		if site < 0 {
			site = c.s.names.site(nameKey{reason: StopWorld})
		}
		c.charges.site(site).stw += int64(n) * d
		return
	}
	k := c.idle + c.fresh
	if n := c.count[ready]; n > 0 {
		c.got[ready] += float64(k) * float64(d) / float64(n)
		if c.left > 0 {
			c.runs += d
		}
		return
	}
	k += c.left
	if k == 0 {
		return
	}
	lost := float64(k) * float64(d)
	switch {
	case c.count[ordinary] > 0:
		c.got[ordinary] += lost / float64(c.count[ordinary])
	case c.count[lesser] > 0:
		c.got[lesser] += lost / float64(c.count[lesser])
	default:
		c.charges.noWork += lost
	}
	if c.busy == 1 && c.sum < len(c.ps) {
		p := &c.ps[c.sum]
		key := serialKey{site: p.site, syscall: p.state == Syscall}
		if p.g != nil {
			key.g = p.g.id
			key.site = p.g.site
			if key.site == p.g.born {
				key.start = p.g.start
			}
		}
		if key != c.serial {
			c.flushSerial()
			c.serial = key
		}
		c.serialFor += d
	}
}

func (c *charger) flushSerial() {
	if c.serialFor > 0 {
		if c.charges.serial == nil {
			c.charges.serial = make(map[serialKey]int64)
		}
		if _, ok := c.charges.serial[c.serial]; ok || len(c.charges.serial) < maxSerial {
			c.charges.serial[c.serial] += c.serialFor
		}
		c.serialFor = 0
	}
}

// maxSerial bounds what the serial part of a window is told apart by.
const maxSerial = 4096

// eachWindow splits what grew from a value at time from to another now, which get reads off marks, by windows.
func (c *charger) eachWindow(from int64, was, is float64, get func(*mark) float64, add func(*charges, float64)) {
	i := len(c.marks) - 1
	for ; i > 0 && c.marks[i].at > from; i-- {
		v := get(&c.marks[i])
		if is > v {
			add(c.s.books[i].charges, is-v)
		}
		is = v
	}
	if is > was {
		add(c.s.books[i].charges, is-was)
	}
}

// proc says that a P does something else from t on.
func (c *charger) proc(p int, s State, t int64) {
	c.advance(t)
	c.late(t, 1)
	if p >= len(c.ps) {
		if p >= maxProcs {
			return
		}
		for len(c.ps) <= p {
			c.ps = append(c.ps, chargedP{state: Idle, site: noSite, since: c.now})
			c.tally(len(c.ps)-1, 1)
		}
	}
	x := &c.ps[p]
	c.leaveP(x)
	c.tally(p, -1)
	if s == Held {
		x.fresh = x.state == Idle || x.state == Unknown
	}
	x.state, x.since, x.at, x.runs = s, c.now, c.now, c.runs
	c.tally(p, 1)
}

// leaveP charges what a P did so far.
func (c *charger) leaveP(x *chargedP) {
	switch {
	case x.state == Syscall:
		site := x.site
		if x.g != nil {
			site = x.g.site
		}
		if site < 0 {
			site = c.s.names.site(nameKey{reason: UnknownWait})
		}
		c.s.books.spread(x.since, c.now, func(b *book, d int64, _ bool) { b.charges.site(site).syscall += d })
	case x.state == Held && !x.fresh:
		site := x.site
		if site < 0 {
			site = c.s.names.site(nameKey{reason: UnknownWait})
		}
		long := c.runs-x.runs > maxSwitch
		c.eachWindow(x.at, float64(x.runs), float64(c.runs), func(m *mark) float64 { return float64(m.runs) }, func(b *charges, d float64) {
			if long {
				b.noCPU += d
			} else {
				b.site(site).switching += d
			}
		})
	}
}

// onP says which goroutine is on a P from now on; nil for none.
func (c *charger) onP(p int, x *goroutine) {
	if p >= len(c.ps) {
		return
	}
	c.ps[p].g = nil
	if x != nil {
		c.ps[p].g = c.g(x.id)
		if c.stw && x.id == c.stopping {
			c.stopper = p // it moves if GOMAXPROCS takes its P away
		}
	}
}

// late notes that an event of time t, on which the charges of so many Ps depend, comes now.
func (c *charger) late(t int64, ps int) {
	if t < c.now {
		c.s.books.spread(t, c.now, func(b *book, d int64, _ bool) {
			if b.charges != nil {
				b.charges.skew += d * int64(ps)
			}
		})
	}
}

// vacated says that a goroutine left a P just now.
func (c *charger) vacated(p int, g *chargedG) {
	if p < len(c.ps) {
		c.ps[p].site = g.site
	}
}

// put gives a goroutine a new state, and charges what the old one got.
func (c *charger) put(g *chargedG, state gState, site int32, t int64) {
	c.advance(t)
	c.settle(g)
	if g.state == gRunning {
		g.ran += c.now - g.since
	}
	c.count[g.class]--
	g.state, g.site, g.inferred = state, site, false
	switch state {
	case gRunnable:
		g.class = ready
	case gWaiting, gSyscallOut:
		g.class = c.s.names.class(site)
		if g.class == ordinary && g.id == c.starter && c.s.names.controls(site, c.begun) {
			g.class = exempt
		}
	default:
		g.class = exempt
	}
	c.count[g.class]++
	g.since, g.got = c.now, c.share(g.class)
}

// settle charges what a goroutine got since it is in its state.
func (c *charger) settle(g *chargedG) {
	if g.assists >= 0 && g.state == gRunning {
		c.s.books.spread(g.since, c.now, func(b *book, d int64, _ bool) { b.charges.site(g.assists).assist += d })
	}
	k := g.class
	if k > ready || g.site < 0 && c.got[k] == g.got {
		return
	}
	site, inferred := g.site, g.inferred
	if site < 0 {
		site = c.s.names.site(nameKey{reason: UnknownWait})
	}
	c.eachWindow(g.since, g.got, c.got[k], func(m *mark) float64 { return m.got[k] }, func(b *charges, d float64) {
		x := b.site(site)
		if k == ready {
			x.wake += d
			return
		}
		x.blocked += d
		if inferred {
			x.inferred += d
		}
	})
}

// finish charges what is still going on at the end.
func (c *charger) finish() {
	c.advance(c.s.end)
	for len(c.marks) < len(c.s.books) { // windows of no length
		c.now = max(c.now, c.s.books[len(c.marks)].start)
		c.enter()
	}
	for i := range c.ps {
		c.leaveP(&c.ps[i])
	}
	for _, g := range c.gs {
		c.settle(g)
	}
	c.flushSerial()
}

// change says what the event being run makes of a goroutine.
func (c *charger) change(m *machine, x *goroutine, state gState, t int64) {
	g := c.g(x.id)
	c.advance(t)
	c.late(t, len(c.ps))
	g.hist.add(c, g, state, x.site, m)
	site := g.site
	if x.site >= 0 && (state == gWaiting || state == gSyscall || state == gSyscallOut || state == gRunnable && g.state != gWaiting) {
		at := m.translate.site(x.site)
		switch k := c.s.names.sites[at]; {
		case k.reason != Preempted:
			site = at
			if k.reason == Created {
				g.born, g.start = site, m.translate.stack(x.start)
			} else if k.reason == Yield {
				c.charges.site(site).yields++
			}
		case c.stw && c.stopSite >= 0:
			site = c.stopSite // the stop made it wait
		case site < 0 || slices.ContainsFunc(c.s.names.stacks[k.stack], func(f Frame) bool { return !strings.HasPrefix(f.Func, "runtime.") }):
			site = at
		}
		// What is preempted within the runtime, at its beginning or end, stays where it was.
	}
	c.put(g, state, site, t)
	if state == gGone {
		if g.born >= 0 {
			b := c.charges.site(g.born)
			b.ended++
			b.ran += g.ran
		}
		c.count[g.class]--
		delete(c.gs, g.id)
		if c.recent[g.id&255] == g {
			c.recent[g.id&255] = nil
		}
		c.bury(g)
	}
}

// assist says that a goroutine begins to help the collector, in that stack, or ends it.
func (c *charger) assist(m *machine, x *goroutine, stack uint64, t int64) {
	g := c.g(x.id)
	c.advance(t)
	c.settle(g)
	if g.state == gRunning {
		g.ran += c.now - g.since
	}
	g.since, g.got = c.now, c.share(g.class)
	if g.assists = noSite; x.assist {
		g.assists = c.s.names.site(nameKey{GCAssist, m.translate.stack(stack)})
	}
}

// woken says that a goroutine was woken, by another or, if that is nil, by the runtime.
func (c *charger) woken(m *machine, x, by *goroutine, stack uint64, t int64) {
	g := c.g(x.id)
	c.advance(t)
	c.late(t, len(c.ps))
	if by != nil {
		r := c.g(by.id)
		r.woke = g.site
		g.hist.end(c, g, r, m.translate.stack(stack))
		if g.state == gWaiting && g.class != exempt {
			c.holders.wait(c, g, r, m.translate.stack(stack))
		}
	}
	g.hist.add(c, g, gRunnable, x.site, m)
	site := g.site
	if x.site >= 0 && !x.head && (site < 0 || c.s.names.sites[site].reason == UnknownWait) {
		site = m.translate.site(x.site)
	}
	c.put(g, gRunnable, site, t)
}

// handed says that a goroutine that yields does so to hand a lock over: its place is where the other waited.
func (c *charger) handed(x *goroutine) {
	if g := c.g(x.id); g.woke >= 0 {
		c.settle(g)
		g.site, g.got, g.since = g.woke, c.share(g.class), c.now
	}
}

// stop says that the world is stopped.
func (c *charger) stop(m *machine, x *goroutine, p int, kind, stack uint64, t int64) {
	c.advance(t)
	c.late(t, 1)
	st := m.translate.stack(stack)
	reason := m.tables.String(kind)
	c.stopSite = c.s.names.site(nameKey{stopReason(reason, c.s.names.stacks[st]), st})
	c.s.names.details[c.stopSite] = reason
	c.stopper, c.stopping = p, 0
	if x != nil {
		c.stopping = x.id
	}
	if x != nil && reason == "start trace" && c.starter == 0 {
		c.starter, c.begun = x.id, userFunc(c.s.names.stacks[st])
	}
}

// part rounds a charge.
func part(d float64) time.Duration { return time.Duration(math.Round(d)) }

// maxDead is how many ended goroutines' histories are kept.
const maxDead = 4096

func (c *charger) bury(g *chargedG) {
	if old := c.dead[c.deadAt]; old != nil {
		old.hist = history{}
	}
	c.dead[c.deadAt] = g
	c.deadAt = (c.deadAt + 1) % maxDead
}

// history is what a goroutine did lately, for those that waited for it.
type history struct {
	list []stay
	lost bool // the beginning is not there any more
}

// stay is a goroutine's stay in a state, up to the next one.
type stay struct {
	from  int64
	site  int32
	act   Activity
	by    *chargedG // who ended it, a wait only
	stack uint64    // with that stack
}

// maxHistory bounds the histories of all goroutines together, longest that of one.
const (
	maxHistory = 1 << 19
	longest    = 1 << 10
	shortest   = 1 << 4
)

func (h *history) add(c *charger, g *chargedG, state gState, local int32, m *machine) {
	s := stay{from: c.now, site: noSite}
	switch state {
	case gRunning:
		s.act = HoldRunning
	case gRunnable:
		s.act = HoldRunnable
		if n := len(h.list); n > 0 && h.list[n-1].by != nil {
			s.act = HoldHandover
		}
	case gSyscall, gSyscallOut:
		s.act = HoldSyscall
	case gWaiting:
		s.act = HoldBlocked
	default:
		return
	}
	if local >= 0 && state != gRunning && state != gRunnable {
		s.site = m.translate.site(local)
	} else if state == gSyscallOut {
		s.site = g.site
	}
	bound := min(max(maxHistory/(len(c.gs)+1), shortest), longest)
	if n := len(h.list); n >= 2*bound {
		h.list = append(h.list[:0], h.list[n-bound:]...)
		h.lost = true
	}
	h.list = append(h.list, s)
}

// end says who ended the stay that lasts.
func (h *history) end(c *charger, g, by *chargedG, stack uint64) {
	if n := len(h.list); n > 0 && h.list[n-1].act == HoldBlocked {
		h.list[n-1].by, h.list[n-1].stack = by, stack
	}
}

// Activity is what the holder of a lock did while others waited for it.
type Activity uint8

// The activities.
const (
	HoldRunning  Activity = iota // ran, on a CPU as far as Go's scheduler knows
	HoldHandover                 // was woken for a lock, and did not run yet
	HoldRunnable                 // was runnable without a P
	HoldSyscall                  // was in a system call
	HoldBlocked                  // was blocked, by something that nobody in the trace ends: a sleep, the network
	HoldUnknown                  // not known
	numActivities
)

// String is the activity's name.
func (a Activity) String() string {
	return [...]string{"on a CPU", "being handed the lock", "runnable without a CPU", "in a system call", "blocked", "unknown"}[a]
}

// holders is what stood in the way of those who waited, by where they did.
type holders struct {
	time    map[holdKey]int64
	bySite  map[int32][]holdKey
	waits   map[int32]int64 // time of those resolved, by site
	seen    map[int32]int64 // how many there were
	weight  int64           // how many waits the one that is being followed stands for
	skipped int64           // waits not resolved, as that would have taken too long
}

type holdKey struct {
	site  int32 // of the wait
	act   Activity
	at    int32  // site of the holder's system call or blocking
	stack uint64 // with which it, or the last of those that waited for each other, released
}

// maxHolds bounds holders.time; maxChain how long a chain of holders is followed.
const (
	maxHolds = 1 << 16
	maxChain = 1 << 10
)

func newHolders() *holders {
	return &holders{time: make(map[holdKey]int64), bySite: make(map[int32][]holdKey), waits: make(map[int32]int64), seen: make(map[int32]int64)}
}

// wait finds out what stood in the way of a goroutine that was woken now: at each instant what its releaser did, or, where
// that was waiting itself, what its own releaser did then.
func (h *holders) wait(c *charger, g, by *chargedG, stack uint64) {
	if c.visits > c.budget {
		h.skipped++
		return
	}
	n := h.seen[g.site]
	h.seen[g.site] = n + 1
	// Of many waits at a site a part tells as much: each 2nd from 4096 on, each 4th from 8192, and so on.
	every := int64(1) << bits.Len64(uint64(n)/manyWaits)
	if n%every != 0 {
		return
	}
	h.weight = every
	h.waits[g.site] += every * (c.now - g.since)
	h.follow(c, g.site, by, g.since, c.now, stack, 0)
}

const manyWaits = 4096

func (h *holders) follow(c *charger, site int32, r *chargedG, from, to int64, stack uint64, depth int) {
	list := r.hist.list
	i := sort.Search(len(list), func(i int) bool { return list[i].from >= to }) - 1
	for ; i >= 0 && from < to; i-- {
		c.visits++
		s := &list[i]
		start := max(s.from, from)
		switch {
		case start >= to:
			continue
		case s.by != nil && s.by != r && depth < maxChain && c.visits < 2*c.budget:
			h.follow(c, site, s.by, start, to, s.stack, depth+1)
		case s.by != nil:
			h.add(holdKey{site, HoldUnknown, noSite, stack}, to-start)
		case s.act == HoldHandover && lost(list, i) && depth < maxChain:
			// Somebody else took the lock, most likely who had freed it.
			h.follow(c, site, list[i-1].by, start, to, list[i-1].stack, depth+1)
		default:
			h.add(holdKey{site, s.act, s.site, stack}, to-start)
		}
		to = start
	}
	if from < to {
		h.add(holdKey{site, HoldUnknown, noSite, stack}, to-from)
	}
}

// lost reports whether a goroutine that was woken for a lock did not get it, but had to wait again.
func lost(list []stay, i int) bool {
	return i > 0 && i+2 < len(list) && list[i-1].by != nil && list[i+1].act == HoldRunning && list[i+2].act == HoldBlocked && list[i+2].site == list[i-1].site
}

func (h *holders) add(k holdKey, d int64) {
	if _, ok := h.time[k]; !ok {
		if len(h.time) >= maxHolds {
			k = holdKey{site: k.site, act: HoldUnknown, at: noSite}
		}
		if _, ok := h.time[k]; !ok {
			h.bySite[k.site] = append(h.bySite[k.site], k)
		}
	}
	h.time[k] += h.weight * d
}
