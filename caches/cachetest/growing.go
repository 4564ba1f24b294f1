package cachetest

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
)

// checkGrowing has writers fill the cache with thousands of keys of their own,
// and overwrite and delete some, while readers look at keys that were written
// before: whatever tables grow meanwhile, and are copied, no Get may be older
// than a completed write.
func checkGrowing(t *trial) (string, error) {
	const writers, readers = 3, 3
	n := t.work(16_000) / writers
	capacity := 4 * n * writers
	if !t.spec.Bounded {
		capacity = 16 // a hint, so that it grows
	}
	var looks atomic.Int64
	err := t.atProcs(func(procs int) error {
		return t.each(capacity, func(c cache) error {
			const versions = 4 // of each key: set, set again, deleted or not, set
			l := newLedger(versions * n * writers)
			at := make([]progress, n*writers)
			var filled [writers]atomic.Int64
			var working atomic.Int32
			working.Store(writers)
			look := func(key int) error {
				lo := at[key].done.Load()
				slot, hit, err := l.get(c, key)
				hi := at[key].begun.Load()
				if err != nil {
					return err
				}
				return judgeGrowing(key, lo, hi, version(slot%versions), hit, t.spec.MayDrop)
			}
			write := func(key int) error {
				p := &at[key]
				v := p.begun.Load() + 1
				p.begun.Store(v)
				if v == 3 {
					c.Delete(key)
				} else {
					c.Set(key, l.value(key*versions+int(v%versions), key))
				}
				p.done.Store(v)
				return look(key)
			}
			return t.together(writers+readers, uint64(procs), func(w int, r *rand.Rand) error {
				gets := 0
				defer func() { looks.Add(int64(gets)) }()
				if w >= writers {
					for working.Load() > 0 && t.ctx.Err() == nil {
						of := r.IntN(writers)
						if held := filled[of].Load(); held > 0 {
							gets++
							if err := look(of*n + r.IntN(int(held))); err != nil {
								return err
							}
						} else {
							runtime.Gosched()
						}
					}
					return nil
				}
				defer working.Add(-1)
				for i := range t.ops(n) {
					gets++
					if err := write(w*n + i); err != nil {
						return err
					}
					filled[w].Store(int64(i + 1))
					key := w*n + r.IntN(i+1)
					if r.IntN(2) == 0 && at[key].begun.Load() < 4 {
						gets++
						if err := write(key); err != nil {
							return err
						}
					}
				}
				for i := range int(filled[w].Load()) {
					gets++
					if err := look(w*n + i); err != nil {
						return fmt.Errorf("when all had been written: %w", err)
					}
				}
				return nil
			})
		})
	})
	return fmt.Sprintf("%d Gets beside growth", looks.Load()), err
}

// judgeGrowing is judge for the versions of checkGrowing: 0 is not yet set, 3 is
// deleted, 4 has the slot of version 0.
func judgeGrowing(key int, lo, hi, v version, hit, mayMiss bool) error {
	if hit && v == 0 {
		v = 4
	}
	gone := func(v version) bool { return v == 0 || v == 3 }
	switch {
	case hit && v < lo:
		return fmt.Errorf("Get(key %d) returned version %d after the write of version %d had returned", key, v, lo)
	case hit && v > hi:
		return fmt.Errorf("Get(key %d) returned version %d before its Set began", key, v)
	case !hit && !mayMiss && !gone(lo) && (hi < 3 || lo > 3):
		return fmt.Errorf("Get(key %d) missed, though version %d was set, none deleted since, and all keys fit", key, lo)
	}
	return nil
}

// checkConcurrentLen compares Len with the keys that Get finds after many
// goroutines inserted and deleted the same few keys, with eviction and without.
func checkConcurrentLen(t *trial) (string, error) {
	const keys, workers, rounds = 64, 8, 4
	n := t.work(2_000)
	compared := 0
	err := t.atProcs(func(procs int) error {
		for _, capacity := range []int{roomy, 24} {
			err := t.each(capacity, func(c cache) error {
				for round := range rounds {
					l := newLedger(workers*n + 1)
					err := t.together(workers, uint64(procs<<8|round), func(w int, r *rand.Rand) error {
						for i := range t.ops(n) {
							key := r.IntN(keys)
							if r.IntN(2) == 0 {
								c.Delete(key)
							} else {
								c.Set(key, l.value(w*n+i, key))
							}
							if r.IntN(8) == 0 {
								runtime.Gosched()
							}
						}
						return nil
					})
					if err != nil {
						return err
					}
					var length, count int
					t.settle(func() bool {
						length = c.Len()
						count = 0
						for key := range keys {
							if _, hit := c.Get(key); hit {
								count++
							}
						}
						return length == count
					})
					if compared++; length != count {
						return fmt.Errorf("at capacity %d, after %d goroutines had inserted and deleted: Len is %d, but Get finds %d keys", capacity, workers, length, count)
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return fmt.Sprintf("equal %d times", compared), err
}
