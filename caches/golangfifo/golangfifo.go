// Package golangfifo adapts the two caches of
// github.com/scalalang2/golang-fifo, S3-FIFO and SIEVE, each behind one mutex.
//
// Traps: every Set asks for the time, although nothing expires. The S3-FIFO's
// Len takes no lock, so the adapter keeps Sets and Deletes out with one of its
// own: some 10 ns on each of those, nothing on Get.
package golangfifo

import (
	"sync"

	"github.com/scalalang2/golang-fifo/s3fifo"
	"github.com/scalalang2/golang-fifo/sieve"
	"github.com/scalalang2/golang-fifo/types"

	"github.com/contend-go/contend/caches"
)

// S3FIFOSpec describes the S3-FIFO.
func S3FIFOSpec() caches.Spec {
	return caches.Spec{
		Name:    "golangfifo",
		About:   "github.com/scalalang2/golang-fifo: S3-FIFO behind one mutex",
		Sync:    caches.Mutex,
		Policy:  "S3-FIFO",
		Bounded: true,
		Strict:  true,
		String:  NewS3FIFO[string, *caches.Item],
		Uint64:  NewS3FIFO[uint64, *caches.Item],
	}
}

// SieveSpec describes the SIEVE.
func SieveSpec() caches.Spec {
	return caches.Spec{
		Name:    "golangsieve",
		About:   "github.com/scalalang2/golang-fifo: SIEVE behind one mutex",
		Sync:    caches.Mutex,
		Policy:  "SIEVE",
		Bounded: true,
		Strict:  true,
		String:  NewSieve[string, *caches.Item],
		Uint64:  NewSieve[uint64, *caches.Item],
	}
}

// NewS3FIFO returns an empty S3-FIFO of at most capacity entries.
func NewS3FIFO[K comparable, V any](capacity int) (caches.Cache[K, V], error) {
	if err := caches.CheckCapacity(capacity); err != nil {
		return nil, err
	}
	return &lenLocked[K, V]{cache: cache[K, V]{s3fifo.New[K, V](capacity, 0)}}, nil
}

// NewSieve returns an empty SIEVE of at most capacity entries.
func NewSieve[K comparable, V any](capacity int) (caches.Cache[K, V], error) {
	if err := caches.CheckCapacity(capacity); err != nil {
		return nil, err
	}
	return cache[K, V]{sieve.New[K, V](capacity, 0)}, nil
}

type cache[K comparable, V any] struct{ types.Cache[K, V] } // Get, Set and Len are the library's

func (c cache[K, V]) Delete(key K) { c.Remove(key) }

func (c cache[K, V]) Close() error {
	c.Cache.Close()
	return nil
}

// lenLocked adds the lock that the S3-FIFO's Len lacks.
type lenLocked[K comparable, V any] struct {
	cache[K, V]
	mu sync.Mutex // held by whatever changes or reads the length
}

func (c *lenLocked[K, V]) Set(key K, value V) {
	c.mu.Lock()
	c.cache.Set(key, value)
	c.mu.Unlock()
}

func (c *lenLocked[K, V]) Delete(key K) {
	c.mu.Lock()
	c.cache.Delete(key)
	c.mu.Unlock()
}

func (c *lenLocked[K, V]) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cache.Len()
}
