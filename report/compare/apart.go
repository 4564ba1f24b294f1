package compare

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// apart is the test of two sides that were not measured side by side. What the
// host does to a whole run shifts all of its samples alike, and the samples of a
// run cannot show it: two such runs of the same code, each shifted by 3%, give
// false alarms in 30 to 100% of families if only the noise within is looked at.
// So the shift must also be clear against a stated deviation of each run, which
// is added to the deviation within. Its interval holds that of both tests.
type apart struct {
	within test
	shift  distuv.Normal // of the estimate, if nothing has changed
}

func (r *Row) apart(within test, between float64) apart {
	scale := 1.0
	if !r.logs {
		scale = math.Abs(r.Old)
	}
	variance := 2*square(between*scale) + (square(spread(r.data.old))/float64(r.NOld)+square(spread(r.data.new))/float64(r.NNew))/efficiencyUnpaired
	return apart{within, distuv.Normal{Sigma: math.Sqrt(variance)}}
}

func (a apart) center() float64 { return a.within.center() }

func (a apart) p() float64 {
	if a.shift.Sigma == 0 { // from zero throughout: any shift is infinitely many times what was
		return a.within.p()
	}
	return max(a.within.p(), 2*a.shift.CDF(-math.Abs(a.center())))
}

func (a apart) interval(alpha float64) (lo, hi float64) {
	lo, hi = a.within.interval(alpha)
	if a.shift.Sigma == 0 {
		return lo, hi
	}
	half := -a.shift.Quantile(alpha / 2)
	return min(lo, a.center()-half), max(hi, a.center()+half)
}
