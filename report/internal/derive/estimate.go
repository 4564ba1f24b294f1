package derive

import (
	"maps"
	"math"
	"slices"
	"strconv"

	"golang.org/x/perf/benchmath"

	"github.com/contend-go/contend/bench/sample"
)

// Confidence is the least probability with which an interval holds the true
// median.
const Confidence = 0.95

// MinN is the smallest number of samples that give a two-sided
// order-statistic interval of the median at [Confidence]: with n samples the
// range from the smallest to the largest covers it with probability
// 1 − 2·(1/2)ⁿ, and n = 6 is the first to reach 95%.
const MinN = 6

// minApart is the same for each of two sides that are not paired: both intervals must hold
// together, each with 97.5%, see relate.
const minApart = 7

// Estimate is a median with its order-statistic interval. Lo and Hi are NaN
// where the samples are too few for one: none is invented.
type Estimate struct {
	Median, Lo, Hi float64
	N              int  // samples, or pairs; machines where there are Machines
	Paired         bool // of values measured side by side in one block each

	// Machines are those of a kind in a fleet, if there are several: the median and
	// its interval are then over their medians. One machine's interval says little
	// about its kind, and that of all samples pooled is too narrow: how much machines
	// differ is no smaller for more samples of each.
	Machines []Machine
}

// Machine is what one machine of a fleet says on its own.
type Machine struct {
	Node string
	Estimate
}

// Basis is what the estimate is over, with its unit: samples, pairs of them in one block,
// or machines, each with a median of its own.
func (e Estimate) Basis() string {
	of := "sample"
	switch {
	case len(e.Machines) > 0:
		of = "machine"
	case e.Paired:
		of = "paired block"
	}
	return Plural(e.N, of)
}

// Spread is how much a fleet's machines differ: the largest median ÷ the smallest;
// 0 where there are no several, or one that is not positive.
func (e Estimate) Spread() float64 {
	lo, hi := math.Inf(1), 0.0
	for _, m := range e.Machines {
		lo, hi = min(lo, m.Median), max(hi, m.Median)
	}
	if lo <= 0 || math.IsInf(lo, 0) {
		return 0
	}
	return hi / lo
}

// estimate is the median of observations: over machines where a fleet's kind has
// several, else over samples.
func estimate(os []obs, confidence float64) Estimate {
	byNode := map[string][]float64{}
	for _, o := range os {
		byNode[o.pair.run.Machine()] = append(byNode[o.pair.run.Machine()], o.v)
	}
	if len(byNode) < 2 {
		return median(values(os), confidence)
	}
	var machines []Machine
	var medians []float64
	for _, node := range slices.Sorted(maps.Keys(byNode)) {
		m := Machine{node, median(byNode[node], Confidence)}
		machines = append(machines, m)
		medians = append(medians, m.Median)
	}
	e := median(medians, confidence)
	e.Machines = machines
	return e
}

// Interval reports whether there is an interval.
func (e Estimate) Interval() bool { return e.N > 0 && !math.IsNaN(e.Lo) }

// Above and Below report whether the whole interval lies beyond x; false where
// there is no interval.
func (e Estimate) Above(x float64) bool { return e.Interval() && e.Lo > x }
func (e Estimate) Below(x float64) bool { return e.Interval() && e.Hi < x }

// median summarises values at the given confidence; the zero Estimate without
// values. It sorts them in place.
func median(values []float64, confidence float64) Estimate {
	if len(values) == 0 {
		return Estimate{}
	}
	s := benchmath.AssumeNothing.Summary(benchmath.NewSample(values, &benchmath.DefaultThresholds), confidence)
	e := Estimate{Median: s.Center, Lo: s.Lo, Hi: s.Hi, N: len(values)}
	// One sample comes back as its own interval, few as (−∞, +∞).
	if len(values) < 2 || math.IsInf(s.Lo, 0) || math.IsInf(s.Hi, 0) {
		e.Lo, e.Hi = math.NaN(), math.NaN()
	}
	return e
}

