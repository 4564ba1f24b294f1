package lockbench

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/contend-go/contend/bench/lockbench/history"
)

// crossTime is how long the cross-check of one cell may take: it grows without
// bound with calls whose outcome is unknown.
const crossTime = 2 * time.Second

// cross is the answer of the cross-check.
type cross struct{ porcupine.CheckResult }

// step is an input of the model: an acquire or the end of a lease.
type step struct {
	lock  int
	lease int // its number among all
	end   bool
}

// mutex is the model of one lock: its state is the lease that holds it, -1 for
// none. A lease ends once; calls of which nobody knows whether they were carried
// out are left open, to be placed anywhere from their beginning on, or at the end.
var mutex = porcupine.Model{
	Partition: func(ops []porcupine.Operation) [][]porcupine.Operation {
		m := map[int][]porcupine.Operation{}
		for _, o := range ops {
			lock := o.Input.(step).lock
			m[lock] = append(m[lock], o)
		}
		list := make([][]porcupine.Operation, 0, len(m))
		for _, part := range m {
			list = append(list, quiet(part)...)
		}
		return list
	},
	Init: func() any { return -1 },
	Step: func(state, input, _ any) (bool, any) {
		s := input.(step)
		if s.end {
			return state.(int) == s.lease, -1
		}
		return state.(int) == -1, s.lease
	},
	Equal: func(a, b any) bool { return a.(int) == b.(int) },
}

// quiet cuts the calls of a lock where all that began have ended: the lock is free
// there, and what comes before has no bearing on what follows. The time of the search
// grows with the square of its input.
func quiet(ops []porcupine.Operation) (parts [][]porcupine.Operation) {
	slices.SortStableFunc(ops, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	from, held, last := 0, 0, int64(math.MinInt64)
	for i, o := range ops {
		if i > 0 && held == 0 && o.Call > last {
			parts = append(parts, ops[from:i])
			from = i
		}
		if o.Input.(step).end {
			held--
		} else {
			held++
		}
		last = max(last, o.Return)
	}
	return append(parts, ops[from:])
}

// crossCheck holds beliefs against a sequential mutex, by a method that shares
// nothing with the intervals.
func crossCheck(leases []history.Lease, limit time.Duration) cross {
	return cross{porcupine.CheckOperationsTimeout(mutex, steps(leases), limit)}
}

// steps are the calls of the leases.
func steps(leases []history.Lease) (ops []porcupine.Operation) {
	for i, l := range leases {
		ops = append(ops,
			porcupine.Operation{ClientId: l.Client, Input: step{l.Lock, i, false}, Call: l.Sent, Return: l.Granted},
			porcupine.Operation{ClientId: l.Client, Input: step{l.Lock, i, true}, Call: max(l.End, l.Granted), Return: released(l)})
	}
	return ops
}

// released is by when a lease was over; never if nobody knows.
func released(l history.Lease) int64 {
	if l.Released == history.Never || l.EndBy != history.ReleaseSent {
		return math.MaxInt64
	}
	return l.Released
}

// disagrees is what there is to warn of where the cross-check does not say what
// the intervals do.
func (c cross) disagrees(broken bool) string {
	switch {
	case c.CheckResult == porcupine.Unknown:
		return fmt.Sprintf("cross-check: cannot tell within %v; the intervals' verdict stands alone", crossTime)
	case (c.CheckResult == porcupine.Illegal) != broken:
		return fmt.Sprintf("cross-check: intervals say that exclusion was %s, and the search for an order of the calls says the opposite", either(broken, "broken", "kept"))
	}
	return ""
}
