package host

import (
	"encoding/json"
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
	fmt.Print(FormatList(affinity()), " ", runtime.NumCPU())
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
	all := FormatList(order)
	for n := 1; n <= len(order); n++ {
		var out []byte
		err := WithAffinity(order[:n], func() (err error) {
			child := exec.Command(os.Args[0])
			child.Env = append(os.Environ(), childEnv+"=1")
			out, err = child.Output()
			return err
		})
		if want := fmt.Sprint(FormatList(order[:n]), " ", n); err != nil || string(out) != want {
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

// fit is a host, and how it was found, with which nothing is wrong.
func fit() (Facts, Observed) {
	f := ReadFrom(small.build(), sequence(8))
	f.OS, f.Arch, f.Virtualization = "linux", "amd64", "none"
	f.Online = 8
	f.GOGC, f.GOMEMLIMIT, f.GODEBUG = "100", "off", "none"
	o := state(&f)
	o.Look, o.Wanted, o.Got = 1, 8, 7.99
	o.Out, o.OutFree = "/tmp", 100<<30
	return f, o
}

func TestDoctor(t *testing.T) {
	f, o := fit()
	c := examine(f, o)
	for _, found := range c.Findings {
		if found.Severity != OK {
			t.Errorf("a fit host has %+v", found)
		}
	}
	tests := []struct {
		name     string
		spoil    func(*Facts, *Observed)
		id       string
		severity Severity
		says     string // in What, Why or Do
	}{
		{"other system", func(f *Facts, o *Observed) { f.OS = "darwin" }, "system", Warning, "darwin"},
		{"one CPU", func(f *Facts, o *Observed) { f.CPUs = f.CPUs[:1]; f.Online = 1 }, "cpus", Problem, "scaling above 1"},
		{"two CPUs", func(f *Facts, o *Observed) { f.CPUs = f.CPUs[:2]; f.Online = 2 }, "cpus", Warning, "scaling above 2"},
		{"mask", func(f *Facts, o *Observed) { f.Online = 16 }, "cpus", Note, "8 of 16 CPUs: 0-7"},
		{"fraction", func(f *Facts, o *Observed) { f.Quotas = []Quota{{7.9, "/q/r"}, {7.5, "/q"}} }, "quota", Warning, "--procs 1-7"},
		{"throttled", func(f *Facts, o *Observed) { f.Quotas = []Quota{{4, "/q"}}; o.Throttles = 3 }, "quota", Problem, "3 periods"},
		{"wide quota", func(f *Facts, o *Observed) { f.Quotas = []Quota{{8, "/q"}} }, "quota", Note, "quota of 8 CPUs on 8"},
		{"hidden caches", func(f *Facts, o *Observed) { f.L3Domains = 0 }, "topology", Note, "L3 domains"},
		{"hidden cores", func(f *Facts, o *Observed) { f.Cores = 0 }, "topology", Warning, "/sys"},
		{"hyperthreads", func(f *Facts, o *Observed) { f.CPUs[7].Core = 0 }, "smt", Note, "--affinity cores"},
		{"mixed", func(f *Facts, o *Observed) { o.MixedCores = true }, "mixed-cores", Warning, "taskset"},
		{"isolated", func(f *Facts, o *Observed) { f.Isolated = []int{4, 5} }, "isolated", Problem, "taskset -c 0-3,6-7"},
		{"governor", func(f *Facts, o *Observed) { f.Governor = "powersave" }, "governor", Warning, "scaling_governor"},
		{"governor hidden", func(f *Facts, o *Observed) { f.Governor = Unknown }, "governor", Note, "cannot be seen"},
		{"turbo, intel", func(f *Facts, o *Observed) { f.Turbo = "on" }, "turbo", Warning, "echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo"},
		{"turbo, others", func(f *Facts, o *Observed) { f.Turbo = "on"; o.IntelPState = false }, "turbo", Warning, "echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost"},
		{"heat", func(f *Facts, o *Observed) { o.CoolingLimits = 7 }, "heat", Note, "7 times"},
		{"battery", func(f *Facts, o *Observed) { o.OnBattery = true }, "battery", Warning, "plug"},
		{"guest", func(f *Facts, o *Observed) { f.Virtualization = "kvm" }, "virtual", Note, "kvm"},
		{"steal", func(f *Facts, o *Observed) { o.Steal = .8 }, "steal", Warning, "10.0%"},
		{"much steal", func(f *Facts, o *Observed) { o.Steal = 4 }, "steal", Problem, "50.0%"},
		{"neighbours", func(f *Facts, o *Observed) { o.Neighbours = 1 }, "neighbours", Warning, "1.00 of our 8"},
		{"starved", func(f *Facts, o *Observed) { o.Got = 2 }, "cpu-time", Problem, "got 2"},
		{"irqbalance", func(f *Facts, o *Observed) { o.IRQBalance = true }, "irqbalance", Note, "systemctl stop irqbalance"},
		{"hpet", func(f *Facts, o *Observed) { f.ClockSource = "hpet" }, "clock", Warning, "echo tsc"},
		{"hpet only", func(f *Facts, o *Observed) { f.ClockSource = "hpet"; o.Clocks = []string{"hpet"} }, "clock", Warning, "boot with"},
		{"huge pages", func(f *Facts, o *Observed) { f.THP = "always" }, "huge-pages", Note, "echo madvise"},
		{"little memory", func(f *Facts, o *Observed) { f.Memory = 512 << 20 }, "memory", Warning, "512 MiB"},
		{"environment", func(f *Facts, o *Observed) { f.GOGC = "off" }, "environment", Note, "GOGC=off"},
		{"paranoid", func(f *Facts, o *Observed) { o.SwitchRecords, o.PerfParanoid = "permission denied", "4" }, "switches", Note, "sysctl kernel.perf_event_paranoid=2"},
		{"seccomp", func(f *Facts, o *Observed) { o.SwitchRecords = "operation not permitted" }, "switches", Note, "docker run"},
		{"schedstat", func(f *Facts, o *Observed) { o.Schedstat = "file does not exist" }, "schedstat", Warning, "CONFIG_SCHED_INFO"},
		{"little disk", func(f *Facts, o *Observed) { o.OutFree = 300 << 20 }, "out", Warning, "300 MiB"},
		{"full disk", func(f *Facts, o *Observed) { o.OutFree = 0 }, "out", Problem, "0 MiB"},
		{"unwritable", func(f *Facts, o *Observed) { o.OutError = "/x cannot be written to" }, "out", Problem, "--out"},
	}
	seen := map[string]bool{"numa": true} // below
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f, o := fit()
			test.spoil(&f, &o)
			c := examine(f, o)
			for i, found := range c.Findings {
				if i > 0 && found.Severity > c.Findings[i-1].Severity {
					t.Errorf("%s comes after the milder %s", found.ID, c.Findings[i-1].ID)
				}
				if found.What == "" || found.Severity > OK && (found.Why == "" || found.Do == "") {
					t.Errorf("%+v leaves the reader alone", found)
				}
				if found.ID != test.id {
					continue
				}
				seen[test.id] = true
				if found.Severity != test.severity || !strings.Contains(found.What+found.Why+found.Do, test.says) {
					t.Errorf("got %+v, want %s with %q", found, test.severity, test.says)
				}
				return
			}
			t.Errorf("no finding %s", test.id)
		})
	}
	for _, found := range c.Findings {
		if !seen[found.ID] {
			t.Errorf("no test makes %s find anything", found.ID)
		}
	}
	numa := ReadFrom(small.build(), nil)
	if found := checkNUMA(&numa, &o); found.Severity != Note || !strings.Contains(found.Do, "--affinity cores") {
		t.Errorf("two nodes: %+v", found)
	}
}

