package compare

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/contend-go/contend/bench/sample"
)

func side(t *testing.T, label, text string) Side {
	t.Helper()
	set := new(sample.Set)
	if err := set.Read(strings.NewReader(text), label+".txt"); err != nil {
		t.Fatal(err)
	}
	return Side{Label: label, Set: set}
}

// lines repeats a benchmark line with each of the values.
func lines(name, unit string, values ...float64) string {
	var b strings.Builder
	for _, v := range values {
		fmt.Fprintf(&b, "%s 100 %v %s\n", name, v, unit)
	}
	return b.String()
}

func compareTexts(t *testing.T, old, new string, opt Options) *Comparison {
	t.Helper()
	c, err := Compare(side(t, "old", old), side(t, "new", new), opt)
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range Formats { // none may fail, whatever is compared; only annotations may be none
		var out bytes.Buffer
		if err := c.Write(&out, format); err != nil || out.Len() == 0 && format != "github" {
			t.Fatalf("%s: %v", format, err)
		}
		if s := out.String(); strings.Contains(s, "NaN") || strings.Contains(s, "Inf") || strings.Contains(s, "%!") {
			t.Errorf("%s holds what no reader wants:\n%s", format, s)
		}
	}
	return c
}

// beside are the options for texts of which the tests know that nothing but the code
// differs.
var beside = with(func(o *Options) { o.Between = 0 })

func only(t *testing.T, c *Comparison) *Row {
	t.Helper()
	if len(c.Gated()) != 1 {
		t.Fatalf("%d gated rows: %+v", len(c.Gated()), c.Gated())
	}
	return c.Gated()[0]
}

var (
	hundred = []float64{100, 101, 99, 100.5, 99.5, 100.2, 99.8, 100.7}
	ninety  = []float64{90, 91, 89, 90.5, 89.5, 90.2, 89.8, 90.7}
)

func TestVerdicts(t *testing.T) {
	stated := "Unit q/x better=higher\nUnit w better=lower\n"
	for name, tc := range map[string]struct {
		unit     string
		old, new []float64
		want     Verdict
	}{
		"time falls":              {"ns/op", hundred, ninety, Better},
		"time rises":              {"ns/op", ninety, hundred, Worse},
		"throughput falls":        {"ops/s", hundred, ninety, Worse},
		"stated direction":        {"q/x", hundred, ninety, Worse},
		"per second by habit":     {"MB/s", hundred, ninety, Worse},
		"alike":                   {"ns/op", hundred, hundred, Same},
		"constant":                {"allocs/op", []float64{2, 2, 2, 2, 2, 2}, []float64{2, 2, 2, 2, 2, 2}, Same},
		"constant step":           {"allocs/op", []float64{2, 2, 2, 2, 2, 2}, []float64{3, 3, 3, 3, 3, 3}, Worse},
		"from zero":               {"lost/op", []float64{0, 0, 0, 0, 0, 0}, []float64{1, 1, 1, 2, 1, 1}, Worse},
		"to zero":                 {"lost/op", []float64{1, 1, 1, 2, 1, 1}, []float64{0, 0, 0, 0, 0, 0}, Better},
		"zero stays":              {"lost/op", []float64{0, 0, 0, 0, 0, 0}, []float64{0, 0, 0, 0, 0, 0}, Same},
		"negative values":         {"w", []float64{-1, -2, -1.5, -1.2, -1.1, -1.3}, []float64{4, 5, 4.5, 4.2, 4.1, 4.3}, Worse},
		"small though certain":    {"ns/op", hundred, []float64{102, 102.1, 102.2, 102.3, 102.4, 102.5}, Same},
		"one sample":              {"ns/op", []float64{100}, []float64{200}, Unclear},
		"five samples":            {"ns/op", hundred[:5], []float64{200, 201, 202, 203, 204}, Unclear},
		"large but may be chance": {"ns/op", []float64{100, 180, 90, 150, 130, 110}, []float64{120, 190, 95, 170, 140, 160}, Unclear},
		"huge and tiny":           {"ns/op", []float64{1e-300, 1e300, 1, 1, 1, 1}, []float64{1e300, 1e-300, 1, 1, 1, 1}, Unclear},
	} {
		t.Run(name, func(t *testing.T) {
			r := only(t, compareTexts(t, stated+lines("BenchmarkA/k=v-4", tc.unit, tc.old...), stated+lines("BenchmarkA/k=v-4", tc.unit, tc.new...), beside))
			if r.Verdict != tc.want {
				t.Errorf("%s (%s): ratio %g [%g, %g], p %g; want %s", r.Verdict, r.Why, r.Ratio, r.Lo, r.Hi, r.P, tc.want)
			}
		})
	}
}

