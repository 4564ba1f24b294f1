package sample_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/contend-go/contend/bench/sample"
	"github.com/google/go-cmp/cmp"
)

func TestParseName(t *testing.T) {
	for _, tc := range []struct {
		full, canonical string
		procs           int
		suffix          bool
	}{
		{"BenchmarkCache/backend=ring/gomaxprocs=8", "BenchmarkCache/backend=ring/gomaxprocs=8", 8, false},
		{"BenchmarkCache/backend=ring/gomaxprocs=8-2", "BenchmarkCache/backend=ring/gomaxprocs=8", 8, true}, // the literal wins
		{"BenchmarkCache/backend=ring-4", "BenchmarkCache/backend=ring/gomaxprocs=4", 4, true},
		{"BenchmarkGet-16", "BenchmarkGet/gomaxprocs=16", 16, true},
		{"BenchmarkGet", "BenchmarkGet", 0, false},
		{"BenchmarkGet/small-0", "BenchmarkGet/small-0", 0, false}, // no toolchain prints -0
		{"BenchmarkGet/plain/k=v=w", "BenchmarkGet/plain/k=v=w", 0, false},
	} {
		n, suffix := sample.ParseName(tc.full)
		if n.String() != tc.canonical || n.Procs() != tc.procs || suffix != tc.suffix {
			t.Errorf("ParseName(%q) = %s, %d Ps, suffix %v; want %s, %d, %v", tc.full, n, n.Procs(), suffix, tc.canonical, tc.procs, tc.suffix)
		}
	}
	n, _ := sample.ParseName("BenchmarkCache/sharing=all/gomaxprocs=8")
	if got := n.With("sharing", "none").With("probe", "trace").String(); got != "BenchmarkCache/sharing=none/probe=trace/gomaxprocs=8" {
		t.Error("With:", got)
	}
}

// written is a samples file with every kind of record, made by a Log.
func written(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	l, err := sample.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	must(t, l.Begin(sample.Header{
		Run:     sample.Run{ID: "r1", Fields: []sample.Field{{Key: "seed", Value: "7"}, {Key: "cmd", Value: `contend sweep --out "a b"`}}},
		Config:  []sample.Field{{Key: "goos", Value: "linux"}, {Key: "usable-cpus", Value: "2"}},
		Records: []sample.Record{{Verb: "backend", Fields: []sample.Field{{Key: "name", Value: "ring"}, {Key: "about", Value: "lock-free\nS3-FIFO"}}}},
	}))
	must(t, l.Add(sample.Entry{
		Identity: sample.Identity{Cell: "c1", Block: 0, Warnings: []string{"oversubscribed: 4 Ps on 2 CPUs"},
			Attachments: []sample.Attachment{{Kind: "trace", Path: "traces/1.trace", SHA256: "ab"}}},
		Line: sample.FormatResult("BenchmarkCache/backend=ring/gomaxprocs=4", 100, []sample.Value{{Unit: "ns/op", V: 41.25}, {Unit: "ops/s", V: 24271844}}),
	}))
	must(t, l.Add( // two results of one process
		sample.Entry{Identity: sample.Identity{Cell: "c1", Block: 1, Variant: "head", Invalid: "exit status 2"}, Line: "BenchmarkCache/backend=ring/gomaxprocs=4"},
		sample.Entry{Identity: sample.Identity{Cell: "c1", Block: 1, Variant: "head", Invalid: "throttled"}, Line: "BenchmarkCache/backend=ring/gomaxprocs=4 5 7 ns/op"},
	))
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestRoundTrip(t *testing.T) {
	set, err := sample.Load(written(t))
	must(t, err)
	if len(set.Notes) > 0 || len(set.Samples) != 3 || len(set.Runs) != 1 {
		t.Fatalf("notes %v, %d samples, %d runs", set.Notes, len(set.Samples), len(set.Runs))
	}
	first, crashed, throttled := set.Samples[0], set.Samples[1], set.Samples[2]
	if v, _ := first.Value("ns/op"); v != 41.25 || first.Name.Procs() != 4 || first.Cell != "c1" || first.Block != 0 || !first.Valid() {
		t.Errorf("first sample: %+v", first)
	}
	if first.Config["usable-cpus"] != "2" || first.Run.Fields[2].Value != `contend sweep --out "a b"` {
		t.Errorf("provenance: %v %v", first.Config, first.Run)
	}
	if diff := cmp.Diff([]sample.Attachment{{Kind: "trace", Path: "traces/1.trace", SHA256: "ab"}}, first.Attachments); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"oversubscribed: 4 Ps on 2 CPUs"}, first.Warnings); diff != "" {
		t.Error(diff)
	}
	if crashed.Invalid != "exit status 2" || crashed.Variant != "head" || len(crashed.Values) != 0 {
		t.Errorf("crashed: %+v", crashed)
	}
	if v, _ := throttled.Value("ns/op"); v != 7 || throttled.Invalid != "throttled" {
		t.Errorf("throttled: %+v", throttled)
	}
	if set.Records[1].Get("about") != "lock-free\nS3-FIFO" {
		t.Errorf("records: %v", set.Records)
	}
}

