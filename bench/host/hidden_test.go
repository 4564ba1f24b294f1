package host

import (
	"testing"
	"testing/fstest"
)

// TestQuotaHidden: a limit that cannot be read is unknown, not none.
func TestQuotaHidden(t *testing.T) {
	const ext4 = "22 1 8:1 / / rw shared:1 - ext4 /dev/root rw\n"
	const overlay = "500 499 0:60 / / rw - overlay overlay rw,lowerdir=a\n"
	const unified = "30 23 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw\n"
	const cpuV1 = "31 23 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
	for name, c := range map[string]struct {
		groups, mounts string
		hidden         bool
	}{
		"no cgroups at all":                               {"", ext4, false},
		"the root group of a bare guest":                  {"0::/\n", ext4, false},
		"a service on a host":                             {"0::/system.slice\n", ext4 + unified, false},
		"a container without the mount":                   {"0::/default/c1\n", overlay, true},
		"its namespace calls its group root":              {"0::/\n", overlay, true},
		"a container with the mount":                      {"0::/\n", overlay + unified, false},
		"version 1, without the mount":                    {"4:cpu,cpuacct:/default/c1\n0::/\n", overlay, true},
		"version 1, with it":                              {"4:cpu,cpuacct:/\n0::/\n", overlay + cpuV1, false},
		"the controller's hierarchy is not the one shown": {"4:cpu,cpuacct:/default/c1\n0::/\n", overlay + unified, true},
	} {
		root := fstest.MapFS{
			"proc/self/cgroup":             {Data: []byte(c.groups)},
			"proc/self/mountinfo":          {Data: []byte(c.mounts)},
			"sys/fs/cgroup/cgroup.procs":   {},
			"sys/fs/cgroup/cpu/tasks":      {},
			"sys/fs/cgroup/system.slice/x": {},
		}
		f := ReadFrom(root, []int{0, 1})
		want := "none"
		if c.hidden {
			want = Unknown
		}
		if f.QuotaHidden != c.hidden || f.quota() != want {
			t.Errorf("%s: hidden %v, cpu-quota %s; want %s", name, f.QuotaHidden, f.quota(), want)
		}
		if f.OS == "linux" {
			if got := checkQuota(&f, nil); (got.Severity == Warning) != c.hidden {
				t.Errorf("%s: doctor: %+v", name, got)
			}
		}
	}
}
