package decode

// maxSkew is how long, in ticks of other threads' time, an event waits for one it
// depends on: 67 ms at 64 ns a tick. Clocks of CPUs differ by microseconds at
// most; what takes longer will never come, as it was lost. Where something was
// lost, minSkew (0.5 ms) is enough.
const (
	maxSkew = 1 << 20
	minSkew = 1 << 13
)

// Stream hands out the events of a generation in the order of time, in runs of one
// thread. Only one goroutine may use it. It holds one batch of every thread in memory.
//
// Clocks of different CPUs may disagree about the order of events close together;
// sequence numbers in the events do not lie. A consumer that finds that another
// thread's event must come first calls Postpone: the event comes again after each
// one that was taken, until it is taken, or until it has waited for too long.
type Stream struct {
	// Events is the current run, valid after Next returned true.
	Events []Event
	Thread int32 // whose it is: index into Generation.Threads
	// Forced: the run is one event that contradicts the order of sequence numbers but cannot
	// wait any longer.
	Forced bool

	Damaged   int   // places where events could not be decoded
	LostBytes int64 // bytes of events that were not

	g       *Generation
	clock   Clock
	buf     [maxRun]Event
	cur     *cursor   // the current run's thread; nil at the start and after Postpone
	before  place     // of cur, before the run
	time    int64     // of the last event handed out before the run
	heap    []entry   // the threads that have events and are not stalled, earliest first
	stalled []*cursor // the threads whose next event was postponed
	tried   int       // stalled[:tried] were postponed again since the last event that was taken
	at      int       // index of cur within stalled, -1 if it is heap[0]
	skew    uint64    // how long a postponed event waits, ticks of other threads' time
	err     error
}

// maxRun bounds a run, so that it stays in the CPU's cache.
const maxRun = 64

type entry struct {
	ticks uint64
	c     *cursor
}

// cursor is the position in one thread's events.
type cursor struct {
	place
	thread int32
	gap    bool   // a Gap comes next
	ended  bool   // there is no further batch
	next   uint64 // time of the next event, after advance
	limit  uint64 // no event of the batch is later
	buf    []byte // the batch's data and pad more bytes
	end    int    // of the data
	batch  int    // index of the next batch
}

// place is where in a batch an event begins, and the time of the event before it.
type place struct {
	pos   int
	ticks uint64
}

// Events starts to read the events of a generation.
func (g *Generation) Events(clock Clock) *Stream {
	s := &Stream{g: g, clock: clock, heap: make([]entry, 0, len(g.Threads)), skew: maxSkew}
	if !g.Complete {
		s.skew = minSkew
	}
	for i := range g.Threads {
		if c := (&cursor{thread: int32(i)}); s.advance(c) {
			s.push(c)
		}
	}
	return s
}

// Err is the error of reading that ended the stream, nil at its regular end.
func (s *Stream) Err() error { return s.err }

// Next makes the next run the current one: all of the current one is taken, its thread
// steps forward, and the thread with the earliest event comes next. It returns false at the end.
func (s *Stream) Next() bool {
	if c := s.cur; c != nil {
		s.time = s.Events[len(s.Events)-1].Time
		if s.at >= 0 {
			s.stalled = append(s.stalled[:s.at], s.stalled[s.at+1:]...)
			if s.advance(c) {
				s.push(c)
			}
		} else if s.advance(c) {
			s.heap[0].ticks = c.next
			s.down()
		} else {
			s.pop()
		}
		s.cur = nil
		s.tried = 0
	}
	if s.err != nil || len(s.stalled) > 0 && s.nextStalled() {
		return s.err == nil
	}
	if len(s.heap) == 0 {
		return false
	}
	// The thread may go on up to the next event of another one.
	c, most, room := s.heap[0].c, 1, uint64(0)
	if len(s.stalled) == 0 {
		most, room = maxRun, c.limit
		for _, e := range s.heap[1:min(3, len(s.heap))] {
			room = min(room, e.ticks)
		}
	}
	s.cur, s.at, s.Forced = c, -1, false
	s.deliver(c, room, most)
	return true
}

// Postpone says that Events[i] must come after an event of another thread. The events
// before it are taken, and it and those after it come again. It must not be called for a forced event.
func (s *Stream) Postpone(i int) {
	c := s.cur
	e := s.Events[i]
	c.place = s.before
	s.decode(c, c.limit, i)
	if s.at >= 0 {
		s.tried++
	} else {
		s.advance(c)
		s.pop()
		s.stalled = append(s.stalled, c)
		s.tried = len(s.stalled)
	}
	s.time = e.Time
	s.cur = nil
}

// nextStalled makes a stalled event the current one, if one is due to be
// tried again, or has waited for too long.
func (s *Stream) nextStalled() bool {
	at, forced := s.tried, false
	if at == len(s.stalled) {
		if at, forced = 0, true; len(s.heap) > 0 && s.heap[0].ticks < s.stalled[0].next+s.skew {
			return false
		}
	}
	c := s.stalled[at]
	s.cur, s.at, s.Forced = c, at, forced
	s.deliver(c, 0, 1)
	return true
}

// deliver makes a thread's next event the current run, and those after it up to a time, but no
// more than most.
func (s *Stream) deliver(c *cursor, room uint64, most int) {
	s.Thread, s.before = c.thread, c.place
	n := 0
	if !c.gap {
		if n = s.decode(c, max(room, c.next), most); n == 0 {
			s.damage(c)
		}
	}
	if n == 0 {
		c.gap = false
		s.buf[0] = Event{Type: Gap, Time: max(s.time, s.clock.Nanoseconds(c.next))}
		n = 1
	}
	s.Events = s.buf[:n]
}

