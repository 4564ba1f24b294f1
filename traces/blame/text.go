package blame

import (
	"fmt"
	"strings"
	"time"

	"github.com/contend-go/contend/traces/account"
)

// next is what to try, by kind.
var next = map[string]string{
	"mutex":                     "do less while the lock is held, or split what it protects",
	"rwmutex reader":            "do less while the lock is held for writing or a writer waits: a pending writer stops new readers",
	"rwmutex writer":            "readers hold it for too long: copy what they need and read outside of the lock",
	"once":                      "make the first call before the others need it",
	"singleflight":              "the one call that all wait for is slow: make it shorter, or serve the old value meanwhile",
	"semaphore":                 "raise its limit, or hold it for less",
	"pool":                      "raise the pool's limit (SetMaxOpenConns, MaxConnsPerHost), or hold connections for less",
	"file lock":                 "all write to one file or connection: buffer, or write from one goroutine",
	"cond":                      "see who signals, and what it does before",
	"waitgroup":                 "the slowest of its goroutines is what the others wait for: give them equal parts",
	"chan send":                 "send several items at a time, or through a larger buffer, so that fewer goroutine switches are paid",
	"chan receive":              "send several items at a time, so that fewer goroutine switches are paid",
	"limit":                     "the function that sends receives as well, further down: the channel is a limit on how many go on at once; hold it for less, or raise the limit",
	"slow receiver":             "the receiver is slow: make what it does between two receives shorter, or receive in more goroutines",
	"slow sender":               "the sender is slow: make what it does before it sends shorter",
	"deadlock":                  "perhaps a deadlock: look at a goroutine dump (SIGQUIT, or /debug/pprof/goroutine?debug=2) for who holds it and where that is blocked",
	"select":                    "find the goroutine that sends on these channels, and what it does before it sends",
	"sleep":                     "wait for what happens, not for time",
	"network":                   "the answer of the other side is what is waited for: more requests at a time, or fewer",
	"system call":               "call it less often: batch or buffer; if a lock is held during the call, release it first",
	"gc assist":                 "allocate less there, or raise GOGC or GOMEMLIMIT",
	"gc":                        "allocate less, or raise GOGC or GOMEMLIMIT",
	"garbage collection":        "allocate less, or raise GOGC or GOMEMLIMIT",
	"stop-the-world":            "call it less often: every call stops all Ps",
	"waiting to stop the world": "call less often what stops the world",
	"runtime.Gosched":           "a loop that yields until something is so: use a sync.Mutex or a channel, which park",
	"new goroutines":            "each waits for a P to run on before it begins: keep a few that take work from a channel, or give each a larger part",
	"short goroutines":          "they end as soon as they begin: give each more to do, or keep a few that take work from a channel",
	"preempted":                 "goroutines run for longer than 10 ms at a time and are taken off the P; more Ps, or less work",
	"lock fast path":            "the lock's own cache line travels between the CPUs: copy on write (atomic.Pointer), or a lock for each shard",
	"lock slow path":            "hold the lock for less: CPUs work on its queue",
	"spinning":                  "hold the lock for less: CPUs spin for it",
	"atomic":                    "the cache line travels between the CPUs: count per shard, or pad what lies beside it",
	"runtime lock":              "the runtime's own lock of that channel or timer is contended: one for each worker instead of a shared one",
	"stack growth":              "goroutines begin with small stacks and copy them as they grow: keep goroutines, or call less deep",
	"channels":                  "send more at a time",
	"scheduler":                 "goroutines park and wake too often: give each more to do",
	"gc work":                   "allocate less, or raise GOGC or GOMEMLIMIT",
	"shared memory":             "CPUs write to the same cache line (an atomic, a compare-and-swap loop, or what lies beside it): count per shard, pad, or keep a copy for each goroutine",
	Busy:                        "a CPU profile beside the trace; CPU per operation at 1 P and at more (contend test); a mutex profile for the runtime's locks",
}

// String is what a maintainer would write, in one sentence, without what to try next.
func (f *Finding) String() string { return strings.Join(f.Lines(), "; ") }

