package cachetest

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/contend-go/contend/caches"
)

// roomy is a capacity at which a few hundred keys fit for certain: even if the
// cache is split into many shards, and chooses badly between them.
const roomy = 1 << 13

var specName = regexp.MustCompile(`^[a-z0-9]+$`)

func checkSpec(t *trial) (string, error) {
	s := t.spec
	var errs []error
	demand := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	demand(specName.MatchString(s.Name), "Name %q is not lower-case letters and digits", s.Name)
	demand(s.About != "" && !strings.ContainsAny(s.About, "\n\r") && !strings.HasSuffix(s.About, "."),
		"About %q is not one line without a full stop", s.About)
	switch s.Sync {
	case caches.None, caches.Mutex, caches.Striped, caches.HandOff, caches.LockFree, caches.Library:
	default:
		demand(false, "Sync %q is no synchronisation family", s.Sync)
	}
	demand(s.Policy != "", `Policy is empty: without eviction it is "none"`)
	o := s.Overshoot
	demand(o.Fraction >= 0 && o.Entries >= 0 && o.PerSet >= 0, "Overshoot %+v is negative", o)
	demand(s.Bounded || o == caches.Overshoot{}, "Overshoot is given, but the cache is not Bounded")
	demand(s.Fit >= 0 && s.Fit <= 1, "Fit %v is no fraction", s.Fit)
	demand(s.Bounded || s.Fit == 0, "Fit is given, but the cache is not Bounded")
	demand(s.MinCapacity >= 0, "MinCapacity %d is negative", s.MinCapacity)
	demand(s.String != nil || s.Uint64 != nil, "there is no constructor")
	return "complete", errors.Join(errs...)
}

// checkCapacities makes, uses and closes a cache of each small capacity from
// the least promised; below it, constructors refuse.
func checkCapacities(t *trial) (string, error) {
	least := max(1, t.spec.MinCapacity)
	for _, capacity := range []int{1, 2, 3, 5, 10, 64, 100, 1000, 4096, 100_000} {
		err := t.each(capacity, func(c cache) error {
			l := newLedger(16)
			for k := range 16 {
				c.Set(k, l.value(k, k))
				if _, _, err := l.get(c, k); err != nil {
					return fmt.Errorf("capacity %d: %w", capacity, err)
				}
			}
			return nil
		})
		switch refused := errors.As(err, new(refusal)); {
		case refused && capacity < least:
		case refused:
			return "", fmt.Errorf("%v; promised from MinCapacity, %d", err, least) // not wrapped: no allowed refusal
		case err != nil:
			return "", err
		case capacity < least:
			return "", fmt.Errorf("capacity %d is not refused, though MinCapacity is %d", capacity, least)
		}
	}
	return fmt.Sprintf("works from capacity %d to 100000", least), nil
}

// checkIdentity drives more keys than fit with random calls.
func checkIdentity(t *trial) (string, error) {
	const capacity, keys = 128, 512
	n, hits := 16_000, 0 // quick or not: one hit in hundreds may be wrong
	err := t.each(capacity, func(c cache) error {
		r, l := t.random(0), newLedger(n)
		for slot := range t.ops(n) {
			key := r.IntN(keys)
			switch r.IntN(8) {
			case 0:
				c.Delete(key)
			case 1, 2, 3:
				c.Set(key, l.value(slot, key))
			default:
				_, hit, err := l.get(c, key)
				if err != nil {
					return err
				}
				if hit {
					hits++
				}
			}
		}
		return nil
	})
	return fmt.Sprintf("%d hits in order", hits), err
}

// checkPresence fills half of the capacity, or far more than its size hint
// where the cache is unbounded, and finds every key again.
func checkPresence(t *trial) (string, error) {
	n := roomy / 2 // quick or not: fewer in less would not surely fit
	capacity := roomy
	if !t.spec.Bounded {
		capacity = n / 8
	}
	kept := 0
	err := t.each(capacity, func(c cache) error {
		l := newLedger(n)
		missing := 0
		for k := range n {
			c.Set(k, l.value(k, k))
			if _, hit, err := l.get(c, k); err != nil {
				return err
			} else if !hit {
				missing++
			}
		}
		if missing > 0 && t.spec.Strict {
			return fmt.Errorf("%d of %d keys missed right after their Set, at capacity %d", missing, n, capacity)
		}
		var err error
		found := func() bool {
			missing = 0
			for k := range n {
				_, hit, e := l.get(c, k)
				if e != nil {
					err = e
				} else if !hit {
					missing++
				}
			}
			return missing == 0 || err != nil
		}
		if t.spec.Strict || t.spec.MayDrop {
			found()
		} else {
			t.settle(found)
		}
		if err == nil && missing > 0 {
			err = fmt.Errorf("%d of %d keys missed though all fit in capacity %d", missing, n, capacity)
		}
		kept += n - missing
		return err
	})
	return fmt.Sprintf("%d keys set, all found", kept), err
}

