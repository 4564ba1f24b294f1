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
	"strconv"
	"strings"
)

// source is what a benchmark is made of.
type source struct {
	code   string            // digest
	inputs map[string]string // digests of files by their names below the package's folder
}

// same reports whether two benchmarks are one. Other files than testdata may be on one side
// alone: what git does not know, such as what a benchmark leaves behind, is in no revision.
func (s source) same(other source) bool {
	for name, digest := range s.inputs {
		was, ok := other.inputs[name]
		if was != digest && (ok || strings.HasPrefix(name, "testdata/")) {
			return false
		}
	}
	for name := range other.inputs {
		if _, ok := s.inputs[name]; !ok && strings.HasPrefix(name, "testdata/") {
			return false
		}
	}
	return s.code == other.code
}

// sources are what the benchmarks of a package are made of, by the name
// of the function: the function itself, what it refers to in test files, directly
// or not, and the files and folders below the package's that a string in any of that
// names, such as testdata. Go code is no part: that it may differ is why it is measured.
func sources(dir string, files []string) (map[string]source, error) {
	text := map[string]string{} // declarations by name; several of one name are joined
	uses := map[string][]string{}
	names := map[string][]string{} // strings in them
	positions := token.NewFileSet()
	add := func(name string, node ast.Node) error {
		var b bytes.Buffer
		if err := printer.Fprint(&b, token.NewFileSet(), node); err != nil {
			return err
		}
		text[name] += b.String() + "\n"
		ast.Inspect(node, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Ident:
				uses[name] = append(uses[name], n.Name)
			case *ast.BasicLit:
				if s, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
					names[name] = append(names[name], s)
				}
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
	all := map[string]source{}
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
		h, inputs := sha256.New(), map[string]string{}
		for other := range reached {
			for _, s := range names[other] {
				if err := input(inputs, dir, s); err != nil {
					return nil, err
				}
			}
		}
		fmt.Fprintln(h, text[name]) // first, whatever it is called
		delete(reached, name)
		for _, other := range slices.Sorted(maps.Keys(reached)) {
			fmt.Fprintln(h, text[other])
		}
		all[name] = source{fmt.Sprintf("%x", h.Sum(nil)), inputs}
	}
	return all, nil
}

// input adds the digests of what a string names, if that is a file, or a folder, below dir;
// but for Go code. A format or a pattern of names stands for the folder that it begins with.
func input(inputs map[string]string, dir, name string) error {
	if i := strings.IndexAny(name, "%*?["); i >= 0 {
		name = name[:strings.LastIndexByte(name[:i], '/')+1]
	}
	if !filepath.IsLocal(name) || filepath.Clean(name) == "." {
		return nil
	}
	root := filepath.Join(dir, name)
	if _, err := os.Stat(root); err != nil {
		return nil
	}
	return filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(path) == ".go" {
			return err
		}
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
			return nil // no file, or a link to none
		}
		content, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		inputs[filepath.ToSlash(rel)] = fmt.Sprintf("%x", sha256.Sum256(content))
		return err
	})
}
