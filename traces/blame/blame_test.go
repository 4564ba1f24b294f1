package blame

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/contend-go/contend/traces/account"
)

// TestSharesAddUp requires that what the verdict tells apart is what was lost: all lines, threads without a CPU, nothing to do, measuring. And that
// windows have the same lines as the whole.
func TestSharesAddUp(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.trace.gz")
	if err != nil || len(files) < 20 {
		t.Fatalf("recordings: %d", len(files))
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			t.Parallel()
			a := read(t, f, account.ProcsChanges)
			v := Of(a)
			var lines time.Duration
			for _, s := range a.Total.Sites {
				if !s.Apparatus {
					lines += s.Charged
				}
			}
			if sum := lines + v.Measurement + v.NoCPU + v.NoWork; (sum - v.Lost).Abs() > time.Microsecond {
				t.Errorf("lines %v, measurement %v, no CPU %v and no work %v are not the %v lost", lines, v.Measurement, v.NoCPU, v.NoWork, v.Lost)
			}
			var named float64
			for _, x := range v.Findings {
				if x.Known == Sampled {
					continue
				}
				named += x.Share
				by := x.By.Blocked + x.By.WakeUp + x.By.Switching + x.By.Syscall + x.By.Stopped
				if d := (time.Duration(x.OfCapacity*float64(v.Capacity)) - by).Abs(); d > time.Microsecond {
					t.Errorf("%s: %v of capacity, by what was done %v", &x, time.Duration(x.OfCapacity*float64(v.Capacity)), by)
				}
				rows := 0.0
				for _, r := range x.Others {
					rows += r.Share
				}
				if rows < x.Share-1e-9 || rows > x.Share+1e-9 {
					t.Errorf("%s: callers have %v of %v", &x, rows, x.Share)
				}
			}
			if named > 1+1e-9 {
				t.Errorf("findings have %v of what was lost", named)
			}
			// The same lines by windows.
			whole, parts := map[string]time.Duration{}, map[string]time.Duration{}
			l := NewLocator(&a.Total)
			add := func(m map[string]time.Duration, w *account.Window) {
				for i := range w.Sites {
					m[key(l.Place(w.Sites[i].Stack).Line)] += w.Sites[i].Charged
				}
			}
			add(whole, &a.Total)
			for i := range a.Windows {
				add(parts, &a.Windows[i])
			}
			if !maps.Equal(whole, parts) {
				t.Errorf("windows have %v, the whole has %v", parts, whole)
			}
		})
	}
}

func frame(fn, file string, line int) account.Frame {
	return account.Frame{Func: fn, File: file, Line: line}
}

// TestPlace finds lines and callers.
func TestPlace(t *testing.T) {
	trimmed := Locator{}
	rooted := Locator{root: "/usr/lib/go/src/"}
	lock := frame("sync.(*Mutex).Lock", "sync/mutex.go", 46)
	for _, c := range []struct {
		name               string
		l                  Locator
		stack              account.Stack
		line, lock, caller string
		op                 string
	}{
		{"a lock of one's own", trimmed, account.Stack{lock, frame("main.get", "app/get.go", 7)}, "get.go:7", "get.go:7", "", ""},
		{"of the standard library", trimmed, account.Stack{lock, frame("math/rand.(*lockedSource).Int63", "math/rand/rand.go", 516), frame("math/rand.Int63n", "math/rand/rand.go", 450), frame("main.pick", "app/pick.go", 17)},
			"pick.go:17", "rand.go:516", "", "rand.Int63n"},
		{"behind a wrapper", trimmed, account.Stack{lock, frame("github.com/x/log.(*MutexWrap).Lock", "github.com/x/log@v1.0.0/wrap.go", 58), frame("github.com/x/log.(*Entry).write", "github.com/x/log@v1.0.0/entry.go", 231), frame("main.serve", "app/serve.go", 9)},
			"entry.go:231", "wrap.go:58", "serve.go:9", "log.(*MutexWrap).Lock"},
		{"a module called like a package, not trimmed", rooted, account.Stack{frame("sync.(*Mutex).Lock", "/usr/lib/go/src/sync/mutex.go", 46), frame("log.Write", "/home/u/log/log.go", 3)}, "log.go:3", "log.go:3", "", ""},
		{"an inlined closure is told by its file", trimmed, account.Stack{lock, frame("main.use.(*Map[...]).Put.func1", "store/s.go", 4), frame("main.use", "app/use.go", 5)}, "s.go:4", "s.go:4", "", ""},
		{"preempted", trimmed, account.Stack{frame("runtime.asyncPreempt2", "runtime/preempt.go", 1), frame("runtime.asyncPreempt", "runtime/preempt.s", 2), frame("main.loop", "app/loop.go", 8)}, "loop.go:8", "loop.go:8", "", ""},
		{"vendored", trimmed, account.Stack{lock, frame("go.uber.org/zap.(*Logger).Info", "go.uber.org/zap@v1.16.0/logger.go", 188), frame("main.f", "app/f.go", 1)}, "logger.go:188", "logger.go:188", "f.go:1", ""},
		{"no line of a user's", trimmed, account.Stack{frame("net.(*netFD).accept", "net/fd_unix.go", 150), frame("net/http.(*Server).Serve", "net/http/server.go", 3)}, "fd_unix.go:150", "fd_unix.go:150", "", ""},
	} {
		p := c.l.Place(c.stack)
		end := func(f account.Frame, want string) bool {
			return want == "" && f.Func == "" || want != "" && at(f, want)
		}
		if !end(p.Line, c.line) || !end(p.Lock, c.lock) || !end(p.Caller, c.caller) || p.Op != c.op {
			t.Errorf("%s: line %v, lock %v, caller %v, in %q; want %s, %s, %q, %q", c.name, p.Line, p.Lock, p.Caller, p.Op, c.line, c.lock, c.caller, c.op)
		}
	}
}

