package derive

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/internal/synthetic"
)

func read(t testing.TB, texts ...string) *sample.Set {
	t.Helper()
	set := new(sample.Set)
	for i, text := range texts {
		if err := set.Read(strings.NewReader(text), fmt.Sprintf("samples%d.txt", i)); err != nil {
			t.Fatal(err)
		}
	}
	return set
}

func floats(ns []int) (xs []float64) {
	for _, n := range ns {
		xs = append(xs, float64(n))
	}
	return xs
}

func ints(xs []float64) (ns []int) {
	for _, x := range xs {
		ns = append(ns, int(x))
	}
	return ns
}

// near reports whether an estimate lies within 3% of the truth.
func near(got Estimate, want float64) bool {
	return got.N > 0 && math.Abs(got.Median-want) <= 0.03*math.Abs(want)
}

var plan = synthetic.Plan{
	Backends: synthetic.Names(6), Procs: []int{1, 2, 4, 8, 16, 32}, Blocks: 20, Usable: 16, Control: true, Traced: true, Seed: 3,
}

func TestTruthIsFound(t *testing.T) {
	v := New(read(t, plan.Text()))
	if len(v.Facets) != 1 {
		t.Fatalf("%d facets, want 1", len(v.Facets))
	}
	f := v.Facets[0]
	if !cmp.Equal(f.X.Values, floats(plan.Procs)) || f.Usable != 16 || !f.HasControl || !f.HasTraced || v.Foreign {
		t.Errorf("facet %+v", f)
	}
	for i, s := range f.Series {
		for _, p := range s.Points {
			rate, ceiling := plan.Rate(i, int(p.X)), plan.Ceiling(i, int(p.X))
			where := fmt.Sprintf("%s at %g", s.Name, p.X)
			if !near(p.Speedup, rate/plan.Rate(i, 1)) || !p.Speedup.Paired || !p.Speedup.Interval() {
				t.Errorf("%s: speed-up %v, want %v", where, p.Speedup, rate/plan.Rate(i, 1))
			}
			if !near(p.Efficiency, rate/ceiling) {
				t.Errorf("%s: efficiency %v, want %v", where, p.Efficiency, rate/ceiling)
			}
			if p.Oversubscribed != (p.X > 16) {
				t.Errorf("%s: oversubscribed %v", where, p.Oversubscribed)
			}
			if math.Abs(p.Cost.Median-0.8) > 0.05 || !p.Cost.Paired {
				t.Errorf("%s: traced ÷ untraced %v, want 0.8", where, p.Cost)
			}
			if w := p.Wait; f.Toured || w["p-wait"].N != 20 || !near(w["p-wait-lock"], 0.6*w["p-wait"].Median) {
				t.Errorf("%s: waits %v", where, w)
			}
		}
	}
	// Overhead is the paired difference of CPU time, and small where nothing
	// is lost.
	last := f.Series[5].Point(16)
	if want := last.Units["cpu-ns/op"].Median - last.Control["cpu-ns/op"].Median; !near(last.Overhead, want) {
		t.Errorf("overhead %v, want about %v", last.Overhead, want)
	}
	if o := f.Series[0].Point(1).Overhead; o.Above(0) || o.Below(0) {
		t.Errorf("overhead at one P is %v, which excludes none", o)
	}
}

func TestFindings(t *testing.T) {
	v := New(read(t, plan.Text()))
	got := map[Kind]string{}
	for _, f := range v.Facets[0].Findings {
		got[f.Kind] = f.String() + strings.Join(f.More, "\n")
	}
	a, b := v.Facets[0].Series[0].Point(16), v.Facets[0].Series[1].Point(16)
	r := relate(mustRates(a), mustRates(b), ratio)
	for kind, wants := range map[Kind][]string{
		Leader: {"GOMAXPROCS=16, the highest that is not oversubscribed: s3fifo leads, " + Format("ops/s", a.Rate.Median),
			Format("×", r.Median) + " that of ring", Format("×", r.Hi) + ", 20 paired blocks"},
		Gains:   {"up to GOMAXPROCS=16, the highest valid: s3fifo", "the whole 95% interval of the ratio lies above 1"},
		Unknown: {"with 16 usable CPUs, GOMAXPROCS 32 is oversubscription"},
	} {
		for _, want := range wants {
			if !strings.Contains(got[kind], want) {
				t.Errorf("%s: %q lacks %q", kind, got[kind], want)
			}
		}
	}
}