// variants is a run whose variants base and head were measured in the same
// blocks; drift is shared, head is slower by effect. Blocks that are in broken
// are invalid in head.
func variants(cells, blocks int, effect float64, broken map[int]bool) string {
	rng := rand.New(rand.NewPCG(5, 5))
	var b strings.Builder
	b.WriteString("# contend protocol=1\n# run id=a seed=1\ngoos: linux\nusable-cpus: 2\n# begin\n")
	for block := range blocks {
		drift := math.Exp(rng.NormFloat64())
		for c := range cells {
			name := fmt.Sprintf("BenchmarkCache/workload=zipf/backend=b%d/gomaxprocs=4", c)
			for _, v := range []string{"head", "base"} {
				x := 1e6 / drift * math.Exp(0.005*rng.NormFloat64())
				invalid, hide := "", ""
				if v == "head" {
					x /= 1 + effect
					if broken[block] {
						invalid, hide = " invalid=crashed", "# result "
					}
				}
				fmt.Fprintf(&b, "# sample cell=c%d block=%d variant=%s%s\n%s%s 100 %f ops/s %f ns/op 7 cpu-unused\n", c, block, v, invalid, hide, name, x, 1e9/x)
			}
		}
	}
	return b.String()
}

// TestPairedVariants: a drift ten times the effect and more cancels in pairs, and
// drowns it in samples that are not paired.
func TestPairedVariants(t *testing.T) {
	text := variants(3, 10, 0.05, map[int]bool{4: true})
	s := side(t, "run", text)
	base, head := Side{"base", s.Set, "base"}, Side{"head", s.Set, "head"}
	c, err := Compare(base, head, Default)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range c.Gated() {
		if r.Verdict != Worse || !r.Paired || r.NOld != 9 || r.Unit != "ops/s" || math.Abs(r.Ratio-1/1.05) > 0.01 {
			t.Errorf("%s %s: ratio %g of %d pairs (%v)", r.Name, r.Verdict, r.Ratio, r.NOld, r.Paired)
		}
	}
	if c.Invalid != [2]int{0, 3} || c.MaxProcs != 4 || !c.Regressed() {
		t.Errorf("invalid %v, up to GOMAXPROCS %d", c.Invalid, c.MaxProcs)
	}
	var out bytes.Buffer
	c.Write(&out, "text")
	for _, want := range []string{"Regression: 3 worse of 3", "checked up to GOMAXPROCS=4 on 2 usable CPUs (above that oversubscribed", "head: 3 invalid samples left out", "every cell: BenchmarkCache/workload=zipf/gomaxprocs=4"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	apart := compareTexts(t, strings.ReplaceAll(text, "variant=base", "variant=x"), strings.ReplaceAll(variants(3, 10, 0.05, nil), "# run id=a", "# run id=b"), Default)
	if apart.Regressed() || apart.Gated()[0].Paired {
		t.Error("samples of different runs are taken for pairs")
	}
	all := map[int]bool{}
	for b := range 10 {
		all[b] = true
	}
	s = side(t, "run", variants(1, 10, 0, all)+variants(1, 0, 0, nil))
	if _, err := Compare(Side{"base", s.Set, "base"}, Side{"head", s.Set, "head"}, Default); err == nil || !strings.Contains(err.Error(), "crashed") {
		t.Errorf("all of head's samples are invalid: %v", err)
	}
}

func TestWhatCannotBeCompared(t *testing.T) {
	old := "goos: linux\ncpu: A\ngogc: 100\n" + lines("BenchmarkA", "ns/op", hundred...) + lines("BenchmarkGone", "ns/op", 1) + lines("BenchmarkMixed", "ns/op", 1)
	new := "goos: linux\ncpu: B\ncommit: x\n" + lines("BenchmarkA", "ns/op", hundred...) + lines("BenchmarkAdded", "ns/op", 1) + lines("BenchmarkMixed", "MB/s", 1)
	c := compareTexts(t, old, new, Default)
	if len(c.Missing) != 1 || c.Missing[0] != "BenchmarkGone" || len(c.New) != 1 || c.New[0] != "BenchmarkAdded" || len(c.NoUnit) != 1 || c.NoUnit[0] != "BenchmarkMixed" {
		t.Errorf("missing %v, new %v, without unit %v", c.Missing, c.New, c.NoUnit)
	}
	if len(c.Differs) != 1 || c.Differs[0].Key != "cpu" || len(c.Unstated) != 1 || !c.Undecided() {
		t.Errorf("differs %+v, unstated %v", c.Differs, c.Unstated)
	}
	parts := "# run id=a\n" + lines("BenchmarkA", "ns/op", 500, 500, 500) + "# run id=b\n" + lines("BenchmarkA", "ns/op", hundred...)
	if c := compareTexts(t, parts, lines("BenchmarkA", "ns/op", hundred...), Default); c.OtherParts[0] != 3 || only(t, c).NOld != len(hundred) {
		t.Errorf("parts of a run are pooled: %+v", only(t, c))
	}
	pkgs := "pkg: p\n" + lines("BenchmarkA", "ns/op", hundred...) + "pkg: q\n" + lines("BenchmarkA", "ns/op", ninety...)
	if c := compareTexts(t, pkgs, pkgs, Default); len(c.Gated()) != 2 || len(c.Differs) != 0 {
		t.Error("packages are pooled")
	}
	for _, tc := range []struct {
		old, new string
		opt      Options
		want     string
	}{
		{lines("BenchmarkA", "ns/op", 1), lines("BenchmarkB", "ns/op", 1), Default, "only in old: BenchmarkA; only in new: BenchmarkB"},
		{lines("BenchmarkA", "ns/op", 1), lines("BenchmarkA", "MB/s", 1), Default, "without a common unit: BenchmarkA"},
		{lines("BenchmarkA", "ns/op", 1), lines("BenchmarkA", "ns/op", 1), with(func(o *Options) { o.Units = []string{"B/op"} }), "no cell has B/op on both sides"},
		{lines("BenchmarkA", "things", 1), lines("BenchmarkA", "things", 1), with(func(o *Options) { o.Units = []string{"things"} }), "things has no direction"},
		{"", "", with(func(o *Options) { o.MinEffect = -1 }), "--min-effect"},
		{"", "", with(func(o *Options) { o.Alpha = 0 }), "--alpha"},
		{"", "", with(func(o *Options) { o.Want = 0.01 }), "--want"},
	} {
		if _, err := Compare(side(t, "old", tc.old), side(t, "new", tc.new), tc.opt); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v, want %q", err, tc.want)
		}
	}
}

