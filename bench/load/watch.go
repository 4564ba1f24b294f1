package load

import (
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
	Queue     Cause = "queue" // threads of this process could run and waited for a CPU; the sum of all
	Steal     Cause = "steal" // the hypervisor took CPUs; the sum of all
	Moved     Cause = "moved" // threads were on another CPU than a slice before: how many
)

// Causes lists them.
var Causes = []Cause{Collector, Stop, Queue, Steal, Moved}

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
	go w.run(threads, stoppedFor(), time.Now())
	return w
}

func (w *Watch) run(threads *threads, stopped time.Duration, last time.Time) {
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
		sum := stoppedFor()
		now[Stop], stopped = sum-stopped, sum
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

// stoppedFor is how long the runtime has stopped the program for other reasons than collections: the runtime counts
// stops by length, of which this takes the upper bound.
func stoppedFor() (sum time.Duration) {
	s := []metrics.Sample{{Name: "/sched/pauses/total/other:seconds"}}
	if metrics.Read(s); s[0].Value.Kind() != metrics.KindFloat64Histogram {
		return 0
	}
	h := s[0].Value.Float64Histogram()
	for i, n := range h.Counts {
		if n > 0 && i+1 < len(h.Buckets)-1 { // the last has no upper bound
			sum += time.Duration(float64(n) * h.Buckets[i+1] * 1e9)
		}
	}
	return sum
}
