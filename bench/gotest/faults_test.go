package gotest

import (
	"fmt"
	"io"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
)

// moduleOf writes a module of these files, and returns its folder.
func moduleOf(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module example.com/m\n\ngo 1.24\n")
	for name, text := range files {
		write(t, filepath.Join(dir, name), text)
	}
	return dir
}

const quiet = "package p\n\nimport \"testing\"\n\nfunc BenchmarkGood(b *testing.B) {\n\tfor range b.N {\n\t}\n}\n"

// TestProcsRestored: a GOMAXPROCS that a benchmark sets, and restores before it
// returns, is seen: its samples are not labelled with the harness's.
func TestProcsRestored(t *testing.T) {
	dir := moduleOf(t, map[string]string{"p_test.go": `package p

import (
	"runtime"
	"testing"
)

func BenchmarkRestores(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(8))
	b.ResetTimer()
	for range b.N {
	}
}

func BenchmarkKeeps(b *testing.B) {
	var m runtime.MemStats
	for range b.N {
		runtime.ReadMemStats(&m)
	}
}
`})
	o := options(t, dir)
	o.Time = 200 * time.Millisecond
	_, set := sweep(t, o)
	wantSamplesOf(t, set, "Restores", "Keeps")
	for _, s := range set.Samples {
		if restores := s.Name.Base == "Restores"; restores != strings.Contains(s.Invalid, "ran at GOMAXPROCS=8") || !restores && !s.Valid() {
			t.Errorf("%s: %q", s.Name, s.Invalid)
		}
	}
}

// wantSamplesOf fails where a benchmark has no sample: a loop over nothing finds
// nothing wrong.
func wantSamplesOf(t *testing.T, set *sample.Set, benchmarks ...string) {
	t.Helper()
	for _, b := range benchmarks {
		if !slices.ContainsFunc(set.Samples, func(s *sample.Sample) bool { return s.Name.Base == b }) {
			t.Errorf("no sample of %s among %d", b, len(set.Samples))
		}
	}
}

// TestBrokenPackages: packages that do not compile, whose init panics, or whose
// TestMain ends the process do not keep the others from being measured.
func TestBrokenPackages(t *testing.T) {
	main := func(code string) string {
		return "package p\n\nimport (\n\t\"fmt\"\n\t\"os\"\n\t\"testing\"\n)\n\nfunc TestMain(m *testing.M) {\n\tfmt.Println(\"needs a database\")\n\tos.Exit(" + code + ")\n}\n\nfunc BenchmarkT(b *testing.B) {}\n"
	}
	dir := moduleOf(t, map[string]string{
		"good/p_test.go":   quiet,
		"bad/p_test.go":    "package p\n\nimport \"testing\"\n\nfunc BenchmarkB(b *testing.B) { undefined() }\n",
		"syntax/p_test.go": "package p\n\nfunc Benchmark(\n",
		"exit1/p_test.go":  main("1"),
		"exit0/p_test.go":  main("0"),
		"panics/p_test.go": "package p\n\nimport \"testing\"\n\nfunc init() { panic(\"no config\") }\n\nfunc BenchmarkI(b *testing.B) {}\n",
	})
	o := options(t, dir)
	o.Packages = []string{"./good", "./bad", "./syntax", "./exit1", "./exit0", "./panics"}
	s, set := sweep(t, o)
	want := map[string]string{
		"bad": "undefined: undefined", "syntax": "p_test.go", "exit1": "exit status 1", "exit0": "exit status 0, before the benchmarks were run: needs a database", "panics": "no config",
	}
	if len(s.Broken) != len(want) {
		t.Errorf("broken: %+v", s.Broken)
	}
	for _, b := range s.Broken {
		if name := filepath.Base(b.Package); !strings.Contains(b.Reason, want[name]) {
			t.Errorf("%s: %q, want %q in it", b.Package, b.Reason, want[name])
		}
	}
	for _, smp := range set.Samples {
		if smp.Name.Base != "Good" || !smp.Valid() {
			t.Errorf("%s: %s", smp.Name, smp.Invalid)
		}
	}
	if len(set.Samples) != 2 {
		t.Errorf("%d samples, want 2", len(set.Samples))
	}
	o.Packages = []string{"./exit0"}
	facts := host.Read()
	if _, err := Build(t.Context(), o, &facts, t.TempDir(), io.Discard); err == nil || !strings.Contains(err.Error(), "TestMain ended the process") {
		t.Errorf("the only package: %v", err)
	}
}

