// Package xsyncmap adapts the concurrent hash map of
// github.com/puzpuzpuz/xsync/v4: reads without locks, a lock for each bucket
// on writes. It never evicts, so it applies only where all keys fit.
package xsyncmap

import (
	"github.com/puzpuzpuz/xsync/v4"

	"github.com/contend-go/contend/caches"
)

// Spec describes the backend.
func Spec() caches.Spec {
	return caches.Spec{
		Name:   "xsyncmap",
		About:  "github.com/puzpuzpuz/xsync/v4 Map, unbounded",
		Sync:   caches.Library,
		Policy: "none",
		Strict: true,
		String: New[string, *caches.Item],
		Uint64: New[uint64, *caches.Item],
	}
}

type cache[K comparable, V any] struct{ m *xsync.Map[K, V] }

// New returns an empty map with room for capacity entries. It grows beyond. It
// also is a [caches.Updater].
func New[K comparable, V any](capacity int) (caches.Cache[K, V], error) {
	if err := caches.CheckCapacity(capacity); err != nil {
		return nil, err
	}
	return cache[K, V]{xsync.NewMap[K, V](xsync.WithPresize(capacity))}, nil
}

func (c cache[K, V]) Get(key K) (V, bool) { return c.m.Load(key) }
func (c cache[K, V]) Set(key K, value V)  { c.m.Store(key, value) }
func (c cache[K, V]) Delete(key K)        { c.m.Delete(key) }
func (c cache[K, V]) Len() int            { return c.m.Size() }
func (c cache[K, V]) Close() error        { return nil }

func (c cache[K, V]) Update(key K, f func(old V, ok bool) V) V {
	// The library would keep its bucket locked if f panicked through it.
	var panicked any
	value, _ := c.m.Compute(key, func(old V, ok bool) (value V, op xsync.ComputeOp) {
		defer func() {
			if panicked = recover(); panicked != nil {
				value, op = old, xsync.CancelOp
			}
		}()
		return f(old, ok), xsync.UpdateOp
	})
	if panicked != nil {
		panic(panicked)
	}
	return value
}
