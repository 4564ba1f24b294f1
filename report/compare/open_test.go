package compare

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/contend-go/contend/bench/sample"
)

// openRun is a run of two builds at two rates, in blocks: head's p99 is that many times
// base's, and the blocks in which head does not carry 80% are told by lost.
func openRun(t *testing.T, blocks int, factor float64, lost func(block int) bool) *sample.Set {
	t.Helper()
	rng := rand.New(rand.NewPCG(5, 1))
	var b strings.Builder
	b.WriteString("# contend protocol=1\n# run id=a\nusable-cpus: 2\n")
	for block := range blocks {
		for _, rate := range []string{"50%", "80%"} {
			for _, variant := range []string{"base", "head"} {
				p99 := 20_000 * math.Exp(rng.NormFloat64()*0.03)
				if variant == "head" {
					p99 *= factor
				}
				fmt.Fprintf(&b, "# sample cell=%s block=%d variant=%s\nBenchmarkCache/arrivals=poisson/rate=%s/backend=ring 1000 ", rate[:2], block, variant, rate)
				fmt.Fprintf(&b, "%g capacity/s %g offered/s", 300_000*math.Exp(rng.NormFloat64()*0.01), 150_000*math.Exp(rng.NormFloat64()*0.001))
				if rate == "80%" && variant == "head" && lost(block) {
					b.WriteString(" 90000 achieved/s\n")
					continue
				}
				fmt.Fprintf(&b, " 150000 achieved/s %g p50-ns %g p99-ns\n", p99/4, p99)
			}
		}
	}
	return side(t, "open", b.String()).Set
}

func compareOpen(t *testing.T, set *sample.Set, units ...string) *Comparison {
	t.Helper()
	opt := Default
	opt.Units = units
	c, err := Compare(Side{"base", set, "base"}, Side{"head", set, "head"}, opt)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestQuantileGate: a quantile is gated over blocks, by default together with the capacity, which
// the rates are shares of.
func TestQuantileGate(t *testing.T) {
	never := func(int) bool { return false }
	worse := compareOpen(t, openRun(t, 12, 1.5, never), "p99-ns")
	if !worse.Regressed() || worse.Count(Worse) != 2 || len(worse.Notices) != 0 {
		t.Errorf("p99 ×1.5: %s, %v", worse.Headline(), worse.Notices)
	}
	same := compareOpen(t, openRun(t, 12, 1, never))
	if units := fmt.Sprint(same.Gated()[0].Unit, same.Gated()[1].Unit, len(same.Gated())); same.Regressed() || !strings.Contains(units, "p99-ns") && !strings.Contains(units, "capacity/s") || len(same.Gated()) != 4 {
		t.Errorf("the same: %s; gated %s", same.Headline(), units)
	}
}

// TestUnstable: a load that is no longer carried has no quantile that could be worse. It is an alarm of its own by an exact
// test over blocks, and what is left of the quantiles never says better or same.
func TestUnstable(t *testing.T) {
	for _, test := range []struct {
		name  string
		lost  func(block int) bool
		alarm bool
		note  bool
	}{
		{"never", func(int) bool { return false }, false, false},
		{"always", func(int) bool { return true }, true, false},
		{"mostly", func(b int) bool { return b%4 > 0 }, true, false},
		{"by chance", func(b int) bool { return b < 2 }, false, true},
	} {
		c := compareOpen(t, openRun(t, 12, 0.5, test.lost), "p99-ns")
		if got := Alarms(c.Notices) == 1; got != test.alarm || c.Regressed() != test.alarm || (len(c.Notices) == 1) != (test.alarm || test.note) {
			t.Errorf("%s: %s, %v", test.name, c.Headline(), c.Notices)
		}
		if strings.Contains(c.Headline(), "Unstable 1") != test.alarm {
			t.Errorf("%s: headline %q", test.name, c.Headline())
		}
		for _, r := range c.Gated() {
			if rate, _ := r.Name.Get("rate"); rate == "80%" && r.Verdict == Better && (test.alarm || test.note) {
				t.Errorf("%s: %s is %s, of what is left", test.name, r.Name, r.Verdict)
			} else if rate == "50%" && r.Verdict != Better {
				t.Errorf("%s: %s is %s, want better", test.name, r.Name, r.Verdict)
			}
		}
	}
}

// TestExact: the tests of loads against counts that are known. Fisher's own example is the lady who tasted tea.
func TestExact(t *testing.T) {
	for _, test := range []struct {
		what      string
		got, want float64
	}{
		{"ten of ten pairs", atLeast(10, 10), 1.0 / 1024},
		{"nine of ten", atLeast(9, 10), 11.0 / 1024},
		{"no pair", atLeast(0, 0), 1},
		{"tea", fisher(tally{3, 1}, tally{1, 3}), 17.0 / 70},
		{"none and all of ten", fisher(tally{10, 0}, tally{0, 10}), 1.0 / 184756},
		{"nothing lost", fisher(tally{10, 0}, tally{6, 0}), 1},
		{"more old ones", fisher(tally{0, 10}, tally{10, 0}), 1},
	} {
		if math.Abs(test.got-test.want) > 1e-12 {
			t.Errorf("%s: %g, want %g", test.what, test.got, test.want)
		}
	}
}
