package record

import (
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func cpuTime(t *testing.T) int64 {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func readSwitches(t *testing.T, path string) *Switches {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s, err := ReadSwitches(f)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The sum of all threads' time on CPUs is what getrusage and the threads' own
// clocks say. The load begins and ends within the recording, because getrusage
// lags by up to a tick for threads that are running. A hypervisor that takes
// the CPU away spoils an attempt: records count that time, clocks do not, and
// the kernel's own count of it is coarse.
func TestSwitchesAgainstGetrusage(t *testing.T) {
	const attempts = 5
	for _, procs := range []int{1, 2, 8} {
		old := runtime.GOMAXPROCS(procs)
		defer runtime.GOMAXPROCS(old)
		for attempt := 1; ; attempt++ {
			oncpu, rusage, whole, clocks, waited := recordLoad(t, procs)
			t.Logf("GOMAXPROCS=%d: on CPUs %v, getrusage %v; with the recorder's ends %v, threads' clocks %v", procs, oncpu, rusage, whole, clocks)
			if offBy(oncpu, rusage) <= 0.005 && offBy(whole, clocks) <= 0.005 {
				break
			}
			if attempt == attempts && procs <= runtime.NumCPU() && waited > oncpu/20 {
				t.Skipf("other processes have the CPUs: at GOMAXPROCS=%d threads waited for one for %v", procs, waited)
			}
			if attempt == attempts {
				t.Errorf("GOMAXPROCS=%d: off by more than 0.5%% in %d attempts", procs, attempts)
				break
			}
		}
	}
}

func offBy(a, b time.Duration) float64 { return math.Abs(float64(a)/float64(b) - 1) }

// recordLoad records a second of load: the time on CPUs during the load by
// switch records and by getrusage, and of the whole recording by switch records
// and by the threads' clocks; and how long threads waited for a CPU.
func recordLoad(t *testing.T, procs int) (oncpu, rusage, whole, clocks, waited time.Duration) {
	dir := t.TempDir()
	out, err := create(dir, "a.switches", KindSwitches, newBudget(1<<30))
	if err != nil {
		t.Fatal(err)
	}
	c, refused := startSwitches(out)
	before, from := cpuTime(t), monotonic()
	stop := contend(procs)
	time.Sleep(time.Second)
	stop()
	used, to := cpuTime(t)-before, monotonic()
	if _, warnings, err := c.finish(); err != nil || len(warnings) > 0 {
		t.Fatal(warnings, err)
	}
	if refused != "" {
		t.Skip(refused)
	}
	s := readSwitches(t, filepath.Join(dir, "a.switches"))
	if s.Broken != nil || s.Log.Lost > 0 {
		t.Fatalf("broken %v, lost %d", s.Broken, s.Log.Lost)
	}
	first, last := &s.Clocks[0], &s.Clocks[1]
	return total(s, from, to), time.Duration(used), total(s, first.Time, last.Time), time.Duration(last.Since(first)), time.Duration(s.Waited)
}

// A wait ends when a ring is half full, long before its time, so that no record is lost.
func TestRingsHalfFull(t *testing.T) {
	r, err := openRings()
	if err != nil {
		t.Skip(err)
	}
	defer r.close()
	w := newSwitchWriter(io.Discard, os.Getpid(), monotonic(), "")
	drained := make(chan int)
	var quit atomic.Bool
	go func() {
		n := 0
		for ; !quit.Load(); n++ {
			r.wait(time.Hour)
			r.drain(w)
		}
		drained <- n
	}()

	ping, pong := make(chan int), make(chan int)
	go func() {
		runtime.LockOSThread() // so that a hand-over is one of threads
		for i := range ping {
			pong <- i
		}
	}()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(ping)
	handOver := func(until func(i int) bool) {
		for i := 0; !until(i); i++ {
			ping <- i
			<-pong
		}
	}
	full := func(int) bool { // all rings together have been filled three times
		var written int
		for _, ring := range r.cpus {
			written += int(atomic.LoadUint64(&ring.meta.Data_head))
		}
		return written > 3*len(r.cpus)*len(r.cpus[0].data)
	}
	handOver(full)
	quit.Store(true)
	r.wake()
	n := <-drained
	handOver(func(i int) bool { return i == 1000 }) // the kernel tells of a loss when there is room again
	r.drain(w)
	t.Logf("drained %d times", n)
	if w.dropped > 0 {
		t.Errorf("%d records lost", w.dropped)
	}
}

func total(s *Switches, from, to int64) time.Duration {
	var sum int64
	ns, _ := onCPU(s.Log, from, to)
	for _, d := range ns {
		sum += d
	}
	return time.Duration(sum)
}
