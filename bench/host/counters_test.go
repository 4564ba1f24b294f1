package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func TestInterference(t *testing.T) {
	files := append(cgroupV2("/a/b"),
		"sys/fs/cgroup/a/cpu.max", "400000 100000\n",
		"sys/fs/cgroup/a/cpu.stat", "usage_usec 5\nnr_periods 9\nnr_throttled 3\nthrottled_usec 1500\n",
		"sys/fs/cgroup/a/b/cpu.max", "max 100000\n",
		"sys/fs/cgroup/a/b/cpu.stat", "nr_throttled 100\nthrottled_usec 100\n", // has no quota of its own
		"sys/fs/cgroup/cpu.max", "600000 100000\n",
		"sys/fs/cgroup/cpu.stat", "nr_throttled 1\nthrottled_usec 500\n",
	)
	root := big.build(files...)
	f := ReadFrom(root, []int{0, 1, 10, 100}) // cpuN has N ticks of steal
	got := f.Interference()
	want := Interference{Steal: 1110 * time.Millisecond, Throttled: 2 * time.Millisecond, Throttles: 4, Pressure: 5 * time.Millisecond}
	if got != want {
		t.Errorf("interference is %+v, want %+v", got, want)
	}
	root["sys/fs/cgroup/a/cpu.stat"].Data = []byte("nr_throttled 4\nthrottled_usec 1700\n")
	if got := f.Interference().Sub(want); got != (Interference{Throttled: 200 * time.Microsecond, Throttles: 1}) {
		t.Errorf("the window saw %+v", got)
	}

	v1 := ReadFrom(big.build(
		"proc/self/cgroup", "1:cpu,cpuacct:/x\n",
		"proc/self/mountinfo", "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n",
		"sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "150000\n",
		"sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "100000\n",
		"sys/fs/cgroup/cpu/x/cpu.stat", "nr_periods 5\nnr_throttled 2\nthrottled_time 123456\n",
	), []int{0})
	if i := v1.Interference(); i.Throttled != 123456 || i.Throttles != 2 {
		t.Errorf("version 1: %+v", i)
	}
	if i := new(Facts).Interference(); i != (Interference{}) {
		t.Errorf("facts that were not read have interference %+v", i)
	}
}

func TestSchedstat(t *testing.T) {
	root := fstest.MapFS{}
	set := func(tid int, text string) {
		root[fmt.Sprintf("proc/self/task/%d/schedstat", tid)] = &fstest.MapFile{Data: []byte(text)}
	}
	s := Schedstat{root: root}
	if _, err := s.Read(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without /proc: %v, want one that wraps fs.ErrNotExist", err)
	}
	read := func(when string, cpu, wait time.Duration) {
		t.Helper()
		if got, err := s.Read(); err != nil || got != (SchedTime{cpu, wait}) {
			t.Errorf("%s: %v, %v; want %v, %v", when, got, err, cpu, wait)
		}
	}
	set(7, "100 10 1\n")
	set(8, "200 20 1\n")
	read("two threads", 300, 30)
	set(7, "150 15 2\n")
	read("one of them ran", 350, 35)
	delete(root, "proc/self/task/8/schedstat")
	read("the other ended", 350, 35)
	read("and is not counted twice", 350, 35)
	set(8, "5 1 1\n")
	read("a new thread has its id", 355, 36)
	set(8, "3 0 1\n")
	read("and so has another", 358, 36)
	set(8, "nonsense")
	if _, err := s.Read(); err == nil || !strings.Contains(err.Error(), "/proc/self/task/8/schedstat") {
		t.Errorf("nonsense: %v, want an error that names the file", err)
	}
}

// TestSchedstatHere checks the real files, with half of the work done by
// threads that end: the sums never fall, hold the other half at least, and no
// more than the process used.
func TestSchedstatHere(t *testing.T) {
	var s Schedstat
	before, err := s.Read()
	if err != nil {
		t.Skipf("this host has no schedstat: %v", err)
	}
	last, cpu := before, processCPU()
	work := func() {
		for start := processCPU(); processCPU()-start < 10*time.Millisecond; {
		}
	}
	for processCPU()-cpu < 200*time.Millisecond {
		done := make(chan struct{})
		go func() {
			defer close(done)
			runtime.LockOSThread() // the thread ends with the goroutine
			work()
		}()
		<-done
		work()
		now, err := s.Read()
		if err != nil {
			t.Fatal(err)
		}
		if d := now.Sub(last); d.CPU < 0 || d.Wait < 0 {
			t.Fatalf("the sums fell: %+v after %+v", now, last)
		}
		last = now
	}
	grew, used := last.Sub(before).CPU, processCPU()-cpu
	if grew < used/4 || grew > used+50*time.Millisecond {
		t.Errorf("schedstat grew by %v while the process used %v", grew, used)
	}
}

// childEnv makes the test binary print what mask it was started with.
const childEnv = "CONTEND_HOST_TEST_CHILD"

func childMain() {
	fmt.Print(formatList(affinity()), " ", runtime.NumCPU())
	os.Exit(0)
}

func TestWithAffinity(t *testing.T) {
	if runtime.GOOS != "linux" {
		if err := WithAffinity([]int{0}, func() error { return nil }); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("on %s: %v, want errors.ErrUnsupported", runtime.GOOS, err)
		}
		return
	}
	f := Read()
	order := f.FillOrder()
	all := formatList(order)
	for n := 1; n <= len(order); n++ {
		var out []byte
		err := WithAffinity(order[:n], func() (err error) {
			child := exec.Command(os.Args[0])
			child.Env = append(os.Environ(), childEnv+"=1")
			out, err = child.Output()
			return err
		})
		if want := fmt.Sprint(formatList(order[:n]), " ", n); err != nil || string(out) != want {
			t.Errorf("the child has mask and CPU count %q, %v; want %q", out, err, want)
		}
	}
	// This process's own threads are as they were.
	statuses, err := filepath.Glob("/proc/self/task/*/status")
	if err != nil || len(statuses) == 0 {
		t.Fatalf("no threads in /proc/self/task: %v", err)
	}
	for _, name := range statuses {
		text, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		_, rest, _ := strings.Cut(string(text), "Cpus_allowed_list:")
		mask, _, _ := strings.Cut(strings.TrimSpace(rest), "\n")
		if mask != all {
			t.Errorf("%s: mask %s, want %s", name, mask, all)
		}
	}
	wrong := errors.New("wrong")
	if err := WithAffinity(order, func() error { return wrong }); err != wrong {
		t.Errorf("the function's error came back as %v", err)
	}
	for _, cpus := range [][]int{nil, {-1}, {maxCPU}, {maxCPU - 1}} {
		if err := WithAffinity(cpus, func() error { t.Error("ran"); return nil }); err == nil {
			t.Errorf("affinity to %v: no error", cpus)
		}
	}
}
