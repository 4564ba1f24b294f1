package account

import (
	"math"
	"testing"
	"time"
)

func TestWaitBy(t *testing.T) {
	const s = time.Second
	w := Window{Capacity: 100 * s, Causes: []Cause{
		{Kind: Blocked, Reason: Mutex, Time: 10 * s}, {Kind: Blocked, Reason: RWReader, Time: 5 * s},
		{Kind: Blocked, Reason: ChanSend, Time: 4 * s}, {Kind: Blocked, Reason: Select, Time: 2 * s},
		{Kind: Blocked, Reason: SyscallOut, Time: 3 * s}, {Kind: Blocked, Reason: Sleep, Time: 7 * s},
		{Kind: WakeUp, Time: 8 * s}, {Kind: NoWork, Time: s},
		{Kind: InSyscall, Time: 6 * s}, {Kind: Switching, Time: 7 * s}, {Kind: NoCPU, Time: 2 * s}, {Kind: Stopped, Time: 11 * s},
	}}
	w.Parts = Parts{OnCPU: 20 * s, Running: s, Descheduled: 2 * s, GC: 3 * s, Syscall: 6 * s, Held: 9 * s, STW: 11 * s, Idle: 40 * s, Unknown: 5 * s}
	// Other is sleep, no work and unknown, and the residual of 3 s.
	want := [...]float64{0.15, 0.06, 0.08, 0.09, 0.09, 0.11, 0.16}
	sum := 0.0
	for i, share := range w.WaitBy() {
		sum += share
		if math.Abs(share-want[i]) > 1e-12 {
			t.Errorf("%s: %v, want %v", WaitKinds[i], share, want[i])
		}
	}
	if math.Abs(sum-w.PWait()) > 1e-12 {
		t.Errorf("the parts add up to %v, p-wait is %v", sum, w.PWait())
	}
}

func TestMeasures(t *testing.T) {
	for _, c := range []struct {
		outermost string
		want      bool
	}{
		{"runtime.traceStartReadCPU.func1", true}, {"runtime.(*traceAdvancerState).start.func1", true},
		{"runtime/trace.(*traceMultiplexer).startLocked.func1", true}, {"runtime/pprof.profileWriter", true},
		{"github.com/contend-go/contend/traces/record.(*switchRecorder).run", true},
		{"runtime.main", false}, {"main.worker", false}, {"github.com/contend-go/contend/traces/show.Open", false},
	} {
		stack := Stack{{Func: "runtime.chanrecv1"}, {Func: c.outermost}}
		if got := measures(stack); got != c.want {
			t.Errorf("%s: %v", c.outermost, got)
		}
	}
	const crew = "github.com/contend-go/contend/bench/cachebench.(*crew[...])."
	if !measures(Stack{{Func: "time.Sleep"}, {Func: crew + "window"}, {Func: "runtime.main"}}) {
		t.Error("the controller of the load does not measure")
	}
	if measures(Stack{{Func: "sync.(*Mutex).Lock"}, {Func: "main.Get"}, {Func: crew + "start.func1"}}) {
		t.Error("a worker measures")
	}
	if measures(nil) || measures(Stack{{Func: "runtime/trace.WithRegion"}, {Func: "main.main"}}) {
		t.Error("a program that calls the tracer is no recorder")
	}
}
