package compare

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// Sequential is the design of a run that goes on only with cells that are still
// open. The zero value is a fixed one: every cell gets what was planned.
type Sequential struct {
	// End is the number of blocks at which the run ends whatever the data say, chosen
	// before there are any.
	End int
	// Cut is the number of complete blocks when the clock ended the run for the first
	// time; 0 if it never did.
	Cut int

	look int // only samples of blocks before this one; 0 for all
}

// LeastSequential is the number of blocks from which on a run is sequential. With
// fewer, ranks alone could decide nothing at the end in families of a hundred, and
// [maxT], which can, needs all cells to have the same blocks.
const LeastSequential = 15

// firstLook is the number of blocks before which no cell is left: eight samples a
// side let counts decide in a family of hundreds.
const firstLook = 8

// looks are the numbers of blocks after which cells may be left: each three tenths
// more than the one before, as little is learnt from one block more. The end is one,
// and a run that is continued with more blocks than were planned has more.
func (s Sequential) looks(until int) (list []int) {
	for n := firstLook; n <= until; n = (13*n + 5) / 10 {
		if 10*n < 9*s.End || n > s.End { // one right before the end would only cost the others
			list = append(list, n)
		}
	}
	if until >= s.End && !slices.Contains(list, s.End) {
		list = append(list, s.End)
	}
	slices.Sort(list)
	return list
}

// sameAlpha is what an interval that shows [Same] leaves out on each side: it is
// asked at each look, so that one at 5% would be wrong in up to 15% of cells that
// have changed by just the smallest effect. Looks share so much data that 1.6
// times an equal share for each holds 5% (TestSequentialSame).
func (s Sequential) sameAlpha() float64 {
	return 1.6 * (1 - sameLevel) / 2 / float64(len(s.looks(s.End)))
}

// sameLevel is the confidence of the intervals that show [Same].
func (c *Comparison) sameLevel() float64 {
	if c.Sequential.End > 0 {
		return 1 - 2*c.Sequential.sameAlpha()
	}
	return sameLevel
}

// end is the block at which ranks are asked, once: the planned one, or where the clock
// ended the run first. Neither depends on the data.
func (s Sequential) end() int {
	if s.Cut > 0 {
		return min(s.Cut, s.End)
	}
	return s.End
}

// Settled are the names of the cells that a sequential run need not go on with after
// so many blocks: all that is gated by time is clear there. It reads only samples of
// blocks before that, so that a run which is continued decides as it did.
func Settled(old, new Side, opt Options, blocks int) (names map[string]bool) {
	if opt.Sequential.End == 0 || !slices.Contains(opt.Sequential.looks(blocks), blocks) {
		return nil
	}
	if opt.Sequential.look = blocks; opt.Sequential.Cut > blocks {
		opt.Sequential.Cut = 0
	}
	c, err := Compare(old, new, opt)
	if err != nil {
		return nil // nothing can be compared yet
	}
	names = map[string]bool{}
	for _, r := range c.Gated() {
		name := r.Name.String()
		if _, seen := names[name]; !seen {
			names[name] = true
		}
		if r.kind() == timed && r.Verdict == Unclear {
			names[name] = false
		}
	}
	return names
}

// anytime is the test of a row of a sequential run. For each direction it has the
// mean of two e-values, which may be looked at after every block (Ville 1939; Ramdas
// et al. 2023), and the exact ranks at the end, which may not; each gets half of the
// level.
type anytime struct {
	ranks         // of all pairs: the estimate, and its interval at each look
	best  float64 // the one-sided probability towards the estimate
}

// newAnytime takes differences in the order of their blocks, and how many of them are
// of blocks before the end; 0 if the row's cell was left before.
func newAnytime(d []float64, atEnd int, nulls *nulls) anytime {
	a := anytime{ranks: newPaired(d, nulls), best: 1}
	sign := 1.0
	if a.center() < 0 {
		sign = -1
	}
	a.best = min(a.best, 2/evidence(d, sign))
	if atEnd > 0 {
		last := newPaired(d[:atEnd], nulls)
		if last.center()*sign > 0 {
			a.best = min(a.best, last.p()) // which is twice the one-sided one
		}
	}
	return a
}

func (a anytime) p() float64 { return min(1, 2*a.best) }

