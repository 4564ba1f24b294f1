// Package concurrentmap adapts github.com/orcaman/concurrent-map/v2: 32 maps,
// each behind an RWMutex, chosen by hash; unbounded. Its Upsert is not offered
// as an Update: a panic in the function would leave a shard locked, and what it
// returns is stored in any case.
package concurrentmap

import (
	cmap "github.com/orcaman/concurrent-map/v2"

	"github.com/contend-go/contend/caches"
)

// Spec describes the backend.
func Spec() caches.Spec {
	return caches.Spec{
		Name:   "concurrentmap",
		About:  "github.com/orcaman/concurrent-map/v2: 32 maps behind a sync.RWMutex each, unbounded",
		Sync:   caches.Striped,
		Policy: "none",
		Strict: true,
		String: func(capacity int) (caches.Cache[string, *caches.Item], error) {
			return wrap(capacity, cmap.New[*caches.Item])
		},
		Uint64: func(capacity int) (caches.Cache[uint64, *caches.Item], error) {
			return wrap(capacity, func() cmap.ConcurrentMap[uint64, *caches.Item] {
				return cmap.NewWithCustomShardingFunction[uint64, *caches.Item](shard)
			})
		},
	}
}

// shard mixes all bits of an integer key into the ones that choose its map.
func shard(key uint64) uint32 { return uint32(key * 0x9e3779b97f4a7c15 >> 32) }

type cache[K comparable] struct {
	m cmap.ConcurrentMap[K, *caches.Item]
}

func wrap[K comparable](capacity int, open func() cmap.ConcurrentMap[K, *caches.Item]) (caches.Cache[K, *caches.Item], error) {
	if err := caches.CheckCapacity(capacity); err != nil {
		return nil, err
	}
	return cache[K]{open()}, nil
}

func (c cache[K]) Get(key K) (*caches.Item, bool) { return c.m.Get(key) }
func (c cache[K]) Set(key K, value *caches.Item)  { c.m.Set(key, value) }
func (c cache[K]) Delete(key K)                   { c.m.Remove(key) }
func (c cache[K]) Len() int                       { return c.m.Count() }
func (c cache[K]) Close() error                   { return nil }
