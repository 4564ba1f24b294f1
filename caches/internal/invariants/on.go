//go:build invariants

package invariants

import (
	"math/rand/v2"
	"runtime"
	"time"
)

// Enabled reports whether this build has assertions and injected yields.
const Enabled = true

// Assert panics where what must hold does not.
func Assert(holds bool, what string) {
	if !holds {
		panic("broken invariant: " + what)
	}
}

// Hook, if set, is called at every edge instead of the random choice, and where
// a goroutine waits for another: a test that explores schedules takes control
// there. Set it only while nothing that has edges runs.
var Hook func(waits bool)

// Edge stands between two accesses to shared memory that other goroutines may
// come between: mostly it does nothing, now and then it lets others run, and
// seldom it sleeps, as a goroutine does whose thread lost its CPU.
func Edge() {
	if Hook != nil {
		Hook(false)
		return
	}
	switch n := rand.Uint32(); {
	case n&1023 == 0:
		time.Sleep(time.Duration(n>>10&63) * time.Microsecond)
	case n&7 == 0:
		runtime.Gosched()
	}
}

// Waits tells the Hook, if there is one, that this goroutine cannot go on
// before another has, and returns after that one has; else it returns false.
func Waits() bool {
	if Hook == nil {
		return false
	}
	Hook(true)
	return true
}
