package compare

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// fleetText is two variants on machines of a kind, in blocks. Every machine has a
// level of its own, and head costs it change times as much, which varies from machine
// to machine.
func fleetText(r *rand.Rand, kind string, machines, blocks, first int, change, between float64) string {
	var b strings.Builder
	for m := range machines {
		node := fmt.Sprintf("%s-%d", kind, m)
		fmt.Fprintf(&b, "# contend protocol=1\n# run id=%s node=%s machine-kind=%s\ngoos: linux\ncpu: %s\n# begin\n", node, node, kind, kind)
		level := 100 * math.Exp(.1*r.NormFloat64())
		own := change * math.Exp(between*r.NormFloat64())
		for block := range blocks {
			drift := math.Exp(.05 * r.NormFloat64())
			for _, v := range []struct {
				name   string
				factor float64
			}{{"base", 1}, {"head", own}} {
				fmt.Fprintf(&b, "# sample cell=c block=%d variant=%s\nBenchmarkX/gomaxprocs=2 100 %.6f ns/op\n", first+m*blocks+block, v.name, level*v.factor*drift*math.Exp(.002*r.NormFloat64()))
			}
		}
	}
	return b.String()
}

// TestFleet: the gate is over machines. A change that machines show for sure, some up
// and some down, is none of their kind; one that all show is found; and few machines
// with many blocks are too few.
func TestFleet(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	compared := func(text string) *Comparison {
		t.Helper()
		set := side(t, "run", text).Set
		c, err := Compare(Side{Label: "base", Set: set, Variant: "base"}, Side{Label: "head", Set: set, Variant: "head"}, Default)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	alarms := 0
	const families = 200
	for range families {
		if c := compared(fleetText(r, "k", 8, 12, 0, 1, .06)); c.Rows[0].Verdict == Worse {
			alarms++
		} else if c.Rows[0].NOld != 8 || !c.Rows[0].Paired {
			t.Fatalf("%d pairs, want one for each of 8 machines", c.Rows[0].NOld)
		}
	}
	if alarms > families/20+6 { // 5%, and three standard deviations
		t.Errorf("%d of %d fleets alarm, and their kind has not changed", alarms, families)
	}
	if c := compared(fleetText(r, "k", 8, 12, 0, 1.1, .01)); c.Rows[0].Verdict != Worse {
		t.Errorf("10%% more on all of 8 machines: %s", c.Rows[0].Verdict)
	}
	c := compared(fleetText(r, "k", 3, 40, 0, 1.1, .01))
	if c.Rows[0].Verdict != Unclear || c.Rows[0].NOld != 3 {
		t.Errorf("3 machines: %s of %d", c.Rows[0].Verdict, c.Rows[0].NOld)
	}
	if r := c.Rows[0]; r.count() != "3 machines" || r.Why != "3 of the 6 machines that it takes" || c.drawn() != "machines" {
		t.Errorf("%q, %q, %q", r.count(), r.Why, c.drawn())
	}
	if c := compared(fleetText(r, "k", 1, 12, 0, 1.1, 0)); c.Rows[0].Verdict != Worse || c.Rows[0].NOld != 12 {
		t.Errorf("one machine stands for itself: %s of %d", c.Rows[0].Verdict, c.Rows[0].NOld)
	}
	if r := compared(fleetText(r, "k", 1, 3, 0, 1.1, 0)).Rows[0]; r.count() != "3 pairs" || r.Why != "3 of the 6 samples that it takes" {
		t.Errorf("%q, %q", r.count(), r.Why)
	}
	// Two kinds: each is compared with itself.
	c = compared(fleetText(r, "k", 7, 6, 0, 1.2, .01) + fleetText(r, "l", 7, 6, 100, 1, .001))
	verdicts := map[string]Verdict{}
	for _, row := range c.Rows {
		kind, _ := row.Name.Get("machine-kind")
		verdicts[kind] = row.Verdict
	}
	if verdicts["k"] != Worse || verdicts["l"] != Same || len(c.Differs) > 0 {
		t.Errorf("%v, differs %v", verdicts, c.Differs)
	}
}
