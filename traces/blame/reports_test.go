package blame

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/contend-go/contend/traces/account"
)

// reports are what a verdict must say, and must not, of a line of the programs of testdata/reports, recorded with Go 1.26 at GOMAXPROCS 2: of the
// finding of that kind in that function, its sentence and what to try next.
var reports = []struct {
	name, kind, fn string
	says, not      []string
}{
	{"network", "network", "main.serve", nil, []string{"held by", "waits for main"}},
	{"network", "sleep", "main.slow", nil, []string{"held by", "waits for main"}},
	{"network", "chan send", "main.request",
		[]string{"waits for main.request, waiting for the network", "a limit on how many go on at once", "hold it for less, or raise the limit"}, []string{"switches"}},
	{"limit", "chan send", "main.useLimited",
		[]string{"waits for main.useLimited, asleep at main.slow", "a limit on how many go on at once", "hold it for less, or raise the limit"}, []string{"switches", "receiver is slow"}},
	{"context", "select", "main.useOrGiveUp",
		[]string{"waits for main.useOrGiveUp, asleep at main.slow", "a limit on how many go on at once", "hold it for less, or raise the limit"}, []string{"find the goroutine"}},
	{"signal", "chan receive", "main.signalled", []string{"waits for main.finish, asleep at main.finish", "the sender is slow"}, []string{"several items", "switches"}},
	{"children", "new goroutines", "main.children", []string{"300 goroutines created there ended, after ", "ms of running on average"}, []string{"as soon as they begin", "short"}},
	{"waitgroup", "waitgroup", "main.waitGroup", []string{"waits for main.part, which ran"}, []string{"held by"}},
	{"closure", "waitgroup", "main.closure", []string{"waits for main.closure.func1, which ran"}, []string{"held by"}},
	{"deadlock", "mutex", "main.takeLeft", []string{"blocked for the whole trace", "before the trace began", "perhaps a deadlock", "goroutine dump"}, []string{"do less", "split"}},
	{"deadlock", "mutex", "main.takeRight", []string{"blocked for the whole trace", "before the trace began", "perhaps a deadlock", "goroutine dump"}, []string{"do less", "split"}},
}

func readReport(t *testing.T, name string) *account.Account {
	return read(t, filepath.Join("testdata", "reports", name+".trace.gz"), account.Whole)
}

// TestReports holds sentences and advice against what small programs do.
func TestReports(t *testing.T) {
	for _, want := range reports {
		v := Of(readReport(t, want.name))
		i := slices.IndexFunc(v.Findings, func(f Finding) bool { return f.Kind == want.kind && f.Line.Func == want.fn })
		if i < 0 {
			t.Errorf("%s: no %s at %s in %+v", want.name, want.kind, want.fn, v.Findings)
			continue
		}
		text := v.Findings[i].String() + "; try: " + v.Findings[i].Next
		for _, s := range want.says {
			if !strings.Contains(text, s) {
				t.Errorf("%s: %q is not in %q", want.name, s, text)
			}
		}
		for _, s := range want.not {
			if strings.Contains(text, s) {
				t.Errorf("%s: %q is in %q", want.name, s, text)
			}
		}
	}
}

// TestSerialFunction names the function of a goroutine that ran on from its beginning, not the line that created it.
func TestSerialFunction(t *testing.T) {
	for name, fn := range map[string]string{"closure": "main.closure.func1", "waitgroup": "main.part"} {
		if text := strings.Join(Of(readReport(t, name)).Remarks, "\n"); !strings.Contains(text, "ran on from "+fn+" ") {
			t.Errorf("%s: %s is not in %q", name, fn, text)
		}
	}
}

// TestSerialCreated says that a goroutine ran since its creation, where the function that it began with is the standard library's.
func TestSerialCreated(t *testing.T) {
	a := &account.Account{GoMinor: 26, Duration: time.Second}
	a.Total = account.Window{Capacity: 2 * time.Second, End: time.Second, Serial: []account.Serial{{
		Time: time.Second, Reason: account.Created,
		Stack: account.Stack{frame("sync.(*WaitGroup).Go", "sync/waitgroup.go", 239), frame("main.all", "app/all.go", 7)},
		Start: account.Stack{frame("sync.(*WaitGroup).Go.func1", "sync/waitgroup.go", 240)},
	}}}
	if text := strings.Join(Of(a).Remarks, "\n"); !strings.Contains(text, "ran on since its creation at main.all app/all.go:7 (inferred)") {
		t.Errorf("remarks: %s", text)
	}
}

// TestSpins tells a loop that waits by yielding from a few calls: 9 in one program, hundreds of thousands in another.
func TestSpins(t *testing.T) {
	yields := func(a *account.Account) (n int64) {
		for _, s := range a.Total.Sites {
			if s.Reason == account.Yield {
				n += s.Yields
			}
		}
		return n
	}
	few := readReport(t, "yields")
	if n := yields(few); n != 9 {
		t.Errorf("%d calls of Gosched, want 9", n)
	}
	spin := read(t, "testdata/cases/20-spinlock.trace.gz", account.Whole)
	if n := yields(spin); n < 10_000 {
		t.Errorf("%d calls of Gosched in a spin lock", n)
	}
	if next := Of(spin).Findings[0].Next; !strings.Contains(next, "a loop that yields until something is so") {
		t.Errorf("spin lock: %s", next)
	}
	a := &account.Account{GoMinor: 26, Duration: time.Second}
	a.Total = account.Window{Capacity: 2 * time.Second, End: time.Second, Sites: []account.Site{{
		Reason: account.Yield, Stack: account.Stack{frame("runtime.Gosched", "runtime/proc.go", 1), frame("main.step", "app/step.go", 7)},
		Charged: time.Second, By: account.Charge{Switching: time.Second}, Yields: 10,
	}}}
	a.Total.Parts[account.Held] = time.Second
	if next := Of(a).Findings[0].Next; strings.Contains(next, "a loop") || !strings.Contains(next, "10 calls in the whole trace") {
		t.Errorf("ten calls: %s", next)
	}
}

