package chart

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/derive"
	"github.com/contend-go/contend/report/internal/synthetic"
)

func view(t testing.TB, p synthetic.Plan) *derive.View {
	t.Helper()
	set := new(sample.Set)
	if err := set.Read(strings.NewReader(p.Text()), "samples.txt"); err != nil {
		t.Fatal(err)
	}
	return derive.New(set)
}

func TestLook(t *testing.T) {
	dir := os.Getenv("LOOK")
	if dir == "" {
		t.Skip()
	}
	for name, p := range map[string]synthetic.Plan{
		"small": {Backends: synthetic.Names(4), Procs: []int{1, 2, 4}, Blocks: 6, Usable: 2, Control: true},
		"large": {Backends: synthetic.Names(20), Procs: []int{1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128}, Blocks: 10, Usable: 96, Control: true, Traced: true,
			Boundaries: []sample.Record{synthetic.Boundary(24, "socket 2"), synthetic.Boundary(48, "hyperthreads")}},
	} {
		for _, pic := range Pictures(view(t, p)) {
			for _, format := range Formats {
				f, err := os.Create(filepath.Join(dir, name+"-"+pic.Name+"."+format))
				if err != nil {
					t.Fatal(err)
				}
				if err := pic.Encode(f, format, 144); err != nil {
					t.Fatal(err)
				}
				f.Close()
			}
		}
	}
}
