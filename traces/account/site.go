package account

import (
	"github.com/contend-go/contend/traces/decode"
)

// Reasons that are not in a trace's string table.
const (
	reasonUnknown   = 1<<62 + iota // waiting since before the trace
	reasonSyscall                  // in a system call
	reasonCoroutine                // switched away from
	reasonCreated                  // new
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

// isLock reports whether handing off and barging mean anything for a reason.
func isLock(r Reason) bool {
	return r == Mutex || r == RWReader || r == RWWriter || r == Once || r == FileLock
}

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
