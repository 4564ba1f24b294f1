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

// BenchmarkSharing compares ring with the least in what it costs that all
// goroutines, one for each P, share a cache and do not have one each. The loads
// are the contests get, update25 and update100 of BenchmarkPeers. The least,
// called floor, is an array with a line for each key that holds a pointer and
// nothing else: a Get is an atomic load, a Set an atomic store. It is told
// beforehand where each key is, and reads and hashes the key all the same, as
// ring has to.
//
// All run in turns, in random order, and the medians of the rounds are reported.
// Times are those of an operation in its goroutine.
//
//	ring-shared/none   throughput shared ÷ share-nothing; 1 if sharing costs nothing
//	floor-shared/none  the same of the floor
//	ring-none-ns       time in ring, share-nothing
//	ring-added-ns      what sharing adds to that
//	floor-added-ns     what sharing adds in the floor
//	attainable         what ring-shared/none would be if sharing added as little as in the floor
//	transfers/op       lines that travel, at the least: TestTransfers
//	transfer-ns        time of one, between two goroutines that write a line in turns
//
// Transfers that overlap cost less than transfers/op × transfer-ns. Caches of their
// own take more memory together than a shared one, so what sharing adds can be negative.
// The load that only reads transfers nothing and shows that alone.
func BenchmarkSharing(b *testing.B) {
	for _, reads := range []float64{1, .75, 0} {
		b.Run(fmt.Sprintf("reads=%.0f", 100*reads), func(b *testing.B) { benchmarkSharing(b, reads) })
	}
}

// cell is a key's line in the floor. Arrays of them, which are large, begin at the
// beginning of a page.
type cell struct {
	value atomic.Pointer[int]
	_     [56]byte
}

// sharing is the load, with a ring and a floor for each goroutine. Those of the
// first are the ones that all can share.
type sharing struct {
	keys   []string
	values []*int
	stream *workload.Stream
	ring   []*Cache[string, *int]
	floor  [][]cell
	hashes atomic.Uint64 // what the floor computed, so that it is computed
}

func newSharing(reads float64, goroutines int) (s *sharing, err error) {
	const n = 1 << 16
	s = &sharing{values: make([]*int, n)}
	stored, lookup, err := workload.MakeKeys[string](n, workload.DefaultKeyLength, 1)
	if err != nil {
		return nil, err
	}
	s.keys = lookup
	if s.stream, err = workload.New(workload.Config{Name: "zipf", Keys: n, Reads: reads, Seed: 1}); err != nil {
		return nil, err
	}
	for range goroutines {
		c, err := New[string, *int](2 * n)
		if err != nil {
			return nil, err
		}
		s.ring, s.floor = append(s.ring, c), append(s.floor, make([]cell, n))
	}
	for i, k := range stored {
		s.values[i] = new(int)
		for g, c := range s.ring {
			c.Set(k, s.values[i])
			s.floor[g][i].value.Store(s.values[i])
		}
	}
	return s, nil
}

const sharingOps = 1 << 19 // of each goroutine in a round

// inRing makes operations in the ring of owner, inFloor in its floor.
func (s *sharing) inRing(owner, from int) (missed int) {
	c, mask := s.ring[owner], len(s.stream.Ops)-1
	for i := from; i < from+sharingOps; i++ {
		op := s.stream.Ops[i&mask]
		k := op.Index()
		if op.IsWrite() {
			c.Set(s.keys[k], s.values[k])
		} else if _, ok := c.Get(s.keys[k]); !ok {
			missed++
		}
	}
	return missed
}

func (s *sharing) inFloor(owner, from int) (missed int) {
	c, cells, mask := s.ring[owner], s.floor[owner], len(s.stream.Ops)-1
	hashes := uint64(0)
	for i := from; i < from+sharingOps; i++ {
		op := s.stream.Ops[i&mask]
		k := op.Index()
		hashes ^= c.hash(wide(s.keys[k]))
		if op.IsWrite() {
			cells[k].value.Store(s.values[k])
		} else if cells[k].value.Load() == nil {
			missed++
		}
	}
	s.hashes.Add(hashes)
	return missed
}

// drive runs a loop in each goroutine and returns the time of an operation in
// ns.
func (s *sharing) drive(b *testing.B, loop func(owner, from int) (missed int), shared bool) float64 {
	var wg sync.WaitGroup
	start := time.Now()
	for g := range s.ring {
		owner := g
		if shared {
			owner = 0
		}
		wg.Go(func() {
			if missed := loop(owner, s.stream.Offset(g, len(s.ring))); missed != 0 {
				b.Errorf("%d Gets found nothing", missed)
			}
		})
	}
	wg.Wait()
	return float64(time.Since(start).Nanoseconds()) / sharingOps
}

func benchmarkSharing(b *testing.B, reads float64) {
	procs := runtime.GOMAXPROCS(0)
	s, err := newSharing(reads, procs)
	if err != nil {
		b.Fatal(err)
	}
	var ringShared, ringNone, floorShared, floorNone, transfer float64
	lanes := []func(){
		func() { ringShared = s.drive(b, s.inRing, true) },
		func() { ringNone = s.drive(b, s.inRing, false) },
		func() { floorShared = s.drive(b, s.inFloor, true) },
		func() { floorNone = s.drive(b, s.inFloor, false) },
	}
	if min(procs, runtime.NumCPU()) > 1 {
		lanes = append(lanes, func() { transfer = transferTime() })
	} else {
		b.Log("no transfer-ns: that takes two CPUs and a GOMAXPROCS of at least 2")
	}
	for _, warmUp := range lanes {
		warmUp()
	}
	rounds := make(map[string][]float64)
	for b.Loop() {
		for _, i := range rand.Perm(len(lanes)) {
			lanes[i]()
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

// transferTime is the time in ns in which a line comes from another CPU. Two
// goroutines write a line in turns. Each turn is two transfers: the waiting
// goroutine fetches the line, sees that it is its turn, and recovers the line to
// write there. The fastest of many batches counts, because in others one of the two
// had no CPU for a while.
func transferTime() float64 {
	const batches, turns = 1 << 8, 1 << 8
	var line struct {
		_    [128]byte // prefetchers fetch pairs of lines
		turn atomic.Uint64
		_    [128]byte
	}
	times := make([]float64, batches)
	var wg sync.WaitGroup
	for g := range uint64(2) {
		wg.Go(func() {
			mine := g
			for i := range times {
				start := time.Now()
				for range turns / 2 {
					for n := 1; line.turn.Load() != mine; n++ {
						if n%(1<<12) == 0 {
							runtime.Gosched() // the other may have no P
						}
					}
					line.turn.Store(mine + 1)
					mine += 2
				}
				if g == 0 {
					times[i] = float64(time.Since(start).Nanoseconds()) / (2 * turns)
				}
			}
		})
	}
	wg.Wait()
	return slices.Min(times)
}
