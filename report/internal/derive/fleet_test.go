package derive

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/contend-go/contend/bench/sample"
)

// fleetOf makes samples of a kind of machines: their levels, and how machines and
// series interact, vary as they did on clouds (standard deviations of logarithms).
type fleetOf struct {
	machines, blocks                 int
	level, interaction, block, noise float64
}

// draw returns samples of two series, a and b, whose true medians over all machines of
// the kind are 100 and 50 operations a second.
func (f fleetOf) draw(r *rand.Rand) (a, b []*sample.Sample) {
	shared := func(run *sample.Run, name string) *sample.Shared {
		n, _ := sample.ParseName(name)
		return &sample.Shared{Name: n, Units: []string{"ops/s"}, Config: map[string]string{"goos": "linux"}, Run: run}
	}
	for m := range f.machines {
		run := &sample.Run{ID: fmt.Sprint(m), Fields: []sample.Field{{Key: "node", Value: fmt.Sprint("n", m)}, {Key: sample.KindKey, Value: "k"}}}
		level := f.level * r.NormFloat64()
		for i, list := range []*[]*sample.Sample{&a, &b} {
			own := level + f.interaction*r.NormFloat64()
			sh := shared(run, fmt.Sprintf("BenchmarkX/backend=%c/gomaxprocs=2", 'a'+i))
			drift := rand.New(rand.NewPCG(uint64(m), 1)) // that of the block, which both share
			for block := range f.blocks {
				v := []float64{100, 50}[i] * math.Exp(own+f.block*drift.NormFloat64()+f.noise*r.NormFloat64())
				*list = append(*list, &sample.Sample{Shared: sh, Identity: &sample.Identity{Cell: "c", Block: m*f.blocks + block}, Iters: 1, Values: []float64{v}})
			}
		}
	}
	return a, b
}

func opsPerSecond(s *sample.Sample) (float64, bool) { return s.Value("ops/s") }

// TestFleetCoverage: the interval that is printed for a kind holds its true median in
// 90 to 99.9% of fleets of 6 to 12 machines, the ratio's too; fewer machines have none, and
// say how much they differ. Of all samples pooled it holds it far too seldom.
func TestFleetCoverage(t *testing.T) {
	trials := 2000
	if testing.Short() {
		trials = 300
	}
	r := rand.New(rand.NewPCG(1, 2))
	for machines := 1; machines <= 12; machines++ {
		f := fleetOf{machines, 8, .05, .02, .03, .02}
		levels, ratios, pooled := 0, 0, 0
		for range trials {
			a, b := f.draw(r)
			level, ratio := Median(a, opsPerSecond), Ratio(a, b, opsPerSecond)
			if machines > 1 && (level.N != machines || len(level.Machines) != machines) {
				t.Fatalf("%d machines: an estimate over %d", machines, level.N)
			}
			if machines > 1 && machines < MinN && (level.Interval() || ratio.Interval() || level.Spread() <= 1) {
				t.Fatalf("%d machines have an interval: %+v, or no spread", machines, level)
			}
			holds := func(e Estimate, truth float64) int {
				if e.Interval() && e.Lo <= truth && truth <= e.Hi {
					return 1
				}
				return 0
			}
			levels += holds(level, 100)
			ratios += holds(ratio, 2)
			var all []float64
			for _, s := range a {
				all = append(all, s.Values[0])
			}
			pooled += holds(median(all, Confidence), 100)
		}
		share := func(n int) float64 { return float64(n) / float64(trials) }
		t.Logf("%2d machines: level %.3f, ratio %.3f, all samples pooled %.3f", machines, share(levels), share(ratios), share(pooled))
		if machines < MinN {
			continue
		}
		for what, n := range map[string]int{"level": levels, "ratio": ratios} {
			if share(n) < .9 || share(n) > .9995 {
				t.Errorf("%d machines: the interval of the %s holds the truth in %.1f%% of fleets", machines, what, 100*share(n))
			}
		}
		if share(pooled) > .85 {
			t.Errorf("%d machines: pooled samples hold it in %.1f%%: the simulation has no spread between machines", machines, 100*share(pooled))
		}
	}
}

