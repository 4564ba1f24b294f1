package derive

import (
	"math"

	"github.com/contend-go/contend/bench/sample"
)

// A Quantity is what is taken of each sample; ok is false for one that lacks it.
type Quantity func(s *sample.Sample) (v float64, ok bool)

// Median estimates a quantity of samples of one cell, Ratio and Difference how
// that of as relates to that of bs: paired by block where they were measured in
// the same blocks, see [Estimate]. Invalid samples are left out.
func Median(as []*sample.Sample, q Quantity) Estimate {
	return estimate(q.of(as), Confidence)
}

// Ratio estimates the quantity of as ÷ that of bs.
func Ratio(as, bs []*sample.Sample, q Quantity) Estimate { return relate(q.of(as), q.of(bs), ratio) }

// Difference estimates the quantity of as − that of bs.
func Difference(as, bs []*sample.Sample, q Quantity) Estimate {
	return relate(q.of(as), q.of(bs), difference)
}

func (q Quantity) of(list []*sample.Sample) []obs {
	var os []obs
	for _, s := range list {
		if v, ok := q(s); ok && s.Valid() && !math.IsNaN(v) && !math.IsInf(v, 0) {
			os = append(os, obs{v, pairOf(s)})
		}
	}
	return os
}

// Rates are the throughputs of the point's own samples, of which Rate is the median.
func (p *Point) Rates() []float64 {
	rates, _ := ratesOf(p.shared)
	return values(rates)
}

// Dots are the values of single samples of what the first chart shows: throughputs or, of an open load that was
// carried, 99th percentiles.
func (p *Point) Dots() []float64 {
	switch {
	case p.Units[offered].N == 0:
		return p.Rates()
	case !p.Carried():
		return nil
	}
	return values(quantile("p99-ns").of(p.shared))
}

// Time is the wall time per operation of the point's own samples, in ns; of an open load the
// 99th percentile of what a caller waits.
func (p *Point) Time() Estimate { return Median(p.shared, timePerOp) }

// Against is the ratio of the time to that of q: see [Ratio].
func (p *Point) Against(q *Point) Estimate { return Ratio(p.shared, q.shared, timePerOp) }

func timePerOp(s *sample.Sample) (float64, bool) {
	if _, paced := s.Value(offered); paced {
		return s.Value("p99-ns")
	}
	rate, _, ok := Rate(s)
	return 1e9 / rate, ok
}
