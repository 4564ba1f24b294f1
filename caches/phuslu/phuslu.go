// Package phuslu adapts github.com/phuslu/lru: LRUs in preallocated arrays,
// 16 for every P and at most 512, with a mutex each.
//
// Traps: capacity is divided among the shards and rounded up in each, and a
// shard may evict while another has room: count on about half the capacity for
// keys that must all stay, less for small capacities on many Ps. The library
// counts calls and misses within its locks, and this cannot be switched off.
// All memory is taken at construction.
package phuslu

import (
	"github.com/phuslu/lru"

	"github.com/contend-go/contend/caches"
)

// maxShards is the library's bound.
const maxShards = 512

// Spec describes the backend.
func Spec() caches.Spec {
	return caches.Spec{
		Name:      "phuslu",
		About:     "github.com/phuslu/lru: preallocated LRUs behind a mutex each, 16 for every P",
		Sync:      caches.Striped,
		Policy:    "LRU by stripe",
		Bounded:   true,
		Strict:    true,
		Fit:       1.0 / 200,                                // whatever the capacity and GOMAXPROCS: up to 512 shards of 1 or 2 entries
		Overshoot: caches.Overshoot{Entries: maxShards - 1}, // rounding up in every shard
		String:    New[string, *caches.Item],
		Uint64:    New[uint64, *caches.Item],
	}
}

type cache[K comparable, V any] struct{ lru *lru.LRUCache[K, V] }

// New returns an empty cache for capacity entries, with the library's own
// choice of shards for the present GOMAXPROCS.
func New[K comparable, V any](capacity int) (caches.Cache[K, V], error) {
	if err := caches.CheckCapacity(capacity); err != nil {
		return nil, err
	}
	return cache[K, V]{lru.NewLRUCache[K, V](capacity)}, nil
}

func (c cache[K, V]) Get(key K) (V, bool) { return c.lru.Get(key) }
func (c cache[K, V]) Set(key K, value V)  { c.lru.Set(key, value) }
func (c cache[K, V]) Delete(key K)        { c.lru.Delete(key) }
func (c cache[K, V]) Len() int            { return c.lru.Len() }
func (c cache[K, V]) Close() error        { return nil }
