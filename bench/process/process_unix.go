//go:build unix

package process

import (
	"os/exec"
	"syscall"
)

// Kill ends every process of the cell's group.
func Kill(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

// DumpStacks asks a Go process to print its goroutines and end.
func DumpStacks(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGQUIT) }
