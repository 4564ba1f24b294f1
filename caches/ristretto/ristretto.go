// Package ristretto adapts github.com/dgraph-io/ristretto/v2.
//
// Traps: a Set of a new key is only queued. One goroutine admits or rejects it
// later, so the next Get may miss, and with a full queue (32,768 Sets) the Set
// is dropped; more producers than that goroutine can follow lose most Sets.
// Reads are sampled lossily. Keys are hashed to 128 bits (strings) or taken as
// they are (integers) and not stored; other key types are refused.
package ristretto

import (
	"sync"

	"github.com/dgraph-io/ristretto/v2"

	"github.com/contend-go/contend/caches"
)

// Spec describes the backend.
func Spec() caches.Spec {
	return caches.Spec{
		Name:    "ristretto",
		About:   "github.com/dgraph-io/ristretto/v2: Sets are queued, admitted later by one goroutine, or dropped",
		Sync:    caches.Library,
		Policy:  "sampled LFU, TinyLFU admission",
		Bounded: true,
		MayDrop: true,
		String:  New[string, *caches.Item],
		Uint64:  New[uint64, *caches.Item],
	}
}

// Key is the type of keys that the library takes and a map too.
type Key interface {
	comparable
	ristretto.Key
}

type cache[K Key, V any] struct {
	ristretto *ristretto.Cache[K, V]
	close     func() // the library's Close, made safe to call concurrently
}

// New returns an empty cache for capacity entries of cost 1, metrics off, with
// the counters (10 per entry) and the buffer size (64) that the library
// recommends.
func New[K Key, V any](capacity int) (caches.Cache[K, V], error) {
	if err := caches.CheckCapacity(capacity); err != nil {
		return nil, err
	}
	r, err := ristretto.NewCache(&ristretto.Config[K, V]{
		NumCounters:        10 * int64(capacity),
		MaxCost:            int64(capacity),
		BufferItems:        64,
		IgnoreInternalCost: true, // else an entry costs 1 and its bookkeeping's bytes
	})
	if err != nil {
		return nil, err
	}
	return &cache[K, V]{r, sync.OnceFunc(r.Close)}, nil
}

func (c *cache[K, V]) Get(key K) (V, bool) { return c.ristretto.Get(key) }
func (c *cache[K, V]) Set(key K, value V)  { c.ristretto.Set(key, value, 1) }
func (c *cache[K, V]) Delete(key K)        { c.ristretto.Del(key) }

// Len waits until the queued Sets are decided. It is the policy's count: the
// library has no other, and every entry costs 1.
func (c *cache[K, V]) Len() int {
	c.ristretto.Wait()
	return int(c.ristretto.MaxCost() - c.ristretto.RemainingCost())
}

func (c *cache[K, V]) Close() error {
	c.close()
	return nil
}
