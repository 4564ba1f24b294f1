package host

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestLargeHosts(t *testing.T) {
	quota := cgroupV2("/jobs")
	quota = append(quota, "sys/fs/cgroup/jobs/cpu.max", "750000 100000\n")

	offline := big
	offline.offline = append(sequence(192)[96:], 3) // all second threads, and one core
	hidden := big
	hidden.noSys = true

	type counts struct{ Online, Sockets, Cores, Threads, L3s, Nodes int }
	tests := []struct {
		name       string
		root       fstest.MapFS
		affinity   []int
		counts     counts
		usable     float64
		procs      []int
		boundaries []string
	}{
		{
			name: "hyperthreads", root: big.build(), affinity: sequence(192),
			counts: counts{192, 2, 96, 2, 12, 2}, usable: 192,
			procs: []int{1, 2, 4, 8, 16, 32, 48, 64, 96, 128, 192},
			boundaries: []string{"8 L3 domain 2", "16 L3 domain 3", "24 L3 domain 4", "32 L3 domain 5", "40 L3 domain 6",
				"48 socket 2", "56 L3 domain 8", "64 L3 domain 9", "72 L3 domain 10", "80 L3 domain 11", "88 L3 domain 12",
				"96 hyperthreads"},
		},
		{
			name: "no hyperthreads", root: bigNoSMT.build(), affinity: sequence(192),
			counts: counts{192, 2, 192, 1, 24, 2}, usable: 192,
			procs: []int{1, 2, 4, 8, 16, 32, 64, 96, 128, 192},
			boundaries: []string{"8 L3 domain 2", "16 L3 domain 3", "24 L3 domain 4", "32 L3 domain 5", "40 L3 domain 6",
				"48 L3 domain 7", "56 L3 domain 8", "64 L3 domain 9", "72 L3 domain 10", "80 L3 domain 11", "88 L3 domain 12",
				"96 socket 2", "104 L3 domain 14", "112 L3 domain 15", "120 L3 domain 16", "128 L3 domain 17", "136 L3 domain 18",
				"144 L3 domain 19", "152 L3 domain 20", "160 L3 domain 21", "168 L3 domain 22", "176 L3 domain 23", "184 L3 domain 24"},
		},
		{
			name: "several NUMA nodes in a socket, odd sizes", affinity: sequence(192),
			root:   machine{sockets: 2, nodes: 4, l3s: 2, cores: 6, threads: 2, adjacent: true}.build(),
			counts: counts{192, 2, 96, 2, 16, 8}, usable: 192,
			procs: []int{1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192},
			boundaries: []string{"6 L3 domain 2", "12 NUMA node 2", "18 L3 domain 4", "24 NUMA node 3", "30 L3 domain 6", "36 NUMA node 4",
				"42 L3 domain 8", "48 socket 2", "54 L3 domain 10", "60 NUMA node 6", "66 L3 domain 12", "72 NUMA node 7",
				"78 L3 domain 14", "84 NUMA node 8", "90 L3 domain 16", "96 hyperthreads"},
		},
		{
			name: "a quota of 7.5 CPUs", root: big.build(quota...), affinity: sequence(192),
			counts: counts{192, 2, 96, 2, 12, 2}, usable: 7.5,
			procs: []int{1, 2, 4, 7}, boundaries: nil,
		},
		{
			name: "offline CPUs", root: offline.build(), affinity: sequence(192),
			counts: counts{95, 2, 95, 1, 12, 2}, usable: 95,
			procs: []int{1, 2, 4, 7, 8, 15, 16, 31, 32, 47, 63, 64, 95},
			boundaries: []string{"7 L3 domain 2", "15 L3 domain 3", "23 L3 domain 4", "31 L3 domain 5", "39 L3 domain 6",
				"47 socket 2", "55 L3 domain 8", "63 L3 domain 9", "71 L3 domain 10", "79 L3 domain 11", "87 L3 domain 12"},
		},
		{
			name: "a mask of two cores with both threads in each socket", root: big.build(), affinity: []int{0, 1, 48, 49, 96, 97, 144, 145},
			counts: counts{192, 2, 96, 2, 12, 2}, usable: 8,
			procs: []int{1, 2, 4, 8}, boundaries: []string{"2 socket 2", "4 hyperthreads"},
		},
		{
			name: "a mask of second threads only", root: big.build(), affinity: []int{96, 97, 98},
			counts: counts{192, 2, 96, 2, 12, 2}, usable: 3,
			procs: []int{1, 2, 3}, boundaries: nil,
		},
		{
			name: "sysfs hidden, /proc/cpuinfo seen", root: hidden.build(), affinity: sequence(192),
			counts: counts{192, 2, 96, 2, 0, 0}, usable: 192,
			procs: []int{1, 2, 4, 8, 16, 32, 48, 64, 96, 128, 192}, boundaries: []string{"48 socket 2", "96 hyperthreads"},
		},
		{
			name: "everything hidden", root: fstest.MapFS{}, affinity: sequence(6),
			counts: counts{6, 0, 0, 0, 0, 0}, usable: 6, procs: []int{1, 2, 4, 6},
		},
		{
			name: "one CPU", root: machine{1, 1, 1, 1, 1, false, nil, false}.build(), affinity: nil,
			counts: counts{1, 1, 1, 1, 1, 1}, usable: 1, procs: []int{1},
		},
		{
			name: "half a CPU", root: big.build(append(quota, "sys/fs/cgroup/jobs/cpu.max", "50000 100000")...), affinity: sequence(192),
			counts: counts{192, 2, 96, 2, 12, 2}, usable: .5, procs: []int{1},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := ReadFrom(test.root, test.affinity)
			got := counts{f.Online, f.Sockets, f.Cores, f.ThreadsPerCore, f.L3Domains, f.NUMANodes}
			if got != test.counts {
				t.Errorf("counts are %+v, want %+v", got, test.counts)
			}
			if f.Usable() != test.usable {
				t.Errorf("usable CPUs are %v, want %v", f.Usable(), test.usable)
			}
			if d := cmp.Diff(test.procs, f.DefaultProcs()); d != "" {
				t.Errorf("default procs (-want +got):\n%s", d)
			}
			for _, p := range f.DefaultProcs() {
				if f.Oversubscribed(p) != (test.usable < 1) {
					t.Errorf("default of %d Ps on %v CPUs: oversubscribed is %v", p, test.usable, f.Oversubscribed(p))
				}
			}
			if p := f.MaxProcs() + 1; !f.Oversubscribed(p) {
				t.Errorf("%d Ps on %v CPUs are not oversubscribed", p, test.usable)
			}
			var bounds []string
			for _, b := range f.Boundaries() {
				bounds = append(bounds, fmt.Sprint(b.After, " ", b.Label))
			}
			if d := cmp.Diff(test.boundaries, bounds); d != "" {
				t.Errorf("boundaries (-want +got):\n%s", d)
			}
			if again := ReadFrom(test.root, test.affinity); again.Fingerprint() != f.Fingerprint() {
				t.Error("two reads of one host have two fingerprints")
			}
		})
	}
}

