package cachetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/contend-go/contend/caches"
)

// cache is the cache under test, driven by key number: so each check is
// written once for all types of key.
type cache interface {
	caches.Cache[int, *caches.Item]
	// updater is the cache's Update, or nil.
	// copies says that a Get returns a copy, to be told by its content.
	copies() bool
	updater() func(key int, f func(*caches.Item, bool) *caches.Item) *caches.Item
}

// keyed makes a cache out of one with keys of type K. Its methods are none of
// them promoted, for a stack with one of them in it is in a call to the cache.
type keyed[K comparable] struct {
	Cache caches.Cache[K, *caches.Item]
	key   func(int) K // injective
}

func (c keyed[K]) Get(key int) (*caches.Item, bool) { return c.Cache.Get(c.key(key)) }
func (c keyed[K]) Set(key int, value *caches.Item)  { c.Cache.Set(c.key(key), value) }
func (c keyed[K]) Delete(key int)                   { c.Cache.Delete(c.key(key)) }
func (c keyed[K]) Len() int                         { return c.Cache.Len() }
func (c keyed[K]) Close() error                     { return c.Cache.Close() }
func (c keyed[K]) copies() bool                     { return false }
func (c keyed[K]) updater() func(int, func(*caches.Item, bool) *caches.Item) *caches.Item {
	u, ok := c.Cache.(caches.Updater[K, *caches.Item])
	if !ok {
		return nil
	}
	return func(key int, f func(*caches.Item, bool) *caches.Item) *caches.Item {
		return u.Update(c.key(key), f)
	}
}

// copying is a cache of a Spec that promises content and not the very value.
type copying struct{ cache }

func (copying) copies() bool { return true }

// stringKey is a key of 17 bytes, in memory of its own: a cache that compared
// keys by their address would never find one again.
func stringKey(i int) string {
	b := strconv.AppendInt(make([]byte, 0, 24), 1_000_000_000_000+int64(i), 10)
	return "key-" + string(b)
}

// uint64Key spreads the numbers over all bits; odd factors are injective.
func uint64Key(i int) uint64 { return uint64(i) * 0x9e3779b97f4a7c15 }

// opener makes a cache for at least capacity entries, driven by key number.
type opener func(capacity int) (cache, error)

func open[K comparable](make func(int) (caches.Cache[K, *caches.Item], error), key func(int) K) opener {
	return func(capacity int) (cache, error) {
		c, err := make(capacity)
		if err != nil {
			return nil, refusal{capacity, err}
		}
		if c == nil {
			return nil, fmt.Errorf("the constructor returned neither a cache nor an error for capacity %d", capacity)
		}
		return keyed[K]{c, key}, nil
	}
}

// refusal is a constructor's error.
type refusal struct {
	capacity int
	err      error
}

func (r refusal) Error() string {
	return fmt.Sprintf("the constructor refused capacity %d: %v", r.capacity, r.err)
}

// trial is one check at work on one Spec.
type trial struct {
	*session
	ctx  context.Context
	seed uint64
}

// work scales a number of operations or rounds to the effort asked for.
func (t *trial) work(full int) int {
	if t.Quick {
		return max(1, full/8)
	}
	return full
}

// random is a generator of its own for each stream.
func (t *trial) random(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(t.seed, stream)) }

// each calls f with a cache of the given capacity for each type of key that
// the Spec constructs, and closes it.
func (t *trial) each(capacity int, f func(c cache) error) error {
	if t.spec.String != nil {
		if err := t.with(open(t.spec.String, stringKey), capacity, f); err != nil {
			return fmt.Errorf("string keys: %w", err)
		}
	}
	if t.spec.Uint64 != nil {
		if err := t.with(open(t.spec.Uint64, uint64Key), capacity, f); err != nil {
			return fmt.Errorf("uint64 keys: %w", err)
		}
	}
	return nil
}

// with calls f with one fresh cache and closes it, unless f panicked.
func (t *trial) with(open opener, capacity int, f func(c cache) error) error {
	c, err := open(capacity)
	if err != nil {
		return err
	}
	if t.spec.Copies {
		c = copying{c}
	}
	return errors.Join(f(c), c.Close())
}

