package compare

import (
	"cmp"
	"math"
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/aclements/go-moremath/stats"
)

// TestSignedRankByEnumeration holds the table against all 2ⁿ ways to swap
// labels.
func TestSignedRankByEnumeration(t *testing.T) {
	for n := 1; n <= 12; n++ {
		scores, c := signedScores(n), newNulls().signedRank(n)
		seen := map[int]float64{}
		for mask := range 1 << n {
			sum := 0
			for i, s := range scores {
				if mask>>i&1 == 1 {
					sum += s
				}
			}
			seen[sum] += math.Pow(2, -float64(n))
		}
		want := 0.0
		for k := range c.exact {
			want += seen[k]
			if math.Abs(c.cdf(k)-want) > 1e-12 {
				t.Fatalf("n=%d: P(≤%d) = %g, want %g", n, k, c.cdf(k), want)
			}
		}
	}
}

// TestTiesByEnumeration holds the distributions with ties against all ways to swap
// labels, and to choose samples; zeros take no side.
func TestTiesByEnumeration(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for range 300 {
		d := make([]float64, 4+rng.IntN(5))
		for i := range d {
			d[i] = float64(rng.IntN(7) - 2)
		}
		ties := tiedPairs(d)
		if ties == nil {
			continue
		}
		// The statistic of each assignment of signs is what the test gives for data
		// with these signs; p is the share of those that are as small.
		seen, upTo, all := rankSum(d), 0, 0
		for mask := range 1 << len(d) {
			flipped := make([]float64, len(d))
			for i := range d {
				flipped[i] = d[i] * float64(1-2*(mask>>i&1))
			}
			if all++; rankSum(flipped) <= seen+1e-9 {
				upTo++
			}
		}
		if got, want := ties.above(0), float64(upTo)/float64(all); math.Abs(got-want) > 1e-12 {
			t.Fatalf("%v: %g, want %g", d, got, want)
		}
	}
	for range 200 {
		pool := make([]float64, 6+rng.IntN(4))
		for i := range pool {
			pool[i] = float64(rng.IntN(4))
		}
		n := 2 + rng.IntN(3)
		ties := tiedApart(pool[n:], pool[:n])
		if ties == nil {
			continue
		}
		wins := func(in int) (u float64) { // pairs in which a chosen value is the larger
			for i, x := range pool {
				for j, y := range pool {
					if in>>i&1 == 1 && in>>j&1 == 0 {
						u += float64(cmp.Compare(x, y)) / 2
					}
				}
			}
			return u
		}
		seen, upTo, all := wins(1<<n-1), 0, 0
		for mask := range 1 << len(pool) {
			if bits.OnesCount(uint(mask)) != n {
				continue
			}
			if all++; wins(mask) >= seen-1e-9 {
				upTo++
			}
		}
		if got, want := ties.above(0), float64(upTo)/float64(all); math.Abs(got-want) > 1e-12 {
			t.Fatalf("%v of %v: %g, want %g", pool[:n], pool, got, want)
		}
	}
}

// rankSum is the sum of the scores of negative values, by the definition: of ties
// the mean, to the half, of zeros none.
func rankSum(d []float64) (sum float64) {
	scores := signedScores(len(d))
	for _, x := range d {
		if x >= 0 {
			continue
		}
		below, ties := 0, 0
		for _, y := range d {
			switch c := cmp.Compare(math.Abs(y), math.Abs(x)); {
			case c < 0:
				below++
			case c == 0:
				ties++
			}
		}
		mean := 0.0
		for _, s := range scores[below : below+ties] {
			mean += float64(s) / float64(ties)
		}
		sum += math.Round(2*mean) / 2
	}
	return sum
}

// TestTiesPower: a change of 3% is found in values on a grid of 5%, where to count
// ties against it finds half as many; and nothing is found where there is nothing.
func TestTiesPower(t *testing.T) {
	s, trials := scenario{noise: normal(0.02), grain: 50}, 5*draws()
	found := func(effect float64) float64 {
		return share(trials, func(rng *rand.Rand, nulls *nulls) bool {
			r := s.row(rng, 20, make([]float64, 20), true, effect)
			return newPaired(r.differences(), nulls).p() <= 0.05
		})
	}
	power, alarms := found(0.03), found(0)
	t.Logf("found in %.1f%%, alarms in %.1f%% of %d", 100*power, 100*alarms, trials)
	if power < 0.8 || alarms > 0.05+bound(0.05, trials) {
		t.Errorf("found in %.1f%%, alarms in %.1f%%", 100*power, 100*alarms)
	}
}

