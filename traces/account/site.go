package account

import (
	"slices"
	"strings"

	"github.com/contend-go/contend/traces/decode"
)

// Reasons that are not in a trace's string table.
const (
	reasonUnknown   = 1<<62 + iota // waiting since before the trace
	reasonSyscall                  // in a system call
	reasonCoroutine                // switched away from
)

// siteKey is a site, by a generation's own numbers.
type siteKey struct{ reason, stack uint64 }

// siteTable numbers the sites of a generation.
type siteTable struct {
	keys    []siteKey
	index   map[siteKey]int32
	byStack []int32 // for low stack ids the last site with that stack, plus 1
}

func newSiteTable() siteTable { return siteTable{index: make(map[siteKey]int32)} }

// maxDirect is up to which stack id sites are found without a map. Ids are dense.
const maxDirect = 1 << 18

// of returns the site's number.
func (t *siteTable) of(reason, stack uint64) int32 {
	if stack < uint64(len(t.byStack)) {
		if i := t.byStack[stack] - 1; i >= 0 && t.keys[i].reason == reason {
			return i
		}
	}
	return t.find(siteKey{reason, stack})
}

func (t *siteTable) find(k siteKey) int32 {
	i, ok := t.index[k]
	if !ok {
		i = int32(len(t.keys))
		t.keys = append(t.keys, k)
		t.index[k] = i
	}
	if k.stack < maxDirect {
		t.byStack = grow(t.byStack, int(k.stack))
		t.byStack[k.stack] = i + 1
	}
	return i
}

// reasonOf tells what a goroutine waits for from the trace's reason and the
// functions at the top of its stack.
func reasonOf(key siteKey, reason string, stack Stack) Reason {
	switch key.reason {
	case reasonUnknown:
		return UnknownWait
	case reasonSyscall:
		return SyscallOut
	case reasonCoroutine:
		return Coroutine
	}
	switch reason {
	case "":
		return UnknownWait
	case "sync":
		return syncReason(stack)
	case "sync.(*Cond).Wait":
		return Cond
	case "chan send":
		return ChanSend
	case "chan receive":
		return ChanRecv
	case "select":
		return Select
	case "network":
		return Network
	case "sleep":
		return Sleep
	case "forever":
		return Forever
	case "preempted":
		return Preempted
	case "system goroutine wait":
		return System
	}
	if strings.HasPrefix(reason, "GC ") || reason == "wait until GC ends" {
		return GCWait
	}
	return OtherWait
}

// syncReason splits the trace's reason "sync" by the function that waits. Methods may be inlined,
// so every frame up to the user's counts: RWMutex.Lock waits in Mutex.Lock too.
func syncReason(stack Stack) Reason {
	r := OtherSync
	for _, f := range stack {
		if !isSync(f.Func) {
			break
		}
		switch {
		case strings.Contains(f.Func, ".(*RWMutex)."):
			return RWMutex
		case strings.Contains(f.Func, ".(*Mutex)."):
			r = Mutex
		case strings.Contains(f.Func, ".(*WaitGroup)."):
			r = WaitGroup
		}
	}
	return r
}

// isSync reports whether a function belongs to the implementation of package sync.
func isSync(fn string) bool {
	return strings.HasPrefix(fn, "sync.") || strings.HasPrefix(fn, "internal/sync.") || strings.HasPrefix(fn, "runtime.")
}

// recorderFuncs are what the goroutines run that record a trace: the runtime's, the
// profiler's beside it, and those of package record. controllerFuncs are where
// Contend's load is directed, with the workers elsewhere.
var (
	recorderFuncs   = []string{"runtime.trace", "runtime.(*trace", "runtime/trace.", "runtime/pprof.", "github.com/contend-go/contend/traces/record."}
	controllerFuncs = []string{"github.com/contend-go/contend/bench/cachebench.(*crew[", "github.com/contend-go/contend/traces/record."}
)

// measures reports whether a goroutine that is blocked in that stack is of the
// measuring apparatus: a recorder by the function that it was started with, the
// controller by the one that waits.
func measures(stack Stack) bool {
	if len(stack) == 0 {
		return false
	}
	begins := func(fn string, prefixes []string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(fn, p) })
	}
	waits := slices.IndexFunc(stack, func(f Frame) bool { return !isSync(f.Func) && f.Func != "time.Sleep" })
	return begins(stack[len(stack)-1].Func, recorderFuncs) || waits >= 0 && begins(stack[waits].Func, controllerFuncs)
}

// isLock reports whether handing off and barging mean anything for a reason.
func isLock(r Reason) bool { return r == Mutex || r == RWMutex }

// isHandoff recognises the yield at the end of an Unlock in starvation mode: the
// unlocker calls goyield from semrelease1, which nothing but a hand-off does.
func isHandoff(stack []decode.Frame) bool {
	for i := range min(len(stack), 4) {
		if stack[i].Func == "runtime.semrelease1" {
			return i > 0 && stack[i-1].Func == "runtime.goyield"
		}
	}
	return false
}
