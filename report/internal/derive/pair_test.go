package derive

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/internal/synthetic"
)

// loaded reads texts as run folders of these names.
func loaded(t *testing.T, names []string, texts ...string) *sample.Set {
	t.Helper()
	var paths []string
	dir := t.TempDir()
	for i, name := range names {
		path := filepath.Join(dir, name)
		if err := os.Mkdir(path, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(path, sample.FileName), []byte(texts[i]), 0o666); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	set, err := sample.Load(paths...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestOverlay: two runs, or two builds of one, are the sides of one chart, in the order in which they were given; both
// sides of a series have its colour and shape, and what changed is the first answer.
func TestOverlay(t *testing.T) {
	plan := synthetic.Plan{Backends: synthetic.Names(3), Procs: []int{1, 2, 4}, Blocks: 8, Usable: 4}
	before := strings.ReplaceAll(plan.Text(), "# run id=", "# run id=b")
	runs := loaded(t, []string{"new", "ancient"}, plan.Text(), before)
	if err := runs.Lift("file"); err != nil {
		t.Fatal(err)
	}
	builds := loaded(t, []string{"run"}, strings.ReplaceAll(plan.Text(), "# sample ", "# sample variant=head ")+strings.ReplaceAll(plan.Text(), "# sample ", "# sample variant=base "))
	if err := builds.Lift("variant"); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		set   *sample.Set
		sides [2]string
	}{{runs, [2]string{"new", "ancient"}}, {builds, [2]string{"base", "head"}}} {
		v := New(test.set)
		if v.Sides != test.sides || len(v.Facets) != 1 || v.Pairs() != 3 || len(v.Names) != 6 {
			t.Fatalf("sides %q, want %q; %d facets, %d pairs of %q", v.Sides, test.sides, len(v.Facets), v.Pairs(), v.Names)
		}
		var colors []int
		for _, s := range v.Facets[0].Series {
			m, old := v.Marks[s.Name], strings.HasSuffix(s.Name, "/"+test.sides[0])
			if m.Old != old || s.Old != old || m.Shape >= FilledShapes || s.Pair != strings.Split(s.Name, "/")[0] {
				t.Errorf("%s: %+v, pair %q", s.Name, m, s.Pair)
			}
			i := slices.IndexFunc(v.Facets[0].Series, func(o *Series) bool { return o.Pair == s.Pair && o != s })
			if other := v.Marks[v.Facets[0].Series[i].Name]; other.Color != m.Color || other.Shape != m.Shape {
				t.Errorf("the sides of %s are %+v and %+v", s.Pair, m, other)
			}
			if !slices.Contains(colors, m.Color) {
				colors = append(colors, m.Color)
			}
		}
		if len(colors) != 3 {
			t.Errorf("%d colours of 3 pairs", len(colors))
		}
		changes := v.Answers()[0]
		if !slices.Equal(changes.Columns[2:5], []string{test.sides[0] + ", ops/s", test.sides[1] + ", ops/s", test.sides[1] + " ÷ " + test.sides[0]}) || len(changes.Rows) != 3 {
			t.Fatalf("%+v", changes)
		}
		if row := changes.Rows[0]; row[0] != "s3fifo" || row[1] != "GOMAXPROCS=4" || row[4] != "1.00×" {
			t.Errorf("of equal sides: %q", row)
		}
	}
	three := loaded(t, []string{"a", "b", "c"}, plan.Text(), before, strings.ReplaceAll(plan.Text(), "# run id=", "# run id=c"))
	if err := three.Lift("file"); err != nil {
		t.Fatal(err)
	}
	if v := New(three); v.Sides[0] != "" {
		t.Errorf("three runs have sides %q", v.Sides)
	}
}

// TestReferenceBesideHosts: what synchronises nothing does not compete, whatever stands beside its name.
func TestReferenceBesideHosts(t *testing.T) {
	text := synthetic.Plan{Backends: []string{"plainmap", "ring"}, Procs: []int{1, 2}, Blocks: 6, Usable: 2}.Text()
	text = strings.Replace(text, "# begin\n", "# backend name=plainmap sync=none\n# begin\n", 1)
	if !strings.Contains(text, "sync=none") {
		text = strings.Replace(text, "# sample ", "# backend name=plainmap sync=none\n# sample ", 1)
	}
	set := loaded(t, []string{"a", "b"}, text, strings.ReplaceAll(text, "# run id=", "# run id=b"))
	if err := set.Lift("file"); err != nil {
		t.Fatal(err)
	}
	for _, s := range New(set).Facets[0].Series {
		if s.Reference != strings.HasPrefix(s.Name, "plainmap") {
			t.Errorf("%s: reference %v", s.Name, s.Reference)
		}
	}
}