func with(change func(*Options)) Options {
	o := Default
	change(&o)
	return o
}

// TestUnits: each listed unit of a cell is a member of the family.
// TestFirstCalls: what first calls take is compared and said, and no alarm unless
// asked for; windows of few iterations are said beside their numbers.
func TestFirstCalls(t *testing.T) {
	text := func(first, scale float64, warning string) string {
		b := "# contend protocol=1\n# run id=1\n# begin\n"
		for i, v := range hundred {
			b += fmt.Sprintf("# sample cell=a block=%d\n%sBenchmarkA/gomaxprocs=1 3 %v ns/op %v first-ns\n", i, warning, v*scale, first+v)
		}
		return b
	}
	c := compareTexts(t, text(1e6, 1, ""), text(9e6, 1, "# warn text=\"few iterations: 3 in the window\"\n"), beside)
	r := only(t, c)
	if r.Unit != "ns/op" || r.Verdict != Same || c.Regressed() || c.Count(Worse) != 0 || !r.FewIterations {
		t.Errorf("%+v", r)
	}
	remarks := strings.Join(c.remarks(), "\n")
	for _, want := range []string{"--unit first-ns gates them): worse A/gomaxprocs=1: 1.000ms → 9.000ms (×9 to ×9)", "1 comparison of few iterations"} {
		if !strings.Contains(remarks, want) {
			t.Errorf("%q is not in:\n%s", want, remarks)
		}
	}
	if c := compareTexts(t, text(1e6, 1, ""), text(1e6, 2, ""), beside); strings.Contains(strings.Join(c.remarks(), "\n"), "first calls") || !c.Regressed() {
		t.Errorf("equal first calls are said:\n%s", c.remarks())
	}
	gated := beside
	gated.Units = []string{"first-ns"}
	if c := compareTexts(t, text(1e6, 1, ""), text(9e6, 1, ""), gated); !c.Regressed() || strings.Contains(strings.Join(c.remarks(), "\n"), "not gated") {
		t.Error("gated first calls do not alarm, or are said not to")
	}
}

