// Package host answers "what machine is this": which CPUs a process may use
// and how they are wired together ([Facts]), what else took CPU time from it
// ([Facts.Interference], [Schedstat]), how to keep a process on chosen CPUs
// ([WithAffinity]), and what will spoil measurements here ([Doctor]).
//
// Everything is read from /sys, /proc and the cgroup file systems, through an
// [fs.FS], so that large hosts can be tested from built trees. On systems
// other than Linux the CPU count comes from the Go runtime and every other
// fact is unknown: zero, or the word "unknown".
package host

import (
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// Unknown is the value of textual facts that the host does not tell.
const Unknown = "unknown"

// Facts is what does not change on a host from one minute to the next. Numbers
// that are 0 and texts that are "unknown" could not be read.
type Facts struct {
	OS     string `json:"os"`     // runtime.GOOS
	Arch   string `json:"arch"`   // runtime.GOARCH
	Kernel string `json:"kernel"` // release, as uname -r prints it
	Model  string `json:"model"`  // CPU model

	// Online is how many CPUs (hardware threads) are online on the host,
	// whether or not this process may use them. It is at least 1.
	Online         int `json:"online"`
	Sockets        int `json:"sockets"`
	Cores          int `json:"cores"` // physical
	ThreadsPerCore int `json:"threads_per_core"`
	L3Domains      int `json:"l3_domains"` // groups of CPUs that share a level-3 cache
	NUMANodes      int `json:"numa_nodes"` // nodes that have CPUs

	// CPUs are the CPUs this process may run on: online and in its affinity
	// mask (which cgroup cpusets restrict too), by rising ID; never empty.
	CPUs []CPU `json:"cpus"`

	// Quotas are the CPU bandwidth limits in force, the innermost cgroup
	// first. Each of them can throttle the process.
	Quotas []Quota `json:"quotas"`

	// QuotaHidden says that there may be limits that cannot be read, as in a
	// container without a cgroup file system: Quotas are not all of them.
	QuotaHidden bool `json:"quota_hidden"`

	Governor       string `json:"governor"`       // cpufreq governors in use, comma-separated
	Turbo          string `json:"turbo"`          // "on", "off"
	Virtualization string `json:"virtualization"` // "none", "kvm", "vm" (of unknown make) …
	Container      string `json:"container"`      // "none", "docker", "kubernetes" …
	THP            string `json:"thp"`            // transparent huge pages: "always", "madvise", "never"
	ClockSource    string `json:"clock_source"`   // "tsc" …
	Isolated       []int  `json:"isolated"`       // CPUs taken from the scheduler by isolcpus=
	Memory         int64  `json:"memory"`         // bytes this process can have: RAM, or a tighter cgroup limit

	Go         string `json:"go"`         // runtime.Version()
	GOGC       string `json:"gogc"`       // of this process's environment; "100" by default
	GOMEMLIMIT string `json:"gomemlimit"` // of this process's environment; "off" by default
	GODEBUG    string `json:"godebug"`    // of this process's environment; "none" by default

	// Unclear are files that were there and held what could not be
	// understood, each with its beginning; the facts in them are unknown.
	Unclear []string `json:"unclear"`

	root fs.FS // where all of this was read, and counters are
}

// Read gathers the facts of this host, as they are for the calling thread's
// affinity mask. It takes milliseconds, more with hundreds of CPUs. What
// cannot be read is unknown, so there is no error.
func Read() Facts {
	return ReadFrom(os.DirFS("/"), affinity())
}

// ReadFrom is Read for the host whose root file system is root and a process
// with the given affinity mask (nil if unknown, which is every online CPU).
// The Go version and environment are those of this process.
func ReadFrom(root fs.FS, affinity []int) Facts {
	var unclear []string
	t := tree{root, &unclear}
	info := t.cpuinfo()
	f := Facts{
		OS:             runtime.GOOS,
		Arch:           runtime.GOARCH,
		Kernel:         t.word("proc/sys/kernel/osrelease"),
		Model:          info.model,
		Turbo:          t.turbo(),
		Virtualization: t.virtualization(info.hypervisor, runtime.GOARCH),
		Container:      t.container(),
		THP:            t.chosen("sys/kernel/mm/transparent_hugepage/enabled"),
		ClockSource:    t.word("sys/devices/system/clocksource/clocksource0/current_clocksource"),
		Quotas:         t.quotas(),
		QuotaHidden:    t.quotaHidden(),
		Memory:         t.memory(),
		Isolated:       t.list("sys/devices/system/cpu/isolated"),
		Go:             clean(runtime.Version()),
		GOGC:           environment("GOGC", "100"),
		GOMEMLIMIT:     environment("GOMEMLIMIT", "off"),
		GODEBUG:        environment("GODEBUG", "none"),
		root:           root,
	}
	online := t.online(info, affinity)
	f.setTopology(t.topology(online, info), affinity)
	f.Governor = t.governor(f.CPUs)
	f.Unclear = unclear
	return f
}

// Usable is C, the CPUs that this process can keep busy without end: its
// affinity mask, or the tightest quota if that is less. A quota may be a
// fraction, as in 7.5.
func (f *Facts) Usable() float64 {
	c := float64(len(f.CPUs))
	for _, q := range f.Quotas {
		c = min(c, q.CPUs)
	}
	return c
}

// MaxProcs is the largest GOMAXPROCS that is not oversubscribed, at least 1:
// Usable rounded down. The Go runtime's own default rounds a quota up (and to
// 2 at least; runtime/cgroup_linux.go): 8 on 7.5 CPUs, which a busy program
// pays with throttling in every period.
func (f *Facts) MaxProcs() int {
	return max(1, int(math.Floor(f.Usable())))
}

// Oversubscribed reports whether procs Ps are more than the usable CPUs, so
// that a curve at that point shows queueing and never scaling.
func (f *Facts) Oversubscribed(procs int) bool {
	return float64(procs) > f.Usable()
}

// environment is the variable as the runtime saw it, on one line.
func environment(name, unset string) string {
	if v := clean(os.Getenv(name)); v != "" {
		return v
	}
	return unset
}

// clean makes outside text fit for a configuration line: printable, single
// spaces, and not longer than a line should be.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r' || r == 0:
			return ' '
		case !strconv.IsPrint(r):
			return '?'
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	const longest = 200
	if len(s) > longest {
		s = strings.ToValidUTF8(s[:longest], "") + "…"
	}
	return s
}