// TestTornFile cuts a samples file at every byte: Open must keep exactly the
// complete groups, and a sample added afterwards must read back.
func TestTornFile(t *testing.T) {
	whole, err := os.ReadFile(filepath.Join(written(t), sample.FileName))
	must(t, err)
	for cut := range whole {
		dir := t.TempDir()
		path := filepath.Join(dir, sample.FileName)
		must(t, os.WriteFile(path, whole[:cut], 0o644))
		l, err := sample.Open(dir)
		must(t, err)
		kept, err := os.ReadFile(path)
		must(t, err)
		if !bytes.HasPrefix(whole, kept) {
			t.Fatalf("cut at %d: finished lines were changed", cut)
		}
		if n := bytes.Count(kept, []byte("variant=head")); n == 1 {
			t.Fatalf("cut at %d: half of a process's results was kept", cut)
		}
		if (len(kept) < cut) != (l.Dropped != "") {
			t.Fatalf("cut at %d: kept %d bytes, note %q", cut, len(kept), l.Dropped)
		}
		must(t, l.Add(sample.Entry{Identity: sample.Identity{Cell: "c9", Block: 9}, Line: "BenchmarkLast 1 2 ns/op"}))
		l.Close()
		set, err := sample.Load(dir)
		must(t, err)
		if last := set.Samples[len(set.Samples)-1]; last.Cell != "c9" || len(set.Notes) > 0 {
			t.Fatalf("cut at %d: last %+v, notes %v", cut, last, set.Notes)
		}
	}
}

