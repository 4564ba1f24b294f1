package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/internal/synthetic"
)

// conditions is a run of 20 backends at 12 values of GOMAXPROCS under 10 conditions.
var conditions = synthetic.Plan{
	Backends: synthetic.Names(20), Procs: []int{1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128}, Blocks: 10, Usable: 96, Control: true,
	Workloads:  []string{"zipf", "evict", "hot", "walk", "scan", "uniform", "loop", "churn", "expire", "ratelimit"},
	Boundaries: []sample.Record{synthetic.Boundary(24, "socket 2"), synthetic.Boundary(48, "hyperthreads")},
}

// load writes the plan's samples into a folder, and reads them.
func load(t testing.TB, plan synthetic.Plan) (dir string, set *sample.Set) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, sample.FileName), []byte(plan.Text()), 0o666); err != nil {
		t.Fatal(err)
	}
	set, err := sample.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return dir, set
}

// TestLargePage: the page of a run under many conditions can be mailed, and has all
// numbers; its samples are a link to the file beside it, or in it if it stands elsewhere.
func TestLargePage(t *testing.T) {
	dir, set := load(t, conditions)
	r, err := New(set)
	if err != nil {
		t.Fatal(err)
	}
	write := func(to string) string {
		t.Helper()
		if _, err := r.Write(to, Options{DPI: 24}); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(to, PageName))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	page := write(dir)
	if len(page) > 4e6 {
		t.Errorf("the page has %d bytes", len(page))
	}
	for what, want := range map[string]int{
		`<a href="samples.txt" download>samples.txt</a> lies beside this page`: 1, "over 10 samples where nothing else is said": 1, "data:application/gzip": 0,
	} {
		if got := strings.Count(page, what); got < want || want == 0 && got > 0 {
			t.Errorf("%q stands %d times, want %d", what, got, want)
		}
	}
	if got, want := strings.Count(page, "<small>"), 10*20*12*10; got < want {
		t.Errorf("%d intervals, want %d or more", got, want)
	}
	if testing.Short() {
		return
	}
	if !strings.Contains(write(t.TempDir()), "data:application/gzip") {
		t.Error("a page in another folder has no samples")
	}
}

// BenchmarkConditions draws page and pictures of a run under many conditions.
func BenchmarkConditions(b *testing.B) {
	dir, set := load(b, conditions)
	for b.Loop() {
		r, err := New(set)
		if err != nil {
			b.Fatal(err)
		}
		files, err := r.Write(dir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(files)), "files")
	}
	info, err := os.Stat(filepath.Join(dir, PageName))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(info.Size()), "page-B")
}