// TestRankSumAgainstPeer holds p against the implementation that benchstat
// uses, on data without ties.
func TestRankSumAgainstPeer(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		a, b := draw(rng, 2+rng.IntN(12), 0), draw(rng, 2+rng.IntN(12), 1)
		want, err := stats.MannWhitneyUTest(a, b, stats.LocationDiffers)
		if err != nil {
			t.Fatal(err)
		}
		if got := newUnpaired(a, b, newNulls()).p(); math.Abs(got-want.P) > 1e-9 {
			t.Fatalf("%d and %d samples: p = %g, want %g", len(a), len(b), got, want.P)
		}
	}
}

func draw(rng *rand.Rand, n int, mean float64) []float64 {
	list := make([]float64, n)
	for i := range list {
		list[i] = mean + rng.NormFloat64()
	}
	return list
}

// TestInterval: an interval excludes no change exactly where p says so, it
// holds the estimate, and the sides can be swapped.
func TestInterval(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 2000 {
		a, b := draw(rng, 6+rng.IntN(10), 0), draw(rng, 6+rng.IntN(10), rng.Float64())
		if i%2 == 0 { // with ties, and with zeros
			for _, list := range [][]float64{a, b} {
				for j := range list {
					list[j] = math.Round(2*list[j]) / 2
				}
			}
		}
		d := make([]float64, min(len(a), len(b)))
		for j := range d {
			d[j] = b[j] - a[j]
		}
		minus := make([]float64, len(d))
		for j := range d {
			minus[j] = -d[j]
		}
		nulls, grain := newNulls(), data{a, b}.grain()
		for name, pair := range map[string][2]test{
			"unpaired":         {newUnpaired(a, b, nulls), newUnpaired(b, a, nulls)},
			"paired":           {newPaired(d, nulls), newPaired(minus, nulls)},
			"student unpaired": {newStudentUnpaired(a, b, grain), newStudentUnpaired(b, a, grain)},
		} {
			x, y := pair[0], pair[1]
			for _, alpha := range []float64{0.2, 0.05, 0.01} {
				lo, hi := x.interval(alpha)
				if excludes := lo > 0 || hi < 0; excludes != (x.p() <= alpha) {
					t.Fatalf("%s: p = %g, but the interval at %g is [%g, %g]\na %v\nb %v", name, x.p(), alpha, lo, hi, a, b)
				}
				if c := x.center(); c < lo-1e-12 || c > hi+1e-12 {
					t.Fatalf("%s: estimate %g outside of [%g, %g]", name, c, lo, hi)
				}
				if l, h := y.interval(alpha); math.Abs(l+hi)+math.Abs(h+lo) > 1e-9 && !math.IsInf(lo, 0) {
					t.Fatalf("%s: [%g, %g], but swapped [%g, %g]", name, lo, hi, l, h)
				}
			}
			if math.Abs(x.p()-y.p()) > 1e-12 {
				t.Fatalf("%s: p = %g, but swapped %g", name, x.p(), y.p())
			}
		}
	}
}

// TestNormalApproximation checks the claim at mostExact.
func TestNormalApproximation(t *testing.T) {
	for name, c := range map[string]*countTable{"paired": newNulls().signedRank(mostExact), "unpaired": newNulls().rankSum(mostExact/2, mostExact/2)} {
		for _, p := range []float64{0.025, 2.5e-4} {
			k := c.quantile(p)
			approx := c.normal.CDF(float64(k) + 0.5)
			t.Logf("%s: exact %.3g, normal %.3g", name, c.cdf(k), approx)
			if ratio := approx / c.cdf(k); ratio < 0.95 || ratio > 1.2 {
				t.Errorf("%s at %g: normal ÷ exact is %.3f", name, p, ratio)
			}
		}
	}
}
