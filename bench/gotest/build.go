package gotest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/version"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// builder compiles test binaries.
type builder struct {
	ctx      context.Context
	flags    goFlags
	dir      string // where they go
	plain    bool
	setup    string   // runs in each tree that is made
	env      []string // of the side at work
	goroot   string   // of the toolchain that compiles; empty for that of the go command. See toolchain.outside
	progress io.Writer
}

// add compiles the packages of the patterns, and those of the revision to compare
// with.
func (b *builder) add(s *Suite, o *Options) error {
	head := side{from: cmp.Or(b.flags.dir, "."), patterns: o.Packages}
	if !o.Compares() {
		return b.variant(s, head)
	}
	if o.DryRun {
		head.variant = Head
		return b.variant(s, head)
	}
	base := head
	base.variant, head.variant = Base, Head
	var lacks []string
	if o.Against != "" {
		at, err := b.revisions(head.from, o)
		if err != nil {
			return err
		}
		s.Trailers, s.Gates = at.trailers, at.gates
		if lacks, err = b.checkout(s, &base, at.base); err != nil {
			return fmt.Errorf("%s: %w", o.Against, err)
		}
		if at.head != "" {
			if _, err = b.checkout(s, &head, at.head); err != nil {
				return fmt.Errorf("%s: %w", o.Head, err)
			}
		}
	}
	if o.AgainstToolchain != "" {
		base.env = append(base.env, "GOTOOLCHAIN="+o.AgainstToolchain)
	}
	switch o.BenchFrom {
	case Base:
		head.tests = base.from
	case Head:
		base.tests = head.from
	}
	var none noBenchmarks
	if err := b.variant(s, base); err != nil && !errors.As(err, &none) {
		return fmt.Errorf("%s: %w%s", s.Against, err, b.remedies(lacks))
	}
	without := none != ""
	if err := b.variant(s, head); err != nil && (without || !errors.As(err, &none)) { // all lost, or all new
		return err
	}
	several := slices.ContainsFunc(s.Programs, func(p *Program) bool { return p.Key != "" })
	for _, p := range s.Programs { // a key on both sides, or on none
		if several {
			p.Key = p.key
		}
	}
	return nil
}

// side is one source tree to compile.
type side struct {
	variant  string
	from     string   // where the go command runs
	env      []string // added to its environment
	tree     tree     // of a revision; the zero tree is the working tree
	patterns []string
	tests    string // the same place in the tree whose tests are taken; empty for its own
}

// goPackage is what go list says.
type goPackage struct {
	Dir, ImportPath, Name     string
	TestGoFiles, XTestGoFiles []string
	TestEmbedPatterns         []string // of what test files embed
	XTestEmbedPatterns        []string
	Module                    *struct{ Path, Dir string }
	Error                     *struct{ Err string } // why it could not be loaded
}

// tests are the files that its tests alone are made of, by their paths below its
// folder.
func (p goPackage) tests() (files []string, err error) {
	files = slices.Concat(p.TestGoFiles, p.XTestGoFiles)
	for _, pattern := range slices.Concat(p.TestEmbedPatterns, p.XTestEmbedPatterns) {
		matches, err := filepath.Glob(filepath.Join(p.Dir, strings.TrimPrefix(pattern, "all:")))
		if err != nil {
			return nil, err
		}
		for _, m := range matches {
			err := filepath.WalkDir(m, func(path string, e fs.DirEntry, err error) error {
				if err == nil && e.Type().IsRegular() {
					name, _ := filepath.Rel(p.Dir, path)
					files = append(files, name)
				}
				return err
			})
			if err != nil {
				return nil, err
			}
		}
	}
	return files, nil
}

