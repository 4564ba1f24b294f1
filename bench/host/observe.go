package host

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Observed is the host's present state, as a short look found it. CPU figures
// are mean numbers of CPUs, 0 where the system does not count them.
type Observed struct {
	Look float64 `json:"look_s"` // seconds

	// At rest: this process sleeping.
	Neighbours float64 `json:"neighbours_cpus"` // busy with others' work, of the CPUs we may use
	LoadAvg    float64 `json:"loadavg"`         // the last minute's, of the whole host
	Pressure   float64 `json:"pressure_share"`  // of the time, others' threads waited for a CPU

	// Under load: one spinning goroutine on each of MaxProcs Ps.
	Wanted    float64 `json:"wanted_cpus"` // min(MaxProcs, Usable)
	Got       float64 `json:"got_cpus"`    // process CPU time ÷ wall time
	Steal     float64 `json:"steal_cpus"`  // taken by the hypervisor
	Throttles int64   `json:"throttles"`   // periods cut short by the quota

	MemAvailable int64 `json:"mem_available"` // bytes, 0 if unknown

	Out      string `json:"out"`                 // the folder for results, or its nearest parent that exists
	OutFree  int64  `json:"out_free"`            // bytes free for this user, -1 if unknown
	OutError string `json:"out_error,omitempty"` // why nothing can be written there

	PerfParanoid  string   `json:"perf_event_paranoid"`      // the kernel's setting
	SwitchRecords string   `json:"switch_records,omitempty"` // why perf_event_open fails; empty if it works
	Schedstat     string   `json:"schedstat,omitempty"`      // why run-queue waits cannot be read; empty if they can
	Clocks        []string `json:"clocks"`                   // clock sources that could be chosen
	IntelPState   bool     `json:"intel_pstate"`             // turbo is switched through intel_pstate
	OnBattery     bool     `json:"on_battery"`
	IRQBalance    bool     `json:"irqbalance"`     // the daemon runs, as far as /proc shows
	MixedCores    bool     `json:"mixed_cores"`    // cores of different speed
	CoolingLimits int64    `json:"cooling_limits"` // times that heat slowed a core down since boot
}

// observe looks at the host of f for the time of look.
func observe(f *Facts, out string, look time.Duration) Observed {
	o := state(f)
	o.Look = look.Seconds()
	o.Out, o.OutFree, o.OutError = room(out)
	o.SwitchRecords = errorText(tryPerfEvent())
	var s Schedstat
	_, err := s.Read()
	o.Schedstat = errorText(err)
	o.watch(f, look/2)
	o.strain(f, look/2)
	return o
}

// state reads what needs no time to pass.
func state(f *Facts) Observed {
	t := f.tree()
	o := Observed{
		MemAvailable: t.meminfo("MemAvailable"),
		PerfParanoid: t.word("proc/sys/kernel/perf_event_paranoid"),
		Clocks:       strings.Fields(t.line("sys/devices/system/clocksource/clocksource0/available_clocksource")),
		IntelPState:  t.exists("sys/devices/system/cpu/intel_pstate/no_turbo"),
		OnBattery:    t.onBattery(),
		IRQBalance:   t.running("irqbalance"),
		MixedCores:   t.mixedCores(f.CPUs),
	}
	if load, _, ok := strings.Cut(t.line("proc/loadavg"), " "); ok {
		if v, err := strconv.ParseFloat(load, 64); err == nil && v >= 0 {
			o.LoadAvg = v
		}
	}
	for _, c := range f.CPUs {
		n, _ := t.number(fmt.Sprintf("sys/devices/system/cpu/cpu%d/thermal_throttle/core_throttle_count", c.ID))
		o.CoolingLimits += n
	}
	return o
}

// watch measures what others do on our CPUs while this process sleeps.
func (o *Observed) watch(f *Facts, span time.Duration) {
	t := f.tree()
	start, busy, waited, own := time.Now(), t.busy(f.CPUs), t.pressure(), processCPU()
	time.Sleep(span)
	wall, used := time.Since(start).Seconds(), t.busy(f.CPUs)-busy-(processCPU()-own)
	o.Neighbours = max(0, used.Seconds()/wall)
	o.Pressure = (t.pressure() - waited).Seconds() / wall
}

// strain measures what this process gets when it wants all it may have.
func (o *Observed) strain(f *Facts, span time.Duration) {
	start, before, own := time.Now(), f.Interference(), processCPU()
	var spinning sync.WaitGroup
	for range f.MaxProcs() {
		spinning.Go(func() {
			for time.Since(start) < span {
			}
		})
	}
	spinning.Wait()
	wall, seen := time.Since(start).Seconds(), f.Interference().Sub(before)
	o.Wanted = min(float64(f.MaxProcs()), f.Usable())
	o.Got = (processCPU() - own).Seconds() / wall
	o.Steal = seen.Steal.Seconds() / wall
	o.Throttles = seen.Throttles
}

// busy is the time that the CPUs spent on anything, since boot.
func (t tree) busy(cpus []CPU) (total time.Duration) {
	t.stat(cpus, func(columns []time.Duration) {
		for i, d := range columns[:min(len(columns), statSteal)] {
			if i != statIdle && i != statIOWait {
				total += d
			}
		}
	})
	return total
}

// room is the nearest folder at or above out that exists, the bytes free in
// it, and why it cannot be written to.
func room(out string) (dir string, free int64, problem string) {
	dir, err := filepath.Abs(out)
	if err != nil {
		return out, -1, err.Error()
	}
	info, err := os.Stat(dir)
	for os.IsNotExist(err) && dir != filepath.Dir(dir) {
		dir = filepath.Dir(dir)
		info, err = os.Stat(dir)
	}
	switch {
	case err != nil:
		return dir, -1, err.Error()
	case !info.IsDir():
		return dir, -1, dir + " is not a folder"
	}
	if err := writable(dir); err != nil {
		problem = fmt.Sprintf("%s cannot be written to: %v", dir, err)
	}
	return dir, freeBytes(dir), problem
}

// onBattery reports whether a battery is being used up.
func (t tree) onBattery() bool {
	const supplies = "sys/class/power_supply"
	entries, err := fs.ReadDir(t, supplies)
	if err != nil {
		return false
	}
	for _, e := range entries {
		dir := supplies + "/" + e.Name()
		if t.line(dir+"/type") == "Battery" && t.line(dir+"/status") == "Discharging" && t.line(dir+"/scope") != "Device" {
			return true
		}
	}
	return false
}

// running reports whether a process of that name can be seen.
func (t tree) running(name string) bool {
	entries, err := fs.ReadDir(t, "proc")
	if err != nil {
		return false
	}
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err == nil && t.line("proc/"+e.Name()+"/comm") == name {
			return true
		}
	}
	return false
}

// mixedCores reports whether the CPUs differ in kind: sysfs says so by two
// CPU event sources on x86, and by capacity elsewhere.
func (t tree) mixedCores(cpus []CPU) bool {
	if t.exists("sys/devices/cpu_atom") && t.exists("sys/devices/cpu_core") {
		return true
	}
	first := ""
	for _, c := range cpus {
		capacity := t.line(fmt.Sprintf("sys/devices/system/cpu/cpu%d/cpu_capacity", c.ID))
		if first == "" {
			first = capacity
		}
		if capacity != first {
			return true
		}
	}
	return false
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
