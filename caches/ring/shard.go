package ring

import "sync"

// shard is one set of S3-FIFO queues, for the keys of every stride-th bucket.
// Its mutex is held for as long as it takes to put one entry in and one out:
// no user code runs under it, and nobody waits while holding it but for a
// second shard's, in order of their numbers.
//
// Everything that an insert writes here is in the first line, together with
// the mutex that it has just fetched.
type shard struct {
	mu    sync.Mutex
	used  uint32   // entries; what the index holds of this shard
	quota uint32   // entries allowed; the quotas of all shards add up to the capacity
	queue [2]queue // small and main
	ghost ghost

	_ [64 - 52]byte

	// Written only when a ring grows.
	slots [2]slots
	marks *marks
	id    uint32

	// Two lines of nothing of ours: prefetchers fetch lines in pairs.
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

func (s *shard) push(q uint32, e *entry) {
	e.place = q
	s.slots[q] = s.queue[q].push(s.slots[q], e, s.quota)
}

func (s *shard) pop(q uint32) (e *entry) {
	e, s.slots[q] = s.queue[q].pop(s.slots[q])
	return e
}

// remove takes e out of its queue.
func (s *shard) remove(e *entry) {
	q := e.place & 1
	s.queue[q].remove(s.slots[q], e)
	e.place = gone
}

// admit puts a new entry into the queue where it starts.
func (s *shard) admit(e *entry) {
	if s.ghost.take(s.marks, e.hash) {
		s.push(main, e)
	} else {
		s.push(small, e)
	}
}

// mainRoom is main's share of the quota; the rest, at least 1, is small's.
func (s *shard) mainRoom() uint32 { return s.quota - max(1, s.quota/10) }

// evict takes one entry out of the queues and the index. The shard must have
// one.
func (s *shard) evict(x *index) {
	for {
		var e *entry
		if s.queue[main].live > s.mainRoom() || s.queue[small].live == 0 {
			e = s.fromMain()
		} else if e = s.fromSmall(); e == nil {
			continue // all of small moved to main
		}
		x.unlink(e)
		e.place = gone
		return
	}
}

// fromSmall pops the oldest entry of small that was not read twice; those that
// were move to main. It returns nil if all were.
func (s *shard) fromSmall() *entry {
	for s.queue[small].live > 0 {
		e := s.pop(small)
		if e.hits.Load() < 2 {
			s.ghost.add(s.marks, e.hash)
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
