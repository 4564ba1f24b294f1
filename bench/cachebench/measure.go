package cachebench

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/cachebench/workload"
	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
)

// result is what one window gave.
type result struct {
	procs  int
	ops    int
	values []sample.Value
}

// crew is a set of running workers.
type crew[K workload.Key] struct {
	workers []*worker[K]
	order   atomic.Int32 // go, yield or stop; written by the controller
	done    sync.WaitGroup
}

// What the controller orders, and workers look at after each batch.
const (
	orderGo    = iota
	orderYield // go on, but let others have the P after each batch
	orderStop
)

// start lets the rig's first n workers run.
func (r *rig[K]) start(n int, began time.Time) *crew[K] {
	c := &crew[K]{workers: r.workers[:n]}
	for _, w := range c.workers {
		c.done.Go(func() { w.drive(&c.order, began) })
	}
	return c
}

func (c *crew[K]) join() {
	c.order.Store(orderStop)
	c.done.Wait()
}

// counts is the sum of the workers' counters, and the operations of each.
type counts struct {
	tally
	each []uint64
}

func (c *crew[K]) counts() counts {
	sum := counts{each: make([]uint64, len(c.workers))}
	for i, w := range c.workers {
		t := w.published()
		sum.each[i] = t.ops
		sum.ops += t.ops
		sum.gets += t.gets
		sum.hits += t.hits
		sum.reads += t.reads
	}
	return sum
}

// Warm-up ends when three slices in a row differ by no more than steady, or
// when it has taken its bound: the length of the window, and at least
// minWarmup.
const (
	steady    = 0.10
	alike     = 3
	slice     = 10 * time.Millisecond
	minWarmup = 100 * time.Millisecond
)

// warmUp waits until the rate is steady.
func (c *crew[K]) warmUp(window time.Duration) (took time.Duration, isSteady bool) {
	var rates []float64
	began := time.Now()
	last, at := c.counts().ops, began
	for time.Since(began) < max(window, minWarmup) {
		time.Sleep(max(slice, window/50))
		ops, now := c.counts().ops, time.Now()
		rates = append(rates, float64(ops-last)/now.Sub(at).Seconds())
		last, at = ops, now
		if n := len(rates); n >= alike && spread(rates[n-alike:]) <= steady {
			return time.Since(began), true
		}
	}
	return time.Since(began), false
}

// spread is the distance between the extremes, relative to the largest.
func spread(x []float64) float64 {
	lo, hi := x[0], x[0]
	for _, v := range x {
		lo, hi = min(lo, v), max(hi, v)
	}
	if hi == 0 {
		return 0
	}
	return (hi - lo) / hi
}

// window measures the running crew for d. mark, if not nil, is told when the
// timed window begins and ends: a tour, whose trace knows the idle Ps better
// than the collector does, and should not be full of collections.
func (c *crew[K]) window(facts *host.Facts, d time.Duration, mark func(string)) result {
	m := bench.NewMeter(facts)
	m.Quick = mark != nil
	m.Yield = func(yield bool) {
		if yield {
			c.order.Store(orderYield)
		} else {
			c.order.Store(orderGo)
		}
	}
	m.Begin()
	if mark != nil {
		mark(stepLabel(runtime.GOMAXPROCS(0)))
	}
	before := c.counts()
	time.Sleep(d)
	after := c.counts()
	for after.ops == before.ops { // on a busy host, or with long operations: no rate can be told yet
		time.Sleep(d)
		after = c.counts()
	}
	if mark != nil {
		mark("end")
	}
	m.End()
	return newResult(m, before, after)
}

// stepLabel is the mark of a tour's step.
func stepLabel(procs int) string { return fmt.Sprintf("gomaxprocs=%d", procs) }

