package ring

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// TestReservedSlots inserts by way of lanes that a test chooses, one of them rarely, so
// that slots that were reserved for it are passed by; deletes what waits in lanes, what
// stands in queues and what was evicted; and asks again for keys that left, which
// enter the other queue. Positions begin shortly before they wrap.
func TestReservedSlots(t *testing.T) {
	const capacity = 5000
	for seed := range uint64(3) {
		c, err := New[uint64, uint64](capacity, Shards(1))
		if err != nil {
			t.Fatal(err)
		}
		s := c.shards[0]
		if len(s.lanes) < 4 {
			t.Fatalf("%d lanes: the test needs a larger capacity", len(s.lanes))
		}
		s.queue[small].first = ^uint32(0) - 2000
		var met struct{ kept, passed, unreserved, deletedWaiting, deletedInQueue, deletedEvicted int }
		rng := rand.New(rand.NewPCG(seed, 7))
		set := func(key uint64) {
			if e := c.lookup(key); e != nil {
				e.touch()
				return
			}
			e := &entry{words: word(key)}
			e.hash = c.hash(e.words)
			e.value.Store(c.pack(key))
			if s.ledger.perStep == 0 {
				c.enter(s, nil, e, nil)
				return
			}
			l := &s.lanes[rng.IntN(3)]
			if rng.IntN(200) == 0 {
				l = &s.lanes[3]
			}
			if l.room == 0 {
				for k := range l.n {
					switch {
					case k >= l.reserved.n:
						met.unreserved++
					case s.queue[small].keeps(s.slots[small], &l.reserved, k):
						met.kept++
					default:
						met.passed++
					}
				}
			}
			l.mu.Lock()
			c.enter(s, l, e, nil)
			l.mu.Unlock()
		}
		remove := func(e *entry) {
			switch {
			case c.lookup(e.a) != e:
				met.deletedEvicted++
			case waits(s, e):
				met.deletedWaiting++
			default:
				met.deletedInQueue++
			}
			c.remove(e)
		}
		var old []*entry // some, which may have left long ago
		next := uint64(1)
		for step := range 60_000 {
			if step/10_000%2 == 1 { // round and round over more than there is room for
				set(uint64(step) % (capacity + capacity/5))
			} else {
				next++
				set(1<<32 + next)
			}
			switch recent := 1<<32 + next - rng.Uint64N(40); rng.IntN(10) {
			case 0:
				if e := c.lookup(recent); e != nil {
					remove(e)
				}
			case 1:
				if e := c.lookup(recent); e != nil {
					e.touch()
					old = append(old, e)
				}
			case 2:
				if len(old) > 0 {
					remove(old[rng.IntN(len(old))])
				}
			}
			if step%500 == 0 {
				if err := c.Check(); err != nil {
					t.Fatalf("seed %d, step %d: %v", seed, step, err)
				}
				if n, want := c.Len(), len(c.entries()); n != want {
					t.Fatalf("seed %d, step %d: Len = %d, the index has %d", seed, step, n, want)
				}
			}
		}
		t.Logf("%+v", met)
		if min(met.kept, met.passed, met.unreserved, met.deletedWaiting, met.deletedInQueue, met.deletedEvicted) < 20 {
			t.Errorf("seed %d: %+v: the test needs more of each", seed, met)
		}
	}
}

// TestReserve: slots are reserved as far as they are free and the ring does not come round.
func TestReserve(t *testing.T) {
	for _, c := range []struct{ head, span, n, want uint32 }{
		{0, 0, 15, 15}, {0, 3, 15, 13}, {14, 0, 15, 2}, {14, 1, 15, 1}, {14, 2, 15, 14}, {14, 14, 15, 2}, {3, 5, 0, 0},
	} {
		q := queue{head: c.head, first: 7, span: c.span, live: 16} // too many to close holes
		r, s := q.reserve(make(slots, 16), c.n, 16)
		want := reservation{n: c.want, slot: (c.head + c.span) % 16, first: 7 + c.span}
		if r != want || len(s) != 16 || q.span != c.span+c.want {
			t.Errorf("%+v: reserved %+v, want %+v, in a ring of %d of which %d are in use", c, r, want, len(s), q.span)
		}
	}
}

// inserter inserts n new keys into a cache of one shard, by way of l or, if that is nil, of none.
func inserter(c *Cache[uint64, *int]) func(n int, l *lane) {
	next := uint64(0)
	return func(n int, l *lane) {
		for range n {
			next++
			enter(c, next, l)
		}
	}
}

