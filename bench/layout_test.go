//go:build unix

package bench_test

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
)

// TestLayoutIsRecorded: samples say how much their plan measures, also when it was
// given more blocks, and in which order its values stand.
func TestLayoutIsRecorded(t *testing.T) {
	dir := t.TempDir()
	p := plan(2, newCell("good", "BenchmarkB/reads=100/backend=z/gomaxprocs=1", 1), newCell("good", "BenchmarkB/reads=75/backend=a/gomaxprocs=1", 1))
	for _, blocks := range []int{2, 2, 3} {
		p.Blocks = blocks
		if _, err := run(t, p, dir); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, r := range load(t, dir).Records {
		if r.Verb == sample.VerbPlan || r.Verb == sample.VerbOrder {
			got = append(got, r.String())
		}
	}
	want := []string{
		"# plan cells=2 processes=4 expect=0s", `# order key=reads values="100 75"`, `# order key=backend values="z a"`,
		"# plan cells=2 processes=6 expect=0s",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestProgressFits: a line that is rewritten in place is narrower than its
// terminal, whatever its width.
func TestProgressFits(t *testing.T) {
	long := "BenchmarkCache/workload=" + strings.Repeat("wörk", 30) + "/gomaxprocs=1"
	for _, columns := range []int{10, 40, 60, 80, 400} {
		var out bytes.Buffer
		facts := host.Read()
		if _, err := bench.Run(t.Context(), plan(1, newCell("good", long, 1)), bench.Options{Dir: t.TempDir(), Host: &facts, Progress: &out, Columns: columns}); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(out.String(), "\r\x1b[K")
		if len(lines) < 3 {
			t.Fatalf("no progress in %q", out.String())
		}
		for _, line := range lines {
			if n := utf8.RuneCountInString(line); n >= columns {
				t.Errorf("%d characters in a terminal of %d: %q", n, columns, line)
			}
		}
		if columns > 60 && !strings.Contains(out.String(), "gomaxprocs=1") {
			t.Errorf("%d columns: the line does not name the cell: %q", columns, out.String())
		}
	}
}

// TestTimeIsExplained: a run that took longer than its estimate says by what.
func TestTimeIsExplained(t *testing.T) {
	for _, c := range []struct {
		time bench.Time
		want string
	}{
		{bench.Time{}, ""},
		{bench.Time{Took: 33 * time.Second, Expected: 32 * time.Second, Steal: 0.5}, "took 33s; estimated 32s"},
		{bench.Time{Took: 8 * time.Minute, Expected: 32 * time.Second, Steal: 0.3, Pressure: 0.9, Warming: 4 * time.Minute},
			"took 8m0s, 15.0 times the estimate of 32s: other tenants of the host took 30% of the CPU time; in 90% of the time threads waited for a CPU: other programs run here, or there were more Ps than CPUs; warming up took 50% of it: windows begin when the rate is steady"},
	} {
		if got := c.time.String(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
