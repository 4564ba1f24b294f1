package gotest

import (
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
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
	write(t, filepath.Join(dir, "app", "tests", "tests_test.go"), "package tests\n\n// func BenchmarkNo() {}\n")
	facts := host.Read()
	for _, c := range []struct {
		change func(*Options)
		want   string
	}{
		{func(o *Options) { o.Packages = []string{"./broken"} }, "undefined: nothing"},
		{func(o *Options) { o.Packages = []string{"./none"} }, "none"},
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
