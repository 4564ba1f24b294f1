package host

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Quota is one cgroup's CPU bandwidth limit.
type Quota struct {
	CPUs float64 `json:"cpus"` // quota ÷ period
	Dir  string  `json:"dir"`  // the cgroup's folder, absolute
}

// cgroup is the folder, in the tree, of a cgroup that holds this process.
type cgroup struct {
	dir string
	v1  bool
}

// cgroups are the cgroups that the process is in, as far as they are mounted,
// in the hierarchies that can have the controller: its own of version 1, and
// the one of version 2 (hybrid hosts have both). In each, the innermost comes
// first and its parents up to the mount follow, because a limit holds for all
// below it.
//
// /proc/self/cgroup gives paths within the hierarchies, /proc/self/mountinfo
// which part of a hierarchy is mounted where; see cgroups(7).
func (t tree) cgroups(controller string) []cgroup {
	var found []cgroup
	for line := range strings.Lines(t.text("proc/self/cgroup")) {
		id, rest, _ := strings.Cut(strings.TrimRight(line, "\n"), ":")
		controllers, at, _ := strings.Cut(rest, ":")
		v1 := id != "0"
		if !strings.HasPrefix(at, "/") || v1 && !slices.Contains(strings.Split(controllers, ","), controller) {
			continue
		}
		for _, m := range t.cgroupMounts() {
			if m.v1 != v1 || v1 && !slices.Contains(m.options, controller) {
				continue
			}
			if below, ok := m.below(at); ok {
				found = append(found, t.ancestors(m, below)...)
				break // further mounts show the same cgroups
			}
		}
	}
	return found
}

// ancestors are the folder at below within the mount and its parents. Folders
// that do not exist are left out: a container can know its path on the host
// and see only a part of it.
func (t tree) ancestors(m mount, below string) []cgroup {
	var found []cgroup
	for at := path.Clean("/" + below); ; at = path.Dir(at) {
		dir := path.Join(m.point, at)
		if t.exists(dir) {
			found = append(found, cgroup{dir, m.v1})
		}
		if at == "/" {
			return found
		}
	}
}

// mount is one cgroup file system.
type mount struct {
	root    string // of what is mounted, within the hierarchy
	point   string // where, within the tree
	v1      bool
	options []string
}

// below is the path within the mount of the cgroup that is at a path of the
// hierarchy. Both can start with "/..": cgroup namespaces show what is above
// or beside them so. It fails if the mount does not contain the cgroup.
func (m mount) below(at string) (string, bool) {
	if onlyUp(m.root) && !strings.HasPrefix(at, "/..") {
		// The mount begins above the namespace. The folders between are
		// not known, but the mount's own limit does hold for us.
		return "/", true
	}
	rest := strings.TrimPrefix(at, strings.TrimSuffix(m.root, "/"))
	if rest == at && m.root != "/" || rest != "" && rest[0] != '/' || strings.HasPrefix(rest, "/..") {
		return "", false
	}
	return rest, true
}

// onlyUp reports whether a path is "/..", "/../.." and so on.
func onlyUp(p string) bool {
	return p != "/" && strings.ReplaceAll(p, "/..", "") == ""
}

// cgroupMounts reads /proc/self/mountinfo, of which a line is
//
//	32 31 0:29 /root /mount/point rw,relatime shared:4 - cgroup source rw,cpu
//
// with any number of fields before the dash; proc_pid_mountinfo(5).
func (t tree) cgroupMounts() []mount {
	var mounts []mount
	for line := range strings.Lines(t.text("proc/self/mountinfo")) {
		left, right, _ := strings.Cut(line, " - ")
		l, r := strings.Fields(left), strings.Fields(right)
		if len(l) < 5 || len(r) < 3 || r[0] != "cgroup" && r[0] != "cgroup2" {
			continue
		}
		point := path.Join(".", unescape(l[4]))
		if !fs.ValidPath(point) {
			continue
		}
		mounts = append(mounts, mount{unescape(l[3]), point, r[0] == "cgroup", strings.Split(r[2], ",")})
	}
	return mounts
}

