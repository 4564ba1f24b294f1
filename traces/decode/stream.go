package decode

import "sort"

// maxSkew is how long, in ticks of other threads' time, an event waits for one it
// depends on: 67 ms at 64 ns a tick. Clocks of CPUs differ by microseconds at
// most; what takes longer will never come, as it was lost. Where something was
// lost, minSkew (0.5 ms) is enough.
const (
	maxSkew = 1 << 20
	minSkew = 1 << 13
)

// Stream hands out the events of a generation, in runs of one thread. Only one goroutine may
// use it. It holds one batch of every thread in memory, and a few of its events decoded.
//
// The events of a thread come in their order. Those of different threads need not come in the order
// of time, which would make runs of two or three events: what depends on another
// thread's event says so by sequence numbers, and they do not lie, as clocks of different CPUs may. A
// consumer that finds that another thread's event must come first calls Postpone: the
// run goes on when time has come to it, after each run that was taken, until it is taken, or until it
// has waited for too long.
//
// A [Global] event is a run of its own. It comes after all events that are earlier and before all that are
// later, but for those that are postponed.
type Stream struct {
	// Events is the current run, valid after Next returned true.
	Events []Event
	Thread int32 // whose it is: index into Generation.Threads
	// Forced: the run is one event that contradicts the order of sequence numbers but cannot
	// wait any longer.
	Forced bool

	// Ordered makes runs so short that events come in the order of time, but for those that are postponed. It costs
	// more than half of the speed.
	Ordered bool

	Damaged   int   // places where events could not be decoded
	LostBytes int64 // bytes of events that were not

	g       *Generation
	clock   Clock
	threads []cursor
	cur     *cursor // the current run's thread; nil at the start and after Postpone
	heap    []entry // the threads that have events and are not stalled, earliest first
	horizon int64   // no event that is not decoded yet, and no global one, is earlier, ns
	stalled []int32 // the threads whose next event was postponed when it was the earliest
	tried   int     // stalled[:tried] were postponed again since the last event that was taken
	at      int     // index of cur within stalled, -1 if it is heap[0]
	skew    uint64  // how long a postponed event waits, ticks of other threads' time
	err     error
}

// maxRun bounds the events of a thread that are decoded ahead, so that those of several
// threads stay in the CPU's cache. maxAhead bounds those of all threads.
const (
	maxRun   = 256
	maxAhead = 1 << 17
)

type entry struct {
	time   int64 // of the thread's next event
	thread int32
}

// cursor is the position in one thread's events.
type cursor struct {
	events []Event // decoded and not taken, within room
	room   []Event
	last   int64 // time of the last of events

	thread int32
	gap    bool   // a Gap comes next
	ended  bool   // there is no further batch
	ticks  uint64 // time of the event before pos
	limit  uint64 // no event of the batch is later
	buf    []byte // the batch's data and pad more bytes
	pos    int    // of the next event in buf
	end    int    // of the data
	batch  int    // index of the next batch
}

// newStream makes a stream that has not read anything yet.
func newStream(g *Generation, clock Clock) *Stream {
	s := &Stream{g: g, clock: clock, threads: make([]cursor, len(g.Threads)), skew: maxSkew}
	if !g.Complete {
		s.skew = minSkew
	}
	for i := range s.threads {
		s.threads[i].thread = int32(i)
	}
	return s
}

// Events starts to read the events of a generation.
func (g *Generation) Events(clock Clock) *Stream {
	s := newStream(g, clock)
	s.heap = make([]entry, 0, len(s.threads))
	for i := range s.threads {
		if c := &s.threads[i]; s.fill(c) {
			s.push(c)
		}
	}
	return s
}

// Err is the error of reading that ended the stream, nil at its regular end.
func (s *Stream) Err() error { return s.err }

// Next makes the next run the current one. All of the current one is taken. It returns false at
// the end. The run ends before the time stop, or, once there are only events from stop on, it is one
// event.
func (s *Stream) Next(stop int64) bool {
	if s.cur != nil {
		s.taken(len(s.Events))
	}
	if s.err != nil {
		return false
	}
	if at := s.tried; at < len(s.stalled) {
		s.deliver(s.stalled[at], at, stop)
		return true
	}
	if len(s.stalled) > 0 {
		first := &s.threads[s.stalled[0]]
		if len(s.heap) == 0 || s.heap[0].time >= first.events[0].Time+s.clock.Nanoseconds(s.skew) {
			s.deliver(first.thread, 0, stop)
			s.Events, s.Forced = s.Events[:1], true
			return true
		}
	}
	if len(s.heap) == 0 {
		return false
	}
	if s.heap[0].time > s.horizon {
		s.look()
	}
	s.deliver(s.heap[0].thread, -1, stop)
	return true
}

// look finds the horizon. Stalled threads do not count, as others must go on without them.
func (s *Stream) look() {
	s.horizon = 1<<63 - 1
	for _, e := range s.heap {
		s.horizon = min(s.horizon, s.threads[e.thread].last)
	}
}

// deliver makes a thread's next events, up to the horizon and before stop, the current run.
func (s *Stream) deliver(thread int32, at int, stop int64) {
	c := &s.threads[thread]
	events := c.events
	end := min(s.horizon, stop-1)
	if s.Ordered {
		end = min(end, s.second(at))
	}
	if c.last > end {
		events = events[:sort.Search(len(events), func(i int) bool { return events[i].Time > end })]
	}
	if n := len(events); n > 0 && Global(events[n-1].Type) {
		events = events[:n-1]
	}
	if len(events) == 0 {
		events = c.events[:1]
	}
	s.cur, s.at, s.Thread, s.Events, s.Forced = c, at, thread, events, false
}