// obs is one finite measurement and the block that it can be paired by.
type obs struct {
	v    float64
	pair pairKey
}

// pairKey identifies a block of a run: what was measured side by side.
type pairKey struct {
	run   *sample.Run
	block int
}

func pairOf(s *sample.Sample) pairKey { return pairKey{s.Run, s.Block} }

func values(os []obs) []float64 {
	vs := make([]float64, len(os))
	for i, o := range os {
		vs[i] = o.v
	}
	return vs
}

// relate estimates f(a, b), f being a difference or a ratio that rises with a
// and falls with b. Values of the same block are paired, and the
// estimate is the median over blocks. Without common blocks it is f of the two
// medians, its interval the extremes of f over both medians' intervals, each
// at 1 − (1−Confidence)/2 so that both hold together (Bonferroni).
func relate(as, bs []obs, f func(a, b float64) float64) Estimate {
	if len(as) == 0 || len(bs) == 0 {
		return Estimate{}
	}
	if fs := pair(as, bs, f); len(fs) > 0 {
		e := estimate(fs, Confidence)
		e.Paired = true
		return e
	}
	const each = 1 - (1-Confidence)/2
	a, b := estimate(as, each), estimate(bs, each)
	e := Estimate{Median: f(a.Median, b.Median), Lo: math.NaN(), Hi: math.NaN(), N: min(a.N, b.N)}
	if e.Machines = a.Machines; b.N < a.N { // those that there are fewer of
		e.Machines = b.Machines
	}
	if a.Interval() && b.Interval() {
		e.Lo, e.Hi = f(a.Lo, b.Hi), f(a.Hi, b.Lo)
	}
	return finite(e)
}

func pair(as, bs []obs, f func(a, b float64) float64) []obs {
	byBlock := make(map[pairKey][]float64, len(bs))
	for _, b := range bs {
		if b.pair.run != nil && b.pair.block >= 0 {
			byBlock[b.pair] = append(byBlock[b.pair], b.v)
		}
	}
	var fs []obs
	for _, a := range as {
		if q := byBlock[a.pair]; len(q) > 0 {
			byBlock[a.pair] = q[1:]
			if v := f(a.v, q[0]); !math.IsNaN(v) && !math.IsInf(v, 0) {
				fs = append(fs, obs{v, a.pair})
			}
		}
	}
	return fs
}

// inverse is the estimate of 1 ÷ what e is of.
func (e Estimate) inverse() Estimate {
	e.Median, e.Lo, e.Hi = 1/e.Median, 1/e.Hi, 1/e.Lo
	return finite(e)
}

// finite drops an estimate that a zero baseline made meaningless.
func finite(e Estimate) Estimate {
	if math.IsNaN(e.Median) || math.IsInf(e.Median, 0) {
		return Estimate{}
	}
	if math.IsInf(e.Lo, 0) || math.IsInf(e.Hi, 0) || math.IsNaN(e.Lo) || math.IsNaN(e.Hi) {
		e.Lo, e.Hi = math.NaN(), math.NaN()
	}
	return e
}

func ratio(a, b float64) float64      { return a / b }
func difference(a, b float64) float64 { return a - b }

// Rate is the throughput of a sample in operations per second: as measured, or
// the reciprocal of its wall time per operation. derived tells the two apart.
// ok is false where the sample has neither, or one that is not positive.
func Rate(s *sample.Sample) (rate float64, derived, ok bool) {
	if v, has := s.Value("ops/s"); has {
		return v, false, v > 0 && !math.IsInf(v, 0)
	}
	for _, t := range [...]struct {
		unit   string
		factor float64
	}{{"ns/op", 1e9}, {"sec/op", 1}} {
		if v, has := s.Value(t.unit); has {
			r := t.factor / v
			return r, true, v > 0 && !math.IsInf(r, 0)
		}
	}
	return 0, false, false
}

// number prints a count of CPUs, which a quota can make fractional.
func number(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }
