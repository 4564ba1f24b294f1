package host

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// CPU is one hardware thread and what it shares. Core, L3, Node and Socket
// name a group by the lowest ID of the online CPUs in it; -1 is unknown.
type CPU struct {
	ID     int `json:"id"`
	Core   int `json:"core"`   // physical core
	L3     int `json:"l3"`     // last-level cache
	Node   int `json:"node"`   // NUMA node
	Socket int `json:"socket"` // physical package
}

// topology tells how the online CPUs are wired. sysfs lists, for each CPU,
// those that share something with it; the lowest online one names the group,
// which needs no trust in core and package numbers (they repeat between
// sockets, have holes, and are -1 on some machines). Where sysfs is hidden,
// the numbers in /proc/cpuinfo serve.
func (t tree) topology(online []int, info cpuinfo) []CPU {
	isOnline := make(map[int]bool, len(online))
	for _, id := range online {
		isOnline[id] = true
	}
	// group is the name of the first list that can be read and holds the CPU.
	group := func(id int, files ...string) int {
		for _, file := range files {
			members := t.list(fmt.Sprintf("sys/devices/system/cpu/cpu%d/%s", id, file))
			if !slices.Contains(members, id) {
				continue
			}
			for _, m := range members {
				if isOnline[m] {
					return m
				}
			}
		}
		return -1
	}
	node := t.nodes()
	cpus := make([]CPU, len(online))
	byNumber := map[string]int{} // cpuinfo's numbers → lowest CPU
	number := func(kind string, parts ...int) int {
		if slices.Contains(parts, -1) {
			return -1
		}
		return byNumber[fmt.Sprint(kind, parts)]
	}
	for i := len(online) - 1; i >= 0; i-- {
		id := online[i]
		p := info.place(id)
		byNumber[fmt.Sprint("core", []int{p.socket, p.core})] = id
		byNumber[fmt.Sprint("socket", []int{p.socket})] = id
	}
	for i, id := range online {
		c := CPU{ID: id, L3: -1, Node: -1}
		c.Core = group(id, "topology/core_cpus_list", "topology/thread_siblings_list")
		c.Socket = group(id, "topology/package_cpus_list", "topology/core_siblings_list")
		if p := info.place(id); c.Core < 0 && c.Socket < 0 {
			c.Core = number("core", p.socket, p.core)
			c.Socket = number("socket", p.socket)
		}
		if index := t.lastLevelCache(id); index != "" {
			c.L3 = group(id, index+"/shared_cpu_list")
		}
		if n, ok := node[id]; ok {
			c.Node = n
		}
		cpus[i] = c
	}
	return cpus
}

// lastLevelCache is the folder, within the CPU's, of its level-3 cache; empty
// if it has none or does not tell. sysfs numbers caches without holes.
func (t tree) lastLevelCache(id int) string {
	for i := range 10 {
		index := fmt.Sprintf("cache/index%d", i)
		level, ok := t.number(fmt.Sprintf("sys/devices/system/cpu/cpu%d/%s/level", id, index))
		if !ok {
			return ""
		}
		if level == 3 {
			return index
		}
	}
	return ""
}

// nodes maps each CPU to the lowest CPU of its NUMA node.
func (t tree) nodes() map[int]int {
	node := map[int]int{}
	for _, n := range t.list("sys/devices/system/node/online") {
		members := t.list(fmt.Sprintf("sys/devices/system/node/node%d/cpulist", n))
		for _, id := range members {
			node[id] = members[0]
		}
	}
	return node
}

// setTopology fills in the counts of the online CPUs, and the CPUs that the
// affinity mask leaves. A mask without any online CPU is not believed.
func (f *Facts) setTopology(online []CPU, affinity []int) {
	f.Online = len(online)
	f.Sockets = groups(online, func(c CPU) int { return c.Socket })
	f.Cores = groups(online, func(c CPU) int { return c.Core })
	f.L3Domains = groups(online, func(c CPU) int { return c.L3 })
	f.NUMANodes = groups(online, func(c CPU) int { return c.Node })
	siblings := map[int]int{}
	for _, c := range online {
		if c.Core >= 0 {
			siblings[c.Core]++
			f.ThreadsPerCore = max(f.ThreadsPerCore, siblings[c.Core])
		}
	}
	allowed := make(map[int]bool, len(affinity))
	for _, id := range affinity {
		allowed[id] = true
	}
	for _, c := range online {
		if allowed[c.ID] {
			f.CPUs = append(f.CPUs, c)
		}
	}
	if len(f.CPUs) == 0 {
		f.CPUs = online
	}
}

// groups counts the distinct groups of the CPUs, 0 if any CPU's is unknown.
func groups(cpus []CPU, of func(CPU) int) int {
	seen := map[int]bool{}
	for _, c := range cpus {
		seen[of(c)] = true
	}
	if seen[-1] {
		return 0
	}
	return len(seen)
}

// FillOrder is the IDs of the CPUs in the order in which Ps should take them:
// one hardware thread of every physical core before any second one, and within
// that one socket, NUMA node and L3 domain after the other. The first P of
// them are the mask for a process of P Ps; see [WithAffinity].
func (f *Facts) FillOrder() []int {
	var ids []int
	for _, c := range f.fill() {
		ids = append(ids, c.ID)
	}
	return ids
}