// Lines are the parts of the sentence, the first says what, where and how much.
func (f *Finding) Lines() (lines []string) {
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	switch {
	case f.Kind == Busy:
		add("nothing waits: the Ps are busy for %s of capacity; what slows them there (cache lines, spinning, the runtime's locks) a trace cannot see", percent(f.OfCapacity))
		if f.Line.Func != "" {
			add("the hottest line is %s, with %s of %s", f.where(), percent(f.Share), samples(f.all()))
		}
		return lines
	case f.Known == Sampled:
		add("%s of CPU time: %s at %s", percent(f.Share), f.Kind, f.where())
		add("sampled: %d of %s", f.Samples, samples(f.all()))
		return lines
	}
	add("%s of the time lost: %s at %s", percent(f.Share), f.Kind, f.where())
	more := fmt.Sprintf("%s of capacity", percent(f.OfCapacity))
	if parts := f.parts(); parts != "" {
		more += ": " + parts
	}
	switch f.Known {
	case Exact:
		more += " (exact)"
	case Inferred:
		more += "; partly inferred, by who woke those that waited before the trace began"
	}
	add("%s", more)
	if f.Note != "" {
		add("%s", f.Note)
	}
	if f.Under > 0 {
		add("this is what those of %d wait for: one cause", f.Under)
	}
	if len(f.Others) > 1 {
		rows := make([]string, 0, maxRows)
		for _, r := range f.Others[:min(len(f.Others), maxRows)] {
			rows = append(rows, fmt.Sprintf("%s %s", percent(r.Share), fileLine(r.Line)))
		}
		add("by caller: %s", strings.Join(rows, ", "))
	}
	if h := f.Holder; h != nil {
		add("%s", h)
	}
	if f.Open > 1 {
		add("%s wait there at the end", goroutines(f.Open))
	}
	return lines
}

// maxRows is how many callers are named.
const maxRows = 4

// all is how many samples there are, of which the finding has its share.
func (f *Finding) all() int64 {
	if f.Share == 0 {
		return 0
	}
	return int64(float64(f.Samples)/f.Share + 0.5)
}

func samples(n int64) string {
	if n == 1 {
		return "1 sample"
	}
	return fmt.Sprintf("%d samples", n)
}

// where is the line, what it called, and who called it.
func (f *Finding) where() string { return place(&f.Place) }

func place(p *Place) string {
	if p.Line.Func == "" {
		return "an unknown line"
	}
	s := Spot(p.Line)
	if p.Op != "" {
		s += " in " + p.Op
		if p.Lock.File != "" && p.Lock != p.Line {
			s += fmt.Sprintf(" (%s)", fileLine(p.Lock))
		}
	}
	if p.Caller.Func != "" {
		s += " ← " + Spot(p.Caller)
	}
	return s
}

func fileLine(f account.Frame) string {
	s := Spot(f)
	return s[strings.LastIndexByte(s, ' ')+1:]
}

// parts says what the goroutines did meanwhile.
func (f *Finding) parts() string {
	var list []string
	all := f.By.Blocked + f.By.WakeUp + f.By.Switching + f.By.Syscall + f.By.Stopped
	for _, x := range []struct {
		d    time.Duration
		name string
	}{{f.By.Blocked, "blocked"}, {f.By.WakeUp, "wake-up"}, {f.By.Switching, "switching"}, {f.By.Syscall, "in the call"}, {f.By.Stopped, "stopped"}} {
		if share := ratio(x.d, all); share >= 0.01 {
			list = append(list, fmt.Sprintf("%s %s", x.name, percent(share)))
		}
	}
	return strings.Join(list, ", ")
}

// String says what the holder did.
func (h *Holder) String() string {
	s := "held"
	switch {
	case h.Func != "" && h.Lock:
		s += " by " + h.Func
	case h.Func != "":
		s = "waits for " + h.Func
	case !h.Lock:
		s = "waits for a goroutine"
	}
	switch h.Activity {
	case account.HoldRunning:
		if h.Lock {
			return fmt.Sprintf("%s, which ran, or passed it on, for %s of the wait", s, percent(h.Share))
		}
		return fmt.Sprintf("%s, which ran, or was about to, for %s of the wait", s, percent(h.Share))
	case account.HoldSyscall:
		s += ", in a system call at " + Spot(h.At)
	case account.HoldBlocked:
		switch h.Reason {
		case account.Sleep:
			s += ", asleep at " + Spot(h.At)
		case account.Network:
			s += ", waiting for the network at " + Spot(h.At)
		default:
			s += fmt.Sprintf(", itself blocked (%s) at %s", h.Reason, Spot(h.At))
		}
	default:
		s += ", " + h.Activity.String()
	}
	if h.Known == Inferred {
		return s + " (inferred: in the function that locks, further down)"
	}
	return fmt.Sprintf("%s, for %s of the wait", s, percent(h.Share))
}
