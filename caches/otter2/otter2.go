// Package otter2 adapts github.com/maypok86/otter/v2, a W-TinyLFU cache with
// lock-free reads and buffered maintenance.
//
// Traps: evictions lag behind Sets by the content of the library's write
// buffer, whose size it fixes from GOMAXPROCS when the process starts, so Len
// exceeds the capacity for a while; maintenance runs in goroutines of its own,
// which take CPU from the callers; reads are recorded in lossy buffers, so the
// same stream need not give the same hit ratio twice.
package otter2

import (
	"math/bits"
	"runtime"
	"sync"

	"github.com/maypok86/otter/v2"

	"github.com/contend-go/contend/caches"
)

// Spec describes the backend.
func Spec() caches.Spec {
	return caches.Spec{
		Name:      "otter2",
		About:     "github.com/maypok86/otter/v2: lock-free reads, buffered policy, maintenance in its own goroutines",
		Sync:      caches.Library,
		Policy:    "W-TinyLFU",
		Bounded:   true,
		Strict:    true,
		Overshoot: caches.Overshoot{Entries: 2*writeBuffer + 1, PerSet: 1},
		String:    New[string, *caches.Item],
		Uint64:    New[uint64, *caches.Item],
	}
}

// writeBuffer is the library's bound on Sets that wait for maintenance, 128 per
// CPU it may use, rounded up to a power of two (maxWriteBufferSize in its
// cache_impl.go). It is taken when the process starts, as the library does.
//
// Each waiting Set has its entry in the map already. Maintenance takes up to
// writeBuffer + 1 of them before it evicts, while as many fill the buffer anew:
// hence the Spec's overshoot, with the Sets that are yet to enter the buffer.
var writeBuffer = 128 << bits.Len(uint(min(runtime.GOMAXPROCS(0), runtime.NumCPU())-1))

type cache[K comparable, V any] struct {
	otter       *otter.Cache[K, V]
	maintenance *sync.WaitGroup // the library's running maintenance goroutines
}

// New returns an empty cache of about capacity entries, statistics off. It
// also is a [caches.Updater].
func New[K comparable, V any](capacity int) (caches.Cache[K, V], error) {
	if err := caches.CheckCapacity(capacity); err != nil {
		return nil, err
	}
	// The library's own executor is a plain go statement; this one differs
	// only in that Close can wait for what it started.
	maintenance := new(sync.WaitGroup)
	o, err := otter.New(&otter.Options[K, V]{
		MaximumSize: capacity,
		Executor:    maintenance.Go,
	})
	if err != nil {
		return nil, err
	}
	return &cache[K, V]{o, maintenance}, nil
}

func (c *cache[K, V]) Get(key K) (V, bool) { return c.otter.GetIfPresent(key) }
func (c *cache[K, V]) Set(key K, value V)  { c.otter.Set(key, value) }
func (c *cache[K, V]) Delete(key K)        { c.otter.Invalidate(key) }
func (c *cache[K, V]) Len() int            { return c.otter.EstimatedSize() }

func (c *cache[K, V]) Update(key K, f func(old V, ok bool) V) V {
	// The library would keep its bucket locked if f panicked through it.
	var panicked any
	value, _ := c.otter.Compute(key, func(old V, ok bool) (value V, op otter.ComputeOp) {
		defer func() {
			if panicked = recover(); panicked != nil {
				value, op = old, otter.CancelOp
			}
		}()
		return f(old, ok), otter.WriteOp
	})
	if panicked != nil {
		panic(panicked)
	}
	return value
}

func (c *cache[K, V]) Close() error {
	c.otter.StopAllGoroutines()
	c.maintenance.Wait()
	return nil
}
