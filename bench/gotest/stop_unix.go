//go:build unix

package gotest

import (
	"os/exec"
	"syscall"
)

// stop asks a Go process to print its goroutines and end.
func stop(c *exec.Cmd) error { return c.Process.Signal(syscall.SIGQUIT) }
