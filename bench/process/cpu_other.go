//go:build !linux

package process

import "time"

// CPUTime of another process is not known on this system.
func CPUTime(int) (time.Duration, bool) { return 0, false }
