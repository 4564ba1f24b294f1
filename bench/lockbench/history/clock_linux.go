package history

import _ "unsafe" // for go:linkname

// Now is the host's monotonic clock in nanoseconds, which all its processes share.
// The runtime reads it (CLOCK_MONOTONIC) without a system call.
func Now() int64 { return nanotime() }

// The runtime promises not to change it (go.dev/issue/67401).
//
//go:linkname nanotime runtime.nanotime
func nanotime() int64