func enter(c *Cache[uint64, *int], key uint64, l *lane) {
	e := &entry{words: word(key)}
	e.hash = c.hash(e.words)
	c.enter(c.shards[0], l, e, nil)
}

// TestIdleLane leaves a lane alone, with entries and reserved slots, while the queue's
// positions come half round and more: as lanes are where GOMAXPROCS falls to 1 for a time.
// What stands in these slots by then must stay in the queue.
func TestIdleLane(t *testing.T) {
	const capacity, round = 5000, 1 << 32
	for _, passed := range []int64{round / 2, round * 3 / 4, round - capacity, round} {
		c, err := New[uint64, *int](capacity)
		if err != nil {
			t.Fatal(err)
		}
		s, set := c.shards[0], inserter(c)
		set(2*capacity, nil)
		busy, idle := &s.lanes[0], &s.lanes[1]
		set(1+laneSize/2, idle)
		r := idle.reserved
		if idle.n == 0 || r.n < idle.n {
			t.Fatalf("%d entries wait, %d slots are reserved: the test needs both", idle.n, r.n)
		}
		q := &s.queue[small]
		for set(3*capacity, busy); s.slots[small][r.slot] == nil; {
			set(1, busy)
		}
		fromHead := (r.slot + uint32(len(s.slots[small])) - q.head) % uint32(len(s.slots[small]))
		shift := r.first + uint32(passed) - fromHead - q.first
		q.first += shift
		busy.reserved.first += shift
		set(laneSize, idle)
		if err := c.Check(); err != nil {
			t.Errorf("%d slots later: %v", passed, err)
		}
	}
}

// TestKeeps: which of four reserved slots are kept, by how far the head has come: on both
// sides of the wrap of positions, and when they have come round.
func TestKeeps(t *testing.T) {
	s := make(slots, 16)
	s[12] = new(entry)
	for first := range uint32(8) {
		r := reservation{n: 4, slot: 10, first: first - 4}
		for passed := range uint32(6) {
			for _, rounds := range []uint32{0, 1 << 31, 3 << 30} {
				q := queue{head: 10 + passed, first: r.first + passed + rounds, span: 6 - passed}
				for k := range uint32(5) {
					want := k < 4 && k >= passed && k != 2 && rounds == 0
					if got := q.keeps(s, &r, k); got != want {
						t.Errorf("positions from %#x, the head has passed %d and %#x: slot %d kept: %v", r.first, passed, rounds, k, got)
					}
				}
			}
		}
	}
	if q := (queue{head: 11, first: 0, span: 5}); q.keeps(s, &reservation{n: 4, slot: 10, first: 0}, 0) {
		t.Error("a position that has come to be another slot's is kept")
	}
	if q := (queue{head: 7, first: 0, span: 3}); q.keeps(s, &reservation{n: 4, slot: 10, first: 3}, 0) {
		t.Error("a slot behind the newest is kept")
	}
}

// TestNewLanes: how many lanes there are and how much they gather, by the quota of a shard;
// they keep no more from use than is promised.
func TestNewLanes(t *testing.T) {
	for _, want := range []struct{ quota, lanes, batch int }{
		{1, 0, 0}, {895, 0, 0}, {896, 2, 8}, {1343, 2, 8}, {1344, 3, 8}, {3839, 8, 8},
		{3840, 4, 16}, {16_384, 17, 16}, {61_439, 63, 16}, {61_440, 64, 16}, {1 << 24, 64, 16},
	} {
		lanes, batch := newLanes(want.quota)
		if len(lanes) != want.lanes || batch != uint32(want.batch) {
			t.Errorf("quota %d: %d lanes that gather %d, want %d that gather %d", want.quota, len(lanes), batch, want.lanes, want.batch)
		}
	}
	for quota := 1; quota < 100_000; quota += 7 {
		if lanes, batch := newLanes(quota); batch > laneSize || laneShare*len(lanes)*(int(batch)-1) > quota {
			t.Errorf("quota %d: %d lanes of %d keep more than one place in %d", quota, len(lanes), batch, laneShare)
		}
	}
}

