package report

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/internal/synthetic"
)

func TestLook(t *testing.T) {
	dir := os.Getenv("LOOK")
	if dir == "" {
		t.Skip("set LOOK to a folder to get reports to look at")
	}
	for name, p := range map[string]synthetic.Plan{
		"small": {Backends: synthetic.Names(4), Procs: []int{1, 2, 4}, Blocks: 6, Usable: 2, Control: true, Workloads: []string{"zipf", "evict"}, Invalid: true},
		"large": {Backends: synthetic.Names(20), Procs: []int{1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128}, Blocks: 10, Usable: 96, Control: true, Traced: true,
			Boundaries: []sample.Record{synthetic.Boundary(24, "socket 2"), synthetic.Boundary(48, "hyperthreads")}},
	} {
		out := filepath.Join(dir, name)
		os.MkdirAll(out, 0o777)
		if err := os.WriteFile(filepath.Join(out, sample.FileName), []byte(p.Text()), 0o666); err != nil {
			t.Fatal(err)
		}
		set, err := sample.Load(out)
		if err != nil {
			t.Fatal(err)
		}
		files, err := Write(set, out, Options{})
		t.Log(files, err)
	}
}
