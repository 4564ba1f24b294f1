// Package mutexlru is what most programs start with: an exact LRU behind one
// mutex. Every Get moves its entry to the front of one list, so readers
// exclude each other as writers do.
package mutexlru

import (
	"sync"

	"github.com/contend-go/contend/caches"
	"github.com/contend-go/contend/caches/lru"
)

// Spec describes the backend.
func Spec() caches.Spec {
	return caches.Spec{
		Name:    "mutexlru",
		About:   "exact LRU, a map and a list, behind one sync.Mutex",
		Sync:    caches.Mutex,
		Policy:  "LRU",
		Bounded: true,
		Strict:  true,
		String:  New[string, *caches.Item],
		Uint64:  New[uint64, *caches.Item],
	}
}

type cache[K comparable, V any] struct {
	mu  sync.Mutex
	lru *lru.LRU[K, V] // guarded by mu
}

// New returns an empty cache that holds at most capacity entries. It also is
// a [caches.Updater].
func New[K comparable, V any](capacity int) (caches.Cache[K, V], error) {
	if err := caches.CheckCapacity(capacity); err != nil {
		return nil, err
	}
	return &cache[K, V]{lru: lru.New[K, V](capacity)}, nil
}

func (c *cache[K, V]) Get(key K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock() // a key that cannot be hashed panics
	planted()
	return c.lru.Get(key)
}

func (c *cache[K, V]) Set(key K, value V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Set(key, value)
}

func (c *cache[K, V]) Update(key K, f func(old V, ok bool) V) V {
	c.mu.Lock()
	defer c.mu.Unlock() // f is the caller's and may panic
	return c.lru.Update(key, f)
}

func (c *cache[K, V]) Delete(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Delete(key)
}

func (c *cache[K, V]) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lru.Len()
}

func (c *cache[K, V]) Close() error { return nil }
