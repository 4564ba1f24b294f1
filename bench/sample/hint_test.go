package sample

import (
	"strings"
	"testing"
)

func TestHint(t *testing.T) {
	for text, want := range map[string]string{
		"BenchmarkParallel/MutexRead_1-10 1 5 ns/op\nBenchmarkParallel/MutexRead_2-10 1 5 ns/op\n": "--name 'BenchmarkParallel/{backend}_{gomaxprocs}'",
		"BenchmarkMutex1 1 5 ns/op\nBenchmarkMutex8 1 5 ns/op\n":                                   "--name 'BenchmarkMutex{gomaxprocs}'",
		"BenchmarkMutex-1 1 5 ns/op\nBenchmarkMutex-8 1 5 ns/op\n":                                 "",
		"BenchmarkCRC32 1 5 ns/op\nBenchmarkCRC32 1 5 ns/op\n":                                     "",
		"BenchmarkA/n=1 1 5 ns/op\nBenchmarkA/n=2 1 5 ns/op\n":                                     "",
		"# run id=a\nBenchmarkMutex1 1 5 ns/op\nBenchmarkMutex8 1 5 ns/op\n":                       "",
	} {
		set := new(Set)
		if err := set.Read(strings.NewReader(text), "x"); err != nil {
			t.Fatal(err)
		}
		got := set.Hint()
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
			continue
		}
		if want == "" {
			continue
		}
		_, rest, _ := strings.Cut(got, "--name '")
		pattern, _, _ := strings.Cut(rest, "'")
		r, err := ParseRule(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if err := set.Rename(r); err != nil || set.Samples[1].Name.Procs() == set.Samples[0].Name.Procs() {
			t.Errorf("%q: the rule gives %v: %v", text, set.Samples[1].Name, err)
		}
	}
}
