package main

import (
	"sync"

	"github.com/contend-go/contend/caches"
)

// mine is the cache to be measured: unbounded, one lock.
type mine[K comparable] struct {
	mu sync.RWMutex
	m  map[K]*caches.Item // guarded by mu
}

func newMine[K comparable](capacity int) (caches.Cache[K, *caches.Item], error) {
	return &mine[K]{m: make(map[K]*caches.Item, capacity)}, nil
}

func (c *mine[K]) Get(key K) (*caches.Item, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	item, ok := c.m[key]
	return item, ok
}

func (c *mine[K]) Set(key K, item *caches.Item) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.m[key] = item
}

func (c *mine[K]) Delete(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.m, key)
}

func (c *mine[K]) Len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.m)
}

func (c *mine[K]) Close() error { return nil }
