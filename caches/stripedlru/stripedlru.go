// Package stripedlru is the usual cure for one contended mutex: many of them,
// each over an LRU of its own, chosen by the key's hash.
//
// Recency and capacity are kept by stripe. Keys do not spread quite evenly, so
// a stripe may evict while another has room: count on about half the capacity
// for keys that must all stay. One hot key has one lock, whatever the number
// of stripes.
package stripedlru

import (
	"hash/maphash"
	"math/bits"
	"runtime"
	"sync"
	"unsafe"

	"github.com/contend-go/contend/caches"
	"github.com/contend-go/contend/caches/lru"
)

const (
	// stripesPerProc keeps two goroutines off the same stripe most of the
	// time: with one goroutine for each of P Ps, each finds the stripe it
	// wants taken with a chance of at most 1/8.
	stripesPerProc = 8

	// minStripe is the least capacity of a stripe. Half full it holds 64 keys
	// in the mean with a standard deviation of 8 (keys fall to stripes as a
	// Poisson process), so that a stripe overflows only at 8 of those.
	minStripe = 128

	// cacheLine is 128 and not 64 bytes: CPUs prefetch lines in pairs.
	cacheLine = 128
)

// Spec describes the backend.
func Spec() caches.Spec {
	return caches.Spec{
		Name:    "stripedlru",
		About:   "LRUs behind a mutex each, chosen by hash: 8 for every P, of at least 128 entries",
		Sync:    caches.Striped,
		Policy:  "LRU by stripe",
		Bounded: true,
		Strict:  true,
		Fit:     .5,
		String:  New[string, *caches.Item],
		Uint64:  New[uint64, *caches.Item],
	}
}

type cache[K comparable, V any] struct {
	// All fields are set by New and only read afterwards.
	seed    maphash.Seed
	mask    uint64 // number of stripes, a power of two, minus 1
	stripes []stripe[K, V]
}

type guarded[K comparable, V any] struct {
	mu  sync.Mutex
	lru *lru.LRU[K, V] // guarded by mu
}

// stripe is padded so that taking one stripe's lock leaves its neighbours'
// cache lines alone.
type stripe[K comparable, V any] struct {
	guarded[K, V]
	_ [cacheLine - unsafe.Sizeof(guarded[int, int]{})]byte
}

// New returns an empty cache that holds at most capacity entries. The number
// of stripes is fixed here, from the present GOMAXPROCS. It also is a
// [caches.Updater].
func New[K comparable, V any](capacity int) (caches.Cache[K, V], error) {
	if err := caches.CheckCapacity(capacity); err != nil {
		return nil, err
	}
	n := stripeCount(capacity, runtime.GOMAXPROCS(0))
	c := &cache[K, V]{
		seed:    maphash.MakeSeed(),
		mask:    uint64(n - 1),
		stripes: make([]stripe[K, V], n),
	}
	for i := range c.stripes {
		share := capacity / n
		if i < capacity%n {
			share++ // the shares add up to capacity
		}
		c.stripes[i].lru = lru.New[K, V](share)
	}
	return c, nil
}

// stripeCount is the number of stripes: the power of two from
// stripesPerProc·procs up, or fewer where capacity would not give each stripe
// minStripe entries.
func stripeCount(capacity, procs int) int {
	wanted := 1 << bits.Len(uint(stripesPerProc*procs-1))
	possible := 1 << (bits.Len(uint(max(capacity/minStripe, 1))) - 1)
	return min(wanted, possible)
}

// of is key's stripe. A key that cannot be hashed panics here, before a lock is
// taken.
func (c *cache[K, V]) of(key K) *stripe[K, V] {
	return &c.stripes[maphash.Comparable(c.seed, key)&c.mask]
}

func (c *cache[K, V]) Get(key K) (V, bool) {
	s := c.of(key)
	s.mu.Lock()
	value, ok := s.lru.Get(key)
	s.mu.Unlock()
	return value, ok
}

func (c *cache[K, V]) Set(key K, value V) {
	s := c.of(key)
	s.mu.Lock()
	s.lru.Set(key, value)
	s.mu.Unlock()
}

func (c *cache[K, V]) Update(key K, f func(old V, ok bool) V) V {
	s := c.of(key)
	s.mu.Lock()
	defer s.mu.Unlock() // f is the caller's and may panic
	return s.lru.Update(key, f)
}

func (c *cache[K, V]) Delete(key K) {
	s := c.of(key)
	s.mu.Lock()
	s.lru.Delete(key)
	s.mu.Unlock()
}

// Len adds up the stripes one after another.
func (c *cache[K, V]) Len() int {
	n := 0
	for i := range c.stripes {
		s := &c.stripes[i]
		s.mu.Lock()
		n += s.lru.Len()
		s.mu.Unlock()
	}
	return n
}

func (c *cache[K, V]) Close() error { return nil }
