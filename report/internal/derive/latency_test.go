package derive

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/contend-go/contend/report/internal/synthetic"
)

// TestOpenLoad: a run at rates that others set is told by what callers wait, with the closed
// loop's figure beside it; what was not carried has no quantile, and no sentence is about throughput.
func TestOpenLoad(t *testing.T) {
	set := loaded(t, []string{"run"}, synthetic.OpenLoad(map[string]map[string]float64{
		"mutexlru": {"50%": 40_000, "80%": 0},
		"ring":     {"50%": 20_000, "80%": 80_000},
	}, 3))
	v := New(set)
	f := v.Facets[0]
	if !f.Paced || f.X.Key != "rate" || f.X.Reach != 100 || len(f.Boundaries) != 1 || f.Boundaries[0] != (Boundary{100, "capacity"}) {
		t.Errorf("paced %v along %s to %g, %v", f.Paced, f.X.Key, f.X.Reach, f.Boundaries)
	}
	if p := f.Series[0].Point(80); p.Carried() || p.Unstable != 6 || p.Units["p99-ns"].N != 0 {
		t.Errorf("mutexlru at 80%%: %+v", p)
	}
	if p := f.Series[1].Point(80); !p.Carried() || p.Unstable != 1 || p.Units["p99-ns"].N != 5 {
		t.Errorf("ring at 80%%: %d unstable, %+v", p.Unstable, p.Units["p99-ns"])
	}
	answer := v.Answers()[0]
	if answer.Title != "What callers wait, medians of the samples" || len(answer.Rows) != 4 || len(v.Answers()) != 1 {
		t.Fatalf("%+v", v.Answers())
	}
	for i, want := range []string{
		"mutexlru|rate=50%|10.2 µs|40.8 µs|–|4080 ns|2040 ns|5 of 6 samples|100 k|100 k",
		"mutexlru|rate=80%|unstable|||||too few: 0 of 6 samples|100 k|90.0 k",
		"ring|rate=50%|5100 ns|20.4 µs|–|2040 ns|1020 ns|5 of 6 samples|100 k|100 k",
		"ring|rate=80%|20.4 µs|81.6 µs|–|8160 ns|4080 ns|5 of 6 samples|100 k|100 k",
	} {
		if got := strings.Join(answer.Rows[i], "|"); got != want {
			t.Errorf("row %d is %q, want %q", i, got, want)
		}
	}
	fd := f.Findings[0]
	if fd.What != "What callers wait at the highest rate at which the load was carried" || fd.Kind != Leader || !strings.Contains(fd.What, "callers wait") || !slices.Equal(fd.More, []string{
		"mutexlru: rate=50%, p99 40.8 µs (5 of 6 samples, the others were unstable); unstable at 80%; capacity 300 k ops/s",
		"ring: rate=80%, p99 81.6 µs (5 of 6 samples, the others were unstable); capacity 300 k ops/s",
	}) {
		t.Errorf("%+v", fd)
	}
	for _, fd := range v.Findings {
		if text := strings.ToLower(fd.String()); strings.Contains(text, "leads") || strings.Contains(text, "throughput") || strings.Contains(text, "gain") {
			t.Errorf("a sentence about throughput: %s", fd)
		}
	}
}

// TestCarriedByLuck: a rate above one that was not carried counts for nothing.
func TestCarriedByLuck(t *testing.T) {
	f := New(loaded(t, []string{"run"}, synthetic.OpenLoad(map[string]map[string]float64{"ring": {"50%": 20_000, "80%": 0, "90%": 40_000}}, -1))).Facets[0]
	if last, broke := f.Series[0].Carried(); last == nil || last.X != 50 || broke == nil || broke.X != 80 {
		t.Errorf("carried up to %+v, not at %+v", last, broke)
	}
	if more := f.Findings[0].More[0]; !strings.HasPrefix(more, "ring: rate=50%, p99 ") || !strings.Contains(more, "unstable at 80%") {
		t.Errorf("%q", more)
	}
}

