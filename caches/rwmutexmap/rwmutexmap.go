// Package rwmutexmap is the map that most programs begin with: behind one
// sync.RWMutex, unbounded. Readers do not exclude each other, but each writes
// the lock's count of readers.
package rwmutexmap

import (
	"sync"

	"github.com/contend-go/contend/caches"
)

// Spec describes the backend.
func Spec() caches.Spec {
	return caches.Spec{
		Name:   "rwmutexmap",
		About:  "a map behind one sync.RWMutex, unbounded",
		Sync:   caches.Mutex,
		Policy: "none",
		Strict: true,
		String: New[string, *caches.Item],
		Uint64: New[uint64, *caches.Item],
	}
}

type cache[K comparable, V any] struct {
	mu sync.RWMutex
	m  map[K]V // guarded by mu
}

// New returns an empty map with room for capacity entries. It also is a
// [caches.Updater].
func New[K comparable, V any](capacity int) (caches.Cache[K, V], error) {
	if err := caches.CheckCapacity(capacity); err != nil {
		return nil, err
	}
	return &cache[K, V]{m: make(map[K]V, capacity)}, nil
}

func (c *cache[K, V]) Get(key K) (V, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock() // a key that cannot be hashed panics
	value, ok := c.m[key]
	return value, ok
}

func (c *cache[K, V]) Set(key K, value V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.m[key] = value
}

func (c *cache[K, V]) Update(key K, f func(old V, ok bool) V) V {
	c.mu.Lock()
	defer c.mu.Unlock()
	old, ok := c.m[key]
	value := f(old, ok)
	c.m[key] = value
	return value
}

func (c *cache[K, V]) Delete(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.m, key)
}

func (c *cache[K, V]) Len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.m)
}

func (c *cache[K, V]) Close() error { return nil }
