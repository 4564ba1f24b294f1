package sample_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/contend-go/contend/bench/sample"
)

// part is one part of a run on one machine: blocks of one cell, those in invalid
// without a valid sample.
func part(run, node string, first, blocks int, invalid ...int) string {
	var b strings.Builder
	b.WriteString("# contend protocol=1\n# run id=" + run + " node=" + node + "\ngoos: linux\n# begin\n")
	for block := first; block < first+blocks; block++ {
		id := "# sample cell=c1 block=" + string(rune('0'+block))
		hidden := ""
		for _, n := range invalid {
			if n == block {
				id, hidden = id+" invalid=crashed", "# result "
			}
		}
		b.WriteString(id + "\n" + hidden + "BenchmarkCache/backend=ring/gomaxprocs=2 100 41.2 ns/op\n")
	}
	return b.String()
}

// TestDuplicates: what was measured once counts once, however often it is read; what
// was measured again counts again.
func TestDuplicates(t *testing.T) {
	for name, c := range map[string]struct {
		texts []string
		want  int // samples
		runs  int
		note  string
	}{
		"a folder given twice":                 {[]string{part("r1", "n1", 0, 3), part("r1", "n1", 0, 3)}, 3, 1, "3 samples from here on stand in"},
		"two files put together":               {[]string{part("r1", "n1", 0, 3) + part("r1", "n1", 0, 2)}, 3, 1, "2 samples"},
		"a part that overlaps":                 {[]string{part("r1", "n1", 0, 3), part("r1", "n1", 2, 3)}, 5, 2, "1 sample from here on"},
		"two machines":                         {[]string{part("r1", "n1", 0, 3), part("r2", "n2", 0, 3)}, 6, 2, ""},
		"a machine that comes back":            {[]string{part("r1", "n1", 0, 2, 1) + part("r2", "n2", 0, 2) + part("r1", "n1", 1, 2)}, 6, 3, ""},
		"an invalid process in both":           {[]string{part("r1", "n1", 0, 3, 1), part("r1", "n1", 0, 3, 1)}, 3, 1, "3 samples"},
		"tried again within its part":          {[]string{part("r1", "n1", 0, 3, 1) + "# sample cell=c1 block=1\nBenchmarkCache/backend=ring/gomaxprocs=2 100 41.2 ns/op\n"}, 4, 1, ""},
		"benchmark text that is not Contend's": {[]string{"BenchmarkA-2 100 41.2 ns/op\n", "BenchmarkA-2 100 41.2 ns/op\n"}, 2, 0, ""},
	} {
		dir := t.TempDir()
		var paths []string
		for i, text := range c.texts {
			path := filepath.Join(dir, string(rune('a'+i))+".txt")
			must(t, os.WriteFile(path, []byte(text), 0o666))
			paths = append(paths, path)
		}
		set, err := sample.Load(paths...)
		must(t, err)
		notes := ""
		for _, n := range set.Notes {
			notes += n.String() + "\n"
		}
		if len(set.Samples) != c.want || len(set.Runs) != c.runs || !strings.Contains(notes, c.note) || c.note == "" && notes != "" {
			t.Errorf("%s: %d samples of %d runs, want %d of %d; notes %q, want %q", name, len(set.Samples), len(set.Runs), c.want, c.runs, notes, c.note)
		}
	}
}

// TestGroups: the groups of a file are all of its whole lines, in order.
func TestGroups(t *testing.T) {
	text := part("r1", "n1", 0, 2) + "# plan cells=2\n# sample cell=c1 block=2 more=1\nBenchmarkA 1 1 ns/op\n# sample cell=c1 block=2\nBenchmarkB 1 1 ns/op\n"
	var joined bytes.Buffer
	var kinds []string
	rest, err := sample.Groups(strings.NewReader(text+"# sample cell=c1 block=3\nBench"), func(g sample.Group) error {
		joined.Write(g.Text)
		switch {
		case g.Run != nil:
			kinds = append(kinds, "run "+g.Run.Node())
		case g.Sample.Verb != "":
			kinds = append(kinds, "block "+g.Sample.Get("block"))
		default:
			kinds = append(kinds, "line")
		}
		return nil
	})
	must(t, err)
	if got, want := strings.Join(kinds, ", "), "run n1, block 0, block 1, line, block 2"; got != want || joined.String() != text || rest != 30 {
		t.Errorf("%s and %d bytes left, want %s and 30", got, rest, want)
	}
}
