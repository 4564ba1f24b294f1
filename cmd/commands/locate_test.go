package commands

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/compare"
)

// TestLocate: of several functions of one name that of the row's package is found; what
// is no code of the module is not looked at.
func TestLocate(t *testing.T) {
	dir := t.TempDir()
	for file, text := range map[string]string{
		"a_test.go":               "package m\n\nfunc BenchmarkOne(b *testing.B) {}\n",
		"x/x_test.go":             "package x\nfunc BenchmarkOne(b *testing.B) {}\nfunc BenchmarkTwo(b *testing.B) {}\n",
		"x/y/y_test.go":           "package y\n\n\n\nfunc BenchmarkOne(b *testing.B) {}\n",
		"testdata/t_test.go":      "package t\nfunc BenchmarkThree(b *testing.B) {}\n",
		"_build/t_test.go":        "package t\nfunc BenchmarkThree(b *testing.B) {}\n",
		"x/none.go":               "package x\nfunc BenchmarkThree(b *testing.B) {}\n",
		"x/BenchmarkOne/z_test.s": "func BenchmarkThree(b *testing.B) {}\n",
	} {
		name := filepath.Join(dir, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	find := locate(dir)
	for _, c := range []struct {
		name, pkg, file string
		line            int
	}{
		{"BenchmarkOne/gomaxprocs=2", "example.com/m/x", "x/x_test.go", 2},
		{"BenchmarkOne/gomaxprocs=2", "example.com/m/x/y", "x/y/y_test.go", 5},
		{"BenchmarkOne/pkg=y/gomaxprocs=2", "", "a_test.go", 3},
		{"BenchmarkOne/pkg=x/gomaxprocs=2", "", "x/x_test.go", 2},
		{"BenchmarkTwo/size=3", "", "x/x_test.go", 3},
		{"BenchmarkThree", "", "", 0},
	} {
		name, _ := sample.ParseName(c.name)
		if file, line := find(&compare.Row{Name: name, Pkg: c.pkg}); file != c.file || line != c.line {
			t.Errorf("%s of %q: %s:%d, want %s:%d", c.name, c.pkg, file, line, c.file, c.line)
		}
	}
}
