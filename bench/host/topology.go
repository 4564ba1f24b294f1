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
	L3     int `json:"l3"`     // level-3 cache
	Node   int `json:"node"`   // NUMA node
	Socket int `json:"socket"` // physical package
}

// topology tells how the online CPUs are wired. sysfs lists, for each CPU,
// those that share something with it; the lowest online one names the group,
// which needs no trust in core and package numbers (they repeat between
// sockets, have holes, and are -1 on some machines). Where sysfs is hidden,
// the numbers in /proc/cpuinfo serve.
func (t tree) topology(online []int, info cpuinfo) []CPU {
	cores, sockets, l3s, nodes := grouping{}, grouping{}, grouping{}, grouping{}
	for _, n := range t.list("sys/devices/system/node/online") {
		nodes.add(t.list(fmt.Sprintf("sys/devices/system/node/node%d/cpulist", n)), online)
	}
	l3 := ""
	for _, id := range online {
		// One member's list tells of all: hundreds of CPUs, few files.
		share := func(g grouping, files ...string) {
			for _, file := range files {
				if g.of(id) >= 0 {
					return
				}
				g.add(t.list(fmt.Sprintf("sys/devices/system/cpu/cpu%d/%s", id, file)), online)
			}
		}
		share(cores, "topology/core_cpus_list", "topology/thread_siblings_list")
		share(sockets, "topology/package_cpus_list", "topology/core_siblings_list")
		if l3 == "" {
			l3 = t.level3Cache(id)
		}
		if l3 != "" {
			share(l3s, l3+"/shared_cpu_list")
		}
	}
	if len(cores) == 0 && len(sockets) == 0 {
		cores, sockets = info.groupings(online)
	}
	cpus := make([]CPU, len(online))
	for i, id := range online {
		cpus[i] = CPU{id, cores.of(id), l3s.of(id), nodes.of(id), sockets.of(id)}
	}
	return cpus
}

// grouping maps each CPU to the lowest online CPU of its group.
type grouping map[int]int

// add makes a group of those members that are online and in no group yet.
func (g grouping) add(members, online []int) {
	first := -1
	for _, id := range members { // by rising ID
		if _, isOnline := slices.BinarySearch(online, id); !isOnline {
			continue
		}
		if _, taken := g[id]; taken {
			continue
		}
		if first < 0 {
			first = id
		}
		g[id] = first
	}
}

// of is the name of the CPU's group, -1 if it is in none.
func (g grouping) of(id int) int {
	if name, ok := g[id]; ok {
		return name
	}
	return -1
}

// level3Cache is the folder, within the CPU's, of its level-3 cache; empty
// if it has none or does not tell. sysfs numbers caches without holes, and
// every CPU's alike.
func (t tree) level3Cache(id int) string {
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

// groupings are the cores and sockets according to their numbers. Core numbers
// repeat in every socket.
func (i cpuinfo) groupings(online []int) (cores, sockets grouping) {
	bySocket, byCore := map[int][]int{}, map[place][]int{}
	for _, id := range online {
		p, known := i.cpus[id]
		if !known || p.socket < 0 || p.core < 0 {
			return nil, nil
		}
		bySocket[p.socket] = append(bySocket[p.socket], id)
		byCore[p] = append(byCore[p], id)
	}
	cores, sockets = grouping{}, grouping{}
	for _, members := range byCore {
		cores.add(members, online)
	}
	for _, members := range bySocket {
		sockets.add(members, online)
	}
	return cores, sockets
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
