//go:build contend_slow

package mutexlru

import "sync/atomic"

// planted is a slowdown for the tests of the pull-request gate: the build tag
// contend_slow puts some 300 ns of work under the lock of every Get. No other
// build has it.
func planted() {
	x := sink.Load()
	for range 200 { // a dependent multiplication and addition take 4 or 5 cycles
		x = x*1664525 + 1013904223
	}
	sink.Store(x)
}

// sink keeps the compiler from removing the work. Share-nothing controls run
// several caches at once, hence atomic.
var sink atomic.Uint32
