package host

import (
	"fmt"
	"strings"
	"testing/fstest"
)

// machine describes a host whose /sys and /proc build makes.
type machine struct {
	sockets, nodes, l3s, cores, threads int // nodes per socket, L3 domains per node, cores per L3 domain, threads per core

	adjacent bool  // siblings are numbered 0,1 (as guests have it) instead of 0,N
	offline  []int // CPUs that exist but are switched off
	noSys    bool  // a container that hides /sys
}

// coordinates of a CPU: which socket, node, L3 domain and core (all counted
// over the whole machine) and which thread of the core.
type coordinates struct{ socket, node, l3, core, thread int }

func (m machine) total() int { return m.sockets * m.nodes * m.l3s * m.cores * m.threads }

func (m machine) at(id int) coordinates {
	core, thread := id%(m.total()/m.threads), id/(m.total()/m.threads)
	if m.adjacent {
		core, thread = id/m.threads, id%m.threads
	}
	l3 := core / m.cores
	return coordinates{l3 / m.l3s / m.nodes, l3 / m.l3s, l3, core, thread}
}

func (m machine) isOnline(id int) bool {
	for _, off := range m.offline {
		if off == id {
			return false
		}
	}
	return id < m.total()
}

// members lists the online CPUs that agree with id in what of says, as sysfs
// does.
func (m machine) members(id int, of func(coordinates) int) string {
	var ids []int
	for other := range m.total() {
		if m.isOnline(other) && of(m.at(other)) == of(m.at(id)) {
			ids = append(ids, other)
		}
	}
	return formatList(ids) + "\n"
}

func (m machine) online() []int {
	var ids []int
	for id := range m.total() {
		if m.isOnline(id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// build is the tree of the machine, with further files ("path", "content", …)
// that replace or add to it.
func (m machine) build(more ...string) fstest.MapFS {
	files := fstest.MapFS{}
	put := func(content, format string, args ...any) {
		files[fmt.Sprintf(format, args...)] = &fstest.MapFile{Data: []byte(content)}
	}
	var cpuinfo, stat strings.Builder
	stat.WriteString("cpu  1 2 3 4 5 6 7 8 0 0\n")
	nodes := map[int]string{}
	for _, id := range m.online() {
		c := m.at(id)
		nodes[c.node] = m.members(id, func(c coordinates) int { return c.node })
		// Core numbers repeat in every socket and have holes, as they do.
		fmt.Fprintf(&cpuinfo, "processor\t: %d\nmodel name\t: Test CPU @ 3.0GHz\nphysical id\t: %d\ncore id\t\t: %d\nflags\t\t: fpu tsc\n\n",
			id, c.socket, 4*(c.core%(m.total()/m.threads/m.sockets)))
		fmt.Fprintf(&stat, "cpu%d 100 0 50 1000 10 1 2 %d 0 0\n", id, id)
		if m.noSys {
			continue
		}
		const cpu = "sys/devices/system/cpu/cpu%d/"
		put(m.members(id, func(c coordinates) int { return c.core }), cpu+"topology/core_cpus_list", id)
		put(m.members(id, func(c coordinates) int { return c.socket }), cpu+"topology/package_cpus_list", id)
		for i, level := range []string{"1", "1", "2", "3"} {
			put(level+"\n", cpu+"cache/index%d/level", id, i)
			of := func(c coordinates) int { return c.core }
			if level == "3" {
				of = func(c coordinates) int { return c.l3 }
			}
			put(m.members(id, of), cpu+"cache/index%d/shared_cpu_list", id, i)
		}
		put("performance\n", cpu+"cpufreq/scaling_governor", id)
	}
	stat.WriteString("intr 12345 0 0\nctxt 1\n")
	put(cpuinfo.String(), "proc/cpuinfo")
	put(stat.String(), "proc/stat")
	put("6.1.0-test\n", "proc/sys/kernel/osrelease")
	put("MemTotal:       263856552 kB\nMemAvailable:   200000000 kB\n", "proc/meminfo")
	put("0.10 0.20 0.30 1/999 4242\n", "proc/loadavg")
	put("2\n", "proc/sys/kernel/perf_event_paranoid")
	put("some avg10=0.00 avg60=0.00 avg300=0.00 total=5000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1\n", "proc/pressure/cpu")
	if !m.noSys {
		put(formatList(m.online())+"\n", "sys/devices/system/cpu/online")
		put("\n", "sys/devices/system/cpu/isolated")
		put("1\n", "sys/devices/system/cpu/intel_pstate/no_turbo")
		put("tsc\n", "sys/devices/system/clocksource/clocksource0/current_clocksource")
		put("tsc hpet acpi_pm \n", "sys/devices/system/clocksource/clocksource0/available_clocksource")
		put("always [madvise] never\n", "sys/kernel/mm/transparent_hugepage/enabled")
		put(formatList(sequence(len(nodes)))+"\n", "sys/devices/system/node/online")
		for n, list := range nodes {
			put(list, "sys/devices/system/node/node%d/cpulist", n)
		}
	}
	for i := 0; i < len(more); i += 2 {
		put(more[i+1], "%s", more[i])
	}
	return files
}

func sequence(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}

// The hosts of these tests: two large ones of 192 CPUs in two sockets, and one
// for tests that do not care.
var (
	small    = machine{sockets: 2, nodes: 1, l3s: 1, cores: 8, threads: 1}
	big      = machine{sockets: 2, nodes: 1, l3s: 6, cores: 8, threads: 2}
	bigNoSMT = machine{sockets: 2, nodes: 1, l3s: 12, cores: 8, threads: 1}
)

// cgroupV2 are the files of a process in the cgroup at path of a version 2
// hierarchy mounted as usual.
func cgroupV2(path string) []string {
	return []string{
		"proc/self/cgroup", "0::" + path + "\n",
		"proc/self/mountinfo", "23 27 0:22 / /sys rw - sysfs sysfs rw\n" +
			"30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
		"sys/fs/cgroup/cgroup.procs", "",
	}
}
