package cachetest

import (
	"fmt"
	"time"

	"github.com/contend-go/contend/caches"
)

// fit says how many keys are promised to fit.
func fit(s caches.Spec) string {
	if s.MayDrop {
		return ""
	}
	return fmt.Sprintf("%g%% of the capacity in keys are all kept, whatever was there before", 100*s.FitFraction())
}

// checkFit fills new caches as far as keys are promised to fit, then overfills
// them, deletes all and fills them again with other keys.
func checkFit(t *trial) (string, error) {
	kept := 0
	for _, capacity := range []int{1, 3, 10, 100, 1000, 2500} {
		if capacity < t.spec.MinCapacity {
			continue
		}
		fits := t.spec.Fits(capacity)
		err := t.each(capacity, func(c cache) error {
			l := newLedger(4 * capacity)
			fill := func(first int, when string) error {
				for key := first; key < first+fits; key++ {
					c.Set(key, l.value(key, key))
				}
				missing := 0
				var err error
				look := func() bool {
					missing = 0
					for key := first; key < first+fits; key++ {
						_, hit, e := l.get(c, key)
						if e != nil {
							err = e
						}
						if !hit {
							missing++
						}
					}
					return err != nil || missing == 0
				}
				if t.spec.Strict {
					look()
				} else {
					t.settle(look)
				}
				kept += fits - missing
				if err == nil && missing > 0 {
					err = fmt.Errorf("%d of %d keys missed at capacity %d, %s", missing, fits, capacity, when)
				}
				return err
			}
			if err := fill(0, "in a new cache"); err != nil {
				return err
			}
			for key := range 3 * capacity {
				c.Set(key, l.value(key, key))
			}
			for key := range 3 * capacity {
				c.Delete(key)
			}
			t.settle(func() bool { return c.Len() == 0 })
			return fill(3*capacity, "after it had been full and every key deleted")
		})
		if err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d keys set, all found", kept), nil
}

// checkOwnKey sets new keys for ever, and finds each right after its Set: what
// makes room for a key is not the key. Some are inserted by Update, some are read more than once, some old
// ones are read again: whatever an eviction policy may hold against a newcomer.
func checkOwnKey(t *trial) (string, error) {
	sets := 0
	for _, capacity := range []int{1, 2, 10, 64, 1000} {
		if capacity < t.spec.MinCapacity {
			continue
		}
		n := max(1000, t.work(16*capacity))
		err := t.each(capacity, func(c cache) error {
			r, l, update := t.random(uint64(capacity)), newLedger(n), c.updater()
			for key := range t.ops(n) {
				sets++
				if value := l.value(key, key); update != nil && key%3 == 2 {
					update(key, func(*caches.Item, bool) *caches.Item { return value })
				} else {
					c.Set(key, value)
				}
				if err := l.expect(c, key, key); err != nil {
					return fmt.Errorf("right after its Set or Update, the %d-th in a cache of %d: %w", key+1, capacity, err)
				}
				for range r.IntN(4) {
					c.Get(key)
				}
				for range r.IntN(3) {
					c.Get(key - r.IntN(min(key, 2*capacity)+1))
				}
			}
			return nil
		})
		if err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d keys found after their Set", sets), nil
}

// checkUpdateEvicted has one goroutine set more keys than fit and then update
// them: an Update sees what a Get just before it saw, and no value that was
// evicted or deleted.
func checkUpdateEvicted(t *trial) (string, error) {
	const capacity, keys = 64, 256
	n, missed := t.work(16_000), 0
	err := t.each(capacity, func(c cache) error {
		update := c.updater()
		if update == nil {
			return errNoUpdate
		}
		r, l := t.random(0), newLedger(n)
		for slot := range t.ops(n) {
			key := r.IntN(keys)
			switch r.IntN(4) {
			case 0:
				c.Delete(key)
			case 1:
				c.Set(key, l.value(slot, key))
			default:
				before, hit, err := l.get(c, key)
				if err != nil {
					return err
				}
				if !hit {
					missed++
				}
				value := l.value(slot, key)
				var old *caches.Item
				var held bool
				update(key, func(it *caches.Item, ok bool) *caches.Item {
					old, held = it, ok
					return value
				})
				switch {
				case held && !hit:
					return fmt.Errorf("Update(key %d) saw a value, though a Get just before it missed", key)
				case !held && old != nil:
					return fmt.Errorf("Update(key %d) saw no value, but was given one", key)
				case held:
					if saw, err := l.slot(key, old, c.copies()); err != nil || saw != before {
						return fmt.Errorf("Update(key %d) saw the value of write %d, a Get just before it that of write %d (%v)", key, saw, before, err)
					}
				}
			}
		}
		return nil
	})
	return fmt.Sprintf("%d Updates of keys that were not held", missed), err
}

// checkExpiry waits, with keys of one type, and finds all keys that fit again: no time to live was
// asked for.
func checkExpiry(t *trial) (string, error) {
	const keys = 64
	wait := 1500 * time.Millisecond
	if t.Quick {
		wait /= 4
	}
	o := open(t.spec.String, stringKey)
	if t.spec.String == nil {
		o = open(t.spec.Uint64, uint64Key)
	}
	err := t.with(o, roomy, func(c cache) error {
		l := newLedger(keys)
		for key := range keys {
			c.Set(key, l.value(key, key))
		}
		t.settle(func() bool { n, _ := held(c, l, keys); return n == keys })
		before, err := held(c, l, keys)
		if err != nil {
			return err
		}
		time.Sleep(wait)
		after, err := held(c, l, keys)
		if err == nil && after < before {
			err = fmt.Errorf("%d of %d keys are gone %v later, without a Set or Delete", before-after, before, wait)
		}
		return err
	})
	return fmt.Sprintf("%d keys found %v later", keys, wait), err
}