// TestFoundOnce: a command that continues a run does not run every benchmark once
// again to find them.
func TestFoundOnce(t *testing.T) {
	dir := moduleOf(t, map[string]string{"p_test.go": quiet})
	o := options(t, dir)
	facts := host.Read()
	build := t.TempDir()
	for i, want := range []string{"each runs once", "as found before"} {
		var progress strings.Builder
		s, err := Build(t.Context(), o, &facts, build, &progress)
		if err != nil || len(s.Programs) != 1 || len(s.Programs[0].Benchmarks) != 1 {
			t.Fatal(err)
		}
		if !strings.Contains(progress.String(), want) {
			t.Errorf("command %d: %s", i, progress.String())
		}
	}
	o.Bench = "Goo"
	var progress strings.Builder
	if _, err := Build(t.Context(), o, &facts, build, &progress); err != nil || !strings.Contains(progress.String(), "each runs once") {
		t.Errorf("another pattern: %v\n%s", err, progress.String())
	}
}

// TestLazyInitialisation: what the first call does once is in no window, short or
// not, and a number of its own; a call that is dear each time is said.
func TestLazyInitialisation(t *testing.T) {
	dir := moduleOf(t, map[string]string{"p_test.go": `package p

import (
	"sync"
	"testing"
	"time"
)

var once, dear sync.Once

func BenchmarkLazy(b *testing.B) {
	for range b.N {
		once.Do(func() { time.Sleep(60 * time.Millisecond) })
	}
}

func BenchmarkLazyLoop(b *testing.B) {
	b.ReportMetric(7, "before")
	calls := 0
	for b.Loop() {
		calls++
		once.Do(func() { b.ReportMetric(8, "within"); time.Sleep(60 * time.Millisecond) })
	}
	b.ReportMetric(float64(calls-b.N), "beyond")
}

func BenchmarkLazyDear(b *testing.B) {
	for range b.N {
		dear.Do(func() { time.Sleep(700 * time.Millisecond) })
	}
}

func BenchmarkDear(b *testing.B) {
	for range b.N {
		time.Sleep(30 * time.Millisecond)
	}
}
`})
	o := options(t, dir)
	o.Procs, o.Time = "1", 20*time.Millisecond
	_, set := sweep(t, o)
	wantSamplesOf(t, set, "Lazy", "LazyLoop", "LazyDear", "Dear")
	least := map[string]time.Duration{"Lazy": 60 * time.Millisecond, "LazyLoop": 60 * time.Millisecond, "LazyDear": 700 * time.Millisecond, "Dear": 30 * time.Millisecond}
	for _, s := range set.Samples {
		if first, _ := s.Value("first-ns"); !s.Valid() || first < float64(least[s.Name.Base]) {
			t.Errorf("%s: first call %v, invalid %q", s.Name, time.Duration(first), s.Invalid)
		}
		if s.Name.Base == "Dear" {
			if !strings.Contains(strings.Join(s.Warnings, " "), "few iterations: 1 in the window: a single call takes 3") {
				t.Errorf("%d iterations, warnings %q", s.Iters, s.Warnings)
			}
			continue
		}
		if s.Iters < 1000 {
			t.Errorf("%s: %d iterations of a call that takes nanoseconds", s.Name, s.Iters)
		}
		if s.Name.Base == "LazyLoop" {
			beyond, _ := s.Value("beyond")
			within, _ := s.Value("within")
			if beyond != 1 || within != 8 {
				t.Errorf("%v calls more than iterations, want the first; %v", beyond, s)
			}
		}
	}
}

