// Package fido adapts github.com/codeGROOVE-dev/fido: S3-FIFO over a
// concurrent map, inserts behind one lock.
//
// Traps: evicted entries of merit stay readable on a "death row" (8 entries,
// or capacity/768) that Len does not count. Values are read under a sequence
// lock without atomics: the race detector reports every Get beside an overwrite
// of the same key, and an entry that is recycled between lookup and read gives
// the value of another key. A Get that meets an unfinished overwrite gives up
// after 1000 looks and misses, so nothing strict can be promised. Keys other than strings and integers are hashed by
// way of fmt.
package fido

import (
	"github.com/codeGROOVE-dev/fido"

	"github.com/contend-go/contend/caches"
)

// Spec describes the backend.
func Spec() caches.Spec {
	return caches.Spec{
		Name:    "fido",
		About:   "github.com/codeGROOVE-dev/fido: concurrent map, inserts behind one lock; not clean under the race detector",
		Sync:    caches.Library,
		Policy:  "S3-FIFO with variations",
		Bounded: true,
		String:  New[string, *caches.Item],
		Uint64:  New[uint64, *caches.Item],
	}
}

type cache[K comparable, V any] struct{ *fido.Cache[K, V] } // Get, Set and Len are the library's

// New returns an empty cache for capacity entries without expiry.
func New[K comparable, V any](capacity int) (caches.Cache[K, V], error) {
	if err := caches.CheckCapacity(capacity); err != nil {
		return nil, err
	}
	return cache[K, V]{fido.New[K, V](fido.Size(capacity))}, nil
}

// Delete gets the key first, which takes it off the library's death row:
// deleting it there unlinks it from a queue it is not in, and an insert may
// then look for a victim for ever.
func (c cache[K, V]) Delete(key K) {
	c.Cache.Get(key)
	c.Cache.Delete(key)
}

func (c cache[K, V]) Close() error { return nil }
