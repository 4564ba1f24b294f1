//go:build unix

package bench

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestLockError: only a lock that somebody holds says that somebody measures.
func TestLockError(t *testing.T) {
	dir := t.TempDir()
	unlock, err := lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if _, err := lock(dir); err == nil || !strings.Contains(err.Error(), "another contend is measuring") {
		t.Error(err)
	}
	for _, errno := range []unix.Errno{unix.ENOSYS, unix.ENOLCK, unix.EOPNOTSUPP} {
		if err := lockError(dir, errno); strings.Contains(err.Error(), "another contend") || !strings.Contains(err.Error(), "local disk") {
			t.Error(err)
		}
	}
}
