package traced

import (
	"fmt"
	"strings"
	"testing"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/internal/html"
	"github.com/contend-go/contend/traces/account"
	"github.com/contend-go/contend/traces/blame"
)

// verdicts makes a verdict of each list of findings, "kind line capacity".
func verdicts(t *testing.T, lists ...[]string) (vs []*blame.Verdict) {
	t.Helper()
	for _, list := range lists {
		v := new(blame.Verdict)
		for _, text := range list {
			var f blame.Finding
			if _, err := fmt.Sscan(text, &f.Kind, &f.Line.Line, &f.OfCapacity); err != nil {
				t.Fatal(err)
			}
			f.Line = account.Frame{Func: "p.F", File: "f.go", Line: f.Line.Line}
			v.Findings = append(v.Findings, f)
		}
		vs = append(vs, v)
	}
	return vs
}

// TestWorst: of several traces of one series, the line that most of them name and that
// costs most; chance in one trace goes behind, and so does what costs next to nothing.
func TestWorst(t *testing.T) {
	for _, c := range []struct {
		traces [][]string
		line   int
		sure   string
	}{
		{[][]string{{"mutex 1 0.3", "gc 2 0.1"}, {"mutex 1 0.2"}, {"gc 2 0.1"}}, 1, "exact, in 2 of 3 traces"},
		{[][]string{{"gc 2 0.9"}, {"mutex 1 0.1"}, {"mutex 1 0.1"}}, 1, "exact, in 2 of 3 traces"},
		{[][]string{{"busy 9 0.98", "mutex 1 0.004"}}, 9, "exact, of 1 trace"},
		{[][]string{{"busy 8 0.9", "mutex 1 0.004"}, {"busy 9 0.9", "mutex 1 0.004"}}, 9, "exact, in 2 of 2 traces"},
		{[][]string{{"busy 9 0.9", "mutex 1 0.05"}}, 1, "exact, of 1 trace"},
		{[][]string{{}, {"gc 2 0.1"}}, 2, "exact, in 1 of 2 traces"},
	} {
		b, ok := worst(verdicts(t, c.traces...))
		if !ok || b.Line.Line != c.line || b.sure() != c.sure {
			t.Errorf("%v: line %d, %q; want %d, %q", c.traces, b.Line.Line, b.sure(), c.line, c.sure)
		}
	}
	little, _ := worst(verdicts(t, []string{"mutex 1 0.002"}))
	if f := little.finding(); f.What != "next to nothing is lost to waiting: 0.200% of capacity at the worst line" || f.Next != "" || len(f.More) == 0 {
		t.Errorf("a line of next to nothing: %+v", f)
	}
	if _, ok := worst(verdicts(t, nil)); ok {
		t.Error("a trace that says nothing is blamed")
	}
}

// TestTitles: a cell is named by its backend, and by what tells cells apart.
func TestTitles(t *testing.T) {
	var ss []*sample.Sample
	for _, name := range []string{
		"BenchmarkCache/workload=zipf/sharing=all/probe=trace/backend=ring/gomaxprocs=2",
		"BenchmarkCache/workload=zipf/sharing=none/probe=trace/backend=ring/gomaxprocs=2",
		"BenchmarkCache/workload=zipf/sharing=all/probe=trace/backend=otter2/gomaxprocs=2",
	} {
		n, _ := sample.ParseName(name)
		ss = append(ss, &sample.Sample{Shared: &sample.Shared{Name: n}, Identity: &sample.Identity{}})
	}
	for i, want := range []string{"ring (sharing=all), gomaxprocs=2", "ring (sharing=none), gomaxprocs=2", "otter2 (sharing=all), gomaxprocs=2"} {
		if got := title(ss[i], differing(ss)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := title(ss[0], differing(ss[:1])); got != "ring, gomaxprocs=2" {
		t.Errorf("alone: %q", got)
	}
}

func TestColumnsOfZeros(t *testing.T) {
	got := withoutZeros(html.Table{Columns: []string{"series", "user", "lock", "gc"}, Numeric: []bool{false, true, true, true},
		Rows: [][]string{{"a", "99.0%", "0.0%", "0.0%"}, {"b", "0.0%", "0.0%", "0.0%"}}})
	if strings.Join(got.Columns, " ") != "series user" || len(got.Numeric) != 2 || len(got.Rows[1]) != 2 || got.About != " 0.0% everywhere: lock, gc." {
		t.Errorf("%+v", got)
	}
}
