package gotest

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

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
	"os"
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
`
	dir := moduleOf(t, map[string]string{"p.go": "package p\n", "p_test.go": tests, "testdata/input": "a"})
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
		if got := strings.Join(changed, " "); got != "BenchmarkHelped BenchmarkReads" {
			t.Errorf("changed are %q", got)
		}
		for _, p := range s.Programs {
			if text, err := os.ReadFile(filepath.Join(p.Dir, "p.go")); p.Variant == Base && (err != nil || strings.Contains(string(text), "Gained")) {
				t.Errorf("the base holds what main gained: %v\n%s", err, text)
			}
			if p.Key == "p" && (len(p.Benchmarks) != 1 || p.Benchmarks[0].Name != "BenchmarkStays") {
				t.Errorf("%s: %+v, absent %+v", p.Variant, p.Benchmarks, p.Absent)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	o := options(t, dir)
	o.Against = "main...other"
	if _, err := Build(t.Context(), o, &facts, t.TempDir(), io.Discard); err == nil || !strings.Contains(err.Error(), "check other out") {
		t.Error(err)
	}
}
