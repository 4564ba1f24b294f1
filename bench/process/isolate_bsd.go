//go:build unix && !linux

package process

import (
	"os/exec"
	"syscall"
)

// Isolate gives the process a group of its own, so that Ctrl-C reaches only the
// harness. A cell outlives a killed harness here, until its window is over.
func Isolate(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// Attach leaves the process in this one's group.
func Attach(*exec.Cmd) {}

// Detach gives the process a group of its own; it outlives the one that starts it.
func Detach(cmd *exec.Cmd) { Isolate(cmd) }
