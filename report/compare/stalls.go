package compare

import (
	"fmt"
	"math"
	"strconv"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/contend-go/contend/bench/sample"
)

// A pair is far from the middle of its row if that is farApart times what half of the pairs
// are within, four standard deviations of normal noise, and a factor of leastStall or more.
const (
	farApart   = 6
	leastStall = 1.1
)

const whatStalls = "SLOWER NOW AND THEN"

// stalls are the pairs of a row that are far from its middle.
type stalls struct {
	new, old int     // by the side that is slower than in the other pairs
	factor   float64 // new ÷ old in the middle one of those in which the new side is
}

// p is the probability of as many on the new side if both sides have the same noise, whatever
// it is: then a pair is as likely to be far from the middle to either side.
func (s stalls) p() float64 {
	if s.new == 0 {
		return 1
	}
	return 1 - distuv.Binomial{N: float64(s.new + s.old), P: 0.5}.CDF(float64(s.new-1))
}

func (r *Row) stalls() (s stalls) {
	d := r.differences()
	if r.Better == sample.Higher {
		for i := range d {
			d[i] = -d[i]
		}
	}
	middle, sizes := median(d), make([]float64, len(d))
	for i, x := range d {
		sizes[i] = math.Abs(x - middle)
	}
	far := max(farApart*median(sizes), math.Log(leastStall))
	var factors []float64
	for _, x := range d {
		switch {
		case x-middle > far:
			s.new++
			factors = append(factors, math.Exp(x))
		case x-middle < -far:
			s.old++
		}
	}
	if s.new > 0 {
		s.factor = median(factors)
	}
	return s
}

// noteStalls says in which rows the new side is slower now and then, which the middle of the
// pairs does not show. It is no alarm: a run that goes on looks again.
func (c *Comparison) noteStalls() {
	_, label := labels(c.Gated())
	family := c.of(timed)
	for _, r := range family {
		if !r.Paired || !r.logs || !r.enough() {
			continue
		}
		if s := r.stalls(); s.p() <= c.Alpha/float64(len(family)) {
			c.Notices = append(c.Notices, Notice{whatStalls, fmt.Sprintf("%s, %s: in %d of %s %s took far longer than in the others, %s of %s in the middle one of them; %s did in %d. The change below is that of most pairs",
				label(r), r.Unit, s.new, r.count(), c.NewLabel, times(s.factor), c.OldLabel, c.OldLabel, s.old), false})
		}
	}
}

// times prints a ratio: 3.2×, 120×.
func times(x float64) string {
	if x >= 100 {
		return strconv.FormatFloat(x, 'f', 0, 64) + "×"
	}
	return strconv.FormatFloat(x, 'g', 2, 64) + "×"
}
