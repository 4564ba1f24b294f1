package sample_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/contend-go/contend/bench/sample"
)

func canonical(t *testing.T, set *sample.Set) string {
	t.Helper()
	var b bytes.Buffer
	must(t, set.WriteText(&b))
	return b.String()
}

// TestFormats: the same benchmarks, as people have them.
func TestFormats(t *testing.T) {
	plain := "goos: linux\ngoarch: amd64\npkg: example.com/q\ncpu: Some CPU\n"
	for rep := range 6 {
		for i, p := range []int{2, 4, 8} {
			plain += fmt.Sprintf("BenchmarkQueue-%d \t %d\t %d ns/op\t 8 B/op\t 1 allocs/op\n", p, 1000*p, []int{102, 104, 108}[i]+rep)
		}
	}
	want := canonical(t, read(t, plain))
	for _, file := range []string{"ansi.txt", "ci-log.txt", "indent.txt", "go-test.json", "utf16le.txt", "log-between.txt"} {
		set, err := sample.Load(filepath.Join("testdata", file))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if got := canonical(t, set); got != want || len(set.Notes) > 0 {
			t.Errorf("%s: %v\n%s\nwant\n%s", file, set.Notes, got, want)
		}
	}
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write([]byte(plain))
	must(t, w.Close())
	set := new(sample.Set)
	must(t, set.Read(&z, "x.txt.gz"))
	if got := canonical(t, set); got != want {
		t.Errorf("compressed:\n%s", got)
	}
	must(t, new(sample.Set).Read(strings.NewReader(""), "empty"))
	if err := new(sample.Set).Read(strings.NewReader("\x1f\x8b broken"), "x.gz"); err == nil || !strings.Contains(err.Error(), "x.gz") {
		t.Errorf("broken compression: %v", err)
	}
}

// TestJSONPackages: the lines of packages that are tested at once are kept apart.
func TestJSONPackages(t *testing.T) {
	event := func(pkg, output string) string {
		return fmt.Sprintf(`{"Time":"2026-11-02T10:15:00Z","Action":"output","Package":%q,"Output":%q}`+"\n", pkg, output)
	}
	set := read(t, `{"Action":"start","Package":"a"}`+"\n"+event("a", "BenchmarkX-2 \t")+event("b", "BenchmarkX-2 \t 10\t 7 ns/op\n")+event("a", " 10\t 5 ns/op\n"))
	got := []string{}
	for _, s := range set.Samples {
		got = append(got, fmt.Sprint(s.Config["pkg"], s.Values))
	}
	if want := []string{"b[7]", "a[5]"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestRemarks: what the testing package says of a benchmark stands with its samples.
func TestRemarks(t *testing.T) {
	set, err := sample.Load("testdata/left-gomaxprocs.txt")
	must(t, err)
	for _, s := range set.Samples {
		if has := len(s.Warnings) == 1 && strings.Contains(s.Warnings[0], "left GOMAXPROCS set to 8"); has != (s.Name.Base == "Scale") {
			t.Errorf("%s: %q", s.Name, s.Warnings)
		}
	}
}

// TestSizesAreNoGOMAXPROCS: numbers that end names stay there, where the process
// ran at GOMAXPROCS=1.
func TestSizesAreNoGOMAXPROCS(t *testing.T) {
	set, err := sample.Load("testdata/sizes-p1.txt")
	must(t, err)
	want := []string{"BenchmarkCopy", "BenchmarkCopy/size-1024", "BenchmarkCopy/size-2048", "BenchmarkCopy/size-4096"}
	if got := names(set); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for text, want := range map[string]string{
		"BenchmarkA 1 1 ns/op\nBenchmarkA-2 1 1 ns/op\nBenchmarkB-2 1 1 ns/op\nBenchmarkB 1 1 ns/op\n": "BenchmarkA/gomaxprocs=1 BenchmarkA/gomaxprocs=2 BenchmarkB/gomaxprocs=2 BenchmarkB/gomaxprocs=1",
		"BenchmarkA-1024-8 1 1 ns/op\nBenchmarkA-2048-8 1 1 ns/op\n":                                   "BenchmarkA-1024/gomaxprocs=8 BenchmarkA-2048/gomaxprocs=8",
		"BenchmarkA 1 1 ns/op\npkg: other\nBenchmarkB-2 1 1 ns/op\nBenchmarkB-4 1 1 ns/op\n":           "BenchmarkA BenchmarkB/gomaxprocs=2 BenchmarkB/gomaxprocs=4",
	} {
		if got := strings.Join(names(read(t, text)), " "); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// TestNoteIsConfiguration: both sides of a note are told apart.
func TestNoteIsConfiguration(t *testing.T) {
	set, err := sample.Load("testdata/note-key.txt")
	must(t, err)
	if a, b := set.Samples[0].Config["note"], set.Samples[3].Config["note"]; a != "before" || b != "after" {
		t.Errorf("%q and %q", a, b)
	}
	if set := read(t, "note: module requires Go 1.99\nBenchmarkA 1 1 ns/op\n"); set.Samples[0].Config["note"] != "" {
		t.Error("the go command's note was taken for configuration")
	}
}

// TestInputIsInert: nothing of a text changes the terminal that prints it, and what
// cannot be is left out.
func TestInputIsInert(t *testing.T) {
	set := read(t, "BenchmarkA/\x1b]0;owned\x07\x1b[31mred\x07\x00-4 1 5 ns/op\nBenchmarkB-4 1 -5 ns/op 3 x/op\n")
	if got, want := set.Samples[0].Name.String(), "BenchmarkA/red␇␀/gomaxprocs=4"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if _, has := set.Samples[1].Value("ns/op"); has || len(set.Notes) != 1 || !strings.Contains(set.Notes[0].Text, "cannot be") {
		t.Errorf("a negative time: %v, %v", set.Samples[1].Values, set.Notes)
	}
	path := filepath.Join(t.TempDir(), "long.txt")
	must(t, os.WriteFile(path, []byte("BenchmarkA 1 "+strings.Repeat("1 x/op ", 1<<20)+"\n"), 0o644))
	if _, err := sample.Load(path); err == nil || !strings.Contains(err.Error(), "line over 64 KiB") {
		t.Errorf("a line that is too long: %v", err)
	}
}

func count(set *sample.Set, of func(*sample.Sample) bool) (n int) {
	for _, s := range set.Samples {
		if of(s) {
			n++
		}
	}
	return n
}

func FuzzForeign(f *testing.F) {
	files, _ := filepath.Glob("testdata/*")
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		set := new(sample.Set)
		if set.Read(bytes.NewReader(text), "x") != nil {
			return
		}
		for _, s := range set.Samples {
			if strings.ContainsAny(s.Name.String(), "\x1b\x07\x00\n") {
				t.Errorf("%q", s.Name)
			}
		}
		again := new(sample.Set)
		first := canonical(t, set)
		must(t, again.Read(strings.NewReader(first), "x"))
		measured := func(s *sample.Sample) bool { return len(s.Values) > 0 }
		if a, b := count(set, measured), count(again, measured); a != b {
			t.Errorf("%d samples, written and read again %d:\n%s", a, b, first)
		}
	})
}