// variant compiles the packages of one side.
func (b *builder) variant(s *Suite, side side) error {
	b.goroot, b.env = "", side.env
	variant, from := side.variant, side.from
	dir := filepath.Join(b.dir, variant)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	chain, err := b.toolchain(from)
	if err != nil {
		return err
	}
	own, replaced, err := b.ownOverlay(chain, side.tree, cmp.Or(b.flags.dir, "."), dir)
	if err != nil {
		return err
	}
	packages, err := b.list(chain, from, side.patterns, own)
	if err != nil {
		return err
	}
	places := map[string]string{}
	if side.tests != "" {
		if own, places, err = b.lay(chain, dir, side, packages, replaced); err != nil {
			return err
		}
		if packages, err = b.list(chain, from, side.patterns, own); err != nil {
			return err
		}
	}
	packages = slices.DeleteFunc(packages, func(p goPackage) bool {
		if p.Error != nil && len(packages) > 1 {
			s.Broken = append(s.Broken, Broken{variant, p.ImportPath, p.Error.Err})
		}
		return p.Error != nil && len(packages) > 1
	})
	tested, err := tested(packages, replaced, strings.Join(side.patterns, " "))
	if err != nil {
		return err
	}
	if b.goroot, err = chain.outside(dir); err != nil {
		return err
	}
	over, plain := own, "as --plain-testing asks"
	if !b.plain {
		if over, err = overlay(chain.GOROOT, dir, replaced); err != nil {
			over, plain = own, err.Error()
		} else {
			plain = ""
		}
	}
	for i, p := range tested {
		program := &Program{Variant: variant, Package: p.ImportPath, Dir: p.Dir, Root: p.Dir, Go: chain.GOVERSION, Plain: plain, Args: b.flags.binary}
		if p.Module != nil && p.Module.Dir != "" {
			program.Root = p.Module.Dir
		}
		if place := places[p.ImportPath]; place != "" {
			program.Dir = place
		}
		program.key = key(p)
		if len(tested) > 1 {
			program.Key = program.key
		}
		if variant != "" && len(replaced) == 0 { // what an overlay replaces is the same on both sides
			if program.sources, err = sources(p.Dir, slices.Concat(p.TestGoFiles, p.XTestGoFiles)); err != nil {
				program.sources = nil // the compiler says more
			}
		}
		program.Path = filepath.Join(dir, strings.ReplaceAll(p.ImportPath, "/", "-")+".test")
		fmt.Fprintf(b.progress, "%s: compiling%s\n", p.ImportPath, nth(i, len(tested)))
		err := b.compile(from, program, over)
		if err != nil && program.Plain == "" && b.ctx.Err() == nil { // is it our file that does not fit?
			if b.compile(from, program, own) == nil {
				program.Plain = "this toolchain's testing package does not compile with the accounting: " + err.Error()
				err = nil
			}
		}
		if err != nil && places[p.ImportPath] != "" {
			err = fmt.Errorf("with the test files of %s, as --bench-from asks: %w", other(variant), err)
		}
		switch {
		case err != nil && (len(tested) == 1 || b.ctx.Err() != nil):
			return err
		case err != nil:
			fmt.Fprintf(b.progress, "%s: does not compile: %v\n", p.ImportPath, err)
			s.Broken = append(s.Broken, Broken{variant, p.ImportPath, "does not compile: " + err.Error()})
		default:
			s.Programs = append(s.Programs, program)
		}
	}
	return nil
}

// lay writes an overlay that puts the test files of another tree where those of the
// side's packages are, and adds them to replaced. Nothing in either tree is touched.
// places are the packages' folders in the other tree, where their testdata is.
func (b *builder) lay(chain toolchain, dir string, side side, packages []goPackage, replaced map[string]string) (path string, places map[string]string, err error) {
	others, err := b.list(chain, side.tests, side.patterns, "")
	if err != nil {
		return "", nil, err
	}
	places = map[string]string{}
	for _, p := range packages {
		i := slices.IndexFunc(others, func(o goPackage) bool { return o.ImportPath == p.ImportPath && o.Error == nil })
		if i < 0 {
			continue
		}
		own, err := p.tests()
		if err != nil {
			return "", nil, err
		}
		other, err := others[i].tests()
		if err != nil {
			return "", nil, err
		}
		for _, name := range own {
			replaced[filepath.Join(p.Dir, name)] = ""
		}
		for _, name := range other {
			replaced[filepath.Join(p.Dir, name)] = filepath.Join(others[i].Dir, name)
		}
		places[p.ImportPath] = others[i].Dir
	}
	path = filepath.Join(dir, "tests.json")
	return path, places, writeOverlay(path, replaced)
}

