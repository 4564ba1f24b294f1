package ring

import (
	"hash/maphash"
	"sync/atomic"
	"unsafe"

	"github.com/contend-go/contend/caches/internal/invariants"
)

// table is a cache without the types of its keys and values.
type table struct {
	// Read by every Get, never written.
	secrets
	index

	// Read by inserts and deletions, never written.
	shards   []*shard
	tickets  *tickets
	capacity int
	share    uint32 // capacity ÷ shards, rounded down

	_ [tableIdle - 100]byte // the fields before must not share a line with what is written

	// idle is how many shards have room. It changes when a shard becomes full
	// or ceases to be, not when one entry takes the place of another.
	idle atomic.Int32
	_    [60]byte
}

// tableIdle is the offset of table.idle: with the 8 bytes of Cache before the
// table, the third line.
const tableIdle = 120

// init makes the table, at its final address.
func (t *table) init(capacity, shards int) {
	t.secrets = newSecrets()
	t.index = newIndex(capacity)
	t.shards = make([]*shard, shards)
	t.tickets = new(tickets)
	t.capacity = capacity
	t.share = uint32(capacity / shards)
	for i := range t.shards {
		quota := capacity / shards
		if i < capacity%shards {
			quota++
		}
		t.shards[i] = &shard{id: uint32(i)}
		t.shards[i].lanes, t.shards[i].batch = newLanes(quota)
		t.grant(t.shards[i], 0, quota)
	}
}

func (t *table) shard(hash uint64) *shard { return t.shards[hash&uint64(len(t.shards)-1)] }

// findString is find for a string.
func (t *table) findString(k string) *entry {
	if len(k) > inlineKey {
		return t.findLong(maphash.String(t.seed, k), k)
	}
	var w words
	if len(k) >= 8 {
		w = wide(k) // most keys: without a call
	} else {
		w = inline(k)
	}
	return t.find(t.hash(w), w)
}

// newString makes an entry for a string.
func (t *table) newString(k string) (e *entry) {
	if len(k) > inlineKey {
		e = newLong(k)
		e.hash = maphash.String(t.seed, k)
		return e
	}
	w := inline(k)
	return &entry{hash: t.hash(w), words: w}
}

// insert puts e into the cache, unless its key is there: then it returns the
// entry that has it. same is as in link.
//
// An entry is in the index before it is in a queue, and leaves the queue before
// the index. So entries in queues have different keys, and as long as all keys
// fit, the queues have room for one more: nothing is evicted.
func (t *table) insert(e *entry, same func(ref unsafe.Pointer) bool) (there *entry) {
	s := t.shard(e.hash)
	l := t.lane(s)
	there = t.enter(s, l, e, same)
	if l != nil {
		l.mu.Unlock()
	}
	return there
}

// enter is insert, into s by way of lane l, which is locked, or nil.
func (t *table) enter(s *shard, l *lane, e *entry, same func(ref unsafe.Pointer) bool) (there *entry) {
	place := l != nil && l.room > 0
	e.place = fresh
	if place {
		e.place = l.reserved.place(l.n, small)
	}
	there, m := t.link(e, same)
	if there != nil {
		return there
	}
	invariants.Edge() // in the index, not yet in a lane or queue
	if place {
		l.add(newcomer{e, m})
	} else {
		t.enqueue(s, l, newcomer{e, m})
	}
	return nil
}

// makeRoom lets s have one entry more, evicting one if it has to. It returns
// false if e, for which the room is, was deleted by now.
func (t *table) makeRoom(s *shard, e *entry, moves *int) (out evicted, ok bool) {
	for {
		switch {
		case e.place == gone:
			return out, false
		case s.used < s.quota:
			t.grant(s, 1, 0)
			return out, true
		case !t.borrow(s):
			return s.evict(moves), true
		}
	}
}

// discard ends an eviction. No lock of a shard may be held.
func (t *table) discard(out evicted) {
	invariants.Edge() // out of the queues, still in the index
	t.unlink(out.entry, out.left)
}

// remove takes e out of the cache. If somebody else is about to, it does not
// rely on that.
func (t *table) remove(e *entry) {
	s := t.shard(e.hash)
	s.lock()
	if q := e.place & 1; s.queue[q].remove(s.slots[q], e) {
		t.grant(s, -1, 0)
	}
	e.place = gone
	s.mu.Unlock()
	invariants.Edge()
	t.unlink(e, leftover{})
}

// grant changes what s uses and what it may use. The caller holds its mutex.
func (t *table) grant(s *shard, used, quota int) {
	had := s.used < s.quota
	s.used += uint32(used)
	s.quota += uint32(quota)
	invariants.Assert(s.used <= s.quota, "a shard uses more than it may")
	if has := s.used < s.quota; has && !had {
		t.idle.Add(1)
	} else if had && !has {
		t.idle.Add(-1)
	}
}

// borrow moves the allowance of one entry to s, whose own is used up. It comes
// from a shard with room, so that nothing is evicted while the whole cache has
// room; or, if s has come to have far less than its share, from one that has
// more and evicts for it.
//
// It returns false if s is to evict. Otherwise s was unlocked for a time, and
// the caller must look again.
func (t *table) borrow(s *shard) bool {
	room := t.idle.Load() > 0
	poor := s.quota < t.share-t.share/4
	if len(t.shards) == 1 || !room && !poor {
		return false
	}
	s.mu.Unlock()
	// First all are asked for a free place, so that none has to evict for s
	// while another has one.
	if !(room && t.take(s, false)) && poor {
		t.take(s, true)
	}
	s.mu.Lock()
	return true
}

// take moves the allowance of one entry to s, if s still needs it, from the
// next shard that has a free place, or, if it is to evict and no shard has one,
// from one that has more than its share. It reports whether s has room now. The caller holds no
// lock of a shard.
func (t *table) take(s *shard, evict bool) bool {
	for i := 1; i < len(t.shards); i++ {
		d := t.shards[(int(s.id)+i)%len(t.shards)]
		first, second := s, d
		if d.id < s.id {
			first, second = d, s
		}
		var out evicted
		first.mu.Lock()
		second.mu.Lock()
		if s.used == s.quota {
			switch {
			case d.used < d.quota:
				t.grant(s, 0, 1)
				t.grant(d, 0, -1)
			case evict && d.quota > t.share && t.idle.Load() == 0:
				moves := maxMoves
				out = d.evict(&moves)
				t.grant(s, 0, 1)
				t.grant(d, -1, -1)
			}
		}
		done := s.used < s.quota
		second.mu.Unlock()
		first.mu.Unlock()
		if out.entry != nil {
			t.discard(out)
		}
		if done {
			return true
		}
	}
	return false
}

// len is the number of entries. Counting one shard after another can miss what
// moves in between, so the sum is held to the bounds that every moment keeps.
func (t *table) len() (n int) {
	for _, s := range t.shards {
		for i := range s.lanes {
			l := &s.lanes[i]
			l.mu.Lock()
			n -= int(l.room) + l.deleted(s)
			l.mu.Unlock()
		}
		s.lock()
		n += int(s.used)
		s.mu.Unlock()
	}
	return min(max(n, 0), t.capacity)
}
