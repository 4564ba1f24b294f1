package cachetest

import (
	"container/list"
	"sync"

	"github.com/contend-go/contend/caches"
)

// base is the correct cache that the mutation check breaks in one place at a
// time: a FIFO behind one mutex. Every faulty cache embeds it.
type base[K comparable] struct {
	mu       sync.Mutex
	capacity int
	index    map[K]*list.Element // of entry[K]
	order    *list.List          // oldest first
}

type entry[K comparable] struct {
	key   K
	value *caches.Item
}

func newBase[K comparable](capacity int) *base[K] {
	return &base[K]{capacity: capacity, index: map[K]*list.Element{}, order: list.New()}
}

func (b *base[K]) Get(key K) (*caches.Item, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.get(key)
}

func (b *base[K]) Set(key K, value *caches.Item) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.set(key, value)
}

func (b *base[K]) Delete(key K) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.remove(key)
}

func (b *base[K]) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.index)
}

func (b *base[K]) Close() error { return nil }

func (b *base[K]) Update(key K, f func(*caches.Item, bool) *caches.Item) *caches.Item {
	b.mu.Lock()
	defer b.mu.Unlock()
	old, ok := b.get(key)
	value := f(old, ok)
	b.set(key, value)
	return value
}

// The rest is called with mu held.

func (b *base[K]) get(key K) (*caches.Item, bool) {
	if e, ok := b.index[key]; ok {
		return e.Value.(*entry[K]).value, true
	}
	return nil, false
}

func (b *base[K]) set(key K, value *caches.Item) {
	if e, ok := b.index[key]; ok {
		e.Value.(*entry[K]).value = value
		return
	}
	for len(b.index) >= b.capacity {
		b.evict()
	}
	b.index[key] = b.order.PushBack(&entry[K]{key, value})
}

func (b *base[K]) remove(key K) {
	if e, ok := b.index[key]; ok {
		b.order.Remove(e)
		delete(b.index, key)
	}
}

func (b *base[K]) evict() { b.remove(b.order.Front().Value.(*entry[K]).key) }

// baseSpec promises all that can be promised.
func baseSpec() caches.Spec {
	return caches.Spec{
		Name: "base", About: "a FIFO behind one mutex", Sync: caches.Mutex, Policy: "FIFO",
		Bounded: true, Strict: true,
		String: func(capacity int) (caches.Cache[string, *caches.Item], error) { return newBase[string](capacity), nil },
		Uint64: func(capacity int) (caches.Cache[uint64, *caches.Item], error) { return newBase[uint64](capacity), nil },
	}
}
