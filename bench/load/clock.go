package load

import (
	"runtime"
	"slices"
	"time"
)

// Clock is what generators read and wait by. Times are ns since some moment.
type Clock interface {
	Now() int64
	Sleep(d time.Duration)
}

// HostClock is the host's monotonic clock, which counts from the moment this is
// called. It is read without the wall clock, at half of the price.
func HostClock() Clock { return hostClock{time.Now()} }

type hostClock struct{ base time.Time }

func (c hostClock) Now() int64            { return int64(time.Since(c.base)) }
func (c hostClock) Sleep(d time.Duration) { time.Sleep(d) }

// Waits longer than spinBelow sleep until spinFrom before their end: the runtime rounds
// shorter sleeps up to a millisecond (netpoll). The rest, and shorter waits, spin.
const (
	spinBelow = 2 * time.Millisecond
	spinFrom  = 1500 * time.Microsecond
	// yieldEvery is how often a spinning generator lets others have its P, where it has
	// none to itself.
	yieldEvery = 20 * time.Microsecond
)

// wait returns the time once t has come, never before.
func wait(c Clock, now, t int64, yield bool) int64 {
	if d := time.Duration(t - now); d >= spinBelow {
		c.Sleep(d - spinFrom)
		now = c.Now()
	}
	for yielded := now; now < t; now = c.Now() {
		if yield && now-yielded >= int64(yieldEvery) {
			runtime.Gosched()
			yielded = now
		}
	}
	return now
}

// ReadCost is what reading the clock takes, in ns: the median and the 99th
// percentile of n readings one after the other.
func ReadCost(c Clock, n int) (median, p99 int64) {
	took := make([]int64, n)
	last := c.Now()
	for i := range took {
		now := c.Now()
		took[i], last = now-last, now
	}
	slices.Sort(took)
	return took[n/2], took[n*99/100]
}
