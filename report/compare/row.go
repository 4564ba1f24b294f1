package compare

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// data are a row's values on the scale on which a change is a shift.
type data struct {
	old, new []float64 // of the same block at the same index, if paired
}

// grain is the smallest step between different values of a row.
func (d data) grain() float64 {
	all := slices.Concat(d.old, d.new)
	slices.Sort(all)
	least := math.Inf(1)
	for i := 1; i < len(all); i++ {
		if step := all[i] - all[i-1]; step > 1e-9 && step < least { // less is the error of a logarithm
			least = step
		}
	}
	if math.IsInf(least, 1) {
		return 0
	}
	return least
}

// ties reports whether values are equal.
func (d data) ties() bool {
	all := slices.Concat(d.old, d.new)
	n := len(all)
	slices.Sort(all)
	return len(slices.Compact(all)) < n
}

// measure puts the row's values on their scale: logarithms where all are
// positive, otherwise the values themselves.
func (r *Row) measure(old, new []float64) {
	r.logs = slices.Min(old) > 0 && slices.Min(new) > 0
	r.data = data{old: slices.Clone(old), new: slices.Clone(new)}
	if r.logs {
		for _, list := range [][]float64{r.data.old, r.data.new} {
			for i, v := range list {
				list[i] = math.Log(v)
			}
		}
	}
}

// enough reports whether the row can be tested.
func (r *Row) enough() bool { return min(r.NOld, r.NNew) >= MinN }

// lacking says what a row has of the values that a verdict takes.
func (r *Row) lacking() string {
	of := "samples"
	if r.machines {
		of = "machines"
	}
	return fmt.Sprintf("%d of the %d %s that it takes", min(r.NOld, r.NNew), MinN, of)
}

func (r *Row) differences() []float64 {
	d := make([]float64, len(r.data.old))
	for i := range d {
		d[i] = r.data.new[i] - r.data.old[i]
	}
	return d
}

// prepare tests the row: by ranks where these can reach the level that the
// family asks for, which depends on the numbers of samples alone. Pairs too few
// for that are left to [maxT], which tests all such rows at once.
func (r *Row) prepare(nulls *nulls, o Options) {
	switch {
	case r.Paired && o.Sequential.End > 0 && r.kind() != alone:
		r.test = newAnytime(r.differences(), r.before(o.Sequential.end()), nulls)
	case r.Paired:
		exact := newPaired(r.differences(), nulls)
		r.test, r.flipped = exact, r.kind() != alone && !exact.reaches(2*r.alpha)
	default:
		exact := newUnpaired(r.data.old, r.data.new, nulls)
		if r.test = exact; !exact.reaches(2 * r.alpha) {
			r.test = newStudentUnpaired(r.data.old, r.data.new, r.data.grain())
		}
		if o.Between > 0 && !r.Counted {
			r.test = r.apart(r.test, o.Between)
		}
	}
	r.P = r.test.p() / 2
}

// before is how many of the row's pairs are of blocks before one that its cell has
// reached; 0 if it has not.
func (r *Row) before(block int) int {
	if r.spans < block {
		return 0
	}
	n := 0
	for n < len(r.blocks) && r.blocks[n].block < block {
		n++
	}
	return n
}

// estimate fills in the ratio and its interval.
func (r *Row) estimate() {
	if r.test == nil { // too few samples: a point without an interval
		r.put(r.New/r.Old, math.NaN(), math.NaN(), r.New-r.Old)
		return
	}
	r.Level = 1 - r.lower - r.upper
	shift := r.test.center()
	lo, hi := r.test.interval(2 * r.lower)
	if r.lower != r.upper {
		_, hi = r.test.interval(2 * r.upper)
	}
	switch { // the ranks' interval may hold what the deciding test excludes
	case r.excludesZero && shift > 0:
		lo = max(lo, 0)
	case r.excludesZero && shift < 0:
		hi = min(hi, 0)
	}
	if r.logs {
		r.put(math.Exp(shift), math.Exp(lo), math.Exp(hi), 0)
		return
	}
	r.put(1+shift/r.Old, 1+lo/r.Old, 1+hi/r.Old, shift)
}

func (r *Row) put(ratio, lo, hi, shift float64) {
	if !r.logs {
		r.Shift = shift
	}
	if r.Old > 0 {
		r.Ratio, r.Lo, r.Hi = ratio, lo, hi
	} else if shift == 0 {
		r.Ratio = 1
	}
}

// The efficiency of the exact tests under normal noise, as the samples that
// Student's test takes to find as much: 3/π for Mann and Whitney's (Hodges and
// Lehmann 1956); for the signed ranks with their flat upper half, the same
// formula, (∫ J(u)·Φ⁻¹((1+u)/2) du)² ÷ ∫ J(u)² du with J(u) = min(u, ½).
const (
	efficiencyUnpaired = 3 / math.Pi
	efficiencyPaired   = 0.83
)

// needed is how many samples a side find a change of want nine times in ten in
// a cell as noisy as this one: the estimate must pass both the smallest effect
// and what the level asks for. By the normal approximation with Guenther's
// correction for an estimated variance (1981); never less than two above what
// lets the exact test decide, which it does there only for the clearest data.
func (r *Row) needed(want, minEffect float64) int {
	if !r.enough() || !(r.Old > 0) {
		return 0
	}
	normal := distuv.UnitNormal
	power, critical := normal.Quantile(0.9), normal.Quantile(1-r.alpha)
	variance, more := 0.0, 0.0
	if r.Paired {
		variance, more = square(r.deviation())/efficiencyPaired, critical*critical/2
	} else {
		variance, more = (square(spread(r.data.old))+square(spread(r.data.new)))/efficiencyUnpaired, critical*critical/4
	}
	if !r.logs {
		variance /= r.Old * r.Old
	}
	effect, smallest := math.Log1p(want), math.Log1p(minEffect)
	se := min((effect-smallest)/power, effect/(critical+power))
	n := math.Ceil(variance/(se*se) + more)
	if n > 1e6 {
		return 0
	}
	return max(int(n), least(2*r.alpha, r.Paired)+2, MinN)
}

// deviation is the pairs' standard deviation, for a forecast. The median absolute
// deviation of few pairs is off by a quarter and blind to bursts, which the
// interval sees; of ten pairs, either alone promises 90% and holds 75 to 84%. So it
// is the larger of both, and a margin.
func (r *Row) deviation() float64 {
	const margin, efficiency = 1.15, 0.91
	n := float64(r.NOld)
	s := spread(r.differences())
	lo, hi := r.band()
	t := distuv.StudentsT{Sigma: 1, Nu: n - 1}.Quantile(1 - r.same)
	return margin * max(s, efficiency*math.Sqrt(n)*(hi-lo)/2/t)
}

func square(x float64) float64 { return x * x }

// spread is the standard deviation as the median absolute deviation has it:
// 1.4826 is 1 ÷ the upper quartile of the normal distribution.
func spread(values []float64) float64 {
	m := median(values)
	d := make([]float64, len(values))
	for i, v := range values {
		d[i] = math.Abs(v - m)
	}
	return 1.4826 * median(d)
}
