package cachetest

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync/atomic"

	"github.com/contend-go/contend/caches"
)

// checkConcurrentIdentity has all goroutines read and write the same keys,
// more than fit.
func checkConcurrentIdentity(t *trial) (string, error) {
	const capacity, keys, workers = 64, 192, 8
	n := t.work(4_000)
	var hits atomic.Int64
	err := t.atProcs(func(procs int) error {
		return t.each(capacity, func(c cache) error {
			l := newLedger(workers * n)
			return t.together(workers, uint64(procs), func(w int, r *rand.Rand) error {
				found := 0
				defer func() { hits.Add(int64(found)) }()
				for i := range t.ops(n) {
					key := r.IntN(keys)
					switch r.IntN(8) {
					case 0:
						c.Delete(key)
					case 1, 2, 3:
						c.Set(key, l.value(w*n+i, key))
					default:
						_, hit, err := l.get(c, key)
						if err != nil {
							return err
						}
						if hit {
							found++
						}
					}
				}
				return nil
			})
		})
	})
	return fmt.Sprintf("%d hits in order", hits.Load()), err
}

// version counts the writes to one key by its only writer. Every fourth is a
// Delete, version 0 among them: so kind and value follow from the number, and
// a reader needs no lock to know what it may see.
type version = uint64

func deletes(v version) bool { return v%4 == 0 }

// progress is where the only writer of a key stands: begun is stored before a
// write begins, done after it returned. Readers load done before and begun
// after their Get, which brackets what that Get may return.
type progress struct{ begun, done atomic.Uint64 }

func checkFreshness(t *trial) (string, error)         { return t.freshness(roomy, false) }
func checkFreshnessEvicting(t *trial) (string, error) { return t.freshness(32, true) }

// freshness gives each key one writer and many readers. What a Get may return
// is then known without searching: a version between the last one completed
// before it and the last one begun before its end. That is far cheaper than a
// search for linearizations, so it looks at far more calls; only races between
// writers are beyond it.
func (t *trial) freshness(capacity int, evicting bool) (string, error) {
	const keys, workers = 96, 6
	n := t.work(6_000)
	versions := n / (keys / workers) // a worker's calls, spread over the keys it writes
	misses := evicting || t.spec.MayDrop
	var looks atomic.Int64
	err := t.atProcs(func(procs int) error {
		return t.each(capacity, func(c cache) error {
			l := newLedger(keys * (versions + 1))
			at := make([]progress, keys)
			look := func(key int) error {
				lo := at[key].done.Load()
				slot, hit, err := l.get(c, key)
				hi := at[key].begun.Load()
				if err != nil {
					return err
				}
				return judge(key, lo, hi, version(slot-key*(versions+1)), hit, misses)
			}
			return t.together(workers, uint64(procs), func(w int, r *rand.Rand) error {
				gets := 0
				defer func() { looks.Add(int64(gets)) }()
				for range t.ops(n) {
					key := w + workers*r.IntN(keys/workers) // mine to write
					p := &at[key]
					if v := p.begun.Load() + 1; v <= version(versions) {
						p.begun.Store(v)
						if deletes(v) {
							c.Delete(key)
						} else {
							c.Set(key, l.value(key*(versions+1)+int(v), key))
						}
						p.done.Store(v)
						gets++
						if err := look(key); err != nil {
							return fmt.Errorf("in the writer itself: %w", err)
						}
					}
					gets++
					if err := look(r.IntN(keys)); err != nil {
						return err
					}
					if r.IntN(16) == 0 {
						runtime.Gosched()
					}
				}
				return nil
			})
		})
	})
	return fmt.Sprintf("%d Gets beside writes", looks.Load()), err
}

// judge says what is wrong with a Get that saw version v, or missed, when
// version lo was complete before it and hi begun before its end.
func judge(key int, lo, hi, v version, hit, mayMiss bool) error {
	switch {
	case hit && v < lo && deletes(lo):
		return fmt.Errorf("Get(key %d) returned version %d after the Delete that is version %d had returned", key, v, lo)
	case hit && v < lo:
		return fmt.Errorf("Get(key %d) returned version %d after the Set of version %d had returned", key, v, lo)
	case hit && v > hi:
		return fmt.Errorf("Get(key %d) returned version %d before its Set began", key, v)
	case !hit && !mayMiss && lo/4 == hi/4 && !deletes(lo):
		return fmt.Errorf("Get(key %d) missed, though version %d was set, none deleted since, and all keys fit", key, lo)
	}
	return nil
}

// checkUpdate counts to a known sum on few keys, from many goroutines.
func checkUpdate(t *trial) (string, error) {
	const keys, workers = 3, 8
	n := t.work(3_000)
	counted := int64(0)
	err := t.atProcs(func(procs int) error {
		return t.each(roomy, func(c cache) error {
			update := c.updater()
			if update == nil {
				return errNoUpdate
			}
			var made atomic.Int64
			err := t.together(workers, uint64(procs), func(w int, r *rand.Rand) error {
				updates := int64(0)
				defer func() { made.Add(updates) }()
				for range t.ops(n) {
					key := r.IntN(keys)
					updates++
					var last *caches.Item
					got := update(key, func(old *caches.Item, ok bool) *caches.Item {
						last = &caches.Item{ID: uint64(key), Remaining: 1}
						if ok {
							last.Remaining += old.Remaining
						}
						return last
					})
					if last == nil {
						return fmt.Errorf("Update(key %d) did not call its function", key)
					}
					if got != last {
						return fmt.Errorf("Update(key %d) returned another value than its function's last", key)
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
			sum := int64(0)
			for key := range keys {
				if it, ok := c.Get(key); ok {
					sum += it.Remaining
				}
			}
			if want := made.Load(); sum != want {
				return fmt.Errorf("%d of %d updates were lost", want-sum, want)
			}
			counted += sum
			return nil
		})
	})
	return fmt.Sprintf("%d updates counted", counted), err
}