// TestLost: what head lacks of the base's benchmarks is lost, with the reason;
// what only head has is new.
func TestLost(t *testing.T) {
	source := func(names ...string) string {
		text := "package p\n\nimport \"testing\"\n"
		for _, n := range names {
			name, body, _ := strings.Cut(n, " ")
			text += "\nfunc Benchmark" + name + "(b *testing.B) { " + body + " }\n"
		}
		return text
	}
	dir, _ := repository(t, map[string]string{"p_test.go": source("Stays", "Panics", "Fails", "Skips", "Deleted", "Renamed for range b.N { _ = b.Name() }", "Sized")})
	write(t, filepath.Join(dir, "p_test.go"), source("Stays", "Panics panic(\"broken\")", "Fails b.Fatal(\"no more room\")", "Skips b.Skip(\"not here\")",
		"Anew for range b.N { _ = b.Name() }", "Size b.Log(1)", "Unlike b.Log(2)"))
	o := options(t, dir)
	o.Against = "HEAD"
	facts := host.Read()
	build := func() *Suite {
		t.Helper()
		s, err := Build(t.Context(), o, &facts, t.TempDir(), io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	wantLost := func(s *Suite, want map[string]string, added ...string) {
		t.Helper()
		for _, l := range s.Lost {
			if w, ok := want[l.Name]; !ok || !strings.Contains(l.Reason+"$", w) {
				t.Errorf("lost %s: %q", l.Name, l.Reason)
			}
		}
		if len(s.Lost) != len(want) || !slices.Equal(s.Added, added) {
			t.Errorf("lost %+v, added %v", s.Lost, s.Added)
		}
	}
	want := map[string]string{"BenchmarkPanics": "panic: broken", "BenchmarkFails": "failed: p_test.go:9: no more room", "BenchmarkSkips": "skipped",
		"BenchmarkDeleted": "is not in head: deleted, renamed, or not selected there$",
		"BenchmarkRenamed": "; if it is now BenchmarkAnew, --rename BenchmarkRenamed=BenchmarkAnew compares them$",
		"BenchmarkSized":   "; if it is now BenchmarkSize, --rename BenchmarkSized=BenchmarkSize compares them$"}
	wantLost(build(), want, "BenchmarkAnew", "BenchmarkSize", "BenchmarkUnlike")

	o.Renames = []string{"BenchmarkRenamed=BenchmarkAnew"}
	delete(want, "BenchmarkRenamed")
	s := build()
	wantLost(s, want, "BenchmarkSize", "BenchmarkUnlike")
	plan, err := s.Plan(o, &facts)
	if err != nil {
		t.Fatal(err)
	}
	var runs []string
	for _, c := range plan.Cells {
		if c.Name == "BenchmarkAnew/gomaxprocs=1" {
			runs = append(runs, c.Variant+" "+c.Args[2])
		}
	}
	if !slices.Equal(runs, []string{"base -test.bench=^BenchmarkRenamed$", "head -test.bench=^BenchmarkAnew$"}) {
		t.Error(runs)
	}
	for rename, want := range map[string]string{"BenchmarkNone=BenchmarkAnew": "no benchmark BenchmarkNone in base", "BenchmarkRenamed=BenchmarkNone": "no benchmark BenchmarkNone in head", "Renamed=Anew": "write BenchmarkOld=BenchmarkNew"} {
		o.Renames = []string{rename}
		if _, err := Build(t.Context(), o, &facts, t.TempDir(), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("--rename %s: %v", rename, err)
		}
	}
}

// TestNoBenchmarks: a side without any benchmark is no broken build: all are lost,
// or all are new.
func TestNoBenchmarks(t *testing.T) {
	dir, git := repository(t, map[string]string{"p_test.go": quiet})
	write(t, filepath.Join(dir, "p_test.go"), "package p\n")
	o := options(t, dir)
	o.Against = "HEAD"
	facts := host.Read()
	s, err := Build(t.Context(), o, &facts, t.TempDir(), io.Discard)
	if err != nil || len(s.Lost) != 1 || s.Lost[0].Name != "BenchmarkGood" {
		t.Fatalf("%v %+v", err, s)
	}
	s.Close()
	git("commit", "-qam", "none")
	write(t, filepath.Join(dir, "p_test.go"), quiet)
	if _, err := Build(t.Context(), o, &facts, t.TempDir(), io.Discard); err == nil || !strings.Contains(err.Error(), "base has no benchmark: BenchmarkGood is only in head") {
		t.Error(err)
	}
	write(t, filepath.Join(dir, "p_test.go"), "package p\n")
	if _, err := Build(t.Context(), o, &facts, t.TempDir(), io.Discard); err == nil || !strings.Contains(err.Error(), "no benchmarks") {
		t.Error(err)
	}
}

// TestBenchFrom: the test files, what they embed and the testdata of one side
// measure the code of both, and neither tree is touched.
func TestBenchFrom(t *testing.T) {
	tests := func(name string) string {
		return `package p

import (
	_ "embed"
	"os"
	"testing"
)

//go:embed testdata/` + name + `
var embedded string

func BenchmarkSame(b *testing.B) {
	text, err := os.ReadFile("testdata/` + name + `")
	if err != nil || string(text) != embedded {
		b.Fatal(err, embedded)
	}
	for range b.N {
	}
	b.ReportMetric(float64(value), "value")
	b.ReportMetric(float64(len(embedded)), "input")
}

func Benchmark` + name + `(b *testing.B) {}
`
	}
	dir, _ := repository(t, map[string]string{"p.go": "package p\n\nconst value = 1\n", "p_test.go": tests("base"), "testdata/base": "1", "more_test.go": "package p\n\nconst more = 1\n"})
	for name, text := range map[string]string{"p.go": "package p\n\nconst value = 2\n", "p_test.go": tests("head"), "testdata/head": "22"} {
		write(t, filepath.Join(dir, name), text)
	}
	t.Chdir(dir)
	for from, input := range map[string]float64{"base": 1, "head": 2} {
		o := options(t, dir)
		o.GoFlags = nil // where the command is started
		o.Against, o.BenchFrom, o.Procs, o.Bench = "HEAD", from, "1", "Same"
		s, set := sweep(t, o)
		if len(s.Changed)+len(s.Lost)+len(s.Added) > 0 || len(set.Samples) != 2 {
			t.Errorf("%s: changed %v, lost %v, added %v, %d samples", from, s.Changed, s.Lost, s.Added, len(set.Samples))
		}
		for _, smp := range set.Samples {
			in, _ := smp.Value("input")
			value, _ := smp.Value("value")
			if want := map[string]float64{"base": 1, "head": 2}[smp.Variant]; in != input || value != want {
				t.Errorf("--bench-from %s: %s has input %v and code %v; %s", from, smp.Variant, in, value, smp.Invalid)
			}
		}
	}
	o := options(t, dir)
	o.Against, o.BenchFrom = "HEAD", "head"
	write(t, filepath.Join(dir, "q.go"), "package p\n\nconst added = 1\n")
	write(t, filepath.Join(dir, "more_test.go"), "package p\n\nconst more = added\n")
	facts := host.Read()
	if _, err := Build(t.Context(), o, &facts, t.TempDir(), io.Discard); err == nil || !strings.Contains(err.Error(), "with the test files of head, as --bench-from asks") {
		t.Error(err)
	}
}

// repository is a module of these files, committed, and git in it.
func repository(t *testing.T, files map[string]string) (dir string, git func(args ...string)) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git here")
	}
	dir = moduleOf(t, files)
	git = func(args ...string) {
		t.Helper()
		if out, err := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("init", "-q", "-b", "main", ".")
	git("add", ".")
	git("commit", "-qm", "one")
	return dir, git
}

// TestMergeBase: what the other branch gained since is not held against this one.
func TestMergeBase(t *testing.T) {
	dir, git := repository(t, map[string]string{"p_test.go": quiet})
	git("checkout", "-q", "-b", "fork")
	write(t, filepath.Join(dir, "doc.go"), "// Package p is documented.\npackage p\n")
	git("add", ".")
	git("commit", "-qm", "docs")
	git("checkout", "-q", "main")
	write(t, filepath.Join(dir, "more_test.go"), strings.ReplaceAll(quiet, "Good", "More"))
	git("add", ".")
	git("commit", "-qm", "more")
	git("checkout", "-q", "fork")
	facts := host.Read()
	for against, want := range map[string]struct {
		lost int
		says string
	}{
		"main": {0, "main has gained 1 commit since this branch began"}, "main...": {0, "1 commit"}, "main...HEAD": {0, "1 commit"},
		"=main": {1, ""}, "HEAD~1": {0, ""},
	} {
		o := options(t, dir)
		o.Against = against
		var progress strings.Builder
		s, err := Build(t.Context(), o, &facts, t.TempDir(), &progress)
		if err != nil {
			t.Fatal(against, err)
		}
		if len(s.Lost) != want.lost || !strings.Contains(progress.String(), want.says) || want.says == "" && strings.Contains(progress.String(), "gained") {
			t.Errorf("%s: lost %v\n%s", against, s.Lost, progress.String())
		}
		s.Close()
	}
	o := options(t, dir)
	o.Against = "main...other"
	if _, err := Build(t.Context(), o, &facts, t.TempDir(), io.Discard); err == nil || !strings.Contains(err.Error(), "--head other: no such revision") {
		t.Errorf("main...other: %v", err)
	}
}

// TestPackagesOnOneSide: a second package in head does not hide the first.
func TestPackagesOnOneSide(t *testing.T) {
	dir, _ := repository(t, map[string]string{"p_test.go": quiet})
	write(t, filepath.Join(dir, "sub", "s_test.go"), quiet)
	o := options(t, dir)
	o.Packages, o.Against = []string{"./..."}, "HEAD"
	facts := host.Read()
	s, err := Build(t.Context(), o, &facts, t.TempDir(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	plan, err := s.Plan(o, &facts)
	if err != nil || len(plan.Cells) != 2*2 || len(s.Lost) != 0 || len(s.Added) != 1 {
		t.Errorf("%v, %d cells, lost %v, added %v", err, len(plan.Cells), s.Lost, s.Added)
	}
}

// TestOverlayOfUser: an overlay of the user's own, which names files of the working
// tree, holds for the other side's files too: each side has its own version of what
// is laid over.
func TestOverlayOfUser(t *testing.T) {
	dir, git := repository(t, map[string]string{
		"p.go":       "package p\n\nconst value = 100\n",
		"other.go.x": "package p\n\nconst value = 1\n",
		"p_test.go":  "package p\n\nimport \"testing\"\n\nfunc BenchmarkValue(b *testing.B) {\n\tfor i := 0; i < b.N; i++ {\n\t}\n\tb.ReportMetric(value, \"value\")\n}\n",
	})
	write(t, filepath.Join(dir, "other.go.x"), "package p\n\nconst value = 2\n")
	git("commit", "-qam", "two")
	for name, path := range map[string]string{"absolute": dir + string(filepath.Separator), "relative": ""} {
		overlay := filepath.Join(dir, name+".json")
		write(t, overlay, fmt.Sprintf(`{"Replace": {%q: %q}}`, path+"p.go", path+"other.go.x"))
		o := options(t, dir, "-overlay", overlay)
		o.Against, o.Count, o.Procs = "HEAD~1", 1, "1"
		_, set := sweep(t, o)
		got := map[string]float64{}
		for _, s := range set.Samples {
			got[s.Variant], _ = s.Value("value")
		}
		if want := map[string]float64{"base": 1, "head": 2}; !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}
