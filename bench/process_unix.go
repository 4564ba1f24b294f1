//go:build unix

package bench

import (
	"os/exec"
	"syscall"
)

// kill ends every process of the cell's group.
func kill(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

// dumpStacks asks a Go process to print its goroutines and end.
func dumpStacks(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGQUIT) }
