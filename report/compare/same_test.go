package compare

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/contend-go/contend/bench/sample"
)

// TestSame: a cell whose true change is the smallest effect is called the same in at
// most 5% of comparisons, and one that has not changed, where there are samples enough,
// in four of five.
func TestSame(t *testing.T) {
	trials := 10 * draws()
	for _, c := range []struct {
		noise  string
		s      scenario
		n      int
		effect float64
		least  float64 // share of "same" that is asked for
		most   float64
	}{
		{"normal", scenarios[0], 6, .03, 0, .05},
		{"normal", scenarios[0], 20, .03, 0, .05},
		{"heavy tails", scenarios[1], 20, .03, 0, .05},
		{"neighbours", scenarios[2], 20, .03, 0, .05},
		{"shared drift", scenarios[4], 10, .03, 0, .05},
		{"order", scenarios[7], 20, .03, 0, .05},
		{"normal", scenarios[0], 20, -.0292, 0, .05}, // 3% the other way
		{"normal", scenario{noise: normal(.01)}, 10, 0, .95, 1},
		{"normal", scenarios[0], 24, 0, .8, 1},
		{"normal", scenarios[0], 20, .05, 0, .01},
	} {
		t.Run(fmt.Sprintf("%s/n=%d/change=%g", c.noise, c.n, c.effect), func(t *testing.T) {
			p := share(trials, func(rng *rand.Rand, nulls *nulls) bool {
				x := c.s.trial(rng, 1, c.n, true, c.effect)
				x.judge(nulls)
				return x.Rows[0].Verdict == Same
			})
			t.Logf("the same in %.1f%% of %d", 100*p, trials)
			if p < c.least-bound(c.least, trials) || p > c.most+bound(c.most, trials) {
				t.Errorf("the same in %.1f%% of %d, want %g%% to %g%%", 100*p, trials, 100*c.least, 100*c.most)
			}
		})
	}
}

// TestSeparateRuns: two runs of the same code, of which the host shifts each as a whole
// by 3%, give a false alarm in at most 5% of families, and are never called the same.
func TestSeparateRuns(t *testing.T) {
	for _, cells := range []int{1, 10, 50} {
		for _, own := range []bool{false, true} { // the shift is of the run, or of each of its cells
			t.Run(fmt.Sprintf("cells=%d/own=%v", cells, own), func(t *testing.T) {
				trials := draws()
				verdicts := func(effect float64) (worse, same float64) {
					of := func(v Verdict) float64 {
						return share(trials, func(rng *rand.Rand, nulls *nulls) bool {
							c := separate(rng, cells, 10, own, effect)
							c.judge(nulls)
							return c.Rows[0].Verdict == v || effect == 0 && c.Count(v) > 0
						})
					}
					return of(Worse), of(Same)
				}
				alarms, same := verdicts(0)
				t.Logf("false alarms in %.1f%% of %d families", 100*alarms, trials)
				if alarms > .05+bound(.05, trials) || same > 0 {
					t.Errorf("false alarms in %.1f%%, called the same in %.1f%% of families", 100*alarms, 100*same)
				}
				if found, _ := verdicts(3); found < .99 { // four times as long
					t.Errorf("a fourfold slowdown is found in %.1f%%", 100*found)
				}
			})
		}
	}
}

// separate is two runs that were not measured side by side.
func separate(rng *rand.Rand, cells, n int, own bool, effect float64) *Comparison {
	const deviation = .03
	run := func() func() float64 {
		shift := deviation * rng.NormFloat64()
		return func() float64 {
			if own {
				return deviation * rng.NormFloat64()
			}
			return shift
		}
	}
	before, after := run(), run()
	c := &Comparison{Options: Default}
	for i := range cells {
		s := scenario{noise: normal(.02)}
		old, new := make([]float64, n), make([]float64, n)
		a, b := before(), after()
		for j := range n {
			old[j], new[j] = s.value(a+s.noise(rng)), s.value(b+s.noise(rng))
			if i == 0 {
				new[j] *= 1 + effect
			}
		}
		r := &Row{Unit: "ns/op", Better: sample.Lower, Gated: true, NOld: n, NNew: n}
		r.Old, r.New = median(old), median(new)
		r.measure(old, new)
		c.Rows = append(c.Rows, r)
	}
	return c
}
