package history

import "golang.org/x/sys/unix"

// Now is the host's monotonic clock in nanoseconds, which all its processes share.
func Now() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err) // every kernel has it
	}
	return t.Nano()
}
