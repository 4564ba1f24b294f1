//go:build unix

package commands

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestUnwritable: an ordinary user who may not write the run folder is told so
// before anything is measured.
func TestUnwritable(t *testing.T) {
	exe := filepath.Join(t.TempDir(), "contend")
	if out, err := exec.Command("go", "build", "-o", exe, "../contend").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dir := t.TempDir()
	for d := exe; d != os.TempDir() && len(d) > 1; d = filepath.Dir(d) {
		os.Chmod(d, 0o755) // the ordinary user must reach the program
	}
	os.Chmod(dir, 0o555)
	c := exec.Command(exe, "sweep", "--quick", "--out", filepath.Join(dir, "run"))
	if os.Getuid() == 0 {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	out, err := c.CombinedOutput()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 2 || !strings.Contains(string(out), "permission denied") || !strings.Contains(string(out), filepath.Join(dir, "run")) {
		t.Errorf("%v\n%s", err, out)
	}
}
