//go:build unix

package lockbench

import (
	"os"
	"syscall"
)

// mapShared maps the first size bytes of a file, for this process and all others
// that map it.
func mapShared(f *os.File, size uintptr) ([]byte, error) {
	return syscall.Mmap(int(f.Fd()), 0, int(size), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
}

func unmapShared(b []byte) error { return syscall.Munmap(b) }
