package ring

import (
	"fmt"
	"hash/maphash"
	"math/bits"
	"reflect"
	"unsafe"

	"github.com/contend-go/contend/caches"
)

// Spec describes the backend.
func Spec() caches.Spec {
	return caches.Spec{
		Name:    "ring",
		About:   "S3-FIFO on ring buffers: reads and overwrites take no lock, inserts briefly lock a lane, some a shard",
		Sync:    caches.LockFree,
		Policy:  "S3-FIFO",
		Bounded: true,
		Strict:  true,
		Fit:     1 - 1.0/laneShare,
		String:  backend[string],
		Uint64:  backend[uint64],
	}
}

func backend[K comparable](capacity int) (caches.Cache[K, *caches.Item], error) {
	c, err := New[K, *caches.Item](capacity)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Cache holds at most its capacity of entries, and once it was full at least 63
// of 64. All methods may be called from
// any number of goroutines at once.
type Cache[K comparable, V any] struct {
	// One line that every operation reads and none writes: how keys and values
	// are held, and the table's first fields.
	kind    kind
	pointer bool // V is a single pointer, which entries hold without a box
	table
}

var _ interface {
	caches.Cache[string, int]
	caches.Updater[string, int]
} = (*Cache[string, int])(nil)

// Option changes what New does.
type Option func(*options) error

type options struct{ shards int }

// Shards sets the number of queue shards: a power of two, and not so many
// that a shard would hold fewer than 8 entries. The default is one for
// capacities below 32,768, and one for about every 16,384 entries above, 64 at
// most. More
// shards let more CPUs insert at once; fewer follow S3-FIFO more closely.
func Shards(n int) Option {
	return func(o *options) error {
		if n < 1 || n&(n-1) != 0 {
			return fmt.Errorf("ring: %d shards: want a power of two", n)
		}
		o.shards = n
		return nil
	}
}

const (
	shardEntries  = 16384 // capacity for each shard by default
	maxShards     = 64
	minShardQuota = 8

	// maxCapacity is 2^27, 2^24 on 32-bit architectures. The index is allocated
	// for the whole capacity when the cache is made: it takes 2 GB there, and
	// a cache full of entries 12 GB. Entries know their slot in 31 bits.
	maxCapacity = 1 << (21 + 3*ptrSize/4)
)

// New returns an empty cache for capacity entries, from 1 to 2^27 (2^24 on
// 32-bit architectures). The index for all of them, 16 to 43 bytes an entry,
// is allocated at once, the rest as entries come.
func New[K comparable, V any](capacity int, opts ...Option) (*Cache[K, V], error) {
	if err := caches.CheckCapacity(capacity); err != nil {
		return nil, err
	}
	if capacity > maxCapacity {
		return nil, fmt.Errorf("ring: capacity %d: at most %d", capacity, maxCapacity)
	}
	o := options{shards: min(maxShards, 1<<(bits.Len(uint(capacity/shardEntries|1))-1))}
	for _, opt := range opts {
		if err := opt(&o); err != nil {
			return nil, err
		}
	}
	if o.shards > 1 && capacity/o.shards < minShardQuota {
		return nil, fmt.Errorf("ring: %d shards for capacity %d: at most one for %d entries", o.shards, capacity, minShardQuota)
	}
	c := &Cache[K, V]{kind: kindOf[K]()}
	switch reflect.TypeFor[V]().Kind() {
	case reflect.Pointer, reflect.UnsafePointer, reflect.Map, reflect.Chan, reflect.Func:
		c.pointer = true
	}
	c.table.init(capacity, o.shards)
	return c, nil
}

// Get returns the value of key, and whether there is one. It takes no lock.
// The first reads of an entry write its hit counter; after the third, reads
// write nothing.
func (c *Cache[K, V]) Get(key K) (value V, ok bool) {
	e := c.lookup(key)
	if e == nil {
		return value, false
	}
	e.touch()
	return c.unpack(e.value.Load()), true
}

// Set stores value for key. Overwriting is one atomic store; a new key locks
// its shard or, in a full cache, its CPU's lane, and makes another entry leave.
func (c *Cache[K, V]) Set(key K, value V) {
	p := c.pack(value)
	e := c.lookup(key)
	if e == nil {
		if e = c.insert(key, p); e == nil {
			return
		}
	}
	e.value.Store(p)
	e.touch()
}

// Update implements [caches.Updater]. For a key that is there it is
// lock-free: f is called again only when another write to the key came
// between. No lock is held during f.
func (c *Cache[K, V]) Update(key K, f func(old V, ok bool) V) V {
	e := c.lookup(key)
	for {
		var old *byte
		var was V
		if e != nil {
			old = e.value.Load()
			was = c.unpack(old)
		}
		value := f(was, e != nil)
		p := c.pack(value)
		if e == nil {
			if e = c.insert(key, p); e == nil {
				return value
			}
		} else if e.value.CompareAndSwap(old, p) {
			e.touch()
			return value
		}
	}
}

// Delete removes key. It locks the key's shard if the key is there.
func (c *Cache[K, V]) Delete(key K) {
	if e := c.lookup(key); e != nil {
		c.remove(e)
	}
}

// Len is the number of entries, at most the capacity. It locks the shards one
// after another, so it is exact when no call is in flight.
func (c *Cache[K, V]) Len() int { return c.table.len() }

// Close has nothing to stop and returns nil.
func (c *Cache[K, V]) Close() error { return nil }

// lookup finds the entry of key.
func (c *Cache[K, V]) lookup(key K) *entry {
	switch c.kind {
	case stringKind:
		return c.findString(*(*string)(unsafe.Pointer(&key)))
	case integerKind:
		w := word(key)
		return c.find(c.hash(w), w)
	}
	return c.findBoxed(maphash.Comparable(c.seed, key), sameAs(key))
}

// insert adds an entry unless the key is there, and returns the one that is. A
// key that does not equal itself is not added.
func (c *Cache[K, V]) insert(key K, p *byte) *entry {
	var e *entry
	var same func(ref unsafe.Pointer) bool
	switch c.kind {
	case stringKind:
		e = c.newString(*(*string)(unsafe.Pointer(&key)))
	case integerKind:
		w := word(key)
		e = &entry{hash: c.hash(w), words: w}
	default:
		box := new(K)
		*box = key
		e = &entry{hash: maphash.Comparable(c.seed, key), ref: unsafe.Pointer(box)}
		if same = sameAs(key); !same(e.ref) {
			return nil // a NaN, or with one in it: no Get could find it
		}
	}
	e.value.Store(p)
	return c.table.insert(e, same)
}

// sameAs compares key with boxed ones.
func sameAs[K comparable](key K) func(ref unsafe.Pointer) bool {
	return func(ref unsafe.Pointer) bool { return *(*K)(ref) == key }
}

// pack is a value as entries hold it.
func (c *Cache[K, V]) pack(v V) *byte {
	if c.pointer {
		return *(**byte)(unsafe.Pointer(&v))
	}
	box := new(V)
	*box = v
	return (*byte)(unsafe.Pointer(box))
}

func (c *Cache[K, V]) unpack(p *byte) V {
	if c.pointer {
		return *(*V)(unsafe.Pointer(&p))
	}
	return *(*V)(unsafe.Pointer(p))
}