// TestOpenLoadRanks: at the same rate for all, callers of one wait less than those of another.
func TestOpenLoadRanks(t *testing.T) {
	set := loaded(t, []string{"run"}, synthetic.OpenLoad(map[string]map[string]float64{
		"mutexlru": {"100000": 40_000, "200000": 0},
		"ring":     {"100000": 20_000, "200000": 80_000},
	}, -1))
	v := New(set)
	fd := v.Facets[0].Findings[0]
	if fd.What != "callers of ring wait least" || fd.Where != "rate=100000" || fd.Much != "p99 20.5 µs, 0.500× that of mutexlru" || !strings.Contains(fd.Sure, "6 paired blocks") {
		t.Errorf("%+v", fd)
	}
	if bs := v.Facets[0].Boundaries; len(bs) != 2 || bs[0].After != 300_000 || !strings.Contains(bs[1].Label, "ring") || v.Facets[0].X.Reach != 300_000 {
		t.Errorf("capacities %v", bs)
	}
}

// TestOpenLoadTies: all whose waits cannot be told from the shortest are named, not the first alone.
func TestOpenLoadTies(t *testing.T) {
	text := synthetic.OpenLoad(map[string]map[string]float64{"mutexlru": {"100000": 40_000}, "otter2": {"100000": 20_000}, "ring": {"100000": 20_000}}, -1)
	// In every other block otter2 is the slower one.
	n := 0
	text = regexp.MustCompile(`(backend=otter2.* )([0-9.e+]+) p99-ns`).ReplaceAllStringFunc(text, func(line string) string {
		if n++; n%2 == 0 {
			return strings.Replace(line, " p99-ns", "0 p99-ns", 1)
		}
		return line
	})
	fd := New(loaded(t, []string{"run"}, text)).Facets[0].Findings[0]
	if fd.What != "what callers of ring and otter2 wait cannot be told apart" && fd.What != "what callers of otter2 and ring wait cannot be told apart" {
		t.Errorf("%+v", fd)
	}
}

// TestUnresolved: a wait that is near to the generator's own lag is an upper bound.
func TestUnresolved(t *testing.T) {
	text := synthetic.OpenLoad(map[string]map[string]float64{"ring": {"50%": 20_000}}, -1)
	set := loaded(t, []string{"run"}, strings.ReplaceAll(text, " offered/s", " offered/s 600 lag-p99-ns"))
	if row := New(set).Answers()[0].Rows[0]; row[2] != "≤ 5125 ns" || row[3] != "20.5 µs" || row[5] != "2050 ns" {
		t.Errorf("%q", row)
	}
}

// TestOpenLoadOverProcs: at a share of each one's own capacity nobody is ranked, along whatever axis.
func TestOpenLoadOverProcs(t *testing.T) {
	text := synthetic.OpenLoad(map[string]map[string]float64{"mutexlru": {"50%": 40_000}, "ring": {"50%": 20_000}}, -1)
	set := loaded(t, []string{"run"}, strings.Replace(text, "key=rate", "key=gomaxprocs", 1))
	fd := New(set).Facets[0].Findings[0]
	if fd.What != "What callers wait at the highest GOMAXPROCS at which the load was carried" || fd.Much != "" || len(fd.More) != 2 {
		t.Errorf("%+v", fd)
	}
}

// TestOpenLoadOverlay: of two builds, how p99 has changed is said at every rate, and where one no longer carries it.
func TestOpenLoadOverlay(t *testing.T) {
	before := synthetic.OpenLoad(map[string]map[string]float64{"ring": {"50%": 20_000, "80%": 40_000}}, -1)
	after := synthetic.OpenLoad(map[string]map[string]float64{"ring": {"50%": 30_000, "80%": 0}}, -1)
	set := loaded(t, []string{"run"}, strings.ReplaceAll(before, "# sample ", "# sample variant=base ")+strings.ReplaceAll(after, "# sample ", "# sample variant=head "))
	if err := set.Lift("variant"); err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, table := range New(set).Answers() {
		if table.Title == "head against base: p99" {
			for _, row := range table.Rows {
				rows = append(rows, strings.Join(row, "|"))
			}
		}
	}
	want := []string{"ring|rate=50%|20.5 µs|30.8 µs|1.50×|6 samples, no interval|", "ring|rate=80%|41.0 µs|unstable|||head too few: 0 of 6 samples"}
	if !slices.Equal(rows, want) {
		t.Errorf("%q, want %q", rows, want)
	}
}