// nth says how far a list of several is.
func nth(i, n int) string {
	if n == 1 {
		return ""
	}
	return fmt.Sprintf(" (%d of %d)", i+1, n)
}

// tested are the packages that have benchmarks. Linking the test binaries of the
// others would take most of the time that a pattern such as ./... takes.
func tested(packages []goPackage, replaced map[string]string, pattern string) ([]goPackage, error) {
	var list []goPackage
	files := 0
	for _, p := range packages {
		names := slices.Concat(p.TestGoFiles, p.XTestGoFiles)
		files += len(names)
		if slices.ContainsFunc(names, func(name string) bool {
			path := filepath.Join(p.Dir, name)
			if other, ok := replaced[path]; ok {
				path = other
			}
			text, err := os.ReadFile(path)
			return err != nil || benchmarkFunc.Match(text) // the compiler explains what cannot be read
		}) {
			list = append(list, p)
		}
	}
	switch {
	case len(list) > 0:
		return list, nil
	case files == 0:
		return nil, noBenchmarks(pattern + ": no test files, and so no benchmarks")
	}
	return nil, noBenchmarks(pattern + ": tests, but no benchmarks: no func BenchmarkX(b *testing.B) in the test files")
}

// noBenchmarks is the error of packages without any.
type noBenchmarks string

func (e noBenchmarks) Error() string { return string(e) }

var benchmarkFunc = regexp.MustCompile(`(?m)^\s*func\s+Benchmark`)

// compile builds the program's test binary, with an overlay if there is one.
func (b *builder) compile(from string, p *Program, overlay string) error {
	args := append([]string{"test", "-c", "-vet=off", "-o", p.Path}, b.flags.build...)
	if overlay != "" {
		args = append(args, "-overlay="+overlay)
	}
	_, err := b.run(from, "go", append(args, p.Package)...)
	return err
}

// key is the package's value of the name key pkg: its path below the module.
func key(p goPackage) string {
	path := p.ImportPath
	if p.Module != nil {
		path = strings.TrimPrefix(strings.TrimPrefix(path, p.Module.Path), "/")
	}
	if path == "" {
		path = p.Name
	}
	return strings.ReplaceAll(path, "/", ".")
}

// list asks which packages the patterns name.
func (b *builder) list(chain toolchain, from string, patterns []string, overlay string) ([]goPackage, error) {
	fields := "-json=Dir,ImportPath,Name,TestGoFiles,XTestGoFiles,TestEmbedPatterns,XTestEmbedPatterns,Module,Error"
	if older(chain.GOVERSION, "go1.19") {
		fields = "-json" // all of them, which takes longer
	}
	args := append([]string{"list", "-e", fields}, b.flags.build...)
	if overlay != "" {
		args = append(args, "-overlay="+overlay)
	}
	out, err := b.run(from, "go", append(args, patterns...)...)
	if err != nil {
		return nil, fmt.Errorf("%w%s", err, elsewhere(from, patterns))
	}
	var list []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		list = append(list, p)
	}
	if len(list) == 1 && list[0].Error != nil {
		return nil, fmt.Errorf("go list: %s%s", list[0].Error.Err, elsewhere(from, patterns))
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: no package", strings.Join(patterns, " "))
	}
	return list, nil
}

// elsewhere is the remedy where a pattern names a folder of another module, which
// the go command does not look into.
func elsewhere(from string, patterns []string) string {
	for _, pattern := range patterns {
		for dir := filepath.Clean(strings.TrimSuffix(pattern, "...")); filepath.IsLocal(dir) && dir != "."; dir = filepath.Dir(dir) {
			if _, err := os.Stat(filepath.Join(from, dir, "go.mod")); err != nil {
				continue
			}
			rest, _ := filepath.Rel(dir, pattern)
			if rest != "." {
				rest = "./" + filepath.ToSlash(rest)
			}
			return fmt.Sprintf("\n%s is a module of its own: contend test %s -- -C %[1]s", filepath.ToSlash(dir), rest)
		}
	}
	return ""
}

