// Package mutexlru is what most programs start with: an exact LRU behind one
// mutex. Every Get moves its entry to the front of one list, so readers
// exclude each other as writers do.
package mutexlru

import (
	"reflect"
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

	// probe is set by New and only read afterwards: a key may hold what cannot be
	// hashed, and has to panic before the lock is taken. So Get, Set and Delete do
	// without a defer, which costs them 6% where nobody waits.
	probe bool
}

// New returns an empty cache that holds at most capacity entries. It also is
// a [caches.Updater].
func New[K comparable, V any](capacity int) (caches.Cache[K, V], error) {
	if err := caches.CheckCapacity(capacity); err != nil {
		return nil, err
	}
	return &cache[K, V]{lru: lru.New[K, V](capacity), probe: holdsInterface(reflect.TypeFor[K]())}, nil
}

// holdsInterface reports whether values of a comparable type may hold what cannot
// be hashed.
func holdsInterface(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Array:
		return holdsInterface(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if holdsInterface(t.Field(i).Type) {
				return true
			}
		}
	}
	return false
}

func (c *cache[K, V]) Get(key K) (V, bool) {
	if c.probe {
		mustHash(key)
	}
	c.mu.Lock()
	planted()
	value, ok := c.lru.Get(key)
	c.mu.Unlock()
	return value, ok
}

func (c *cache[K, V]) Set(key K, value V) {
	if c.probe {
		mustHash(key)
	}
	c.mu.Lock()
	c.lru.Set(key, value)
	c.mu.Unlock()
}

func (c *cache[K, V]) Update(key K, f func(old V, ok bool) V) V {
	c.mu.Lock()
	defer c.mu.Unlock() // f is the caller's and may panic
	return c.lru.Update(key, f)
}

func (c *cache[K, V]) Delete(key K) {
	if c.probe {
		mustHash(key)
	}
	c.mu.Lock()
	c.lru.Delete(key)
	c.mu.Unlock()
}

func (c *cache[K, V]) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lru.Len()
}

func (c *cache[K, V]) Close() error { return nil }

// mustHash panics, as any map does, if key holds what cannot be hashed.
func mustHash[K comparable](key K) { _ = map[K]struct{}(nil)[key] }