// TestFillOrder checks, on many machines and masks, what the order promises:
// it holds exactly the allowed CPUs; no core gives its second thread before
// all gave their first; and no socket, node or L3 domain is come back to.
func TestFillOrder(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	for range 100 {
		m := machine{1 + r.IntN(3), 1 + r.IntN(3), 1 + r.IntN(3), 1 + r.IntN(4), 1 + r.IntN(3), r.IntN(2) == 0, nil, false}
		var mask []int
		for id := range m.total() {
			if r.IntN(4) > 0 {
				mask = append(mask, id)
			}
			if id > 0 && r.IntN(20) == 0 {
				m.offline = append(m.offline, id)
			}
		}
		f := ReadFrom(m.build(), mask)
		order := f.FillOrder()
		var want []int
		for _, id := range mask {
			if m.isOnline(id) {
				want = append(want, id)
			}
		}
		if len(want) == 0 {
			want = m.online()
		}
		if sorted := slices.Sorted(slices.Values(order)); !slices.Equal(sorted, want) {
			t.Fatalf("seed %d, %+v: order has CPUs %v, want %v", seed, m, sorted, want)
		}
		taken := map[int]int{} // threads of each core so far
		round := 0
		var left [3]map[int]bool
		var last [3]int
		for i, id := range order {
			c := m.at(id)
			if taken[c.core] < round {
				t.Fatalf("seed %d, %+v: CPU %d is thread %d of its core, after a thread %d: %v", seed, m, id, taken[c.core], round, order)
			}
			fresh := taken[c.core] > round || i == 0
			round = taken[c.core]
			taken[c.core]++
			for level, group := range []int{c.socket, c.node, c.l3} {
				if fresh {
					left[level] = map[int]bool{}
				} else if group != last[level] {
					left[level][last[level]] = true
				}
				if left[level][group] {
					t.Fatalf("seed %d, %+v: CPU %d comes back to a group of level %d: %v", seed, m, id, level, order)
				}
				last[level] = group
			}
		}
	}
}

