package sample_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/contend-go/contend/bench/sample"
)

func read(t *testing.T, text string) *sample.Set {
	t.Helper()
	set := new(sample.Set)
	must(t, set.Read(strings.NewReader(text), "x.txt"))
	return set
}

func names(set *sample.Set) []string {
	var list []string
	for _, s := range set.Samples {
		list = append(list, s.Name.String())
	}
	return list
}

func TestRename(t *testing.T) {
	for _, tc := range []struct{ pattern, from, to string }{
		{"BenchmarkParallel/{backend}_{gomaxprocs}", "BenchmarkParallel/MutexRead_8-10", "BenchmarkParallel/backend=MutexRead/gomaxprocs=8"},
		{"Parallel/{backend}_{gomaxprocs}", "BenchmarkParallel/Mutex_Read_16", "BenchmarkParallel/backend=Mutex_Read/gomaxprocs=16"},
		{"BenchmarkGet{keys}K/{backend}", "BenchmarkGet64K/ring-4", "BenchmarkGetK/keys=64/backend=ring/gomaxprocs=4"},
		{"BenchmarkCache/p{gomaxprocs}/size=10/plain/{backend}", "BenchmarkCache/p3/size=10/plain/a.b-2", "BenchmarkCache/size=10/plain/backend=a.b/gomaxprocs=3"},
		{"Benchmark{backend}_{gomaxprocs}", "BenchmarkMutex_2-8", "Benchmark/backend=Mutex/gomaxprocs=2"},
		{"BenchmarkA/{x}-{y}", "BenchmarkA/q-7", "BenchmarkA/x=q/y=7"}, // the rule knows better than the -N rule
	} {
		r, err := sample.ParseRule(tc.pattern)
		must(t, err)
		set := read(t, tc.from+" 1 2 ns/op\n")
		if err := set.Rename(r); err != nil || names(set)[0] != tc.to {
			t.Errorf("%s: %s became %s, %v; want %s", tc.pattern, tc.from, names(set)[0], err, tc.to)
		}
	}
	for pattern, want := range map[string]string{
		"BenchmarkX":           "no {key}",
		"BenchmarkX/{a}{b}":    "without anything between",
		"BenchmarkX/{a}_{a}":   "stands twice",
		"BenchmarkX/{}":        "is no key",
		"BenchmarkX/{a b}":     "is no key",
		"BenchmarkX/{a":        "braces",
		"BenchmarkX/}{a}":      "braces",
		"BenchmarkX/{a}/{{b}}": "braces",
	} {
		if _, err := sample.ParseRule(pattern); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", pattern, err, want)
		}
	}
	two := "BenchmarkA/x_1 1 2 ns/op\nBenchmarkB/y 1 2 ns/op\n"
	r, _ := sample.ParseRule("BenchmarkA/{b}_{gomaxprocs}")
	set := read(t, two)
	if err := set.Rename(r); err != nil || len(set.Notes) != 1 || !strings.Contains(set.Notes[0].Text, "1 of 2 names match no --name pattern") {
		t.Error(err, set.Notes)
	}
	r, _ = sample.ParseRule("BenchmarkQ/{b}")
	if err := read(t, two).Rename(r); err == nil || !strings.Contains(err.Error(), "matches none of the 2 names, such as BenchmarkA/x_1, BenchmarkB/y") {
		t.Error(err)
	}
}

// TestSuffixOfOne: `go test -cpu 1,2` prints no suffix at 1.
func TestSuffixOfOne(t *testing.T) {
	set := read(t, "BenchmarkA/k=v 1 2 ns/op\nBenchmarkA/k=v-2 1 2 ns/op\nBenchmarkB 1 2 ns/op\n")
	if diff := cmp.Diff([]string{"BenchmarkA/k=v/gomaxprocs=1", "BenchmarkA/k=v/gomaxprocs=2", "BenchmarkB"}, names(set)); diff != "" {
		t.Error(diff)
	}
	if !set.Samples[0].OneProcess || set.Samples[2].OneProcess {
		t.Error("one process:", set.Samples[0].OneProcess, set.Samples[2].OneProcess)
	}
}

