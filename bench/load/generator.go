// Package load says how operations are offered to what is measured. In a closed loop
// the next operation begins when the last has ended, so that a slow one keeps the
// others from being asked for, and from being counted (coordinated omission). An
// open load has a plan made beforehand: operations are due when the plan says, late
// ones are begun at once, and what a caller waits counts from when it was due.
package load

import (
	"math"
	"sync"
)

// Generator offers the operations of a plan from one goroutine, in order: one that is slow makes those behind it wait, as a queue in front of one
// server does.
type Generator struct {
	Plan  *Plan
	Clock Clock
	// Do carries out n operations; now is the Clock's.
	Do func(now int64, n int)
	// Group is how many operations are begun at one reading of the clock; 0 is 1. None is early: they begin when the last of them is due, so
	// that responses are up to Group−1 gaps longer than they would be. See [GroupFor].
	Group int
	// Yield lets other goroutines have the P every 20 µs of spinning, where no P is spared for them.
	Yield bool
}

// Saturate is the closed loop beside it: it begins an operation, or a group, as soon as the last has ended, until then, and records what
// that took as Service. Nothing waits for a plan, so that nothing is late.
func (g *Generator) Saturate(until int64) *Record {
	l := NewLoop(g.Clock, g.Group)
	l.Until = until
	return g.drive(l)
}

// Run offers what the plan has before to, and records what is due from from on. Both are times of the Clock, as are the plan's. It drains:
// all that is due in the window is carried out, but for a backlog that takes longer than the window.
func (g *Generator) Run(from, to int64) *Record {
	l := NewLoop(g.Clock, g.Group)
	l.Yield = g.Yield
	l.Follow(g.Plan, from, to)
	return g.drive(l)
}

func (g *Generator) drive(l *Loop) *Record {
	for n := l.begin(); n > 0; n = l.begin() {
		g.Do(l.start, n)
		l.end(n)
	}
	return l.Record
}

// All runs a part of each of several generators at the same time, and merges what they recorded.
func All(generators []*Generator, run func(*Generator) *Record) *Record {
	records := make([]*Record, len(generators))
	var done sync.WaitGroup
	for i, g := range generators {
		done.Go(func() { records[i] = run(g) })
	}
	done.Wait()
	for _, r := range records[1:] {
		records[0].Merge(r)
	}
	return records[0]
}

// readsPerGap is how many readings of the clock must fit a gap for each operation to have its own.
const readsPerGap = 4

// GroupFor is how many operations a generator has to begin at one reading of the clock, if that takes so many ns, at a rate of operations per
// second.
func GroupFor(rate float64, read int64) int {
	return max(int(readsPerGap*float64(read)*rate/1e9+0.999), 1)
}

// Limit is how many operations per second one generator offers at most: operations of nothing, all of them late. It is the best of several
// rounds, as a busy host only makes it less.
func Limit(c Clock, group int) float64 {
	const rounds, least = 5, 20_000
	plan := &Plan{gaps: []uint64{0}}
	due := make([]int64, max(group, 1))
	r := newRecord(1)
	best := int64(math.MaxInt64)
	ops := 0
	for range rounds {
		began := c.Now()
		for ops = 0; ops < least; ops += len(due) {
			for i := range due {
				due[i] = plan.Next()
			}
			r.operations(due, 0, c.Now()-began, 0, math.MaxInt64)
		}
		best = min(best, c.Now()-began)
	}
	return float64(ops) / float64(max(best, 1)) * 1e9
}
