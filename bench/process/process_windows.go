package process

import "os/exec"

func Isolate(*exec.Cmd) {}

func Kill(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

func DumpStacks(cmd *exec.Cmd) { Kill(cmd) }
