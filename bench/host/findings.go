package host

import (
	"fmt"
	"slices"
	"strings"
)

// The limits from which a finding is a warning or a problem. They are judgement:
// single cells of a quiet host spread by a few per cent, so what takes less than
// 2% of the CPUs drowns in that, and what takes a quarter leaves no curve to read.
const (
	warningShare = 0.02
	problemShare = 0.25

	fewCPUs = 8 // from here on, published mutex curves begin to bend

	littleMemory = 4 << 30   // bytes; 10M keys with two caches of them
	littleDisk   = 1 << 30   // bytes; traces take tens of MB each
	noDisk       = 100 << 20 // bytes
)

// checks is every check, in the order of printing. A check that has nothing to
// say on this host returns a Finding without an ID.
var checks = []func(*Facts, *Observed) Finding{
	checkSystem,
	checkUnclear,
	checkCPUs,
	checkQuota,
	checkTopology,
	checkSMT,
	checkNUMA,
	checkMixedCores,
	checkIsolated,
	checkGovernor,
	checkTurbo,
	checkHeat,
	checkBattery,
	checkVirtualization,
	checkSteal,
	checkNeighbours,
	checkCPUTime,
	checkIRQBalance,
	checkClock,
	checkTHP,
	checkMemory,
	checkEnvironment,
	checkSwitchRecords,
	checkSchedstat,
	checkOut,
}

func checkSystem(f *Facts, _ *Observed) Finding {
	if f.OS == "linux" {
		return Finding{}
	}
	return Finding{"system", Warning,
		"the system is " + f.OS,
		"quota, topology, steal and run-queue waits can be read on Linux only, so invalid samples go unnoticed and os-wait is missing",
		"measure on Linux; use this host to try things out",
	}
}

func checkUnclear(f *Facts, _ *Observed) Finding {
	if len(f.Unclear) == 0 {
		return Finding{}
	}
	return Finding{"unclear", Warning,
		"files of this host were not understood: " + strings.Join(f.Unclear, "; "),
		"the facts in them count as unknown, a CPU quota as none",
		"report it to Contend with the files' content",
	}
}

func checkCPUs(f *Facts, _ *Observed) Finding {
	n := f.MaxProcs()
	found := Finding{
		ID:   "cpus",
		What: "usable CPUs: " + decimal(f.Usable()),
		Why:  fmt.Sprintf("this host cannot say anything about scaling above %d; larger GOMAXPROCS is labelled oversubscribed", n),
		Do:   "measure on a host with more CPUs: the contend binary is static, copy it there",
	}
	if len(f.CPUs) < f.Online {
		found.What += fmt.Sprintf(" (the affinity mask allows %d of %d CPUs: %s)", len(f.CPUs), f.Online, f.affinity())
		found.Do = fmt.Sprintf("start contend with a wider mask: taskset -c 0-%d, or the container without --cpuset-cpus", f.Online-1)
	}
	switch {
	case n == 1:
		found.Severity = Problem
		found.Why = "with one CPU no two goroutines ever run at once, so nothing contends: " + found.Why
	case n < fewCPUs:
		found.Severity = Warning
	case len(f.CPUs) < f.Online:
		found.Severity = Note
	}
	return found
}

func checkQuota(f *Facts, o *Observed) Finding {
	if f.OS != "linux" {
		return Finding{}
	}
	if f.QuotaHidden {
		return Finding{
			ID:       "quota",
			Severity: Warning,
			What:     "the CPU quota cannot be read: this process is in a cgroup, and no cgroup file system is mounted",
			Why:      "if there is a quota, samples that it throttled pass for valid ones",
			Do:       "mount the cgroup file system into the container (read-only is enough), or make sure that it has no CPU limit",
		}
	}
	if len(f.Quotas) == 0 {
		return Finding{ID: "quota", What: "no cgroup CPU quota"}
	}
	tightest := f.Quotas[0]
	for _, q := range f.Quotas {
		if q.CPUs < tightest.CPUs {
			tightest = q
		}
	}
	found := Finding{
		ID:       "quota",
		Severity: Warning,
		What:     fmt.Sprintf("cgroup CPU quota of %s CPUs on %d (%s)", decimal(tightest.CPUs), len(f.CPUs), tightest.Dir),
		Why:      "who uses up the quota stands still until the period ends, lock holders too; such samples are invalid",
		Do: fmt.Sprintf("give whole CPUs instead of a quota (docker --cpuset-cpus, Kubernetes' static CPU manager, systemd AllowedCPUs=); otherwise --procs 1-%d --affinity cores: a process on %d CPUs hardly uses it up",
			f.MaxProcs(), f.MaxProcs()),
	}
	if tightest.CPUs != float64(int(tightest.CPUs)) {
		found.Why += fmt.Sprintf("; and being a fraction, it fits no GOMAXPROCS (Go's own default rounds %s up)", decimal(tightest.CPUs))
	}
	switch {
	case o.Throttles > 0:
		found.Severity = Problem
		found.What += fmt.Sprintf("; %d periods were cut short within %s s of full use", o.Throttles, decimal(o.Look/2))
	case tightest.CPUs >= float64(len(f.CPUs)):
		found.Severity = Note
	}
	return found
}

