package bench

import "os/exec"

func isolate(*exec.Cmd) {}

func kill(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

func dumpStacks(cmd *exec.Cmd) { kill(cmd) }