// unescape resolves the octal escapes that mountinfo has for white space.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace

// quotas are the limits of the cpu controller in force.
func (t tree) quotas() []Quota {
	var quotas []Quota
	for _, g := range t.cgroups("cpu") {
		var text string
		if g.v1 {
			text = t.text(g.dir+"/cpu.cfs_quota_us") + " " + t.text(g.dir+"/cpu.cfs_period_us")
		} else {
			text = t.text(g.dir + "/cpu.max")
		}
		cpus, err := parseQuota(text)
		if err != nil {
			t.doubt(g.dir+" (CPU quota)", text)
		}
		if cpus > 0 {
			quotas = append(quotas, Quota{cpus, "/" + g.dir})
		}
	}
	return quotas
}

// quotaHidden reports that the process is in a cgroup whose limits cannot be read:
// no file system shows the hierarchy that has the cpu controller, which is its own
// of version 1 where there is one. A process in the root group of a host that
// mounts none has no limit; in a container, which an overlay as its root gives
// away, "/" is only what its namespace calls its group.
func (t tree) quotaHidden() bool {
	at, v1 := "", false
	for line := range strings.Lines(t.text("proc/self/cgroup")) {
		id, rest, _ := strings.Cut(strings.TrimRight(line, "\n"), ":")
		controllers, path, _ := strings.Cut(rest, ":")
		if id == "0" && !v1 {
			at = path
		} else if slices.Contains(strings.Split(controllers, ","), "cpu") {
			at, v1 = path, true
		}
	}
	if at == "" || slices.ContainsFunc(t.cgroups("cpu"), func(g cgroup) bool { return g.v1 == v1 }) {
		return false
	}
	return at != "/" || t.rootIsOverlay()
}

// rootIsOverlay reports whether the root file system is an overlay, as that of most
// containers.
func (t tree) rootIsOverlay() bool {
	for line := range strings.Lines(t.text("proc/self/mountinfo")) {
		left, right, _ := strings.Cut(line, " - ")
		l, r := strings.Fields(left), strings.Fields(right)
		if len(l) > 4 && l[4] == "/" && len(r) > 0 && r[0] == "overlay" {
			return true
		}
	}
	return false
}

// parseQuota reads "quota period" in microseconds and returns the CPUs that
// they make, 0 for no limit: "max" (version 2), -1 (version 1), or no text,
// since the outermost cgroup has no such files.
func parseQuota(s string) (cpus float64, err error) {
	fields := strings.Fields(s)
	if len(fields) == 0 {
		return 0, nil
	}
	if len(fields) == 2 && (fields[0] == "max" || fields[0] == "-1") {
		return 0, nil
	}
	if len(fields) == 2 {
		quota, err := strconv.ParseInt(fields[0], 10, 64)
		period, err2 := strconv.ParseInt(fields[1], 10, 64)
		if err == nil && err2 == nil && quota > 0 && period > 0 {
			return float64(quota) / float64(period), nil
		}
	}
	return 0, fmt.Errorf("%q is not a CPU quota and its period in microseconds", clean(s))
}

// memory is the RAM, or the tightest memory limit if that is less; 0 if
// unknown.
func (t tree) memory() int64 {
	total := t.meminfo("MemTotal")
	for _, g := range t.cgroups("memory") {
		file := "/memory.max"
		if g.v1 {
			file = "/memory.limit_in_bytes"
		}
		if limit, ok := t.number(g.dir + file); ok && (total == 0 || limit < total) {
			total = limit
		}
	}
	return total
}

// meminfo is a line of /proc/meminfo in bytes, 0 if there is none.
func (t tree) meminfo(key string) int64 {
	for line := range strings.Lines(t.text("proc/meminfo")) {
		var kib int64
		if rest, ok := strings.CutPrefix(line, key+":"); ok {
			if _, err := fmt.Sscanf(rest, "%d kB", &kib); err == nil && kib > 0 && kib < 1<<50 {
				return kib << 10
			}
		}
	}
	return 0
}
