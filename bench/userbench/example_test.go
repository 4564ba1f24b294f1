package userbench_test

import (
	"sync"
	"testing"

	"github.com/contend-go/contend/bench/userbench"
)

// A benchmark of a map behind a lock that reports its hit ratio and latency.
func Example() {
	var cache struct {
		sync.Mutex
		m map[int]int
	}
	cache.m = map[int]int{1: 1, 2: 2, 3: 3}
	_ = func(b *testing.B) { // BenchmarkCache
		m := userbench.New(b)
		b.RunParallel(func(pb *testing.PB) {
			w := m.Worker()
			for key := 0; pb.Next(); key = (key + 1) % 4 {
				start := w.Start()
				cache.Lock()
				_, ok := cache.m[key]
				cache.Unlock()
				w.Since(start)
				w.Hit(ok)
				w.Op(1)
			}
		})
	}
}
