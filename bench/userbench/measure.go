// Package userbench lets a benchmark report more than its time: operations where
// one iteration is several of them or none, hit ratios, latency percentiles,
// and how evenly its goroutines came to work. It is used inside an ordinary Go
// benchmark, and reports through [testing.B.ReportMetric]: the same lines come
// from go test -bench, and contend test puts them into its samples.
//
//	func BenchmarkCache(b *testing.B) {
//		m := userbench.New(b)
//		b.RunParallel(func(pb *testing.PB) {
//			w := m.Worker()
//			for pb.Next() {
//				start := w.Start()
//				_, ok := cache.Get(key())
//				w.Since(start)
//				w.Hit(ok)
//			}
//		})
//	}
package userbench

import (
	"sync"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/contend-go/contend/bench/load"
)

// Measure is what one run of a benchmark function counts. Make it with [New] in
// each run; its methods can be called from many goroutines.
type Measure struct {
	b *testing.B

	mu      sync.Mutex
	workers []*Worker     // guarded by mu; what they count is read when the run has ended
	pacers  []*load.Pacer // likewise
}

// New makes a Measure that reports when the benchmark function has returned, or
// at the end of its b.Loop. All goroutines that count must have ended by then.
func New(b *testing.B) *Measure {
	b.Helper()
	m := &Measure{b: b}
	b.Cleanup(m.report)
	return m
}

// Worker makes a worker for the calling goroutine.
func (m *Measure) Worker() *Worker {
	w := new(Worker)
	m.mu.Lock()
	m.workers = append(m.workers, w)
	m.mu.Unlock()
	return w
}

// Pace makes an open load of the calling goroutine's loop: rate operations per second are
// due, at random and independent of how long they take (Poisson). Wait returns when the
// next is due; give what it returns to Since, so that an operation that had to wait behind
// a slow one counts with that wait:
//
//	pacer := m.Pace(50_000)
//	for pb.Next() {
//		due := pacer.Wait()
//		cache.Get(key())
//		w.Since(due)
//	}
//
// The metric behind-ns is how far behind its plan the slowest goroutine was at the end:
// where that is not small beside the benchmark's time, the rate is not carried, and
// latencies only tell how long the benchmark was.
func (m *Measure) Pace(rate float64) *load.Pacer {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, err := load.NewPacer(load.Poisson, rate, uint64(len(m.pacers)))
	if err != nil {
		m.b.Error(err)
		p, _ = load.NewPacer(load.Poisson, 1e9, 0) // which the loop may end with
	}
	m.pacers = append(m.pacers, p)
	return p
}

// Worker counts what one goroutine does. It belongs to that goroutine: nothing
// in it is shared, so that counting adds no contention to what is measured.
type Worker struct {
	ops, gets, hits int64
	latency         *hdrhistogram.Histogram // nil until the first Since
	_               [64]byte                // what the next allocation holds is on another cache line
}

// Op counts n operations.
func (w *Worker) Op(n int) { w.ops += int64(n) }

// Hit counts one lookup, and whether it found its key.
func (w *Worker) Hit(found bool) {
	w.gets++
	if found {
		w.hits++
	}
}

// Start is the time at which an operation starts. Give it to Since; or give
// Since the time at which the operation should have started, so that a stall
// counts for all operations that it delayed (open loop).
func (w *Worker) Start() time.Time { return time.Now() }

// The range of latencies that can be told apart, and to how many digits. Longer
// ones count as the longest.
const (
	shortest = int64(1)
	longest  = int64(100 * time.Second)
	digits   = 3
)

// Since records the latency of an operation that started, or was to start, at
// the given time. Two readings of the clock cost about 0.1 µs an operation.
func (w *Worker) Since(start time.Time) {
	d := time.Since(start)
	if w.latency == nil {
		w.latency = hdrhistogram.New(shortest, longest, digits)
	}
	_ = w.latency.RecordValue(min(max(int64(d), shortest), longest)) // within range
}

// quantiles that are reported where there are enough samples for them.
var quantiles = []struct {
	unit string
	q    float64
}{
	{"p50-ns", .5}, {"p90-ns", .9}, {"p99-ns", .99}, {"p99.9-ns", .999}, {"p99.99-ns", .9999}, {"p99.999-ns", .99999},
}

// tailSamples is how many samples must lie beyond a quantile: n(1−q) ≥ 10.
const tailSamples = 10

// report adds the metrics to the benchmark's result.
func (m *Measure) report() {
	m.mu.Lock()
	defer m.mu.Unlock()
	var total Worker
	total.latency = hdrhistogram.New(shortest, longest, digits)
	for _, w := range m.workers {
		total.ops, total.gets, total.hits = total.ops+w.ops, total.gets+w.gets, total.hits+w.hits
		if w.latency != nil {
			total.latency.Merge(w.latency)
		}
	}
	if seconds := m.b.Elapsed().Seconds(); total.ops > 0 && seconds > 0 {
		m.b.ReportMetric(float64(total.ops)/seconds, "ops/s")
		m.evenness(total.ops)
	}
	if total.gets > 0 {
		m.b.ReportMetric(float64(total.hits)/float64(total.gets), "hits/get")
	}
	if len(m.pacers) > 0 {
		behind := time.Duration(0)
		for _, p := range m.pacers {
			behind = max(behind, p.Behind)
		}
		m.b.ReportMetric(float64(behind), "behind-ns")
	}
	n := total.latency.TotalCount()
	if n > 0 {
		m.b.ReportMetric(float64(n), "latencies")
	}
	for _, p := range quantiles {
		if float64(n)*(1-p.q) >= tailSamples {
			m.b.ReportMetric(float64(total.latency.ValueAtQuantile(100*p.q)), p.unit)
		}
	}
}

// evenness reports how the operations are spread over the workers: the slowest
// ÷ the fastest, and Jain's index (Σx)² ÷ (n·Σx²), from 1/n to 1 (R. Jain, D.-M.
// Chiu, W. Hawe, DEC-TR-301, 1984).
func (m *Measure) evenness(ops int64) {
	if len(m.workers) < 2 {
		return
	}
	least, most, squares := ops, int64(0), 0.0
	for _, w := range m.workers {
		least, most = min(least, w.ops), max(most, w.ops)
		squares += float64(w.ops) * float64(w.ops)
	}
	sum := float64(ops)
	m.b.ReportMetric(float64(least)/float64(most), "fairness")
	m.b.ReportMetric(sum*sum/(float64(len(m.workers))*squares), "jain")
}