func TestUnits(t *testing.T) {
	text := ""
	for _, v := range hundred {
		text += fmt.Sprintf("BenchmarkA 1 %v ns/op %v cpu-ns/op %v ctxsw/op\n", v, v, v)
	}
	c := compareTexts(t, text, text, with(func(o *Options) { o.Units = []string{"cpu-ns/op", "ctxsw/op"} }))
	if len(c.Gated()) != 2 || len(c.Rows) != 3 || math.Abs(c.Gated()[0].Level-0.95) > 1e-12 {
		t.Errorf("%d gated of %d, level %g", len(c.Gated()), len(c.Rows), c.Gated()[0].Level)
	}
}

// TestUnitCPU: CPU time joins the unit that stands for a cell, and no other list.
// TestContraryUnits: which direction is worse is not decided by which Unit line is
// read first.
func TestContraryUnits(t *testing.T) {
	text := func(better string) string {
		return "Unit w better=" + better + "\n" + lines("BenchmarkA", "w", hundred...)
	}
	if _, err := Compare(side(t, "old", text("higher")), side(t, "new", text("lower")), Default); err == nil || !strings.Contains(err.Error(), "unit w is better=higher in old, and better=lower in new") {
		t.Error(err)
	}
	for name, texts := range map[string][]string{"both.txt:11: metadata better of unit w already set to higher": {text("higher") + "\n" + text("lower")}, "both.txt:1: unit w is better=lower, and better=higher in a file before": {text("higher"), text("lower")}} {
		set := new(sample.Set)
		var err error
		for _, text := range texts {
			err = set.Read(strings.NewReader(text), "both.txt")
		}
		if err == nil || err.Error() != name {
			t.Errorf("%v, want %s", err, name)
		}
	}
}

func TestUnitCPU(t *testing.T) {
	for _, c := range []struct {
		values string // of a cell
		units  []string
		want   string
	}{
		{"5 ns/op 4 cpu-ns/op 3 ops/s", nil, "cpu-ns/op ops/s"},
		{"4 cpu-ns/op 3 B/op", nil, "B/op cpu-ns/op"},
		{"5 ns/op", nil, "ns/op"},
		{"5 ns/op 4 cpu-ns/op", []string{"ns/op"}, "ns/op"},
	} {
		text := strings.Repeat("BenchmarkA 1 "+c.values+"\n", MinN)
		var got []string
		for _, r := range compareTexts(t, text, text, with(func(o *Options) { o.CPU, o.Units = true, c.units })).Gated() {
			got = append(got, r.Unit)
		}
		slices.Sort(got)
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: gated are %v, want %s", c.values, got, c.want)
		}
	}
}

