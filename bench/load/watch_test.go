package load

import (
	"os"
	"runtime"
	"sync"
	"testing"
	"time"
)

// TestWatch: collections, other stops of the program, goroutines that wait for a P and threads that wait for a CPU are found, in the time that
// is asked for.
func TestWatch(t *testing.T) {
	before := time.Now()
	w := NewWatch()
	procs := 8 * runtime.NumCPU()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs)) // stops the program
	runtime.GC()
	var done sync.WaitGroup
	until := time.Now().Add(300 * time.Millisecond)
	for range 2 * procs {
		done.Go(func() {
			for time.Now().Before(until) {
			}
		})
	}
	done.Wait()
	time.Sleep(2 * sliceTime) // the last slice
	found := w.End(before, time.Now())
	want := []Cause{Collector, Stop, Sched}
	if _, err := os.Stat("/proc/self/schedstat"); err == nil {
		want = append(want, Queue)
	}
	for _, cause := range want {
		if len(found[cause]) == 0 {
			t.Errorf("%s was not seen: %+v", cause, found)
		}
		for _, m := range found[cause] {
			if m.Value <= 0 || m.At < before.Add(-sliceTime).UnixMilli() || m.At > time.Now().UnixMilli() {
				t.Errorf("%s: %+v", cause, m)
			}
		}
	}
	if got := NewWatch().End(before, before); len(got) != 0 {
		t.Errorf("in no time: %+v", got)
	}
}
