package workerpool

import (
	"testing"

	"github.com/contend-go/contend/caches"
)

func TestWorkerCount(t *testing.T) {
	for _, c := range []struct{ capacity, procs, want int }{
		{1, 8, 1}, {255, 8, 1}, {256, 8, 2}, {1 << 20, 1, 1}, {1 << 20, 7, 7}, {1 << 20, 192, 192},
	} {
		if got := workerCount(c.capacity, c.procs); got != c.want {
			t.Errorf("workerCount(%d, %d) = %d, want %d", c.capacity, c.procs, got, c.want)
		}
	}
}

func TestSharesAddUp(t *testing.T) {
	for _, s := range []caches.Spec{ChannelSpec(), RingSpec(), SpinSpec()} {
		for _, capacity := range []int{1, 255, 257, 500} {
			c, err := s.Uint64(capacity)
			if err != nil {
				t.Fatal(err)
			}
			for key := range uint64(4 * capacity) {
				c.Set(key, nil)
			}
			if c.Len() != capacity {
				t.Errorf("%s: overfilled cache of capacity %d holds %d", s.Name, capacity, c.Len())
			}
			c.Close()
		}
	}
}

// TestNoAllocation: calls and their reply channels are reused. The pool may
// lose some to a garbage collection, and under the race detector it does on
// purpose; so this is a mean well below one.
func TestNoAllocation(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops items under the race detector")
	}
	for _, s := range []caches.Spec{ChannelSpec(), RingSpec(), SpinSpec()} {
		c, err := s.Uint64(1000)
		if err != nil {
			t.Fatal(err)
		}
		c.Set(1, nil)
		if n := testing.AllocsPerRun(1000, func() { c.Get(1) }); n > 0.1 {
			t.Errorf("%s: %v allocations for each Get", s.Name, n)
		}
		c.Close()
	}
}