// TestUnclear: what the data cannot decide names the samples that would.
func TestUnclear(t *testing.T) {
	var old, new []float64
	for i := range 10 {
		old, new = append(old, 100+float64(i*7%10)*5), append(new, 104+float64(i*3%10)*6)
	}
	c := compareTexts(t, lines("BenchmarkA", "ns/op", old...), lines("BenchmarkA", "ns/op", new...), beside)
	r := only(t, c)
	if r.Verdict != Unclear || !slices.Equal(c.Needs(), []int{r.Needed}) || r.Needed <= 10 {
		t.Fatalf("%s, needs %d of %d", r.Verdict, c.Needs(), r.Needed)
	}
	var out bytes.Buffer
	if err := c.Write(&out, "text"); err != nil || !strings.Contains(out.String(), fmt.Sprintf("the data cannot decide; %d samples a side can for 1", r.Needed)) {
		t.Errorf("%v\n%s", err, out.String())
	}
	decided := compareTexts(t, lines("BenchmarkA", "ns/op", ninety...), lines("BenchmarkA", "ns/op", hundred...), beside)
	if d := only(t, decided); d.Verdict == Unclear || d.power < MinN || d.Needed != 0 || len(decided.Needs()) != 0 {
		t.Errorf("%s, and needs %d", d.Verdict, d.Needed)
	}
	for format, row := range map[string]string{"text": `(?m)^worse .*–$`, "markdown": `(?m)^\| \*\*worse.*\| – \|$`, "json": `"samples_needed": 0`} {
		out.Reset()
		if err := decided.Write(&out, format); err != nil || !regexp.MustCompile(row).MatchString(out.String()) {
			t.Errorf("%v: no row like %s in\n%s", err, row, out.String())
		}
	}
	r.Needed = 30268
	if got := c.wanting(); got != "; 1 would take more than 1000: too noisy a host, or too short windows" || needs(r.Needed) != ">1000" {
		t.Errorf("%q, %s", got, needs(r.Needed))
	}
}

// TestHolm: the verdicts and the intervals at the common level agree, in
// families of which a part is changed.
func TestHolm(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for i := range 200 {
		c := &Comparison{Options: with(func(o *Options) { o.MinEffect, o.Between = 0, 0 })}
		for range 1 + rng.IntN(20) {
			s := scenario{noise: normal(0.02)}
			c.Rows = append(c.Rows, s.row(rng, 6+rng.IntN(14), make([]float64, 20), rng.IntN(2) == 0, float64(rng.IntN(2))*rng.Float64()*0.08))
		}
		c.judge(newNulls())
		for _, r := range c.Rows {
			if r.flipped { // its interval is its own
				continue
			}
			if excludes := r.Lo > 1 || r.Hi < 1; excludes != (r.PHolm <= c.Alpha) {
				t.Fatalf("family %d: corrected p %g, interval [%g, %g]", i, r.PHolm, r.Lo, r.Hi)
			}
			if r.PHolm < r.P {
				t.Fatalf("corrected p %g below p %g", r.PHolm, r.P)
			}
		}
	}
}

// TestNeeded: the number of samples that is said to find a change does so about
// nine times in ten.
func TestNeeded(t *testing.T) {
	for _, paired := range []bool{true, false} {
		for _, noise := range []float64{0.02, 0.05} {
			s := scenario{noise: normal(noise)}
			rng := rand.New(rand.NewPCG(9, 9))
			big := s.trial(rng, 1, 400, paired, 0)
			big.judge(newNulls())
			n := big.Rows[0].power
			found := share(400, func(rng *rand.Rand, nulls *nulls) bool {
				c := s.trial(rng, 1, n, paired, Default.Want)
				c.judge(nulls)
				return c.Rows[0].Verdict == Worse
			})
			t.Logf("noise %g, paired %v: %d samples find it in %.1f%%", noise, paired, n, 100*found)
			if found < 0.8 || n > 10 && found > 0.97 {
				t.Errorf("noise %g, paired %v: %d samples find it in %.1f%%", noise, paired, n, 100*found)
			}
		}
	}
}

