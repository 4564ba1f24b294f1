//go:build linux || darwin

package host

import (
	"time"

	"golang.org/x/sys/unix"
)

// processCPU is the CPU time of this process so far.
func processCPU() time.Duration {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// freeBytes is what this user can still write in the folder, -1 if unknown.
func freeBytes(dir string) int64 {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return -1
	}
	return int64(s.Bavail) * int64(s.Bsize)
}

// writable tells why files cannot be made in the folder, nil if they can.
func writable(dir string) error { return unix.Access(dir, unix.W_OK|unix.X_OK) }
