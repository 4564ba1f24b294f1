package derive

import (
	"fmt"
	"strings"
	"testing"
)

// planned is a run of which n of 4 processes were measured.
func planned(n int, invalid bool) string {
	text := "# contend protocol=1\n# run id=a date=2026-11-28T09:00:00Z version=v1.2.3\n# plan cells=2 processes=4 expect=3s\nusable-cpus: 4\ngo: go1.26.8\n# begin\n"
	for i := range n {
		text += fmt.Sprintf("# sample cell=c%d block=%d\n", i%2, i/2)
		if i > 0 {
			text += fmt.Sprintf("# warn text=\"the rate was not steady after a warm-up of %dms\"\n# warn text=\"neighbours: the host took %d.5%% of the CPU time\"\n", 100*i, i)
		}
		text += fmt.Sprintf("BenchmarkC/backend=b%d/gomaxprocs=2 10 5 ns/op\n", i%2)
	}
	if invalid {
		text += "# sample cell=c1 block=1 invalid=crashed\n# result BenchmarkC/backend=b1/gomaxprocs=2\n"
	}
	return text
}

// TestState: an unfinished run says so first, with its date and versions; every
// total of samples is the same one.
func TestState(t *testing.T) {
	for _, c := range []struct {
		n       int
		invalid bool
		want    string
	}{
		{3, false, "Unfinished: 3 of 4 processes measured, 3 samples (28 November 2026 09:00 UTC, contend v1.2.3, go1.26.8)"},
		{4, false, "4 of 4 processes measured, 4 samples (28 November 2026 09:00 UTC, contend v1.2.3, go1.26.8)"},
		{3, true, "3 of 4 processes measured, 1 failed, 3 samples, 1 more is invalid and left out (28 November 2026 09:00 UTC, contend v1.2.3, go1.26.8)"},
	} {
		v := New(read(t, planned(c.n, c.invalid)))
		if got := v.Findings[0].String(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
		if unfinished := c.want[0] == 'U'; unfinished != strings.Contains(v.Findings[0].Next, "continues") {
			t.Errorf("%q: next %q", c.want, v.Findings[0].Next)
		}
	}
	set := read(t, strings.ReplaceAll(planned(4, false), "backend=b1", "size=1/backend=b1"))
	if err := set.Along("size"); err != nil {
		t.Fatal(err)
	}
	if got := New(set).Findings[0].What; got != "4 of 4 processes measured" {
		t.Errorf("along a key that half of the samples lack: %q", got)
	}
	if got := New(read(t, "BenchmarkA 1 5 ns/op\n")).Findings[0]; got.Kind != State || !strings.Contains(got.What, "came from elsewhere") {
		t.Errorf("text of others: %v", got)
	}
}

// TestWarningsByKind: a row for each kind, the figures that differ as a range.
func TestWarningsByKind(t *testing.T) {
	v := New(read(t, planned(4, true)))
	want := []string{
		"1 sample left out: crashed",
		"3 samples: the rate was not steady after a warm-up of 100ms to 300ms",
		"3 samples: neighbours: the host took 1.5% to 3.5% of the CPU time",
	}
	last := v.Findings[len(v.Findings)-1]
	if last.What != "3 of 4 samples carry a warning" || strings.Join(last.More, "\n") != strings.Join(want, "\n") {
		t.Errorf("%v\n%s", last, strings.Join(last.More, "\n"))
	}
	for text, want := range map[string]string{
		"s3fifo left GOMAXPROCS set to 8": "s3fifo left GOMAXPROCS set to 8 to 16",
		"12 took 1m2.5s":                  "12 to 13 took 1m2.5s to 2m0s",
	} {
		w := parseWording(text)
		w.widen(parseWording(strings.NewReplacer("to 8", "to 16", "12 ", "13 ", "1m2.5s", "2m0s").Replace(text)))
		if got := w.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestNoRankingWithoutAlternatives: benchmarks of different names, and sizes, are
// no alternatives; the values of a key are.
func TestNoRankingWithoutAlternatives(t *testing.T) {
	for text, ranked := range map[string]bool{
		"BenchmarkLock-2 1 10 ns/op\nBenchmarkParse-2 1 20 ns/op\n":                                                              false,
		"BenchmarkM/lock-2 1 10 ns/op\nBenchmarkM/parse-2 1 20 ns/op\n":                                                          false,
		"BenchmarkM/size=1K-2 1 10 ns/op\nBenchmarkM/size=2K-2 1 20 ns/op\n":                                                     false,
		"BenchmarkM/impl=lock-2 1 10 ns/op\nBenchmarkM/impl=map-2 1 20 ns/op\n":                                                  true,
		"BenchmarkM/how=lock-2 1 10 ns/op\nBenchmarkM/how=map-2 1 20 ns/op\n":                                                    true,
		"BenchmarkM/backend=1-2 1 10 ns/op\nBenchmarkM/backend=2-2 1 20 ns/op\n":                                                 true,
		"# run id=a\n# axis name=M key=gomaxprocs series=size\nBenchmarkM/size=1-2 1 10 ns/op\nBenchmarkM/size=2-2 1 20 ns/op\n": true,
	} {
		v := New(read(t, text))
		got := v.Answers()
		if len(v.Facets) != 1 || len(got) != 1 || (got[0].Title == "Fastest") != ranked {
			t.Errorf("%q: %+v", text, got)
		}
		if leads := strings.Contains(v.Facets[0].Findings[0].What, "is fastest"); leads != ranked {
			t.Errorf("%q: %v", text, v.Facets[0].Findings[0])
		}
	}
}

// TestTieIsHeldAgainstTheTied: the ratio beside a tie is that to the series that cannot be
// told from the fastest, whatever stands between them.
func TestTieIsHeldAgainstTheTied(t *testing.T) {
	text := "# contend protocol=1\n# run id=a\nusable-cpus: 2\n# begin\n"
	for block := range 8 {
		for name, ns := range map[string]int{"fast": 10, "steady": 20, "wild": 8 + 40*(block%2) + 20*(block%3)} {
			text += fmt.Sprintf("# sample cell=%s block=%d\nBenchmarkC/backend=%s/gomaxprocs=2 1 %d ns/op\n", name, block, name, ns)
		}
	}
	v := New(read(t, text))
	row := v.Answers()[0].Rows[0]
	if got := v.Facets[0].Findings[0].String(); row[1] != "fast = wild" || !strings.HasSuffix(row[3], " wild") || !strings.Contains(got, "that of wild") {
		t.Errorf("%q: %q", row, got)
	}
}

// TestShownIntervalDecides: the interval in the table is the one that decides, so that none that holds 1 stands beside a
// single winner. Of eight blocks those of a ratio and of its inverse take other order statistics.
func TestShownIntervalDecides(t *testing.T) {
	text := "# contend protocol=1\n# run id=a\nusable-cpus: 2\n# begin\n"
	for block, slower := range []int{94, 102, 105, 110, 112, 115, 120, 125} {
		for name, ns := range map[string]int{"a": 100, "b": slower} {
			text += fmt.Sprintf("# sample cell=%s block=%d\nBenchmarkC/backend=%s/gomaxprocs=2 1 %d ns/op\n", name, block, name, ns)
		}
	}
	answer := New(read(t, text)).Answers()[0]
	row := answer.Rows[0]
	var lo, hi float64
	if _, err := fmt.Sscanf(row[4], "%g to %g", &lo, &hi); err != nil {
		t.Fatalf("%q: %v", row, err)
	}
	if tied := row[1] == "a = b"; tied != (lo <= 1) || strings.Contains(answer.About, "cannot be told apart") != tied {
		t.Errorf("%q: %s", row, answer.About)
	}
}

// TestMarksAreExplained: a table that has a mark says below it what that means, and of too few samples how many there are.
func TestMarksAreExplained(t *testing.T) {
	answer := New(read(t, "BenchmarkM/backend=lock-2 1 10 ns/op\nBenchmarkM/backend=map-2 1 20 ns/op\n")).Answers()[0]
	if row := answer.Rows[0]; row[1] != "cannot be told (highest median lock)" || row[4] != "1 sample, no interval" || answer.About != aboutOpen {
		t.Errorf("%q: %q", row, answer.About)
	}
}

// TestEmptyColumns: a column that is empty in every row is left out, wherever it stands.
func TestEmptyColumns(t *testing.T) {
	answer := New(read(t, "BenchmarkA-2 1 10 ns/op\nBenchmarkB-2 1 20 ns/op\n")).Answers()[0]
	if got := strings.Join(answer.Columns, "|"); got != "benchmark|at|median ops/s" || len(answer.Rows[0]) != 3 || len(answer.Numeric) != 3 {
		t.Errorf("%q: %q", got, answer.Rows)
	}
}

// TestOrderOfThePlan: charts and lines stand as the plan has them, in whatever
// order random blocks measured.
func TestOrderOfThePlan(t *testing.T) {
	head := "# contend protocol=1\n# run id=a\n# order key=reads values=\"100 75\"\n# order key=backend values=\"z a m\"\nusable-cpus: 2\n# begin\n"
	for _, order := range [][]string{{"a", "m", "z"}, {"m", "z", "a"}} {
		text := head
		for i, reads := range []string{"75", "100"} {
			for _, backend := range order {
				if reads == "100" && backend == "a" {
					continue // as in a run that is not finished
				}
				text += fmt.Sprintf("# sample cell=%s%d block=0\nBenchmarkC/reads=%s/backend=%s/gomaxprocs=1 1 5 ns/op\n", backend, i, reads, backend)
			}
		}
		v := New(read(t, text))
		if got := v.Facets[0].Label() + " " + v.Facets[1].Label() + " " + strings.Join(v.Names, ","); got != "reads=100 reads=75 z,a,m" {
			t.Errorf("measured as %v: %s", order, got)
		}
	}
}
