//go:build !linux

package lockbench

import "time"

// nap sleeps.
func nap(d time.Duration) { time.Sleep(d) }