// toolchain is what go env says in a folder.
type toolchain struct{ GOROOT, GOFLAGS, GOVERSION, GOMODCACHE string }

// older reports whether a version of Go came before another. Builds of its
// development are taken to be new.
func older(v, than string) bool { return version.IsValid(v) && version.Compare(v, than) < 0 }

// outside gives a toolchain that the go command has downloaded another path,
// below dir: the go command refuses overlays of files in the module cache, where
// it keeps them. It returns that path, empty for other toolchains.
func (t *toolchain) outside(dir string) (string, error) {
	if !strings.HasPrefix(t.GOROOT, t.GOMODCACHE+string(filepath.Separator)) {
		return "", nil
	}
	link := filepath.Join(dir, "goroot")
	if err := os.Remove(link); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	if err := os.Symlink(t.GOROOT, link); err != nil {
		return "", err
	}
	t.GOROOT = link
	return link, nil
}

func (b *builder) toolchain(dir string) (t toolchain, err error) {
	out, err := b.run(dir, "go", "env", "-json", "GOROOT", "GOFLAGS", "GOVERSION", "GOMODCACHE")
	if err != nil {
		return t, err
	}
	if err := json.Unmarshal(out, &t); err != nil {
		return t, fmt.Errorf("go env: %w", err)
	}
	return t, nil
}

// ownOverlay is the user's -overlay, and what it replaces: ours takes its place,
// and so has to hold that too. It names files of the working tree, where the go
// command was to be started in from; for the tree of a revision, a copy of it in dir
// names those of that tree.
func (b *builder) ownOverlay(chain toolchain, t tree, from, dir string) (path string, replaced map[string]string, err error) {
	path = b.flags.overlay
	for _, f := range strings.Fields(chain.GOFLAGS) {
		if v, ok := strings.CutPrefix(strings.TrimPrefix(f, "-"), "-overlay="); ok && path == "" {
			path = v
		}
	}
	if path == "" {
		return "", map[string]string{}, nil
	}
	if from, err = filepath.Abs(from); err != nil {
		return "", nil, err
	}
	path = absolute(path, from)
	if replaced, err = readOverlay(path, from); err != nil || t.origin == "" {
		return path, replaced, err
	}
	moved := map[string]string{}
	for file, other := range replaced {
		if own := t.of(other); other != "" {
			if _, err := os.Stat(own); err == nil { // else the revision has none, and gets the working tree's
				other = own
			}
		}
		moved[t.of(file)] = other
	}
	path = filepath.Join(dir, "overlay-of-user.json")
	return path, moved, writeOverlay(path, moved)
}

// run runs a command of the toolchain or of git in a folder, with more in its
// environment. An error carries what it printed.
func (b *builder) run(dir, name string, args ...string) ([]byte, error) {
	return b.runWith(dir, nil, name, args...)
}

func (b *builder) runWith(dir string, env []string, name string, args ...string) ([]byte, error) {
	program := name
	env = slices.Concat(os.Environ(), b.env, env)
	if b.goroot != "" {
		env = append(env, "GOROOT="+b.goroot, "GOTOOLCHAIN=local")
		if name == "go" {
			program = filepath.Join(b.goroot, "bin", "go")
		}
	}
	c := exec.CommandContext(b.ctx, program, args...)
	c.Dir, c.Env = dir, env
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Run(); err != nil {
		text := strings.TrimSpace(stderr.String())
		if text == "" {
			text = err.Error()
		}
		verb := slices.Concat([]string{name}, args[:min(1, len(args))])
		return nil, fmt.Errorf("%s: %s", strings.Join(verb, " "), text)
	}
	return stdout.Bytes(), nil
}