func mustRates(p *Point) []obs {
	rates, _ := ratesOf(p.shared)
	return rates
}

// TestWhereCurvesStop gives each series a known last gain.
func TestWhereCurvesStop(t *testing.T) {
	text := func(n int) string {
		var b strings.Builder
		b.WriteString("# run id=1\nusable-cpus: 8\n")
		rng := rand.New(rand.NewPCG(1, 2))
		for block := range n {
			for _, name := range []string{"up", "flat", "down"} {
				for i, r := range map[string][]float64{"up": {1, 2, 4, 8, 99}, "flat": {1, 2, 2, 2, 99}, "down": {1, 3, 2, 1.5, 99}}[name] {
					fmt.Fprintf(&b, "# sample cell=x block=%d\nBenchmarkX/backend=%s/gomaxprocs=%d 1 %g ops/s\n", block, name, 1<<i, r*1e6*(1+0.01*rng.NormFloat64()))
				}
			}
		}
		return b.String()
	}
	f := New(read(t, text(10))).Facets[0]
	for _, s := range f.Series {
		at, falls, ok := s.stop(f)
		if want := map[string]int{"up": 8, "flat": 2, "down": 2}[s.Name]; !ok || int(at) != want {
			t.Errorf("%s stops at %g, %v; want %d", s.Name, at, ok, want)
		}
		if falls.Below(1) != (s.Name == "down") {
			t.Errorf("%s: falls %v", s.Name, falls)
		}
	}
	// One line for each value, the highest first.
	if got, want := strings.Join(gains(f).More, "\n"), "up to GOMAXPROCS=8, the highest valid: up\nup to GOMAXPROCS=2, and no gain could be told beyond: down and flat; slower again at 8: down (0."; !strings.HasPrefix(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	few := New(read(t, text(5))).Facets[0]
	for _, s := range few.Series {
		if _, _, ok := s.stop(few); ok {
			t.Errorf("%s: told from 5 samples", s.Name)
		}
	}
	if got := gains(few); !strings.Contains(got.Sure, "fewer than 6 samples") || len(got.More) != 2 || !strings.HasSuffix(got.More[1], "GOMAXPROCS=2, by chance or not: down and flat") {
		t.Errorf("from 5 samples: %+v", got)
	}
}

// TestNoGainToldIsNotNone: where the interval of the speed-up holds 1 there may be a gain, so that none is denied; what lies
// below 1 is said to be slower, and not slower again.
func TestNoGainToldIsNotNone(t *testing.T) {
	text := "# run id=1\nusable-cpus: 2\n"
	for block := range 6 {
		for name, r := range map[string]float64{"noisy": 0.7 + 0.2*float64(block), "down": 0.5} {
			for p, v := range map[int]float64{1: 1e6, 2: 1e6 * r} {
				text += fmt.Sprintf("# sample cell=x block=%d\nBenchmarkX/backend=%s/gomaxprocs=%d 1 %g ops/s\n", block, name, p, v)
			}
		}
	}
	fd := gains(New(read(t, text)).Facets[0])
	if want := "no gain could be told beyond GOMAXPROCS=1: down and noisy; slower at 2: down (0.500×)"; len(fd.More) != 1 || fd.More[0] != want || !strings.Contains(fd.What, "could be told") {
		t.Errorf("%+v, want %q", fd, want)
	}
}

// TestAboveCeiling: an efficiency whose whole interval lies above 100% is remarked upon; one that may be noise is not.
func TestAboveCeiling(t *testing.T) {
	text := "# run id=1\nusable-cpus: 2\n"
	for block := range 6 {
		for name, r := range map[string]float64{"above": 1.5, "noisy": 0.8 + 0.2*float64(block), "below": 0.5} {
			for _, p := range []int{1, 2, 4} {
				text += fmt.Sprintf("# sample cell=x block=%d\nBenchmarkX/sharing=all/backend=%[2]s/gomaxprocs=%[3]d 1 %[4]g ops/s\n# sample cell=y block=%[1]d\nBenchmarkX/sharing=none/backend=%[2]s/gomaxprocs=%[3]d 1 1e6 ops/s\n", block, name, p, 1e6*(r+0.1*float64(p)))
			}
		}
	}
	all := strings.Join(New(read(t, text)).unknown(), "\n")
	if want := "2 of 6 points are above their share-nothing ceiling by more than the interval (up to one in 40 can be so by chance); furthest above at GOMAXPROCS=2: efficiency 170% (170% to 170%); what sharing costs"; !strings.Contains(all, want) {
		t.Errorf("%s lacks %q", all, want)
	}
}

// TestGainsOfMany: twenty series that stop at six places are a line for each place,
// which a reader takes in at a glance.
func TestGainsOfMany(t *testing.T) {
	plan := synthetic.Plan{Backends: synthetic.Names(20), Procs: []int{1, 2, 4, 8, 16, 32, 64, 96}, Blocks: 10, Usable: 96}
	f := New(read(t, plan.Text())).Facets[0]
	got := gains(f).More
	if len(got) < 3 || len(got) > 8 {
		t.Errorf("%d lines: %q", len(got), got)
	}
	for _, line := range got {
		if strings.Count(line, "GOMAXPROCS=") != 1 || len(line) > 240 {
			t.Errorf("%d characters: %s", len(line), line)
		}
	}
}

// TestReferencesDoNotLead: a map without synchronisation would always win.
func TestReferencesDoNotLead(t *testing.T) {
	text := "# run id=1\n# backend name=null sync=none\n# backend name=a sync=mutex\n# backend name=b sync=mutex\nusable-cpus: 4\n"
	for i := range 6 {
		for name, rate := range map[string]int{"null": 900, "a": 20, "b": 10} {
			text += fmt.Sprintf("# sample cell=%s block=%d\nBenchmarkX/backend=%s/gomaxprocs=4 1 %d ops/s\n", name, i, name, rate*1000+i)
		}
	}
	v := New(read(t, text))
	if got := v.Facets[0].Findings[0].String(); !strings.Contains(got, ": a leads") || !strings.Contains(got, "null synchronises nothing") {
		t.Error(got)
	}
	answer := v.Answers()[0]
	if last := len(answer.Columns) - 1; answer.Columns[last] != "not ranked" || answer.Rows[0][last] != "null (reference)" || !strings.Contains(answer.About, aboutRef) {
		t.Errorf("what is not ranked is not named: %+v", answer)
	}
}

func TestIntervals(t *testing.T) {
	for n := 1; n <= 12; n++ {
		var vs []float64
		for i := range n {
			vs = append(vs, float64(i+1))
		}
		e := median(vs, Confidence)
		if e.N != n || e.Interval() != (n >= MinN) {
			t.Errorf("n=%d: %+v", n, e)
		}
		if e.Interval() && !(e.Lo <= e.Median && e.Median <= e.Hi) {
			t.Errorf("n=%d: median outside its interval: %+v", n, e)
		}
	}
	if e := median([]float64{5, 5, 5, 5, 5, 5, 5}, Confidence); e.Lo != 5 || e.Hi != 5 {
		t.Errorf("ties: %+v", e)
	}
	if e := median(nil, Confidence); e.N != 0 || e.Interval() {
		t.Errorf("nothing: %+v", e)
	}
}

// TestCoverage: of many intervals of skewed data at least 95% hold the true
// value, both for medians and for ratios of unpaired medians.
func TestCoverage(t *testing.T) {
	const seed, trials = 11, 4000
	rng := rand.New(rand.NewPCG(seed, 0))
	draw := func(n int) (os []obs) {
		for range n {
			os = append(os, obs{v: math.Exp(rng.NormFloat64()), pair: pairKey{block: -1}})
		}
		return os
	}
	for _, n := range []int{6, 10, 25} {
		hit, ratios := 0, 0
		for range trials {
			if e := median(values(draw(n)), Confidence); e.Lo <= 1 && 1 <= e.Hi {
				hit++
			}
			if e := relate(draw(n), draw(n), ratio); !e.Interval() || e.Lo <= 1 && 1 <= e.Hi {
				ratios++
			}
		}
		if least := trials * 94 / 100; hit < least || ratios < least { // 95% less three standard errors
			t.Errorf("n=%d (seed %d): %d and %d of %d intervals hold the truth", n, seed, hit, ratios, trials)
		}
	}
}

// TestPairing: a drift that hits a block's cells alike must vanish from paired
// ratios.
func TestPairing(t *testing.T) {
	run := new(sample.Run)
	var as, bs []obs
	for block := range 10 {
		drift := float64(1 + block)
		as = append(as, obs{3 * drift, pairKey{run, block}})
		bs = append(bs, obs{2 * drift, pairKey{run, 9 - block}})
	}
	for i := range bs {
		bs[i].v = 2 * float64(1+bs[i].pair.block)
	}
	if e := relate(as, bs, ratio); !e.Paired || e.Lo != 1.5 || e.Hi != 1.5 || e.N != 10 {
		t.Errorf("paired: %+v", e)
	}
	if e := relate(as, bs[:3], ratio); e.N != 3 || e.Interval() {
		t.Errorf("three common blocks: %+v", e)
	}
	zero := []obs{{0, pairKey{run, 0}}}
	if e := relate(as, zero, ratio); e.N != 0 {
		t.Errorf("zero baseline: %+v", e)
	}
}

func TestSeriesAndFacets(t *testing.T) {
	type layout struct {
		Facets, Series []string // labels
		Procs          []int
	}
	for _, c := range []struct {
		name, text string
		want       layout
	}{
		{"go test -cpu", "BenchmarkA 1 5 ns/op\nBenchmarkA-8 1 3 ns/op\nBenchmarkB 1 5 ns/op\nBenchmarkB-8 1 3 ns/op\n",
			layout{[]string{""}, []string{"A", "B"}, []int{1, 8}}},
		{"no GOMAXPROCS anywhere", "BenchmarkA 1 5 ns/op\nBenchmarkB 1 5 ns/op\n",
			layout{[]string{""}, []string{"A", "B"}, []int{0}}},
		{"sizes are conditions", "BenchmarkA/n=10-2 1 5 ns/op\nBenchmarkA/n=1000-2 1 5 ns/op\nBenchmarkB/n=10-2 1 5 ns/op\n",
			layout{[]string{"n=10", "n=1000"}, []string{"A", "B"}, []int{2}}},
		{"sub-benchmarks", "BenchmarkMap/Load-2 1 5 ns/op\nBenchmarkMap/Store-2 1 5 ns/op\n",
			layout{[]string{""}, []string{"Load", "Store"}, []int{2}}},
		{"text keys before numbers", "BenchmarkM/n=1/lock=rw-2 1 5 ns/op\nBenchmarkM/n=2/lock=mutex-2 1 5 ns/op\n",
			layout{[]string{"n=1", "n=2"}, []string{"rw", "mutex"}, []int{2}}},
		{"only numbers", "BenchmarkM/n=1-2 1 5 ns/op\nBenchmarkM/n=2-2 1 5 ns/op\n",
			layout{[]string{""}, []string{"1", "2"}, []int{2}}},
		{"one benchmark", "BenchmarkM-2 1 5 ns/op\nBenchmarkM-2 1 6 ns/op\n",
			layout{[]string{""}, []string{"M"}, []int{2}}},
		{"a control is no series", "BenchmarkC/sharing=all/backend=a/gomaxprocs=2 1 5 ns/op\nBenchmarkC/sharing=none/backend=a/gomaxprocs=2 1 4 ns/op\n",
			layout{[]string{""}, []string{"a"}, []int{2}}},
		{"nothing but controls", "BenchmarkC/sharing=none/backend=a/gomaxprocs=2 1 4 ns/op\n",
			layout{[]string{""}, []string{"a"}, []int{2}}},
		{"another host is not pooled", "cpu: x\nBenchmarkA-2 1 5 ns/op\ncpu: y\nBenchmarkA-2 1 5 ns/op\n",
			layout{[]string{"cpu=x", "cpu=y"}, []string{"A"}, []int{2}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := New(read(t, c.text))
			got := layout{Procs: ints(v.Facets[0].X.Values), Series: v.Names}
			for _, f := range v.Facets {
				got.Facets = append(got.Facets, f.Label())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOriginsAreNotPooled(t *testing.T) {
	run := func(id, exe string) string {
		return fmt.Sprintf("# run id=%s exe=%s\n# sample cell=a block=0\nBenchmarkC/backend=a/gomaxprocs=2 1 4 ns/op\n", id, exe)
	}
	if v := New(read(t, run("1", "x"), run("2", "y"))); len(v.Facets) != 2 {
		t.Errorf("two executables: %d facets, want 2", len(v.Facets))
	}
	if v := New(read(t, run("1", "x"), run("2", "x"))); len(v.Facets) != 1 || v.Facets[0].Series[0].Points[0].Rate.N != 2 {
		t.Errorf("one executable, continued: %d facets, want 1 with both samples", len(v.Facets))
	}
	// Texts told apart by a key of their names share a chart, unless validity
	// differs between them.
	lifted := func(cpus string) string {
		return "cpu: x\nusable-cpus: 4\nBenchmarkA/file=a-2 1 5 ns/op\ncpu: y\nusable-cpus: " + cpus + "\nBenchmarkA/file=b-2 1 5 ns/op\n"
	}
	if v := New(read(t, lifted("4"))); len(v.Facets) != 1 || len(v.Facets[0].Series) != 2 {
		t.Errorf("two hosts told apart by name: %d facets, want 1 with two series", len(v.Facets))
	}
	if v := New(read(t, lifted("2"))); len(v.Facets) != 2 {
		t.Errorf("hosts with different usable CPUs: %d facets, want 2", len(v.Facets))
	}
}

func TestInvalidSamplesAreLeftOut(t *testing.T) {
	p := plan
	p.Invalid = true
	v := New(read(t, p.Text()))
	pt := v.Facets[0].Series[0].Points[0]
	if pt.Rate.N != p.Blocks-1 || len(pt.Invalid) != 1 || !strings.HasPrefix(pt.Invalid[0].Text, "crashed") {
		t.Errorf("%d samples, invalid %v", pt.Rate.N, pt.Invalid)
	}
}

// TestToursAreNoPoints: a tour goes through all values of GOMAXPROCS. It tells
// what Ps wait for, where no cell was traced on its own.
func TestToursAreNoPoints(t *testing.T) {
	const tour = "BenchmarkC/sharing=all/probe=tour/backend=a/gomaxprocs=4 1 8 ns/op 0.5 p-wait 0.5 p-wait-lock\n"
	v := New(read(t, tour))
	if len(v.Facets) != 0 {
		t.Errorf("%d facets of a tour alone", len(v.Facets))
	}
	const untraced = "BenchmarkC/sharing=all/backend=a/gomaxprocs=4 1 4 ns/op\n"
	f := New(read(t, tour+untraced)).Facets[0]
	if p := f.Series[0].Points[0]; !f.Toured || p.Rate.N != 1 || p.Wait["p-wait-lock"].Median != 0.5 || p.Cost.Median != 0.5 || len(p.Traced) != 0 {
		t.Errorf("toured %v, point %+v", f.Toured, p)
	}
	f = New(read(t, tour+untraced+"BenchmarkC/sharing=all/probe=trace/backend=a/gomaxprocs=4 1 5 ns/op 0.25 p-wait\n")).Facets[0]
	if p := f.Series[0].Points[0]; f.Toured || p.Wait["p-wait"].Median != 0.25 || p.Wait["p-wait"].N != 1 || p.Cost.Median != 0.8 {
		t.Errorf("beside a traced cell: toured %v, point %+v", f.Toured, p)
	}
}

func TestCosts(t *testing.T) {
	set := read(t, plan.Text())
	costs := Costs(set)
	v := New(set)
	checked := 0
	for _, s := range set.Samples {
		_, probed := s.Name.Get("probe")
		if e, ok := costs[s]; ok != probed {
			t.Fatalf("%s has cost %v", s.Name, e)
		} else if probed {
			backend, _ := s.Name.Get("backend")
			for _, sr := range v.Facets[0].Series {
				if sr.Name == backend && !cmp.Equal(sr.Point(float64(s.Name.Procs())).Cost, e, cmpopts.EquateNaNs()) {
					t.Errorf("%s: cost %v, in the view %v", s.Name, e, sr.Point(float64(s.Name.Procs())).Cost)
				}
			}
			checked++
		}
	}
	if checked == 0 {
		t.Error("no traced samples")
	}
}

// TestOddNumbers: zero, negative and missing values, single samples and mixed
// units must neither fail nor become estimates.
func TestOddNumbers(t *testing.T) {
	v := New(read(t, "BenchmarkA-1 1 0 ns/op\nBenchmarkA-2 1 -5 ns/op\nBenchmarkA-4 1 7 widgets\nBenchmarkB-1 1 NaN ns/op\nBenchmarkB-4 1 2 ns/op\n"))
	f := v.Facets[0]
	for _, s := range f.Series {
		for _, p := range s.Points {
			want := 0
			if s.Name == "B" && p.X == 4 {
				want = 1
			}
			if p.Rate.N != want {
				t.Errorf("%s at %g: rate %+v", s.Name, p.X, p.Rate)
			}
			if p.Speedup.N != 0 {
				t.Errorf("%s at %g: speed-up %+v of nothing", s.Name, p.X, p.Speedup)
			}
		}
	}
	if len(v.Units) != 2 {
		t.Errorf("units %v", v.Units)
	}
}

func TestFormat(t *testing.T) {
	for _, c := range []struct {
		unit string
		v    float64
		want string
	}{
		{"ops/s", 24271844, "24.3 M ops/s"}, {"ops/s", 9999, "9999 ops/s"}, {"ops/s", 12345, "12.3 k ops/s"},
		{"ns/op", 41.25, "41.3 ns"}, {"ns/op", 1234567, "1.23 ms"}, {"cpu-ns/op", -3.14159, "-3.14 ns"}, {"sec/op", 2e-6, "2000 ns"},
		{"hits/get", 0.98765, "98.8%"}, {"cpu-unused", -0.94, "-94.0%"}, {"×", 1.5, "1.50×"}, {"fairness", 0.1, "0.100"},
		{"widgets", 0, "0 widgets"}, {"ctxsw/op", 0.000123, "0.000123 ctxsw/op"},
		{"×", 0.000751, "0.000751×"}, {"×", 7.514e-6, "0.00000751×"}, {"×", 0.00099999, "0.00100×"}, {"×", -0.0002, "-0.000200×"}, {"×", 2.5e-10, "2.50e-10×"}, {"×", 0.00151, "0.00151×"}, {"×", 0.0125, "0.0125×"},
		{"os-wait", 2.5, "2.50 threads"},
	} {
		if got := Format(c.unit, c.v); got != c.want {
			t.Errorf("Format(%s, %v) = %q, want %q", c.unit, c.v, got, c.want)
		}
	}
}

// FuzzNew holds the whole derivation to surviving any text that the reader
// accepts.
func FuzzNew(f *testing.F) {
	f.Add(synthetic.Plan{Backends: synthetic.Names(2), Procs: []int{1, 2}, Blocks: 2, Control: true, Traced: true}.Text())
	f.Add("BenchmarkA-1 1 0 ns/op\nBenchmarkA/x-2 1 -5 ns/op\nBenchmarkA/k=v/sharing=none 1 7 widgets\n")
	f.Fuzz(func(t *testing.T, text string) {
		set := new(sample.Set)
		if set.Read(strings.NewReader(text), "fuzz") != nil {
			return
		}
		for _, fc := range New(set).Facets {
			if len(fc.Findings) != 3 {
				t.Errorf("%d findings", len(fc.Findings))
			}
			for _, s := range fc.Series {
				for _, p := range s.Points {
					if p.Rate.N > 0 && !(p.Rate.Median > 0) {
						t.Errorf("rate %+v", p.Rate)
					}
				}
			}
		}
	})
}

// TestAnyAxis: the axis is what the run states or the set was told, its scale
// follows from the values, and GOMAXPROCS is then a key like others.
func TestAnyAxis(t *testing.T) {
	text := ""
	for _, size := range []string{"64", "1K", "16K"} {
		for _, fn := range []string{"quick", "merge"} {
			text += fmt.Sprintf("BenchmarkSort/size=%s/fn=%s-4 10 5 ns/op\n", size, fn)
		}
	}
	plain := New(read(t, text))
	if !plain.Facets[0].X.Procs() || len(plain.Facets) < 2 {
		t.Errorf("along GOMAXPROCS: %d facets", len(plain.Facets))
	}
	set := read(t, text)
	if err := set.Along("size"); err != nil {
		t.Fatal(err)
	}
	v := New(set)
	f := v.Facets[0]
	if len(v.Facets) != 1 || !cmp.Equal(f.X.Values, []float64{64, 1024, 16384}) || !f.X.Log || f.X.At(1024) != "size=1K" || len(f.Series) != 2 {
		t.Errorf("along size: %d facets, %+v", len(v.Facets), f.X)
	}
	if want := []sample.Field{{Key: ".name", Value: "Sort"}, {Key: "gomaxprocs", Value: "4"}}; !cmp.Equal(v.Common, want) {
		t.Errorf("common %v, want %v", v.Common, want)
	}
	if err := set.Along("fn"); err == nil || !strings.Contains(err.Error(), "numbers are in gomaxprocs, size") {
		t.Errorf("along a key without numbers: %v", err)
	}
	stated := New(read(t, "# contend protocol=1\n# run id=a\n# axis name=Sort key=size series=fn\n# order key=fn values=\"quick merge\"\n"+text))
	if len(stated.Facets) != 1 || stated.Facets[0].X.Key != "size" || !cmp.Equal(stated.Names, []string{"quick", "merge"}) {
		t.Errorf("as the run states: %+v", stated.Facets[0])
	}
}

func TestScale(t *testing.T) {
	for _, c := range []struct {
		values []float64
		log    bool
	}{
		{[]float64{1, 2, 4, 8}, true}, {[]float64{1, 10, 100}, true}, {[]float64{64, 1024, 16384}, true},
		{[]float64{1, 2, 3, 4}, false}, {[]float64{10, 20, 30, 40, 50}, false}, {[]float64{0, 1, 2, 4, 8}, false},
		{[]float64{50, 80, 90, 95}, false}, {[]float64{1, 100}, true}, {[]float64{50, 60}, false}, {[]float64{7}, false},
	} {
		a := Axis{Key: "x", Values: c.values}
		a.settle()
		if a.Log != c.log {
			t.Errorf("%v: logarithmic %v", c.values, a.Log)
		}
	}
}

// TestNodes: machines of one kind and different speed are two curves; where
// nothing tells whether there were two, the pooling is stated.
func TestNodes(t *testing.T) {
	text := func(node string, ns int) string {
		s := "# contend protocol=1\n# run id=r" + node + " seed=1"
		if node != "" {
			s += " node=" + node
		}
		s += "\ncpu: X\nusable-cpus: 8\n# begin\n"
		for block := range 6 {
			s += fmt.Sprintf("# sample cell=a block=%d\nBenchmarkCache/backend=ring/gomaxprocs=1 10 %d ns/op\n", block, ns+block)
		}
		return s
	}
	v := New(read(t, text("ada", 100)+text("bob", 200)))
	if len(v.Facets) != 2 || v.Facets[0].Label() != "node=ada" || v.Facets[1].Label() != "node=bob" || len(v.Notes) > 0 {
		t.Errorf("two nodes: %d facets, notes %v", len(v.Facets), v.Notes)
	}
	if near(v.Facets[0].Series[0].Points[0].Time(), 150) {
		t.Error("two nodes were pooled")
	}
	v = New(read(t, text("", 100), text("", 200)))
	if len(v.Facets) != 1 || len(v.Notes) != 1 || !strings.Contains(v.Notes[0], "1 point pools the samples of several files (samples0.txt and samples1.txt)") {
		t.Errorf("nobody knows: %d facets, notes %v", len(v.Facets), v.Notes)
	}
	set := read(t, text("ada", 100)+text("bob", 200))
	if err := set.Lift("node"); err != nil {
		t.Fatal(err)
	}
	if n, _ := set.Samples[0].Name.Get("node"); n != "ada" {
		t.Errorf("lifted %q", n)
	}
	// Asked for by --by, both are on one chart, each with its own number of CPUs.
	two := func(node string, cpus, ns int) string {
		s := strings.ReplaceAll(text(node, ns), "usable-cpus: 8", fmt.Sprintf("usable-cpus: %d", cpus))
		for block := range 6 {
			for _, p := range []int{4, 8} {
				s += fmt.Sprintf("# sample cell=b%d block=%d\nBenchmarkCache/backend=ring/gomaxprocs=%d 10 %d ns/op\n", p, block, p, ns/p+block)
			}
		}
		return s
	}
	set = read(t, two("ada", 8, 1000)+two("bob", 4, 2000))
	if err := set.Lift("node"); err != nil {
		t.Fatal(err)
	}
	v = New(set)
	if len(v.Facets) != 1 || !cmp.Equal(v.Names, []string{"ring/ada", "ring/bob"}) {
		t.Fatalf("by node: %d facets, series %v", len(v.Facets), v.Names)
	}
	f := v.Facets[0]
	if over := f.Series[1].Point(8).Oversubscribed; !over || f.Series[0].Point(8).Oversubscribed {
		t.Error("a point does not know the CPUs of its own host")
	}
	if got := limits(f)[0]; !strings.Contains(got, "at most 8: points above a host's own") {
		t.Errorf("limits: %q", got)
	}
	if f.Contests[0].X != 4 || !cmp.Equal(f.Contests[0].Winners(), []string{"ring/ada"}) {
		t.Errorf("compared at %g, won by %v", f.Contests[0].X, f.Contests[0].Winners())
	}
}

// TestNothingIsPooled: each benchmark at each value of the axis is one point,
// whatever the names look like.
func TestNothingIsPooled(t *testing.T) {
	for _, text := range []string{
		"BenchmarkC/otter_reads=100-8 100 9 ns/op\nBenchmarkC/lru_reads=100-8 100 318 ns/op\nBenchmarkC/otter_reads=50-8 100 19 ns/op\nBenchmarkC/lru_reads=50-8 100 518 ns/op\n",
		"BenchmarkM/reads=10-8 100 5 ns/op\nBenchmarkM/writes=10-8 100 500 ns/op\n",
		"BenchmarkA/bytes=4099-2 1 1 ns/op\nBenchmarkA/naive_bytes=4099-2 1 2 ns/op\nBenchmarkA/4099-2 1 3 ns/op\n",
		"BenchmarkA/x=1/y=2-2 1 1 ns/op\nBenchmarkA/y=2/x=1-2 1 2 ns/op\n",
		"BenchmarkA/b=1-2 1 1 ns/op\nBenchmarkA/a=b/1-2 1 2 ns/op\nBenchmarkA-2 1 3 ns/op\nBenchmarkA/a=-2 1 3 ns/op\n",
	} {
		onePointEach(t, text)
	}
	rng := rand.New(rand.NewPCG(7, 7))
	pick := func(list ...string) string { return list[rng.IntN(len(list))] }
	for range 300 {
		text := ""
		for range 2 + rng.IntN(12) {
			text += "Benchmark" + pick("A", "B")
			for range rng.IntN(4) {
				text += "/" + pick("", "", "x=", "y=", "backend=", "impl=", "sharing=") + pick("1", "2", "a", "b", "x")
			}
			text += pick("", "-2", "-4") + " 1 5 ns/op\n"
		}
		onePointEach(t, text)
	}
}

func onePointEach(t *testing.T, text string) {
	t.Helper()
	set := read(t, text)
	names := map[string]int{}
	for _, s := range set.Samples {
		names[s.Name.String()]++
	}
	points := 0
	for _, f := range New(set).Facets {
		for _, s := range f.Series {
			for _, p := range s.Points {
				n := p.Units["ns/op"].N
				if len(p.Control) > 0 {
					points++
				}
				if n > 0 {
					points++
				}
				ok := false
				for _, count := range names {
					ok = ok || count == n
				}
				if !ok {
					t.Errorf("a point of %d samples in\n%s", n, text)
				}
			}
		}
	}
	if points != len(names) && !strings.Contains(text, "sharing=") { // a control without its like is not shown, with a note
		t.Errorf("%d points of %d names in\n%s", points, len(names), text)
	}
}
