// Package syncmap adapts the standard library's sync.Map.
//
// Traps: it never evicts, so it applies only where all keys fit; keys and
// values are boxed into interfaces, so a Set allocates; and it has no size, so
// Len walks the whole map.
package syncmap

import (
	"sync"

	"github.com/contend-go/contend/caches"
)

// Spec describes the backend.
func Spec() caches.Spec {
	return caches.Spec{
		Name:   "syncmap",
		About:  "sync.Map of the standard library, unbounded",
		Sync:   caches.Library,
		Policy: "none",
		Strict: true,
		String: New[string, *caches.Item],
		Uint64: New[uint64, *caches.Item],
	}
}

type cache[K comparable, V any] struct{ m sync.Map }

// New returns an empty map; sync.Map takes no size hint.
func New[K comparable, V any](capacity int) (caches.Cache[K, V], error) {
	if err := caches.CheckCapacity(capacity); err != nil {
		return nil, err
	}
	return &cache[K, V]{}, nil
}

func (c *cache[K, V]) Get(key K) (V, bool) {
	v, ok := c.m.Load(key)
	if !ok {
		var zero V
		return zero, false
	}
	return v.(V), true
}

func (c *cache[K, V]) Set(key K, value V) { c.m.Store(key, value) }
func (c *cache[K, V]) Delete(key K)       { c.m.Delete(key) }

func (c *cache[K, V]) Len() int {
	n := 0
	c.m.Range(func(any, any) bool { n++; return true })
	return n
}

func (c *cache[K, V]) Close() error { return nil }
