package lockbench

import (
	"syscall"
	"time"
)

// nap sleeps by the system's timer, which is not rounded up to a millisecond.
func nap(d time.Duration) {
	t := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&t, nil) // woken early: whoever waits looks at the clock again
}