func checkTopology(f *Facts, _ *Observed) Finding {
	var hidden []string
	for _, fact := range []struct {
		name string
		n    int
	}{{"sockets", f.Sockets}, {"cores", f.Cores}, {"L3 domains", f.L3Domains}, {"NUMA nodes", f.NUMANodes}} {
		if fact.n == 0 {
			hidden = append(hidden, fact.name)
		}
	}
	if len(hidden) == 0 {
		return Finding{ID: "topology", What: fmt.Sprintf("sockets: %d, NUMA nodes: %d, L3 domains: %d, cores: %d, threads per core: %d",
			f.Sockets, f.NUMANodes, f.L3Domains, f.Cores, f.ThreadsPerCore)}
	}
	found := Finding{"topology", Warning,
		"the host does not tell its " + strings.Join(hidden, ", "),
		"charts cannot mark where a curve crosses such a boundary, and --affinity cores fills CPUs by number",
		"in a container, show it the host's files: docker run -v /sys:/sys:ro …",
	}
	if f.Cores > 0 && f.Sockets > 0 {
		found.Severity = Note
	}
	return found
}

func checkSMT(f *Facts, _ *Observed) Finding {
	if f.ThreadsPerCore == 0 {
		return Finding{}
	}
	cores := groups(f.CPUs, func(c CPU) int { return c.Core })
	if cores == len(f.CPUs) {
		return Finding{ID: "smt", What: "no two of the usable CPUs share a core"}
	}
	return Finding{"smt", Note,
		fmt.Sprintf("%d CPUs share %d cores (hyperthreads)", len(f.CPUs), cores),
		fmt.Sprintf("above %d Ps two share a core, so curves bend there without any contention; below, the system may still pair them", cores),
		"--affinity cores fills cores first; or switch it off: echo off | sudo tee /sys/devices/system/cpu/smt/control",
	}
}

func checkNUMA(f *Facts, _ *Observed) Finding {
	first := f.CPUs[0].Node
	several := slices.ContainsFunc(f.CPUs, func(c CPU) bool { return c.Node != first })
	if !several {
		return Finding{}
	}
	return Finding{"numa", Note,
		fmt.Sprintf("the usable CPUs lie in several of %d NUMA nodes", f.NUMANodes),
		"a lock's cache line costs several times more between nodes, and memory lies where it was first touched",
		"--affinity cores fills one node after the other; for one node alone: numactl --cpunodebind=0 --membind=0 contend …",
	}
}

func checkMixedCores(f *Facts, o *Observed) Finding {
	if !o.MixedCores {
		return Finding{}
	}
	found := Finding{"mixed-cores", Warning,
		"the usable CPUs are of different speed",
		"where a goroutine happens to run decides how fast it is: more Ps look like less efficiency",
		"restrict contend to one kind with taskset -c",
	}
	if f.Arch == "amd64" {
		found.Do = "use the fast kind only: taskset -c $(cat /sys/devices/cpu_core/cpus) contend …"
	}
	return found
}

func checkIsolated(f *Facts, _ *Observed) Finding {
	var ours, others []int
	for _, c := range f.CPUs {
		if slices.Contains(f.Isolated, c.ID) {
			ours = append(ours, c.ID)
		} else {
			others = append(others, c.ID)
		}
	}
	if len(ours) == 0 {
		return Finding{}
	}
	found := Finding{"isolated", Problem,
		fmt.Sprintf("CPUs %s are isolated (isolcpus=)", formatList(ours)),
		"the kernel does not move threads between isolated CPUs, so threads pile up on one while others idle",
		"boot without isolcpus=",
	}
	if len(others) > 0 {
		found.Do = fmt.Sprintf("leave them out: taskset -c %s contend …; or %s", formatList(others), found.Do)
	}
	return found
}

func checkGovernor(f *Facts, _ *Observed) Finding {
	switch f.Governor {
	case Unknown:
		return Finding{"governor", Note, "the CPU frequency governor cannot be seen",
			"the clock may rise during a run and with load, which no number here would show",
			"trust ratios of the same block, not single figures; virtual machines rarely show more"}
	case "performance":
		return Finding{ID: "governor", What: "performance"}
	}
	return Finding{"governor", Warning, "the CPU frequency governor is " + f.Governor,
		"the clock follows the load: cells with idle Ps run slower per operation than busy ones",
		"echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"}
}

