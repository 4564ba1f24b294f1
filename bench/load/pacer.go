package load

import "time"

// Pacer paces the loop of one goroutine that others wrote: it waits until the next
// operation of a plan is due.
type Pacer struct {
	plan   *Plan
	clock  hostClock
	Behind time.Duration // how far behind the plan the last operation began
}

// NewPacer paces rate operations per second, from the first Wait on. Goroutines with
// different seeds have different plans.
func NewPacer(a Arrivals, rate float64, seed uint64) (*Pacer, error) {
	s, err := NewSchedule(a, rate, 1, seed)
	if err != nil {
		return nil, err
	}
	return &Pacer{plan: s.Plan(0, 0)}, nil
}

// Wait returns when the next operation is due, and at once if it is late: what it
// returns is when it was due. It spins for the last 1.5 ms, but lets other goroutines
// have the P.
func (p *Pacer) Wait() time.Time {
	if p.clock.base.IsZero() {
		p.clock.base = time.Now()
	}
	due := p.plan.Next()
	now := p.clock.Now()
	if now < due {
		now = wait(p.clock, now, due, true)
	}
	p.Behind = time.Duration(now - due)
	return p.clock.base.Add(time.Duration(due))
}
