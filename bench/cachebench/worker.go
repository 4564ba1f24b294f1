package cachebench

import (
	"runtime"
	"sync/atomic"
	"time"

	"github.com/contend-go/contend/bench/cachebench/workload"
	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/caches"
)

// worker drives one cache from one goroutine. Only that goroutine touches its
// fields, but for the counters: those it publishes after each batch, and the
// controller reads them at the edges of the window.
type worker[K workload.Key] struct {
	cache          caches.Cache[K, *caches.Item]
	stored, lookup []K
	items          []caches.Item
	stream         []workload.Op
	at             int // position in stream
	run            func(w *worker[K], n int)
	bucket         workload.Bucket
	units          int    // of work after each operation
	work           uint64 // its running result, so that it is not optimised away
	now            int64  // the workload's clock at the start of the batch, ns
	tally          tally

	// The published counters have cache lines of their own: the controller
	// reads them, and the allocator may put another worker next to this one.
	_                      [64]byte
	version                atomic.Uint64 // odd while the worker writes the others
	ops, gets, hits, reads atomic.Uint64
	_                      [64]byte
}

// tally is what the goroutine has counted so far.
type tally struct{ ops, gets, hits, reads uint64 }

func (r *rig[K]) newWorker(g int) *worker[K] {
	return &worker[K]{
		cache:  r.caches[g%len(r.caches)],
		stored: r.stored, lookup: r.lookup,
		items:  r.items[g%len(r.items)],
		stream: r.stream.Ops,
		at:     r.stream.Offset(g, r.cell.goroutines(r.cell.Procs)),
		run:    loops[K](r.load.Task, r.cell.ItemLock),
		bucket: r.bucket,
		units:  r.cell.WorkUnits,
	}
}

// loops is the batch loop of a task. There is one for each, so that none pays
// for the decisions of another.
func loops[K workload.Key](t workload.Task, itemLock bool) func(*worker[K], int) {
	switch t {
	case workload.ReadThrough:
		return (*worker[K]).readThrough
	case workload.Expire:
		return (*worker[K]).expire
	case workload.TakeToken:
		if itemLock {
			return (*worker[K]).takeLocked
		}
		return (*worker[K]).takeUnlocked
	}
	return (*worker[K]).getSet
}

// A batch is what a worker does between two looks at its orders: about
// batchTime, and at most maxBatch operations.
const (
	batchTime = 50 * time.Microsecond
	maxBatch  = 1024
)

// drive runs batches until it is ordered to stop. began is the origin of the
// workload's clock.
func (w *worker[K]) drive(order *atomic.Int32, began time.Time) {
	w.now = int64(time.Since(began))
	for n := 1; ; {
		switch order.Load() {
		case orderStop:
			return
		case orderYield:
			runtime.Gosched()
		}
		w.batch(n)
		now := int64(time.Since(began))
		n = nextBatch(n, time.Duration(now-w.now))
		w.now = now
	}
}

// nextBatch is the size of a batch after one of n operations that took so long.
// It follows every batch, because a single one says little: the first meets
// cold memory, and any may have waited for a CPU. A size that stayed small
// after such a batch would charge the batch's own cost to the operations.
func nextBatch(n int, took time.Duration) int {
	switch {
	case took < batchTime/2:
		return min(2*n, maxBatch)
	case took > 2*batchTime:
		return max(n/2, 1)
	}
	return n
}

func (w *worker[K]) batch(n int) {
	w.run(w, n)
	w.tally.ops += uint64(n)
	w.publish()
}

func (w *worker[K]) publish() {
	w.version.Add(1)
	w.ops.Store(w.tally.ops)
	w.gets.Store(w.tally.gets)
	w.hits.Store(w.tally.hits)
	w.reads.Store(w.tally.reads)
	w.version.Add(1)
}