// TestStuck names what may never end: locks, and where releases tell it, cycles.
func TestStuck(t *testing.T) {
	stack := func(fn string, line int) account.Stack {
		return account.Stack{frame("sync.(*Mutex).Lock", "sync/mutex.go", 46), frame("main."+fn, "app/"+fn+".go", line), frame("main.main", "app/main.go", 1)}
	}
	site := func(fn, by string) account.Site {
		return account.Site{Reason: account.Mutex, Stack: stack(fn, 10), Wait: 9 * time.Second, Open: 2, MaxOpen: 5 * time.Second, Waits: 3, MaxWait: time.Millisecond,
			Releasers: []account.Releaser{{Stack: account.Stack{frame("sync.(*Mutex).Unlock", "sync/mutex.go", 65), frame("main."+by, "app/"+by+".go", 20)}, Count: 3}}}
	}
	a := &account.Account{GoMinor: 26, Duration: 10 * time.Second}
	a.Total = account.Window{Capacity: 20 * time.Second, Sites: []account.Site{
		site("first", "second"), site("second", "first"), site("third", "fourth"),
		{Reason: account.Mutex, Stack: stack("busy", 1), Open: 1, MaxOpen: 30 * time.Millisecond, Waits: 1000, MaxWait: 50 * time.Millisecond},
		{Reason: account.Network, Stack: stack("accept", 1), Open: 1, MaxOpen: 10 * time.Second, ByDesign: true},
	}}
	a.Total.Parts[account.Idle] = 20 * time.Second
	got := map[string]string{}
	for _, s := range Of(a).Stuck {
		cycle := ""
		if s.Cycle != nil {
			cycle = s.Cycle.Line.Func
		}
		got[s.Line.Func] = cycle
	}
	if want := map[string]string{"main.first": "main.second", "main.second": "main.first", "main.third": ""}; !maps.Equal(got, want) {
		t.Errorf("stuck: %v, want %v", got, want)
	}
}

// TestBlind says that a trace cannot tell where nothing waits and there are no samples.
func TestBlind(t *testing.T) {
	a := &account.Account{GoMinor: 26, Duration: time.Second}
	a.Total = account.Window{Capacity: 2 * time.Second, End: time.Second}
	a.Total.Parts[account.Running] = 2*time.Second - time.Millisecond
	a.Total.Parts[account.Idle] = time.Millisecond
	a.Total.Causes = []account.Cause{{Kind: account.NoWork, Time: time.Millisecond}}
	v := Of(a)
	if len(v.Findings) != 1 || v.Findings[0].Kind != "busy" || !strings.Contains(v.Findings[0].String(), "nothing waits") {
		t.Errorf("%+v", v.Findings)
	}
	// What samples tell comes first.
	atomic := account.Stack{frame("sync/atomic.(*Uint64).Add", "sync/atomic/type.go", 1), frame("main.count", "app/count.go", 18)}
	a.Total.CPU = []account.CPU{{Kind: account.Atomic, Samples: 90, Stacks: []account.StackCount{{Stack: atomic, Count: 90}}}}
	v = Of(a)
	if f := v.Findings[0]; f.Kind != "atomic" || !at(f.Line, "count.go:18") || f.Known != Sampled {
		t.Errorf("%+v", v.Findings)
	}
	if slices.ContainsFunc(v.Findings, func(f Finding) bool { return f.Kind == "busy" }) {
		t.Error("both an answer and none")
	}
}

// TestNext has advice for every kind.
func TestNext(t *testing.T) {
	for _, e := range readExpected(t) {
		kind, _, _ := strings.Cut(e.kind, " (")
		if next[kind] == "" {
			t.Errorf("%s: nothing to try", kind)
		}
	}
	for _, kind := range []string{"new goroutines", "short goroutines", "limit", "slow sender", "slow receiver", "deadlock"} {
		if next[kind] == "" {
			t.Errorf("%s: nothing to try", kind)
		}
	}
	for _, r := range []account.Reason{account.RWWriter, account.Once, account.Cond, account.WaitGroup, account.Singleflight, account.Semaphore,
		account.FileLock, account.ChanSend, account.Select, account.Sleep, account.Network, account.GCAssist, account.GCWait, account.StopWait, account.Preempted} {
		if next[string(r)] == "" {
			t.Errorf("%s: nothing to try", r)
		}
	}
}

// TestAssists names the line whose allocations do the collector's work.
func TestAssists(t *testing.T) {
	stack := func(line int) account.Stack {
		return account.Stack{frame("runtime.gcAssistAlloc", "runtime/mgcmark.go", 1), frame("runtime.mallocgc", "runtime/malloc.go", 2), frame("main.make", "app/make.go", line)}
	}
	a := &account.Account{GoMinor: 26, Duration: time.Second}
	a.Total = account.Window{Capacity: 2 * time.Second, End: time.Second, Sites: []account.Site{
		{Reason: account.GCAssist, Stack: stack(7), Assist: 100 * time.Millisecond}, {Reason: account.GCAssist, Stack: stack(9), Assist: 300 * time.Millisecond},
	}}
	if got := strings.Join(Of(a).Remarks, "\n"); !strings.Contains(got, "20% of capacity") || !strings.Contains(got, "75% of that at main.make app/make.go:9") {
		t.Errorf("remarks: %s", got)
	}
}