// TestBenchstatAgrees: on the same files, benchstat prints the same medians,
// and no change that is called certain has the other sign there.
func TestBenchstatAgrees(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	var texts [2]string
	for i := range 40 {
		for s := range texts {
			for range 6 + rng.IntN(10) {
				v := 1000 * math.Exp(0.02*rng.NormFloat64()) * (1 + 0.1*float64(s)*float64(i%3-1))
				texts[s] += fmt.Sprintf("BenchmarkA/i=%d-4 1 %.1f ns/op\n", i, v)
			}
		}
	}
	dir := t.TempDir()
	args := []string{"tool", "benchstat", "-format", "csv"}
	for i, name := range []string{"old", "new"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(texts[i]), 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, name+"="+path)
	}
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(bytes.NewReader(out))
	r.FieldsPerRecord = -1
	records, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	printed := map[string][2]float64{}
	for _, rec := range records {
		if len(rec) > 3 && strings.HasPrefix(rec[0], "A/i=") {
			old, _ := strconv.ParseFloat(rec[1], 64)
			new, _ := strconv.ParseFloat(rec[3], 64)
			printed[strings.TrimSuffix(rec[0], "-4")] = [2]float64{1e9 * old, 1e9 * new}
		}
	}
	c := compareTexts(t, texts[0], texts[1], beside)
	changed := 0
	for _, row := range c.Gated() {
		got, ok := printed[strings.TrimPrefix(row.Name.Without("gomaxprocs"), "Benchmark")]
		if !ok {
			t.Fatalf("benchstat prints no %s:\n%s", row.Name, out)
		}
		if math.Abs(got[0]/row.Old-1) > 1e-9 || math.Abs(got[1]/row.New-1) > 1e-9 {
			t.Errorf("%s: medians %g and %g, benchstat's %g and %g", row.Name, row.Old, row.New, got[0], got[1])
		}
		if row.Verdict == Worse || row.Verdict == Better {
			changed++
			if (row.Ratio > 1) != (got[1] > got[0]) {
				t.Errorf("%s: ratio %g, benchstat's medians %v", row.Name, row.Ratio, got)
			}
		}
	}
	if changed < 20 {
		t.Errorf("only %d changes found", changed)
	}
}

// TestMarkdown: short, marked, and inert whatever the names hold.
func TestMarkdown(t *testing.T) {
	var old, new strings.Builder
	for i := range 300 {
		name := fmt.Sprintf("BenchmarkA/x=<img_onerror=1>|@someone`%s/i=%d", strings.Repeat("y", 500), i)
		old.WriteString(lines(name, "ns/op", ninety...))
		new.WriteString(lines(name, "ns/op", hundred...))
	}
	c := compareTexts(t, old.String(), new.String(), beside)
	var out bytes.Buffer
	if err := c.Write(&out, "markdown"); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	if !strings.HasPrefix(text, marker+"\n### ❌ Regression: 300 worse of 300") || len(text) > 65536 {
		t.Errorf("%d bytes, begins %.80q", len(text), text)
	}
	if strings.Contains(text, "<img") || strings.Contains(text, "@someone") || strings.Contains(text, "|@") {
		t.Error("names are not escaped")
	}
	fold := strings.Index(text, "<details>")
	if fold < 0 || strings.Count(text[:fold], "\n| **worse**") != worstShown {
		t.Error("the worst do not stand above the fold")
	}
}

func TestJSON(t *testing.T) {
	c := compareTexts(t, lines("BenchmarkA", "ns/op", hundred...), lines("BenchmarkA", "ns/op", ninety...), beside)
	var out bytes.Buffer
	if err := c.Write(&out, "json"); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Regressed bool
		Rows      []struct {
			Verdict string
			Ratio   float64
		}
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got.Regressed || len(got.Rows) != 1 || got.Rows[0].Verdict != "better" || math.Abs(got.Rows[0].Ratio-0.9) > 0.01 {
		t.Errorf("%v %+v", err, got)
	}
	if err := c.Write(&out, "yaml"); err == nil || !strings.Contains(err.Error(), "there are text, markdown, json, csv") {
		t.Error(err)
	}
}

