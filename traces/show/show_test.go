package show

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/pprof/profile"

	"github.com/contend-go/contend/traces/account"
	"github.com/contend-go/contend/traces/record"
)

var update = flag.Bool("update", false, "write the goldens anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s: -want +got (run with -update to accept):\n%s", path, d)
	}
}

// lockStack is where a goroutine waits for a lock in user code.
var lockStack = account.Stack{
	{Func: "runtime.semacquire1", File: "/go/src/runtime/sema.go", Line: 192},
	{Func: "internal/sync.(*Mutex).lockSlow", File: "/go/src/internal/sync/mutex.go", Line: 149},
	{Func: "sync.(*Mutex).Lock", File: "/go/src/sync/mutex.go", Line: 46},
	{Func: "example.org/cache/lru.(*Cache).Get", File: "/src/cache/lru/lru.go", Line: 41},
	{Func: "main.worker", File: "/src/cache/main.go", Line: 12},
}

var unlockStack = account.Stack{
	{Func: "sync.(*Mutex).Unlock", File: "/go/src/sync/mutex.go", Line: 65},
	{Func: "example.org/cache/lru.(*Cache).Set", File: "/src/cache/lru/lru.go", Line: 66},
}

var syscallStack = account.Stack{
	{Func: "syscall.fdatasync", File: "/go/src/syscall/zsyscall.go", Line: 9},
	{Func: "example.org/cache/lru.(*Cache).Set", File: "/src/cache/lru/lru.go", Line: 60},
}

// mutexTrace is an account made up by hand: one window at 1 P, one at 4.
func mutexTrace() *Trace {
	const s = time.Second
	one := account.Window{Label: "gomaxprocs=1", End: s, MinProcs: 1, MaxProcs: 1, Capacity: s}
	one.Parts[account.OnCPU] = s
	four := account.Window{Label: "gomaxprocs=4", Start: s, End: 2 * s, MinProcs: 4, MaxProcs: 4, Capacity: 4 * s, Residual: s / 1000}
	four.Parts[account.OnCPU] = s
	four.Parts[account.Descheduled] = s
	four.Parts[account.Held] = s / 2
	four.Parts[account.Idle] = 3*s/2 - s/1000
	four.PerP = []account.Parts{{}, {}, {}, {}}
	four.Goroutines = account.Goroutines{Running: 2 * s, Runnable: 3 * s, Waiting: 11 * s, Created: 16, Exited: 16}
	four.Waits = []account.Wait{{Reason: account.Mutex, Time: 11 * s, Count: 123_456}}
	four.Sites = []account.Site{
		{Reason: account.Mutex, Stack: lockStack, Wait: 11 * s, Waits: 123_456, MaxWait: 3 * time.Millisecond, Charged: 3*s/2 - s/1000,
			Ready: s / 4, By: account.Charge{Blocked: s, WakeUp: s/2 - s/1000},
			Holds: []account.Hold{{Activity: account.HoldSyscall, Time: 3 * s, At: syscallStack, Release: unlockStack}}, Held: 4 * s,
			Handoffs: 3_456, Barging: 120_000, Releasers: []account.Releaser{{Stack: unlockStack, Count: 123_000}}},
		{Reason: account.ChanRecv, Stack: account.Stack{{Func: "main.main", File: "/src/cache/main.go", Line: 30}}, Parked: 1},
	}
	four.Causes = []account.Cause{
		{Kind: account.Blocked, Reason: account.Mutex, Stack: lockStack, Time: s},
		{Kind: account.WakeUp, Reason: account.Mutex, Stack: lockStack, Time: s/2 - s/1000},
		{Kind: account.NoCPU, Time: s / 2},
	}
	total := four
	total.Label, total.Start, total.MinProcs, total.Capacity = "", 0, 1, 5*s
	total.Parts[account.OnCPU] = 2 * s
	return &Trace{Name: "mutex.trace", Usable: 2, Account: &account.Account{
		GoMinor: 26, Origin: 5e9, Duration: 2 * s, Events: 1_234_567, Size: 6_543_210, Split: true,
		Windows: []account.Window{one, four}, Total: total,
	}}
}

// freeTrace is mutexTrace without waits at 4 Ps.
func freeTrace() *Trace {
	t := mutexTrace()
	t.Name = "lockfree.trace"
	for _, w := range []*account.Window{&t.Account.Windows[1], &t.Account.Total} {
		w.Parts[account.Descheduled] += w.Parts[account.Idle] + w.Parts[account.Held]
		w.Parts[account.Idle], w.Parts[account.Held] = 0, 0
		w.Sites, w.Waits, w.Causes = nil, nil, nil
	}
	return t
}

func TestTable(t *testing.T) {
	var b bytes.Buffer
	if err := mutexTrace().Table(&b, 5); err != nil {
		t.Fatal(err)
	}
	b.WriteString("\n")
	whole := freeTrace()
	whole.Account.Split, whole.CPU = false, []time.Duration{time.Second, -1}
	whole.Notes = []string{"no switch records, only the threads' CPU time: permission denied"}
	whole.Account.Lost = account.Lost{Bytes: 100, Reasons: []string{"the last 100 bytes are no whole batch"}}
	if err := whole.Table(&b, 5); err != nil {
		t.Fatal(err)
	}
	b.WriteString("\n")
	guessed := mutexTrace()
	guessed.Account.GuessedProcs = true
	if err := guessed.Table(&b, 1); err != nil {
		t.Fatal(err)
	}
	golden(t, "table.txt", b.Bytes())
	for _, line := range strings.Split(b.String(), "\n") {
		if len([]rune(line)) > 160 {
			t.Errorf("a line of %d characters does not fit a screen:\n%s", len([]rune(line)), line)
		}
	}
}

