package compare

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"testing"

	"github.com/contend-go/contend/bench/sample"
)

// The tests in this file hold the gate against data whose truth is known. A
// scenario is a kind of noise; a sample is 1000 × drift × noise, and times the
// effect in the new side of changed cells.

// trials is how many families of each scenario are drawn. Seeds are fixed, so a
// number gives the same outcome every time.
var trials = flag.Int("trials", 100, "families that each simulation draws; a tenth with -short")

func draws() int {
	if testing.Short() {
		return max(1, *trials/10)
	}
	return *trials
}

type scenario struct {
	name  string
	noise func(r *rand.Rand) float64 // of a logarithm
	drift float64                    // step of a random walk from block to block, shared by both sides
	order float64                    // how much slower the second of a pair is; which that is, is drawn
	grain float64                    // values are rounded to multiples of it; 0 is not at all
}

func normal(sd float64) func(*rand.Rand) float64 {
	return func(r *rand.Rand) float64 { return sd * r.NormFloat64() }
}

// t3 is Student's t with 3 degrees of freedom, scaled to the standard
// deviation sd: its fourth moment does not exist.
func t3(sd float64) func(*rand.Rand) float64 {
	return func(r *rand.Rand) float64 {
		chi := 0.0
		for range 3 {
			x := r.NormFloat64()
			chi += x * x
		}
		return sd * r.NormFloat64() / math.Sqrt(chi)
	}
}

// neighbours is noise of 2%, and a tenth of the samples slowed by up to half:
// what other tenants of a shared machine do.
func neighbours(r *rand.Rand) float64 {
	x := 0.02 * r.NormFloat64()
	if r.IntN(10) == 0 {
		x += 0.1 + 0.3*r.Float64()
	}
	return x
}

var scenarios = []scenario{
	{"normal", normal(0.02), 0, 0, 0},
	{"heavy tails", t3(0.02), 0, 0, 0},
	{"neighbours", neighbours, 0, 0, 0},
	{"skewed", func(r *rand.Rand) float64 { return 0.02 * math.Exp(r.NormFloat64()) }, 0, 0, 0},
	{"shared drift", normal(0.02), 0.1, 0, 0},
	{"ties", normal(0.02), 0, 0, 10},
	{"coarse ties", normal(0.02), 0, 0, 50},
	{"order", normal(0.003), 0, 0.05, 0},
}

func (s scenario) row(rng *rand.Rand, n int, drift []float64, paired bool, effect float64) *Row {
	old, new := make([]float64, n), make([]float64, n)
	for i := range n {
		d := 0.0
		if paired {
			d = drift[i]
		}
		old[i] = s.value(d + s.noise(rng))
		new[i] = s.value(d + s.noise(rng) + math.Log1p(effect))
		if second := rng.IntN(2); second == 0 {
			old[i] *= 1 + s.order
		} else {
			new[i] *= 1 + s.order
		}
	}
	r := &Row{Unit: "ns/op", Better: sample.Lower, Gated: true, Paired: paired, NOld: n, NNew: n}
	r.Old, r.New = median(old), median(new)
	r.measure(old, new)
	if paired {
		for i := range n {
			r.blocks = append(r.blocks, blockKey{block: i})
		}
	}
	return r
}

func (s scenario) value(log float64) float64 {
	v := 1000 * math.Exp(log)
	if s.grain > 0 {
		v = max(s.grain, s.grain*math.Round(v/s.grain))
	}
	return v
}

// trial is one comparison of a family of cells, of which the first is slower
// by effect.
func (s scenario) trial(rng *rand.Rand, cells, n int, paired bool, effect float64) *Comparison {
	drift := make([]float64, n)
	for i := 1; i < n; i++ {
		drift[i] = drift[i-1] + s.drift*rng.NormFloat64()
	}
	c := &Comparison{Options: beside}
	for i := range cells {
		e := 0.0
		if i == 0 {
			e = effect
		}
		c.Rows = append(c.Rows, s.row(rng, n, drift, paired, e))
	}
	return c
}

// share runs trials on all CPUs and returns the share that hold. Every trial
// has a seed of its own.
func share(trials int, holds func(rng *rand.Rand, nulls *nulls) bool) float64 {
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	found := make([]int, workers)
	for w := range workers {
		wg.Go(func() {
			nulls := newNulls()
			for i := w; i < trials; i += workers {
				if holds(rand.New(rand.NewPCG(7, uint64(i))), nulls) {
					found[w]++
				}
			}
		})
	}
	wg.Wait()
	total := 0
	for _, n := range found {
		total += n
	}
	return float64(total) / float64(trials)
}

// bound allows a share of p three standard errors of the simulation, and one trial, as
// few trials make the binomial distribution skewed.
func bound(p float64, trials int) float64 {
	return 3*math.Sqrt(p*(1-p)/float64(trials)) + 1/float64(trials)
}

