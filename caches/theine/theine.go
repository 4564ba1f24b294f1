// Package theine adapts github.com/Yiling-J/theine-go: a sharded map whose
// W-TinyLFU policy is applied by one goroutine.
//
// Traps: evictions lag behind Sets by what waits for that goroutine, a channel
// sized from GOMAXPROCS when the process starts and a batch of 128. The library
// keeps hit statistics that cannot be switched off.
package theine

import (
	"math/bits"
	"runtime"

	"github.com/Yiling-J/theine-go"

	"github.com/contend-go/contend/caches"
)

// waiting is the library's bound on Sets that wait for its goroutine: a channel
// of 64 per CPU it may use, rounded up to a power of two, and a batch of 128
// (WriteChanSize and WriteBufferSize in its internal/store.go). Taken when the
// process starts, as the library does.
var waiting = 64<<bits.Len(uint(min(runtime.GOMAXPROCS(0), runtime.NumCPU())-1)) + 128

// Spec describes the backend.
func Spec() caches.Spec {
	return caches.Spec{
		Name:      "theine",
		About:     "github.com/Yiling-J/theine-go: sharded map, policy applied by one goroutine",
		Sync:      caches.Library,
		Policy:    "W-TinyLFU",
		Bounded:   true,
		Strict:    true,
		Overshoot: caches.Overshoot{Entries: waiting, PerSet: 1},
		String:    New[string, *caches.Item],
		Uint64:    New[uint64, *caches.Item],
	}
}

type cache[K comparable, V any] struct{ theine *theine.Cache[K, V] }

// New returns an empty cache of about capacity entries of cost 1.
func New[K comparable, V any](capacity int) (caches.Cache[K, V], error) {
	if err := caches.CheckCapacity(capacity); err != nil {
		return nil, err
	}
	t, err := theine.NewBuilder[K, V](int64(capacity)).Build()
	if err != nil {
		return nil, err
	}
	return &cache[K, V]{t}, nil
}

func (c *cache[K, V]) Get(key K) (V, bool) { return c.theine.Get(key) }
func (c *cache[K, V]) Set(key K, value V)  { c.theine.Set(key, value, 1) }
func (c *cache[K, V]) Delete(key K)        { c.theine.Delete(key) }
func (c *cache[K, V]) Len() int            { return c.theine.Len() }

// Close tells the library's two goroutines to stop. It cannot wait for them:
// they return on their own right after.
func (c *cache[K, V]) Close() error {
	c.theine.Close()
	return nil
}
