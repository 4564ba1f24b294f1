package compare

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"gonum.org/v1/gonum/stat/distuv"
)

// A test asks how far one side has shifted against the other.
type test interface {
	// p is the two-sided probability of a shift at least as clear as the one
	// seen, if there is none.
	p() float64
	// interval holds every shift that the data do not contradict at the
	// given two-sided level; it excludes 0 exactly where p ≤ alpha.
	interval(alpha float64) (lo, hi float64)
	// center is the estimated shift.
	center() float64
}

// ranks is an exact test by ranks, with the estimate and the interval that
// follow from it (Hodges and Lehmann 1963). It counts what speaks against a
// shift to above x, by a statistic whose distribution, if there is none, is
// known for any distribution of noise. In the counts, ties are against a shift;
// where there are some, p and the interval are those of [tied].
type ranks struct {
	against func(x float64) int // rises with x
	beneath func(x float64) int // the same of a shift to below x: falls with x
	lo, hi  float64             // the shift is in here
	total   int                 // the largest count
	counts  *countTable
	tied    *tied // nil without ties
}

// newPaired is the signed-rank test (Wilcoxon 1945) of differences within
// blocks. If the two sides are alike, exchanging their labels in a block changes
// nothing, so each difference is as likely as its negative, and the test is exact
// whatever the noise and whatever drift a block shares. The statistic is the sum
// of the scores of the differences at or below x, by their distance from it. The
// scores are ranks up to the median and do not rise above it: under noise with
// heavy tails, plain ranks give the odd blocks most of the say (the simulations
// in this package's tests find 98% instead of 93% of the slowdowns there).
func newPaired(d []float64, nulls *nulls) ranks {
	counts := nulls.signedRank(len(d))
	scores := signedScores(len(d))
	e := make([]float64, len(d))
	count := func(sign, x float64) int {
		for i := range d {
			e[i] = sign * (d[i] - x)
		}
		slices.SortFunc(e, func(a, b float64) int {
			return cmp.Or(cmp.Compare(math.Abs(a), math.Abs(b)), cmp.Compare(b, a)) // of ties, the higher score goes against
		})
		n := 0
		for i, x := range e {
			if x <= 0 {
				n += scores[i]
			}
		}
		return n
	}
	total := 0
	for _, s := range scores {
		total += s
	}
	return ranks{
		against: func(x float64) int { return count(1, x) },
		beneath: func(x float64) int { return count(-1, x) },
		lo:      slices.Min(d), hi: slices.Max(d), total: total, counts: counts, tied: tiedPairs(d),
	}
}

// signedScores are what differences count for, by their rank.
func signedScores(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = min(i+1, (n+1)/2)
	}
	return s
}

// newUnpaired is the test of Mann and Whitney (1947), exact where the samples
// of both sides come from one distribution, whichever that is. The statistic is
// the number of pairs, one of each side, that differ by at most x.
func newUnpaired(a, b []float64, nulls *nulls) ranks {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	size := len(a) * len(b)
	upTo := func(reach func(d float64) bool) int {
		n, i := 0, 0 // a[:i] are too far below b, and below every larger b
		for _, y := range b {
			for i < len(a) && !reach(y-a[i]) {
				i++
			}
			n += len(a) - i
		}
		return n
	}
	return ranks{
		against: func(x float64) int { return upTo(func(d float64) bool { return d <= x }) },
		beneath: func(x float64) int { return size - upTo(func(d float64) bool { return d < x }) },
		lo:      b[0] - a[len(a)-1], hi: b[len(b)-1] - a[0], total: size, counts: nulls.rankSum(len(a), len(b)), tied: tiedApart(a, b),
	}
}

// reaches reports whether the clearest data would be enough at the level.
func (r ranks) reaches(alpha float64) bool { return 2*r.counts.cdf(0) <= alpha }

func (r ranks) p() float64 {
	if r.tied != nil {
		return min(1, 2*r.tied.above(0), 2*r.tied.below(0))
	}
	return min(1, 2*r.counts.cdf(min(r.against(0), r.beneath(0))))
}

// bounds are the least shift that more than k speak against, and the largest
// that more than k speak for a lower one.
func (r ranks) bounds(k int) (lo, hi float64) {
	lo = first(r.lo, r.hi, func(x float64) bool { return r.against(x) > k })
	hi = -first(-r.hi, -r.lo, func(x float64) bool { return r.beneath(-x) > k })
	return lo, hi
}

func (r ranks) center() float64 {
	lo, hi := r.bounds((r.total - 1) / 2)
	return (lo + hi) / 2
}

func (r ranks) interval(alpha float64) (lo, hi float64) {
	k := r.counts.quantile(alpha / 2)
	if k < 0 {
		return math.Inf(-1), math.Inf(1)
	}
	if r.tied != nil {
		return r.tied.interval(alpha)
	}
	return r.bounds(k)
}