func TestConfig(t *testing.T) {
	for _, name := range []string{"GOGC", "GOMEMLIMIT", "GODEBUG"} {
		t.Setenv(name, "")
	}
	base := ReadFrom(big.build(), sequence(192))
	got := map[string]string{}
	for _, f := range base.Config() {
		if f.Value == "" || f.Key != strings.ToLower(f.Key) || strings.ContainsAny(f.Key, " :") || strings.ContainsAny(f.Value, "\n\t") {
			t.Errorf("configuration line %q: %q would not be read back", f.Key, f.Value)
		}
		if _, twice := got[f.Key]; twice {
			t.Errorf("key %s occurs twice", f.Key)
		}
		got[f.Key] = f.Value
	}
	for key, want := range map[string]string{
		"cpu": "Test CPU @ 3.0GHz", "usable-cpus": "192", "cpu-quota": "none", "affinity": "all", "governor": "performance",
		"turbo": "off", "kernel": "6.1.0-test", "transparent-huge-pages": "madvise", "clock-source": "tsc",
		"go": runtime.Version(), "gogc": "100", "gomemlimit": "off", "goos": runtime.GOOS,
	} {
		if got[key] != want {
			t.Errorf("%s is %q, want %q", key, got[key], want)
		}
	}
	// Each of these makes numbers incomparable, so it must show.
	for name, other := range map[string]Facts{
		"mask":     ReadFrom(big.build(), sequence(96)),
		"quota":    ReadFrom(big.build(append(cgroupV2("/"), "sys/fs/cgroup/cpu.max", "100000 100000")...), sequence(192)),
		"turbo":    ReadFrom(big.build("sys/devices/system/cpu/intel_pstate/no_turbo", "0"), sequence(192)),
		"governor": ReadFrom(big.build("sys/devices/system/cpu/cpu7/cpufreq/scaling_governor", "powersave"), sequence(192)),
		"kernel":   ReadFrom(big.build("proc/sys/kernel/osrelease", "6.2"), sequence(192)),
	} {
		if other.Fingerprint() == base.Fingerprint() {
			t.Errorf("another %s, the same fingerprint", name)
		}
	}
	// What comes and goes must not.
	busy := ReadFrom(big.build("proc/loadavg", "99 1 1", "proc/meminfo", "MemTotal: 263856552 kB\nMemAvailable: 1 kB"), sequence(192))
	if busy.Fingerprint() != base.Fingerprint() {
		t.Error("the fingerprint depends on the load")
	}
	t.Setenv("GOGC", "off")
	if f := ReadFrom(big.build(), sequence(192)); f.GOGC != "off" || f.Fingerprint() == base.Fingerprint() {
		t.Error("GOGC=off does not show")
	}
}

