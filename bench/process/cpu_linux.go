package process

import (
	"time"

	"golang.org/x/sys/unix"
)

// CPUTime is the CPU time that a live process has used, all its threads together.
// The clock of another process is told by its number: see clock_getcpuclockid(3)
// and CPUCLOCK_SCHED in the kernel's posix-timers_types.h.
func CPUTime(pid int) (time.Duration, bool) {
	const sched = 2
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid)<<3|sched, &t); err != nil {
		return 0, false
	}
	return time.Duration(t.Nano()), true
}
