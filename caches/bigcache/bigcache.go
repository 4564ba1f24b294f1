// Package bigcache adapts github.com/allegro/bigcache/v3: values are bytes,
// appended to a queue for each shard, and the collector sees no pointers. An
// item is encoded by every Set and made anew by every Get.
//
// The library bounds its size in megabytes, or by age; the adapter asks for
// neither, so it is unbounded and takes the capacity as a hint. Its Close panics
// when called twice; the adapter closes it once.
package bigcache

import (
	"context"
	"sync"
	"time"

	"github.com/allegro/bigcache/v3"

	"github.com/contend-go/contend/caches"
)

// Spec describes the backend.
func Spec() caches.Spec {
	return caches.Spec{
		Name:   "bigcache",
		About:  "github.com/allegro/bigcache/v3: bytes in 256 queues behind a lock each, unbounded here; items are copied",
		Sync:   caches.Striped,
		Policy: "none",
		Strict: true,
		Copies: true,
		String: func(capacity int) (caches.Cache[string, *caches.Item], error) {
			return open(capacity, func(key string) string { return key })
		},
		Uint64: func(capacity int) (caches.Cache[uint64, *caches.Item], error) {
			return open(capacity, func(key uint64) string { return string(caches.Uint64Bytes(key)) })
		},
	}
}

const (
	shards   = 256
	lifetime = 100 * 365 * 24 * time.Hour // what was there before is evicted by the next Set
)

type cache[K comparable] struct {
	big   *bigcache.BigCache
	key   func(K) string
	close func() error
}

func open[K comparable](capacity int, key func(K) string) (caches.Cache[K, *caches.Item], error) {
	if err := caches.CheckCapacity(capacity); err != nil {
		return nil, err
	}
	big, err := bigcache.New(context.Background(), bigcache.Config{
		Shards:             shards,
		LifeWindow:         lifetime,
		MaxEntriesInWindow: capacity,
		MaxEntrySize:       64,
	})
	if err != nil {
		return nil, err
	}
	return &cache[K]{big, key, sync.OnceValue(big.Close)}, nil
}

func (c *cache[K]) Get(key K) (*caches.Item, bool) {
	b, err := c.big.Get(c.key(key))
	if err != nil {
		return nil, false
	}
	it := caches.DecodeItem(b)
	return it, it != nil
}

func (c *cache[K]) Set(key K, value *caches.Item) {
	b := value.Encoded()
	// An error says that the entry is larger than a shard may be, which has no
	// bound here.
	_ = c.big.Set(c.key(key), b[:])
}

func (c *cache[K]) Delete(key K) {
	_ = c.big.Delete(c.key(key)) // the error says that there was none
}

func (c *cache[K]) Len() int     { return c.big.Len() }
func (c *cache[K]) Close() error { return c.close() }
