package compare

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"gonum.org/v1/gonum/stat/distuv"
)

// tied are the one-sided probabilities of a test by ranks where values tie: of a
// statistic at most as large as that of a shift to above x, or to below it, given
// the sizes that tie. To count every tie against the shift, as the tables without
// ties must, finds half of the changes of 3% in values on a grid of 5%, where this
// finds nine in ten.
type tied struct {
	above, below func(x float64) float64
	// shifts are those at which a probability changes, in no order.
	shifts func() []float64
}

// interval is where neither probability contradicts a shift at the level. The
// probabilities need not rise everywhere with x, as other values tie at each; so
// the search for a bound begins at 0, for which [ranks.p] speaks.
func (t *tied) interval(alpha float64) (lo, hi float64) {
	shifts := t.shifts()
	within := 2 * tieWithin(shifts)
	bound := func(sign float64, p func(x float64) float64) float64 {
		list := []float64{0}
		zero := p(0) > alpha/2 // then the bound is not above 0, and otherwise not at or below
		for _, s := range shifts {
			for _, x := range []float64{sign * s, sign*s + within} { // where values tie, and behind
				if zero == (x <= 0) {
					list = append(list, x)
				}
			}
		}
		if !zero {
			list = list[1:]
		}
		slices.Sort(list)
		return list[min(sort.Search(len(list), func(i int) bool { return p(list[i]) > alpha/2 }), len(list)-1)]
	}
	return bound(1, t.above), -bound(-1, func(x float64) float64 { return t.below(-x) })
}

// tieWithin is how close values are that tie: equal ratios of measured values
// differ in the last bits of their logarithms.
func tieWithin(values []float64) float64 {
	size := 0.0
	for _, x := range values {
		size = max(size, math.Abs(x))
	}
	return max(1e-9*size, 1e-12)
}

// groups are the runs of sorted values that tie, by their ends.
func groups(sorted []float64, within float64) (ends []int) {
	for i := range sorted {
		if i+1 == len(sorted) || sorted[i+1]-sorted[i] > within {
			ends = append(ends, i+1)
		}
	}
	return ends
}

// mostTied is the number of values up to which a distribution with ties is counted
// out: it differs from row to row, and from x to x. Above it the normal one is
// taken, which is careful where the level is small. Of samples of two sides, that
// is so beyond half as many too, but at 0, which decides.
const mostTied = 24

// tiedPairs is the signed-rank test where sizes of differences tie, or some are
// zero; nil if none do. A tie has the mean of its scores; what is zero keeps its
// rank and takes no side (Pratt 1959).
func tiedPairs(d []float64) *tied {
	within := tieWithin(d)
	sizes := make([]float64, len(d))
	for i, x := range d {
		sizes[i] = math.Abs(x)
	}
	slices.Sort(sizes)
	if len(groups(sizes, within)) == len(d) && sizes[0] > within {
		return nil
	}
	plain := signedScores(len(d))
	below := func(sign, x float64) float64 {
		e := make([]float64, len(d))
		for i := range d {
			e[i] = sign * (d[i] - x)
		}
		slices.SortFunc(e, func(a, b float64) int { return cmp.Compare(math.Abs(a), math.Abs(b)) })
		sizes := make([]float64, len(e))
		for i := range e {
			sizes[i] = math.Abs(e[i])
		}
		var scores []int // of what is not zero, doubled
		statistic, from := 0, 0
		for _, to := range groups(sizes, within) {
			sum := 0
			for _, s := range plain[from:to] {
				sum += s
			}
			score := int(math.Round(2 * float64(sum) / float64(to-from)))
			for _, x := range e[from:to] {
				if math.Abs(x) <= within {
					continue
				}
				scores = append(scores, score)
				if x < 0 {
					statistic += score
				}
			}
			from = to
		}
		return halves(scores, statistic)
	}
	return &tied{
		above: func(x float64) float64 { return below(1, x) },
		below: func(x float64) float64 { return below(-1, x) },
		shifts: func() (list []float64) {
			for i := range d {
				for _, x := range d[i:] {
					list = append(list, (d[i]+x)/2)
				}
			}
			return list
		},
	}
}

