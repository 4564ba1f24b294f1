package gotest

import (
	"crypto/sha256"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/contend-go/contend/bench/host"
)

// names builds, and returns the names of the benchmarks found.
func names(t *testing.T, o *Options) []string {
	t.Helper()
	facts := host.Read()
	s, err := Build(t.Context(), o, &facts, t.TempDir(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, p := range s.Programs {
		if p.Plain != "" {
			t.Errorf("%s: %s", p.Package, p.Plain)
		}
		for _, b := range p.Benchmarks {
			list = append(list, p.Key+":"+b.Name)
		}
	}
	return list
}

// TestModules: replace, vendor, go.work, tags, packages of other modules and a
// user's own overlay are honoured as go test does.
func TestModules(t *testing.T) {
	dir := module(t, "modules.txtar")
	in := func(sub string, flags ...string) *Options { return options(t, filepath.Join(dir, sub), flags...) }
	overlay := filepath.Join(t.TempDir(), "overlay.json")
	write(t, overlay, `{"Replace": {"`+filepath.Join(dir, "app", "app_test.go")+`": "`+filepath.Join(dir, "other_test.go")+`"}}`)
	other := in("app")
	other.Packages = []string{"example.com/lib"}
	all := in("app")
	all.Packages = []string{"./..."}
	for _, c := range []struct {
		what string
		o    *Options
		want string
	}{
		{"replace", in("app"), ":BenchmarkLib"},
		{"tags", in("app", "-tags=extra"), ":BenchmarkExtra :BenchmarkLib"},
		{"overlay", in("app", "-overlay", overlay), ":BenchmarkOther"},
		{"vendor", in("vendored", "-mod=vendor"), ":BenchmarkVendored"},
		{"go.work", in("work/main"), ":BenchmarkWork"},
		{"other module", other, ":BenchmarkOwn"},
		{"several packages", all, "app:BenchmarkLib deep.er:BenchmarkDeep"},
	} {
		t.Run(c.what, func(t *testing.T) {
			got := names(t, c.o)
			slices.Sort(got)
			if strings.Join(got, " ") != c.want {
				t.Errorf("found %v, want %s", got, c.want)
			}
		})
	}
}

func TestBuildErrors(t *testing.T) {
	dir := module(t, "modules.txtar")
	write(t, filepath.Join(dir, "app", "broken", "broken_test.go"), "package broken\n\nimport \"testing\"\n\nfunc BenchmarkX(b *testing.B) { nothing() }\n")
	write(t, filepath.Join(dir, "app", "nested", "go.mod"), "module example.com/nested\n\ngo 1.24\n")
	write(t, filepath.Join(dir, "app", "tests", "tests_test.go"), "package tests\n\n// func BenchmarkNo() {}\n")
	facts := host.Read()
	for _, c := range []struct {
		change func(*Options)
		want   string
	}{
		{func(o *Options) { o.Packages = []string{"./broken"} }, "undefined: nothing"},
		{func(o *Options) { o.Packages = []string{"./none"} }, "none"},
		{func(o *Options) { o.Packages = []string{"./nested/in/..."} }, "nested is a module of its own: contend test ./in/... -- -C nested"},
		{func(o *Options) { o.Packages = []string{"./tests"} }, "tests, but no benchmarks"},
		{func(o *Options) { o.Packages = []string{"example.com/lib/untested"} }, "no test files"},
		{func(o *Options) { o.Bench = "Nothing" }, "no such benchmark"},
		{func(o *Options) { o.Bench = "(" }, "no regular expression"},
		{func(o *Options) { o.Against = "HEAD" }, "--against"},
		{func(o *Options) { o.Trace = "tour" }, "no tour"},
		{func(o *Options) { o.GoFlags = append(o.GoFlags, "-cover") }, "coverage counters"},
	} {
		o := options(t, filepath.Join(dir, "app"))
		c.change(o)
		if _, err := Build(t.Context(), o, &facts, t.TempDir(), io.Discard); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// needToolchain skips a test where a toolchain would have to be fetched.
func needToolchain(t *testing.T, version string) {
	t.Helper()
	cache, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(strings.TrimSpace(string(cache)), "golang.org", "toolchain@v0.0.1-"+version+"."+runtime.GOOS+"-"+runtime.GOARCH)
	if _, err := os.Stat(at); err != nil {
		t.Skipf("no toolchain %s here: GOTOOLCHAIN=%[1]s go version fetches it", version)
	}
}

// TestAgainstToolchain: the same code, built by two versions of Go, side by side.
func TestAgainstToolchain(t *testing.T) {
	const old = "go1.24.13"
	needToolchain(t, old)
	dir := moduleOf(t, map[string]string{"p_test.go": "package p\n\nimport (\n\t\"runtime\"\n\t\"testing\"\n)\n\nfunc BenchmarkOld(b *testing.B) {\n\tif runtime.Version() == \"" + old + "\" {\n\t\tb.ReportMetric(1, \"old\")\n\t} else {\n\t\tb.ReportMetric(0, \"old\")\n\t}\n}\n"})
	o := options(t, dir)
	o.AgainstToolchain, o.Procs = old, "1"
	s, set := sweep(t, o)
	got := map[string]float64{}
	for _, smp := range set.Samples {
		got[smp.Variant], _ = smp.Value("old")
	}
	if got["base"] != 1 || got["head"] != 0 || len(got) != 2 || s.Against != old {
		t.Errorf("%v, against %q", got, s.Against)
	}
	said := false
	for _, r := range set.Records {
		if text := r.Get("text"); r.Verb == "note" && strings.HasPrefix(text, "base was built by "+old+", head by go") {
			said = true
		}
	}
	if !said {
		t.Errorf("the toolchains are not said: %v", set.Records)
	}
	o.AgainstToolchain = "1.24"
	facts := host.Read()
	if _, err := Build(t.Context(), o, &facts, t.TempDir(), io.Discard); err == nil || !strings.Contains(err.Error(), "such as go1.24.0") {
		t.Error(err)
	}
}

// TestToolchains: the accounting is compiled by toolchains from Go 1.18 on, and
// counts there what it counts elsewhere; what takes a process down is found out too.
func TestToolchains(t *testing.T) {
	files := map[string]string{"p_test.go": `package p

import (
	"sync"
	"testing"
	"time"
)

var once sync.Once

func BenchmarkLazy(b *testing.B) {
	once.Do(func() { time.Sleep(10 * time.Millisecond) })
	for i := 0; i < b.N; i++ {
	}
}

func BenchmarkPanics(b *testing.B) { panic("at once") }

func BenchmarkSub(b *testing.B) {
	b.Run("fails", func(b *testing.B) { b.Fatal("no") })
	b.Run("parallel", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
			}
		})
	})
}
`}
	looping := "package p\n\nimport \"testing\"\n\nfunc BenchmarkLoop(b *testing.B) {\n\tfor b.Loop() {\n\t}\n}\n"
	for _, v := range []string{"go1.18.10", "go1.21.13", "go1.24.13"} {
		t.Run(v, func(t *testing.T) {
			needToolchain(t, v)
			t.Setenv("GOTOOLCHAIN", v)
			dir, want := moduleOf(t, files), []string{"Lazy", "Sub"}
			write(t, filepath.Join(dir, "go.mod"), "module example.com/m\n\ngo 1.18\n")
			if !older(v, "go1.24") {
				write(t, filepath.Join(dir, "loop_test.go"), looping)
				want = append(want, "Loop")
			}
			o := options(t, dir)
			o.Procs = "1"
			s, set := sweep(t, o)
			p := s.Programs[0]
			if p.Go != v || p.Plain != "" {
				t.Errorf("built by %s; %s", p.Go, p.Plain)
			}
			var absent []string
			for _, a := range p.Absent {
				absent = append(absent, a.Name+": "+a.Reason)
			}
			if got := strings.Join(absent, "; "); !strings.Contains(got, "BenchmarkPanics: exit status 2: panic: at once") || !strings.Contains(got, "BenchmarkSub/fails: failed") || len(absent) != 2 {
				t.Errorf("absent: %s", got)
			}
			wantSamplesOf(t, set, want...)
			for _, smp := range set.Samples {
				_, has := smp.Value("cpu-ns/op")
				first, _ := smp.Value("first-ns")
				if !smp.Valid() || !has || smp.Name.Base == "Lazy" && first < 10e6 {
					t.Errorf("%s: %v %v, %s", smp.Name, smp.Units, smp.Values, smp.Invalid)
				}
			}
		})
	}
}

// TestSameBinary: building again gives the same bytes, wherever to: an
// interrupted run can go on.
func TestSameBinary(t *testing.T) {
	dir := module(t, "modules.txtar")
	facts := host.Read()
	var sums []string
	for range 2 {
		s, err := Build(t.Context(), options(t, filepath.Join(dir, "app")), &facts, t.TempDir(), io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(s.Programs[0].Path)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(text)
		sums = append(sums, string(sum[:]))
	}
	if sums[0] != sums[1] {
		t.Error("two builds of the same package differ")
	}
}
