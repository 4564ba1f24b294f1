package load

import (
	"math"
	"time"
)

// Loop records the operations of one goroutine, and begins them by a plan, or in a closed loop as soon as the last has ended. A [Generator]
// drives one; a loop that others wrote calls Step before each of its operations, and Finish after the last.
type Loop struct {
	Record *Record
	// Until is when a closed loop ends that a Generator drives.
	Until int64
	// Yield lets other goroutines have the P every 20 µs of spinning, where no P is spared for them.
	Yield bool

	clock    Clock
	group    int   // operations that begin at one reading of the clock
	plan     *Plan // nil in a closed loop
	from, to int64 // the window

	due   []int64 // of the operations that have begun
	next  int64   // when the next is due
	start int64   // when they began
	now   int64   // the last reading of the clock
	begun bool    // an operation of the window has
	read  bool    // the clock was read once

	running, left int // of Step: the operations that have begun together, and how many of them are still to come
}

// NewLoop makes a closed loop of groups of operations; see [Generator] for groups.
func NewLoop(c Clock, group int) *Loop {
	return &Loop{Record: newRecord(0), Until: math.MaxInt64, clock: c, group: max(group, 1)}
}

// sliceTime is the length of the slices of which the longest response is kept.
const sliceTime = 10 * time.Millisecond

// Follow makes it an open load: it begins what the plan has before to, and records what is due from from on.
func (l *Loop) Follow(p *Plan, from, to int64) {
	l.Record = newRecord(int((to-from)/int64(sliceTime)) + 1)
	l.plan, l.from, l.to = p, from, to
	l.due = make([]int64, 0, l.group)
	l.next = p.Next()
}

// Step is called where the loop's next operation begins, which is where the last one ended. It waits until that is due. Operations
// beyond the plan are neither awaited nor recorded.
func (l *Loop) Step() {
	if l.left > 0 {
		l.left--
		return
	}
	l.Finish()
	l.running = l.begin()
	if l.left = l.running - 1; l.left < 0 {
		l.left = math.MaxInt
	}
}

// Finish is called where the loop's last operation has ended.
func (l *Loop) Finish() {
	if l.running > 0 {
		l.end(l.running - l.left)
	}
	l.running, l.left = 0, 0
}

// begin waits until a group of operations is due, and returns how many: 0 when none is left.
func (l *Loop) begin() int {
	if !l.read {
		l.now, l.read = l.clock.Now(), true
	}
	if l.plan == nil {
		if l.now >= l.Until {
			return 0
		}
		l.start = l.now
		return l.group
	}
	for l.next < l.to {
		l.due = l.due[:0]
		for len(l.due) < l.group && l.next < l.to {
			l.due = append(l.due, l.next)
			l.next = l.plan.Next()
		}
		last := l.due[len(l.due)-1]
		l.Record.End = time.Duration(max(l.now-last, 0))
		if !l.begun && last >= l.from {
			l.begun = true
			l.Record.Begin = l.Record.End
		}
		if l.now > l.to+(l.to-l.from) {
			l.Record.drop(l.due, l.from)
			continue
		}
		if l.now < last {
			l.now = wait(l.clock, l.now, last, l.Yield)
			if last >= l.from {
				l.Record.add(l.Record.Lag, l.now-last, 1)
			}
		}
		l.start = l.now
		return len(l.due)
	}
	return 0
}

// end records n operations that began together and have ended now.
func (l *Loop) end(n int) {
	l.now = l.clock.Now()
	if l.plan != nil {
		l.Record.operations(l.due[:n], l.start, l.now, l.from, l.to)
		return
	}
	l.Record.add(l.Record.Service, (l.now-l.start)/int64(n), int64(n))
	l.Record.Offered += int64(n)
	l.Record.Intime += int64(n)
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
