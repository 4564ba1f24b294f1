//go:build unix

package bench

import (
	"time"

	"golang.org/x/sys/unix"
)

func readUsage() usage {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return usage{}
	}
	return usage{
		cpu:           time.Duration(u.Utime.Nano() + u.Stime.Nano()),
		switches:      int64(u.Nvcsw + u.Nivcsw),
		forced:        int64(u.Nivcsw),
		switchesKnown: true,
	}
}
