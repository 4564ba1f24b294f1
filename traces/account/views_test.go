package account

import (
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/contend-go/contend/traces/decode"
)

// TestTimeline requires that the columns hold exactly the time that the windows hold.
func TestTimeline(t *testing.T) {
	f, size := openTrace(t, record(t, "procs"))
	for _, columns := range []int{1, 7, 1000} {
		var opt Options
		opt.Timeline.Columns = columns
		opt.Parallel = 2
		a, err := Read(f, size, opt)
		if err != nil {
			t.Fatal(err)
		}
		width := float64(a.Timeline.To-a.Timeline.From) / float64(columns)
		for p, lane := range a.Timeline.Lanes {
			if len(lane) != columns {
				t.Fatalf("P %d: %d columns, want %d", p, len(lane), columns)
			}
			var sum [NumStates]float64
			for i, c := range lane {
				var all float64
				for s, share := range c {
					sum[s] += float64(share) * width
					all += float64(share)
				}
				if all > 1.0001 {
					t.Errorf("P %d column %d: shares add up to %v", p, i, all)
				}
			}
			for s := range NumStates {
				if want := float64(a.Total.PerP[p][s]); math.Abs(sum[s]-want) > 1e-3*want+2*float64(columns) {
					t.Errorf("%d columns, P %d, %v: %v, want %v", columns, p, s, time.Duration(sum[s]), a.Total.PerP[p][s])
				}
			}
		}
	}
}

// TestWindowsAddUp requires that windows of any kind add up to the whole.
func TestWindowsAddUp(t *testing.T) {
	f, size := openTrace(t, record(t, "mutex"))
	whole, err := Read(f, size, Options{Windows: WindowSpec{Mode: Whole}})
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range []WindowSpec{{Mode: Auto}, {Mode: ProcsChanges}, {Mode: Slices, Every: 10 * time.Millisecond}} {
		a, err := Read(f, size, Options{Windows: spec})
		if err != nil {
			t.Fatal(err)
		}
		if a.Total.Parts != whole.Total.Parts || a.Total.Capacity != whole.Total.Capacity {
			t.Errorf("%+v: parts %v of %v, want %v of %v", spec, a.Total.Parts, a.Total.Capacity, whole.Total.Parts, whole.Total.Capacity)
		}
		var end time.Duration
		for _, w := range a.Windows {
			if w.Start != end {
				t.Errorf("%+v: a window starts at %v, the one before ends at %v", spec, w.Start, end)
			}
			end = w.End
		}
		if end != a.Duration {
			t.Errorf("%+v: the last window ends at %v of %v", spec, end, a.Duration)
		}
	}
}

// TestSites requires that the mutex program's waits are found at its lock, with its unlock as
// releaser, and that hand-offs are.
func TestSites(t *testing.T) {
	f, size := openTrace(t, record(t, "starving"))
	a, err := Read(f, size, Options{})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(a.Total.Sites, func(s Site) bool { return s.Reason == Mutex && s.Stack.has("account.starving") })
	if i < 0 {
		t.Fatalf("no mutex site among %d", len(a.Total.Sites))
	}
	s := a.Total.Sites[i]
	if s.Waits == 0 || s.Handoffs == 0 || s.Handoffs > s.Waits || s.Barging != s.Waits-s.Handoffs || s.MaxWait < time.Millisecond {
		t.Errorf("site %+v, want hand-offs after waits of over 1ms", s)
	}
	var released int64
	for _, r := range s.Releasers {
		if !r.Stack.has("Unlock") {
			t.Errorf("released by %v", r.Stack)
		}
		released += r.Count
	}
	if released != s.Waits {
		t.Errorf("%d releases of %d waits", released, s.Waits)
	}
	// No lock, no hand-off.
	f, size = openTrace(t, record(t, "pingpong"))
	if a, err = Read(f, size, Options{}); err != nil {
		t.Fatal(err)
	}
	for _, s := range a.Total.Sites {
		if s.Handoffs != 0 || s.Barging != 0 && s.Stack.has("account.") {
			t.Errorf("hand-offs without a lock: %+v", s)
		}
	}
}

