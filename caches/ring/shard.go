package ring

import (
	"sync"
	"sync/atomic"
)

// shard is one set of S3-FIFO queues, for the keys whose hash chooses it. Its
// mutex is held for as long as it takes to put one entry into the queues and
// to take one out. No user code runs under it, and only who moves allowance
// between two shards waits with it for another, in the order of their numbers.
//
// All that an insert writes here is in the first line, with the mutex that it
// has just fetched.
type shard struct {
	mu    sync.Mutex
	used  uint32   // entries in the queues
	quota uint32   // entries allowed; the quotas of all shards add up to the capacity
	queue [2]queue // small and main
	ghost ghost

	_ [64 - 52]byte

	// Written only when a ring changes its size and on the first eviction.
	slots [2]slots
	marks atomic.Pointer[marks] // nil until something is evicted
	id    uint32

	// Nothing else of ours in the last pair of lines: prefetchers fetch pairs.
	_ [shardSize - 64 - 60]byte
}

const shardSize = 256

const (
	small = iota
	main
)

// maxReinsert bounds the entries that one eviction gives another round in
// main, and with it the time that the mutex is held.
const maxReinsert = 512

// lock waits for a short while before it gives up its CPU: the mutex is held
// for less time than parking takes. Between two tries it looks away, longer each
// time: every look takes the line from the owner, who writes to it.
func (s *shard) lock() {
	for wait := 128; wait <= 4096; wait += wait {
		if s.mu.TryLock() {
			return
		}
		for range wait {
		}
	}
	s.mu.Lock()
}

func (s *shard) push(q uint32, e *entry) {
	e.place = q
	s.slots[q] = s.queue[q].push(s.slots[q], e, s.quota)
}

func (s *shard) pop(q uint32) (e *entry) {
	e, s.slots[q] = s.queue[q].pop(s.slots[q])
	return e
}

// mainRoom is main's share of the quota; the rest, at least 1, is small's.
func (s *shard) mainRoom() uint32 { return s.quota - max(1, s.quota/10) }

// evicted is an entry that has left the queues and must leave the index, and
// what the ghost is to note.
type evicted struct {
	*entry
	remember     bool
	step, oldest uint32
}

// evict takes one entry out of the queues, which must have one.
func (s *shard) evict() (out evicted) {
	m := s.marks.Load()
	if m == nil {
		m = newMarks(int(s.quota) * 9 / 10)
		s.marks.Store(m)
	}
	for out.entry == nil {
		if s.queue[main].live > s.mainRoom() || s.queue[small].live == 0 {
			out.entry = s.fromMain()
		} else if out.entry = s.fromSmall(); out.entry != nil {
			out.remember = true
			out.step = s.ghost.add(m)
			out.oldest = s.ghost.oldest
		}
	}
	out.place = gone
	return out
}

// fromSmall pops the oldest entry of small that was not read twice; those that
// were move to main. It returns nil if all were.
func (s *shard) fromSmall() *entry {
	for s.queue[small].live > 0 {
		e := s.pop(small)
		if e.hits.Load() < 2 {
			return e
		}
		e.hits.Store(0)
		s.push(main, e)
	}
	return nil
}

// fromMain pops the oldest entry of main that was not read since its last
// round; the others lose one hit and go round again.
func (s *shard) fromMain() *entry {
	for n := 0; ; n++ {
		e := s.pop(main)
		hits := e.hits.Load()
		if hits == 0 || n == maxReinsert {
			return e
		}
		e.hits.Store(hits - 1)
		s.push(main, e)
	}
}
