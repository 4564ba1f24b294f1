package gotest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// sources are digests of what the benchmarks of a package are made of, by the name
// of the function: the function itself, what it refers to in test files, directly
// or not, and the package's testdata where any of that speaks of it. The package's
// own code is no part: that it may differ is why it is measured.
func sources(dir string, files []string) (map[string]string, error) {
	text := map[string]string{} // declarations by name; several of one name are joined
	uses := map[string][]string{}
	positions := token.NewFileSet()
	add := func(name string, node ast.Node) error {
		var b bytes.Buffer
		if err := printer.Fprint(&b, token.NewFileSet(), node); err != nil {
			return err
		}
		text[name] += b.String() + "\n"
		ast.Inspect(node, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				uses[name] = append(uses[name], id.Name)
			}
			return true
		})
		return nil
	}
	for _, file := range slices.Sorted(slices.Values(files)) {
		tree, err := parser.ParseFile(positions, filepath.Join(dir, file), nil, parser.SkipObjectResolution) // without comments
		if err != nil {
			return nil, err
		}
		for _, d := range tree.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				name := d.Name.Name
				if d.Recv == nil && strings.HasPrefix(name, "Benchmark") {
					d.Name = ast.NewIdent("Benchmark") // what it is called does not change it
				}
				err = add(name, d)
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						err = add(spec.Name.Name, spec)
					case *ast.ValueSpec:
						for _, name := range spec.Names {
							err = add(name.Name, d) // all of it: iota counts from the first
						}
					}
				}
			}
			if err != nil {
				return nil, err
			}
		}
	}
	data, err := testdata(dir)
	if err != nil {
		return nil, err
	}
	digests := map[string]string{}
	for name := range text {
		if !strings.HasPrefix(name, "Benchmark") {
			continue
		}
		reached, todo := map[string]bool{}, []string{name, "TestMain", "init"}
		for len(todo) > 0 {
			next := todo[0]
			if todo = todo[1:]; reached[next] || text[next] == "" {
				continue
			}
			reached[next] = true
			todo = append(todo, uses[next]...)
		}
		h, readsData := sha256.New(), false
		for other := range reached {
			readsData = readsData || strings.Contains(text[other], "testdata")
		}
		if readsData {
			fmt.Fprintln(h, data)
		}
		fmt.Fprintln(h, text[name]) // first, whatever it is called
		delete(reached, name)
		for _, other := range slices.Sorted(maps.Keys(reached)) {
			fmt.Fprintln(h, text[other])
		}
		digests[name] = fmt.Sprintf("%x", h.Sum(nil))
	}
	return digests, nil
}

// testdata is a digest of the names and contents in the package's testdata.
func testdata(dir string) (string, error) {
	root := filepath.Join(dir, "testdata")
	if _, err := os.Stat(root); err != nil {
		return "", nil
	}
	h := sha256.New()
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
			return nil // no file, or a link to none
		}
		content, err := os.ReadFile(path)
		rel, _ := filepath.Rel(root, path)
		fmt.Fprintf(h, "%s %x\n", filepath.ToSlash(rel), sha256.Sum256(content))
		return err
	})
	return fmt.Sprintf("%x", h.Sum(nil)), err
}