func newResult(m *bench.Meter, before, after counts) result {
	ops := int(after.ops - before.ops)
	res := result{procs: runtime.GOMAXPROCS(0), ops: ops, values: m.Values(ops)}
	gets, hits := after.gets-before.gets, after.hits-before.hits
	if gets > 0 {
		res.add("hits/get", float64(hits)/float64(gets))
	}
	if ops > 0 {
		res.add("reads/op", float64(after.reads-before.reads)/float64(ops))
	}
	each := make([]float64, len(after.each))
	for i := range each {
		each[i] = float64(after.each[i] - before.each[i])
	}
	fairness, jain := fairness(each)
	res.add("fairness", fairness)
	res.add("jain", jain)
	return res
}

func (r *result) add(unit string, v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return
	}
	r.values = append(r.values, sample.Value{Unit: unit, V: v})
}

// fairness is min÷max and Jain's index (Jain, Chiu and Hawe, 1984):
// (Σx)² ÷ (n·Σx²), 1 when all are equal, 1/n when one has everything.
func fairness(x []float64) (minMax, jain float64) {
	lo, hi, sum, squares := math.Inf(1), 0.0, 0.0, 0.0
	for _, v := range x {
		lo, hi = min(lo, v), max(hi, v)
		sum += v
		squares += v * v
	}
	return lo / hi, sum * sum / (float64(len(x)) * squares)
}

// report is what the process of a cell has to print.
type report struct {
	results  []result
	seen     bench.Observation // of a tour, by step
	warnings []string
}

func (r *report) warn(format string, args ...any) {
	r.warnings = append(r.warnings, fmt.Sprintf(format, args...))
}

// measure runs the rig's cell: warm-up, window, join.
func (r *rig[K]) measure(facts *host.Facts, probe bench.Probe, w bench.Window) (rep report, err error) {
	crew := r.start(len(r.workers), time.Now())
	took, isSteady := crew.warmUp(r.cell.Time)
	if err := probe.Start(w); err != nil {
		crew.join()
		return rep, err
	}
	res := crew.window(facts, r.cell.Time, nil)
	crew.join()
	if rep.seen, err = probe.Stop(); err != nil {
		return rep, err
	}
	res.add("warmup-s", took.Seconds())
	if !isSteady {
		rep.warn("the rate was not steady after a warm-up of %v", took.Round(time.Millisecond))
	}
	r.check(&res, &rep)
	if r.load.Evicts {
		for _, c := range r.caches {
			if audit(c, r.cell.Capacity, r.stored, r.lookup, r.items[0], &rep) {
				break
			}
		}
	}
	rep.results = []result{res}
	return rep, nil
}

// check adds what is known only after all workers have ended.
func (r *rig[K]) check(res *result, rep *report) {
	if r.bytesPerEntry > 0 {
		res.add("bytes/entry", r.bytesPerEntry)
	}
	if r.cell.WorkUnits > 0 {
		res.add("work-ns/op", family.MeasureWork(r.cell.WorkUnits))
	}
	if r.load.Task == workload.TakeToken {
		lost, updates := r.lost()
		res.add("lost/op", float64(lost)/float64(max(updates, 1)))
		if lost > 0 {
			rep.warn("lost %d of %d updates", lost, updates)
		}
	}
}

// tour steps GOMAXPROCS through the sweep within this one process: the probe
// sees all of it, with a mark at each step. The process was started at the
// highest value, by which some libraries size themselves.
func (r *rig[K]) tour(facts *host.Facts, probe bench.Probe, w bench.Window) (rep report, err error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	if err := probe.Start(w); err != nil {
		return rep, err
	}
	began := time.Now()
	for _, procs := range r.cell.Tour {
		runtime.GOMAXPROCS(procs)
		crew := r.start(r.cell.goroutines(procs), began)
		crew.warmUp(minWarmup)
		rep.results = append(rep.results, crew.window(facts, r.cell.Time, probe.Mark))
		crew.join()
	}
	rep.seen, err = probe.Stop()
	return rep, err
}
