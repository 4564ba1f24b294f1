// Package null is the floor: a cache that remembers nothing. Driving it
// measures the harness itself, its key stream, loop, counting and the call
// through the interface, and no cache at all.
//
// Get always misses, so hits/get is 0 and a read-through workload fills on
// every Get. That is what the contract allows to a cache that drops each Set:
// no promise is bent for the floor, and no hit is counted that was none.
package null

import "github.com/contend-go/contend/caches"

// Spec describes the backend.
func Spec() caches.Spec {
	return caches.Spec{
		Name:    "null",
		About:   "the harness's floor: drops every Set, misses every Get",
		Sync:    caches.None,
		Policy:  "none",
		Bounded: true,
		MayDrop: true,
		String:  New[string, *caches.Item],
		Uint64:  New[uint64, *caches.Item],
	}
}

type cache[K comparable, V any] struct{}

// New returns a cache that holds nothing, whatever its capacity.
func New[K comparable, V any](capacity int) (caches.Cache[K, V], error) {
	if err := caches.CheckCapacity(capacity); err != nil {
		return nil, err
	}
	return cache[K, V]{}, nil
}

func (cache[K, V]) Get(K) (value V, ok bool) { return value, false }
func (cache[K, V]) Set(K, V)                 {}
func (cache[K, V]) Delete(K)                 {}
func (cache[K, V]) Len() int                 { return 0 }
func (cache[K, V]) Close() error             { return nil }
