package commands

import (
	"bufio"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/contend-go/contend/report/compare"
)

// locate finds the function of a row's benchmark in the test files below a folder: in the
// package that the row names, where several have one of that name.
func locate(dir string) func(*compare.Row) (file string, line int) {
	type place struct {
		file string
		line int
	}
	found := map[string][]place{} // by what follows "Benchmark"
	_ = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		base := filepath.Base(name)
		switch {
		case err != nil:
			return nil // what cannot be read has no line
		case d.IsDir() && name != dir && (base == "testdata" || base == "vendor" || base[0] == '_' || base[0] == '.'):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, "_test.go"):
			return nil
		}
		f, err := os.Open(name)
		if err != nil {
			return nil
		}
		defer f.Close()
		relative, err := filepath.Rel(dir, name)
		if err != nil {
			return nil
		}
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for n := 1; lines.Scan(); n++ {
			rest, ok := strings.CutPrefix(lines.Text(), "func Benchmark")
			if fn, _, call := strings.Cut(rest, "("); ok && call {
				found[fn] = append(found[fn], place{filepath.ToSlash(relative), n})
			}
		}
		return nil
	})
	return func(r *compare.Row) (string, int) {
		all := found[r.Name.Base]
		if len(all) == 0 {
			return "", 0
		}
		pkg, _ := r.Name.Get("pkg")
		if pkg == "" {
			pkg = r.Pkg
		}
		best := all[0]
		for _, p := range all {
			if folder := path.Dir(p.file); pkg != "" && (pkg == folder || strings.HasSuffix(pkg, "/"+folder)) {
				best = p
			}
		}
		return best.file, best.line
	}
}