// has reports whether a frame's function contains name.
func (s Stack) has(name string) bool {
	return slices.ContainsFunc(s, func(f Frame) bool { return strings.Contains(f.Func, name) })
}

func TestSamples(t *testing.T) {
	f, size := openTrace(t, record(t, "samples"))
	a, err := Read(f, size, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !a.Samples || len(a.Total.CPU) == 0 {
		t.Skip("no CPU-profile samples were taken")
	}
	var share float64
	var inWindows, total int64
	for _, c := range a.Total.CPU {
		share += c.Share
		total += c.Samples
	}
	for _, w := range a.Windows {
		for _, c := range w.CPU {
			inWindows += c.Samples
		}
	}
	if math.Abs(share-1) > 1e-9 || inWindows != total {
		t.Errorf("shares add up to %v; %d samples in windows, %d in all", share, inWindows, total)
	}
}

// TestSwitches splits a trace by made-up switch records: every thread of the trace is on the CPU for the
// first half of each ms.
func TestSwitches(t *testing.T) {
	f, size := openTrace(t, record(t, "mutex"))
	plain, err := Read(f, size, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if plain.Split || plain.Total.Parts[OnCPU] != 0 || plain.Total.Parts[Descheduled] != 0 {
		t.Errorf("split without records: %v", plain.Total.Parts)
	}
	const ms = int64(time.Millisecond)
	log := &SwitchLog{From: plain.Origin / ms * ms, To: plain.Origin + int64(plain.Duration) + ms}
	ids := threadIDs(t, f, size)
	for at := log.From; at < log.To; at += ms {
		for _, tid := range ids {
			log.Records = append(log.Records, Switch{At: at, TID: tid, In: true})
		}
		for _, tid := range ids {
			log.Records = append(log.Records, Switch{At: at + ms/2, TID: tid})
		}
	}
	a, err := Read(f, size, Options{Switches: log})
	if err != nil {
		t.Fatal(err)
	}
	on, off := a.Total.Parts[OnCPU], a.Total.Parts[Descheduled]
	if on+off != plain.Total.Parts[Running] || a.Total.Parts[Running] != 0 {
		t.Errorf("on a CPU %v, descheduled %v, neither %v: want %v in all", on, off, a.Total.Parts[Running], plain.Total.Parts[Running])
	}
	if r := float64(on) / float64(on+off); r < 0.4 || r > 0.6 {
		t.Errorf("%v on a CPU, want about half", r)
	}
	threads := time.Duration(len(ids))
	if want := threads * a.Duration / 2; (a.Total.Threads - want).Abs() > threads*time.Millisecond {
		t.Errorf("threads on CPUs for %v, want %v", a.Total.Threads, want)
	}
	a.Total.Parts[Running], a.Total.Parts[OnCPU], a.Total.Parts[Descheduled] = on+off, 0, 0
	if a.Total.Parts != plain.Total.Parts {
		t.Errorf("other parts %v, want %v", a.Total.Parts, plain.Total.Parts)
	}
}

func TestThreadCPU(t *testing.T) {
	log := &SwitchLog{From: 100, To: 1000, Records: []Switch{
		{At: 200, TID: 1}, {At: 300, TID: 1, In: true}, {At: 400, TID: 1}, {At: 500, TID: 2, In: true},
	}}
	cpus := log.threads()
	for _, tc := range []struct {
		tid      int32
		from, to int64
		state    State
		until    int64
	}{
		{1, 50, 1000, Running, 100}, // not covered
		{1, 100, 1000, OnCPU, 200},  // its first record is an out
		{1, 200, 1000, Descheduled, 300},
		{1, 350, 360, OnCPU, 360},
		{1, 400, 2000, Descheduled, 1000},
		{1, 1000, 2000, Running, 2000},
		{2, 100, 2000, Descheduled, 500}, // its first record is an in
		{2, 500, 2000, OnCPU, 1000},
	} {
		if state, until := cpus[tc.tid].at(tc.from, tc.to); state != tc.state || until != tc.until {
			t.Errorf("thread %d at [%d, %d): %v until %d, want %v until %d", tc.tid, tc.from, tc.to, state, until, tc.state, tc.until)
		}
	}
	if got := cpus[1].overlap(150, 350); got != 100 {
		t.Errorf("overlap %d, want 100", got)
	}
}

func TestHistogram(t *testing.T) {
	var h Histogram
	if h.Quantile(0.5) != 0 {
		t.Error("a quantile of nothing")
	}
	for d := range int64(1000) {
		if i := bucket(d); BucketStart(i) > time.Duration(d) || BucketStart(i+1) <= time.Duration(d) {
			t.Errorf("%d is in bucket %d from %v to %v", d, i, BucketStart(i), BucketStart(i+1))
		}
		h.add(d)
	}
	if q := h.Quantile(0.5); q < 500 || q > 640 {
		t.Errorf("median %d", q)
	}
	if bucket(math.MaxInt64) >= len(h.Buckets) {
		t.Error("the longest time has no bucket")
	}
}

func TestCPUKind(t *testing.T) {
	for _, tc := range []struct {
		want  CPUKind
		funcs string
	}{
		{User, "main.work main.main"},
		{User, "runtime.mapaccess1 main.work"},
		{LockFast, "internal/sync.(*Mutex).Lock sync.(*Mutex).Lock main.work"},
		{LockSlow, "runtime.semrelease1 internal/sync.runtime_Semrelease internal/sync.(*Mutex).unlockSlow sync.(*Mutex).Unlock main.work"},
		{Spinning, "runtime.procyield internal/sync.runtime_doSpin internal/sync.(*Mutex).lockSlow sync.(*Mutex).Lock main.work"},
		{Scheduler, "runtime.futex runtime.findRunnable runtime.schedule runtime.park_m runtime.mcall"},
		{Channels, "runtime.goready runtime.send runtime.chansend runtime.chansend1 main.work"},
		{Channels, "runtime.selectgo main.work"},
		{RuntimeLock, "runtime.lock2 runtime.lockWithRank runtime.lock runtime.sellock runtime.selectgo main.work"},
		{StackGrowth, "runtime.newstack runtime.morestack main.deep main.deep"},
		{LockFast, "sync/atomic.(*Int32).Add sync.(*RWMutex).RLock main.work"},
		{LockFast, "internal/runtime/atomic.Xadd sync/atomic.AddInt32 sync/atomic.(*Int32).Add sync.(*RWMutex).RUnlock main.work"},
		{Atomic, "sync/atomic.(*Uint64).Add main.work"},
		{User, "runtime.asyncPreempt2 runtime.asyncPreempt main.work"},
		{LockFast, "runtime.asyncPreempt2 runtime.asyncPreempt sync.(*Mutex).Lock main.work"},
		{Collector, "runtime.scanobject runtime.gcDrain runtime.gcBgMarkWorker"},
		{Tracer, "runtime.traceWriter.event runtime.traceLocker.GoPark runtime.park_m runtime.mcall"},
	} {
		if got := cpuKind(frames(tc.funcs)); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.funcs, got, tc.want)
		}
	}
}

func frames(funcs string) (out []decode.Frame) {
	for f := range strings.FieldsSeq(funcs) {
		out = append(out, decode.Frame{Func: f})
	}
	return out
}

// threadIDs are the threads of a trace.
func threadIDs(t *testing.T, f *os.File, size int64) (ids []int32) {
	tr, err := decode.Open(f, size)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range tr.Generations {
		for _, th := range g.Threads {
			if id := int32(th.ID); !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}