func checkTurbo(f *Facts, o *Observed) Finding {
	switch f.Turbo {
	case "off":
		return Finding{ID: "turbo", What: "off"}
	case Unknown:
		return Finding{} // the governor's finding says so
	}
	do := "echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost"
	if o.IntelPState {
		do = "echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo"
	}
	return Finding{"turbo", Warning, "turbo is on",
		"one busy core runs faster than many, so every curve falls as GOMAXPROCS rises; the share-nothing ceiling falls alike, so compare with it, as absolute speed-ups mislead",
		do}
}

func checkHeat(_ *Facts, o *Observed) Finding {
	if o.CoolingLimits == 0 {
		return Finding{}
	}
	return Finding{"heat", Note,
		fmt.Sprintf("cores were slowed down by heat %d times since boot", o.CoolingLimits),
		"long runs on all cores get slower as the machine warms up",
		"more blocks (--count 20): each block holds every cell, so drift hits all alike",
	}
}

func checkBattery(_ *Facts, o *Observed) Finding {
	if !o.OnBattery {
		return Finding{}
	}
	return Finding{"battery", Warning, "running on battery",
		"power saving lowers the clock, more so as the battery empties", "plug it in"}
}

func checkVirtualization(f *Facts, _ *Observed) Finding {
	switch f.Virtualization {
	case "none":
		return Finding{ID: "virtual", What: "no hypervisor"}
	case Unknown:
		return Finding{}
	}
	return Finding{"virtual", Note,
		"a virtual machine (" + f.Virtualization + ")",
		"its CPUs may be hyperthreads of shared cores and its topology invented; other guests come and go",
		"trust paired ratios within one run; for absolute figures use a dedicated host",
	}
}

func checkSteal(f *Facts, o *Observed) Finding {
	if o.Look == 0 || f.OS != "linux" {
		return Finding{}
	}
	found := Finding{
		ID:   "steal",
		What: fmt.Sprintf("the hypervisor took %.1f%% of the CPU time wanted", 100*share(o.Steal, o.Wanted)),
	}
	if found.Severity = grade(o.Steal, o.Wanted); found.Severity > OK {
		found.Why = "a P that holds a lock can lose its CPU to another guest, and all others wait for it"
		found.Do = "use a dedicated host or instance type (burstable ones steal by design), or more blocks: --count 20"
	}
	return found
}

func checkNeighbours(f *Facts, o *Observed) Finding {
	if o.Look == 0 || f.OS != "linux" {
		return Finding{}
	}
	found := Finding{
		ID: "neighbours",
		What: fmt.Sprintf("other programs keep %.2f of our %d CPUs busy, and wait for one %.0f%% of the time (load average %.2f)",
			o.Neighbours, len(f.CPUs), 100*o.Pressure, o.LoadAvg),
	}
	if found.Severity = grade(o.Neighbours, float64(len(f.CPUs))); found.Severity > OK {
		found.Why = "neighbours make contention look smaller, not larger: fewer Ps are on a CPU to fight for the lock"
		found.Do = "stop them (top shows who), or more blocks: --count 20"
	}
	return found
}

func checkCPUTime(_ *Facts, o *Observed) Finding {
	if o.Wanted == 0 || o.Got == 0 {
		return Finding{}
	}
	missing := max(0, o.Wanted-o.Got)
	found := Finding{
		ID:   "cpu-time",
		What: fmt.Sprintf("wanted %s CPUs at full use, got %.2f", decimal(o.Wanted), o.Got),
	}
	if found.Severity = grade(missing, o.Wanted); found.Severity > OK {
		found.Why = "what is missing went to neighbours, the hypervisor or a quota, and counts as waiting in every cell"
		found.Do = "see the other findings; if none explains it, a quota above this container may (ask who runs the host)"
	}
	return found
}

// grade judges CPUs that are lost out of those wanted. A twentieth of a CPU is
// what any system does in the background.
func grade(lost, of float64) Severity {
	switch s := share(lost, of); {
	case lost < 0.05 || s < warningShare:
		return OK
	case s < problemShare:
		return Warning
	}
	return Problem
}

func share(part, of float64) float64 {
	if of <= 0 {
		return 0
	}
	return part / of
}

func checkIRQBalance(_ *Facts, o *Observed) Finding {
	if !o.IRQBalance {
		return Finding{}
	}
	return Finding{"irqbalance", Note, "irqbalance is running",
		"it moves interrupts between CPUs during a run, and the P on that CPU pays",
		"sudo systemctl stop irqbalance"}
}