// atProcs calls f once for each GOMAXPROCS setting.
func (t *trial) atProcs(f func(procs int) error) error {
	for _, p := range t.Procs {
		runtime.GOMAXPROCS(p)
		if err := f(p); err != nil {
			return fmt.Errorf("GOMAXPROCS=%d: %w", p, err)
		}
		if t.ctx.Err() != nil {
			break
		}
	}
	return nil
}

// together calls f(0) to f(n-1) at once, released by one barrier, and returns
// when all have ended: nil, or the first worker's error, for the others' are
// often the same. Each is given a generator of its own.
func (t *trial) together(n int, stream uint64, f func(w int, r *rand.Rand) error) error {
	errs := make([]error, n)
	var ready atomic.Int32
	var wg sync.WaitGroup
	for w := range n {
		wg.Go(func() {
			// Spinning, not parked: all start within the same microsecond
			// where there are CPUs enough.
			for ready.Add(1); int(ready.Load()) < n; {
				runtime.Gosched()
			}
			errs[w] = guard(func() error { return f(w, t.random(stream<<8|uint64(w))) })
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// phase bounds how long random calls are made, by one goroutine or many, before
// the check goes on: a slow cache is checked with fewer calls, not for longer.
const phase = 100 * time.Millisecond

// ops counts up to n, stopping early when the phase is over or the check
// cancelled.
func (t *trial) ops(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		begin := time.Now()
		for i := range n {
			if i%16 == 15 && (time.Since(begin) > phase || t.ctx.Err() != nil) {
				return
			}
			if !yield(i) {
				return
			}
		}
	}
}

// settle waits until ok, for what happens behind the caller's back, and gives
// up after a twentieth of the patience: far more than any such work takes.
func (t *trial) settle(ok func() bool) bool {
	for begin := time.Now(); !ok(); time.Sleep(time.Millisecond) {
		if time.Since(begin) > t.Patience/20 {
			return false
		}
	}
	return true
}

// ledger makes the values that one cache is given and recognises them when
// they come back. A slot is used once.
type ledger struct {
	items []caches.Item
}

func newLedger(slots int) *ledger { return &ledger{items: make([]caches.Item, slots)} }

// value is the item of a slot, made for one key. Its ID tells the two.
func (l *ledger) value(slot, key int) *caches.Item {
	it := &l.items[slot]
	it.ID = uint64(key)<<32 | uint64(slot)
	it.Remaining = int64(it.ID * 0xd6e8feb86659fd93)
	it.ExpireAt = int64(^it.ID * 0xa0761d6478bd642f)
	return it
}

// slot recognises what Get(key) returned with a hit.
func (l *ledger) slot(key int, it *caches.Item, copied bool) (int, error) {
	if it == nil {
		return 0, fmt.Errorf("Get(key %d) was a hit without a value", key)
	}
	id := it.ID
	k, slot := int(id>>32), int(id&(1<<32-1))
	switch {
	case slot >= len(l.items):
		return 0, fmt.Errorf("Get(key %d) returned a value that was never stored (ID %#x)", key, id)
	case k != key:
		return 0, fmt.Errorf("Get(key %d) returned a value stored for key %d", key, k)
	case it.Remaining != int64(id*0xd6e8feb86659fd93) || it.ExpireAt != int64(^id*0xa0761d6478bd642f):
		return 0, fmt.Errorf("Get(key %d) returned a torn value: parts of different writes", key)
	case it != &l.items[slot] && !copied:
		return 0, fmt.Errorf("Get(key %d) returned a copy of the value, not the value stored", key)
	}
	return slot, nil
}

// get is Get, the result recognised: the slot and true, or a miss.
func (l *ledger) get(c cache, key int) (int, bool, error) {
	it, ok := c.Get(key)
	if !ok {
		if it != nil {
			return 0, false, fmt.Errorf("Get(key %d) was a miss with a value", key)
		}
		return 0, false, nil
	}
	slot, err := l.slot(key, it, c.copies())
	return slot, true, err
}
