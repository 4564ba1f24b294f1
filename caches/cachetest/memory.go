package cachetest

import (
	"fmt"
	"runtime"
	"strings"
	"unsafe"
	"weak"

	"github.com/contend-go/contend/caches"
)

// checkOverwrittenMemory overwrites few keys many times: of their values only
// the last may be kept, but for a few in pools and buffers.
func checkOverwrittenMemory(t *trial) (string, error) {
	const keys, rounds, spare = 64, 128, 1024
	worst := 0
	err := t.each(roomy, func(c cache) error {
		var refs [keys * rounds]weak.Pointer[caches.Item]
		// In a function of its own, so that no register or stack slot of this
		// one keeps the last alive.
		func() {
			for i := range refs {
				it := &caches.Item{ID: uint64(i)}
				refs[i] = weak.Make(it)
				c.Set(i%keys, it)
			}
		}()
		alive := 0
		t.settle(func() bool {
			alive = living(refs[:])
			return alive <= keys+spare
		})
		worst = max(worst, alive)
		runtime.KeepAlive(c)
		if alive > keys+spare {
			return fmt.Errorf("%d values are still referenced after %d keys were set %d times each, at most %d allowed", alive, keys, rounds, keys+spare)
		}
		return nil
	})
	return fmt.Sprintf("at most %d of %d values referenced", worst, keys*rounds), err
}

// checkKeyMemory counts the string keys that the garbage collector cannot free
// after all were deleted or, where the cache is bounded, evicted.
func checkKeyMemory(t *trial) (string, error) {
	if t.spec.String == nil {
		return "no string keys", nil
	}
	const capacity, n = 1024, 8 * 1024
	spare := 1024 + 2*capacity // what buffers, and an eviction policy's memory of keys, may keep
	refs := make([]weak.Pointer[byte], 0, n)
	key := func(i int) string { return strings.Repeat("k", 60) + stringKey(i) }
	c, err := t.spec.String(capacity)
	if err != nil {
		return "", refusal{capacity, err}
	}
	defer c.Close()
	func() {
		for i := range n {
			k := key(i)
			refs = append(refs, weak.Make(unsafe.StringData(k)))
			c.Set(k, &caches.Item{ID: uint64(i)})
		}
	}()
	alive := 0
	atMost := func(limit int) bool {
		return t.settle(func() bool {
			alive = living(refs)
			return alive <= limit
		})
	}
	if limit := t.spec.Overshoot.Limit(capacity, 0) + spare; t.spec.Bounded && !atMost(limit) {
		return "", fmt.Errorf("%d keys of %d are still referenced after overfilling capacity %d, at most %d allowed", alive, n, capacity, limit)
	}
	for i := range n {
		c.Delete(key(i))
	}
	if !atMost(spare) {
		return "", fmt.Errorf("%d keys of %d are still referenced after each was deleted, at most %d allowed", alive, n, spare)
	}
	runtime.KeepAlive(c)
	return fmt.Sprintf("at most %d of %d keys referenced", alive, n), nil
}

// living counts, after a collection, what is still referenced.
func living[T any](refs []weak.Pointer[T]) (n int) {
	runtime.GC()
	for _, r := range refs {
		if r.Value() != nil {
			n++
		}
	}
	return n
}
