package gotest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/sample"
)

func TestSortFlags(t *testing.T) {
	f, err := sortFlags(strings.Fields("-C there -tags a,b --race -mod=vendor -short -test.benchmem -timeout 5m -skip=Slow -overlay o.json -buildvcs -gcflags=all=-l -args -x y"))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(f.build, " "); got != "-tags=a,b -race -mod=vendor -buildvcs -gcflags=all=-l" {
		t.Errorf("to the compiler: %s", got)
	}
	if got := strings.Join(f.binary, " "); got != "-test.short -test.benchmem -test.timeout=5m -test.skip=Slow -x y" {
		t.Errorf("to the binary: %s", got)
	}
	if f.dir != "there" || f.overlay != "o.json" {
		t.Errorf("%+v", f)
	}
	for args, want := range map[string]string{
		"-cover":           "coverage counters are shared",
		"-coverprofile=x":  "coverage counters are shared",
		"-cpu 1,2":         "--procs",
		"-bench=.":         "--bench",
		"-count 3":         "--count",
		"-cpuprofile=x":    "profilers change",
		"-nonsense":        "no flag of go test",
		"-tags":            "its value is missing",
		"./pkg":            "only flags of go test",
		"-":                "only flags of go test",
		"-race -trace=x":   "--trace cells",
		"-short -fuzz=Foo": "not run",
	} {
		if _, err := sortFlags(strings.Fields(args)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
}

func TestMisplaced(t *testing.T) {
	for args, want := range map[string]string{
		". -bench Foo":           "two dashes: --bench",
		"./pkg -count=3":         "two dashes: --count",
		". --race":               "go behind --: contend test ./pkg -- -race",
		". --procs 1 -tags=x":    "go behind --: contend test ./pkg -- -tags",
		". --benchtime 1s":       "--time",
		". -cpu 1,2":             "--procs",
		". --cover":              "coverage counters",
		". --bench X --time 1s":  "",
		". --nonsense":           "",
		". -x-y -- -race -short": "",
	} {
		if got := Misplaced(strings.Fields(args)); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", args, got, want)
		}
	}
}

// TestPatch: a testing package of another shape is refused, with what is
// missing, whatever was changed.
func TestPatch(t *testing.T) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	src, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "src", "testing", "benchmark.go"))
	if err != nil {
		t.Skip("no source of the toolchain here: ", err)
	}
	out, err := patch(src)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(out), "\n") != strings.Count(string(src), "\n") {
		t.Error("the patch moves lines")
	}
	for old, changed := range map[string]string{
		"b.duration += ":           "b.wall += ",
		"type B struct {":          "type BB struct {",
		"func (b *B) launch() {":   "func (b *B) lunch() {",
		"<-b.signal":               "b.wait()",
		"func (b *B) StartTimer()": "func (b *B) Start()",
		"main.runN(1)":             "main.run(1)",
		"d := b.benchTime.d":       "d := b.time()",
		"|| finished":              "|| ended",
		"if b.loop.n == 0 {":       "if !b.loop.begun() {",
		"b.duration = 0":           "b.duration = zero(); b.duration = 0",
		"package testing":          "package",
	} {
		other := strings.Replace(string(src), old, changed, -1)
		if other == string(src) {
			t.Errorf("%q is not there", old)
		}
		if _, err := patch([]byte(other)); err == nil {
			t.Errorf("patched with %q for %q", changed, old)
		}
	}
}

// TestIterations: a window that something held up is no sample; one of a benchmark
// whose calls are dear is, and says so.
func TestIterations(t *testing.T) {
	const window = 20 * time.Millisecond
	for _, c := range []struct {
		n           int
		wall, first time.Duration
		earlier     []int
		again, kept string // of the first time, and of the second: a reason, a warning or neither
	}{
		{n: 20000, wall: 24 * time.Millisecond},
		{n: 1, wall: 45 * time.Millisecond, first: time.Microsecond, again: "though the first call took 1µs", kept: "few iterations: 1 in the window"},
		{n: 1, wall: 45 * time.Millisecond, first: 40 * time.Millisecond, kept: "few iterations: 1 in the window: a single call takes 45ms"},
		{n: 4, wall: 8 * time.Millisecond, first: 2 * time.Millisecond, again: "4 iterations of 2ms", kept: "4 iterations of 2ms"},
		{n: 100, wall: 60 * time.Millisecond, first: time.Microsecond, earlier: []int{20000, 19000, 100, 21000}, again: "where others of this benchmark had 20000"},
		{n: 100, wall: 60 * time.Millisecond, first: time.Microsecond, earlier: []int{20000, 21000}},
		{n: 5100, wall: 22 * time.Millisecond, first: time.Microsecond, earlier: []int{20000, 19000, 21000}},
	} {
		for _, repeated := range []bool{false, true} {
			earlier := slices.Clone(c.earlier)
			r := reader{window: window, earlier: &earlier}
			res := result{sample: &sample.Sample{Shared: &sample.Shared{Units: []string{"first-ns"}}, Iters: c.n, Values: []float64{float64(c.first)}}, wall: c.wall}
			warnings, err := r.iterations(res, repeated)
			got, want := strings.Join(warnings, " "), c.kept
			if err != nil {
				got = err.Error()
			}
			if !repeated && c.again != "" {
				if want = c.again; !errors.As(err, new(*bench.Again)) {
					t.Errorf("%d iterations in %v: not measured again: %v", c.n, c.wall, err)
				}
			}
			if want == "" && got != "" || !strings.Contains(got, want) {
				t.Errorf("%d iterations in %v, repeated %v: %q, want %q", c.n, c.wall, repeated, got, want)
			}
			if kept := len(earlier) > len(c.earlier); kept != (err == nil) {
				t.Errorf("%d iterations in %v: kept for later windows %v, error %v", c.n, c.wall, kept, err)
			}
		}
	}
}

func TestExactly(t *testing.T) {
	if got := exactly("BenchmarkX/a.b/(c|d)", "BenchmarkY"); got != `^BenchmarkX$/^a\.b$/^\(c\|d\)$|^BenchmarkY$` {
		t.Error(got)
	}
}

// FuzzParse: whatever a process prints, reading it ends, and no result is
// without values.
func FuzzParse(f *testing.F) {
	f.Add("\n#contend # cell protocol=1 gomaxprocs=2 wall-ns=5 cpu-ns=4\n#contend BenchmarkX/gomaxprocs=2 7 3 ns/op\n", false)
	f.Add("BenchmarkX-2 \tsome log\n 7\t 3 ns/op\n--- FAIL: BenchmarkY-2\n    why\nPASS\n", true)
	f.Add("#contend # absent name=\"x\" reason=\"failed: y\"\n#contend BenchmarkX 1 2 ns/op\n#contend Benchmark", false)
	f.Fuzz(func(t *testing.T, text string, plain bool) {
		for _, r := range parse([]byte(text), plain, 2).results {
			if r.sample == nil || len(r.sample.Values) == 0 {
				t.Errorf("%q: %+v", text, r)
			}
		}
	})
}