// TestFalseAlarms: among 200 cells without any change, Holm takes one for worse
// at all in at most 5% of comparisons, whatever the size of the estimate. A regression needs more than that.
func TestFalseAlarms(t *testing.T) {
	const cells = 200
	trials := draws()
	for _, s := range scenarios {
		for _, n := range []int{6, 10, 20} {
			for _, paired := range []bool{true, false} {
				if s.drift+s.order > 0 && !paired {
					continue
				}
				t.Run(fmt.Sprintf("%s/n=%d/paired=%v", s.name, n, paired), func(t *testing.T) {
					p := share(trials, func(rng *rand.Rand, nulls *nulls) bool {
						c := s.trial(rng, cells, n, paired, 0)
						for _, r := range c.test(c.of(timed), nulls) {
							if r.PHolm <= c.Alpha && r.toWorse() {
								return true
							}
						}
						return false
					})
					t.Logf("false alarms in %.2f%% of %d families", 100*p, trials)
					if p > 0.05+bound(0.05, trials) {
						t.Errorf("false alarms in %.2f%% of families, more than 5%%", 100*p)
					}
				})
			}
		}
	}
}

// TestSame: a cell whose true change is the smallest effect itself is called the
// same in at most 5% of comparisons, and one that is unchanged mostly is, where the
// noise allows it.
func TestSame(t *testing.T) {
	quiet := scenario{noise: normal(0.01 / math.Sqrt2)}
	kinds := append([]scenario{{"quiet", quiet.noise, 0, 0, 0}}, scenarios...)
	trials := 5 * draws()
	for _, s := range kinds {
		for _, n := range []int{6, 10, 20} {
			called := func(effect float64) float64 {
				return share(trials, func(rng *rand.Rand, nulls *nulls) bool {
					c := s.trial(rng, 1, n, true, effect)
					c.judge(nulls)
					return c.Rows[0].Verdict == Same
				})
			}
			t.Run(fmt.Sprintf("%s/n=%d", s.name, n), func(t *testing.T) {
				unchanged, changed := called(0), called(Default.MinEffect)
				t.Logf("same: %.1f%% of unchanged, %.1f%% of those changed by %g%%, of %d", 100*unchanged, 100*changed, 100*Default.MinEffect, trials)
				if changed > 0.05+bound(0.05, trials) {
					t.Errorf("%.1f%% of changed cells are called the same", 100*changed)
				}
				if s.name == "quiet" && unchanged < 0.9 {
					t.Errorf("%.1f%% of unchanged cells are called the same", 100*unchanged)
				}
			})
		}
	}
}

// TestPower: a slowdown of 5% under noise of 2% is called a regression.
func TestPower(t *testing.T) {
	for _, tc := range []struct {
		cells, n, trials int
		want             float64
	}{{1, 10, 20 * draws(), 0.95}, {200, 20, max(1, draws()/4), 0.95}} {
		for _, s := range []scenario{scenarios[0], scenarios[1], scenarios[4], scenarios[5]} {
			for _, paired := range []bool{true, false} {
				if s.drift+s.order > 0 && !paired {
					continue
				}
				t.Run(fmt.Sprintf("%s/cells=%d/n=%d/paired=%v", s.name, tc.cells, tc.n, paired), func(t *testing.T) {
					p := share(tc.trials, func(rng *rand.Rand, nulls *nulls) bool {
						c := s.trial(rng, tc.cells, tc.n, paired, 0.05)
						slow := c.Rows[0]
						c.judge(nulls)
						return slow.Verdict == Worse
					})
					t.Logf("found in %.1f%% of %d", 100*p, tc.trials)
					if p < tc.want-bound(tc.want, tc.trials)/3 {
						t.Errorf("found in %.1f%%, less than %g%%", 100*p, 100*tc.want)
					}
				})
			}
		}
	}
}

// TestResampledRun holds the gate against real noise: 300 comparisons drawn
// from one long run of two identical builds (scripts/aa.sh makes it), each of ten
// of its blocks with the labels swapped at random, block by block and cell by
// cell. At 5% a family, 22 or fewer are red with a probability of 97%.
func TestResampledRun(t *testing.T) {
	dir := os.Getenv("CONTEND_AA")
	if dir == "" {
		t.Skip("CONTEND_AA names no run of two identical variants, base and head; scripts/aa.sh makes one")
	}
	set, err := sample.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	const comparisons, blocks, most = 300, 10, 22
	base, head := collect(Side{Set: set, Variant: "base"}, new(Comparison), 0), collect(Side{Set: set, Variant: "head"}, new(Comparison), 1)
	red := share(comparisons, func(rng *rand.Rand, _ *nulls) bool {
		c := &Comparison{Options: Default}
		drawn := map[int]bool{}
		for _, b := range rng.Perm(1 + lastBlock(base))[:blocks] {
			drawn[b] = true
		}
		for _, key := range base.order {
			x, y := &cell{name: base.byKey[key].name}, &cell{name: base.byKey[key].name}
			swap := map[int]bool{}
			for b := range drawn {
				swap[b] = rng.IntN(2) == 0
			}
			for i, from := range []*cell{base.byKey[key], head.byKey[key]} {
				for _, s := range from.samples {
					if !drawn[s.Block] {
						continue
					}
					to := x
					if (i == 0) == swap[s.Block] {
						to = y
					}
					to.samples = append(to.samples, s)
				}
			}
			r := newRow(x, y, "ops/s", sample.Higher)
			r.Gated = true
			c.Rows = append(c.Rows, r)
		}
		c.judge(newNulls())
		return c.Regressed()
	})
	n := int(math.Round(red * comparisons))
	t.Logf("%d of %d comparisons of %d cells are red", n, comparisons, len(base.order))
	if n > most {
		t.Errorf("more than %d", most)
	}
}

func lastBlock(c *cells) int {
	last := 0
	for _, x := range c.byKey {
		for _, s := range x.samples {
			last = max(last, s.Block)
		}
	}
	return last
}
