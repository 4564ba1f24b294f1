package compare

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/contend-go/contend/bench/sample"
)

const (
	// allFlips is the number of blocks up to which every assignment of signs is
	// counted, and someFlips how many are drawn above that, with the seen one among
	// them.
	allFlips  = 12
	someFlips = 4000
	// clip bounds a difference, in medians of the row's |differences|: one stalled
	// process must not carry the sum. Flips do not change sizes, so that a bound
	// by sizes keeps the test exact. At 3, or without one, simulation finds 5 to 30
	// of 100 slowdowns less under bursts; under normal noise 1 or 2 more.
	clip = 2
)

// maxT gives rows of pairs their p values, corrected for being a family: the
// step-down procedure of Westfall and Young (1993) by the flips of whole blocks.
// If nothing has changed, exchanging the labels of a block changes nothing, for
// all rows at once; so the largest statistic of the family is held against its
// own values under all such exchanges, of changes to the worse and to the better
// each on their own. The resolution is 1 in 2ⁿ whatever the
// number of rows, no noise has to be normal, and what rows share is made use of.
func maxT(rows []*Row) {
	if len(rows) == 0 {
		return
	}
	index := map[blockKey]int{}
	for _, r := range rows {
		for _, b := range r.blocks {
			if _, ok := index[b]; !ok {
				index[b] = len(index)
			}
		}
	}
	type line struct {
		row  *Row
		psi  []float64 // above 0 is worse
		at   []int     // the block of each
		seen float64
		over int // flips that reach seen
	}
	lines := make([]*line, len(rows))
	for i, r := range rows {
		l := &line{row: r, psi: scaled(r.differences())}
		for j, b := range r.blocks {
			if l.at = append(l.at, index[b]); r.Better == sample.Higher {
				l.psi[j] = -l.psi[j]
			}
		}
		lines[i] = l
	}
	sign := make([]float64, len(index))
	statistic := func(l *line) float64 {
		sum := 0.0
		for i, x := range l.psi {
			sum += sign[l.at[i]] * x
		}
		return sum
	}
	for i := range sign {
		sign[i] = 1
	}
	for _, l := range lines {
		l.seen = statistic(l)
	}
	slices.SortStableFunc(lines, func(a, b *line) int { return cmp.Compare(a.seen, b.seen) })
	worse := slices.IndexFunc(lines, func(l *line) bool { return l.seen > 0 })
	if worse < 0 {
		worse = len(lines)
	}
	// In either direction the procedure goes from the clearest change down, and when
	// it comes to a line, it still holds all that are less clear, those of the other
	// direction too.
	values := make([]float64, len(lines))
	count := func() {
		least, largest := math.Inf(1), math.Inf(-1)
		for i, l := range lines {
			values[i] = statistic(l)
			if largest = max(largest, values[i]); i >= worse && largest >= l.seen-1e-9 {
				l.over++
			}
		}
		for i, l := range slices.Backward(lines) {
			if least = min(least, values[i]); i < worse && least <= l.seen+1e-9 {
				l.over++
			}
		}
	}
	flips := someFlips
	if n := len(sign); n <= allFlips {
		flips = 1 << n
		for mask := range flips {
			for i := range sign {
				sign[i] = float64(1 - 2*(mask>>i&1))
			}
			count()
		}
	} else {
		count() // the seen one
		rng := rand.New(rand.NewPCG(15, uint64(n)))
		for range flips - 1 {
			for i := range sign {
				sign[i] = float64(1 - 2*rng.IntN(2))
			}
			count()
		}
	}
	worst := 0.0
	correct := func(l *line) {
		p := float64(l.over) / float64(flips)
		worst = max(worst, p)
		l.row.P, l.row.PHolm = p, worst
	}
	for _, l := range slices.Backward(lines[worse:]) {
		correct(l)
	}
	worst = 0
	for _, l := range lines[:worse] {
		correct(l)
	}
}

// scaled are the differences, clipped, with a sum of squares of 1: rows of any
// noise then count alike. All are 0 where nothing differs.
func scaled(d []float64) []float64 {
	size := make([]float64, 0, len(d))
	for _, x := range d {
		if math.Abs(x) > 1e-12 { // a tie bounds nothing
			size = append(size, math.Abs(x))
		}
	}
	psi := make([]float64, len(d))
	if len(size) == 0 {
		return psi
	}
	bound, squares := clip*median(size), 0.0
	for i, x := range d {
		psi[i] = min(max(x, -bound), bound)
		squares += psi[i] * psi[i]
	}
	for i := range psi {
		psi[i] /= math.Sqrt(squares)
	}
	return psi
}
