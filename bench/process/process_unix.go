//go:build unix

package process

import (
	"os"
	"os/exec"
	"syscall"
)

// Kill ends every process of the cell's group.
func Kill(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

// AskedToEnd reports whether a signal ended the process by which people and batch
// systems ask processes to end.
func AskedToEnd(s *os.ProcessState) bool {
	w, ok := s.Sys().(syscall.WaitStatus)
	return ok && w.Signaled() && (w.Signal() == syscall.SIGTERM || w.Signal() == syscall.SIGINT || w.Signal() == syscall.SIGHUP)
}

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
