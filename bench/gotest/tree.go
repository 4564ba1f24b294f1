package gotest

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// revisions are the commits to compare.
type revisions struct {
	base, head string   // head is empty for the working tree
	trailers   []string // of the commits that head has more than base
	gates      []string // see [Suite.Gates]
}

// AllowTrailer begins a line at the end of a commit message that allows something:
// "Contend-Allow: BenchmarkParse reads twice, to be safe".
const AllowTrailer = "Contend-Allow"

// revisions reads --against and --head. The base is the commit where the head left
// the revision's line, so that what the revision gained since is not held against
// it; "=REVISION" is the revision itself, and "A...B" has the head too.
func (b *builder) revisions(from string, o *Options) (at revisions, err error) {
	git := func(args ...string) (string, error) { return b.git(from, nil, args...) }
	answer, err := git("rev-parse", "--is-shallow-repository")
	if err != nil {
		return at, fmt.Errorf("--against %s: %w", o.Against, err)
	}
	shallow := answer == "true"
	commit := func(flag, name string) (string, error) {
		id, err := git("rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}")
		if err != nil {
			return "", fmt.Errorf("%s %s: %w", flag, name, b.noRevision(from, name, shallow))
		}
		return id, nil
	}
	name, exact := strings.CutPrefix(o.Against, "=")
	name, head := sides(name, o.Head)
	if at.base, err = commit("--against", name); err != nil {
		return at, err
	}
	tip := "HEAD"
	if head != "" {
		if at.head, err = commit("--head", head); err != nil {
			return at, err
		}
		tip = at.head
	}
	defer func() { // whatever the way to the base was
		if err == nil {
			at.trailers, err = trailers(git, at.base, tip)
		}
		if err == nil {
			at.gates, err = gates(git, at.base, at.head)
		}
		if err != nil {
			err = fmt.Errorf("--against %s: %w", o.Against, err)
		}
	}()
	if exact {
		return at, nil
	}
	fork, err := git("merge-base", at.base, tip)
	switch {
	case err != nil && shallow:
		return at, fmt.Errorf("where this branch began is not in this shallow clone: git fetch --unshallow brings it%s; --against =%s compares with the revision as it is", workflowRemedy(true), name)
	case err != nil || fork == at.base:
		return at, nil // no common history, or a revision of this line
	}
	ahead, _ := git("rev-list", "--count", fork+".."+at.base)
	fmt.Fprintf(b.progress, "%s has gained %s since this branch began: compared with the commit where it did, %.12s; --against =%s compares with it as it is\n", name, commits(ahead), fork, name)
	at.base = fork
	return at, nil
}

// trailers are the allowances in the messages of the commits from base to tip.
func trailers(git func(args ...string) (string, error), base, tip string) (list []string, err error) {
	out, err := git("log", "--format=%(trailers:key="+AllowTrailer+",valueonly,unfold)", base+".."+tip)
	if err != nil {
		return nil, err
	}
	for _, line := range strings.Split(out, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, line)
		}
	}
	return list, nil
}

// GateFile is what a project keeps its gate in.
const GateFile = ".contend.toml"

// gates are the gate's files that differ between base and head, or the working tree.
func gates(git func(args ...string) (string, error), base, head string) (list []string, err error) {
	pattern := ":(top,glob)**/" + GateFile
	args := []string{"diff", "--name-only", base}
	if head != "" {
		args = append(args, head)
	}
	changed, err := git(append(args, "--", pattern)...)
	if err != nil || head != "" {
		return strings.Fields(changed), err
	}
	added, err := git("ls-files", "--others", "--full-name", "--exclude-standard", "--", pattern)
	return append(strings.Fields(changed), strings.Fields(added)...), err
}

// sides reads "A...B", as git has it; B may be left out, and HEAD is the working
// tree.
func sides(against, head string) (string, string) {
	a, b, _ := strings.Cut(against, "...")
	if b != "HEAD" && head == "" {
		head = b
	}
	return a, head
}

func commits(n string) string {
	if n == "1" {
		return "1 commit"
	}
	return n + " commits"
}

// tree is a copy of a revision's files. It lies in a folder root that stands for
// the root of the file system: there, paths that lead out of the repository lead
// where they do in the working tree, by links. No go.work and no module of the
// working tree is above it, and git does not know of it.
type tree struct {
	root, top string // top is the repository's folder in it
	origin    string // the repository's folder
}

// of is where a path of the working tree lies in this one; paths that are not in the
// repository stay. The zero tree is the working tree itself.
func (t tree) of(path string) string {
	if t.origin == "" {
		return path
	}
	below, err := filepath.Rel(t.origin, path)
	if err != nil || !filepath.IsLocal(below) {
		return path
	}
	return filepath.Join(t.top, below)
}