// TestJUnit: a report of tests fails what is worse, lost or failed; the annotation of a
// slowdown stands at its benchmark's line.
func TestJUnit(t *testing.T) {
	text := func(values ...float64) string {
		return "pkg: example.com/p\n" + lines("BenchmarkA", "ns/op", values...) + lines("BenchmarkB", "ns/op", hundred...)
	}
	o := beside
	o.Locate = func(r *Row) (string, int) { return "p/a,b_test.go", 7 }
	c := compareTexts(t, text(ninety...), text(hundred...), o)
	c.Failures = []string{"two\nlines"}
	c.Notices = []Notice{{"LOST", "BenchmarkGone", true}, {"new", "BenchmarkD", false}}
	var out bytes.Buffer
	if err := c.Write(&out, "junit"); err != nil {
		t.Fatal(err)
	}
	var suite junitSuite
	if err := xml.Unmarshal(out.Bytes(), &suite); err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, x := range suite.Cases {
		got = append(got, fmt.Sprint(x.Class+" "+x.Name, " ", x.Failure != nil))
	}
	want := []string{"contend BenchmarkGone true", "contend failed in new true", "example.com/p BenchmarkA ns/op true", "example.com/p BenchmarkB ns/op false"}
	if !slices.Equal(got, want) || suite.Tests != 4 || suite.Failures != 3 {
		t.Errorf("%q, want %q\n%s", got, want, out.String())
	}
	out.Reset()
	if err := c.Write(&out, "github"); err != nil {
		t.Fatal(err)
	}
	if want := "::error file=p/a%2Cb_test.go,line=7,title=worse%3A example.com/p.A::ns/op "; !strings.Contains(out.String(), want) || strings.Count(out.String(), "file=") != 1 {
		t.Errorf("no %q in\n%s", want, out.String())
	}
}

// TestGitHub: what must not pass is an error of the workflow, and no name can end
// the command that it stands in.
func TestGitHub(t *testing.T) {
	c := compareTexts(t, lines("BenchmarkA/x=a:b,c%", "ns/op", ninety...), lines("BenchmarkA/x=a:b,c%", "ns/op", hundred...), beside)
	c.Notices = []Notice{{"LOST", "BenchmarkB: panic\n::set-output name=x::y", true}, {"NOT COMPARED", "BenchmarkC", false}, {"new", "BenchmarkD", false}}
	var out bytes.Buffer
	if err := c.Write(&out, "github"); err != nil {
		t.Fatal(err)
	}
	want := "::error title=LOST::BenchmarkB: panic%0A::set-output name=x::y\n" +
		"::warning title=NOT COMPARED::BenchmarkC\n" +
		"::error title=worse%3A A/x=a%3Ab%2Cc%25::ns/op 90.10 → 100.1, +11.1%25 (+10.3%25 to +11.9%25), 8+8\n" +
		"::notice title=contend::Regression, Lost 1: 1 worse of 1 comparison\n"
	if out.String() != want {
		t.Errorf("%s\nwant\n%s", out.String(), want)
	}
}

// TestContrary: where drift makes the medians point elsewhere than the pairs, a
// line says which of them the change is.
func TestContrary(t *testing.T) {
	text := "# contend protocol=1\n# run id=a\n"
	for i, v := range [][2]float64{{100, 110}, {100, 110}, {100, 110}, {1000, 500}, {1000, 500}, {1000, 500}, {1000, 1100}, {300, 330}, {300, 330}} {
		for side, x := range v {
			text += fmt.Sprintf("# sample cell=c block=%d variant=%s\nBenchmarkA 1 %g ns/op\n", i, []string{"base", "head"}[side], x)
		}
	}
	s := side(t, "run", text)
	c, err := Compare(Side{"base", s.Set, "base"}, Side{"head", s.Set, "head"}, Default)
	if err != nil {
		t.Fatal(err)
	}
	c.Gated()[0].Old, c.Gated()[0].New = 300, 250 // as drift of whole blocks makes them
	var out bytes.Buffer
	if err := c.Write(&out, "text"); err != nil || c.Gated()[0].Change() <= 0 || !strings.Contains(out.String(), "1 change against old → new") {
		t.Errorf("%v\n%s", err, &out)
	}
}

// TestCopy: that a folder is compared with a copy of itself is said, and that two runs are
// compared is not.
func TestCopy(t *testing.T) {
	text := func(run string) string {
		b := "# contend protocol=1\n# run id=" + run + "\n# begin\n"
		for i, v := range hundred {
			b += fmt.Sprintf("# sample cell=a block=%d\nBenchmarkA/gomaxprocs=1 100 %v ns/op\n", i, v)
		}
		return b
	}
	for run, want := range map[string]string{"1": "[note: 8 of 8 samples of new are the same processes' as in old, a copy: what differs between them is no change]", "2": "[]"} {
		if c := compareTexts(t, text("1"), text(run), Default); fmt.Sprint(c.Notices) != want {
			t.Errorf("run %s: %v, want %s", run, c.Notices, want)
		}
	}
}
