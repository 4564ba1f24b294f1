package ring

// queue is a FIFO of entries on a ring buffer. Deleting from the middle leaves
// a hole. It is guarded by the shard's mutex, and kept apart from its slots so
// that what every insert writes shares one line with that mutex.
type queue struct {
	head uint32 // index of the oldest slot in use
	span uint32 // slots in use from head on, holes included
	live uint32 // entries in them
}

// slots is a queue's ring: nil outside of [head, head+span) and in holes.
type slots []*entry

// at is the index of the k-th slot from the head.
func (q *queue) at(s slots, k uint32) uint32 {
	i := uint64(q.head) + uint64(k)
	if i >= uint64(len(s)) {
		i -= uint64(len(s))
	}
	return uint32(i)
}

// push appends e, notes its slot, and returns the ring, a new one if it had to
// grow. Beyond limit the ring grows for the sake of holes only.
func (q *queue) push(s slots, e *entry, limit uint32) slots {
	if int(q.span) == len(s) {
		s = q.widen(s, limit)
	}
	i := q.at(s, q.span)
	assert(s[i] == nil, "a queue overwrites an entry")
	s[i], e.place = e, i<<1|e.place&1
	q.span++
	q.live++
	return s
}

// pop removes and returns the oldest entry, of which there must be one, and the
// ring, a new one where the old was hardly used.
func (q *queue) pop(s slots) (*entry, slots) {
	for {
		e := s[q.head]
		s[q.head] = nil
		q.head = q.at(s, 1)
		q.span--
		if e == nil {
			continue
		}
		q.live--
		if len(s) > minSlots && int(q.span) < len(s)/4 {
			s = q.repack(s, make(slots, len(s)/2))
		}
		return e, s
	}
}

// remove leaves a hole where e is.
func (q *queue) remove(s slots, e *entry) {
	assert(s[e.place>>1] == e, "an entry is not where it believes to be")
	s[e.place>>1] = nil
	q.live--
}

// widen makes room in a full ring: it closes the holes if they are a quarter of
// it, and else doubles it. Either way the cost of a push is constant on
// average.
func (q *queue) widen(s slots, limit uint32) slots {
	if len(s) > 0 && int(q.live) <= len(s)*3/4 {
		return q.repack(s, s)
	}
	n := max(minSlots, 2*len(s))
	if len(s) < int(limit) {
		n = min(n, int(limit))
	}
	return q.repack(s, make(slots, n))
}

// minSlots is the smallest ring: two cache lines.
const minSlots = 16

// repack moves the entries to another ring, or closes the holes in the same.
func (q *queue) repack(from, to slots) slots {
	packed := queue{head: q.head}
	if len(to) != len(from) {
		packed.head = 0
	}
	for k := range q.span {
		i := q.at(from, k)
		if e := from[i]; e != nil {
			from[i] = nil
			packed.push(to, e, 0) // in the same ring, not beyond i
		}
	}
	*q = packed
	return to
}
