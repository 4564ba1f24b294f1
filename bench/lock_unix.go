//go:build unix

package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// lockError tells a folder in use from a file system without locks: some network
// file systems have none.
func lockError(dir string, err error) error {
	if errors.Is(err, unix.EWOULDBLOCK) {
		return fmt.Errorf("%s: another contend is measuring into this folder: wait for it, or choose another --out", dir)
	}
	return fmt.Errorf("%s: the file system cannot lock the folder (%w), so two runs could write into it at once: give --out a folder on a local disk", dir, err)
}

// lock keeps other harnesses out of the run folder. The kernel lets go of it
// when the process ends, however it ends.
func lock(dir string) (unlock func(), err error) {
	path := filepath.Join(dir, ".lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, lockError(dir, err)
	}
	return func() { f.Close() }, nil
}
