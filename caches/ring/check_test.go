package ring

import "fmt"

// Check compares the index, the queues and the counters with each other. It
// needs the cache at rest.
func (c *Cache[K, V]) Check() error { return c.table.check() }

func (t *table) check() error {
	queued := make(map[*entry]bool)
	idle, capacity := 0, 0
	for _, s := range t.shards {
		if err := s.check(queued); err != nil {
			return fmt.Errorf("shard %d: %w", s.id, err)
		}
		capacity += int(s.quota)
		if s.used < s.quota {
			idle++
		}
	}
	if idle != int(t.idle.Load()) {
		return fmt.Errorf("%d shards have room, %d are counted", idle, t.idle.Load())
	}
	if capacity != t.capacity {
		return fmt.Errorf("quotas add up to %d of %d", capacity, t.capacity)
	}
	passed := make([]uint64, t.mask+1) // entries that passed by each bucket
	indexed := 0
	for i := range t.mask + 1 {
		word := t.bucket(i, 0).word.Load()
		if word&busy != 0 {
			return fmt.Errorf("bucket %d is busy", i)
		}
		for slot := range t.bucket(i, 0).slot {
			tag := word >> (8 * (slot + 1)) & 0xff
			e := t.bucket(i, 0).slot[slot].Load()
			switch {
			case e == nil && tag == 0:
				continue
			case e == nil || tag != tagOf(e.hash):
				return fmt.Errorf("bucket %d, slot %d: tag %#x for entry %v", i, slot, tag, e)
			case !queued[e]:
				return fmt.Errorf("bucket %d, slot %d: entry is in no queue", i, slot)
			}
			indexed++
			for home := e.hash & t.mask; home != i; home = (home + 1) & t.mask {
				passed[home]++
			}
		}
	}
	if indexed != len(queued) {
		return fmt.Errorf("%d entries in the index, %d in queues", indexed, len(queued))
	}
	for i, want := range passed {
		if got := t.bucket(uint64(i), 0).word.Load() & overflow; got != want && got != maxOverflow {
			return fmt.Errorf("bucket %d: %d entries passed by, %d are counted", i, want, got)
		}
	}
	return nil
}

// check adds the shard's entries to queued.
func (s *shard) check(queued map[*entry]bool) error {
	before := len(queued)
	for q := range s.queue {
		live, span := uint32(0), uint32(0)
		for k := range s.queue[q].span {
			i := s.queue[q].at(s.slots[q], k)
			span++
			e := s.slots[q][i]
			if e == nil {
				continue
			}
			if e.place != i<<1|uint32(q) {
				return fmt.Errorf("queue %d, slot %d: entry believes it is at %#x", q, i, e.place)
			}
			if queued[e] {
				return fmt.Errorf("queue %d, slot %d: entry is queued twice", q, i)
			}
			queued[e] = true
			live++
		}
		if live != s.queue[q].live {
			return fmt.Errorf("queue %d has %d entries, counts %d", q, live, s.queue[q].live)
		}
		outside := 0
		for _, e := range s.slots[q] {
			if e != nil {
				outside++
			}
		}
		if outside != int(live) {
			return fmt.Errorf("queue %d keeps %d entries outside of its ends", q, outside-int(live))
		}
	}
	if n := len(queued) - before; n != int(s.used) || s.used > s.quota {
		return fmt.Errorf("%d entries, %d counted, %d allowed", n, s.used, s.quota)
	}
	kept := uint32(0)
	if m := s.marks.Load(); m != nil {
		for step := s.ghost.oldest; step*m.perStep < s.ghost.added; step++ {
			kept += m.left[step%steps]
		}
	}
	if kept != s.ghost.kept {
		return fmt.Errorf("the ghost keeps %d keys, counts %d", kept, s.ghost.kept)
	}
	return nil
}
