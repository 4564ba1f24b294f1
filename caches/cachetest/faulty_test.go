package cachetest

import (
	"container/list"
	"errors"
	"hash/fnv"
	"hash/maphash"
	"math/bits"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/contend-go/contend/caches"
)

// fault is one thing wrong with a cache; the zero fault is none.
type fault string

// faulty is a FIFO behind one mutex, which is correct, but for its fault. Each
// fault is a defect that a cache may plausibly have, free of data races: the
// checks have to find it, not the race detector.
type faulty[K comparable] struct {
	fault    fault
	capacity int
	stop     chan struct{} // closed by Close
	closing  sync.Once
	workers  sync.WaitGroup
	closed   atomic.Bool
	lossy    lossyLock // for the fault "lost wake-up"
	setting  sync.Map  // keys being set, for the fault "overwrite race"
	sets     atomic.Uint64

	// mu guards the rest.
	mu     sync.Mutex
	index  map[K]*list.Element // of entry[K]
	order  *list.List          // oldest first
	latest *entry[K]           // the last one set
	front  *entry[K]           // the last one found
	grave  []entry[K]          // deleted or evicted
	kept   []K                 // keys that the fault "keys kept" keeps
	old    map[K]*caches.Item  // what the fault "stale while growing" copied, for its next calls
	calls  int                 // counts what a fault counts
	count  int                 // what the fault "counter" takes for the number of entries
}

type entry[K comparable] struct {
	key   K
	value *caches.Item
	since time.Time
}

func newFaulty[K comparable](f fault, capacity int) (caches.Cache[K, *caches.Item], error) {
	c := &faulty[K]{fault: f, capacity: capacity, stop: make(chan struct{}), index: map[K]*list.Element{}, order: list.New()}
	switch {
	case f == "nil cache":
		return nil, nil
	case f == "refuses at random" && capacity == 64:
		return nil, errors.New("not this one")
	case f == "refuses below 1000" && capacity < 1000:
		return nil, errors.New("too small")
	case f == "evicts without need":
		c.capacity = max(1, capacity/4)
	case f == "a tenth of the capacity kept free":
		c.capacity = max(1, capacity-capacity/10)
	case f == "one in a thousand too few" && capacity >= 1000:
		c.capacity = capacity - capacity/1000
	case f == "capacity rounded up":
		c.capacity = 1 << bits.Len(uint(capacity-1))
	case f == "goroutine leak":
		go func() { <-make(chan struct{}) }()
	case f == "grandchild goroutine leak":
		go func() { go func() { <-make(chan struct{}) }() }()
	}
	if f == "shards of equal share" && capacity >= 64 {
		return newFaultyShards[K](capacity)
	}
	// A correct cache may have goroutines, so this one has, and waits for it.
	c.workers.Go(func() {
		<-c.stop
		if f == "Close returns early" {
			time.Sleep(20 * time.Millisecond)
		}
	})
	return c, nil
}

func (c *faulty[K]) Get(key K) (*caches.Item, bool) {
	if c.fault == "try-lock in Get" {
		if !c.mu.TryLock() {
			return nil, false
		}
		runtime.Gosched()
	} else {
		c.lock()
	}
	defer c.unlock()
	key = c.confuse(key)
	if f := c.front; c.fault == "front cache outlives Delete" && f != nil && f.key == key {
		return f.value, true
	}
	e, ok := c.index[key]
	if !ok {
		if c.fault == "miss with a value" && c.latest != nil {
			return c.latest.value, false
		}
		if c.fault == "victim cache outlives Set" {
			for _, g := range c.grave {
				if g.key == key {
					return g.value, true
				}
			}
		}
		return nil, false
	}
	found := *e.Value.(*entry[K])
	c.front = &found
	c.calls++
	switch c.fault {
	case "another key's value, seldom":
		if c.calls%200 == 0 {
			return c.latest.value, true
		}
	case "stale while growing":
		if v, ok := c.old[key]; ok {
			return v, true
		}
	case "expires":
		if time.Since(found.since) > 200*time.Millisecond {
			return nil, false
		}
	case "Get removes, seldom":
		if c.calls%1000 == 0 {
			c.remove(key)
			c.count--
		}
	case "another key's value":
		if found.value.ID%16 == 3 {
			return c.latest.value, true
		}
	case "torn value":
		return &caches.Item{ID: found.value.ID, Remaining: c.latest.value.Remaining}, true
	case "copied value":
		v := found.value
		return &caches.Item{ID: v.ID, Remaining: v.Remaining, ExpireAt: v.ExpireAt}, true
	case "touch resurrects":
		c.order.Remove(e)
		c.yield()
		// The key may be gone, or be another entry's by now.
		if now, held := c.index[key]; held && now != e {
			c.order.Remove(now)
		}
		c.index[key] = c.order.PushBack(&found)
	}
	return found.value, true
}

