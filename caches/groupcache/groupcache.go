// Package groupcache adapts the LRU of github.com/golang/groupcache, whose
// authors leave locking to the caller: here one mutex. Keys and values are held
// in interfaces, so a Set of an integer key allocates twice.
package groupcache

import (
	"sync"

	"github.com/golang/groupcache/lru"

	"github.com/contend-go/contend/caches"
)

// Spec describes the backend.
func Spec() caches.Spec {
	return caches.Spec{
		Name:    "groupcache",
		About:   "github.com/golang/groupcache/lru: exact LRU, behind one sync.Mutex of the adapter",
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
	lru *lru.Cache // guarded by mu
}

// New returns an empty cache that holds at most capacity entries.
func New[K comparable, V any](capacity int) (caches.Cache[K, V], error) {
	if err := caches.CheckCapacity(capacity); err != nil {
		return nil, err
	}
	return &cache[K, V]{lru: lru.New(capacity)}, nil
}

func (c *cache[K, V]) Get(key K) (value V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock() // a key that cannot be hashed panics
	if held, ok := c.lru.Get(key); ok {
		return held.(V), true
	}
	return value, false
}

func (c *cache[K, V]) Set(key K, value V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Add(key, value)
}

func (c *cache[K, V]) Delete(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Remove(key)
}

func (c *cache[K, V]) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lru.Len()
}

func (c *cache[K, V]) Close() error { return nil }