// TestLaneGathers: a lane that found a full shard makes places for all of a batch but the
// one that it was emptied for, which leave the queues alone; the next empties it. Places
// have slots of small, but where the last entries were of keys that the ghost remembered.
func TestLaneGathers(t *testing.T) {
	for capacity, batch := range map[int]uint32{1000: 8, 5000: 16} {
		c, err := New[uint64, *int](capacity)
		if err != nil {
			t.Fatal(err)
		}
		c.secrets.k0, c.secrets.k1, c.secrets.k2, c.secrets.k3 = 1, 2, 3, 4 // the same marks each time
		s, set := c.shards[0], inserter(c)
		set(2*capacity, nil)
		l := &s.lanes[1]
		for range 3 {
			set(1, l)
			if l.n != 0 || l.room != batch-1 || l.reserved.n == 0 {
				t.Fatalf("capacity %d: an emptied lane has %d entries, and %d places with %d slots, want %d places", capacity, l.n, l.room, l.reserved.n, batch-1)
			}
			before := s.queue
			set(int(batch)-1, l)
			if l.n != batch-1 || l.room != 0 || s.queue != before {
				t.Fatalf("capacity %d: after %d inserts a lane has %d entries and %d places, and the queues went from %v to %v", capacity, batch-1, l.n, l.room, before, s.queue)
			}
		}
		for key := range uint64(batch) + 1 {
			enter(c, uint64(capacity)-key, l)
		}
		if l.room != batch-1 || l.reserved.n > 0 {
			t.Errorf("capacity %d: after keys that were remembered, a lane has %d places with %d slots", capacity, l.room, l.reserved.n)
		}
	}
}

// TestTickets: each ticket has a lane of its own, as long as there are lanes.
func TestTickets(t *testing.T) {
	c, err := New[uint64, *int](5000)
	if err != nil {
		t.Fatal(err)
	}
	s := c.shards[0]
	s.gather.Store(true)
	used := make(map[*lane]bool)
	for range s.lanes {
		c.tickets.pool = sync.Pool{} // as on a CPU that has none yet
		l := c.lane(s)
		l.mu.Unlock()
		used[l] = true
	}
	if len(used) != len(s.lanes) {
		t.Errorf("%d tickets use %d lanes", len(s.lanes), len(used))
	}
}

// TestOneP: with one P inserts go by way of no lane, and every place is used; with
// more they do, before long.
func TestOneP(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const capacity = 5000
	c, err := New[uint64, *int](capacity)
	if err != nil {
		t.Fatal(err)
	}
	next := uint64(0)
	inLanes := func() (n int) {
		for i := range c.shards[0].lanes {
			n += int(c.shards[0].lanes[i].n + c.shards[0].lanes[i].room)
		}
		return n
	}
	fill := func(n int) {
		for range n {
			next++
			c.Set(next, nil)
		}
	}
	if fill(3 * capacity); inLanes() > 0 || c.Len() != capacity {
		t.Errorf("one P: %d entries and places in lanes, %d of %d entries held", inLanes(), c.Len(), capacity)
	}
	runtime.GOMAXPROCS(2)
	if fill(capacity); inLanes() == 0 {
		t.Error("two Ps: nothing in lanes")
	}
	runtime.GOMAXPROCS(1)
	if fill(2 * capacity); c.Len() < capacity-capacity/laneShare {
		t.Errorf("one P again: %d of %d entries held", c.Len(), capacity)
	}
	if l := c.lane(c.shards[0]); l != nil {
		l.mu.Unlock()
		t.Error("one P again: inserts still go by way of lanes")
	}
	if err := c.Check(); err != nil {
		t.Error(err)
	}
}

// TestPsChange changes GOMAXPROCS, and with it the way that inserts go, while four
// goroutines insert and delete: afterwards every entry is found and counted.
func TestPsChange(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	const capacity = 2000
	c, err := New[uint64, *int](capacity)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var done atomic.Int32
	for g := range uint64(4) {
		wg.Go(func() {
			defer done.Add(1)
			rng := rand.New(rand.NewPCG(g, 8))
			for range 20_000 {
				if key := rng.Uint64N(2 * capacity); rng.IntN(8) == 0 {
					c.Delete(key)
				} else if _, ok := c.Get(key); !ok {
					c.Set(key, nil)
				}
			}
		})
	}
	for n := 1; done.Load() < 4; n = 5 - n {
		runtime.GOMAXPROCS(n)
		runtime.Gosched()
	}
	wg.Wait()
	if err := c.Check(); err != nil {
		t.Error(err)
	}
	if n, want := c.Len(), len(c.entries()); n != want {
		t.Errorf("Len = %d, the index has %d", n, want)
	}
}
