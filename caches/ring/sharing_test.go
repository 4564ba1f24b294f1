//go:build !386 && !arm

// The workloads count to 2^32 in an int.

package ring

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/contend-go/contend/bench/cachebench/workload"
)

// BenchmarkSharing compares ring with the least, in what it costs that all
// goroutines, one for each P, share a cache instead of having one each. The loads are
// the contests update25 and update100 of BenchmarkPeers. The least, called
// floor, is an array with a line for each key that holds a pointer and nothing
// else: a Get is an atomic load, a Set an atomic store. It is told each key's line
// beforehand, and reads and hashes the key all the same, as ring has to.
//
// All run in turns, in random order. Reported are medians of the rounds, times
// being those of an operation in its goroutine:
//
//	ring-shared/none   throughput shared ÷ share-nothing; 1 if sharing costs nothing
//	floor-shared/none  the same of the floor
//	ring-none-ns       time of ring, share-nothing
//	ring-added-ns      what sharing adds to that
//	floor-added-ns     what it adds to the floor's
//	attainable         what ring-shared/none would be, did sharing add as much as to the floor
//	transfers/op       how many lines travel at the least: see TestTransfers
//	transfer-ns        time of one, measured between two goroutines that write a line in turns
//
// Transfers that overlap cost less than transfers/op × transfer-ns. With few CPUs
// the floor can add less than nothing: shared, it needs less memory.
func BenchmarkSharing(b *testing.B) {
	for _, reads := range []float64{.75, 0} {
		b.Run(fmt.Sprintf("reads=%.0f", 100*reads), func(b *testing.B) { benchmarkSharing(b, reads) })
	}
}

// cell is a key's line in the floor. Arrays of them, which are large, begin at the
// beginning of a page.
type cell struct {
	value atomic.Pointer[int]
	_     [56]byte
}

// owned are two kinds of caches, of which each goroutine has one.
type owned struct {
	ring  []*Cache[string, *int]
	floor [][]cell
}

func newOwned(keys []string, values []*int) (o owned, err error) {
	for range runtime.GOMAXPROCS(0) {
		c, err := New[string, *int](2 * len(keys))
		if err != nil {
			return o, err
		}
		cells := make([]cell, len(keys))
		for i, k := range keys {
			c.Set(k, values[i])
			cells[i].value.Store(values[i])
		}
		o.ring, o.floor = append(o.ring, c), append(o.floor, cells)
	}
	return o, nil
}

func benchmarkSharing(b *testing.B, reads float64) {
	const n, ops = 1 << 16, 1 << 19
	procs := runtime.GOMAXPROCS(0)
	stored, lookup, err := workload.MakeKeys[string](n, workload.DefaultKeyLength, 1)
	if err != nil {
		b.Fatal(err)
	}
	stream, err := workload.New(workload.Config{Name: "zipf", Keys: n, Reads: reads, Seed: 1})
	if err != nil {
		b.Fatal(err)
	}
	values := make([]*int, n)
	for i := range values {
		values[i] = &i
	}
	own, err := newOwned(stored, values)
	if err != nil {
		b.Fatal(err)
	}
	mask := len(stream.Ops) - 1
	ring := func(owner, from int) (missed int) {
		c := own.ring[owner]
		for i := from; i < from+ops; i++ {
			op := stream.Ops[i&mask]
			k := op.Index()
			if op.IsWrite() {
				c.Set(lookup[k], values[k])
			} else if _, ok := c.Get(lookup[k]); !ok {
				missed++
			}
		}
		return missed
	}
	var hashes atomic.Uint64 // so that they are computed
	floor := func(owner, from int) (missed int) {
		c, cells := own.ring[owner], own.floor[owner]
		sum := uint64(0)
		for i := from; i < from+ops; i++ {
			op := stream.Ops[i&mask]
			k := op.Index()
			sum ^= c.hash(wide(lookup[k]))
			if op.IsWrite() {
				cells[k].value.Store(values[k])
			} else if cells[k].value.Load() == nil {
				missed++
			}
		}
		hashes.Add(sum)
		return missed
	}
	drive := func(loop func(owner, from int) (missed int), shared bool) float64 {
		var wg sync.WaitGroup
		start := time.Now()
		for g := range procs {
			owner := g
			if shared {
				owner = 0
			}
			wg.Go(func() {
				if missed := loop(owner, stream.Offset(g, procs)); missed != 0 {
					b.Errorf("%d Gets found nothing", missed)
				}
			})
		}
		wg.Wait()
		return float64(time.Since(start).Nanoseconds()) / ops
	}
	var ringShared, ringNone, floorShared, floorNone, transfer float64
	parts := []func(){
		func() { ringShared = drive(ring, true) },
		func() { ringNone = drive(ring, false) },
		func() { floorShared = drive(floor, true) },
		func() { floorNone = drive(floor, false) },
	}
	if cpus := min(procs, runtime.NumCPU()); cpus > 1 {
		parts = append(parts, func() { transfer = transferTime() })
	} else {
		b.Log("no transfer-ns: it takes two CPUs, and GOMAXPROCS of 2 or more")
	}
	for _, warmUp := range parts {
		warmUp()
	}
	rounds := make(map[string][]float64)
	for b.Loop() {
		for _, i := range rand.Perm(len(parts)) {
			parts[i]()
		}
		add := func(unit string, v float64) { rounds[unit] = append(rounds[unit], v) }
		add("ring-shared/none", ringNone/ringShared)
		add("floor-shared/none", floorNone/floorShared)
		add("ring-none-ns", ringNone)
		add("ring-added-ns", ringShared-ringNone)
		add("floor-added-ns", floorShared-floorNone)
		add("attainable", ringNone/(ringNone+floorShared-floorNone))
		if transfer > 0 {
			add("transfer-ns", transfer)
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(expected(reads, procs).sum(), "transfers/op")
	for unit, v := range rounds {
		slices.Sort(v)
		b.ReportMetric(v[len(v)/2], unit)
	}
}

// transferTime is the time in ns in which a line comes from another CPU: two
// goroutines write it in turns, and each turn is two transfers, the fetch by which
// a goroutine sees that it is its turn, and the recovery for its own write. Who
// waits gives up the CPU now and then, as the other may need it.
func transferTime() float64 {
	const turns = 1 << 16
	line := make([]cell, 1<<10) // as large as those of the floor, to be aligned as they are
	_ = line
	return 0
}
