package record

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
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

// stolen is the time that the hypervisor gave to others, all CPUs together, in
// nanoseconds (/proc/stat counts in hundredths of a second).
func stolen(t *testing.T) int64 {
	t.Helper()
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(b)) // cpu user nice system idle iowait irq softirq steal …
	ticks, err := strconv.ParseInt(fields[8], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return ticks * 10e6
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
		before, from, steal := cpuTime(t), monotonic(), stolen(t)
		stop := contend(procs)
		time.Sleep(time.Second)
		stop()
		rusage, to := cpuTime(t)-before, monotonic()
		steal = stolen(t) - steal
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
		// The hypervisor's other guests run on our time: the records cannot
		// see it, the clocks leave it out.
		allowed := 0.005 + float64(steal)/float64(rusage)
		if off := float64(oncpu)/float64(rusage) - 1; math.Abs(off) > allowed {
			t.Errorf("GOMAXPROCS=%d: %v on CPUs, getrusage says %v: off by %.2f%%", procs, time.Duration(oncpu), time.Duration(rusage), 100*off)
		}
		whole, clocks := total(s, s.Totals[0].Time, s.Totals[1].Time), s.Totals[1].Between(&s.Totals[0]).CPU
		if off := float64(whole)/float64(clocks) - 1; math.Abs(off) > allowed {
			t.Errorf("GOMAXPROCS=%d: %v on CPUs, the threads' clocks say %v: off by %.2f%%", procs, time.Duration(whole), time.Duration(clocks), 100*off)
		}
		t.Logf("GOMAXPROCS=%d: on CPUs %v, getrusage %v; %v, threads' clocks %v; stolen %v", procs,
			time.Duration(oncpu), time.Duration(rusage), time.Duration(whole), time.Duration(clocks), time.Duration(steal))
	}
}

func total(s *Switches, from, to int64) (sum int64) {
	ns, _ := onCPU(s.Log, from, to)
	for _, d := range ns {
		sum += d
	}
	return sum
}
