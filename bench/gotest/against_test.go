package gotest

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/contend-go/contend/bench/host"
)

// TestFork: the base is where the branch began, not what its main has gained
// since; a benchmark whose helper or testdata was changed is not compared, one that
// stands beside it is; and a second package with benchmarks on one side does not
// make the names of the first differ.
func TestFork(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git here")
	}
	const tests = `package p

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func size() int { return 1000 }

func BenchmarkStays(b *testing.B) {}

func BenchmarkHelped(b *testing.B) { _ = size() }

func BenchmarkReads(b *testing.B) {
	if _, err := os.ReadFile("testdata/input"); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkReadsOther(b *testing.B) { _ = filepath.Join("data", "n.txt") }

func BenchmarkReadsSome(b *testing.B) { _ = fmt.Sprintf("data/%d.txt", 1) }

func BenchmarkWrites(b *testing.B) { _ = "data/left.out" }
`
	dir := moduleOf(t, map[string]string{"p.go": "package p\n", "p_test.go": tests, "testdata/input": "a", "data/n.txt": "1", "data/doc.go": "package data\n"})
	git := func(args ...string) {
		t.Helper()
		all := append([]string{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)
		if out, err := exec.Command("git", all...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("init", "-q", "-b", "main", ".")
	git("add", ".")
	git("commit", "-qm", "one")
	git("checkout", "-qb", "branch")
	git("checkout", "-q", "main")
	write(t, filepath.Join(dir, "p.go"), "package p\n\nconst Gained = true\n")
	git("commit", "-qam", "what main gains")
	git("checkout", "-q", "branch")
	write(t, filepath.Join(dir, "p_test.go"), strings.Replace(tests, "1000", "30000", 1))
	write(t, filepath.Join(dir, "testdata/input"), "another")
	write(t, filepath.Join(dir, "data/n.txt"), "2")
	write(t, filepath.Join(dir, "data/left.out"), "by an earlier run")
	write(t, filepath.Join(dir, "data/doc.go"), "package data\n\nconst New = true\n")
	write(t, filepath.Join(dir, "sub/p_test.go"), tests)

	facts := host.Read()
	for _, revision := range []string{"main", "main...", "main...HEAD"} {
		o := options(t, dir)
		o.Packages, o.Against = []string{"./..."}, revision
		s, err := Build(t.Context(), o, &facts, t.TempDir(), io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		var changed []string
		for _, c := range s.Changed {
			changed = append(changed, c.Name)
		}
		if got := strings.Join(changed, " "); got != "BenchmarkHelped BenchmarkReads BenchmarkReadsOther BenchmarkReadsSome" {
			t.Errorf("changed are %q", got)
		}
		for _, p := range s.Programs {
			if text, err := os.ReadFile(filepath.Join(p.Dir, "p.go")); p.Variant == Base && (err != nil || strings.Contains(string(text), "Gained")) {
				t.Errorf("the base holds what main gained: %v\n%s", err, text)
			}
			if p.Key == "p" && (len(p.Benchmarks) != 2 || p.Benchmarks[0].Name != "BenchmarkStays" || p.Benchmarks[1].Name != "BenchmarkWrites") {
				t.Errorf("%s: %+v, absent %+v", p.Variant, p.Benchmarks, p.Absent)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	o := options(t, dir)
	o.Against = "main...other"
	if _, err := Build(t.Context(), o, &facts, t.TempDir(), io.Discard); err == nil || !strings.Contains(err.Error(), "--head other: no such revision") {
		t.Error(err)
	}
}

// TestTrees: the base is built outside of the working tree and of its go.work, and
// finds there what it refers to outside of the repository, submodules, and
// testdata that git ignores. What git ignores of its sources is named with a
// remedy. Nothing is left behind.
func TestTrees(t *testing.T) {
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOCACHE", strings.TrimSpace(string(cache))) // which depends on the next too
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	const uses = `package p

import (
	"os"
	"testing"

	"example.com/dep"
	"example.com/m/sub"
)

func BenchmarkUses(b *testing.B) {
	text, err := os.ReadFile("testdata/large")
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; i < b.N; i++ {
	}
	b.ReportMetric(float64(value*100+dep.Value*10+sub.Value), "values")
	b.ReportMetric(float64(len(text)), "bytes")
}
`
	outside := t.TempDir()
	at := func(names ...string) string { return filepath.Join(append([]string{outside}, names...)...) }
	git := func(dir string, args ...string) {
		t.Helper()
		all := append([]string{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "protocol.file.allow=always"}, args...)
		if out, err := exec.Command("git", all...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	commit := func(dir string) {
		t.Helper()
		git(dir, "init", "-q", "-b", "main", ".")
		git(dir, "add", ".")
		git(dir, "commit", "-qm", "one")
	}
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git here")
	}
	write(t, at("dep", "go.mod"), "module example.com/dep\n\ngo 1.24\n")
	write(t, at("dep", "d.go"), "package dep\n\nconst Value = 3\n")
	write(t, at("sub", "s.go"), "package sub\n\nconst Value = 5\n")
	commit(at("sub"))
	dir := at("m")
	write(t, filepath.Join(dir, "go.mod"), "module example.com/m\n\ngo 1.24\n\nrequire example.com/dep v0.0.0\n\nreplace example.com/dep => ../dep\n")
	write(t, filepath.Join(dir, ".gitignore"), "go.work\nlarge\nmade.go\n")
	write(t, filepath.Join(dir, "p.go"), "package p\n\nconst value = 1\n")
	write(t, filepath.Join(dir, "p_test.go"), uses)
	commit(dir)
	git(dir, "submodule", "--quiet", "add", at("sub"), "sub")
	git(dir, "commit", "-qam", "submodule")
	write(t, filepath.Join(dir, "testdata", "large"), "four")
	write(t, filepath.Join(dir, "p.go"), "package p\n\nconst value = 2\n")

	check := func(o *Options) {
		t.Helper()
		o.Against, o.Procs = "HEAD", "1"
		s, set := sweep(t, o)
		got := map[string]float64{}
		for _, smp := range set.Samples {
			got[smp.Variant], _ = smp.Value("values")
			if n, _ := smp.Value("bytes"); n != 4 || !smp.Valid() {
				t.Errorf("%s: %v bytes, %s", smp.Variant, n, smp.Invalid)
			}
		}
		if got["base"] != 135 || got["head"] != 235 || len(s.Lost) > 0 {
			t.Errorf("%v, lost %v", got, s.Lost)
		}
	}
	check(options(t, dir))
	// A go.work that git ignores governs the working tree, and moves along.
	write(t, filepath.Join(dir, "later", "go.mod"), "module example.com/later\n\ngo 1.24\n")
	write(t, filepath.Join(dir, "go.work"), "go 1.24\n\nuse (\n\t.\n\t../dep\n\t./later\n)\n")
	check(options(t, dir))

	// A generated source that git ignores.
	git(dir, "rm", "-q", "--cached", "p.go")
	if err := os.Rename(filepath.Join(dir, "p.go"), filepath.Join(dir, "made.go")); err != nil {
		t.Fatal(err)
	}
	git(dir, "commit", "-qam", "generated")
	o := options(t, dir)
	o.Against = "HEAD"
	facts := host.Read()
	if _, err := Build(t.Context(), o, &facts, t.TempDir(), io.Discard); err == nil || !strings.Contains(err.Error(), "git ignores made.go, which is not in it: --setup") {
		t.Error(err)
	}
	o = options(t, dir)
	o.Setup = "echo 'package p\n\nconst value = 1' >made.go"
	check(o)

	for command, want := range map[string]string{"worktree list": dir, "status --short --untracked-files=all": "later/go.mod"} {
		out, err := exec.Command("git", append([]string{"-C", dir}, strings.Fields(command)...)...).Output()
		if err != nil || strings.Count(string(out), "\n") != 1 || !strings.Contains(string(out), want) {
			t.Errorf("git %s: %v\n%s", command, err, out)
		}
	}
	// What a killed run left goes after a week.
	killed, young := filepath.Join(os.Getenv("XDG_CACHE_HOME"), "contend", "trees", "killed"), filepath.Join(os.Getenv("XDG_CACHE_HOME"), "contend", "trees", "young")
	for dir, age := range map[string]time.Duration{killed: 8 * 24 * time.Hour, young: time.Hour} {
		write(t, filepath.Join(dir, "go.mod"), "module m\n")
		if err := os.Chtimes(dir, time.Now(), time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	sweepTrees(filepath.Dir(killed))
	if err := os.Remove(filepath.Join(young, "go.mod")); err != nil { // it is still there
		t.Fatal(err)
	}
	os.Remove(young)
	left, err := filepath.Glob(filepath.Join(os.Getenv("XDG_CACHE_HOME"), "contend", "trees", "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("%v %v", left, err)
	}
}

// TestHead: a revision is measured without being checked out.
func TestHead(t *testing.T) {
	source := func(value string) string { return "package p\n\nconst value = " + value + "\n" }
	dir, git := repository(t, map[string]string{"p.go": source("1"), "p_test.go": strings.Replace(quiet, "for range b.N {", "b.ReportMetric(value, \"value\")\n\tfor range b.N {", 1)})
	git("checkout", "-qb", "branch")
	write(t, filepath.Join(dir, "p.go"), source("2"))
	git("commit", "-qam", "two")
	git("checkout", "-q", "main")
	write(t, filepath.Join(dir, "p.go"), source("3")) // not committed, and not to be measured
	for against, head := range map[string]string{"main": "branch", "main...branch": ""} {
		o := options(t, dir)
		o.Procs, o.Against, o.Head = "1", against, head
		s, set := sweep(t, o)
		got := map[string]float64{}
		for _, smp := range set.Samples {
			got[smp.Variant], _ = smp.Value("value")
		}
		if got["base"] != 1 || got["head"] != 2 || s.Head != "branch" {
			t.Errorf("--against %s --head %s: %v, head %q", against, head, got, s.Head)
		}
	}
}

// TestIncompleteClones: where a clone lacks what is compared with, one line says what
// it is and which command brings it, and git's own lines are not shown.
func TestIncompleteClones(t *testing.T) {
	dir, git := repository(t, map[string]string{"p_test.go": quiet, "p.go": "package p\n"})
	write(t, filepath.Join(dir, "p.go"), "package p // changed\n")
	for _, name := range []string{"a", "b"} {
		git("commit", "-q", "-a", "--allow-empty", "-m", name)
	}
	git("checkout", "-qb", "branch")
	write(t, filepath.Join(dir, "p.go"), "package p // once more\n")
	git("commit", "-q", "-a", "-m", "branch")
	git("checkout", "-q", "main")
	git("commit", "-q", "--allow-empty", "-m", "gained")
	git("config", "uploadpack.allowFilter", "true")
	parent := t.TempDir()
	clone := func(name, args string) string {
		to := filepath.Join(parent, name)
		all := append(append([]string{"clone", "-q", "--branch", "branch"}, strings.Fields(args)...), "file://"+dir, to)
		if out, err := exec.Command("git", all...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return to
	}
	shallow, single := clone("shallow", "--depth 1 --no-single-branch"), clone("single", "--single-branch")
	partial, treeless := clone("partial", "--filter=blob:none"), clone("treeless", "--filter=tree:0")
	local := clone("local", "")
	one := clone("one", "--depth 1")
	none := moduleOf(t, map[string]string{"p_test.go": quiet})
	if err := os.Rename(dir, dir+".gone"); err != nil { // the remote does not answer
		t.Fatal(err)
	}
	const workflow = "in a workflow, actions/checkout with fetch-depth: 0"
	facts := host.Read()
	for _, c := range []struct {
		in, against string
		want        []string
	}{
		{shallow, "HEAD~1", []string{"--against HEAD~1: no such revision in this shallow clone: git fetch --unshallow; " + workflow}},
		{shallow, "origin/main", []string{"--against origin/main: where this branch began is not in this shallow clone: git fetch --unshallow brings it; " + workflow}},
		{one, "origin/main", []string{"shallow clone: git fetch --unshallow origin main:refs/remotes/origin/main brings origin/main, if there is one; " + workflow}},
		{single, "main", []string{"no such revision in this clone: git fetch origin main:refs/remotes/origin/main brings origin/main"}},
		{single, "0123456789", []string{"no such revision in this clone: git fetch"}},
		{local, "main", []string{"no such revision in this clone; origin/main is one"}},
		{partial, "HEAD~1", []string{"HEAD~1: this partial clone lacks files of the revision", "does not appear to be a git repository", "git fetch --refetch --no-filter"}},
		{partial, "=origin/main", []string{"=origin/main: this partial clone lacks files"}},
		{treeless, "HEAD~1", []string{"--against HEAD~1: this partial clone lacks files"}},
		{none, "main", []string{"--against main: no other revision without a git repository"}},
	} {
		o := options(t, c.in)
		o.Against = c.against
		_, err := Build(t.Context(), o, &facts, t.TempDir(), io.Discard)
		if err == nil || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "fatal") {
			t.Errorf("%s --against %s: not one clear line: %v", filepath.Base(c.in), c.against, err)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s --against %s: %v, want %q", filepath.Base(c.in), c.against, err, want)
			}
		}
	}
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	t.Setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1") // as in a container
	o := options(t, local)
	o.Against = "HEAD~1"
	if _, err := Build(t.Context(), o, &facts, t.TempDir(), io.Discard); err == nil || !strings.Contains(err.Error(), "git config --global --add safe.directory "+local+" allows it") {
		t.Error(err)
	}
}

// TestBaseDoesNotCompile: the remedy for a base that is too old is named.
func TestBaseDoesNotCompile(t *testing.T) {
	dir, _ := repository(t, map[string]string{"p.go": "package p\n\nvar x = gone\n", "p_test.go": quiet})
	write(t, filepath.Join(dir, "p.go"), "package p\n")
	o := options(t, dir)
	o.Against = "HEAD"
	facts := host.Read()
	if _, err := Build(t.Context(), o, &facts, t.TempDir(), io.Discard); err == nil || !strings.Contains(err.Error(), "undefined: gone") || !strings.Contains(err.Error(), "GOTOOLCHAIN=") {
		t.Error(err)
	}
}