func checkOverwrite(t *trial) (string, error) {
	const keys, rounds = 64, 8
	err := t.each(roomy, func(c cache) error {
		l := newLedger(keys * rounds)
		for slot := range keys * rounds {
			key := slot % keys
			c.Set(key, l.value(slot, key))
			if err := l.expect(c, key, slot); err != nil {
				return fmt.Errorf("after Set %d of that key: %w", slot/keys+1, err)
			}
		}
		for key := range keys {
			if err := l.expect(c, key, keys*(rounds-1)+key); err != nil {
				return fmt.Errorf("when all keys had been overwritten: %w", err)
			}
		}
		return nil
	})
	return fmt.Sprintf("%d keys overwritten %d times", keys, rounds-1), err
}

// checkDelete deletes held keys, absent keys and keys twice, and sets them
// again.
func checkDelete(t *trial) (string, error) {
	const keys, rounds = 256, 3
	err := t.each(roomy, func(c cache) error {
		l := newLedger(keys * rounds)
		for round := range rounds {
			for key := range keys {
				c.Delete(key) // absent
				if err := l.expect(c, key, absent); err != nil {
					return fmt.Errorf("after Delete of a key not held: %w", err)
				}
				c.Set(key, l.value(round*keys+key, key))
			}
			for key := 0; key < keys; key += 2 {
				c.Delete(key)
			}
			for key := range keys {
				want := round*keys + key
				if key%2 == 0 {
					want = absent
				}
				if err := l.expect(c, key, want); err != nil {
					return fmt.Errorf("after every other key was deleted: %w", err)
				}
			}
			for key := range keys {
				c.Delete(key)
			}
			if n := c.Len(); n != 0 {
				return fmt.Errorf("after every key was deleted Len is %d", n)
			}
		}
		return nil
	})
	return fmt.Sprintf("%d keys deleted and set again, %d times", keys, rounds), err
}

// checkSequence compares random calls with a map, call by call.
func checkSequence(t *trial) (string, error) {
	const keys = 128
	n, calls := 20_000, 0
	err := t.each(roomy, func(c cache) error {
		r, l := t.random(0), newLedger(n)
		held := map[int]int{} // key to slot
		for slot := range t.ops(n) {
			calls++
			key := r.IntN(keys)
			switch r.IntN(6) {
			case 0:
				c.Delete(key)
				delete(held, key)
			case 1, 2:
				c.Set(key, l.value(slot, key))
				held[key] = slot
			default:
				want, ok := held[key]
				if !ok {
					want = absent
				}
				if err := l.expect(c, key, want); err != nil {
					return fmt.Errorf("call %d: %w", slot, err)
				}
			}
			if slot%61 == 0 && c.Len() != len(held) {
				return fmt.Errorf("call %d: Len is %d, want %d", slot, c.Len(), len(held))
			}
		}
		return nil
	})
	return fmt.Sprintf("%d calls", calls), err
}

// absent stands for no slot: Get is to miss.
const absent = -1

// expect is Get(key), which must return the value of slot.
func (l *ledger) expect(c cache, key, slot int) error {
	got, hit, err := l.get(c, key)
	switch {
	case err != nil:
		return err
	case hit && slot == absent:
		return fmt.Errorf("Get(key %d) hit, want a miss", key)
	case !hit && slot != absent:
		return fmt.Errorf("Get(key %d) missed, want a hit", key)
	case hit && got != slot:
		return fmt.Errorf("Get(key %d) returned the value of write %d, want that of write %d", key, got, slot)
	}
	return nil
}

// family is a set of keys that some cache may mistake for one another.
type family struct {
	name string
	keys int
	open opener
}

func (t *trial) strings(name string, keys int, key func(int) string) family {
	return family{"strings: " + name, keys, open(t.spec.String, key)}
}

func (t *trial) uint64s(name string, keys int, key func(int) uint64) family {
	return family{"uint64s: " + name, keys, open(t.spec.Uint64, key)}
}

// tellApart sets all keys of the family, then deletes every other one, and
// finds no value under another's key; and, if the Spec is strict, finds each
// key held or not held as it must be.
func (t *trial) tellApart(f family, capacity int) error {
	return t.with(f.open, capacity, func(c cache) error {
		l, set := newLedger(f.keys), 0
		look := func(deleted int) error {
			for key := range set {
				want := key
				if deleted != 0 && key%deleted == 0 {
					want = absent
				}
				err := l.expect(c, key, want)
				if !t.spec.Strict {
					_, _, err = l.get(c, key)
				}
				if err != nil {
					return fmt.Errorf("%s: %w", f.name, err)
				}
			}
			return nil
		}
		for key := range t.ops(f.keys) {
			c.Set(key, l.value(key, key))
			set++
		}
		if err := look(0); err != nil {
			return err
		}
		for key := 0; key < set; key += 2 {
			c.Delete(key)
		}
		return look(2)
	})
}

