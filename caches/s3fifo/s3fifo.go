// Package s3fifo is an exact S3-FIFO behind one mutex: the slow, obvious
// reference that the lock-free cache is compared with, and a fair baseline.
//
// The algorithm is that of Yang, Zhang, Qiu, Yue and Rashmi, "FIFO queues are
// all you need for cache eviction" (SOSP 2023), with the defaults and in the
// order of steps of its authors' simulator, libCacheSim, whose miss ratios
// package cachebench's tests reproduce:
//
//   - A new key enters the small queue, a tenth of the capacity; a key that the
//     ghost queue remembers enters the main queue.
//   - A hit adds one to the entry's counter, up to 3, and moves nothing.
//   - To make room, the oldest of small is evicted and its key remembered in
//     ghost; those hit twice or more on the way go to main instead. Main is
//     made room in once it exceeds its nine tenths, or if small is empty: its
//     oldest is evicted, or, if hit, put back with one hit less.
//
// Until the cache is full small may grow to all of it. (Later versions of the
// simulator add a rule for that time; the published algorithm has none.)
package s3fifo

import (
	"sync"

	"github.com/contend-go/contend/caches"
)

// The parameters are libCacheSim's defaults.
const (
	smallShare = 0.1 // of the capacity, rounded down; the rest is main
	ghostShare = 0.9 // of the capacity, in keys, rounded down
	promoteAt  = 2   // hits in small that lead to main
	maxHits    = 3   // what the two bits of a counter hold
)

// Spec describes the backend.
func Spec() caches.Spec {
	return caches.Spec{
		Name:    "s3fifo",
		About:   "exact S3-FIFO, a map and three queues, behind one sync.Mutex",
		Sync:    caches.Mutex,
		Policy:  "S3-FIFO",
		Bounded: true,
		Strict:  true,
		String:  New[string, *caches.Item],
		Uint64:  New[uint64, *caches.Item],
	}
}

// cache is guarded by mu, all of it.
type cache[K comparable, V any] struct {
	mu sync.Mutex

	// index finds every entry, the ghosts too. An entry is in exactly one
	// of the three queues.
	index              map[K]*entry[K, V]
	small, main, ghost queue[K, V]
}

// New returns an empty cache that holds at most capacity entries. It also is
// a [caches.Updater]. A Set or an Update of a key that is held counts as a hit.
func New[K comparable, V any](capacity int) (caches.Cache[K, V], error) {
	if err := caches.CheckCapacity(capacity); err != nil {
		return nil, err
	}
	c := &cache[K, V]{index: make(map[K]*entry[K, V])}
	c.small.init(max(1, int(smallShare*float64(capacity))))
	c.main.init(capacity - c.small.room)
	c.ghost.init(int(ghostShare * float64(capacity)))
	return c, nil
}

func (c *cache[K, V]) Get(key K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.get(key)
}

func (c *cache[K, V]) Set(key K, value V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set(key, value)
}

func (c *cache[K, V]) Update(key K, f func(old V, ok bool) V) V {
	c.mu.Lock()
	defer c.mu.Unlock() // f is the caller's and may panic
	var old V
	e, ok := c.held(key)
	if ok {
		old = e.value
	}
	value := f(old, ok)
	c.set(key, value)
	return value
}

// Delete removes key and forgets that it was ever seen.
func (c *cache[K, V]) Delete(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.index[key]; ok {
		c.drop(e)
	}
}

func (c *cache[K, V]) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.small.len + c.main.len
}

func (c *cache[K, V]) Close() error { return nil }

// held returns key's entry if it has a value, so is no ghost.
func (c *cache[K, V]) held(key K) (*entry[K, V], bool) {
	e, ok := c.index[key]
	if !ok || e.in == &c.ghost {
		return nil, false
	}
	return e, true
}

func (c *cache[K, V]) get(key K) (V, bool) {
	e, ok := c.held(key)
	if !ok {
		var zero V
		return zero, false
	}
	e.hits = min(e.hits+1, maxHits)
	return e.value, true
}

func (c *cache[K, V]) set(key K, value V) {
	if e, ok := c.held(key); ok {
		e.hits = min(e.hits+1, maxHits)
		e.value = value
		return
	}
	if key != key {
		return // no Get could find it, and no eviction take it from the index
	}
	// The ghost is asked first: making room may push key out of it.
	ghost, remembered := c.index[key]
	if remembered {
		c.drop(ghost)
	}
	for c.small.len+c.main.len >= c.small.room+c.main.room {
		c.makeRoom()
	}
	e := &entry[K, V]{key: key, value: value}
	c.index[key] = e
	if remembered {
		c.main.push(e)
	} else {
		c.small.push(e)
	}
}

// makeRoom evicts one entry, or moves all of small to main.
func (c *cache[K, V]) makeRoom() {
	if c.main.len > c.main.room || c.small.len == 0 {
		c.evictMain()
	} else {
		c.evictSmall()
	}
}

// evictSmall moves entries from small to main until one is evicted or none is
// left. It lets main exceed its room.
func (c *cache[K, V]) evictSmall() {
	for c.small.len > 0 {
		e := c.small.pop()
		if e.hits >= promoteAt {
			e.hits = 0
			c.main.push(e)
			continue
		}
		c.remember(e)
		return
	}
}

// evictMain puts entries back until it finds one without a hit, and evicts it.
func (c *cache[K, V]) evictMain() {
	for c.main.len > 0 {
		e := c.main.pop()
		if e.hits > 0 {
			e.hits--
			c.main.push(e)
			continue
		}
		delete(c.index, e.key)
		return
	}
}

// remember makes an evicted entry a ghost.
func (c *cache[K, V]) remember(e *entry[K, V]) {
	var zero V
	e.value = zero // the value is let go
	c.ghost.push(e)
	if c.ghost.len > c.ghost.room {
		c.drop(c.ghost.oldest())
	}
}

// drop removes an entry from its queue and the index.
func (c *cache[K, V]) drop(e *entry[K, V]) {
	e.in.remove(e)
	delete(c.index, e.key)
}
