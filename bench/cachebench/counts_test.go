package cachebench

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// TestCountsOfOneBatch reads the counters of a worker that publishes all the
// time: they must be those of one batch, or a window would have more hits than Gets.
func TestCountsOfOneBatch(t *testing.T) {
	w := new(worker[string])
	c := crew[string]{workers: []*worker[string]{w}}
	var stop atomic.Bool
	var done sync.WaitGroup
	defer done.Wait()
	defer stop.Store(true)
	done.Go(func() {
		for n := uint64(1); !stop.Load(); n++ {
			w.tally = tally{n, n, n, n}
			w.publish()
		}
	})
	last := uint64(0)
	for seen := 0; seen < 20_000; {
		got := c.counts()
		if got.tally != (tally{got.ops, got.ops, got.ops, got.ops}) || got.each[0] != got.ops {
			t.Fatalf("counters of two batches: %+v", got)
		}
		if got.ops == last {
			runtime.Gosched()
			continue
		}
		last = got.ops
		seen++
	}
}