func (c *faulty[K]) Set(key K, value *caches.Item) {
	if c.fault == "overwrite race" {
		if _, busy := c.setting.LoadOrStore(key, nil); busy {
			return // the other Set will do
		}
		runtime.Gosched()
		defer c.setting.Delete(key)
	}
	if n := c.sets.Add(1); c.fault == "dropped Set" && n%97 == 0 {
		return
	}
	c.lock()
	defer c.unlock()
	c.set(c.confuse(key), value)
}

func (c *faulty[K]) set(key K, value *caches.Item) {
	var zero K
	if c.fault == "zero key unknown" && key == zero {
		return
	}
	before := c.latest
	c.latest = &entry[K]{key: key, value: value}
	if c.fault == "late Set" {
		if before == nil {
			return
		}
		key, value = before.key, before.value
	}
	if c.fault == "stale while growing" {
		if c.calls++; c.calls > 64 {
			c.old, c.calls = nil, 0
		}
		if n := len(c.index); n >= 256 && n&(n-1) == 0 && c.old == nil {
			c.old, c.calls = make(map[K]*caches.Item), 0
			for k, e := range c.index {
				c.old[k] = e.Value.(*entry[K]).value
			}
		}
	}
	if e, ok := c.index[key]; ok {
		switch c.fault {
		case "overwritten values kept":
			c.grave = append(c.grave, *e.Value.(*entry[K]))
		case "overwrite ignored":
			return
		case "stale in place":
			c.front = nil
			if value.ID%8 == 5 {
				return
			}
		case "overwrite leaves a gap":
			c.remove(key)
			c.yield()
			c.insert(key, value)
			return
		}
		e.Value.(*entry[K]).value = value
		return
	}
	c.insert(key, value)
}

// insert makes room for a new key and links it.
func (c *faulty[K]) insert(key K, value *caches.Item) {
	switch c.fault {
	case "one too many":
		for len(c.index) > c.capacity {
			c.evict()
		}
	case "room made afterwards":
		c.link(key, value)
		c.yield()
		for len(c.index) > c.capacity {
			c.evict()
		}
		return
	case "counter":
		for c.count >= c.capacity && c.order.Len() > 0 {
			c.evict()
		}
	case "capacity of one":
		if c.capacity == 1 && len(c.index) == 1 {
			_ = c.order.Front().Next().Value
		}
		fallthrough
	default:
		for len(c.index) >= c.capacity {
			c.evict()
		}
	}
	c.link(key, value)
	if c.fault == "Set evicts its own key" && len(c.index) == c.capacity && c.sets.Load()%97 == 0 {
		c.remove(key)
		c.count--
	}
	if c.fault == "grave reopened" && len(c.grave) > 8 {
		if g := c.grave[0]; c.index[g.key] == nil {
			c.link(g.key, g.value)
		}
		c.grave = c.grave[1:]
	}
}

func (c *faulty[K]) link(key K, value *caches.Item) {
	if e, ok := c.index[key]; ok { // set by another meanwhile
		c.order.Remove(e)
		c.count--
	}
	c.index[key] = c.order.PushBack(&entry[K]{key, value, time.Now()})
	c.count++
}