// second is the time of the earliest event of any thread but the current one, which is the heap's first unless
// it was postponed.
func (s *Stream) second(at int) int64 {
	first := int64(1<<63 - 1)
	heads := s.heap
	if at < 0 {
		heads = s.heap[min(1, len(s.heap)):min(3, len(s.heap))] // its children
	}
	for _, e := range heads[:min(2, len(heads))] {
		first = min(first, e.time)
	}
	return first
}

// Time is that of the next event, as far as it was not postponed; the greatest there is at the end.
func (s *Stream) Time() int64 {
	if s.cur != nil {
		s.taken(len(s.Events))
	}
	if len(s.heap) == 0 {
		if len(s.stalled) > 0 {
			return s.threads[s.stalled[0]].events[0].Time
		}
		return 1<<63 - 1
	}
	return s.heap[0].time
}

// Postpone says that Events[i] must come after an event of another thread. The events
// before it are taken, and it and those after it come again. It must not be called for a forced event.
func (s *Stream) Postpone(i int) {
	switch {
	case i > 0:
		s.taken(i)
	case s.at >= 0:
		s.tried++
	default:
		s.pop()
		s.stalled = append(s.stalled, s.cur.thread)
		s.tried = len(s.stalled)
	}
	s.cur = nil
}

// taken steps the current run's thread over n events.
func (s *Stream) taken(n int) {
	c := s.cur
	c.events = c.events[n:]
	more := len(c.events) > 0 || s.fill(c)
	switch {
	case s.at >= 0:
		s.stalled = append(s.stalled[:s.at], s.stalled[s.at+1:]...)
		if more {
			s.push(c)
		}
	case more:
		s.heap[0].time = c.events[0].Time
		s.down()
	default:
		s.pop()
	}
	s.cur, s.tried = nil, 0
}

// fill decodes events of a thread, up to the first global one or one that is damaged. It returns
// false if there are no more.
func (s *Stream) fill(c *cursor) bool {
	for c.pos >= c.end && !c.gap {
		if !s.load(c) && !s.finish(c) {
			return false
		}
	}
	n := 0
	for !c.gap {
		n += s.decode(c, c.room[n:])
		if n == len(c.room) || c.pos == c.end {
			break
		}
		if !s.decodeLong(c, &c.room[n]) {
			s.damage(c)
			break
		}
		if n++; Global(c.room[n-1].Type) {
			break
		}
	}
	if n == 0 {
		c.gap = false
		c.room[0] = Event{Type: Gap, Time: s.clock.Nanoseconds(c.ticks)}
		n = 1
	}
	c.events = c.room[:n]
	c.last = c.events[n-1].Time
	return true
}

// decode decodes events into buf and returns how many. It stops before one with a long value, a global one
// and one that is damaged. It is where most of the time of reading a trace goes, and two to three times
// as fast by what it does not do: loop over the arguments, and call anything.
func (s *Stream) decode(c *cursor, buf []Event) int {
	b, pos, ticks := c.buf[:c.end+pad], c.pos, c.ticks
	n := 0
	for n < len(buf) && pos < len(b)-pad {
		args := quickCount[b[pos]]
		dt, i := short(b, pos+1)
		if dt > c.limit-ticks || args > maxArgs {
			break
		}
		e := &buf[n]
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

// decodeLong decodes one event, whatever its values. It returns false if it is damaged.
func (s *Stream) decodeLong(c *cursor, e *Event) bool {
	args := argCount[c.buf[c.pos]]
	if args > maxArgs {
		return false
	}
	dt, i := uvarint(c.buf, c.pos+1)
	for k := range args {
		if i > c.end {
			return false
		}
		e.Args[k], i = uvarint(c.buf, i)
	}
	if i > c.end || dt > c.limit-c.ticks {
		return false
	}
	c.ticks += dt
	e.Type, e.Time = Type(c.buf[c.pos]), s.clock.Nanoseconds(c.ticks)
	c.pos = i
	return true
}

// finish ends a thread's events. In an incomplete generation more may have been
// lost: a Gap says so.
func (s *Stream) finish(c *cursor) bool {
	if c.ended || s.err != nil {
		return false
	}
	c.ended, c.gap = true, !s.g.Complete
	return c.gap
}

// damage gives up the rest of a thread's batch and makes its next event a Gap.
func (s *Stream) damage(c *cursor) {
	s.Damaged++
	s.LostBytes += int64(c.end - c.pos)
	s.skew = minSkew
	c.gap, c.pos = true, c.end
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
	if c.room == nil {
		// No event is smaller than two bytes.
		c.room = make([]Event, min(maxRun, max(maxAhead/len(s.threads), 1), len(c.buf)))
	}
	c.ticks, c.pos, c.end = b.time, 0, len(data)
	c.limit = s.g.limit
	if c.batch < len(batches) {
		c.limit = min(c.limit, max(batches[c.batch].time, b.time)+maxSkew)
	}
	return true
}

// push adds a thread to the heap.
func (s *Stream) push(c *cursor) {
	h := append(s.heap, entry{c.events[0].Time, c.thread})
	for i := len(h) - 1; i > 0; {
		up := (i - 1) / 2
		if h[up].time <= h[i].time {
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
		if kid+1 < len(h) && h[kid+1].time < h[kid].time {
			kid++
		}
		if h[kid].time >= e.time {
			break
		}
		h[i] = h[kid]
		i = kid
	}
	h[i] = e
}