// checkout lays out the files of a commit, and makes them the side's: its folder
// becomes that which corresponds to the one of the working tree. lacks is what could
// not be had, with the remedy.
func (b *builder) checkout(s *Suite, side *side, commit string) (lacks []string, err error) {
	from := side.from
	out, err := b.git(from, nil, "rev-parse", "--show-toplevel", "--show-prefix")
	if err != nil {
		return nil, err
	}
	top, prefix, _ := strings.Cut(out, "\n")
	root, err := treeRoot(b.dir, commit)
	if err != nil {
		return nil, err
	}
	t := tree{root: root, top: filepath.Join(root, strings.TrimPrefix(filepath.FromSlash(top), filepath.VolumeName(top))), origin: filepath.FromSlash(top)}
	if err := os.RemoveAll(root); err != nil { // of an interrupted run
		return nil, err
	}
	s.cleanup = append(s.cleanup, func() error { return os.RemoveAll(root) })
	sweepTrees(filepath.Dir(root))
	if lacks, err = b.extract(t.origin, commit, t.top); err != nil {
		return nil, err
	}
	place := filepath.Join(t.top, filepath.FromSlash(strings.TrimSpace(prefix)))
	if _, err := os.Stat(place); err != nil {
		return nil, fmt.Errorf("the folder %s is not in it", strings.TrimSpace(prefix))
	}
	ignored, err := b.ignored(t)
	if err != nil {
		return nil, err
	}
	lacks = append(lacks, ignored...)
	env, err := b.workspace(t, from, place)
	if err != nil {
		return nil, err
	}
	if b.setup != "" {
		fmt.Fprintf(b.progress, "%.12s: %s\n", commit, b.setup)
		if _, err := b.runWith(place, env, "sh", "-c", b.setup); err != nil {
			return nil, fmt.Errorf("--setup: %w", err)
		}
	}
	side.from, side.env, side.tree = place, env, t
	return lacks, nil
}

// treeRoot is the folder for a run's tree of a commit: the same for the same run
// folder, so that a run that goes on has the same binaries, and another for others.
func treeRoot(run, commit string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	name := fmt.Sprintf("%.12s-%.8x", commit, sha256.Sum256([]byte(run)))
	return filepath.Join(cache, "contend", "trees", name), nil
}

// sweepTrees removes trees of runs that were killed and never continued. What
// cannot be removed stays for the next time.
func sweepTrees(dir string) {
	const old = 7 * 24 * time.Hour
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > old {
			os.RemoveAll(filepath.Join(dir, e.Name()))
		}
	}
}

// extract writes a commit's files into a folder, those of its submodules too. The
// repository does not hear of it: a worktree would stay registered if the process
// is killed.
func (b *builder) extract(repository, commit, dir string) (lacks []string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	index := dir + ".index"
	defer os.Remove(index)
	env := []string{"GIT_INDEX_FILE=" + index}
	if _, err := b.git(repository, env, "read-tree", commit); err != nil {
		return nil, err
	}
	if _, err := b.git(repository, env, "checkout-index", "--all", "--force", "--quiet", "--prefix="+filepath.ToSlash(dir)+"/"); err != nil {
		return nil, err
	}
	out, err := b.git(repository, nil, "ls-tree", "-r", "-z", commit)
	if err != nil {
		return nil, err
	}
	for _, entry := range strings.Split(out, "\x00") {
		info, path, _ := strings.Cut(entry, "\t")
		fields := strings.Fields(info)
		if len(fields) != 3 || fields[0] != "160000" {
			continue
		}
		below, id := filepath.FromSlash(path), fields[2]
		sub := filepath.Join(repository, below)
		if _, err := os.Stat(filepath.Join(sub, ".git")); err != nil {
			lacks = append(lacks, fmt.Sprintf("the submodule %s is not here: git submodule update --init", path))
			continue
		}
		more, err := b.extract(sub, id, filepath.Join(dir, below))
		if err != nil {
			more = []string{fmt.Sprintf("the submodule %s is not here as it was (%.12s): git -C %s fetch; %v", path, id, path, err)}
		}
		lacks = append(lacks, more...)
	}
	return lacks, nil
}

// ignored links testdata that git ignores into the tree, where it is the same for
// every revision. Sources that git ignores, which are generated, may not be: they
// are what the tree lacks.
func (b *builder) ignored(t tree) (lacks []string, err error) {
	out, err := b.git(t.origin, nil, "ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z")
	if err != nil {
		return nil, err
	}
	for _, path := range strings.Split(out, "\x00") {
		path = strings.TrimSuffix(path, "/")
		switch below := filepath.FromSlash(path); {
		case path == "":
		case slices.Contains(strings.Split(path, "/"), "testdata"):
			if err := t.share(below); err != nil {
				return nil, err
			}
		case strings.HasSuffix(path, ".go"):
			lacks = append(lacks, fmt.Sprintf("git ignores %s, which is not in it: --setup 'go generate ./...', or another command, makes what is needed", path))
		}
	}
	return lacks, nil
}

// share puts a file of the working tree, or those below a folder, into the tree:
// under a second name where the file system allows it, as go:embed takes no links.
func (t tree) share(below string) error {
	return filepath.WalkDir(filepath.Join(t.origin, below), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(t.origin, path)
		if err != nil {
			return err
		}
		to := filepath.Join(t.top, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if os.Link(path, to) == nil {
			return nil
		}
		return link(path, to)
	})
}

