package mpmc

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// TestTryPushWithToken: tokens keep the values in the ring and on their way
// below its capacity, so a TryPush with a token never meets a full ring and must
// succeed. It is the -tags invariants build that makes a refusal likely.
func TestTryPushWithToken(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(8))
	for _, capacity := range []int{2, 4, 16} {
		r := New[int](capacity, Park)
		var tokens atomic.Int64
		tokens.Store(int64(r.Cap()))
		var refused, popped atomic.Int64
		const each, workers = 20_000, 4
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for pushed := 0; pushed < each; {
					if n := tokens.Load(); n == 0 || !tokens.CompareAndSwap(n, n-1) {
						runtime.Gosched()
						continue
					}
					for !r.TryPush(1) {
						refused.Add(1)
					}
					pushed++
				}
			})
			wg.Go(func() {
				for popped.Load() < each*workers {
					if _, ok := r.TryPop(); ok {
						popped.Add(1)
						tokens.Add(1)
					} else {
						runtime.Gosched()
					}
				}
			})
		}
		wg.Wait()
		if n := refused.Load(); n > 0 {
			t.Errorf("capacity %d: TryPush refused %d times by a ring that was not full", capacity, n)
		}
	}
}
