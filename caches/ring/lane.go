package ring

import (
	"sync"
	"sync/atomic"
)

// lane gathers the inserts of one CPU into a shard that is full, so that the
// queues, which all CPUs write, are locked once for a batch of them: new
// entries wait here for their queue, and places that evictions made in advance
// wait for entries. The shard counts both as used. Most places have a slot of the
// small queue already.
//
// Its mutex is taken before the shard's and before busy bits. It is contended only
// where CPUs share a lane, because there are more of them than a small capacity has
// lanes for.
type lane struct {
	mu       sync.Mutex
	room     uint32           // places
	n        uint32           // entries; never more than laneSize−1 together with the places
	reserved reservation      // slots of the first entries
	fresh    [laneSize]*entry // the entries; a deleted one has the place gone, which its shard's mutex guards
	marks    [laneSize]mark   // and what the ghost knew of their keys

	// Pairs of lines, because prefetchers fetch those. The runtime may put
	// 8 bytes before the first, which the last of this leave room for.
	_ [256 - 32 - 10*laneSize]byte
}

const (
	laneSize = 16 // entries and places, at most, with the one that finds no place
	maxLanes = 64 // in a shard

	// laneTries is how many lanes an insert tries before it waits for one: all are
	// taken only where there are more CPUs than lanes.
	laneTries = 4

	// laneShare bounds what lanes keep from being used: one place in so many.
	laneShare = 64
)

// newLanes makes the lanes of a shard, and says for how many inserts at once each
// is emptied: fewer in small shards, that more CPUs have one of their own. It makes
// none if there would not be two: its inserts then lock the queues one by one.
func newLanes(quota int) (lanes []lane, batch uint32) {
	count := func(batch int) int { return min(maxLanes, quota/laneShare/(batch-1)) }
	if n := count(laneSize); n >= 4 {
		return make([]lane, n), laneSize
	}
	if n := count(laneSize / 2); n >= 2 {
		return make([]lane, n), laneSize / 2
	}
	return nil, 0
}

// tickets tell CPUs apart: each has one, which chooses its lane. They live in a
// pool because the runtime keeps one for each P. A ticket that is lost, or in
// use on another CPU by now, costs time and no more.
type tickets struct {
	pool   sync.Pool // of *uint32
	issued atomic.Uint32
}

func (t *tickets) next() uint32 {
	k, ok := t.pool.Get().(*uint32)
	if !ok {
		k = new(uint32)
		*k = t.issued.Add(1)
	}
	t.pool.Put(k)
	return *k
}

// lane returns this CPU's lane of s, locked, or one of the next, rather than to wait
// for who has it; nil if there are none, or none are needed: nothing was evicted yet,
// or there is one P.
func (t *table) lane(s *shard) *lane {
	if !s.gather.Load() {
		return nil
	}
	k, n := t.tickets.next(), uint32(len(s.lanes))
	for i := range uint32(laneTries) {
		if l := &s.lanes[(k+i)%n]; l.mu.TryLock() {
			return l
		}
	}
	l := &s.lanes[k%n]
	l.mu.Lock()
	return l
}

// newcomer is an entry on its way into a queue.
type newcomer struct {
	*entry
	mark mark // what is remembered of its key, 0 if nothing
}

// add puts n into a place, of which there must be one.
func (l *lane) add(n newcomer) {
	l.room--
	l.fresh[l.n], l.marks[l.n] = n.entry, n.mark
	l.n++
}

// deleted is how many entries in the lane, one of s, were deleted.
func (l *lane) deleted(s *shard) (n int) {
	if l.n == 0 {
		return 0
	}
	s.lock()
	defer s.mu.Unlock()
	for _, e := range l.fresh[:l.n] {
		if e.place == gone {
			n++
		}
	}
	return n
}

// enqueue puts the entries that wait in l, and n, into the queues. If it has to
// evict for n, it does so for the rest of a batch as well, and before n is in a
// queue: an insert never evicts its own key. The caller has l locked; it is nil
// for an entry that waits for no others.
func (t *table) enqueue(s *shard, l *lane, n newcomer) {
	var in [laneSize]newcomer
	var out [laneSize]evicted
	last, outs, remembered := 0, 0, 0
	if l != nil {
		for i, e := range l.fresh[:l.n] {
			in[i], l.fresh[i] = newcomer{e, l.marks[i]}, nil
		}
		last, l.n = int(l.n), 0
	}

	s.lock()
	for i := range in[:last] {
		if in[i].entry.place == gone {
			l.room++
		} else if s.admit(in[i], l, uint32(i)) == main {
			remembered++
		}
	}
	if l != nil {
		s.queue[small].fetch(s.slots[small])
		s.queue[main].fetch(s.slots[main])
	}
	q := s.queueFor(n) // first: making room may forget it
	moves := maxMoves
	if o, ok := t.makeRoom(s, n.entry, &moves); ok {
		if o.entry != nil {
			out[0], outs = o, 1
			for ; l != nil && l.room < s.batch-1; l.room++ {
				out[outs] = s.evict(&moves)
				outs++
			}
		}
		s.push(q, n.entry)
	}
	if l != nil {
		l.reserved = reservation{}
		if 2*remembered <= last { // where most enter main, slots that stay empty make small's ring longer
			s.reserve(l)
		}
	}
	s.mu.Unlock()

	for _, o := range out[:outs] { // all lines at once, rather than one after the other
		t.bucket(o.hash, 0).word.Load()
	}
	for _, o := range out[:outs] {
		t.discard(o)
	}
}