func (t *trial) tellAllApart(families []family, capacity int) (string, error) {
	keys := 0
	for _, f := range families {
		if err := t.tellApart(f, capacity); err != nil {
			return "", err
		}
		keys += f.keys
	}
	return fmt.Sprintf("%d keys of %d kinds", keys, len(families)), nil
}

// checkEmptyKey uses the keys that a cache may have given a meaning: empty,
// zero, all ones.
func checkEmptyKey(t *trial) (string, error) {
	var families []family
	if t.spec.String != nil {
		keys := []string{"", "\x00", "\x00\x00", " ", "0", "\xff", "\xff\xff\xff\xff\xff\xff\xff\xff"}
		families = append(families, t.strings("empty and zero bytes", len(keys), func(i int) string { return strings.Clone(keys[i]) }))
	}
	if t.spec.Uint64 != nil {
		keys := []uint64{0, ^uint64(0), 1, 1 << 63, 1<<63 - 1, 1 << 32, 1<<32 - 1}
		families = append(families, t.uint64s("zero and the extremes", len(keys), func(i int) uint64 { return keys[i] }))
	}
	return t.tellAllApart(families, roomy)
}

// checkLongKeys uses lengths from 0 to 300 bytes, and long keys that differ in
// one byte: the first, the last or the middle one.
func checkLongKeys(t *trial) (string, error) {
	if t.spec.String == nil {
		return "no string keys", nil
	}
	text := strings.Repeat("x", 1<<20)
	differ := func(length, at int) func(int) string {
		return func(i int) string {
			b := []byte(text[:length])
			b[at] = byte(i)
			return string(b)
		}
	}
	families := []family{t.strings("every length from 0 to 300", 301, func(i int) string { return strings.Clone(text[:i]) })}
	for _, length := range []int{24, 25, 64, 255, 256, 257, 4096, 65536} {
		for _, at := range []int{0, length / 2, length - 1} {
			families = append(families, t.strings(fmt.Sprintf("%d bytes that differ in byte %d", length, at), t.work(64), differ(length, at)))
		}
	}
	families = append(families, t.strings("1 MiB that differ in the last byte", 4, differ(1<<20, 1<<20-1)))
	return t.tellAllApart(families, roomy)
}

// checkCollidingKeys uses keys that agree in the bits a hash or a shard may be
// taken from.
func checkCollidingKeys(t *trial) (string, error) {
	const few = 64 // fit, whatever shard they fall in
	var families []family
	if t.spec.Uint64 != nil {
		for _, shift := range []int{1, 3, 8, 12, 16, 24, 32, 40, 48, 57} {
			families = append(families, t.uint64s(fmt.Sprintf("low %d bits zero", shift), few, func(i int) uint64 { return uint64(i) << shift }))
		}
		families = append(families,
			t.uint64s("low 32 bits one", few, func(i int) uint64 { return uint64(i)<<32 | (1<<32 - 1) }),
			t.uint64s("halves equal", few, func(i int) uint64 { return uint64(i)<<32 | uint64(i) }),
			t.uint64s("sum of halves equal", few, func(i int) uint64 { return uint64(i)<<32 | uint64(1<<20-i) }),
			t.uint64s("consecutive", t.work(roomy/2), func(i int) uint64 { return uint64(i) }))
	}
	if t.spec.String != nil {
		families = append(families,
			t.strings("one common prefix of 60 bytes", few, func(i int) string { return strings.Repeat("p", 60) + stringKey(i) }),
			t.strings("one common suffix of 60 bytes", few, func(i int) string { return stringKey(i) + strings.Repeat("s", 60) }),
			t.strings("the same bytes in another order", few, func(i int) string { return strings.Repeat("a", i) + "\x00" + strings.Repeat("a", few-i) }))
	}
	observed, err := t.tellAllApart(families, roomy)
	if err != nil || t.spec.String == nil {
		return observed, err
	}
	// So many short strings that two agree in any 32 bits of a hash.
	short := t.work(1 << 17)
	return observed + fmt.Sprintf(", up to %d short strings", short), t.tellApart(
		t.strings("up to 3 bytes", short, func(i int) string {
			return strings.TrimRight(string([]byte{byte(i), byte(i >> 8), byte(i >> 16)}), "\x00")
		}), 2*short)
}
