package compare

import (
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// student is Welch's test of a shift (1947), which allows each side its own
// variance. It serves for sides measured apart where the samples are too few for the exact test to
// decide anything in so large a family; noise with heavy tails makes it miss
// changes, not invent them.
type student struct {
	shift, se float64
	t         distuv.StudentsT
}

func newStudentUnpaired(a, b []float64, grain float64) student {
	ma, va := stat.MeanVariance(a, nil)
	mb, vb := stat.MeanVariance(b, nil)
	na, nb := float64(len(a)), float64(len(b))
	va, vb = max(va, rounding(grain))/na, max(vb, rounding(grain))/nb
	df := (va + vb) * (va + vb) / (va*va/(na-1) + vb*vb/(nb-1))
	if math.IsNaN(df) {
		df = na + nb - 2
	}
	return newStudent(mb-ma, va+vb, df)
}

func newStudent(shift, variance, df float64) student {
	return student{shift, math.Sqrt(variance), distuv.StudentsT{Sigma: 1, Nu: df}}
}

// rounding is the variance that values have at least, being known to a grain
// only: twice that of a uniform rounding error (grain²/12). Without it, few
// samples that round to the same number would look certain.
func rounding(grain float64) float64 { return grain * grain / 6 }

func (s student) p() float64 {
	if s.shift == 0 {
		return 1
	}
	return 2 * s.t.CDF(-math.Abs(s.shift)/s.se)
}

func (s student) interval(alpha float64) (lo, hi float64) {
	h := -s.t.Quantile(alpha/2) * s.se
	return s.shift - h, s.shift + h
}

func (s student) center() float64 { return s.shift }
