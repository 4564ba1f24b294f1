package decode

import "encoding/binary"

// maxSkew is how long, in ticks of other threads' time, an event waits for one it
// depends on: 67 ms at 64 ns a tick. Clocks of CPUs differ by microseconds at
// most; what takes longer will never come, as it was lost. Where something was
// lost, minSkew (0.5 ms) is enough.
const (
	maxSkew = 1 << 20
	minSkew = 1 << 13
)

// Stream hands out the events of a generation in the order of time. Only one
// goroutine may use it. It holds one batch of every thread in memory.
//
// Clocks of different CPUs may disagree about the order of events close together;
// sequence numbers in the events do not lie. A consumer that finds that another
// thread's event must come first calls Postpone: the event comes again after each
// one that was taken, until it is taken, or until it has waited for too long.
type Stream struct {
	Event Event // the current event, valid after Next returned true

	Damaged   int   // places where events could not be decoded
	LostBytes int64 // bytes of events that were not

	g     *Generation
	clock Clock
	cur   *cursor // the current event's thread; nil at the start and after Postpone
	// room is the time up to which cur may go on without a look at the other threads.
	room    uint64
	heap    []entry   // the threads that have events and are not stalled, earliest first
	stalled []*cursor // the threads whose next event was postponed
	tried   int       // stalled[:tried] were postponed again since the last event that was taken
	at      int       // index of cur within stalled, -1 if it is heap[0]
	skew    uint64    // how long a postponed event waits, ticks of other threads' time
	err     error
}

type entry struct {
	ticks uint64
	c     *cursor
}

// cursor is the position in one thread's events. Between a call of advance and the
// event's delivery, typ and ticks are the next event's and pos is at its arguments;
// after that they are the current event's and pos is after it.
type cursor struct {
	thread int32
	typ    Type
	ended  bool // there is no further batch
	ticks  uint64
	limit  uint64 // no event of the batch is later
	buf    []byte // the batch's data and pad more bytes
	pos    int
	end    int             // of the data
	batch  int             // index of the next batch
	args   [maxArgs]uint64 // of the event, while it is stalled
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

// Next makes the next event the current one. It returns false at the end.
func (s *Stream) Next() bool {
	c := s.cur
	if c == nil || c.pos >= c.end {
		return s.next()
	}
	// Most often the same thread goes on. Whatever is out of the ordinary is left to next.
	b, i := c.buf, c.pos
	typ := Type(b[i])
	dt := uint64(b[i+1])
	if i += 2; dt >= 0x80 {
		if dt, i = uvarint(b, i-1); i > c.end {
			return s.next()
		}
	}
	at := c.ticks + dt
	if at > s.room || at < c.ticks {
		return s.next()
	}
	e := &s.Event
	n := int(argCount[typ])
	if n < 0 {
		return s.next()
	}
	for k := range n {
		// uvarint by hand for up to three bytes: their lengths repeat, so
		// branches that are foreseen beat arithmetic that waits for its input.
		w := binary.LittleEndian.Uint32(b[i:])
		switch {
		case w&0x80 == 0:
			e.Args[k&(maxArgs-1)] = uint64(w & 0x7f)
			i++
		case w&0x8000 == 0:
			e.Args[k&(maxArgs-1)] = uint64(w&0x7f | w>>1&0x3f80)
			i += 2
		case w&0x800000 == 0:
			e.Args[k&(maxArgs-1)] = uint64(w&0x7f | w>>1&0x3f80 | w>>2&0x1fc000)
			i += 3
		default:
			e.Args[k&(maxArgs-1)], i = uvarint(b, i)
		}
		if i > c.end {
			return s.next()
		}
	}
	c.ticks, c.pos = at, i
	e.Type = typ
	e.Time = max(e.Time, s.clock.Nanoseconds(at))
	return true
}

// next is Next in general: the current event's thread steps forward, and the
// thread with the earliest event comes next.
func (s *Stream) next() bool {
	if c := s.cur; c != nil {
		if s.at >= 0 {
			s.stalled = append(s.stalled[:s.at], s.stalled[s.at+1:]...)
			if s.advance(c) {
				s.push(c)
			}
		} else if s.advance(c) {
			s.heap[0].ticks = c.ticks
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
	s.deliver(s.heap[0].c)
	return true
}

// deliver makes the event at the top of the heap the current one.
func (s *Stream) deliver(c *cursor) {
	s.cur, s.at = c, -1
	s.room = 0
	if len(s.stalled) == 0 {
		s.room = c.limit
		for _, e := range s.heap[1:min(3, len(s.heap))] {
			s.room = min(s.room, e.ticks)
		}
	}
	e := &s.Event
	e.Type, e.Thread, e.Forced = c.typ, c.thread, false
	e.Time = max(e.Time, s.clock.Nanoseconds(c.ticks))
	s.decodeArgs(c, e)
}

// decodeArgs reads the arguments of a thread's next event.
func (s *Stream) decodeArgs(c *cursor, e *Event) {
	i := c.pos
	for k := range argCount[c.typ] {
		if e.Args[k], i = uvarint(c.buf, i); i > c.end {
			s.damage(c)
			e.Type = Gap
			return
		}
	}
	c.pos = i
}

// Postpone says that the current event must come after one of another
// thread. It has no effect on a forced event.
func (s *Stream) Postpone() {
	c := s.cur
	switch {
	case s.Event.Forced:
		return
	case s.at >= 0:
		s.tried++
	default:
		c.typ, c.args = s.Event.Type, s.Event.Args
		s.pop()
		s.stalled = append(s.stalled, c)
		s.tried = len(s.stalled)
	}
	s.cur = nil
}

// nextStalled makes a stalled event the current one, if one is due to be
// tried again, or has waited for too long.
func (s *Stream) nextStalled() bool {
	at, forced := s.tried, false
	if at == len(s.stalled) {
		if at, forced = 0, true; len(s.heap) > 0 && s.heap[0].ticks < s.stalled[0].ticks+s.skew {
			return false
		}
	}
	c := s.stalled[at]
	s.cur, s.at, s.room = c, at, 0
	s.Event = Event{Type: c.typ, Thread: c.thread, Time: s.Event.Time, Forced: forced, Args: c.args}
	return true
}

// advance steps to a thread's next event and reads its type and time. It
// returns false if there is none.
func (s *Stream) advance(c *cursor) bool {
	for c.pos >= c.end {
		if !s.load(c) {
			return s.finish(c)
		}
	}
	b, i := c.buf, c.pos
	typ := Type(b[i])
	dt, i := uvarint(b, i+1)
	if at := c.ticks + dt; argCount[typ] >= 0 && i <= c.end && at <= c.limit && at >= c.ticks {
		c.typ, c.ticks, c.pos = typ, at, i
	} else {
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
	c.ended, c.typ = true, Gap
	return true
}

// damage gives up the rest of a thread's batch and makes its next event a Gap.
func (s *Stream) damage(c *cursor) {
	s.Damaged++
	s.LostBytes += int64(c.end - c.pos)
	s.skew = minSkew
	c.typ, c.pos = Gap, c.end
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
	c.pos, c.end, c.ticks = 0, len(data), b.time
	c.limit = s.g.limit
	if c.batch < len(batches) {
		c.limit = min(c.limit, max(batches[c.batch].time, b.time)+maxSkew)
	}
	return true
}

// push adds a thread to the heap.
func (s *Stream) push(c *cursor) {
	h := append(s.heap, entry{c.ticks, c})
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