func TestForeignText(t *testing.T) {
	text := `goos: darwin
some log line
BenchmarkA/one
BenchmarkA/one-10   	  540829	      2476 ns/op
testing: BenchmarkA/one-10 left GOMAXPROCS set to 1
BenchmarkB 12 NaN ns/op 3 B/op
BenchmarkC 1 x ns/op
# sample cell=zz block=1
# result
` + strings.Repeat("y", 100<<10) + "\nBenchmarkD 1 5 ns/op\n"
	set := new(sample.Set)
	must(t, set.Read(strings.NewReader(text), "x.txt"))
	var got []string
	for _, s := range set.Samples {
		got = append(got, line(s))
	}
	want := []string{"BenchmarkA/one/gomaxprocs=10 540829 2476 ns/op", "BenchmarkB 12 3 B/op", "Benchmark 0", "BenchmarkD 1 5 ns/op"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !set.Samples[0].OneProcess || set.Samples[0].Block != -1 {
		t.Errorf("%+v", set.Samples[0])
	}
	if len(set.Notes) != 3 {
		t.Errorf("notes: %v", set.Notes)
	}
}

// TestMemory bounds what a sample of a large text costs beside its values: a
// report holds all of them.
func TestMemory(t *testing.T) {
	const n = 100_000
	text := strings.Repeat("BenchmarkMap/impl=a/size=1024-8 \t 1000000\t 123.4 ns/op\t 16 B/op\t 1 allocs/op\nBenchmarkMap/impl=b-8 1000000 99.5 ns/op\n", n/2)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	set := read(t, text)
	runtime.GC()
	runtime.ReadMemStats(&after)
	values := 0
	for _, s := range set.Samples {
		values += 8 * len(s.Values)
	}
	if each := (int(after.HeapAlloc) - int(before.HeapAlloc) - values) / n; each > 80 {
		t.Errorf("a sample takes %d bytes beside its values", each)
	}
	runtime.KeepAlive(text)
}

// line is a sample as its line.
func line(s *sample.Sample) string {
	var values []sample.Value
	for i, unit := range s.Units {
		values = append(values, sample.Value{Unit: unit, V: s.Values[i]})
	}
	return sample.FormatResult(s.Name.String(), s.Iters, values)
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("Unit ops/s better=higher\nBenchmarkX/gomaxprocs=2-4 1 1 ns/op 3 ops/s\n"))
	f.Add([]byte("# sample cell=\"\nBenchmarkX 1 1 ns/op\n# attach\n# run id=\nk: v\n# result Benchmark 1 2"))
	f.Fuzz(func(t *testing.T, text []byte) {
		set := new(sample.Set)
		_ = set.Read(bytes.NewReader(text), "fuzz")
		for _, s := range set.Samples {
			if s.Name == nil || s.Name.Procs() < 0 {
				t.Fatalf("%+v", s)
			}
			if len(s.Values) != len(s.Units) {
				t.Fatalf("%v in %v", s.Values, s.Units)
			}
			for _, v := range s.Values {
				if v-v != 0 {
					t.Fatalf("%v passed", v)
				}
			}
		}
	})
}

// TestDocumentedFormat reads the text in the package's document: what it shows is
// what the reader takes.
func TestDocumentedFormat(t *testing.T) {
	source, err := os.ReadFile("sample.go")
	must(t, err)
	text := ""
	for line := range strings.Lines(string(source)) {
		if shown, ok := strings.CutPrefix(line, "//\t"); ok {
			text += shown
		}
	}
	set := read(t, text)
	if len(set.Notes) > 0 || len(set.Samples) != 1 {
		t.Fatalf("%d samples, %v", len(set.Samples), set.Notes)
	}
	s := set.Samples[0]
	if s.Cell != "3f2a" || s.Block != 4 || s.Variant != "head" || len(s.Warnings) != 1 || len(s.Attachments) != 1 || s.Run.Node() != "0c9d" || s.UsableCPUs() != 2 {
		t.Errorf("%+v", s)
	}
	if a := set.Axis(s.Name); a.Key != "gomaxprocs" || a.Series != "backend" || !a.Stated {
		t.Errorf("axis %+v", a)
	}
}

// TestLast: a run that began anew says again what it holds, and only that counts.
func TestLast(t *testing.T) {
	var set sample.Set
	part := func(lost string) string {
		return "# contend protocol=1\n# run id=" + lost + "\n# lost name=" + lost + " reason=gone\n# begin\n"
	}
	if err := set.Read(strings.NewReader(part("BenchmarkA")+part("BenchmarkB")), "x"); err != nil {
		t.Fatal(err)
	}
	var lost []string
	for _, r := range set.Last() {
		if r.Verb == "lost" {
			lost = append(lost, r.Get("name"))
		}
	}
	if len(set.Records) != 4 || len(lost) != 1 || lost[0] != "BenchmarkB" {
		t.Errorf("%v of %v", lost, set.Records)
	}
}
