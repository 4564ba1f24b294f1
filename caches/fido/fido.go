// Package fido adapts github.com/codeGROOVE-dev/fido: S3-FIFO over a
// concurrent map, inserts behind one lock.
//
// Traps: evicted entries of merit stay readable on a "death row" (8 entries,
// or capacity/768) that Len does not count, and which the Spec declares as
// overshoot. A Get or an overwrite beside the eviction of its key may reach an
// entry that was recycled: the Get returns another key's value, the overwrite
// changes it. Deletes beside evictions can still meet the death row (see
// Delete) and may make an insert hang. None of that happens while all keys fit.
// Values are read under a sequence lock without atomics: the race detector
// reports every Get beside an overwrite of the same key, and a Get that meets
// an unfinished overwrite misses after 1000 looks, so nothing strict can be
// promised. Keys other than strings and integers are hashed by way of fmt.
package fido

import (
	"github.com/codeGROOVE-dev/fido"

	"github.com/contend-go/contend/caches"
)

// Spec describes the backend.
func Spec() caches.Spec {
	return caches.Spec{
		Name:      "fido",
		About:     "github.com/codeGROOVE-dev/fido: concurrent map, inserts behind one lock; may confuse keys while it evicts",
		Sync:      caches.Library,
		Policy:    "S3-FIFO with variations",
		Bounded:   true,
		Overshoot: caches.Overshoot{Fraction: 1.0 / 768, Entries: 8},
		String:    New[string, caches.Item],
		Uint64:    New[uint64, caches.Item],
	}
}

// cache holds pointers only, for Get must know a value from none.
type cache[K comparable, T any] struct{ *fido.Cache[K, *T] } // Set and Len are the library's

// New returns an empty cache for capacity entries without expiry. Its values
// are pointers and not nil.
func New[K comparable, T any](capacity int) (caches.Cache[K, *T], error) {
	if err := caches.CheckCapacity(capacity); err != nil {
		return nil, err
	}
	return cache[K, T]{fido.New[K, *T](fido.Size(capacity))}, nil
}

// Get takes a hit without a value as a miss: the library reports one when
// another Get takes the key off its death row first.
func (c cache[K, T]) Get(key K) (*T, bool) {
	value, ok := c.Cache.Get(key)
	return value, ok && value != nil
}

// Delete gets the key first, which takes it off the library's death row:
// deleting it there unlinks it from a queue it is not in, and an insert may
// then look for a victim for ever.
func (c cache[K, T]) Delete(key K) {
	c.Cache.Get(key)
	c.Cache.Delete(key)
}

func (c cache[K, T]) Close() error { return nil }