func TestQuotas(t *testing.T) {
	const sysfs = "23 27 0:22 / /sys rw - sysfs sysfs rw\n"
	tests := []struct {
		name  string
		files []string
		want  []Quota
	}{
		{"none", cgroupV2("/a"), nil},
		{"version 2", append(cgroupV2("/a"), "sys/fs/cgroup/a/cpu.max", "750000 100000\n"),
			[]Quota{{7.5, "/sys/fs/cgroup/a"}}},
		{"unlimited", append(cgroupV2("/a"), "sys/fs/cgroup/a/cpu.max", "max 100000\n"), nil},
		{"nested: all count, the innermost first", append(cgroupV2("/a/b/c"),
			"sys/fs/cgroup/a/cpu.max", "400000 100000\n",
			"sys/fs/cgroup/a/b/cpu.max", "max 100000\n",
			"sys/fs/cgroup/a/b/c/cpu.max", "25000 2500\n"),
			[]Quota{{10, "/sys/fs/cgroup/a/b/c"}, {4, "/sys/fs/cgroup/a"}}},
		{"a cgroup namespace", append(cgroupV2("/"), "sys/fs/cgroup/cpu.max", "150000 100000\n"),
			[]Quota{{1.5, "/sys/fs/cgroup"}}},
		{"a path of the host, which the container does not see", append(cgroupV2("/docker/0123"), "sys/fs/cgroup/cpu.max", "200000 100000"),
			[]Quota{{2, "/sys/fs/cgroup"}}},
		{"a bind mount of the container's cgroup", []string{
			"proc/self/cgroup", "4:cpu,cpuacct:/docker/0123\n",
			"proc/self/mountinfo", sysfs + "33 31 0:29 /docker/0123 /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n",
			"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "300000\n",
			"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"},
			[]Quota{{3, "/sys/fs/cgroup/cpu,cpuacct"}}},
		{"version 1, nested, without a limit outside", []string{
			"proc/self/cgroup", "9:name=systemd:/x\n3:cpuset:/\n1:cpu:/x/y\n",
			"proc/self/mountinfo", sysfs +
				"34 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n" +
				"32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n",
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n",
			"sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n",
			"sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "50000\n",
			"sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "20000\n",
			"sys/fs/cgroup/cpu/x/y/cpu.cfs_quota_us", "-1\n",
			"sys/fs/cgroup/cpu/x/y/cpu.cfs_period_us", "100000\n"},
			[]Quota{{2.5, "/sys/fs/cgroup/cpu/x"}}},
		{"hybrid: cpu in version 1, the rest in version 2", []string{
			"proc/self/cgroup", "1:cpu:/x\n0::/u\n",
			"proc/self/mountinfo", "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n" +
				"41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
			"sys/fs/cgroup/unified/u/cgroup.procs", "",
			"sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "150000\n",
			"sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "100000\n"},
			[]Quota{{1.5, "/sys/fs/cgroup/cpu/x"}}},
		{"mounted twice counts once", append(cgroupV2("/a"),
			"proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n40 23 0:26 / /mnt/cg rw - cgroup2 cgroup2 rw\n",
			"sys/fs/cgroup/a/cpu.max", "200000 100000", "mnt/cg/a/cpu.max", "200000 100000"),
			[]Quota{{2, "/sys/fs/cgroup/a"}}},
		{"a mount point with a space", []string{
			"proc/self/cgroup", "0::/\n",
			"proc/self/mountinfo", `30 23 0:26 / /my\040groups rw - cgroup2 cgroup2 rw` + "\n",
			"my groups/cpu.max", "200000 100000"},
			[]Quota{{2, "/my groups"}}},
		{"a mount above the namespace", []string{
			"proc/self/cgroup", "0::/\n",
			"proc/self/mountinfo", "30 23 0:26 /.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
			"sys/fs/cgroup/cpu.max", "200000 100000"},
			[]Quota{{2, "/sys/fs/cgroup"}}},
		{"a process outside the mounted part", []string{
			"proc/self/cgroup", "0::/../../init\n",
			"proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
			"sys/fs/cgroup/cpu.max", "200000 100000"},
			nil},
		{"a sibling with the same beginning", []string{
			"proc/self/cgroup", "0::/abc\n",
			"proc/self/mountinfo", "30 23 0:26 /ab /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
			"sys/fs/cgroup/cpu.max", "200000 100000"},
			nil},
		{"garbage", append(cgroupV2("/a/b"),
			"sys/fs/cgroup/a/b/cpu.max", "1e9 100000\n", "sys/fs/cgroup/a/cpu.max", "100000 0", "sys/fs/cgroup/cpu.max", "\x00\xff"),
			nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := ReadFrom(small.build(test.files...), nil)
			if d := cmp.Diff(test.want, f.Quotas); d != "" {
				t.Errorf("quotas (-want +got):\n%s", d)
			}
			if garbage := test.name == "garbage"; garbage != (len(f.Unclear) == 3) || !garbage && f.Unclear != nil {
				t.Errorf("unclear files are %q", f.Unclear)
			}
		})
	}
}

func TestMemoryLimit(t *testing.T) {
	plain := ReadFrom(small.build(), nil)
	if want := int64(263856552 << 10); plain.Memory != want {
		t.Errorf("memory is %d, want %d", plain.Memory, want)
	}
	limited := ReadFrom(small.build(append(cgroupV2("/a/b"),
		"sys/fs/cgroup/a/memory.max", "1073741824\n", "sys/fs/cgroup/a/b/memory.max", "max\n")...), nil)
	if limited.Memory != 1<<30 {
		t.Errorf("memory below a limit of 1 GiB is %d", limited.Memory)
	}
}

