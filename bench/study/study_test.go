package study

import (
	"slices"
	"testing"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/cachebench"
	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/primitives"
	"github.com/contend-go/contend/bench/sample"
)

func sweep(t *testing.T) *bench.SweepOptions {
	return &bench.SweepOptions{
		Procs: "1,2", Count: 6, Time: 60e6, Seed: 1, Out: t.TempDir(), Affinity: "none", Trace: "none", TraceBlocks: 1,
	}
}

func planOf(o *bench.SweepOptions, facts *host.Facts) (*bench.Plan, error) {
	f := Family(cachebench.Family(), primitives.Family())
	return f.Plan(&family.Sweep{SweepOptions: o, Host: facts})
}

func TestPlan(t *testing.T) {
	facts := host.Read()
	plan, err := planOf(sweep(t), &facts)
	if err != nil {
		t.Fatal(err)
	}
	has := func(keys ...string) {
		t.Helper()
		if !slices.ContainsFunc(plan.Cells, func(c bench.Cell) bool {
			n, _ := sample.ParseName(c.Name)
			for i := 0; i < len(keys); i += 2 {
				if v, _ := n.Get(keys[i]); v != keys[i+1] {
					return false
				}
			}
			return true
		}) {
			t.Errorf("no cell with %v", keys)
		}
	}
	for _, b := range []string{"mutexlru", "workerpool", "stripedlru", "otter1", "ring"} {
		has("workload", "walk", "backend", b, "sharing", "all", "gomaxprocs", "2")
	}
	has("workload", "walk", "backend", "mutexlru", "sharing", "none")
	has("workload", "walk", "backend", "mutexlru", "work", Work.String())
	has("workload", "ratelimit", "backend", "ring", "item-lock", "on")
	has("workload", "ratelimit", "backend", "ring", "item-lock", "off")
	has("workload", "expire", "backend", "otter1")
	has("row", "lock-contended", "impl", "barging", "hold", Hold.String())
	seen := map[string]bool{}
	for _, c := range plan.Cells {
		if seen[c.Name] {
			t.Errorf("cell %s stands twice", c.Name)
		}
		seen[c.Name] = true
	}
}

// TestPlanVariants holds that the whole plan, not each part, is taken once for
// each variant.
func TestPlanVariants(t *testing.T) {
	facts := host.Read()
	one, err := planOf(sweep(t), &facts)
	if err != nil {
		t.Fatal(err)
	}
	o := sweep(t)
	o.Variants = []string{"a=self", "b=self"}
	two, err := planOf(o, &facts)
	if err != nil {
		t.Fatal(err)
	}
	if len(two.Cells) != 2*len(one.Cells) {
		t.Errorf("%d cells with two variants, %d with none", len(two.Cells), len(one.Cells))
	}
}
