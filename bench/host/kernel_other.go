//go:build !linux

package host

import (
	"errors"
	"fmt"
	"runtime"
)

// affinity is nil: this system has no affinity masks.
func affinity() []int { return nil }

// WithAffinity restricts the process that f starts to the given CPUs, on Linux
// only: elsewhere it returns an error that wraps [errors.ErrUnsupported], and
// f is not run.
func WithAffinity(cpus []int, f func() error) error {
	return fmt.Errorf("affinity to CPUs %s: %w on %s", formatList(cpus), errors.ErrUnsupported, runtime.GOOS)
}

// tryPerfEvent: the events are Linux's alone.
func tryPerfEvent() error { return errors.ErrUnsupported }
