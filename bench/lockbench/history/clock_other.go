//go:build !linux

package history

import "time"

// Now is the host's clock in nanoseconds. This system's monotonic clock is not
// known to be the same in all processes: a run in which the time is set is
// invalid, see [ClockJump].
func Now() int64 { return time.Now().UnixNano() }