// TestFleetState: what a kind was to measure is what the merged run says, not what its
// attempts were to.
func TestFleetState(t *testing.T) {
	text := ""
	for i, blocks := range []int{1, 2} { // of shard a, which was tried twice, and counts 2 processes in all
		text += fmt.Sprintf("# contend protocol=1\n# run id=r%d node=n%d machine-kind=k\n# plan cells=1 processes=%d\n# begin\n# sample cell=c block=%d\nBenchmarkX/gomaxprocs=2 1 5 ops/s\n", i, i, blocks, i)
	}
	for want, more := range map[string]string{
		"Unfinished: 2 of 3 processes measured on 2 machines": "",
		"2 of 2 processes measured on 2 machines":             "# plan machine-kind=k processes=2\n",
		"Unfinished: 2 of 9 processes measured on 2 machines": "# plan machine-kind=k processes=9\n",
	} {
		if got := New(read(t, text+more)).Findings[0].What; got != want {
			t.Errorf("%q: %s, want %s", more, got, want)
		}
	}
}

// TestFleetView: machines of a kind are one series, kinds are facets, and what is not
// known is said.
func TestFleetView(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, c := range []struct {
		machines int
		want     string
	}{
		{1, "one machine stands for its kind"},
		{3, "3 machines of a kind differ by up to "},
		{3, "an interval for the kind takes 6 machines"},
		{7, "7 machines of a kind differ by up to "},
	} {
		a, b := fleetOf{c.machines, 4, .05, .02, .03, .02}.draw(r)
		set := &sample.Set{Samples: append(a, b...)}
		v := New(set)
		if len(v.Facets) != 1 || len(v.Facets[0].Series) != 2 {
			t.Fatalf("%d machines: %d facets", c.machines, len(v.Facets))
		}
		says := ""
		for _, fd := range v.Findings {
			says += fmt.Sprintln(fd.What, fd.Much, fd.Sure, fd.More)
		}
		if !strings.Contains(says, c.want) || c.machines > 6 && strings.Contains(says, "an interval for the kind takes") {
			t.Errorf("%d machines: %s, want %q", c.machines, says, c.want)
		}
	}
}

// TestLimitsNameTheMachine: what only one kind of machine cannot tell is said of that kind.
func TestLimitsNameTheMachine(t *testing.T) {
	text := ""
	for kind, cpus := range map[string]int{"small": 4, "large": 96} {
		text += fmt.Sprintf("# contend protocol=1\n# run id=%s node=%s machine-kind=%s\nusable-cpus: %d\n# begin\n", kind, kind, kind, cpus)
		for _, reads := range []int{75, 100} {
			text += fmt.Sprintf("# sample cell=c%d block=0\nBenchmarkCache/reads=%d/backend=ring/gomaxprocs=2 1 5 ops/s\n", reads, reads)
		}
	}
	unknown := New(read(t, text)).unknown()
	for _, want := range []string{"machine-kind=large: nothing was measured beyond the 96 usable CPUs", "machine-kind=small: nothing was measured beyond the 4 usable CPUs"} {
		if !slices.Contains(unknown, want) {
			t.Errorf("no %q in %q", want, unknown)
		}
	}
}

// TestBasis: a number of observations is never said without what they are.
func TestBasis(t *testing.T) {
	none := math.NaN()
	for _, c := range []struct {
		e                        Estimate
		basis, span, uncertainty string
	}{
		{Estimate{2, none, none, 1, false, nil}, "1 sample", "1 sample, no interval", "1 sample a side, no interval: it takes 7"},
		{Estimate{2, 1, 3, 6, false, nil}, "6 samples", "1.00 to 3.00×", "95% interval 1.00 to 3.00×, 6 samples a side"},
		{Estimate{2, none, none, 5, true, nil}, "5 paired blocks", "5 paired blocks, no interval", "5 paired blocks, no interval: it takes 6"},
		{Estimate{2, none, none, 3, true, make([]Machine, 3)}, "3 machines", "3 machines, no interval", "3 machines, no interval: it takes 6"},
		{Estimate{2, 1, 3, 6, false, make([]Machine, 6)}, "6 machines", "1.00 to 3.00×", "95% interval 1.00 to 3.00×, 6 machines"},
	} {
		if c.e.Basis() != c.basis || c.e.span("×") != c.span || c.e.uncertainty("×") != c.uncertainty {
			t.Errorf("%q, %q, %q; want %q, %q, %q", c.e.Basis(), c.e.span("×"), c.e.uncertainty("×"), c.basis, c.span, c.uncertainty)
		}
	}
}