func TestPlatform(t *testing.T) {
	const clocks = "sys/devices/system/clocksource/clocksource0/available_clocksource"
	for _, test := range []struct {
		want  string
		flag  bool
		arch  string
		files []string
	}{
		{"none", false, "amd64", []string{"sys/class/dmi/id/sys_vendor", "Amazon EC2"}}, // a bare machine in a cloud
		{"kvm", true, "amd64", []string{clocks, "tsc kvm-clock acpi_pm"}},
		{"hyperv", true, "amd64", []string{clocks, "hyperv_clocksource_tsc_page"}},
		{"xen", true, "amd64", []string{"sys/hypervisor/type", "xen\n"}},
		{"qemu", true, "amd64", []string{"sys/class/dmi/id/sys_vendor", "QEMU"}},
		{"vm", true, "amd64", nil},
		{Unknown, false, "arm64", nil},
		{"amazon", false, "arm64", []string{"sys/class/dmi/id/sys_vendor", "Amazon EC2"}},
	} {
		m := machine{1, 1, 1, 1, 1, false, nil, true}
		if got := (tree{FS: m.build(test.files...)}).virtualization(test.flag, test.arch); got != test.want {
			t.Errorf("virtualization(%v, %s) with %q is %q, want %q", test.flag, test.arch, test.files, got, test.want)
		}
	}
	for want, files := range map[string][]string{
		"none":       nil,
		"docker":     {".dockerenv", ""},
		"podman":     {"run/.containerenv", "engine=podman"},
		"kubernetes": {"proc/self/cgroup", "0::/kubepods.slice/pod1\n"},
		"lxc":        {"run/systemd/container", "lxc\n"},
	} {
		if got := (tree{FS: small.build(files...)}).container(); got != want {
			t.Errorf("container with %q is %q, want %q", files, got, want)
		}
	}
	arm := tree{FS: fstest.MapFS{"proc/cpuinfo": {Data: []byte("processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd40\nCPU revision\t: 1\n")}}}
	if got := arm.cpuinfo().model; got != "arm implementer 0x41 part 0xd40 revision 1" {
		t.Errorf("an arm64 model is %q", got)
	}
	// The flags line of a real CPU is much longer than a configuration line.
	long := tree{FS: fstest.MapFS{"proc/cpuinfo": {Data: []byte("processor: 0\nflags: " + strings.Repeat("avx512 ", 200) + "hypervisor\n")}}}
	if !long.cpuinfo().hypervisor {
		t.Error("the hypervisor flag at the end of a long line was not seen")
	}
}

func TestRead(t *testing.T) {
	f := Read()
	if len(f.CPUs) != runtime.NumCPU() && runtime.GOOS == "linux" {
		t.Errorf("%d CPUs in the mask, the runtime counted %d", len(f.CPUs), runtime.NumCPU())
	}
	if u := f.Usable(); u <= 0 || u > float64(f.Online) {
		t.Errorf("%v of %d CPUs are usable", u, f.Online)
	}
	if a, b := f.Fingerprint(), Read(); a != b.Fingerprint() {
		t.Errorf("two reads of this host differ: %v, %v", f.Config(), b.Config())
	}
}

// TestGarbage replaces files by noise and by pieces of themselves: whatever
// the content, there is an answer that makes sense.
func TestGarbage(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 2))
	quota := append(cgroupV2("/a"), "sys/fs/cgroup/a/cpu.max", "750000 100000\n", "sys/fs/cgroup/a/cpu.stat", "nr_throttled 1\n",
		"proc/self/task/1/schedstat", "1 2 3\n", "proc/1/comm", "init\n")
	m := machine{2, 1, 2, 2, 2, true, nil, false}
	for range 200 {
		root := m.build(quota...)
		for _, name := range slices.Sorted(maps.Keys(root)) {
			if r.IntN(3) > 0 {
				continue
			}
			data := slices.Clone(root[name].Data)
			switch r.IntN(4) {
			case 0:
				data = nil
			case 1:
				data = data[:r.IntN(len(data)+1)]
			case 2:
				for i := range data {
					data[i] = byte(r.Uint32())
				}
			case 3:
				data = []byte([]string{"-1", "99999999999999999999", "0-4000000000", "8191", "max", "1-0", "\n\n", ":::", "NaN"}[r.IntN(9)])
			}
			root[name] = &fstest.MapFile{Data: data}
		}
		f := ReadFrom(root, sequence(16))
		if f.Usable() <= 0 || f.MaxProcs() < 1 || len(f.CPUs) == 0 || f.Fingerprint() == "" {
			t.Fatalf("seed %d: no sense in %+v", seed, f)
		}
		if procs := f.DefaultProcs(); procs[0] != 1 || procs[len(procs)-1] != f.MaxProcs() {
			t.Fatalf("seed %d: default procs %v", seed, procs)
		}
		for _, line := range f.Config() {
			if line.Value == "" || strings.ContainsAny(line.Value, "\n\x00") {
				t.Fatalf("seed %d: configuration line %q: %q", seed, line.Key, line.Value)
			}
		}
		i := f.Interference()
		if i.Steal < 0 || i.Throttled < 0 || i.Throttles < 0 || i.Pressure < 0 {
			t.Fatalf("seed %d: %+v", seed, i)
		}
		s := Schedstat{root: root}
		s.Read()
		examine(f, state(&f))
	}
}

