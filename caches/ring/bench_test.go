//go:build !386 && !arm

// The workloads count to 2^32 in an int.

package ring_test

import (
	"cmp"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/contend-go/contend/bench/cachebench/workload"
	"github.com/contend-go/contend/caches"
	"github.com/contend-go/contend/caches/catalog"
)

// contest is one workload that ring is compared with its peers in.
type contest struct {
	name     string
	peers    []string
	workload string
	reads    float64
	capacity int // for benchKeys keys
	length   int // of keys, in bytes; workload.DefaultKeyLength if 0
	keys     int // benchKeys if 0
}

const benchKeys = 1 << 16

const manyKeys = 1 << 20

var contests = []contest{
	{name: "get", peers: []string{"plainmap", "xsyncmap", "fido", "otter2"}, workload: "zipf", reads: 1, capacity: 2 * benchKeys},
	{name: "get8", peers: []string{"plainmap"}, workload: "zipf", reads: 1, capacity: 2 * benchKeys, length: 8},
	{name: "get40", peers: []string{"plainmap"}, workload: "zipf", reads: 1, capacity: 2 * benchKeys, length: 40},
	{name: "get100", peers: []string{"plainmap"}, workload: "zipf", reads: 1, capacity: 2 * benchKeys, length: 100},
	{name: "get1M", peers: []string{"plainmap"}, workload: "zipf", reads: 1, capacity: 2 * manyKeys, keys: manyKeys},
	{name: "update25", peers: []string{"xsyncmap", "fido", "otter2"}, workload: "zipf", reads: .75, capacity: 2 * benchKeys},
	{name: "update100", peers: []string{"xsyncmap", "fido", "otter2"}, workload: "zipf", reads: 0, capacity: 2 * benchKeys},
	{name: "evict25", peers: []string{"mutexlru", "fido", "otter2"}, workload: "evict", reads: .75, capacity: benchKeys / 10},
	{name: "hot-get", peers: bounded(), workload: "hot", reads: 1, capacity: 2 * benchKeys},
	{name: "hot-update25", peers: bounded(), workload: "hot", reads: .75, capacity: 2 * benchKeys},
	{name: "hot-update100", peers: bounded(), workload: "hot", reads: 0, capacity: 2 * benchKeys},
}

// bounded names the peers that evict and promise what ring promises.
func bounded() (names []string) {
	for _, s := range catalog.All() {
		if s.Bounded && s.Strict && s.Sync != caches.HandOff && s.Name != "ring" {
			names = append(names, s.Name)
		}
	}
	return names
}

// BenchmarkPeers drives ring and its peers in turns, in random order, and
// reports the median over b.N rounds of each peer's time ÷ ring's within the
// round: "otter2/ring" 2 says that ring is twice as fast. One goroutine per P.
// Give the rounds: -benchtime=15x. The report of a project's run is made by
// `contend sweep`; this guides tuning.
func BenchmarkPeers(b *testing.B) {
	for _, c := range contests {
		b.Run(c.name, func(b *testing.B) { c.run(b) })
	}
}

func (c contest) run(b *testing.B) {
	n := cmp.Or(c.keys, benchKeys)
	stored, lookup, err := workload.MakeKeys[string](n, cmp.Or(c.length, workload.DefaultKeyLength), 1)
	if err != nil {
		b.Fatal(err)
	}
	stream, err := workload.New(workload.Config{Name: c.workload, Keys: n, Reads: c.reads, Seed: 1})
	if err != nil {
		b.Fatal(err)
	}
	items := make([]*caches.Item, n)
	for i := range items {
		items[i] = &caches.Item{ID: uint64(i)}
	}
	var lanes []*lane
	for _, name := range append([]string{"ring"}, c.peers...) {
		spec, ok := catalog.Lookup(name)
		if !ok {
			b.Fatalf("no backend %q", name)
		}
		cache, err := spec.String(c.capacity)
		if err != nil {
			b.Fatal(err)
		}
		defer cache.Close()
		for i, key := range stored {
			cache.Set(key, items[i])
		}
		l := &lane{name: name, cache: cache, keys: lookup, items: items, stream: stream}
		l.drive(1 << 19)
		l.ns, l.hits = nil, nil
		lanes = append(lanes, l)
	}
	b.ResetTimer()
	for range b.N {
		for _, i := range rand.Perm(len(lanes)) {
			lanes[i].drive(1 << 19)
		}
	}
	b.StopTimer()
	b.ReportMetric(0, "ns/op")
	ring := lanes[0]
	for _, l := range lanes[1:] {
		ratios := make([]float64, len(l.ns))
		for i := range ratios {
			ratios[i] = l.ns[i] / ring.ns[i]
		}
		b.ReportMetric(median(ratios), l.name+"/ring")
	}
	b.ReportMetric(median(ring.ns), "ring-ns")
	if c.workload == "evict" {
		for _, l := range lanes {
			b.ReportMetric(median(l.hits), l.name+"-hits/get")
		}
	}
}

// lane is one backend under the contest's load.
type lane struct {
	name   string
	cache  caches.Cache[string, *caches.Item]
	keys   []string
	items  []*caches.Item
	stream *workload.Stream
	ns     []float64 // wall time per operation, by round
	hits   []float64 // hits per Get, by round
}

// drive makes ops operations on each P.
func (l *lane) drive(ops int) {
	procs := runtime.GOMAXPROCS(0)
	var gets, hits atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for g := range procs {
		wg.Go(func() {
			n, found := l.loop(l.stream.Offset(g, procs), ops)
			gets.Add(int64(n))
			hits.Add(int64(found))
		})
	}
	wg.Wait()
	l.ns = append(l.ns, float64(time.Since(start).Nanoseconds())/float64(ops*procs))
	l.hits = append(l.hits, float64(hits.Load())/float64(gets.Load()))
}

// loop is the timed loop: reads, filled in after a miss, and writes.
func (l *lane) loop(from, n int) (gets, hits int) {
	mask := len(l.stream.Ops) - 1
	for i := from; i < from+n; i++ {
		op := l.stream.Ops[i&mask]
		k := op.Index()
		if op.IsWrite() {
			l.cache.Set(l.keys[k], l.items[k])
			continue
		}
		gets++
		if _, ok := l.cache.Get(l.keys[k]); ok {
			hits++
		} else {
			l.cache.Set(l.keys[k], l.items[k])
		}
	}
	return gets, hits
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// BenchmarkBytesPerEntry reports by how many bytes an entry makes the heap
// grow, keys' and values' own bytes excluded, at a million entries: when the
// cache has just become full, and after as many more keys have evicted those.
func BenchmarkBytesPerEntry(b *testing.B) {
	const n = 1_000_000
	for _, name := range []string{"ring", "otter2", "fido", "mutexlru"} {
		b.Run(name, func(b *testing.B) {
			spec, ok := catalog.Lookup(name)
			if !ok {
				b.Fatalf("no backend %q", name)
			}
			stored, _, err := workload.MakeKeys[string](2*n, workload.DefaultKeyLength, 1)
			if err != nil {
				b.Fatal(err)
			}
			item := new(caches.Item)
			for range b.N {
				before := heap()
				cache, err := spec.String(n)
				if err != nil {
					b.Fatal(err)
				}
				for i, k := range stored {
					cache.Set(k, item)
					if i == n-1 {
						b.ReportMetric(float64(heap()-before)/float64(cache.Len()), "full-bytes/entry")
					}
				}
				b.ReportMetric(float64(heap()-before)/float64(cache.Len()), "evicting-bytes/entry")
				cache.Close()
			}
			runtime.KeepAlive(stored)
		})
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
