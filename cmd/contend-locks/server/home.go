package server

import (
	"os"
	"os/exec"
)

// Home is the data folder of a program that refuses to run as root. If this process
// is root's, both belong to another user. That user may not be able to enter the
// folders above this one, so the program is handed the folder open.
type Home struct {
	Path  string // by which the program reaches it
	dir   *os.File
	owner *owner // nil where this process is not root's
}

// NewHome makes the folder, unless it is there.
func NewHome(path string) (*Home, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	h := &Home{Path: path}
	var err error
	if h.owner, err = unprivileged(); h.owner == nil || err != nil {
		return h, err
	}
	if err := os.Chown(path, h.owner.uid, h.owner.gid); err != nil {
		return nil, err
	}
	if h.dir, err = os.Open(path); err != nil {
		return nil, err
	}
	h.Path = inherited
	return h, nil
}

// Close is for when the program has ended.
func (h *Home) Close() error {
	if h.dir == nil {
		return nil
	}
	return h.dir.Close()
}

// inherited is the path of the first file that a program is handed.
const inherited = "/proc/self/fd/3"

// lend has the owner run a program that is about to start.
func (h *Home) lend(cmd *exec.Cmd) {
	if h.owner == nil {
		return
	}
	cmd.Dir = "/"
	cmd.ExtraFiles = []*os.File{h.dir}
	h.owner.run(cmd)
}