func (c *faulty[K]) Delete(key K) {
	c.lock()
	defer c.unlock()
	key = c.confuse(key)
	e, ok := c.index[key]
	if !ok {
		return
	}
	switch c.fault {
	case "lost Delete":
		return
	case "Delete at times lost":
		if e.Value.(*entry[K]).value.ID%8 == 5 {
			return
		}
	case "hit without a value":
		e.Value.(*entry[K]).value = nil
		return
	case "grave reopened", "memory leak", "Update sees the deleted", "Len counts the deleted":
		c.grave = append(c.grave, *e.Value.(*entry[K]))
	case "keys kept":
		c.kept = append(c.kept, key)
	case "Delete takes another":
		if front := c.order.Front().Value.(*entry[K]); len(c.index)%16 == 15 {
			c.remove(front.key)
		}
	case "Len drifts":
		n := c.count
		c.yield()
		if c.remove(key) {
			c.count = n - 1
		}
		return
	case "counter":
		c.yield()
		c.count--
		c.remove(key) // perhaps a second time
		return
	}
	if f := c.front; f != nil && f.key == key && c.fault != "front cache outlives Delete" {
		c.front = nil
	}
	if c.remove(key) {
		c.count--
	}
}

// remove unlinks key, if it is there.
func (c *faulty[K]) remove(key K) bool {
	e, ok := c.index[key]
	if ok {
		c.order.Remove(e)
		delete(c.index, key)
	}
	return ok
}

func (c *faulty[K]) evict() {
	e := c.order.Front().Value.(*entry[K])
	c.calls++
	switch c.fault {
	case "keys kept":
		c.kept = append(c.kept, e.key)
	case "goroutine by the first eviction":
		if c.calls, c.grave = 0, append(c.grave, *e); len(c.grave) == 1 {
			go func() { <-make(chan struct{}) }()
		}
	case "less room after evictions":
		if c.calls%500 == 0 {
			c.capacity = max(1, c.capacity-1)
		}
	case "Update sees the evicted":
		c.grave = append(c.grave, *e)
	}
	if c.fault == "memory leak" || c.fault == "victim cache outlives Set" {
		c.grave = append(c.grave, *e)
	}
	if c.remove(e.key) {
		c.count--
	}
}

func (c *faulty[K]) Update(key K, f func(*caches.Item, bool) *caches.Item) *caches.Item {
	c.lock()
	defer c.unlock()
	var old *caches.Item
	e, ok := c.index[key]
	if ok {
		old = e.Value.(*entry[K]).value
	}
	switch c.fault {
	case "Update not atomic":
		c.yield()
	case "Update lost when full":
		if !ok && len(c.index) == c.capacity {
			return f(old, ok)
		}
	case "Update stores its first":
		value := f(old, ok)
		f(old, ok)
		c.set(key, value)
		return value
	case "Update sees the deleted", "Update sees the evicted":
		for _, g := range c.grave {
			if !ok && g.key == key {
				old, ok = g.value, true
			}
		}
	case "Update of none":
		if !ok {
			return nil
		}
	}
	value := f(old, ok)
	c.set(key, value)
	if c.fault == "Update returns the old" {
		return old
	}
	return value
}

func (c *faulty[K]) Len() int {
	c.lock()
	defer c.unlock()
	n := len(c.index)
	switch {
	case c.fault == "Len one too many" && n > 0:
		n++
	case c.fault == "Len counts the deleted":
		n += len(c.grave)
	case c.fault == "Len drifts":
		n = c.count
	case c.fault == "Len never zero":
		n = max(n, 1)
	}
	return n
}