// evidence is the largest e-value that the differences have had, after any block,
// for a shift in the direction of sign. If the sides are alike, each difference is as
// likely as its negative, given its size and all before it; so the gain of a bet on
// its sign has a mean of 1, whatever the bet. One bets on the sign alone, on all
// probabilities above ½ alike; the other more on large differences than on small
// ones (de la Peña 1999), in four strengths.
func evidence(d []float64, sign float64) float64 {
	const most = 0.98 // of what is owned, on one difference
	strengths := [4]float64{0.5, 1, 2, 4}
	gains := [4]float64{1, 1, 1, 1}
	ahead, behind, largest := 0, 0, 1.0
	var sizes []float64
	for _, x := range d {
		size := math.Abs(x)
		at, _ := slices.BinarySearch(sizes, size)
		sizes = slices.Insert(sizes, at, size)
		if size <= 1e-12 { // a tie takes no side
			continue
		}
		if x*sign > 0 {
			ahead++
		} else {
			behind++
		}
		bySize, scale := 0.0, median(sizes)
		for i, s := range strengths {
			if scale > 0 {
				gains[i] *= 1 + most*math.Tanh(s*sign*x/scale)
			}
			bySize += gains[i] / float64(len(strengths))
		}
		largest = max(largest, (bySigns(ahead, behind)+bySize)/2)
	}
	return largest
}

// bySigns is 2·∫(2p)^a·(2−2p)^b dp from ½ to 1.
func bySigns(a, b int) float64 {
	x, y := float64(a+1), float64(b+1)
	lx, _ := math.Lgamma(x)
	ly, _ := math.Lgamma(y)
	lxy, _ := math.Lgamma(x + y)
	return 2 * math.Exp(float64(a+b)*math.Ln2+lx+ly-lxy) * mathext.RegIncBeta(y, x, 0.5)
}

// The reasons for which a cell of a sequential run has no more pairs.
const (
	endedClear       = "clear"
	endedPlanned     = "planned end"
	endedTime        = "time is over"
	endedInterrupted = "interrupted"
)

// ended says why a row of a sequential run has no more pairs; empty in other runs.
func (c *Comparison) ended(r *Row) string {
	s := c.Sequential
	switch {
	case s.End == 0 || !r.Paired:
		return ""
	case r.spans >= s.End:
		return endedPlanned
	case r.clear:
		return endedClear
	case s.Cut > 0 && r.spans >= s.Cut:
		return endedTime
	}
	return endedInterrupted
}

// markClear notes the rows whose cells are settled by what they have.
func (c *Comparison) markClear() {
	if c.Sequential.End == 0 {
		return
	}
	open := map[string]bool{}
	for _, r := range c.of(timed) {
		open[r.Name.String()] = open[r.Name.String()] || r.Verdict == Unclear
	}
	for _, r := range c.Rows {
		r.clear = !open[r.Name.String()]
	}
}

// Open is the share of the compared cells of which a run that goes on measures more:
// those that are not settled in a sequential run, all in another.
func (c *Comparison) Open() float64 {
	if c.Sequential.End == 0 {
		return 1
	}
	names, open := map[string]bool{}, 0.0
	for _, r := range c.Gated() {
		if name := r.Name.String(); !names[name] {
			if names[name] = true; !r.clear {
				open++
			}
		}
	}
	return open / float64(max(1, len(names)))
}

// spent says where the blocks of a sequential run went.
func (c *Comparison) spent() string {
	if c.Sequential.End == 0 {
		return ""
	}
	least, most, n := math.MaxInt, 0, map[string]int{}
	for _, r := range c.Gated() {
		why := c.ended(r)
		if n[why]++; why == endedClear {
			least, most = min(least, r.NOld), max(most, r.NOld)
		}
	}
	text := fmt.Sprintf("blocks went where the answer was open, up to %d: ", c.Sequential.End)
	if n[endedClear] > 0 {
		text += fmt.Sprintf("%d clear after %d to %d pairs, ", n[endedClear], least, most)
	}
	text += fmt.Sprintf("%d at the planned end", n[endedPlanned])
	if n[endedTime] > 0 {
		text += fmt.Sprintf(", %d when the time was over", n[endedTime])
	}
	if n[endedInterrupted] > 0 {
		text += fmt.Sprintf(", %d interrupted: the command of the run continues it", n[endedInterrupted])
	}
	return text
}
