package record

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/contend-go/contend/bench"
)

// BenchmarkCost is what observing costs: the throughput of a load at
// GOMAXPROCS=2 with the probe, relative to without, as the median of the
// iterations, with the quartiles beside it. An iteration is four windows as long
// as a sweep's, with, without, without, with, or the other way round at random:
// what drifts steadily hits both alike. "none" is the same without a probe: as
// far as it is from 1, as far can the others be. Take 20 or more:
// go test -bench Cost -benchtime 20x.
//
// The loads differ in what a trace has of them. A mutex that is always taken is
// not among them: its convoy forms and breaks up by chance, and the slightest
// disturbance decides on a factor of two.
func BenchmarkCost(b *testing.B) {
	for _, c := range []struct {
		name  string
		probe func() bench.Probe
	}{
		{"none", func() bench.Probe { return bench.Blind{} }},
		{"windows", func() bench.Probe { return New(Options{}) }},
		{"whole", func() bench.Probe { return New(Options{Whole: true}) }},
	} {
		for _, l := range loads {
			b.Run(c.name+"/load="+l.name, func(b *testing.B) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
				var ops atomic.Int64
				var quit atomic.Bool
				var wg sync.WaitGroup
				l.start(&wg, &quit, &ops)
				defer func() { quit.Store(true); wg.Wait() }()
				rate(b, c.probe(), &ops) // the first is of a process that is not warm
				var ratios []float64
				for range b.N {
					var sum [2]float64 // without, with
					first := rand.IntN(2)
					for _, with := range []int{first, 1 - first, 1 - first, first} {
						var p bench.Probe = bench.Blind{}
						if with == 1 {
							p = c.probe()
						}
						sum[with] += rate(b, p, &ops)
					}
					ratios = append(ratios, sum[1]/sum[0])
				}
				slices.Sort(ratios)
				b.ReportMetric(ratios[len(ratios)/2], "with/without")
				b.ReportMetric(ratios[len(ratios)/4], "quartile1")
				b.ReportMetric(ratios[len(ratios)*3/4], "quartile3")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// loads start goroutines that count their operations in ops until quit is set.
var loads = []struct {
	name  string
	start func(wg *sync.WaitGroup, quit *atomic.Bool, ops *atomic.Int64)
}{
	{"parallel", func(wg *sync.WaitGroup, quit *atomic.Bool, ops *atomic.Int64) {
		for range runtime.GOMAXPROCS(0) {
			wg.Go(func() {
				for state := uint64(1); !quit.Load(); ops.Add(1) {
					state = spend(workUnits, state)
				}
			})
		}
	}},
	{"lock", func(wg *sync.WaitGroup, quit *atomic.Bool, ops *atomic.Int64) {
		var mu sync.Mutex
		held := uint64(1)
		for range 2 * runtime.GOMAXPROCS(0) {
			wg.Go(func() {
				for state := uint64(1); !quit.Load(); ops.Add(1) {
					state = spend(workUnits, state)
					mu.Lock()
					held = spend(workUnits/10, held)
					mu.Unlock()
				}
			})
		}
	}},
	{"channel", func(wg *sync.WaitGroup, quit *atomic.Bool, ops *atomic.Int64) {
		for range runtime.GOMAXPROCS(0) {
			ask, answer := make(chan uint64), make(chan uint64)
			wg.Go(func() {
				defer close(answer)
				for state := range ask {
					answer <- spend(workUnits, state)
				}
			})
			wg.Go(func() {
				defer close(ask)
				for state := uint64(1); !quit.Load(); ops.Add(1) {
					ask <- state
					state = <-answer
				}
			})
		}
	}},
}

// workUnits is some microseconds: with it, a load makes events as often as a
// program that does something between its hand-offs.
const workUnits = 1000

// spend takes CPU time and touches no memory.
//
//go:noinline
func spend(units int, x uint64) uint64 {
	for range units {
		x = x*6364136223846793005 + 1442695040888963407
	}
	return x
}

// rate is the operations per second in one window, outside of which the probe is
// started and stopped, as by a cell.
func rate(b *testing.B, p bench.Probe, ops *atomic.Int64) float64 {
	const length = 500 * time.Millisecond // a sweep's default
	if err := p.Start(bench.Window{Dir: b.TempDir(), Prefix: "cost", Planned: length}); err != nil {
		b.Fatal(err)
	}
	before, began := ops.Load(), time.Now()
	time.Sleep(length)
	perSecond := float64(ops.Load()-before) / time.Since(began).Seconds()
	if _, err := p.Stop(); err != nil {
		b.Fatal(err)
	}
	return perSecond
}
