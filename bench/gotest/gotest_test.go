package gotest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/traces/account"
)

// module unpacks a text archive into a new folder.
func module(t *testing.T, name string) string {
	t.Helper()
	a, err := txtar.ParseFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range a.Files {
		write(t, filepath.Join(dir, f.Name), string(f.Data))
	}
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// options measure the module in dir as shortly as it goes.
func options(t *testing.T, dir string, flags ...string) *Options {
	t.Helper()
	o := &Options{Packages: []string{"."}, Bench: ".", GoFlags: append([]string{"-C", dir}, flags...)}
	o.SweepOptions = bench.SweepOptions{
		Procs: "1,2", Time: 2 * time.Millisecond, Count: 1, Seed: 1, Out: filepath.Join(t.TempDir(), "run"),
		Affinity: "none", Trace: "none", TraceBlocks: 1,
	}
	return o
}

// sweep builds, measures and loads.
func sweep(t *testing.T, o *Options) (*Suite, *sample.Set) {
	t.Helper()
	facts := host.Read()
	s, err := Build(t.Context(), o, &facts, filepath.Join(o.Out, "build"), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	plan, err := s.Plan(o, &facts)
	if err != nil {
		t.Fatal(err)
	}
	for i := range plan.Cells {
		plan.Cells[i].Bound = 20 * time.Second
		if strings.Contains(plan.Cells[i].Name, "Hangs") {
			plan.Cells[i].Bound = 2 * time.Second
		}
	}
	opt := o.Options(&facts)
	if err := s.Prepare(&opt); err != nil {
		t.Fatal(err)
	}
	if _, err := bench.Run(t.Context(), plan, opt); err != nil {
		t.Fatal(err)
	}
	set, err := sample.Load(o.Out)
	if err != nil || len(set.Notes) > 0 {
		t.Fatal(err, set.Notes)
	}
	return s, set
}

// oddGood are the benchmarks of testdata/odd.txtar that must give a sample at
// each GOMAXPROCS.
var oddGood = []string{
	"N", "Loop", "Parallel", "Metrics", "HidesTime", "Noisy", "Silent", "StopsTimer", "ReadsTestdata", "Short", "SubFails/good",
	"Sub/size-100", "Sub/a/b", "Sub/with_space", "Sub/x=1/y=a|b", "Sub/(re).*[meta]+^$", "Sub/ünïcode", `Sub/back\slash`, "Sub/same", "Sub/same#01", "Sub/#00",
}

// oddBad are the others, with why they give none: in the listing of the absent,
// or in the invalid samples.
var oddAbsent = map[string]string{
	"Fails":                "failed: bad_test.go:11: nothing works",
	"Skips":                "skipped: bad_test.go:19: no such hardware",
	"SubFails/bad":         "failed: bad_test.go:26: a bad one",
	"Panics":               "panic: at once",
	"PanicsInGoroutine":    "panic: elsewhere",
	"Exits":                "unexpected call to os.Exit(0)",
	"Keyed/gomaxprocs=1/x": "has a key gomaxprocs of its own",
	"LoopBreaks":           "returned without B.Loop() == false",
}

var oddInvalid = map[string]string{
	"FailsLater":       "failed: bad_test.go:15: at N above 1",
	"PanicsLater":      "panic: assignment to entry in nil map",
	"ExitsLater":       "no more room",
	"HangsLater":       "no result after 2s",
	"SetsProcs":        "ran at GOMAXPROCS=3 instead of",
	"NamedByP/procs:2": "no such benchmark at GOMAXPROCS=1",
}

// TestOdd: every benchmark gives a sample at each GOMAXPROCS or the reason why
// not.
func TestOdd(t *testing.T) {
	_, set := sweep(t, options(t, module(t, "odd.txtar"), "-short"))
	byName := map[string]*sample.Sample{}
	for _, s := range set.Samples {
		byName[s.Name.String()] = s
	}
	for _, name := range oddGood {
		for procs := 1; procs <= 2; procs++ {
			full := fmt.Sprintf("Benchmark%s/gomaxprocs=%d", name, procs)
			s := byName[full]
			switch {
			case s == nil:
				t.Errorf("%s: no sample", full)
			case !s.Valid():
				t.Errorf("%s: invalid: %s", full, s.Invalid)
			}
			delete(byName, full)
			if s != nil && s.Valid() {
				checkOdd(t, name, procs, s)
			}
		}
	}
	for name, want := range oddInvalid {
		for procs := 1; procs <= 2; procs++ {
			full := fmt.Sprintf("Benchmark%s/gomaxprocs=%d", name, procs)
			s := byName[full]
			delete(byName, full)
			switch {
			case s == nil:
				t.Errorf("%s: neither sample nor reason", full)
			case name == "NamedByP/procs:2" && procs == 2:
				if !s.Valid() {
					t.Errorf("%s: invalid: %s", full, s.Invalid)
				}
			case !strings.Contains(s.Invalid, want):
				t.Errorf("%s: reason %q, want %q", full, s.Invalid, want)
			}
		}
	}
	for name := range byName {
		t.Errorf("%s: not expected", name)
	}
	absent := map[string]string{}
	for _, r := range set.Records {
		if r.Verb == "absent" {
			absent[strings.TrimPrefix(r.Get("name"), "Benchmark")] = r.Get("reason")
		}
	}
	for name, want := range oddAbsent {
		if got := absent[name]; !strings.Contains(got, want) {
			t.Errorf("absent %s: reason %q, want %q", name, got, want)
		}
		delete(absent, name)
	}
	if len(absent) > 0 {
		t.Errorf("also absent: %v", absent)
	}
}

// checkOdd holds a sample against what its benchmark does.
func checkOdd(t *testing.T, name string, procs int, s *sample.Sample) {
	value := func(unit string) float64 {
		v, ok := s.Value(unit)
		if !ok {
			t.Errorf("%s: no %s in %v", s.Name, unit, s.Values)
		}
		return v
	}
	switch name {
	case "N", "Loop", "Parallel":
		if p := value("P"); int(p) != procs || s.Name.Procs() != procs {
			t.Errorf("%s: labelled %d, ran at %v", s.Name, procs, p)
		}
		for _, unit := range []string{"ns/op", "ops/s", "cpu-ns/op", "cpu-unused", "ctxsw/op", "allocs/op"} {
			value(unit)
		}
	case "Metrics":
		if value("hits/get") != 12.5 || value("cpu-ns/op") != 7 || value("MB/s") <= 0 || value("B/op") < 100 {
			t.Errorf("%s: %v", s.Name, s.Values)
		}
		if len(s.Warnings) == 0 || !strings.Contains(strings.Join(s.Warnings, " "), "NaN") {
			t.Errorf("%s: NaN is not said: %v", s.Name, s.Warnings)
		}
	case "HidesTime":
		if _, ok := s.Value("ns/op"); ok || value("rounds") != 3 {
			t.Errorf("%s: %v", s.Name, s.Values)
		}
	}
}

// TestWindow: CPU time is that of the timed window, as the benchmark reads it
// there itself: neither the set-up's nor that of rounds that look for N. On a busy host
// the switches between the two readings weigh some percent; scripts/test-accounting.sh
// holds the ratio to 2% on a quiet one.
func TestWindow(t *testing.T) {
	o := options(t, module(t, "window.txtar"))
	o.Time = 100 * time.Millisecond
	_, set := sweep(t, o)
	if len(set.Samples) != 8 {
		t.Errorf("%d samples, want 4 benchmarks at 2 values", len(set.Samples))
	}
	for _, s := range set.Samples {
		ours, _ := s.Value("cpu-ns/op")
		hand, _ := s.Value("hand-ns/op")
		t.Logf("%s: %.6g by hand, ratio %.4f", s.Name, hand, ours/hand)
		if !s.Valid() || !(math.Abs(ours/hand-1) <= 0.1) {
			t.Errorf("%s: %g cpu-ns/op, %g by hand (%s)", s.Name, ours, hand, s.Invalid)
		}
	}
}

// TestPlain: without our testing package the samples are there too, and the
// CPU time says what it is.
func TestPlain(t *testing.T) {
	o := options(t, module(t, "odd.txtar"), "-short")
	o.Plain, o.Bench = true, "^Benchmark(N|Loop|Metrics|Noisy|Fails|FailsLater|Skips)$|Sub/size"
	_, set := sweep(t, o)
	var valid []string
	for _, s := range set.Samples {
		if s.Name.Base == "FailsLater" {
			if !strings.Contains(s.Invalid, "failed: bad_test.go:15: at N above 1") {
				t.Errorf("%s: %q", s.Name, s.Invalid)
			}
			continue
		}
		if !s.Valid() {
			t.Errorf("%s: invalid: %s", s.Name, s.Invalid)
			continue
		}
		valid = append(valid, s.Name.String())
		if v, ok := s.Value(UnitProcess); !ok || v <= 0 {
			t.Errorf("%s: %s is %v", s.Name, UnitProcess, v)
		}
		if _, ok := s.Value("cpu-ns/op"); ok && s.Name.Base != "Metrics" {
			t.Errorf("%s claims the CPU time of the timed window", s.Name)
		}
	}
	slices.Sort(valid)
	want := "BenchmarkLoop/gomaxprocs=1 BenchmarkLoop/gomaxprocs=2 BenchmarkMetrics/gomaxprocs=1 BenchmarkMetrics/gomaxprocs=2 " +
		"BenchmarkN/gomaxprocs=1 BenchmarkN/gomaxprocs=2 BenchmarkSub/size-100/gomaxprocs=1 BenchmarkSub/size-100/gomaxprocs=2"
	got := strings.Join(slices.DeleteFunc(valid, func(s string) bool { return strings.Contains(s, "Noisy") }), " ")
	if got != want {
		t.Errorf("samples:\n%s\nwant\n%s", got, want)
	}
}

// TestLoopLabel shows b.Loop beside `go test -cpu`: the toolchain labels a
// benchmark with one GOMAXPROCS that ran at another; ours is right.
func TestLoopLabel(t *testing.T) {
	dir := module(t, "odd.txtar")
	c := exec.Command("go", "test", "-run=^$", "-bench=^BenchmarkLoop$", "-benchtime=2ms", "-cpu=1,2,4", "-short", ".")
	c.Dir = dir
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("go test -cpu=1,2,4 (P is the GOMAXPROCS that the benchmark saw):\n%s", out)
	o := options(t, dir, "-short")
	o.Procs, o.Bench = "1,2,4", "^BenchmarkLoop$"
	_, set := sweep(t, o)
	if len(set.Samples) != 3 {
		t.Errorf("%d samples", len(set.Samples))
	}
	for _, s := range set.Samples {
		p, _ := s.Value("P")
		t.Logf("contend: %s saw P=%v", s.Name, p)
		if !s.Valid() || int(p) != s.Name.Procs() {
			t.Errorf("%s saw P=%v (%s)", s.Name, p, s.Invalid)
		}
	}
}

// TestTrace: traced cells leave a trace each, whose marks show the timed
// windows.
func TestTrace(t *testing.T) {
	o := options(t, module(t, "odd.txtar"), "-short")
	o.Bench, o.Trace = "^Benchmark(Parallel|FailsLater)$", "cells"
	_, set := sweep(t, o)
	traced := 0
	for _, s := range set.Samples {
		probe, _ := s.Name.Get("probe")
		i := slices.IndexFunc(s.Attachments, func(a sample.Attachment) bool { return a.Kind == "trace" })
		if (probe == "trace") != (i >= 0) {
			t.Fatalf("%s: %v", s.Name, s.Attachments)
		}
		if i < 0 {
			continue
		}
		a := s.Attachments[i]
		if !s.Valid() { // the trace of what went wrong, up to there
			if !strings.HasSuffix(a.Path, bench.Partial) {
				t.Errorf("%s: %s", s.Name, a.Path)
			}
			continue
		}
		traced++
		text, err := os.ReadFile(filepath.Join(o.Out, filepath.FromSlash(a.Path)))
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != a.SHA256 {
			t.Errorf("%s: another file than its sum says", a.Path)
		}
		if !bytes.HasPrefix(text, []byte("go 1.")) || !bytes.Contains(text, []byte(fmt.Sprintf("begin N=%d", s.Iters))) {
			t.Errorf("%s: no trace of a timed window of %d iterations", a.Path, s.Iters)
		}
	}
	if traced != 2 {
		t.Errorf("%d traced samples, want 2", traced)
	}
	left, err := filepath.Glob(filepath.Join(o.Out, "traces", "*"))
	if err != nil || len(left) != 2*4 {
		t.Errorf("%v %v: want two traces, and two that broke off, with a mutex profile each", left, err)
	}
}

// TestTraceSamples: the traces have CPU samples of the timed window.
func TestTraceSamples(t *testing.T) {
	dir := moduleOf(t, map[string]string{"p_test.go": `package p

import (
	"syscall"
	"testing"
)

func used() int64 {
	var r syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return r.Utime.Nano() + r.Stime.Nano()
}

func burn() {
	for from := used(); used() < from+200_000_000; {
	}
}

func BenchmarkBurn(b *testing.B) {
	for range b.N {
		burn()
	}
}
`})
	o := options(t, dir)
	o.Procs, o.Trace = "1", "cells"
	_, set := sweep(t, o)
	for _, s := range set.Samples {
		if probe, _ := s.Name.Get("probe"); probe != "trace" {
			continue
		}
		trace, err := os.ReadFile(filepath.Join(o.Out, filepath.FromSlash(s.Attachments[0].Path)))
		if err != nil {
			t.Fatal(err)
		}
		a, err := account.Read(bytes.NewReader(trace), int64(len(trace)), account.Options{Windows: account.WindowSpec{Mode: account.Marks}})
		if err != nil {
			t.Fatal(err)
		}
		in := 0
		for i := range a.Windows {
			for _, c := range a.Windows[i].CPU {
				for _, x := range c.Stacks {
					if slices.ContainsFunc(x.Stack, func(f account.Frame) bool { return strings.HasSuffix(f.Func, ".burn") }) {
						in += int(x.Count)
					}
				}
			}
		}
		if in < 10 { // of 200 ms of CPU time, at no fewer than 100 a second
			t.Errorf("%d CPU samples of the timed windows", in)
		}
		return
	}
	t.Error("nothing was traced")
}

// TestAgainst: two revisions in one run, each with its own code, in the same
// blocks; what only one of them has is said.
func TestAgainst(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git here")
	}
	dir := t.TempDir()
	git := func(args ...string) {
		c := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	text := func(more string) string {
		return "package p\n\nimport \"testing\"\n\nfunc BenchmarkValue(b *testing.B) {\n\tfor i := 0; i < b.N; i++ {\n\t}\n\tb.ReportMetric(value, \"value\")\n}\n" + more
	}
	write(t, filepath.Join(dir, "go.mod"), "module example.com/p\n\ngo 1.24\n")
	write(t, filepath.Join(dir, "sub", "p.go"), "package p\n\nconst value = 1\n")
	write(t, filepath.Join(dir, "sub", "p_test.go"), text("\nfunc BenchmarkOld(b *testing.B) {}\n"))
	git("init", "-q")
	git("add", ".")
	git("commit", "-qm", "old")
	write(t, filepath.Join(dir, "sub", "p.go"), "package p\n\nconst value = 2\n")
	write(t, filepath.Join(dir, "sub", "p_test.go"), text("\nfunc BenchmarkNew(b *testing.B) {}\n"))

	o := options(t, filepath.Join(dir, "sub"))
	o.Against, o.Count, o.Procs = "HEAD", 2, "1"
	_, set := sweep(t, o)
	got := map[string]int{}
	for _, s := range set.Samples {
		v, _ := s.Value("value")
		got[fmt.Sprintf("%s %s %v %s", s.Name, s.Variant, v, s.Invalid)]++
	}
	if want := map[string]int{"BenchmarkValue/gomaxprocs=1 base 1 ": 2, "BenchmarkValue/gomaxprocs=1 head 2 ": 2}; !maps.Equal(got, want) {
		t.Errorf("samples: %v, want %v", got, want)
	}
	absent := map[string]string{}
	for _, r := range set.Records {
		if r.Verb == "absent" {
			absent[r.Get("name")] = r.Get("reason")
		}
	}
	if !strings.HasPrefix(absent["BenchmarkOld"], "is not in head") || !strings.HasPrefix(absent["BenchmarkNew"], "only in head") {
		t.Error(absent)
	}
	if out, _ := exec.Command("git", "-C", dir, "worktree", "list").Output(); bytes.Count(out, []byte("\n")) != 1 {
		t.Errorf("a worktree is left behind:\n%s", out)
	}
	o.Against = "nosuch"
	facts := host.Read()
	if _, err := Build(t.Context(), o, &facts, t.TempDir(), io.Discard); err == nil || !strings.Contains(err.Error(), "--against nosuch: no such revision") {
		t.Error(err)
	}
}

// TestPack: a packed suite measures elsewhere, with its testdata, as the one
// that it was packed from.
func TestPack(t *testing.T) {
	o := options(t, module(t, "odd.txtar"), "-short")
	o.Bench = "^Benchmark(ReadsTestdata|Fails)$"
	facts := host.Read()
	s, err := Build(t.Context(), o, &facts, t.TempDir(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	text, files, err := s.Pack([]string{"go.mod"})
	if err != nil {
		t.Fatal(err)
	}
	there := t.TempDir()
	write(t, filepath.Join(there, SuiteFile), string(text))
	for name, from := range files {
		to := filepath.Join(there, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("cp", "-r", from, to).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	packed, err := Load(filepath.Join(there, SuiteFile))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := packed.Plan(o, &facts)
	if err != nil || len(plan.Cells) != 2 || len(plan.Records) != 2 || !strings.HasPrefix(plan.Cells[0].Dir, there) {
		t.Fatalf("%+v %v", plan, err)
	}
	opt := o.Options(&facts)
	if err := packed.Prepare(&opt); err != nil {
		t.Fatal(err)
	}
	sum, err := bench.Run(t.Context(), plan, opt)
	if err != nil || sum.Measured != 2 || len(sum.Invalid) > 0 {
		t.Errorf("%+v %v", sum, err)
	}
	for _, bad := range []string{"../up", "/etc/passwd", "nothing"} {
		if _, _, err := s.Pack([]string{bad}); err == nil || !strings.Contains(err.Error(), "--include") {
			t.Errorf("--include %s: %v", bad, err)
		}
	}
	if _, err := Load(filepath.Join(there, "source", "go.mod")); err == nil || !strings.Contains(err.Error(), "no packed suite") {
		t.Error(err)
	}
}
