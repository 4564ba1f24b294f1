package main

import (
	"bytes"
	"crypto/sha256"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestReproducible builds the program in two folders: the same source gives the
// same bytes, so that whoever builds a release can check it.
func TestReproducible(t *testing.T) {
	if testing.Short() {
		t.Skip("links the program twice")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := filepath.Join(t.TempDir(), "source")
	list, err := exec.Command("git", "-C", root, "ls-files", "--cached", "--others", "--exclude-standard", "*.go", "go.mod", "go.sum", "*.tmpl", "*.css", "*.js", "bench/gotest").Output()
	if err != nil {
		t.Skip("not a checkout: ", err)
	}
	for name := range strings.Lines(string(list)) {
		name = strings.TrimSpace(name)
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			continue // deleted, not yet committed
		}
		to := filepath.Join(elsewhere, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var sums [][]byte
	for _, dir := range []string{root, elsewhere} {
		exe := filepath.Join(t.TempDir(), "contend")
		c := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", exe, "./cmd/contend")
		c.Dir, c.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		program, err := os.ReadFile(exe)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(program)
		sums = append(sums, sum[:])
	}
	if !bytes.Equal(sums[0], sums[1]) {
		t.Errorf("two builds of one source: %x and %x", sums[0], sums[1])
	}
}
