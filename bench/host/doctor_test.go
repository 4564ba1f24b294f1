package host

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

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
		{"unclear", func(f *Facts, o *Observed) { f.Unclear = []string{"/sys/x: y"} }, "unclear", Warning, "/sys/x: y"},
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
				if c.Worst() != max(test.severity, c.Findings[0].Severity) {
					t.Errorf("the worst is %s, which is milder than this", c.Worst())
				}
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
