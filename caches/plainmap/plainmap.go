// Package plainmap is the ceiling for reads: Go's own map, filled by one
// goroutine and then read by many without any lock. No cache that must also
// accept writes can be expected to pass it.
package plainmap

import "github.com/contend-go/contend/caches"

// Spec describes the backend.
func Spec() caches.Spec {
	return caches.Spec{
		Name:     "plainmap",
		About:    "the ceiling for reads: a Go map without a lock, filled before it is shared",
		Sync:     caches.None,
		Policy:   "none",
		ReadOnly: true,
		Strict:   true,
		String:   New[string, *caches.Item],
		Uint64:   New[uint64, *caches.Item],
	}
}

// cache is written by one goroutine, before it is handed to its readers; what
// hands it over (starting them, for one) publishes the map.
type cache[K comparable, V any] map[K]V

// New returns an empty map with room for capacity entries. It grows beyond.
func New[K comparable, V any](capacity int) (caches.Cache[K, V], error) {
	if err := caches.CheckCapacity(capacity); err != nil {
		return nil, err
	}
	return make(cache[K, V], capacity), nil
}

func (c cache[K, V]) Get(key K) (V, bool) {
	value, ok := c[key]
	return value, ok
}

func (c cache[K, V]) Set(key K, value V) { c[key] = value }
func (c cache[K, V]) Delete(key K)       { delete(c, key) }
func (c cache[K, V]) Len() int           { return len(c) }
func (c cache[K, V]) Close() error       { return nil }
