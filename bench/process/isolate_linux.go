package process

import (
	"os/exec"
	"syscall"
)

// Isolate gives the process a group of its own, so that Ctrl-C reaches only the
// harness, and has the kernel kill it when the thread that started it ends. The
// runtime ends a thread only with the process, or with a goroutine that ends
// while locked to it, which the harness's do not.
func Isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// Attach leaves the process in this one's group, and has the kernel kill it with
// this one, as [Isolate] does.
func Attach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

// Detach gives the process a group of its own, and lets it outlive the one that
// starts it.
func Detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
