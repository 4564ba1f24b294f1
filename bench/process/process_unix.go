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

// Signal stops, continues or ends a process with its whole group.
func Signal(cmd *exec.Cmd, s syscall.Signal) error { return syscall.Kill(-cmd.Process.Pid, s) }

// KillGroup ends every process of a group that was led by pid.
func KillGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }

// The signals that stop a process and let it go on.
const (
	Stop     = syscall.SIGSTOP
	Continue = syscall.SIGCONT
	End      = syscall.SIGTERM
)