func (c *faulty[K]) Close() error {
	switch c.fault {
	case "second Close panics":
		close(c.stop)
		return nil
	case "concurrent Close panics":
		if !c.closed.Load() {
			runtime.Gosched()
			c.closed.Store(true)
			close(c.stop)
		}
		return nil
	case "second Close hangs":
		if c.closed.Swap(true) {
			<-make(chan struct{})
		}
	case "Close fails":
		return errors.New("still busy")
	}
	c.closing.Do(func() { close(c.stop) })
	if c.fault != "Close returns early" {
		c.workers.Wait()
	}
	return nil
}

func (c *faulty[K]) lock() {
	if c.fault == "lost wake-up" {
		c.lossy.lock()
	}
	c.mu.Lock()
}

func (c *faulty[K]) unlock() {
	c.mu.Unlock()
	if c.fault == "lost wake-up" {
		c.lossy.unlock()
	}
}

// yield lets others in, in the midst of an operation.
func (c *faulty[K]) yield() {
	c.unlock()
	runtime.Gosched()
	c.lock()
}

// confuse returns the key that the fault takes key for.
func (c *faulty[K]) confuse(key K) K {
	var to any = key
	switch k := to.(type) {
	case uint64:
		switch c.fault {
		case "hash collision":
			to = k & (1<<32 - 1)
		case "high bits ignored":
			to = k &^ (1 << 63)
		}
	case string:
		switch c.fault {
		case "hash collision":
			h := fnv.New32a()
			h.Write([]byte(k))
			to = string(h.Sum(nil))
		case "long key cut":
			to = k[:min(len(k), 255)]
		case "key ends at a zero byte":
			to, _, _ = strings.Cut(k, "\x00")
		case "middle of the key unread":
			if n := len(k); n > 32 {
				to = k[:16] + k[n-16:]
			}
		}
	}
	return to.(K)
}

// lossyLock is a lock that wakes one waiter and forgets the others.
type lossyLock struct {
	held, waiting atomic.Int32
	wake          chan struct{}
	made          sync.Once
}

func (l *lossyLock) lock() {
	l.made.Do(func() { l.wake = make(chan struct{}, 1024) })
	for !l.held.CompareAndSwap(0, 1) {
		l.waiting.Add(1)
		<-l.wake
	}
	runtime.Gosched()
}

func (l *lossyLock) unlock() {
	l.held.Store(0)
	if l.waiting.Swap(0) > 0 {
		l.wake <- struct{}{}
	}
}

// faultyShards gives each of eight an eighth of the capacity.
type faultyShards[K comparable] struct {
	seed   maphash.Seed
	shards [8]caches.Cache[K, *caches.Item]
}

func newFaultyShards[K comparable](capacity int) (caches.Cache[K, *caches.Item], error) {
	c := &faultyShards[K]{seed: maphash.MakeSeed()}
	for i := range c.shards {
		c.shards[i], _ = newFaulty[K]("", capacity/8)
	}
	return c, nil
}

func (c *faultyShards[K]) of(key K) caches.Cache[K, *caches.Item] {
	return c.shards[maphash.Comparable(c.seed, key)%8]
}
func (c *faultyShards[K]) Get(key K) (*caches.Item, bool) { return c.of(key).Get(key) }
func (c *faultyShards[K]) Set(key K, v *caches.Item)      { c.of(key).Set(key, v) }
func (c *faultyShards[K]) Delete(key K)                   { c.of(key).Delete(key) }
func (c *faultyShards[K]) Len() (n int) {
	for _, s := range c.shards {
		n += s.Len()
	}
	return n
}
func (c *faultyShards[K]) Close() error {
	for _, s := range c.shards {
		s.Close()
	}
	return nil
}

// faultySpec promises all that can be promised of a cache with a fault.
func faultySpec(f fault) caches.Spec {
	return caches.Spec{
		Name: "faulty", About: "a FIFO behind one mutex", Sync: caches.Mutex, Policy: "FIFO",
		Bounded: true, Strict: true,
		String: func(capacity int) (caches.Cache[string, *caches.Item], error) { return newFaulty[string](f, capacity) },
		Uint64: func(capacity int) (caches.Cache[uint64, *caches.Item], error) { return newFaulty[uint64](f, capacity) },
	}
}
