package compare

import (
	"math"
	"slices"

	"github.com/contend-go/contend/bench/sample"
)

// floorOf is the least difference that counts, in units that count what the code
// does rather than how long it takes; countEffect is the least relative one. Such
// units resolve a hundredth where times do not, and go test prints them as whole
// numbers.
var floorOf = map[string]float64{"allocs/op": 1, "B/op": 8}

const countEffect = 0.01

func counted(unit string) bool { return floorOf[unit] > 0 }

// floors are the values as go test prints them: what the runtime itself allocates
// in a window is a fraction of an operation's, and must not turn 0 into something.
func floors(values []float64) []float64 {
	list := make([]float64, len(values))
	for i, v := range values {
		list[i] = math.Floor(v + 1e-9) // 3 may be kept as 2.9999999999
	}
	return list
}

// decideCount gives the verdict of a counted row before its family is corrected
// for. Counts do not drift with the host, so that samples need no partner: P is
// that of Mann and Whitney's test, or of all samples of each side being one number,
// which has 1 in 4ⁿ at most where the two numbers were equally likely.
func (r *Row) decideCount() {
	if !r.enough() {
		r.Verdict, r.Why = Unclear, r.lacking()
		return
	}
	r.P = newUnpaired(r.data.old, r.data.new, newNulls()).p() / 2
	if slices.Min(r.data.old) == slices.Max(r.data.old) && slices.Min(r.data.new) == slices.Max(r.data.new) && r.Old != r.New {
		r.P = min(r.P, math.Pow(2, -float64(r.NOld+r.NNew)))
	}
}

// correctCounts gives the verdicts of the counted rows, which are a family of
// their own: Holm's procedure at alpha.
func correctCounts(rows []*Row, alpha float64) {
	var family []*Row
	for _, r := range rows {
		if r.Gated && r.Counted && r.Verdict == "" {
			family = append(family, r)
		}
	}
	holm(family, len(family), alpha)
	for _, r := range family {
		moved := r.New - r.Old
		lower := r.Better != sample.Higher
		switch {
		case math.Abs(moved) < floorOf[r.Unit] || math.Abs(moved) < countEffect*r.Old:
			r.Verdict = Same
		case r.PHolm > alpha:
			r.Verdict, r.Why = Unclear, "the counts vary too much to tell"
		case (moved > 0) == lower:
			r.Verdict = Worse
		default:
			r.Verdict = Better
		}
	}
}
