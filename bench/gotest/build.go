package gotest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// builder compiles test binaries.
type builder struct {
	ctx      context.Context
	flags    goFlags
	dir      string // where they go
	plain    bool
	goroot   string // of the toolchain that compiles; empty for that of the go command. See toolchain.outside
	progress io.Writer
}

// add compiles the packages of a pattern, and those of the revision to compare
// with.
func (b *builder) add(s *Suite, pattern, against string) error {
	from := b.flags.dir
	if against == "" {
		return b.variant(s, "", from, pattern)
	}
	tree, err := b.checkout(s, from, against)
	if err != nil {
		return err
	}
	if err := b.variant(s, Base, tree, pattern); err != nil {
		return fmt.Errorf("%s: %w", against, err)
	}
	return b.variant(s, Head, from, pattern)
}

// goPackage is what go list says.
type goPackage struct {
	Dir, ImportPath, Name     string
	TestGoFiles, XTestGoFiles []string
	Module                    *struct{ Path, Dir string }
}

// variant compiles the packages of one source tree.
func (b *builder) variant(s *Suite, variant, from, pattern string) error {
	b.goroot = ""
	packages, err := b.list(from, pattern)
	if err != nil {
		return err
	}
	dir := filepath.Join(b.dir, variant)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var tested []goPackage
	for _, p := range packages {
		if len(p.TestGoFiles)+len(p.XTestGoFiles) > 0 {
			tested = append(tested, p)
		}
	}
	if len(tested) == 0 {
		return fmt.Errorf("%s: no test files, and so no benchmarks", pattern)
	}
	chain, err := b.toolchain(tested[0].Dir)
	if err != nil {
		return err
	}
	if b.goroot, err = chain.outside(dir); err != nil {
		return err
	}
	over, plain, err := b.overlay(chain, dir)
	if err != nil {
		return err
	}
	for _, p := range tested {
		program := &Program{Variant: variant, Package: p.ImportPath, Dir: p.Dir, Root: p.Dir, Go: chain.GOVERSION, Plain: plain, Args: b.flags.binary}
		if p.Module != nil && p.Module.Dir != "" {
			program.Root = p.Module.Dir
		}
		if len(tested) > 1 {
			program.Key = key(p)
		}
		program.Path = filepath.Join(dir, strings.ReplaceAll(p.ImportPath, "/", "-")+".test")
		fmt.Fprintf(b.progress, "%s: compiling\n", p.ImportPath)
		err := b.compile(from, program, over)
		if err != nil && program.Plain == "" { // is it our file that does not fit?
			if b.compile(from, program, b.flags.overlay) != nil {
				return err
			}
			program.Plain = "this toolchain's testing package does not compile with the accounting: " + err.Error()
		} else if err != nil {
			return err
		}
		s.Programs = append(s.Programs, program)
	}
	return nil
}

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

// list asks which packages a pattern names.
func (b *builder) list(from, pattern string) ([]goPackage, error) {
	args := append([]string{"list", "-json=Dir,ImportPath,Name,TestGoFiles,XTestGoFiles,Module"}, b.flags.build...)
	if b.flags.overlay != "" {
		args = append(args, "-overlay="+b.flags.overlay)
	}
	out, err := b.run(from, "go", append(args, pattern)...)
	if err != nil {
		return nil, err
	}
	var list []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("go list %s: %w", pattern, err)
		}
		list = append(list, p)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: no package", pattern)
	}
	return list, nil
}

// toolchain is what go env says in a folder.
type toolchain struct{ GOROOT, GOFLAGS, GOVERSION, GOMODCACHE string }

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

// overlay prepares the accounting for the toolchain that the package is built
// with. plain says why there is none.
func (b *builder) overlay(chain toolchain, dir string) (path, plain string, err error) {
	own := b.flags.overlay // ours takes the place of the user's, so it has to hold that too
	for _, f := range strings.Fields(chain.GOFLAGS) {
		if v, ok := strings.CutPrefix(strings.TrimPrefix(f, "-"), "-overlay="); ok && own == "" {
			own = v
		}
	}
	var more map[string]string
	if own != "" {
		if more, err = readOverlay(own); err != nil {
			return "", "", err
		}
	}
	if b.plain {
		return own, "as --plain-testing asks", nil
	}
	path, err = overlay(chain.GOROOT, dir, more)
	if err != nil {
		return own, err.Error(), nil
	}
	return path, "", nil
}

// checkout puts the revision's files beside the run, and returns the folder
// there that corresponds to from.
func (b *builder) checkout(s *Suite, from, revision string) (string, error) {
	out, err := b.run(from, "git", "rev-parse", "--show-toplevel", "--show-prefix")
	if err != nil {
		return "", fmt.Errorf("--against: %w", err)
	}
	lines := strings.Split(string(out), "\n")
	top, prefix := lines[0], ""
	if len(lines) > 1 {
		prefix = lines[1]
	}
	if out, err = b.run(from, "git", "rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{commit}"); err != nil {
		return "", fmt.Errorf("--against %s: no such revision in %s", revision, top)
	}
	commit := strings.TrimSpace(string(out))
	tree := filepath.Join(b.dir, "source-"+commit[:12])
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return "", err
	}
	remove := func() error {
		_, err := b.run(top, "git", "worktree", "remove", "--force", tree)
		return err
	}
	if _, err := os.Stat(tree); err == nil { // of an interrupted run
		if err := remove(); err != nil {
			return "", err
		}
	}
	if _, err := b.run(top, "git", "worktree", "add", "--detach", "--force", tree, commit); err != nil {
		return "", fmt.Errorf("--against: %w", err)
	}
	s.cleanup = append(s.cleanup, remove)
	return filepath.Join(tree, filepath.FromSlash(prefix)), nil
}

// run runs a command of the toolchain or of git in a folder. An error carries
// what it printed.
func (b *builder) run(dir, name string, args ...string) ([]byte, error) {
	ctx := b.ctx
	if name == "git" {
		ctx = context.WithoutCancel(ctx) // short, and the clean-up must be done
	}
	program := name
	if name == "go" && b.goroot != "" {
		program = filepath.Join(b.goroot, "bin", "go")
	}
	c := exec.CommandContext(ctx, program, args...)
	c.Dir = dir
	if b.goroot != "" {
		c.Env = append(os.Environ(), "GOROOT="+b.goroot, "GOTOOLCHAIN=local")
	}
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
