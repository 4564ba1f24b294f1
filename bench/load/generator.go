// Package load says how operations are offered to what is measured. In a closed loop
// the next operation begins when the last has ended, so that a slow one keeps the
// others from being asked for, and from being counted (coordinated omission). An
// open load has a plan made beforehand: operations are due when the plan says, late
// ones are begun at once, and what a caller waits counts from when it was due.
package load

import (
	"math"
	"sync"
	"time"
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
	r := newRecord(0)
	group := int64(max(g.Group, 1))
	for now := g.Clock.Now(); now < until; {
		start := now
		g.Do(start, int(group))
		now = g.Clock.Now()
		r.add(r.Service, (now-start)/group, group)
		r.Offered += group
	}
	r.Intime = r.Offered
	return r
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

// sliceTime is the length of the slices of which the longest response is kept.
const sliceTime = 10 * time.Millisecond

// Run offers what the plan has before to, and records what is due from from on. Both are times of the Clock, as are the plan's. It drains:
// all that is due in the window is carried out, but for a backlog that takes longer than the window.
func (g *Generator) Run(from, to int64) *Record {
	r := newRecord(int((to-from)/int64(sliceTime)) + 1)
	group := max(g.Group, 1)
	due := make([]int64, group)
	next := g.Plan.Next()
	now := g.Clock.Now()
	begun := false
	for next < to {
		n := 0
		for ; n < group && next < to; n++ {
			due[n] = next
			next = g.Plan.Next()
		}
		last := due[n-1]
		r.End = time.Duration(max(now-last, 0))
		if !begun && last >= from {
			begun = true
			r.Begin = r.End
		}
		if now > to+(to-from) {
			r.drop(due[:n], from)
			continue
		}
		idle := now < last
		if idle {
			now = wait(g.Clock, now, last, g.Yield)
			if last >= from {
				r.add(r.Lag, now-last, 1)
			}
		}
		start := now
		g.Do(start, n)
		now = g.Clock.Now()
		r.operations(due[:n], start, now, from, to)
	}
	return r
}

func (r *Record) drop(due []int64, from int64) {
	for _, t := range due {
		if t >= from {
			r.Offered++
			r.Dropped++
		}
	}
}

// operations records a group that began and ended then.
func (r *Record) operations(due []int64, start, end, from, to int64) {
	counted := int64(0)
	for _, t := range due {
		if t < from {
			continue
		}
		counted++
		r.add(r.Response, end-t, 1)
		slice := &r.Slices[(t-from)/int64(sliceTime)]
		*slice = max(*slice, end-t)
	}
	if counted == 0 {
		return
	}
	r.Offered += counted
	if end <= to {
		r.Intime += counted
	}
	r.add(r.Service, (end-start)/int64(len(due)), counted)
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