// first is the least float64 from lo to hi for which ok holds, given that it
// holds for all above. It bisects the bits.
func first(lo, hi float64, ok func(float64) bool) float64 {
	a, b := order(lo), order(hi)
	for a < b {
		mid := a + int64(uint64(b-a)/2) // the difference may not fit an int64
		if ok(unorder(mid)) {
			b = mid
		} else {
			a = mid + 1
		}
	}
	return unorder(a) + 0 // no −0
}

// order maps float64 to int64 so that the order stays; unorder is its inverse.
func order(x float64) int64 {
	b := int64(math.Float64bits(x))
	if b < 0 {
		b ^= math.MaxInt64
	}
	return b
}

func unorder(b int64) float64 {
	if b < 0 {
		b ^= math.MaxInt64
	}
	return math.Float64frombits(uint64(b))
}

// least is the number of pairs, or of samples on each side, from which ranks
// can reach the level.
func least(alpha float64, paired bool) int {
	for n := 1; ; n++ {
		p := 2 * math.Pow(2, -float64(n))
		if !paired {
			lg := func(x int) float64 { l, _ := math.Lgamma(float64(x + 1)); return l }
			p = 2 * math.Exp(2*lg(n)-lg(2*n))
		}
		if p <= alpha {
			return n
		}
	}
}

// nulls remembers the distributions that statistics have without a shift. It is
// used by one goroutine.
type nulls struct {
	paired   map[int]*countTable
	unpaired map[[2]int]*countTable
}

func newNulls() *nulls {
	return &nulls{map[int]*countTable{}, map[[2]int]*countTable{}}
}

// countTable is the distribution of a count: exact, as probabilities of at most
// k, or the normal one that it approaches.
type countTable struct {
	exact  []float64
	normal distuv.Normal
}

// mostExact is the number of samples, of both sides together, up to which a
// distribution is counted out. Above it the normal one is as good: at 50 + 50 it
// gives 2.7e-4 where the exact one gives 2.5e-4.
const mostExact = 100

// signedRank is the distribution of a sum of scores, each there or not with
// probability ½.
func (t *nulls) signedRank(n int) *countTable {
	if c, ok := t.paired[n]; ok {
		return c
	}
	total, squares := 0, 0
	scores := signedScores(n)
	for _, s := range scores {
		total += s
		squares += s * s
	}
	c := &countTable{normal: distuv.Normal{Mu: float64(total) / 2, Sigma: math.Sqrt(float64(squares)) / 2}}
	if n <= mostExact {
		f := make([]float64, total+1)
		f[0] = 1
		for _, s := range scores {
			for k := total; k >= 0; k-- {
				f[k] /= 2
				if k >= s {
					f[k] += f[k-s] / 2
				}
			}
		}
		c.exact = cumulate(f)
	}
	t.paired[n] = c
	return c
}

// rankSum is the distribution of Mann and Whitney's statistic: of all ways to
// choose n of n+m ranks, those by the sum of what is chosen.
func (t *nulls) rankSum(n, m int) *countTable {
	if n > m {
		n, m = m, n
	}
	key := [2]int{n, m}
	if c, ok := t.unpaired[key]; ok {
		return c
	}
	nm := float64(n) * float64(m)
	c := &countTable{normal: distuv.Normal{Mu: nm / 2, Sigma: math.Sqrt(nm * float64(n+m+1) / 12)}}
	if n+m <= mostExact {
		// ways[k][u]: subsets of k ranks whose sum is u above the least one.
		ways := make([][]float64, n+1)
		for k := range ways {
			ways[k] = make([]float64, n*m+1)
		}
		ways[0][0] = 1
		for r := 1; r <= n+m; r++ {
			for k := min(r, n); k >= 1; k-- {
				up := r - k // how far rank r, as the largest of k, is above the least it can be
				for u := n * m; u >= up; u-- {
					ways[k][u] += ways[k-1][u-up]
				}
			}
		}
		c.exact = cumulate(ways[n])
	}
	t.unpaired[key] = c
	return c
}

// cumulate turns weights into probabilities of at most k.
func cumulate(f []float64) []float64 {
	for i := 1; i < len(f); i++ {
		f[i] += f[i-1]
	}
	total := f[len(f)-1]
	for i := range f {
		f[i] /= total
	}
	return f
}

// cdf is the probability of at most k.
func (c *countTable) cdf(k int) float64 {
	if c.exact != nil {
		return c.exact[k]
	}
	return c.normal.CDF(float64(k) + 0.5)
}

// quantile is the largest k whose cdf is at most p, −1 if there is none.
func (c *countTable) quantile(p float64) int {
	if c.exact != nil {
		return sort.Search(len(c.exact), func(k int) bool { return c.exact[k] > p }) - 1
	}
	return int(math.Floor(c.normal.Quantile(p) - 0.5))
}
