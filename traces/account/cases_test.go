package account

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// readCase reads a trace that was once accounted wrongly.
func readCase(t *testing.T, name string) []byte {
	data, err := os.ReadFile(filepath.Join("testdata", "cases", name+".trace"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func accountCase(t *testing.T, name string, spec WindowSpec) *Account {
	a, err := readBytes(readCase(t, name), Options{Windows: spec, Causes: true})
	if err != nil {
		t.Fatal(err)
	}
	sane(t, a)
	return a
}

func within(t *testing.T, what string, got, want, slack time.Duration) {
	t.Helper()
	if (got - want).Abs() > slack {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// TestOrigin holds that time begins with the first event: the runtime opens a batch of strings before it has stopped the world to begin.
func TestOrigin(t *testing.T) {
	a := accountCase(t, "i29103", WindowSpec{})
	within(t, "i29103", a.Duration, 119500*time.Microsecond, 100*time.Microsecond)
	within(t, "i29103 running", a.Total.Parts[Running], 650*time.Microsecond, 20*time.Microsecond)
	within(t, "i29103 runnable", a.Total.Goroutines.Runnable, 980*time.Microsecond, 10*time.Microsecond)
	a = accountCase(t, "origin", WindowSpec{})
	within(t, "origin", a.Duration, 68700*time.Microsecond, 100*time.Microsecond)
}

// TestUnixClock reads a trace of js/wasm, whose clock counts from 1970.
func TestUnixClock(t *testing.T) {
	a := accountCase(t, "js", WindowSpec{})
	within(t, "js", a.Duration, 453*time.Millisecond, time.Millisecond)
	if a.Events != 268 || a.Lost.Any() {
		t.Errorf("%d events of 268, lost %+v", a.Events, a.Lost)
	}
}

// TestBackground holds that the runtime's goroutines that wait for work are no cause.
func TestBackground(t *testing.T) {
	a := accountCase(t, "i11520", WindowSpec{})
	top := a.Total.Sites[0]
	if top.Reason != Mutex || !top.Stack.has("BenchmarkBlocking") {
		t.Errorf("most is charged to %s at %v", top.Reason, top.Stack)
	}
	for _, s := range a.Total.Sites {
		if (s.Reason == System || s.Apparatus) && s.By.Blocked != 0 {
			t.Errorf("%v charged to %s %v, which waits for work", s.By.Blocked, s.Reason, s.Stack[0])
		}
	}
}

// TestMarksOnly holds that nothing but a log event of our category is a mark, though the word is in the trace.
func TestMarksOnly(t *testing.T) {
	a := accountCase(t, "mentions", WindowSpec{})
	var labels []string
	for _, w := range a.Windows {
		labels = append(labels, w.Label)
	}
	if want := []string{"gomaxprocs=2", "gomaxprocs=1", "gomaxprocs=2", "gomaxprocs=4"}; !slices.Equal(labels, want) {
		t.Errorf("windows %q, want %q", labels, want)
	}
}

// TestProcsOfWindows holds that a window between changes of GOMAXPROCS has one value of it.
func TestProcsOfWindows(t *testing.T) {
	a := accountCase(t, "procs", WindowSpec{})
	if len(a.Windows) < 5 {
		t.Fatalf("%d windows", len(a.Windows))
	}
	for _, w := range a.Windows {
		if w.MinProcs != w.MaxProcs || w.Label != procsLabel(w.MaxProcs) {
			t.Errorf("window %q: GOMAXPROCS %d to %d", w.Label, w.MinProcs, w.MaxProcs)
		}
	}
	if a.GuessedProcs {
		t.Error("GOMAXPROCS is told by the trace")
	}
}

// TestOpenWaits holds that what is blocked at the end is told with its age.
func TestOpenWaits(t *testing.T) {
	a := accountCase(t, "deadlock", WindowSpec{})
	locks := map[string]bool{}
	for _, w := range a.OpenWaits {
		if w.Reason == Mutex {
			locks[w.Stack[len(w.Stack)-1].Func] = true
			within(t, w.Stack[0].Func, w.Age, 6949*time.Millisecond, time.Millisecond)
		}
	}
	if !maps.Equal(locks, map[string]bool{"main.ab": true, "main.ba": true}) {
		t.Errorf("blocked for ever: %v", locks)
	}
	slices := accountCase(t, "deadlock", WindowSpec{Mode: Slices, Every: time.Second})
	for i, w := range slices.Windows[1:] {
		for _, s := range w.Sites {
			if s.Reason == Mutex && s.Parked != 1 {
				t.Errorf("window %d: %d goroutines blocked all along at %v", i+1, s.Parked, s.Stack[0])
			}
		}
	}
	for _, s := range a.Total.Sites {
		if s.Reason == Mutex && (s.Open != 1 || s.MaxOpen < 6*time.Second || s.Waits != 0) {
			t.Errorf("%+v", s)
		}
	}
}

// slicings are ways to split a trace. What windows hold adds up to the whole by all of them.
var slicings = []WindowSpec{
	{Mode: Auto}, {Mode: Marks}, {Mode: ProcsChanges},
	{Mode: Slices, Every: time.Millisecond}, {Mode: Slices, Every: 7 * time.Millisecond}, {Mode: Slices, Every: 50 * time.Millisecond},
}

// additive requires that the windows of all slicings are whole in themselves and add up to the same.
func additive(t *testing.T, data []byte) {
	t.Helper()
	whole, err := readBytes(data, Options{Windows: WindowSpec{Mode: Whole}, Causes: true})
	if err != nil {
		t.Fatal(err)
	}
	want := sums(&whole.Total)
	for _, spec := range slicings {
		if spec.Mode == Slices && whole.Duration/spec.Every > 2000 {
			spec.Every *= 50
		}
		a, err := readBytes(data, Options{Windows: spec, Causes: true, Parallel: 2})
		if err != nil {
			t.Fatal(err)
		}
		sane(t, a)
		got := map[string]float64{}
		for i := range a.Windows {
			w := &a.Windows[i]
			if w.Residual.Abs() > w.Capacity/1000+w.skew && !a.Lost.Any() {
				t.Errorf("%+v window %d: residual %v of %v", spec, i, w.Residual, w.Capacity)
			}
			if w.unexplained.Abs() > w.Capacity/1000+w.skew && !a.Lost.Any() {
				t.Errorf("%+v window %d: %v of %v lost are not accounted for", spec, i, w.unexplained, w.Lost())
			}
			for k, v := range sums(w) {
				got[k] += v
			}
		}
		slack := float64((len(a.Windows) + 1) * (len(whole.Total.Sites) + 1)) // every charge is rounded to a ns
		for _, part := range []struct {
			what string
			of   map[string]float64
		}{{"windows", got}, {"total", sums(&a.Total)}} {
			for k := range mapsUnion(part.of, want) {
				slack := slack
				if strings.HasPrefix(k, "cause no") {
					slack += float64(len(a.Windows) * 1000) // what is left over depends on whose clock a window begins by
				}
				if math.Abs(part.of[k]-want[k]) > slack+1e-6*want[k] {
					t.Errorf("%+v: %s have %v of %s, the whole has %v", spec, part.what, time.Duration(part.of[k]), k, time.Duration(want[k]))
				}
			}
		}
		if t.Failed() {
			return
		}
	}
}

func mapsUnion(a, b map[string]float64) map[string]bool {
	u := map[string]bool{}
	for k := range a {
		u[k] = true
	}
	for k := range b {
		u[k] = true
	}
	return u
}

// sums is what of a window must add up, by name.
func sums(w *Window) map[string]float64 {
	m := map[string]float64{"capacity": float64(w.Capacity), "created": float64(w.Goroutines.Created), "wake-ups": float64(w.WakeToRun.Count)}
	for s, d := range w.Parts {
		m[State(s).String()] += float64(d)
	}
	m["goroutines running"] = float64(w.Goroutines.Running)
	m["goroutines runnable"] = float64(w.Goroutines.Runnable)
	m["goroutines in system calls"] = float64(w.Goroutines.Syscall)
	m["goroutines waiting"] = float64(w.Goroutines.Waiting)
	for _, c := range w.Causes {
		m[fmt.Sprint("cause ", c.Kind, c.Reason, stackKey(c.Stack))] += float64(c.Time)
	}
	for _, s := range w.Serial {
		m[fmt.Sprint("serial ", s.Syscall, s.Goroutine, stackKey(s.Stack))] += float64(s.Time)
	}
	for _, s := range w.Sites {
		k := fmt.Sprint(s.Reason, stackKey(s.Stack))
		m["wait "+k] += float64(s.Wait)
		m["waits "+k] += float64(s.Waits)
		m["ready "+k] += float64(s.Ready)
		m["handoffs "+k] += float64(s.Handoffs)
		m["charged "+k] += float64(s.Charged)
	}
	for _, x := range w.Waits {
		m["waits for "+string(x.Reason)] += float64(x.Time)
	}
	return m
}

func stackKey(s Stack) string {
	var b strings.Builder
	for _, f := range s {
		fmt.Fprintf(&b, " %s:%d", f.Func, f.Line)
	}
	return b.String()
}

// TestInvariants holds what must hold of every window on every trace there is: those that failed once, and those of all programs.
func TestInvariants(t *testing.T) {
	files, err := filepath.Glob("testdata/cases/*.trace")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases")
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			additive(t, data)
			for _, every := range []time.Duration{0, 10 * time.Millisecond, 50 * time.Millisecond} {
				rawly(t, data, every)
			}
		})
	}
	packed, err := filepath.Glob("../blame/testdata/*/*.trace.gz")
	if err != nil || len(packed) == 0 {
		t.Fatal("no recordings")
	}
	for _, f := range packed {
		if strings.Contains(f, "go1.21") || testing.Short() {
			continue // another format; the race detector takes minutes
		}
		t.Run(filepath.Base(f), func(t *testing.T) {
			t.Parallel()
			packed, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			z, err := gzip.NewReader(bytes.NewReader(packed))
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(z)
			if err != nil {
				t.Fatal(err)
			}
			additive(t, data)
			for _, every := range []time.Duration{0, 10 * time.Millisecond} {
				rawly(t, data, every)
			}
		})
	}
	for _, name := range slices.Sorted(maps.Keys(programs)) {
		if name == "killed" || name == "sweep" {
			continue // the first has no end, the second is for benchmarks
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(record(t, name))
			if err != nil {
				t.Fatal(err)
			}
			additive(t, data)
			for _, every := range []time.Duration{0, 10 * time.Millisecond} {
				rawly(t, data, every)
			}
		})
	}
}

// writer writes traces of Go 1.26 with a clock of 1 µs a tick.
type writer struct{ bytes.Buffer }

func (w *writer) batch(gen, thread, time uint64, data ...byte) {
	b := []byte{1}
	for _, v := range []uint64{gen, thread, time, uint64(len(data))} {
		b = binary.AppendUvarint(b, v)
	}
	w.Write(append(b, data...))
}

// tables writes a generation's clock and strings, of ids 1, 2, ….
func (w *writer) tables(gen uint64, strings ...string) {
	w.batch(gen, math.MaxUint64, 0, binary.AppendUvarint([]byte{50, 8}, 1e6)...)
	data := []byte{4}
	for i, s := range strings {
		data = append(data, 5, byte(i+1), byte(len(s)))
		data = append(data, s...)
	}
	w.batch(gen, math.MaxUint64, 0, data...)
}

// TestMarksInOverlap splits what generations that overlap tell at each other's marks: thread 1 ends the first generation at 1000, when thread 2 has been
// in the second since 500.
func TestMarksInOverlap(t *testing.T) {
	const procsChange, procStatus, goStatus, goStop, goStart, userLog = 9, 13, 25, 19, 16, 44
	var w writer
	w.WriteString("go 1.26 trace\x00\x00\x00")
	long := func(head []byte, dt uint64, args ...byte) []byte {
		return append(binary.AppendUvarint(head, dt), args...)
	}
	data := []byte{procsChange, 0, 2, 0, procStatus, 0, 0, 1, goStatus, 0, 1, 1, 2}
	data = append(data, long([]byte{goStop}, 100, 0, 0)...)        // at 100
	data = append(data, goStart, 20, 1, 1)                         // at 120
	data = append(data, long([]byte{userLog}, 580, 0, 1, 2, 0)...) // at 700: late
	data = append(data, long([]byte{goStop}, 300, 0, 0)...)        // at 1000
	w.batch(1, 1, 0, data...)
	w.batch(1, 2, 0, procStatus, 0, 1, 1, goStatus, 0, 2, 2, 2)
	w.tables(1, MarkCategory, "begin late")
	w.WriteByte(52)
	data = []byte{procStatus, 0, 1, 1, goStatus, 0, 2, 2, 2}
	data = append(data, goStop, 20, 0, 0)                    // at 520
	data = append(data, goStart, 20, 2, 1)                   // at 540
	data = append(data, userLog, 60, 0, 1, 2, 0)             // at 600: early
	data = append(data, long([]byte{goStop}, 300, 0, 0)...)  // at 900
	data = append(data, long([]byte{goStart}, 200, 2, 2)...) // at 1100
	w.batch(2, 2, 500, data...)
	w.batch(2, 1, 1050, procStatus, 0, 0, 1, goStatus, 0, 1, 1, 1)
	w.tables(2, MarkCategory, "begin early")
	w.WriteByte(52)

	a, err := readBytes(w.Bytes(), Options{Causes: true})
	if err != nil {
		t.Fatal(err)
	}
	sane(t, a)
	if a.Lost.Any() || len(a.Windows) != 3 {
		t.Fatalf("%d windows, lost %+v", len(a.Windows), a.Lost)
	}
	for i, want := range []struct {
		label       string
		end         time.Duration
		run0, held0 time.Duration // of the first P
		run1, held1 time.Duration
	}{{"", 600, 580, 20, 580, 20}, {"early", 700, 100, 0, 100, 0}, {"late", 1100, 300, 100, 200, 200}} {
		got := a.Windows[i]
		if got.Label != want.label || got.End != want.end*time.Microsecond {
			t.Errorf("window %d is %q to %v, want %+v", i, got.Label, got.End, want)
		}
		for p, w := range [][2]time.Duration{{want.run0, want.held0}, {want.run1, want.held1}} {
			if parts := got.PerP[p]; parts[Running] != w[0]*time.Microsecond || parts[Held] != w[1]*time.Microsecond {
				t.Errorf("window %q, P %d: running %v, held %v, want %v", got.Label, p, parts[Running], parts[Held], w)
			}
		}
		if got.Residual != 0 {
			t.Errorf("window %q: residual %v", got.Label, got.Residual)
		}
	}
}

// TestAssists requires that all time in mark assists has a line: of a program that allocates, what is GC and not of the runtime's own goroutines.
func TestAssists(t *testing.T) {
	data, err := os.ReadFile(record(t, "gc"))
	if err != nil {
		t.Fatal(err)
	}
	a, err := readBytes(data, Options{Causes: true, Windows: WindowSpec{Mode: Slices, Every: 10 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	var whole, parts time.Duration
	for _, s := range a.Total.Sites {
		if whole += s.Assist; s.Assist > 0 && !s.Stack.has("runtime.gcAssistAlloc") {
			t.Errorf("%v of assists at %v", s.Assist, s.Stack)
		}
	}
	for i := range a.Windows {
		for _, s := range a.Windows[i].Sites {
			parts += s.Assist
		}
	}
	if whole <= 0 || whole != parts || whole > a.Total.Parts[GC] {
		t.Errorf("assists %v, by windows %v, of %v GC", whole, parts, a.Total.Parts[GC])
	}
}

// TestLongAndSmall splits a trace of 100 s and a few kB, whose goroutines wait all the time, into as many windows as there may be.
func TestLongAndSmall(t *testing.T) {
	const procsChange, procStatus, goStatus, userLog = 9, 13, 25, 44
	var w writer
	w.WriteString("go 1.26 trace\x00\x00\x00")
	data := []byte{procsChange, 0, 2, 0, procStatus, 0, 0, 1, goStatus, 0, 1, 1, 2}
	const goroutines = 100
	for g := byte(2); g < 2+goroutines; g++ {
		data = append(data, goStatus, 0, g)
		data = binary.AppendUvarint(data, math.MaxUint64)
		data = append(data, 4)
	}
	data = append(binary.AppendUvarint(append(data, userLog), 99_990_000), 0, 1, 1, 0)
	w.batch(1, 1, 0, data...)
	w.tables(1, "end")
	w.WriteByte(52)
	a, err := readBytes(w.Bytes(), Options{Causes: true, Windows: WindowSpec{Mode: Slices, Every: 10 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Windows) != 9999 || a.Lost.Any() {
		t.Fatalf("%d windows, lost %+v", len(a.Windows), a.Lost)
	}
	for i, w := range a.Windows {
		if w.Parts[Running] != 10*time.Millisecond || w.Parts[Idle] != 10*time.Millisecond || w.Goroutines.Waiting != goroutines*10*time.Millisecond {
			t.Fatalf("window %d: %v, waiting %v", i, w.Parts, w.Goroutines.Waiting)
		}
	}
}

// TestGuessedProcs admits that GOMAXPROCS is a guess where no event tells it, as in old traces.
func TestGuessedProcs(t *testing.T) {
	dir := filepath.Join(goroot(t), "src/internal/trace/internal/tracev1/testdata")
	for name, want := range map[string]bool{"user_task_region_1_19_good": true, "http_1_21_good": false} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Skip("GOROOT has no source")
		}
		a, err := readBytes(data, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if a.GuessedProcs != want {
			t.Errorf("%s: guessed %v", name, a.GuessedProcs)
		}
	}
	if a := accountCase(t, "overlap", WindowSpec{}); a.GuessedProcs {
		t.Error("overlap: guessed")
	}
}

// TestIdleByDesign holds that goroutines that wait for work all the time are no cause where others are blocked, however many.
func TestIdleByDesign(t *testing.T) {
	data, err := os.ReadFile(record(t, "parked"))
	if err != nil {
		t.Fatal(err)
	}
	a, err := readBytes(data, Options{Causes: true})
	if err != nil {
		t.Fatal(err)
	}
	seen := false
	for _, s := range a.Total.Sites {
		if s.Reason == ChanRecv && s.Parked >= 200 {
			if seen = true; s.Charged > a.Total.Lost()/10 {
				t.Errorf("%v of %v lost charged to those who wait for work", s.Charged, a.Total.Lost())
			}
		}
	}
	if !seen {
		t.Error("nobody waits for work")
	}
}

// TestHoldsStandForAll holds that what stood in the way is told of all the time of the waits, though of many waits only a part is followed.
func TestHoldsStandForAll(t *testing.T) {
	h := newHolders()
	c := &charger{budget: 1 << 30, holders: h}
	by := &chargedG{hist: history{list: []stay{{act: HoldRunning, site: noSite}}}}
	g := &chargedG{site: 1}
	const waits, each = 40_000, 10
	for i := range int64(waits) {
		g.since, c.now = i*each, (i+1)*each
		h.wait(c, g, by, 7)
	}
	if got := h.time[holdKey{1, HoldRunning, noSite, 7}]; got != h.waits[1] || got < waits*each*99/100 || got > waits*each*101/100 {
		t.Errorf("held for %d, of waits of %d; want %d", got, h.waits[1], waits*each)
	}
	if c.visits > waits/2 {
		t.Errorf("%d steps for %d waits", c.visits, waits)
	}
}
