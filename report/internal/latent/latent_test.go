package latent

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/contend-go/contend/bench/load"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/internal/chart"
	"github.com/contend-go/contend/report/internal/derive"
)

// Of the planted stall: a generator at half of its capacity stops for 100 ms in a window of a second.
const (
	stall  = 100 * time.Millisecond
	window = time.Second
	rho    = 0.5
	ops    = 10_000
)

// stalled is the log of that window, in which an operation takes a microsecond otherwise; the stall
// begins at 300 ms, and a closed loop sees one slow operation.
func stalled(t *testing.T) []byte {
	t.Helper()
	h := func() *hdrhistogram.Histogram { return hdrhistogram.New(1, int64(time.Minute), 2) }
	l := &load.Log{Response: h(), Service: h(), Closed: h(), Lag: h()}
	begin := time.UnixMilli(50_000)
	longest := make([]time.Duration, 100)
	for i := range ops {
		due := time.Duration(i) * window / ops
		response := time.Microsecond
		if since := due - 300*time.Millisecond; since >= 0 {
			response = max(response, stall-time.Duration(float64(since)*(1-rho)))
		}
		l.Response.RecordValue(int64(response))
		l.Service.RecordValue(1000)
		l.Closed.RecordValue(1000)
		slice := due / (10 * time.Millisecond)
		longest[slice] = max(longest[slice], response)
	}
	l.Closed.RecordValue(int64(stall))
	for i, v := range longest {
		l.Longest = append(l.Longest, load.Moment{At: begin.Add(time.Duration(i) * 10 * time.Millisecond).UnixMilli(), Value: v})
	}
	l.Causes = map[load.Cause][]load.Moment{
		load.Collector: {{At: 50_500, Value: 200 * time.Microsecond}},
		load.Queue:     {{At: 50_295, Value: 9 * time.Millisecond}, {At: 50_305, Value: 80 * time.Millisecond}, {At: 50_900, Value: time.Second}},
		load.Steal:     {{At: 50_305, Value: time.Millisecond}}, // less than a twentieth of the wait
		load.Moved:     {{At: 50_315, Value: 2}},
	}
	data, err := l.Encode(begin, begin.Add(window))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// view is that of two series at one rate, with the logs in these files.
func view(t *testing.T, logs map[string][]byte) *derive.View {
	t.Helper()
	dir := t.TempDir()
	var b strings.Builder
	b.WriteString("# contend protocol=1\n# run id=a\n# axis name=Cache key=rate series=backend\n")
	for name, data := range logs {
		if data != nil {
			if err := os.WriteFile(filepath.Join(dir, name+".hlog"), data, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		fmt.Fprintf(&b, "# sample cell=%s block=4\n# attach kind=%s path=%s.hlog sha256=0\nBenchmarkCache/rate=50%%/backend=%s/gomaxprocs=2 1 10000 offered/s 20000 capacity/s 1000 p50-ns\n", name, KindHistogram, name, name)
	}
	if err := os.WriteFile(filepath.Join(dir, sample.FileName), []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	set, err := sample.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return derive.New(set)
}

// TestStall: a planted stop is seen in what callers wait as arithmetic has it, and where it
// was; the closed loop's line beside it misses it up to the longest.
func TestStall(t *testing.T) {
	l := Open(view(t, map[string][]byte{"ring": stalled(t)}))
	if len(l.Notes) > 0 || len(l.Spectra) != 1 || len(l.Strips) != 1 {
		t.Fatalf("%q: %d spectra, %d strips", l.Notes, len(l.Spectra), len(l.Strips))
	}
	log, err := load.ReadLog(bytes.NewReader(stalled(t)))
	if err != nil {
		t.Fatal(err)
	}
	at := map[chart.SpectrumKind]float64{}
	for _, line := range lines("ring", derive.Mark{}, log) {
		for _, q := range line.Points {
			if math.Abs(q.OneIn-100) < 1e-6 {
				at[line.Kind] = q.NS
			}
		}
		if last := line.Points[line.Told-1]; last.OneIn > ops/9 || last.OneIn < ops/12 {
			t.Errorf("told up to one in %g of %d", last.OneIn, ops)
		}
	}
	want := float64(load.StallQuantile(stall, window, rho, .99))
	if math.Abs(at[chart.Waits]/want-1) > 0.05 {
		t.Errorf("p99 is drawn at %g ns, arithmetic has %g", at[chart.Waits], want)
	}
	if at[chart.Loops] > 2000 || at[chart.Serves] > 2000 {
		t.Errorf("closed loop %g ns, service %g ns, want 1 µs", at[chart.Loops], at[chart.Serves])
	}
	s := l.Strips[0]
	highest, x := 0, 0
	for _, a := range s.Layers[0].Areas {
		if a.Steps[0].Rise > highest {
			highest, x = a.Steps[0].Rise, a.X
		}
	}
	if x != 300 || s.Columns != 1000 || s.To != window || highest < stripRows*8/10 {
		t.Errorf("the peak is at %d of %d columns, %d rows high, of %v", x, s.Columns, highest, s.To)
	}
	if want := []string{"300 ms", "100 ms", "threads of the program waited 89.3 ms for a CPU, 2 threads went to another CPU"}; len(s.Table.Rows) != 1 || !slices.Equal(s.Table.Rows[0], want) {
		t.Errorf("the longest wait: %q, want %q", s.Table.Rows, want)
	}
	if len(s.Moments) != 1 || s.Moments[0].X != 50 || !strings.HasPrefix(s.Moments[0].Text, "GC 20") || !strings.Contains(s.About, "ring, rate=50%") {
		t.Errorf("%+v, %s", s.Moments, s.About)
	}
	var svg bytes.Buffer
	for _, format := range chart.Formats {
		if err := l.Spectra[0].Encode(&svg, format, 96); err != nil {
			t.Error(err)
		}
	}
	if !strings.Contains(svg.String(), "gomaxprocs=2") {
		t.Error("the picture does not say its conditions")
	}
	inline, err := l.Spectra[0].Inline()
	if err != nil || !strings.HasPrefix(inline, "<svg") || !strings.Contains(inline, "fill:var(--panel)") || !strings.Contains(inline, "var(--s") || strings.Contains(inline, "#FFFFFF") {
		t.Errorf("%v: %.400s", err, inline)
	}
}

// TestUnreadable: a log that is missing or broken is a note, and the others are drawn.
func TestUnreadable(t *testing.T) {
	for what, data := range map[string][]byte{"missing": nil, "broken": []byte("no log")} {
		l := Open(view(t, map[string][]byte{"ring": stalled(t), "otter2": data}))
		if len(l.Notes) != 1 || !strings.Contains(l.Notes[0], "otter2.hlog") || len(l.Spectra) != 1 {
			t.Errorf("%s: %d spectra, notes %q", what, len(l.Spectra), l.Notes)
		}
	}
	l := Open(view(t, map[string][]byte{"ring": []byte("no log")}))
	if len(l.Notes) != 1 || len(l.Spectra)+len(l.Strips) != 0 {
		t.Errorf("nothing to draw: %+v", l)
	}
}
