// Package golanglru adapts github.com/hashicorp/golang-lru/v2: an exact LRU
// behind one read-write mutex, of which Get too takes the write side.
package golanglru

import (
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/contend-go/contend/caches"
)

// Spec describes the backend.
func Spec() caches.Spec {
	return caches.Spec{
		Name:    "golanglru",
		About:   "github.com/hashicorp/golang-lru/v2: exact LRU behind one lock",
		Sync:    caches.Mutex,
		Policy:  "LRU",
		Bounded: true,
		Strict:  true,
		String:  New[string, *caches.Item],
		Uint64:  New[uint64, *caches.Item],
	}
}

type cache[K comparable, V any] struct{ *lru.Cache[K, V] } // Get and Len are the library's

// New returns an empty cache that holds at most capacity entries.
func New[K comparable, V any](capacity int) (caches.Cache[K, V], error) {
	l, err := lru.New[K, V](capacity)
	if err != nil {
		return nil, err
	}
	return cache[K, V]{l}, nil
}

func (c cache[K, V]) Set(key K, value V) { c.Add(key, value) }
func (c cache[K, V]) Delete(key K)       { c.Remove(key) }
func (c cache[K, V]) Close() error       { return nil }
