package workload

import "math"

// zipfExponent is YCSB's, and the customary one in cache studies.
const zipfExponent = 0.99

// zipf draws ranks 1..n with probability r^-s ÷ Σ k^-s, s being zipfExponent.
//
// It is rejection-inversion (W. Hörmann, G. Derflinger: Rejection-inversion to
// generate variates from monotone discrete distributions, ACM TOMACS 6(3),
// 1996): exact for every n, without tables and without summing up the n terms.
// The method of Gray et al. (SIGMOD 1994) that YCSB uses is exact for ranks 1
// and 2 only: of 65,536 keys it draws rank 3 19% too often and rank 10 3%.
type zipf struct {
	n          float64
	low, high  float64 // area up to rank 1's left edge and rank n's right edge
	acceptance float64
}

func newZipf(n int) zipf {
	z := zipf{n: float64(n)}
	z.low = area(1.5) - 1
	z.high = area(z.n + 0.5)
	z.acceptance = 2 - areaInverse(area(2.5)-weight(2))
	return z
}

// rank turns a random word into a rank. Rejected words, fewer than one in
// a hundred, are followed by words derived from them.
func (z zipf) rank(word uint64) int {
	for ; ; word = mix(word + gamma) {
		u := z.high + unit(word)*(z.low-z.high)
		x := areaInverse(u)
		r := min(max(math.Floor(x+0.5), 1), z.n)
		if r-x <= z.acceptance || u >= area(r+0.5)-weight(r) {
			return int(r)
		}
	}
}

// weight is r^-s; area is its integral from 1, the hat under which ranks are
// drawn; areaInverse is the inverse of area.
func weight(r float64) float64 { return math.Exp(-zipfExponent * math.Log(r)) }

func area(x float64) float64 {
	return math.Expm1((1-zipfExponent)*math.Log(x)) / (1 - zipfExponent)
}

func areaInverse(a float64) float64 {
	return math.Exp(math.Log1p(a*(1-zipfExponent)) / (1 - zipfExponent))
}
