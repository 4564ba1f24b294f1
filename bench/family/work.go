package family

import "time"

// gamma is SplitMix64's increment, 2^64 ÷ the golden ratio, made odd.
const gamma = 0x9e3779b97f4a7c15

// Work spends CPU time outside the cache, in proportion to units, touching no
// memory: each unit is a shift, a multiplication and an addition that wait for
// the unit before. Give the result of one call to the next as x, so that calls
// follow each other too. 0 units cost a call.
//
//go:noinline
func Work(units int, x uint64) uint64 {
	for range units {
		x = (x^x>>32)*0xd6e8feb86659fd93 + gamma
	}
	return x
}

// MeasureWork is the CPU time of Work(units) in nanoseconds on this host now:
// the fastest of several runs, for whatever disturbs a run makes it longer. It
// takes about 10 ms, and runs on the caller's goroutine.
func MeasureWork(units int) float64 {
	if units <= 0 {
		return 0
	}
	const runs, unitsPerRun = 21, 1 << 18 // about 0.4 ms a run
	calls := max(1, unitsPerRun/units)
	var x uint64
	fastest := time.Duration(1<<63 - 1)
	for range runs {
		start := time.Now()
		for range calls {
			x = Work(units, x)
		}
		fastest = min(fastest, time.Since(start))
	}
	return float64(fastest) / float64(calls)
}

// CalibrateWork is the number of units that take about d on this host now, 0
// for no work and at least 1 otherwise. Calibrate once per run and hand the
// units to every cell, so that all do the same work; each cell reports what
// MeasureWork says of it.
func CalibrateWork(d time.Duration) int {
	if d <= 0 {
		return 0
	}
	const many = 1 << 14
	perUnit := MeasureWork(many) / many
	return max(1, int(float64(d)/perUnit+0.5))
}
