package record

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/traces/account"
)

// contend runs a mutex around a map in 4 goroutines per P until stopped.
func contend(procs int) (stop func()) {
	var mu sync.Mutex
	m := map[int]int{}
	quit := make(chan struct{})
	var wg sync.WaitGroup
	for g := range 4 * procs {
		wg.Go(func() {
			for i := g; ; i++ {
				select {
				case <-quit:
					return
				default:
				}
				mu.Lock()
				m[i%1000]++
				mu.Unlock()
			}
		})
	}
	return func() { close(quit); wg.Wait() }
}

// observe runs one observation of a contended program.
func observe(t *testing.T, o Options, planned time.Duration, during func(bench.Probe)) (string, bench.Observation) {
	t.Helper()
	stop := contend(runtime.GOMAXPROCS(0))
	defer stop()
	dir := t.TempDir()
	p := New(o)
	if err := p.Start(bench.Window{Procs: runtime.GOMAXPROCS(0), Planned: planned, Dir: dir, Prefix: "0001"}); err != nil {
		t.Fatal(err)
	}
	if during != nil {
		during(p)
	}
	time.Sleep(planned)
	obs, err := p.Stop()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range obs.Attachments {
		sum, err := bench.HashFile(filepath.Join(dir, a.Path))
		if err != nil || sum != a.SHA256 {
			t.Errorf("%s: hash %s, attachment says %s (%v)", a.Path, sum, a.SHA256, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "traces", "*"+bench.Partial)); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	return dir, obs
}

func kinds(as []sample.Attachment) string {
	var names []string
	for _, a := range as {
		names = append(names, a.Kind+":"+a.Path)
	}
	return strings.Join(names, " ")
}

// The p-wait of a tour, and what it is made of, is told by step.
func TestWhole(t *testing.T) {
	dir, obs := observe(t, Options{Whole: true}, 200*time.Millisecond, func(p bench.Probe) {
		p.Mark("gomaxprocs=2")
		time.Sleep(50 * time.Millisecond)
		p.Mark("end")
		p.Mark("gomaxprocs=1")
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		time.Sleep(50 * time.Millisecond)
		p.Mark("end")
	})
	a, err := accounted(filepath.Join(dir, "traces/0001.trace"))
	if err != nil {
		t.Fatal(err)
	}
	if len(obs.Values) != 0 || len(obs.Marked) != 2 {
		t.Errorf("values %v, and by mark %v", obs.Values, obs.Marked)
	}
	for _, w := range marked(a) {
		values := obs.Marked[w.Label]
		checkWaits(t, values)
		if len(values) > 0 && math.Abs(values[0].V-w.PWait()) > 1e-9 {
			t.Errorf("%s: %v; the window's p-wait is %v", w.Label, values[0], w.PWait())
		}
	}
	if got, want := kinds(obs.Attachments), "trace:traces/0001.trace switches:traces/0001.switches"; got != want {
		t.Errorf("attachments %s, want %s", got, want)
	}
}

// checkWaits holds p-wait to its parts, and their names to the list of units.
func checkWaits(t *testing.T, values []sample.Value) {
	t.Helper()
	if len(values) != 1+len(account.WaitKinds) || values[0].Unit != "p-wait" || values[0].V < 0 || values[0].V > 1 {
		t.Errorf("values %v, want p-wait as a share, and its parts", values)
		return
	}
	sum := 0.0
	for _, v := range values[1:] {
		sum += v.V
		// The CPUs' clocks differ by microseconds, so the part nothing explains can fall just below zero.
		if _, known := sample.LookupUnit(v.Unit); !known || v.V < -1e-3 {
			t.Errorf("part %v", v)
		}
	}
	if math.Abs(sum-values[0].V) > 1e-9 {
		t.Errorf("the parts of %v add up to %v", values[0], sum)
	}
}

func TestWindows(t *testing.T) {
	_, obs := observe(t, Options{}, 800*time.Millisecond, nil)
	checkWaits(t, obs.Values)
	if len(obs.Marked) != 0 {
		t.Errorf("marks %v", obs.Marked)
	}
	if got, want := kinds(obs.Attachments), "trace:traces/0001-1.trace switches:traces/0001.switches"; got != want {
		t.Errorf("attachments %s, want %s", got, want)
	}
}

func TestPlan(t *testing.T) {
	for _, c := range []struct {
		planned time.Duration
		n       int
		length  time.Duration
	}{
		{100 * time.Millisecond, 1, 5 * time.Millisecond},
		{500 * time.Millisecond, 1, 5 * time.Millisecond},
		{2 * time.Second, 1, 20 * time.Millisecond},
		{10 * time.Second, 2, 50 * time.Millisecond},
		{time.Minute, 4, 50 * time.Millisecond},
	} {
		spans := Options{}.withDefaults().plan(c.planned)
		if len(spans) != c.n || spans[0].length != c.length {
			t.Errorf("%v: %v, want %d of %v", c.planned, spans, c.n, c.length)
		}
		if end := spans[len(spans)-1]; end.start+end.length > c.planned {
			t.Errorf("%v: the last window ends at %v", c.planned, end.start+end.length)
		}
	}
}

func TestMaxBytes(t *testing.T) {
	const limit = 1 << 20
	dir, obs := observe(t, Options{Whole: true, MaxBytes: limit}, 500*time.Millisecond, func(bench.Probe) {
		for range 200_000 { // some 8 bytes each
			trace.Log(context.Background(), "test", "fill")
		}
	})
	if w := strings.Join(obs.Warnings, "\n"); !strings.Contains(w, "tracing stopped after") {
		t.Errorf("no warning in %q", w)
	}
	var total int64
	for _, a := range obs.Attachments {
		fi, err := os.Stat(filepath.Join(dir, a.Path))
		if err != nil {
			t.Fatal(err)
		}
		total += fi.Size()
	}
	if total == 0 || total > limit {
		t.Errorf("%d bytes on disk, limit %d", total, limit)
	}
}

func TestUsedTwice(t *testing.T) {
	dir := t.TempDir()
	w := bench.Window{Dir: dir, Prefix: "x", Planned: time.Second}
	p := New(Options{})
	if err := p.Start(w); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := p.Start(w); err == nil {
		t.Error("a second Start succeeded")
	}
	if err := New(Options{}).Start(bench.Window{}); err == nil {
		t.Error("Start without a folder succeeded")
	}
}

// TestSamples: every trace of a process has CPU samples, and somebody else's profile stays theirs.
func TestSamples(t *testing.T) {
	for _, o := range []Options{{Windows: 4, Length: 100 * time.Millisecond}, {Whole: true}} {
		dir, obs := observe(t, o, 2*time.Second, nil)
		var n int64
		for _, a := range obs.Attachments {
			if a.Kind != KindTrace {
				continue
			}
			acc, err := accounted(filepath.Join(dir, a.Path))
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range acc.Total.CPU {
				n += c.Samples
			}
		}
		if n == 0 || strings.Contains(strings.Join(obs.Warnings, " "), "CPU samples") {
			t.Errorf("%+v: %d CPU samples, warnings %q", o, n, obs.Warnings)
		}
	}
	var profile bytes.Buffer
	if err := pprof.StartCPUProfile(&profile); err != nil {
		t.Fatal(err) // the probes' was not ended
	}
	_, obs := observe(t, Options{Whole: true}, 300*time.Millisecond, nil)
	pprof.StopCPUProfile()
	if !strings.Contains(strings.Join(obs.Warnings, " "), "no CPU samples of our own") {
		t.Errorf("warnings %q: nothing about the profile under way", obs.Warnings)
	}
	if profile.Len() == 0 {
		t.Error("the profile under way was lost")
	}
}