func TestDiff(t *testing.T) {
	var b bytes.Buffer
	if err := Diff(&b, mutexTrace(), freeTrace(), 5); err != nil {
		t.Fatal(err)
	}
	golden(t, "diff.txt", b.Bytes())
}

func TestJSON(t *testing.T) {
	var b bytes.Buffer
	if err := JSON(&b, []*Trace{mutexTrace()}, 1); err != nil {
		t.Fatal(err)
	}
	golden(t, "trace.json", b.Bytes())
	var d document
	if err := json.Unmarshal(b.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	if got := d.Traces[0].Windows[1]; len(got.Sites) != 1 || got.SiteCount != 2 {
		t.Errorf("%d of %d sites, want the worst of 2", len(got.Sites), got.SiteCount)
	}
	if got := d.Traces[0].Windows[1].Sites[0].LostShare; math.Abs(got-0.75) > 0.01 {
		t.Errorf("the site has %v of lost CPU time, want 0.75", got)
	}
}

func TestProfile(t *testing.T) {
	var b bytes.Buffer
	if err := Profile(&b, []*Trace{mutexTrace()}); err != nil {
		t.Fatal(err)
	}
	p, err := profile.Parse(&b)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.CheckValid(); err != nil {
		t.Fatal(err)
	}
	if p.DefaultSampleType != "lost" || len(p.SampleType) != len(values) || len(p.Sample) != 3 {
		t.Fatalf("%d samples of %d types, default %q", len(p.Sample), len(p.SampleType), p.DefaultSampleType)
	}
	s := p.Sample[0]
	if want := []int64{123_456, 11e9, 25e7, 1e9, 499e6, 0, 0, 0, 0, 1499e6}; !cmp.Equal(s.Value, want) {
		t.Errorf("values %v, want %v", s.Value, want)
	}
	if f := s.Location[3].Line[0]; f.Function.Name != "example.org/cache/lru.(*Cache).Get" || f.Line != 41 || len(s.Location) != 5 {
		t.Errorf("fourth of %d frames is %s:%d", len(s.Location), f.Function.Name, f.Line)
	}
	if h := p.Sample[2]; h.Value[held] != 3e9 || h.Location[0].Line[0].Function.Name != "syscall.fdatasync" {
		t.Errorf("what held: %v at %v", h.Value, h.Location[0].Line[0].Function.Name)
	}
	if got := s.Label["reason"]; !cmp.Equal(got, []string{"mutex"}) {
		t.Errorf("reason %q", got)
	}
}

func TestParseWindows(t *testing.T) {
	for s, want := range map[string]Windows{
		"":      {},
		"auto":  {},
		"marks": {WindowSpec: account.WindowSpec{Mode: account.Marks}},
		"procs": {WindowSpec: account.WindowSpec{Mode: account.ProcsChanges}},
		"whole": {WindowSpec: account.WindowSpec{Mode: account.Whole}},
		"10ms":  {WindowSpec: account.WindowSpec{Mode: account.Slices, Every: 10 * time.Millisecond}},
		"8":     {WindowSpec: account.WindowSpec{Mode: account.Whole}, Equal: 8},
	} {
		if got, err := ParseWindows(s); err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", s, got, err, want)
		}
	}
	for _, s := range []string{"0", "-1", "1µs", "mark", "10", "-5ms"} {
		if _, err := ParseWindows(s); (err == nil) != (s == "10") {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestBesides(t *testing.T) {
	for name, want := range map[string][]string{
		"d/17-0.trace":     {"d/17-0.switches", "d/17-0.switches.tmp", "d/17.switches", "d/17.switches.tmp"},
		"17-0-2.trace.tmp": {"17-0-2.switches", "17-0-2.switches.tmp", "17-0.switches", "17-0.switches.tmp"},
		"trace.out":        nil,
		"-":                nil,
	} {
		if d := cmp.Diff(want, besides(name)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestCPUBetween(t *testing.T) {
	at := func(time, cpu int64) record.Clocks {
		return record.Clocks{Time: time, Threads: map[int32]int64{1: cpu}}
	}
	clocks := []record.Clocks{at(0, 0), at(1000, 500), at(2010, 2510)}
	for _, c := range []struct{ from, to, want int64 }{
		{0, 1000, 500},     // both ends read
		{1000, 2000, 1990}, // the reading came 1% late: its rate counts
		{0, 2000, 2497},
		{0, 1500, -1}, // no reading near the end
		{400, 600, -1},
	} {
		if got := cpuBetween(clocks, c.from, c.to); int64(got) != c.want {
			t.Errorf("%d to %d: %d, want %d", c.from, c.to, got, c.want)
		}
	}
	if got := cpuBetween(nil, 0, 1); got != -1 {
		t.Errorf("without readings: %d", got)
	}
}

func TestShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0", 999: "999ns", 1500: "1.5µs", 45_600_000: "45.6ms", 1_234_567_890: "1.23s", 1234 * time.Second: "1234s", -1500: "-1.5µs",
	} {
		if got := short(d); got != want {
			t.Errorf("%d: %s, want %s", int64(d), got, want)
		}
	}
}

// TestGuessedNote says why GOMAXPROCS is a guess: the format does not tell it, or the part of the file that does is lost.
func TestGuessedNote(t *testing.T) {
	for minor, why := range map[int]string{21: "traces before Go 1.22 do not tell it", 22: "the part of the file that tells it is lost", 26: "the part of the file that tells it is lost"} {
		tr := mutexTrace()
		tr.Account.GoMinor, tr.Account.GuessedProcs = minor, true
		if text := strings.Join(tr.notes(), "\n"); !strings.Contains(text, "GOMAXPROCS is a guess") || !strings.HasSuffix(text, ": "+why) {
			t.Errorf("Go 1.%d: %s", minor, text)
		}
	}
}