// published is what the worker published last: all counters of one batch, so that
// there are no more hits than Gets. Any goroutine may call it.
func (w *worker[K]) published() tally {
	for {
		version := w.version.Load()
		t := tally{w.ops.Load(), w.gets.Load(), w.hits.Load(), w.reads.Load()}
		if version%2 == 0 && w.version.Load() == version {
			return t
		}
		runtime.Gosched() // the worker may have lost its CPU meanwhile
	}
}

func (w *worker[K]) getSet(n int) {
	cache, ops, lookup := w.cache, w.stream, w.lookup
	mask := len(ops) - 1
	var hits, gets uint64
	for i := w.at; i < w.at+n; i++ {
		op := ops[i&mask]
		k := op.Index()
		if op.IsWrite() {
			cache.Set(w.stored[k], &w.items[k])
		} else {
			gets++
			if _, ok := cache.Get(lookup[k]); ok {
				hits++
			}
		}
		if w.units > 0 {
			w.work = family.Work(w.units, w.work)
		}
	}
	w.at += n
	w.tally.gets += gets
	w.tally.hits += hits
	w.tally.reads += gets
}

func (w *worker[K]) readThrough(n int) {
	mask := len(w.stream) - 1
	for i := w.at; i < w.at+n; i++ {
		op := w.stream[i&mask]
		if op.IsWrite() {
			k := op.Index()
			w.cache.Set(w.stored[k], &w.items[k])
		} else {
			w.request(op.Index())
		}
		if w.units > 0 {
			w.work = family.Work(w.units, w.work)
		}
	}
	w.at += n
}

// request is one read-through of a key.
func (w *worker[K]) request(k int) {
	w.tally.reads++
	w.tally.gets++
	if _, ok := w.cache.Get(w.lookup[k]); ok {
		w.tally.hits++
		return
	}
	w.cache.Set(w.stored[k], &w.items[k])
}

// expire is a read of an item that may have expired: then it is deleted and a
// fresh one, allocated as the study's program does, is stored.
func (w *worker[K]) expire(n int) {
	mask := len(w.stream) - 1
	for i := w.at; i < w.at+n; i++ {
		k := w.stream[i&mask].Index()
		w.tally.reads++
		w.tally.gets++
		item, ok := w.cache.Get(w.lookup[k])
		if ok && w.now < item.ExpireAt {
			w.tally.hits++
		} else {
			if ok {
				w.cache.Delete(w.lookup[k])
			}
			w.cache.Set(w.stored[k], &caches.Item{ID: uint64(k), Remaining: tokens, ExpireAt: w.bucket.Expiry(w.now)})
		}
		if w.units > 0 {
			w.work = family.Work(w.units, w.work)
		}
	}
	w.at += n
}

// takeLocked takes a token from the key's bucket under the item's lock.
func (w *worker[K]) takeLocked(n int) {
	mask := len(w.stream) - 1
	for i := w.at; i < w.at+n; i++ {
		if item := w.take(w.stream[i&mask].Index()); item != nil {
			item.Mu.Lock()
			left, _, _ := w.bucket.Take(item.Remaining, 0, w.now)
			item.Remaining = left
			item.Mu.Unlock()
		}
		if w.units > 0 {
			w.work = family.Work(w.units, w.work)
		}
	}
	w.at += n
}

// takeUnlocked does the same without the lock, as the study's program did. Load
// and store are atomic, so that there is no data race, and yet updates are lost
// between them.
func (w *worker[K]) takeUnlocked(n int) {
	mask := len(w.stream) - 1
	for i := w.at; i < w.at+n; i++ {
		if item := w.take(w.stream[i&mask].Index()); item != nil {
			left, _, _ := w.bucket.Take(atomic.LoadInt64(&item.Remaining), 0, w.now)
			atomic.StoreInt64(&item.Remaining, left)
		}
		if w.units > 0 {
			w.work = family.Work(w.units, w.work)
		}
	}
	w.at += n
}

// take finds the bucket of a key; nil is a miss, and a lost update.
func (w *worker[K]) take(k int) *caches.Item {
	w.tally.gets++
	item, ok := w.cache.Get(w.lookup[k])
	if !ok {
		return nil
	}
	w.tally.hits++
	return item
}