// link makes path lead to another, unless something is there.
func link(to, path string) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.Symlink(to, path)
}

// in is the path in the tree that corresponds to one of the file system.
func (t tree) in(path string) string {
	return filepath.Join(t.root, strings.TrimPrefix(path, filepath.VolumeName(path)))
}

// provide makes a path of the tree exist, by a link to what is at the same place
// in the file system, if there is something.
func (t tree) provide(path string) error {
	below, err := filepath.Rel(t.root, path)
	if err != nil || !filepath.IsLocal(below) {
		return nil // not in the tree
	}
	origin := filepath.VolumeName(t.origin) + string(filepath.Separator) + below
	if _, err := os.Stat(origin); err != nil {
		return nil // the go command says that it is not there
	}
	return link(origin, path)
}

// goReplace is a replacement, as go mod edit and go work edit print it.
type goReplace struct {
	Old, New struct{ Path, Version string }
}

// goWork is a go.work file.
type goWork struct {
	Go, Toolchain string
	Use           []struct{ DiskPath string }
	Replace       []goReplace
}

// workspace puts the modules that the tree's module refers to by paths where it
// looks for them, and returns what makes the go command use the go.work that
// governs the working tree, or none.
func (b *builder) workspace(t tree, from, place string) (env []string, err error) {
	out, err := b.run(from, "go", "env", "GOWORK")
	if err != nil {
		return nil, err
	}
	work := strings.TrimSpace(string(out))
	if work == "" || work == "off" {
		env = []string{"GOWORK=off"}
		out, err := b.runWith(place, env, "go", "env", "GOMOD")
		if err != nil {
			return nil, err
		}
		return env, b.provideFor(t, strings.TrimSpace(string(out)))
	}
	own := t.in(work)
	if _, err := os.Stat(own); err != nil { // not of the commit: the same, moved
		if err := b.moveWork(t, work, own); err != nil {
			return nil, err
		}
	}
	env = []string{"GOWORK=" + own}
	var w goWork
	if err := b.edit(&w, filepath.Dir(own), "work", own); err != nil {
		return nil, err
	}
	for _, u := range w.Use {
		dir := absolute(filepath.FromSlash(u.DiskPath), filepath.Dir(own))
		if err := t.provide(dir); err != nil {
			return nil, err
		}
		if err := b.provideFor(t, filepath.Join(dir, "go.mod")); err != nil {
			return nil, err
		}
	}
	return env, t.provideAll(w.Replace, filepath.Dir(own))
}

// moveWork copies a go.work, without the modules that the commit does not have.
func (b *builder) moveWork(t tree, work, to string) error {
	var w goWork
	if err := b.edit(&w, filepath.Dir(work), "work", work); err != nil {
		return err
	}
	args := []string{"work", "edit"}
	for _, u := range w.Use {
		dir := absolute(filepath.FromSlash(u.DiskPath), filepath.Dir(work))
		below, err := filepath.Rel(t.origin, dir)
		if err != nil || !filepath.IsLocal(below) {
			continue
		}
		if _, err := os.Stat(filepath.Join(t.top, below, "go.mod")); err != nil {
			args = append(args, "-dropuse="+u.DiskPath)
		}
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	for _, name := range []string{work, work + ".sum"} {
		text, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(t.in(name), text, 0o644); err != nil {
			return err
		}
	}
	if len(args) == 2 {
		return nil
	}
	_, err := b.run(filepath.Dir(to), "go", append(args, to)...)
	return err
}

// edit reads a go.mod or go.work file.
func (b *builder) edit(into any, dir, kind, file string) error {
	out, err := b.run(dir, "go", kind, "edit", "-json", file)
	if err != nil {
		return err
	}
	return json.Unmarshal(out, into)
}

// provideFor provides what a go.mod of the tree replaces by folders.
func (b *builder) provideFor(t tree, mod string) error {
	if _, err := os.Stat(mod); err != nil || mod == os.DevNull {
		return nil // no module: the go command says so
	}
	var m struct{ Replace []goReplace }
	if err := b.edit(&m, filepath.Dir(mod), "mod", mod); err != nil {
		return err
	}
	return t.provideAll(m.Replace, filepath.Dir(mod))
}

// provideAll provides the folders of replacements that stand in a file of dir.
func (t tree) provideAll(list []goReplace, dir string) error {
	for _, r := range list {
		if r.New.Version == "" && r.New.Path != "" {
			if err := t.provide(absolute(filepath.FromSlash(r.New.Path), dir)); err != nil {
				return err
			}
		}
	}
	return nil
}

// remedies are what may help where the base does not compile.
func (b *builder) remedies(lacks []string) string {
	const most = 3
	if len(lacks) > most {
		lacks = append(lacks[:most:most], fmt.Sprintf("and %d more of this kind", len(lacks)-most))
	}
	text := ""
	for _, l := range append(lacks, "where it is too old for this Go, GOTOOLCHAIN=go1.21.13, or another version, builds both sides") {
		text += "\n" + l
	}
	return text
}