func TestLift(t *testing.T) {
	set := read(t, "cpu: Big CPU/2\nBenchmarkA-4 1 2 ns/op\n")
	must(t, set.Read(strings.NewReader("BenchmarkA-4 1 3 ns/op\n"), "dir/y.txt"))
	must(t, set.Lift("cpu", "file"))
	if diff := cmp.Diff([]string{"BenchmarkA/cpu=Big_CPU_2/file=x/gomaxprocs=4", "BenchmarkA/file=y/gomaxprocs=4"}, names(set)); diff != "" {
		t.Error(diff)
	}
	if err := set.Lift("nonsense"); err == nil || !strings.Contains(err.Error(), "there are file, node, machine-kind, variant, cpu") {
		t.Error(err)
	}
}

// TestWriteText: what is printed reads back as the same set, and is canonical.
func TestWriteText(t *testing.T) {
	ours, err := os.ReadFile(filepath.Join(written(t), sample.FileName))
	must(t, err)
	foreign := "goos: a\npkg: b\nUnit p/q better=higher\nBenchmarkA/gomaxprocs=4/k=v-4 1 2.5000001 ns/op 123456789.25 MB/s 1e-30 p/q\npkg: \ncpu: z\nBenchmarkA/k=v 1 0 ns/op\n"
	for _, text := range []string{string(ours), foreign, string(ours) + foreign} {
		set := read(t, text)
		var out bytes.Buffer
		must(t, set.WriteText(&out))
		again := read(t, out.String())
		if len(again.Notes) > 0 || len(again.Samples) != len(set.Samples) {
			t.Fatalf("%v\n%s", again.Notes, &out)
		}
		for i, want := range set.Samples {
			got, want := apart(again.Samples[i]), apart(want)
			got.Line, want.Line, got.OneProcess, want.OneProcess = 0, 0, false, false
			if n, _ := want.Name.Get("gomaxprocs"); n != "" && !strings.HasSuffix(got.Name.String(), "/gomaxprocs="+n) {
				t.Errorf("%s: gomaxprocs is not last", got.Name)
			}
			got.Name, want.Name = nil, nil
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s\n%s", diff, &out)
			}
		}
	}
}

// apart is a copy that shares nothing that is not said to be unchangeable.
func apart(s *sample.Sample) *sample.Sample {
	c, shared := *s, *s.Shared
	c.Shared = &shared
	return &c
}

// TestStudyFile reads the published laptop run by a rule: seven series at
// eleven values of GOMAXPROCS, which benchstat then sees as such.
func TestStudyFile(t *testing.T) {
	data := os.Getenv("CONTEND_DATA")
	if data == "" {
		data = "../../../shared/data"
	}
	path := filepath.Join(data, "gubernator-10cpu.txt")
	if _, err := os.Stat(path); err != nil {
		t.Skip("the study's file is not here: ", err)
	}
	set, err := sample.Load(path)
	must(t, err)
	r, err := sample.ParseRule("BenchmarkParallel/{backend}_{gomaxprocs}")
	must(t, err)
	must(t, set.Rename(r))
	procs, series := map[int]bool{}, map[string]bool{}
	for _, s := range set.Samples {
		backend, _ := s.Name.Get("backend")
		procs[s.Name.Procs()], series[backend] = true, true
	}
	if len(procs) != 11 || len(series) != 7 || len(set.Samples) != 77 {
		t.Fatalf("%d values of GOMAXPROCS, %d series, %d samples", len(procs), len(series), len(set.Samples))
	}
	var text bytes.Buffer
	must(t, set.WriteText(&text))
	normal := filepath.Join(t.TempDir(), "normal.txt")
	must(t, os.WriteFile(normal, text.Bytes(), 0o644))
	out, err := exec.Command("go", "tool", "benchstat", "-format", "csv", "-col", "/backend", "-row", "/gomaxprocs", normal).Output()
	must(t, err)
	rows := 0
	for line := range strings.Lines(string(out)) {
		if first, rest, _ := strings.Cut(line, ","); procs[atoi(first)] && strings.Count(rest, ",") >= 2*len(series)-1 {
			rows++
		}
	}
	if rows != len(procs) || !bytes.Contains(out, []byte("\n8,1.263e-06,∞,1.633e-06,∞")) {
		t.Errorf("benchstat reads %d rows:\n%s", rows, out)
	}
}

func atoi(s string) int {
	n := 0
	for _, c := range s {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}
