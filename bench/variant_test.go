package bench

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/contend-go/contend/bench/host"
)

func TestVariants(t *testing.T) {
	o := SweepOptions{Time: time.Second, Count: 6, Affinity: "none", Trace: "none", TraceBlocks: 1, Out: "x", Variants: []string{"base=self", "head=self"}}
	if err := o.Check(); err != nil {
		t.Fatal(err)
	}
	p, err := o.Fit(func() (*Plan, error) {
		p := o.NewPlan()
		p.Cells = []Cell{{Name: "BenchmarkA/gomaxprocs=1", Procs: 1}, {Name: "BenchmarkA/gomaxprocs=2", Procs: 2}}
		return p, nil
	})
	if err != nil || p.check() != nil || len(p.Cells) != 4 {
		t.Fatal(err, p)
	}
	if a, b := p.Cells[0], p.Cells[1]; a.ID() != b.ID() || a.Variant != "base" || b.Variant != "head" {
		t.Errorf("%+v %+v: the same cell of two variants must share its identity", a, b)
	}
	firsts := map[string]int{}
	p.Blocks = 40
	for block := range p.Blocks {
		order := p.order(block)
		if len(order) != 2 || len(order[0]) != 2 || len(order[1]) != 2 || order[0][0].Name != order[0][1].Name {
			t.Errorf("block %d: %v does not keep the variants of a cell together", block, order)
		}
		firsts[order[0][0].Variant+order[0][0].Name]++
	}
	if len(firsts) != 4 {
		t.Errorf("blocks begin with %v: not in random order", firsts)
	}
	exe := o.Options(&host.Facts{}).Exe
	if exe["base"] == "" || exe["base"] != exe["head"] {
		t.Error(exe)
	}
	if _, err := o.Fit(func() (*Plan, error) { return nil, errors.New("no") }); err == nil {
		t.Error("an error of the plan is lost")
	}
	for bad, want := range map[string]string{"base": "write name=path", "=x": "write name=path", "a b=self": "write name=path", "base=/no/such/file": "no such file", "head=self": "twice"} {
		o.Variants = []string{"head=self", bad}
		if err := o.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", bad, err, want)
		}
	}
}
