package cachebench

import (
	"runtime"
	"time"

	"github.com/contend-go/contend/bench/cachebench/workload"
	"github.com/contend-go/contend/caches"
)

// rig is everything that a cell drives, ready before the first operation.
type rig[K workload.Key] struct {
	cell   cell
	load   workload.Spec
	stream *workload.Stream
	bucket workload.Bucket

	// A key is stored in one copy and asked for in the other.
	stored, lookup []K

	make   func(capacity int) (caches.Cache[K, *caches.Item], error)
	caches []caches.Cache[K, *caches.Item] // one, or with sharing=none one for each goroutine
	items  [][]caches.Item                 // the values, by key; one slice, or one for each cache where operations write to them

	bytesPerEntry float64
	workers       []*worker[K]
}

// tokens is the content of a rate limiter's bucket at the start: more than any
// run can take, so that each token taken can be accounted for.
const tokens = 1 << 60

func newRig[K workload.Key](c cell, make func(int) (caches.Cache[K, *caches.Item], error)) (*rig[K], error) {
	load, err := workload.Lookup(c.Workload)
	if err != nil {
		return nil, err
	}
	r := &rig[K]{cell: c, load: load, make: make, bucket: workload.Bucket{Limit: tokens}}
	if load.TTL > 0 {
		r.bucket.Duration = load.TTL
	}
	r.stream, err = workload.New(workload.Config{
		Name: c.Workload, Keys: c.Keys, Reads: c.Reads / 100, HotShare: c.HotShare / 100, Seed: c.Seed,
	})
	if err != nil {
		return nil, err
	}
	if r.stored, r.lookup, err = workload.MakeKeys[K](c.Keys, c.KeySize, c.Seed); err != nil {
		return nil, err
	}
	return r, r.fill()
}

// fill makes the caches and stores what the workload starts with.
func (r *rig[K]) fill() error {
	n := 1
	if !r.cell.Shared {
		n = r.cell.goroutines(r.cell.Procs)
	}
	for i := range n {
		if i == 0 || r.cell.task() == workload.TakeToken || r.cell.task() == workload.Expire {
			r.items = append(r.items, newItems(r.cell.Keys, r.bucket))
		}
	}
	before := heap()
	entries := 0
	for i := range n {
		c, err := r.make(r.cell.Capacity)
		if err != nil {
			return err
		}
		r.caches = append(r.caches, c)
		if r.load.Prefill {
			prefill(c, r.stored, r.lookup, r.items[i%len(r.items)])
		} else {
			r.readThrough(c, i)
		}
		entries += c.Len()
	}
	if after := heap(); entries > 0 && after > before {
		r.bytesPerEntry = float64(after-before) / float64(entries)
	}
	for g := range r.cell.goroutines(r.cell.Procs) {
		r.workers = append(r.workers, r.newWorker(g))
	}
	return nil
}

func newItems(n int, b workload.Bucket) []caches.Item {
	items := make([]caches.Item, n)
	for i := range items {
		items[i].ID = uint64(i)
		items[i].Remaining = tokens
		items[i].ExpireAt = b.Expiry(0)
	}
	return items
}

// prefill stores every key. Backends that refuse Sets or apply them later are
// given some more rounds; what is still missing shows in hits/get.
func prefill[K workload.Key](c caches.Cache[K, *caches.Item], stored, lookup []K, items []caches.Item) {
	const rounds = 10
	for round := range rounds {
		missing := 0
		for i, k := range stored {
			if round > 0 {
				if _, ok := c.Get(lookup[i]); ok {
					continue
				}
			}
			missing++
			c.Set(k, &items[i])
		}
		if missing == 0 {
			return
		}
		if round > 0 {
			time.Sleep(5 * time.Millisecond) // for writes that are applied in the background
		}
	}
}

// readThrough brings a cache whose keys do not fit to a steady state: as many
// operations as ten times its capacity.
func (r *rig[K]) readThrough(c caches.Cache[K, *caches.Item], offset int) {
	items := r.items[offset%len(r.items)]
	mask := len(r.stream.Ops) - 1
	at := r.stream.Offset(offset, r.cell.goroutines(r.cell.Procs))
	for i := range min(10*r.cell.Capacity, 4*len(r.stream.Ops)) {
		k := r.stream.Ops[(at+i)&mask].Index()
		if _, ok := c.Get(r.lookup[k]); !ok {
			c.Set(r.stored[k], &items[k])
		}
	}
}

// heap is the bytes in use after a collection. Two of them: the first may leave
// what finalizers and pools held.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// lost is the number of updates that the workers made and the items do not
// show: workers must have ended.
func (r *rig[K]) lost() (lost, updates uint64) {
	var taken uint64
	for _, items := range r.items {
		for i := range items {
			taken += uint64(tokens - items[i].Remaining)
		}
	}
	for _, w := range r.workers {
		updates += w.ops.Load()
	}
	return updates - taken, updates
}
