package compare

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/contend-go/contend/bench/sample"
)

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