// halves is the probability that a sum of scores, each there or not with
// probability ½, is at most k.
func halves(scores []int, k int) float64 {
	total, squares := 0, 0
	for _, s := range scores {
		total += s
		squares += s * s
	}
	switch {
	case k < 0:
		return 0
	case k >= total:
		return 1
	case len(scores) > mostTied:
		return distuv.Normal{Mu: float64(total) / 2, Sigma: math.Sqrt(float64(squares)) / 2}.CDF(float64(k) + 0.5)
	}
	if k > total/2 { // the distribution is symmetric
		return 1 - halves(scores, total-k-1)
	}
	f := make([]float64, k+1) // sums above k do not matter
	f[0] = 1
	reach := 0
	for _, s := range scores {
		reach = min(reach+s, k)
		for i := reach; i >= 0; i-- {
			f[i] /= 2
			if i >= s {
				f[i] += f[i-s] / 2
			}
		}
	}
	p := 0.0
	for _, x := range f {
		p += x
	}
	return p
}

// tiedApart is Mann and Whitney's test where values of the two sides tie, or of one;
// nil if none do. Ties have their mean rank.
func tiedApart(a, b []float64) *tied {
	pooled := slices.Concat(a, b)
	slices.Sort(pooled)
	within := tieWithin(pooled)
	if len(groups(pooled, within)) == len(pooled) {
		return nil
	}
	below := func(sign, x float64) float64 {
		type value struct {
			x   float64
			old bool
		}
		var all []value
		for _, y := range a {
			all = append(all, value{sign * (y + x), true})
		}
		for _, y := range b {
			all = append(all, value{sign * y, false})
		}
		slices.SortFunc(all, func(a, b value) int { return cmp.Compare(a.x, b.x) })
		sorted := make([]float64, len(all))
		for i, v := range all {
			sorted[i] = v.x
		}
		ranks, statistic, from := make([]int, len(all)), 0, 0 // doubled
		for _, to := range groups(sorted, within) {
			for i := from; i < to; i++ {
				if ranks[i] = from + to + 1; all[i].old {
					statistic += ranks[i]
				}
			}
			from = to
		}
		return chosen(ranks, len(a), statistic, len(all) <= mostTied/2 || x == 0 && len(all) <= mostTied)
	}
	return &tied{
		above: func(x float64) float64 { return below(1, x) },
		below: func(x float64) float64 { return below(-1, x) },
		shifts: func() (list []float64) {
			for _, x := range a {
				for _, y := range b {
					list = append(list, y-x)
				}
			}
			return list
		},
	}
}

// chosen is the probability that the sum of n ranks, chosen at random, is at most
// k, counted out or by the normal distribution.
func chosen(ranks []int, n, k int, exact bool) float64 {
	all, total, squares := float64(len(ranks)), 0.0, 0.0
	for _, r := range ranks {
		total += float64(r)
		squares += float64(r) * float64(r)
	}
	mean := total / all
	if !exact {
		m := float64(n)
		variance := m * (all - m) / (all - 1) * (squares/all - mean*mean)
		if variance == 0 {
			return 1
		}
		return distuv.Normal{Mu: m * mean, Sigma: math.Sqrt(variance)}.CDF(float64(k) + 0.5)
	}
	ways := make([][]float64, n+1) // of i ranks, by their sum
	for i := range ways {
		ways[i] = make([]float64, 2*len(ranks)*n+1)
	}
	ways[0][0] = 1
	for _, r := range ranks {
		for i := n; i >= 1; i-- {
			for sum, w := range ways[i-1][:len(ways[i])-r] {
				ways[i][sum+r] += w
			}
		}
	}
	return cumulate(ways[n])[min(k, len(ways[n])-1)]
}