func TestDoctorHere(t *testing.T) {
	c := Doctor(filepath.Join(t.TempDir(), "not", "yet"), 20*time.Millisecond)
	if o := c.Observed; o.Neighbours < 0 || o.Steal < 0 || o.Got < 0 || o.OutError != "" || o.OutFree == 0 {
		t.Errorf("observed %+v", o)
	}
	if runtime.GOOS == "linux" && c.Observed.Got == 0 {
		t.Error("spinning took no CPU time")
	}
	var text strings.Builder
	if err := c.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	for _, found := range c.Findings {
		if !strings.Contains(text.String(), found.What) {
			t.Errorf("the text lacks %q", found.What)
		}
	}
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var back struct {
		Facts    Facts
		Findings []struct{ ID, Severity string }
	}
	if err := json.Unmarshal(b, &back); err != nil || len(back.Findings) != len(c.Findings) {
		t.Fatalf("JSON does not come back: %v\n%s", err, b)
	}
	if got := back.Findings[0].Severity; got != c.Findings[0].Severity.String() {
		t.Errorf("JSON has severity %q, want %q", got, c.Findings[0].Severity)
	}
	if back.Facts.Fingerprint() != c.Facts.Fingerprint() {
		t.Error("facts that went through JSON have another fingerprint")
	}
}

func TestRoom(t *testing.T) {
	dir := t.TempDir()
	if at, free, problem := room(filepath.Join(dir, "a", "b")); at != dir || free == 0 || problem != "" {
		t.Errorf("a folder that is to be made: %q, %d, %q", at, free, problem)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, problem := room(file); !strings.Contains(problem, "not a folder") {
		t.Errorf("a file instead of a folder: %q", problem)
	}
	if _, _, problem := room(filepath.Join(file, "below")); problem == "" {
		t.Error("a folder below a file is no problem")
	}
}

func TestState(t *testing.T) {
	f := ReadFrom(small.build(
		"sys/class/power_supply/AC/type", "Mains\n",
		"sys/class/power_supply/BAT0/type", "Battery\n",
		"sys/class/power_supply/BAT0/status", "Discharging\n",
		"sys/class/power_supply/mouse/type", "Battery\n",
		"proc/77/comm", "irqbalance\n",
		"sys/devices/system/cpu/cpu0/cpu_capacity", "1024\n",
		"sys/devices/system/cpu/cpu1/cpu_capacity", "512\n",
		"sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count", "3\n",
		"proc/sys/kernel/perf_event_paranoid", "4\n",
	), []int{0, 1})
	o := state(&f)
	if !o.OnBattery || !o.IRQBalance || !o.MixedCores || o.CoolingLimits != 3 || o.PerfParanoid != "4" || o.LoadAvg != .1 ||
		o.MemAvailable != 200000000<<10 || !o.IntelPState || len(o.Clocks) != 3 {
		t.Errorf("state is %+v", o)
	}
	mouse := ReadFrom(small.build("sys/class/power_supply/mouse/type", "Battery", "sys/class/power_supply/mouse/scope", "Device",
		"sys/class/power_supply/mouse/status", "Discharging"), nil)
	if o := state(&mouse); o.OnBattery || o.IRQBalance || o.MixedCores {
		t.Errorf("a mouse's battery counts: %+v", o)
	}
	// 5 columns of cpu0 and cpu1: 100+0+50+1+2 ticks each are busy.
	if got := f.tree().busy(f.CPUs); got != 2*153*tick {
		t.Errorf("busy time is %v", got)
	}
}
