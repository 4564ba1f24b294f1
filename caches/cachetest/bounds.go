package cachetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"weak"

	"github.com/contend-go/contend/caches"
)

// held counts the keys below n that Get finds.
func held(c cache, l *ledger, n int) (int, error) {
	count := 0
	for key := range n {
		_, hit, err := l.get(c, key)
		if err != nil {
			return 0, err
		}
		if hit {
			count++
		}
	}
	return count, nil
}

// checkLen compares Len with the number of keys that Get finds, with and
// without eviction. A cache that evicts behind the caller's back is waited for.
func checkLen(t *trial) (string, error) {
	const keys = 256
	n := t.work(8_000)
	for _, capacity := range []int{roomy, 64} {
		err := t.each(capacity, func(c cache) error {
			if got := c.Len(); got != 0 {
				return fmt.Errorf("a new cache has Len %d", got)
			}
			r, l := t.random(uint64(capacity)), newLedger(n)
			for slot := range t.ops(n) {
				key := r.IntN(keys)
				if r.IntN(4) == 0 {
					c.Delete(key)
				} else {
					c.Set(key, l.value(slot, key))
				}
				if slot%(n/8) != 0 {
					continue
				}
				var length, count int
				var err error
				equal := func() bool {
					length = c.Len()
					count, err = held(c, l, keys)
					return err != nil || length == count
				}
				if t.settle(equal); err != nil {
					return err
				}
				if length != count {
					return fmt.Errorf("after %d calls, at capacity %d: Len is %d, but Get finds %d keys", slot+1, capacity, length, count)
				}
			}
			return nil
		})
		if err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("equal after up to %d calls", n), nil
}

// checkCapacity overfills caches of several capacities from one goroutine:
// neither Len nor the keys found are ever more than allowed.
func checkCapacity(t *trial) (string, error) {
	worst := 0.0
	for _, capacity := range []int{1, 2, 3, 10, 64, 1000} {
		keys := 4*capacity + 16
		err := t.each(capacity, func(c cache) error {
			limit, l, r := t.spec.Overshoot.Limit(capacity, 0), newLedger(2*keys), t.random(uint64(capacity))
			for slot := range t.ops(2 * keys) {
				c.Set(slot%keys, l.value(slot, slot%keys))
				if r.IntN(8) == 0 {
					c.Delete(r.IntN(keys))
				}
				if r.IntN(4) != 0 {
					continue
				}
				n := c.Len()
				worst = max(worst, float64(n)/float64(capacity))
				if n > limit {
					return fmt.Errorf("at capacity %d Len is %d after %d Sets, at most %d allowed", capacity, n, slot+1, limit)
				}
			}
			return t.atRest(c, l, keys, capacity)
		})
		if err != nil && !errors.As(err, new(refusal)) {
			return "", err
		}
	}
	return fmt.Sprintf("Len at most %.3g times the capacity", worst), nil
}

// checkConcurrentBound has writers insert, delete and insert again beyond the
// capacity while another goroutine looks at Len.
func checkConcurrentBound(t *trial) (string, error) {
	const keys, writers = 512, 8
	n := t.work(4_000)
	looks, worst := 0, 0.0
	err := t.atProcs(func(procs int) error {
		for _, capacity := range []int{16, 100} {
			err := t.each(capacity, func(c cache) error {
				l, limit := newLedger(writers*n), t.spec.Overshoot.Limit(capacity, writers)
				var working atomic.Int32
				working.Store(writers)
				err := t.together(writers+1, uint64(procs), func(w int, r *rand.Rand) error {
					if w == writers {
						for working.Load() > 0 {
							got := c.Len()
							looks++
							worst = max(worst, float64(got)/float64(capacity))
							if got > limit {
								return fmt.Errorf("at capacity %d Len was %d with at most %d Sets in flight, at most %d allowed", capacity, got, writers, limit)
							}
							runtime.Gosched()
						}
						return nil
					}
					defer working.Add(-1)
					for i := range t.ops(n) {
						key := r.IntN(keys)
						if r.IntN(4) == 0 {
							c.Delete(key)
						} else {
							c.Set(key, l.value(w*n+i, key))
						}
					}
					return nil
				})
				if err != nil {
					return err
				}
				return t.atRest(c, l, keys, capacity)
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return fmt.Sprintf("Len at most %.3g times the capacity in %d looks", worst, looks), err
}

// atRest checks the bound once no call is in flight: of Len at once, of the
// keys that Get finds as soon as background work is done.
func (t *trial) atRest(c cache, l *ledger, keys, capacity int) error {
	limit := t.spec.Overshoot.Limit(capacity, 0)
	if n := c.Len(); n > limit {
		return fmt.Errorf("at capacity %d Len is %d with no call in flight, at most %d allowed", capacity, n, limit)
	}
	var count int
	var err error
	t.settle(func() bool {
		count, err = held(c, l, keys)
		return err != nil || count <= limit
	})
	if err == nil && count > limit {
		err = fmt.Errorf("at capacity %d Get finds %d keys, at most %d allowed", capacity, count, limit)
	}
	return err
}

// checkMemory counts the values that the garbage collector cannot free: after
// every key was deleted, and, where the cache is bounded, after many more keys
// were set than it holds. Pools and buffers may keep a few.
func checkMemory(t *trial) (string, error) {
	const capacity = 1024
	const spare = 1024 // what buffers may keep, whatever was promised
	n := 8 * capacity
	worst := 0
	err := t.each(capacity, func(c cache) error {
		refs := make([]weak.Pointer[caches.Item], n)
		// The values are made in a function of their own, so that no register
		// or stack slot of this one keeps the last alive.
		fill := func(lo, hi int) {
			for key := lo; key < hi; key++ {
				it := &caches.Item{ID: uint64(key)}
				refs[key] = weak.Make(it)
				c.Set(key, it)
			}
		}
		alive := 0
		atMost := func(limit int) bool {
			return t.settle(func() bool {
				alive = living(refs)
				return alive <= limit
			})
		}
		fill(0, n)
		if t.spec.Bounded {
			if limit := t.spec.Overshoot.Limit(capacity, 0) + spare; !atMost(limit) {
				return fmt.Errorf("%d values of %d are still referenced after overfilling capacity %d, at most %d allowed", alive, n, capacity, limit)
			}
			worst = max(worst, alive)
		}
		for key := range n {
			c.Delete(key)
		}
		if !atMost(spare) {
			return fmt.Errorf("%d values of %d are still referenced after every key was deleted, at most %d allowed", alive, n, spare)
		}
		worst = max(worst, alive)
		runtime.KeepAlive(c)
		return nil
	})
	return fmt.Sprintf("at most %d of %d values referenced", worst, n), err
}

// checkReaders fills the cache from one goroutine and reads it from many: all
// find the same.
func checkReaders(t *trial) (string, error) {
	const keys, readers = 256, 8
	n := t.work(20_000)
	var gets, hits atomic.Int64
	err := t.atProcs(func(procs int) error {
		return t.each(roomy, func(c cache) error {
			l := newLedger(keys)
			for key := range keys {
				c.Set(key, l.value(key, key))
			}
			return t.together(readers, uint64(procs), func(w int, r *rand.Rand) error {
				looked, found := 0, 0
				defer func() { gets.Add(int64(looked)); hits.Add(int64(found)) }()
				for range t.ops(n / readers) {
					key := r.IntN(keys)
					looked++
					_, hit, err := l.get(c, key)
					if err != nil {
						return err
					}
					if hit {
						found++
					} else if t.spec.Strict {
						return fmt.Errorf("Get(key %d) missed, though it was set before the readers began", key)
					}
				}
				return nil
			})
		})
	})
	return fmt.Sprintf("%d hits in %d Gets", hits.Load(), gets.Load()), err
}