// decode decodes a thread's events up to a time, but no more than most, and returns how many.
// It stops before one that is damaged.
func (s *Stream) decode(c *cursor, room uint64, most int) int {
	n := s.decodeShort(c, room, most)
	if n == 0 && most > 0 {
		n = s.decodeLong(c, room)
	}
	for i := 0; i < n && s.buf[i].Time < s.time; i++ {
		s.buf[i].Time = s.time
	}
	return n
}

// decodeShort decodes events whose values are all short, as most are. It is where most of the time
// of reading a trace goes, and two to three times as fast by what it does not do: loop over the
// arguments, and call anything.
func (s *Stream) decodeShort(c *cursor, room uint64, most int) int {
	b, pos, ticks := c.buf[:c.end+pad], c.pos, c.ticks
	n := 0
	for n < most && pos < len(b)-pad {
		args := argCount[b[pos]]
		dt, i := short(b, pos+1)
		if dt > room-ticks || args > maxArgs {
			break
		}
		e := &s.buf[uint(n)%maxRun]
		if args > 0 {
			e.Args[0], i = short(b, i)
		}
		if args > 1 {
			e.Args[1], i = short(b, i)
		}
		if args > 2 {
			e.Args[2], i = short(b, i)
		}
		if args > 3 {
			e.Args[3], i = short(b, i)
		}
		if i > len(b)-pad {
			break
		}
		ticks += dt
		e.Type, e.Time = Type(b[pos]), s.clock.Nanoseconds(ticks)
		pos = i
		n++
	}
	c.pos, c.ticks = pos, ticks
	return n
}

// decodeLong decodes one event, whatever its values.
func (s *Stream) decodeLong(c *cursor, room uint64) int {
	if c.pos >= c.end || argCount[c.buf[c.pos]] > maxArgs {
		return 0
	}
	e := &s.buf[0]
	dt, i := uvarint(c.buf, c.pos+1)
	for k := range argCount[c.buf[c.pos]] {
		if i > c.end {
			return 0
		}
		e.Args[k], i = uvarint(c.buf, i)
	}
	if i > c.end || dt > room-c.ticks {
		return 0
	}
	c.ticks += dt
	e.Type, e.Time = Type(c.buf[c.pos]), s.clock.Nanoseconds(c.ticks)
	c.pos = i
	return 1
}

// advance steps to a thread's next event and reads its time. It returns false if there is none.
func (s *Stream) advance(c *cursor) bool {
	for c.pos >= c.end {
		if !s.load(c) {
			return s.finish(c)
		}
	}
	dt, i := uvarint(c.buf, c.pos+1)
	c.next = c.ticks + dt
	if argCount[c.buf[c.pos]] == untimed || i > c.end || c.next > c.limit || c.next < c.ticks {
		c.next = c.ticks
		s.damage(c)
	}
	return true
}

// finish ends a thread's events. In an incomplete generation more may have been
// lost: a Gap says so.
func (s *Stream) finish(c *cursor) bool {
	if c.ended || s.g.Complete || s.err != nil {
		return false
	}
	c.ended, c.gap, c.next = true, true, c.ticks
	return true
}

// damage gives up the rest of a thread's batch and makes its next event a Gap.
func (s *Stream) damage(c *cursor) {
	s.Damaged++
	s.LostBytes += int64(c.end - c.pos)
	s.skew = minSkew
	c.gap, c.pos, c.ticks = true, c.end, c.next
}

// load reads a thread's next batch. It returns false if there is none.
func (s *Stream) load(c *cursor) bool {
	batches := s.g.Threads[c.thread].batches
	if c.batch == len(batches) || s.err != nil {
		return false
	}
	b := &batches[c.batch]
	c.batch++
	if need := int(b.size) + pad; len(c.buf) < need {
		c.buf = make([]byte, need)
	}
	data, err := s.g.trace.read(b.off, c.buf[:b.size])
	if err != nil {
		s.err = err
		return false
	}
	clear(c.buf[len(data):][:pad])
	c.place, c.end = place{ticks: b.time}, len(data)
	c.limit = s.g.limit
	if c.batch < len(batches) {
		c.limit = min(c.limit, max(batches[c.batch].time, b.time)+maxSkew)
	}
	return true
}

// push adds a thread to the heap.
func (s *Stream) push(c *cursor) {
	h := append(s.heap, entry{c.next, c})
	for i := len(h) - 1; i > 0; {
		up := (i - 1) / 2
		if h[up].ticks <= h[i].ticks {
			break
		}
		h[up], h[i] = h[i], h[up]
		i = up
	}
	s.heap = h
}

// pop removes the first thread from the heap.
func (s *Stream) pop() {
	n := len(s.heap) - 1
	s.heap[0] = s.heap[n]
	s.heap[n] = entry{}
	s.heap = s.heap[:n]
	s.down()
}

// down moves the first thread to where its time belongs.
func (s *Stream) down() {
	h := s.heap
	if len(h) < 2 {
		return
	}
	e := h[0]
	i := 0
	for {
		kid := 2*i + 1
		if kid >= len(h) {
			break
		}
		if kid+1 < len(h) && h[kid+1].ticks < h[kid].ticks {
			kid++
		}
		if h[kid].ticks >= e.ticks {
			break
		}
		h[i] = h[kid]
		i = kid
	}
	h[i] = e
}
