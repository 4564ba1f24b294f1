package record

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
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
// lags by up to a tick for threads that are running.
func TestSwitchesAgainstGetrusage(t *testing.T) {
	for _, procs := range []int{1, 2, 8} {
		old := runtime.GOMAXPROCS(procs)
		defer runtime.GOMAXPROCS(old)
		dir := t.TempDir()
		out, err := create(dir, "a.switches", KindSwitches, newBudget(1<<30))
		if err != nil {
			t.Fatal(err)
		}
		c, warning := startSwitches(out)
		before, from := cpuTime(t), monotonic()
		stop := contend(procs)
		time.Sleep(time.Second)
		stop()
		rusage, to := cpuTime(t)-before, monotonic()
		if _, warnings, err := c.finish(); err != nil || len(warnings) > 0 {
			t.Fatal(warnings, err)
		}
		if warning != "" {
			t.Skip(warning)
		}
		s := readSwitches(t, filepath.Join(dir, "a.switches"))
		if s.Broken != nil || s.Log.Lost > 0 {
			t.Fatalf("broken %v, lost %d", s.Broken, s.Log.Lost)
		}
		oncpu := total(s, from, to)
		if off := float64(oncpu)/float64(rusage) - 1; math.Abs(off) > 0.005 {
			t.Errorf("GOMAXPROCS=%d: %v on CPUs, getrusage says %v: off by %.2f%%", procs, time.Duration(oncpu), time.Duration(rusage), 100*off)
		}
		whole, clocks := total(s, s.Totals[0].Time, s.Totals[1].Time), s.Totals[1].Between(&s.Totals[0]).CPU
		if off := float64(whole)/float64(clocks) - 1; math.Abs(off) > 0.005 {
			t.Errorf("GOMAXPROCS=%d: %v on CPUs, the threads' clocks say %v: off by %.2f%%", procs, time.Duration(whole), time.Duration(clocks), 100*off)
		}
		t.Logf("GOMAXPROCS=%d: on CPUs %v, getrusage %v; %v, threads' clocks %v", procs,
			time.Duration(oncpu), time.Duration(rusage), time.Duration(whole), time.Duration(clocks))
	}
}

func total(s *Switches, from, to int64) (sum int64) {
	ns, _ := onCPU(s.Log, from, to)
	for _, d := range ns {
		sum += d
	}
	return sum
}
