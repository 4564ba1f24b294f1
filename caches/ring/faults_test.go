package ring_test

import (
	"runtime"
	"sync"
	"testing"

	"github.com/contend-go/contend/caches/ring"
)

func open(t *testing.T, capacity int, opts ...ring.Option) *ring.Cache[uint64, *int] {
	t.Helper()
	c, err := ring.New[uint64, *int](capacity, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestSetKeepsItsKey sets new keys for ever, of which each is read twice: then
// a batch of evictions finds nothing in small but the newcomers.
func TestSetKeepsItsKey(t *testing.T) {
	if raceEnabled {
		t.Skip("one goroutine: nothing here depends on the race detector")
	}
	for _, capacity := range []int{1, 2, 9, 10, 100, 500, 895, 896, 1000, 2000, 5000, 20_000, 100_000} {
		c, lost := open(t, capacity), 0
		for key := range uint64(max(1000, 5*capacity)) {
			c.Set(key, nil)
			if _, ok := c.Get(key); !ok {
				lost++
			}
			c.Get(key)
		}
		if lost > 0 {
			t.Errorf("capacity %d: %d keys missed right after their Set", capacity, lost)
		}
	}
}

// TestFirstFill gives new caches as many keys as they have capacity.
func TestFirstFill(t *testing.T) {
	if raceEnabled {
		t.Skip("one goroutine: nothing here depends on the race detector")
	}
	for _, c := range []struct{ capacity, shards, caches int }{
		{512, 64, 100}, {1024, 64, 100}, {4096, 64, 50}, {10_000, 64, 30}, {1024, 8, 100}, {1025, 2, 50}, {65_536, 64, 3},
	} {
		for range c.caches {
			r := open(t, c.capacity, ring.Shards(c.shards))
			missing := 0
			for key := range uint64(c.capacity) {
				r.Set(key, nil)
			}
			for key := range uint64(c.capacity) {
				if _, ok := r.Get(key); !ok {
					missing++
				}
			}
			if missing > 0 {
				t.Fatalf("capacity %d, %d shards: %d keys missing after the first fill", c.capacity, c.shards, missing)
			}
			if err := r.Check(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestFitAfterEviction: after many CPUs' lanes were in use and every key was
// deleted, as many keys fit as the Spec promises.
func TestFitAfterEviction(t *testing.T) {
	for _, capacity := range []int{895, 896, 1000, 5000, 50_000} {
		c := open(t, capacity)
		for key := range uint64(2 * capacity) {
			c.Set(1<<40+key, nil)
		}
		for round := range uint64(10) {
			var wg sync.WaitGroup
			for g := range uint64(8) {
				wg.Go(func() {
					for i := range uint64(50) {
						c.Set(round<<20|g<<10|i, nil)
						runtime.Gosched()
					}
				})
			}
			wg.Wait()
			runtime.GC()
			runtime.GC() // twice: then the pool has forgotten its tickets
		}
		for key := range uint64(2 * capacity) {
			c.Delete(1<<40 + key)
		}
		for round := range uint64(10) {
			for g := range uint64(8) {
				for i := range uint64(50) {
					c.Delete(round<<20 | g<<10 | i)
				}
			}
		}
		if n := c.Len(); n != 0 {
			t.Fatalf("capacity %d: Len is %d after all was deleted", capacity, n)
		}
		fits, missing := ring.Spec().Fits(capacity), 0
		for key := range uint64(fits) {
			c.Set(1<<50+key, nil)
		}
		for key := range uint64(fits) {
			if _, ok := c.Get(1<<50 + key); !ok {
				missing++
			}
		}
		if missing > 0 {
			t.Errorf("capacity %d: %d of %d keys missing, which all fit", capacity, missing, fits)
		}
	}
}

// TestFillingIsLinear counts the bytes that each part of filling a cache
// allocates: the last hundredth takes no more than what comes before it, but
// for one growth of each queue.
func TestFillingIsLinear(t *testing.T) {
	for _, c := range []struct{ capacity, shards int }{{100_000, 1}, {100_000, 8}, {100_000, 64}, {500_000, 32}} {
		r := open(t, c.capacity, ring.Shards(c.shards))
		next := uint64(0)
		part := func(to int) int {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			from := next
			for ; next < uint64(to); next++ {
				r.Set(next, nil)
			}
			runtime.ReadMemStats(&after)
			return int(after.TotalAlloc-before.TotalAlloc) / int(next-from)
		}
		all := part(c.capacity * 95 / 100)
		last := part(c.capacity)
		t.Logf("capacity %d, %d shards: %d bytes for a Set up to 95%%, %d after", c.capacity, c.shards, all, last)
		// A twentieth of all Sets: were every queue to grow once in it, by a
		// quarter, these would be 8·1.25·20 bytes more each.
		if all > 64+8*5 || last > 64+8*1.25*20+50 {
			t.Errorf("capacity %d, %d shards: a Set takes %d bytes up to 95%%, %d after", c.capacity, c.shards, all, last)
		}
	}
}

// TestBytesOfSmallCaches holds small caches to the README's figure: the index,
// the queues and, once something is evicted, the ghost.
func TestBytesOfSmallCaches(t *testing.T) {
	if raceEnabled {
		t.Skip("one goroutine: nothing here depends on the race detector")
	}
	for _, capacity := range []int{1, 10, 41, 100, 500, 1000, 5000} {
		var before, after runtime.MemStats
		const caches = 50
		kept := make([]*ring.Cache[uint64, *int], caches)
		runtime.GC()
		runtime.GC() // twice: the first empties pools
		runtime.ReadMemStats(&before)
		for i := range kept {
			kept[i] = open(t, capacity)
			for key := range uint64(3 * capacity) {
				kept[i].Set(key, nil)
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		bytes := (int(after.HeapAlloc) - int(before.HeapAlloc)) / caches
		t.Logf("capacity %d: %d bytes, %d an entry", capacity, bytes, bytes/capacity)
		if limit := 2048 + 192*capacity; bytes > limit {
			t.Errorf("capacity %d: an evicting cache takes %d bytes, at most %d promised", capacity, bytes, limit)
		}
		runtime.KeepAlive(kept)
	}
}
