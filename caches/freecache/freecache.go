// Package freecache adapts github.com/coocood/freecache: 256 segments behind a
// mutex each, every one a ring of bytes that evicts nearly the least recently
// used. An item is encoded by every Set and made anew by every Get.
//
// The library is bounded in bytes, 512 KB at least: the adapter asks for what
// capacity entries take. It refuses keys of 64 KB, and
// entries larger than a thousandth of its size.
package freecache

import (
	"github.com/coocood/freecache"

	"github.com/contend-go/contend/caches"
)

// Spec describes the backend.
func Spec() caches.Spec {
	return caches.Spec{
		Name:      "freecache",
		About:     "github.com/coocood/freecache: 256 rings of bytes behind a mutex each, of 512 KB together at least; items are copied",
		Sync:      caches.Striped,
		Policy:    "approximate LRU by segment",
		Bounded:   true,
		MayDrop:   true,
		Copies:    true,
		Overshoot: caches.OvershootInBytes(header, least),
		String: func(capacity int) (caches.Cache[string, *caches.Item], error) {
			return open(capacity, caches.StringBytes)
		},
		Uint64: func(capacity int) (caches.Cache[uint64, *caches.Item], error) {
			return open(capacity, caches.Uint64Bytes)
		},
	}
}

const (
	header = 24        // of an entry, in bytes
	least  = 512 << 10 // the library's smallest size, in bytes
)

type cache[K comparable] struct {
	free *freecache.Cache
	key  func(K) []byte
}

func open[K comparable](capacity int, key func(K) []byte) (caches.Cache[K, *caches.Item], error) {
	if err := caches.CheckCapacity(capacity); err != nil {
		return nil, err
	}
	return &cache[K]{freecache.NewCache(caches.InBytes(capacity, header)), key}, nil
}

func (c *cache[K]) Get(key K) (*caches.Item, bool) {
	b, err := c.free.Get(c.key(key))
	if err != nil {
		return nil, false
	}
	it := caches.DecodeItem(b)
	return it, it != nil
}

func (c *cache[K]) Set(key K, value *caches.Item) {
	b, k := value.Encoded(), c.key(key)
	if c.free.Set(k, b[:], 0) != nil {
		c.free.Del(k) // refused for its size: an older value must not stay
	}
}

func (c *cache[K]) Delete(key K) { c.free.Del(c.key(key)) }
func (c *cache[K]) Len() int     { return int(c.free.EntryCount()) }
func (c *cache[K]) Close() error { return nil }
