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

// BenchmarkCost is what observing costs: the throughput of a contended mutex
// around a map at GOMAXPROCS=2 with the probe, relative to without, as the
// median of the iterations, with the quartiles beside it. An iteration is four
// windows as long as a sweep's, with, without, without, with, or the other way
// round at random: what drifts steadily hits both alike. Take 20 or more:
// go test -bench Cost -benchtime 20x.
func BenchmarkCost(b *testing.B) {
	for _, c := range []struct {
		name string
		opts Options
	}{{"windows", Options{}}, {"whole", Options{Whole: true}}} {
		b.Run(c.name, func(b *testing.B) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
			var ops atomic.Int64
			stop := countedLoad(&ops)
			defer stop()
			rate(b, c.opts, true, &ops) // the first is of a process that is not warm
			var ratios []float64
			for range b.N {
				var sum [2]float64 // without, with
				first := rand.IntN(2)
				for _, with := range []int{first, 1 - first, 1 - first, first} {
					sum[with] += rate(b, c.opts, with == 1, &ops)
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

// countedLoad runs 4 goroutines per P over a map behind a mutex.
func countedLoad(ops *atomic.Int64) (stop func()) {
	var mu sync.Mutex
	var quit atomic.Bool
	m := map[int]int{}
	var wg sync.WaitGroup
	for range 4 * runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := 0; !quit.Load(); i++ {
				mu.Lock()
				m[i&1023]++
				mu.Unlock()
				if i&1023 == 0 {
					ops.Add(1024)
				}
			}
		})
	}
	return func() { quit.Store(true); wg.Wait() }
}

// rate is the operations per second in one window, outside of which the probe is
// started and stopped, as by a cell.
func rate(b *testing.B, o Options, observed bool, ops *atomic.Int64) float64 {
	const length = 500 * time.Millisecond // a sweep's default
	var p bench.Probe = bench.Blind{}
	if observed {
		p = New(o)
	}
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
