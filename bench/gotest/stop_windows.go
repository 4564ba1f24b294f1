package gotest

import "os/exec"

func stop(c *exec.Cmd) error { return c.Process.Kill() }