func TestListText(t *testing.T) {
	for text, want := range map[string][]int{
		"":                 nil,
		"\n":               nil,
		"0\n":              {0},
		"0-3,8-11\n":       {0, 1, 2, 3, 8, 9, 10, 11},
		"8,0-1":            {0, 1, 8},
		"0-7:1/2":          {0, 2, 4, 6},
		"0-9:2/4,3":        {0, 1, 3, 4, 5, 8, 9},
		"0-1,1":            {0, 1},
		"8190-8191":        {8190, 8191},
		"0-1,4-5,6,10-191": append([]int{0, 1, 4, 5, 6}, sequence(192)[10:]...),
	} {
		got, err := parseList(text)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("parseList(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"a", "-1", "3-0", "0-", "0,,1", "0-8192", "1 2", "0-3:0/0", "0-3:2/1", "0-3:", "99999999999"} {
		if got, err := parseList(text); err == nil {
			t.Errorf("parseList(%q) = %v without an error", text, got)
		}
	}
	if got := formatList([]int{11, 8, 9, 10, 0, 1, 3}); got != "0-1,3,8-11" {
		t.Errorf("formatList gives %q", got)
	}
}

func FuzzParseList(f *testing.F) {
	for _, s := range []string{"0-3,8-11", "0-31:2/4", "", "0-8191,0-8191", "1-0", "5\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		cpus, err := parseList(s)
		if err != nil {
			if cpus != nil {
				t.Fatalf("%v beside error %v", cpus, err)
			}
			return
		}
		if !slices.IsSorted(cpus) || len(cpus) > maxCPU {
			t.Fatalf("%q: %v", s, cpus)
		}
		again, err := parseList(formatList(cpus))
		if err != nil || !slices.Equal(again, cpus) {
			t.Fatalf("%q: %v, written and read again: %v, %v", s, cpus, again, err)
		}
	})
}

func FuzzParseQuota(f *testing.F) {
	for _, s := range []string{"max 100000\n", "750000 100000\n", "-1 100000", "1 0", "9223372036854775807 1", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if cpus, err := parseQuota(s); err != nil && cpus != 0 || cpus < 0 || cpus > 1e19 {
			t.Fatalf("%q: %v, %v", s, cpus, err)
		}
	})
}

// FuzzReadFrom feeds the parsers of whole files.
func FuzzReadFrom(f *testing.F) {
	m := machine{1, 1, 1, 2, 2, false, nil, false}.build(cgroupV2("/a")...)
	f.Add(string(m["proc/cpuinfo"].Data), string(m["proc/stat"].Data), "0::/a\n", string(m["proc/self/mountinfo"].Data))
	f.Fuzz(func(t *testing.T, cpuinfo, stat, cgroup, mountinfo string) {
		root := fstest.MapFS{
			"proc/cpuinfo":        {Data: []byte(cpuinfo)},
			"proc/stat":           {Data: []byte(stat)},
			"proc/self/cgroup":    {Data: []byte(cgroup)},
			"proc/self/mountinfo": {Data: []byte(mountinfo)},
		}
		facts := ReadFrom(root, nil)
		if facts.Usable() <= 0 || facts.Interference().Steal < 0 {
			t.Fatalf("%+v", facts)
		}
		facts.DefaultProcs()
	})
}

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		childMain()
	}
	os.Exit(m.Run())
}