// sentTo is goroutines that waited in a stack, three of which one release let go, and one of them another.
func sentTo(r account.Reason, stack, three, one account.Stack) *group {
	g := &group{kind: string(r), reason: r}
	g.add(&account.Site{Reason: r, Stack: stack, Charged: 1, By: account.Charge{Blocked: 1},
		Releasers: []account.Releaser{{Stack: three, Count: 3}, {Stack: one, Count: 1}}}, Locator{}.Place(stack))
	return g
}

// TestLimit tells a channel that limits how many go on from one that items go through.
func TestLimit(t *testing.T) {
	send := account.Stack{frame("runtime.chansend1", "runtime/chan.go", 1), frame("main.stage", "app/stage.go", 10), frame("main.run", "app/run.go", 1)}
	receive := func(fn string, line int) account.Stack {
		return account.Stack{frame("runtime.chanrecv1", "runtime/chan.go", 2), frame(fn, "app/stage.go", line)}
	}
	for _, c := range []struct {
		name    string
		release account.Stack
		limit   bool
	}{
		{"the same function, further down", receive("main.stage", 14), true},
		{"deferred", receive("main.stage.func1", 11), true},
		{"a goroutine that the sender began", receive("main.stage.func2.1", 13), true},
		{"the next stage of a pipeline, which receives before it sends", receive("main.stage", 9), false},
		{"another function", receive("main.sink", 14), false},
		{"a function whose name begins like it", receive("main.stages", 14), false},
	} {
		for _, r := range []account.Reason{account.ChanSend, account.Select} {
			if got := sentTo(r, send, c.release, receive("main.sink", 20)).isLimit(); got != c.limit {
				t.Errorf("%s, %s: limit %v", r, c.name, got)
			}
		}
	}
	// A stage that receives in a select is let go by the one before, which sends further down.
	sends := account.Stack{frame("runtime.chansend1", "runtime/chan.go", 1), frame("main.stage", "app/stage.go", 14)}
	if sentTo(account.Select, send, sends, sends).isLimit() {
		t.Error("a stage that receives in a select is a limit")
	}
}

// TestSwitchAdvice speaks of goroutine switches only where they are what was lost.
func TestSwitchAdvice(t *testing.T) {
	for _, r := range []account.Reason{account.ChanSend, account.ChanRecv} {
		g := &group{kind: string(r), reason: r, rows: []row{{}}, by: account.Charge{Blocked: 40, WakeUp: 20, Switching: 40}}
		if next := g.advice(nil, time.Second); !strings.Contains(next, "fewer goroutine switches") {
			t.Errorf("%s, mostly switching: %s", r, next)
		}
		g.by = account.Charge{Blocked: 60, WakeUp: 20, Switching: 20}
		if next := g.advice(nil, time.Second); strings.Contains(next, "switches") || !strings.Contains(next, "is slow") {
			t.Errorf("%s, mostly blocked: %s", r, next)
		}
	}
}

// TestShort calls goroutines short by how long they ran.
func TestShort(t *testing.T) {
	for mean, kind := range map[time.Duration]string{20 * time.Microsecond: "short goroutines", 100 * time.Microsecond: "new goroutines", 5 * time.Millisecond: "new goroutines"} {
		a := &account.Account{GoMinor: 26, Duration: time.Second}
		a.Total = account.Window{Capacity: 2 * time.Second, End: time.Second, Sites: []account.Site{{
			Reason: account.Created, Stack: account.Stack{frame("main.start", "app/start.go", 7)},
			Charged: time.Second, By: account.Charge{WakeUp: time.Second}, Ended: 50, Ran: 50 * mean,
		}}}
		a.Total.Parts[account.Idle] = time.Second
		f := Of(a).Findings[0]
		if f.Kind != kind || strings.Contains(f.Next, "as soon as they begin") != (kind == "short goroutines") {
			t.Errorf("%v: %s, try: %s", mean, f.Kind, f.Next)
		}
	}
}

// TestCreated counts, of the line that creates goroutines, those that ended and how long they ran: of 300, each works for a millisecond. Windows
// add up to the whole.
func TestCreated(t *testing.T) {
	a := readWindows(t, filepath.Join("testdata", "reports", "children.trace.gz"), account.WindowSpec{Mode: account.Slices, Every: 10 * time.Millisecond})
	created := func(w *account.Window) (ended int64, ran time.Duration) {
		for _, s := range w.Sites {
			if s.Reason == account.Created && slices.ContainsFunc(s.Stack, func(f account.Frame) bool { return f.Func == "main.children" }) {
				ended, ran = ended+s.Ended, ran+s.Ran
			}
		}
		return ended, ran
	}
	ended, ran := created(&a.Total)
	if ended != 300 || ran < 300*time.Millisecond || ran > a.Total.Parts.Goroutine() {
		t.Errorf("%d goroutines ended after %v, of %v that goroutines ran", ended, ran, a.Total.Parts.Goroutine())
	}
	var sum int64
	for i := range a.Windows {
		n, d := created(&a.Windows[i])
		sum, ran = sum+n, ran-d
	}
	if sum != ended || ran != 0 {
		t.Errorf("windows have %d of %d, and %v more or less", sum, ended, ran)
	}
}
