package load

import (
	"math"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Cause is something beside the operations that may have made a caller wait, as a [Log] has it.
type Cause string

// The causes. Their moments are slices of the window but for the collector's, and hold a time but for Moved.
const (
	Collector Cause = "gc"    // a pause of the garbage collector
	Stop      Cause = "stop"  // the program was stopped by its runtime for something else
	Sched     Cause = "sched" // goroutines could run and waited for a P, 100 µs or more; the sum of those that the runtime times, one in eight
	Queue     Cause = "queue" // threads of this process could run and waited for a CPU; the sum of all
	Steal     Cause = "steal" // the hypervisor took CPUs; the sum of all
	Moved     Cause = "moved" // threads were on another CPU than a slice before: how many
)

// Causes lists them.
var Causes = []Cause{Collector, Stop, Sched, Queue, Steal, Moved}

// A Watch notes slice by slice what took time from this process, beside its operations. It wakes up every 10 ms and reads
// counters for about 50 µs.
type Watch struct {
	stop, done chan struct{}
	found      map[Cause][]Moment // the watching goroutine's until done
}

// NewWatch begins to watch.
func NewWatch() *Watch {
	w := &Watch{stop: make(chan struct{}), done: make(chan struct{}), found: map[Cause][]Moment{}}
	threads := openThreads()
	threads.read() // from which the first slice counts
	go w.run(threads, newCounters(), time.Now())
	return w
}

func (w *Watch) run(threads *threads, counters *counters, last time.Time) {
	defer close(w.done)
	defer threads.close()
	tick := time.NewTicker(sliceTime)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-w.stop:
			return
		}
		now := threads.read()
		counters.read(now)
		for cause, d := range now {
			if d > 0 {
				w.found[cause] = append(w.found[cause], Moment{last.UnixMilli(), d})
			}
		}
		last = time.Now()
	}
}

// End ends the watch and returns what it found in a time, with the collector's last 256 pauses.
func (w *Watch) End(from, to time.Time) map[Cause][]Moment {
	close(w.stop)
	<-w.done
	found := map[Cause][]Moment{}
	for cause, list := range w.found {
		for _, m := range list {
			if m.At >= from.Add(-sliceTime).UnixMilli() && m.At < to.UnixMilli() {
				found[cause] = append(found[cause], m)
			}
		}
	}
	var gc debug.GCStats
	debug.ReadGCStats(&gc)
	for i := len(gc.PauseEnd) - 1; i >= 0; i-- { // the latest is first
		if end := gc.PauseEnd[i]; end.After(from) && end.Before(to) {
			found[Collector] = append(found[Collector], Moment{end.Add(-gc.Pause[i]).UnixMilli(), gc.Pause[i]})
		}
	}
	return found
}

// counters are times that the runtime counts by length.
type counters struct {
	samples []metrics.Sample
	sums    []time.Duration // at the reading before
}

// leastSched is the shortest wait for a P that counts: shorter ones are how goroutines wake each other.
const leastSched = 100e-6 // s

// timed says which of a histogram's times count, and with which bound of their bucket: of stops the upper one, as there
// are few; of waits for a P the lower one.
var timed = []struct {
	cause  Cause
	metric string
	bound  int
	least  float64 // s
}{
	{Stop, "/sched/pauses/total/other:seconds", 1, 0},
	{Sched, "/sched/latencies:seconds", 0, leastSched},
}

func newCounters() *counters {
	c := &counters{sums: make([]time.Duration, len(timed))}
	for _, t := range timed {
		c.samples = append(c.samples, metrics.Sample{Name: t.metric})
	}
	c.read(map[Cause]time.Duration{})
	return c
}

// read adds what was counted since the reading before.
func (c *counters) read(found map[Cause]time.Duration) {
	metrics.Read(c.samples)
	for i, t := range timed {
		if c.samples[i].Value.Kind() != metrics.KindFloat64Histogram {
			continue // of another Go
		}
		sum := time.Duration(0)
		h := c.samples[i].Value.Float64Histogram()
		for j, n := range h.Counts {
			if s := h.Buckets[j+t.bound]; n > 0 && s >= t.least && !math.IsInf(s, 0) {
				sum += time.Duration(float64(n) * s * 1e9)
			}
		}
		found[t.cause] += sum - c.sums[i]
		c.sums[i] = sum
	}
}
