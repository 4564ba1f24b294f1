package account

import (
	"strings"

	"github.com/contend-go/contend/traces/decode"
)

// cpuKinds are the functions by which a sample's kind is told: the first rule with a function of
// its list in the runtime's and sync's part of the stack (from the innermost frame out to
// the first one of other code, or all of it for rules that take whole stacks) applies. A name that ends in
// * is a prefix.
var cpuKinds = []struct {
	kind  CPUKind
	whole bool // all frames count, as the work runs on goroutines of its own
	funcs []string
}{
	{Tracer, true, []string{
		"runtime.trace*", "runtime.(*trace*", "runtime.traceLocker.*", "runtime.traceWriter.*", "runtime.traceEventWriter.*",
		"runtime.sigprof", "runtime.(*cpuProfile).*", "runtime.(*profBuf).*", "runtime/trace.*", "runtime/pprof.*",
		"runtime.ReadTrace", "runtime.readTrace*",
	}},
	{Collector, true, []string{
		"runtime.gcBgMarkWorker*", "runtime.gcDrain*", "runtime.gcAssist*", "runtime.gcStart*", "runtime.gcMark*",
		"runtime.bgsweep", "runtime.sweepone", "runtime.(*sweepLocked).*", "runtime.(*mspan).sweep", "runtime.bgscavenge",
		"runtime.wbBufFlush*", "runtime.(*mheap).reclaim*", "runtime.scanobject", "runtime.markroot*", "runtime.(*gcWork).*",
	}},
	{Spinning, false, []string{"sync.runtime_doSpin", "internal/sync.runtime_doSpin", "sync.runtime_canSpin", "internal/sync.runtime_canSpin"}},
	{RuntimeLock, false, []string{"runtime.lock2", "runtime.unlock2", "runtime.lockWithRank", "runtime.unlockWithRank", "runtime.unlock2Wake", "runtime.(*mLockProfile).*"}},
	{LockSlow, false, []string{
		"sync.(*Mutex).lockSlow", "sync.(*Mutex).unlockSlow", "internal/sync.(*Mutex).lockSlow", "internal/sync.(*Mutex).unlockSlow",
		"sync.(*RWMutex).rUnlockSlow", "sync.runtime_Sem*", "internal/sync.runtime_Sem*", "runtime.sem*",
	}},
	{StackGrowth, false, []string{"runtime.morestack*", "runtime.newstack", "runtime.copystack"}},
	{Channels, false, []string{"runtime.chan*", "runtime.send", "runtime.recv", "runtime.selectgo", "runtime.selectnb*", "runtime.sellock", "runtime.selunlock", "runtime.closechan"}},
	{Scheduler, true, []string{
		"runtime.schedule", "runtime.findRunnable", "runtime.mcall", "runtime.park_m", "runtime.gosched*", "runtime.goexit0",
		"runtime.gopreempt_m", "runtime.mstart*", "runtime.sysmon", "runtime.newproc*", "runtime.goready*", "runtime.ready",
		"runtime.gopark*", "runtime.entersyscall*", "runtime.exitsyscall*", "runtime.netpoll*", "runtime.resetspinning",
		"runtime.wakep", "runtime.startm", "runtime.stopm",
		"runtime.goyield*",
	}},
	{LockFast, false, []string{"sync.*", "internal/sync.*"}},
	{Atomic, false, []string{"sync/atomic.*"}},
}

// cpuKind tells the kind of work of a CPU-profile sample.
func cpuKind(stack []decode.Frame) CPUKind {
	for len(stack) > 0 && strings.HasPrefix(stack[0].Func, "runtime.asyncPreempt") {
		stack = stack[1:] // a signal came; what it interrupted is what the CPU did
	}
	outer := 0 // the first frame of neither the runtime nor sync
	for outer < len(stack) && (isSync(stack[outer].Func) || begins(stack[outer].Func, []string{"internal/runtime/", "sync/atomic."})) {
		outer++
	}
	for _, k := range cpuKinds {
		frames := stack[:outer]
		if k.whole && outer == len(stack) {
			frames = stack
		}
		for _, f := range frames {
			for _, name := range k.funcs {
				if prefix, ok := strings.CutSuffix(name, "*"); f.Func == name || ok && strings.HasPrefix(f.Func, prefix) {
					return k.kind
				}
			}
		}
	}
	return User
}
