package bundle_test

import (
	"archive/tar"
	"compress/gzip"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/contend-go/contend/bench/bundle"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// list is what an archive holds: contents by name, of executables "x".
func list(t *testing.T, file string) map[string]string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if found[h.Name] = string(text); h.Mode&0o111 != 0 && h.Typeflag == tar.TypeReg {
			found[h.Name] = "x"
		}
	}
}

// TestWrite packs this test binary, which is static where CGO_ENABLED is 0, in
// the place of contend.
func TestWrite(t *testing.T) {
	if lib := bundle.Interpreter(os.Args[0]); lib != "" {
		err := bundle.Write(filepath.Join(t.TempDir(), "b.tar.gz"), bundle.Bundle{})
		if err == nil || !strings.Contains(err.Error(), lib) {
			t.Error(err)
		}
		t.Skip("the test binary is not static: run with CGO_ENABLED=0")
	}
	from, to := t.TempDir(), t.TempDir()
	write(t, filepath.Join(from, "testdata", "deep", "file"), "data")
	if err := os.Symlink("deep/file", filepath.Join(from, "testdata", "link")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(to, "b.tar.gz")
	b := bundle.Bundle{
		Args:  []string{"test", "--packed=" + bundle.Here + "/suite.json"},
		Files: map[string]string{"source/testdata": filepath.Join(from, "testdata")},
		Texts: map[string][]byte{"suite.json": []byte("{}")},
	}
	if err := bundle.Write(file, b); err != nil {
		t.Fatal(err)
	}
	found := list(t, file)
	for name, want := range map[string]string{
		"b/run.sh": "x", "b/contend": "x", "b/suite.json": "{}",
		"b/source/testdata/deep/file": "data", "b/source/testdata/link": "data",
	} {
		if found[name] != want {
			t.Errorf("%s: %q, want %q", name, found[name], want)
		}
	}
	if out, err := exec.Command("tar", "-xf", file, "-C", to).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	args, err := bundle.Args(filepath.Join(to, "b"))
	if want := []string{"test", "--packed=" + filepath.Join(to, "b") + "/suite.json"}; err != nil || !slices.Equal(args, want) {
		t.Errorf("%v %v, want %v", args, err, want)
	}
	b.Files["gone"] = filepath.Join(from, "gone")
	if err := bundle.Write(filepath.Join(to, "c.tar.gz"), b); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(to, "c.tar.gz*")); len(left) > 0 {
		t.Errorf("half an archive is left: %v", left)
	}
}

func TestPackRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	for _, name := range []string{"samples.txt", "traces/1.trace", "build/p.test", ".lock"} {
		write(t, filepath.Join(dir, name), name)
	}
	file := dir + ".tar.gz"
	if err := bundle.PackRun(file, dir, "build"); err != nil {
		t.Fatal(err)
	}
	got := slices.Sorted(maps.Keys(list(t, file)))
	if want := []string{"run/samples.txt", "run/traces/", "run/traces/1.trace"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestArgsErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := bundle.Args(dir); err == nil || !strings.Contains(err.Error(), "no unpacked bundle") {
		t.Error(err)
	}
	write(t, filepath.Join(dir, "bundle.json"), "{")
	if _, err := bundle.Args(dir); err == nil || !strings.Contains(err.Error(), "bundle.json") {
		t.Error(err)
	}
}
