package server

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// owner is another user than root.
type owner struct{ uid, gid int }

// candidates are users whom root lets run a program: its package's own, and one that
// every system has.
var candidates = []string{"postgres", "nobody"}

// unprivileged is the first of the candidates that exists; nil if this process is not
// root's.
func unprivileged() (*owner, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range candidates {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		return &owner{uid, gid}, errors.Join(err1, err2)
	}
	return nil, fmt.Errorf("root cannot run this server, and there is none of the users %q: run contend-locks as another user", candidates)
}

// run has the user run a program.
func (o *owner) run(cmd *exec.Cmd) {
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(o.uid), Gid: uint32(o.gid)}
}