// slot is a CPU in fill order with its place among the allowed threads of its
// core: 0 for the first.
type slot struct {
	CPU
	thread int
}

func (f *Facts) fill() []slot {
	slots := make([]slot, len(f.CPUs))
	threads := map[int]int{}
	for i, c := range f.CPUs { // by rising ID
		slots[i] = slot{CPU: c}
		if c.Core >= 0 {
			slots[i].thread = threads[c.Core]
			threads[c.Core]++
		}
	}
	slices.SortFunc(slots, func(a, b slot) int {
		return cmp.Or(
			cmp.Compare(a.thread, b.thread),
			cmp.Compare(a.Socket, b.Socket),
			cmp.Compare(a.Node, b.Node),
			cmp.Compare(a.L3, b.L3),
			cmp.Compare(a.ID, b.ID),
		)
	})
	return slots
}

// Boundary is a place on the GOMAXPROCS axis where the machine changes: up to
// After Ps can stay on the near side, one more begins what Label names.
type Boundary struct {
	After int    `json:"after"`
	Label string `json:"label"` // "socket 2", "NUMA node 2", "L3 domain 2", "hyperthreads"
	ord   int    // how many units of the kind are full: 1, 2, 3 …
}

// Boundaries are the places along GOMAXPROCS where a socket, NUMA node, L3
// domain or the cores' second hardware threads begin when CPUs are taken in
// [Facts.FillOrder]; only the widest of those that coincide. None lies beyond
// the usable CPUs: there Ps queue and spread no further.
func (f *Facts) Boundaries() []Boundary {
	kinds := []struct {
		label string
		of    func(slot) int
	}{
		{"socket", func(s slot) int { return s.Socket }},
		{"NUMA node", func(s slot) int { return s.Node }},
		{"L3 domain", func(s slot) int { return s.L3 }},
	}
	seen := make([]map[int]bool, len(kinds))
	for k := range kinds {
		seen[k] = map[int]bool{}
	}
	var bounds []Boundary
	thread := 0
	for i, s := range f.fill() {
		if float64(i+1) > f.Usable() {
			break
		}
		b := Boundary{After: i}
		for k, kind := range kinds {
			group := kind.of(s)
			if group < 0 || seen[k][group] {
				continue
			}
			full := len(seen[k])
			seen[k][group] = true
			if b.Label == "" {
				b.Label, b.ord = fmt.Sprintf("%s %d", kind.label, full+1), full
			}
		}
		if s.thread > thread {
			b.Label, b.ord = "hyperthreads", s.thread
			if s.thread > 1 {
				b.Label = fmt.Sprintf("hyperthreads %d", s.thread+1)
			}
			thread = s.thread
		}
		if i > 0 && b.Label != "" {
			bounds = append(bounds, b)
		}
	}
	return bounds
}

// DefaultProcs are the values of GOMAXPROCS worth measuring on this host: the
// powers of two up to [Facts.MaxProcs], that number itself, and the boundaries
// after 1, 2, 4, 8 … full sockets, NUMA nodes, L3 domains and threads of all
// cores. Rising; at most about 16 values on 192 CPUs.
func (f *Facts) DefaultProcs() []int {
	most := f.MaxProcs()
	procs := []int{most}
	for p := 1; p < most; p *= 2 {
		procs = append(procs, p)
	}
	for _, b := range f.Boundaries() {
		if bits.OnesCount(uint(b.ord)) == 1 {
			procs = append(procs, b.After)
		}
	}
	slices.Sort(procs)
	return slices.Compact(procs)
}

// cpuinfo is what /proc/cpuinfo tells.
type cpuinfo struct {
	model      string // or "unknown"
	hypervisor bool   // the CPU says that it is virtual (x86)
	cpus       map[int]place
}

// place is a CPU's socket and core number, -1 if unknown.
type place struct{ socket, core int }

func (i cpuinfo) place(id int) place {
	if p, ok := i.cpus[id]; ok {
		return p
	}
	return place{-1, -1}
}

func (t tree) cpuinfo() cpuinfo {
	info := cpuinfo{model: Unknown, cpus: map[int]place{}}
	current := -1
	arm := map[string]string{}
	for line := range strings.Lines(t.text("proc/cpuinfo")) {
		key, value, _ := strings.Cut(line, ":")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		n, err := strconv.Atoi(value)
		isNumber := err == nil && n >= 0 && n < 1<<20
		switch {
		case key == "processor" && isNumber && n < maxCPU:
			current = n
			info.cpus[current] = place{-1, -1}
		case (key == "model name" || key == "cpu model" || key == "cpu") && clean(value) != "" && info.model == Unknown:
			info.model = clean(value)
		case key == "flags":
			info.hypervisor = info.hypervisor || slices.Contains(strings.Fields(value), "hypervisor")
		case strings.HasPrefix(key, "CPU ") && arm[key] == "":
			arm[key] = clean(value) // arm64 names its CPU by numbers only
		case current < 0 || !isNumber:
		case key == "physical id":
			info.cpus[current] = place{n, info.cpus[current].core}
		case key == "core id":
			info.cpus[current] = place{info.cpus[current].socket, n}
		}
	}
	if info.model == Unknown && arm["CPU part"] != "" {
		info.model = fmt.Sprintf("arm implementer %s part %s revision %s", arm["CPU implementer"], arm["CPU part"], arm["CPU revision"])
	}
	return info
}
