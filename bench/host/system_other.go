//go:build !linux && !darwin

package host

import "time"

func processCPU() time.Duration { return 0 }

func freeBytes(string) int64 { return -1 }

func writable(string) error { return nil }