// tree is the host's file system as far as it can be read.
type tree struct {
	fs.FS
	unclear *[]string // see Facts.Unclear
}

// tree is where the facts came from; empty for facts that were not read.
func (f *Facts) tree() tree {
	if f.root == nil {
		return tree{nothing{}, new([]string)}
	}
	return tree{f.root, new([]string)}
}

// nothing is a file system without files.
type nothing struct{}

func (nothing) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// text is a file's content, empty if it cannot be read.
func (t tree) text(name string) string {
	b, err := fs.ReadFile(t, name)
	if err != nil {
		return ""
	}
	return string(b)
}

// line is the file's content, cleaned, empty if there is none.
func (t tree) line(name string) string { return clean(t.text(name)) }

// word is the file's content or "unknown".
func (t tree) word(name string) string {
	if s := t.line(name); s != "" {
		return s
	}
	return Unknown
}

// number is the file's content as a non-negative integer.
func (t tree) number(name string) (int64, bool) {
	n, err := strconv.ParseInt(t.line(name), 10, 64)
	return n, err == nil && n >= 0
}

// list is the file's content as a CPU list; nil if it is none.
func (t tree) list(name string) []int {
	text := t.text(name)
	cpus, err := parseList(text)
	if err != nil {
		t.doubt(name, text)
	}
	return cpus
}

// doubt notes that a file's content was not understood.
func (t tree) doubt(name, text string) {
	*t.unclear = append(*t.unclear, clean(fmt.Sprintf("/%s: %s", name, text)))
}

// chosen is the bracketed word of files such as "always [madvise] never".
func (t tree) chosen(name string) string {
	_, rest, _ := strings.Cut(t.text(name), "[")
	if word, _, ok := strings.Cut(rest, "]"); ok && clean(word) != "" {
		return clean(word)
	}
	return Unknown
}

func (t tree) exists(name string) bool {
	_, err := fs.Stat(t, name)
	return err == nil
}

// online is the CPUs of the whole host, by rising ID: from sysfs, or where a
// container hides it from /proc, or at least those of the mask.
func (t tree) online(info cpuinfo, affinity []int) []int {
	if cpus := t.list("sys/devices/system/cpu/online"); len(cpus) > 0 {
		return cpus
	}
	if len(info.cpus) > 0 {
		return slices.Sorted(maps.Keys(info.cpus))
	}
	if len(affinity) > 0 {
		return affinity
	}
	cpus := make([]int, runtime.NumCPU())
	for i := range cpus {
		cpus[i] = i
	}
	return cpus
}