func checkClock(f *Facts, o *Observed) Finding {
	found := Finding{ID: "clock", What: f.ClockSource}
	switch f.ClockSource {
	case Unknown:
		return Finding{}
	case "tsc", "arch_sys_counter", "kvm-clock", "hyperv_clocksource_tsc_page":
		return found // read without a system call
	}
	found.Severity = Warning
	found.What = "the clock source is " + f.ClockSource
	found.Why = "reading the time takes a system call of about a microsecond, in every latency and trace event"
	found.Do = "boot with tsc=reliable clocksource=tsc, if the CPU's counter can be trusted"
	if slices.Contains(o.Clocks, "tsc") {
		found.Do = "echo tsc | sudo tee /sys/devices/system/clocksource/clocksource0/current_clocksource"
	}
	return found
}

func checkTHP(f *Facts, _ *Observed) Finding {
	switch f.THP {
	case Unknown:
		return Finding{}
	case "always":
		return Finding{"huge-pages", Note, "transparent huge pages: always",
			"the kernel merges pages in the background, so that large caches get faster during a run",
			"echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled"}
	}
	return Finding{ID: "huge-pages", What: "transparent huge pages: " + f.THP}
}

func checkMemory(f *Facts, o *Observed) Finding {
	if f.Memory == 0 {
		return Finding{}
	}
	free := f.Memory
	if o.MemAvailable > 0 {
		free = min(free, o.MemAvailable)
	}
	found := Finding{ID: "memory", What: fmt.Sprintf("%s available of %s", bytesText(free), bytesText(f.Memory))}
	if free < littleMemory {
		found.Severity = Warning
		found.Why = "swapping or the out-of-memory killer ends cells with many keys (10M keys need about 4 GiB)"
		found.Do = "stop other programs, raise the container's limit, or stay at --keys 1M"
	}
	return found
}

func checkEnvironment(f *Facts, _ *Observed) Finding {
	var set []string
	for _, v := range []struct{ name, value, unset string }{
		{"GOGC", f.GOGC, "100"}, {"GOMEMLIMIT", f.GOMEMLIMIT, "off"}, {"GODEBUG", f.GODEBUG, "none"},
	} {
		if v.value != v.unset {
			set = append(set, v.name+"="+v.value)
		}
	}
	if len(set) == 0 {
		return Finding{ID: "environment", What: "GOGC, GOMEMLIMIT and GODEBUG at their defaults"}
	}
	return Finding{"environment", Note, strings.Join(set, " ") + " is set",
		"it changes how often the collector runs or what the runtime does; samples with and without are never pooled",
		"unset GOGC GOMEMLIMIT GODEBUG, unless you mean it"}
}

func checkSwitchRecords(f *Facts, o *Observed) Finding {
	if f.OS != "linux" {
		return Finding{}
	}
	if o.SwitchRecords == "" {
		return Finding{ID: "switches", What: "on-CPU switch records can be taken (perf_event_open)"}
	}
	found := Finding{"switches", Note,
		fmt.Sprintf("no on-CPU switch records: perf_event_open: %s (kernel.perf_event_paranoid is %s)", o.SwitchRecords, o.PerfParanoid),
		"a trace cannot tell when a running goroutine was not on a CPU; totals come from schedstat instead",
		"",
	}
	switch {
	case o.PerfParanoid == Unknown:
		found.Do = "the kernel or the container has no perf events; nothing can be done here"
	case len(o.PerfParanoid) == 1 && o.PerfParanoid <= "2" || strings.HasPrefix(o.PerfParanoid, "-"):
		found.Do = "the setting would allow it, so the container does not: docker run --cap-add PERFMON --security-opt seccomp=unconfined …"
	default:
		found.Do = "sudo sysctl kernel.perf_event_paranoid=2"
	}
	return found
}

func checkSchedstat(f *Facts, o *Observed) Finding {
	if f.OS != "linux" {
		return Finding{}
	}
	if o.Schedstat == "" {
		return Finding{ID: "schedstat", What: "run-queue waits can be read (schedstat)"}
	}
	return Finding{"schedstat", Warning, "run-queue waits cannot be read: " + o.Schedstat,
		"os-wait is missing from every sample, so waiting for a CPU looks like running",
		"use a kernel with CONFIG_SCHED_INFO, and a container with its own /proc"}
}

func checkOut(_ *Facts, o *Observed) Finding {
	if o.Out == "" {
		return Finding{}
	}
	found := Finding{ID: "out", What: fmt.Sprintf("%s free in %s", bytesText(o.OutFree), o.Out)}
	switch {
	case o.OutError != "":
		found.Severity, found.What = Problem, o.OutError
		found.Why = "a run has nowhere to keep its samples"
		found.Do = "name a folder of yours: --out DIR"
	case o.OutFree >= 0 && o.OutFree < littleDisk:
		found.Severity = Warning
		found.What = fmt.Sprintf("only %d MiB free in %s", o.OutFree>>20, o.Out)
		found.Why = "traces take tens of MB each; a run stops when the disk is full"
		found.Do = "make room, name another place with --out DIR, or record no traces"
		if o.OutFree < noDisk {
			found.Severity = Problem
		}
	}
	return found
}
