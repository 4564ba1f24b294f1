// Package otter1 adapts github.com/maypok86/otter, version 1: S3-FIFO with
// lock-free reads and one goroutine that applies the policy.
//
// Traps: evictions lag behind Sets by the content of the library's write
// buffer, whose size it fixes from GOMAXPROCS when the process starts. A Get
// beside an overwrite of its key may miss, for it can find the replaced node
// and see it dead: hence no promise to be strict. The library refuses every Set
// below 10 entries of capacity, where its small queue has no room; New refuses
// such a capacity.
package otter1

import (
	"fmt"
	"math/bits"
	"runtime"

	"github.com/maypok86/otter"

	"github.com/contend-go/contend/caches"
)

// minCapacity is the least of which a tenth, the small queue and the largest
// cost of one entry, is at least 1.
const minCapacity = 10

// writeBuffer is the library's bound on Sets that wait for its goroutine, 128
// per CPU it may use, rounded up to a power of two (maxWriteBufferSize in its
// internal/core/cache.go). Taken when the process starts, as the library does.
var writeBuffer = 128 << bits.Len(uint(min(runtime.GOMAXPROCS(0), runtime.NumCPU())-1))

// Spec describes the backend.
func Spec() caches.Spec {
	return caches.Spec{
		Name:    "otter1",
		About:   "github.com/maypok86/otter v1: lock-free reads, policy applied by one goroutine",
		Sync:    caches.Library,
		Policy:  "S3-FIFO",
		Bounded: true,
		// The waiting Sets, the one being applied, and those not yet waiting.
		Overshoot:   caches.Overshoot{Entries: writeBuffer + 1, PerSet: 1},
		MinCapacity: minCapacity,
		String:      New[string, *caches.Item],
		Uint64:      New[uint64, *caches.Item],
	}
}

type cache[K comparable, V any] struct{ otter otter.Cache[K, V] }

// New returns an empty cache of about capacity entries, at least 10, with
// statistics off.
func New[K comparable, V any](capacity int) (caches.Cache[K, V], error) {
	if capacity < minCapacity {
		return nil, fmt.Errorf("otter1: capacity %d: want at least %d, the library refuses every Set below", capacity, minCapacity)
	}
	o, err := otter.MustBuilder[K, V](capacity).Build()
	if err != nil {
		return nil, err
	}
	return &cache[K, V]{o}, nil
}

func (c *cache[K, V]) Get(key K) (V, bool) { return c.otter.Get(key) }
func (c *cache[K, V]) Set(key K, value V)  { c.otter.Set(key, value) }
func (c *cache[K, V]) Delete(key K)        { c.otter.Delete(key) }
func (c *cache[K, V]) Len() int            { return c.otter.Size() }

// Close stops the library's goroutine, which has nothing left to do but to
// return when Close does.
func (c *cache[K, V]) Close() error {
	c.otter.Close()
	return nil
}
