package claims

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/contend-go/contend/bench/sample"
)

// world is a host of which the truth is known: what each cell does at each
// GOMAXPROCS. Nothing in it was measured.
type world struct {
	cpus   float64
	procs  []int
	blocks int
	rate   func(keys string, p int) float64
	idle   func(keys string, p int) float64
}

// cellsOf are the keys of every cell that a claim asks for.
func cellsOf() []string {
	seen := map[string]bool{}
	var all []string
	for _, c := range list {
		for _, t := range []test{c.study, c.fair} {
			for _, ch := range t.checks {
				for _, cl := range []cell{ch.a, ch.b} {
					if cl.keys != "" && !seen[cl.keys] {
						seen[cl.keys] = true
						all = append(all, cl.keys)
					}
				}
			}
		}
	}
	return all
}

// text is the world's samples file: 2% of noise, and a drift that each block
// shares.
func (w world) text() string {
	r := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	fmt.Fprintln(&b, "# contend protocol=1\n# run id=synthetic seed=1")
	fmt.Fprintf(&b, "goos: linux\ngoarch: amd64\ncpu: Synthetic\n")
	if w.cpus > 0 {
		fmt.Fprintf(&b, "usable-cpus: %g\n", w.cpus)
	}
	for block := range w.blocks {
		drift := 1 + 0.2*math.Sin(float64(block))
		for i, keys := range cellsOf() {
			for _, p := range w.procs {
				name := "BenchmarkX"
				for _, kv := range strings.Fields(keys) {
					name += "/" + kv
				}
				noise := func() float64 { return 1 + 0.02*r.NormFloat64() }
				rate := w.rate(keys, p) * drift * noise()
				fmt.Fprintf(&b, "# sample cell=%d-%d block=%d\n", i, p, block)
				fmt.Fprintln(&b, sample.FormatResult(fmt.Sprintf("%s/gomaxprocs=%d", name, p), 1000, []sample.Value{
					{Unit: "ops/s", V: rate}, {Unit: "ns/op", V: 1e9 / rate}, {Unit: "p-idle", V: w.idle(keys, p) * noise()},
				}))
			}
		}
	}
	return b.String()
}

func read(t *testing.T, text string) *sample.Set {
	t.Helper()
	set := new(sample.Set)
	if err := set.Read(strings.NewReader(text), "synthetic"); err != nil {
		t.Fatal(err)
	}
	if len(set.Notes) > 0 {
		t.Fatal(set.Notes)
	}
	return set
}

func one(t *testing.T, hosts []Host) Host {
	t.Helper()
	if len(hosts) != 1 {
		t.Fatalf("%d hosts, want 1", len(hosts))
	}
	return hosts[0]
}

func has(keys string, parts ...string) bool {
	for _, p := range parts {
		if !strings.Contains(" "+keys+" ", " "+p+" ") {
			return false
		}
	}
	return true
}

var everyP = []int{1, 2, 4, 8, 16, 32}

// asClaimed is a world in which every claim is true, and every fair variant
// with it.
var asClaimed = world{cpus: 32, procs: everyP, blocks: 10,
	rate: func(keys string, p int) float64 {
		n := float64(p)
		switch {
		case has(keys, "backend=mutexlru", "sharing=none"):
			return 10e6 * n
		case has(keys, "workload=expire"):
			return 5e6 // all alike
		case has(keys, "impl=barging"):
			return 2e6
		case has(keys, "impl=mutex"):
			return 1e6
		case has(keys, "backend=workerpool"):
			return 3e6 / n
		case has(keys, "backend=otter1"):
			// Claim 4 and its fair variant cannot both be true: see below.
			if p <= laptop {
				return 9.5e6 * min(n, 8)
			}
			return 200e6
		case has(keys, "backend=stripedlru"), has(keys, "backend=ring", "workload=walk"):
			return 8e6 / n
		case has(keys, "backend=ring"):
			return 12e6 * n
		case has(keys, "workload=ratelimit"):
			return 9e6
		}
		// The mutex: nearly linear up to 8, then less than with one.
		if p <= knee {
			return 9.5e6 * n
		}
		return 8e6
	},
	idle: func(keys string, p int) float64 {
		switch {
		case has(keys, "work=5µs"), has(keys, "backend=ring"), has(keys, "backend=otter1"):
			return 0.02
		case has(keys, "impl=barging"):
			return 0.1
		}
		return 0.4
	},
}

// otherwise is a world in which no claim is true.
var otherwise = world{cpus: 32, procs: everyP, blocks: 10,
	rate: func(keys string, p int) float64 {
		n := float64(p)
		switch {
		case has(keys, "sharing=none"):
			return 20e6 * n
		case has(keys, "workload=expire"):
			if has(keys, "backend=otter1") {
				return 9e6
			}
			return 5e6
		case has(keys, "impl=barging"):
			return 1e6
		case has(keys, "impl=mutex"):
			return 2e6
		case has(keys, "backend=workerpool"):
			return 30e6 * n
		case has(keys, "backend=stripedlru"), has(keys, "backend=ring", "workload=walk"):
			return 25e6 * n
		case has(keys, "backend=ring"):
			return 2e6
		case has(keys, "backend=otter1"):
			return 2e6 * n
		}
		return 10e6 * n // the mutex scales
	},
	idle: func(keys string, p int) float64 {
		switch {
		case has(keys, "backend=ring", "workload=walk", "work=5µs"):
			return 0.01
		case has(keys, "backend=ring"):
			return 0.5
		case has(keys, "impl=barging"):
			return 0.3
		case has(keys, "impl=mutex"):
			return 0.3
		}
		return 0.02
	},
}

// TestTruth judges worlds whose truth is known, in both directions.
func TestTruth(t *testing.T) {
	for _, c := range []struct {
		name  string
		world world
		want  Verdict
	}{{"as claimed", asClaimed, Confirmed}, {"otherwise", otherwise, Refuted}} {
		h := one(t, Judge(read(t, c.world.text()), 0))
		if len(h.Answers) != 8 {
			t.Fatalf("%d answers, want 8", len(h.Answers))
		}
		for _, a := range h.Answers {
			if a.Study.Verdict != c.want {
				t.Errorf("%s: claim %d: %s, want %s\n%+v", c.name, a.Number, a.Study.Answer(), c.want, a.Study.Evidence)
			}
			want := c.want
			if a.Number == 4 && want == Confirmed {
				want = Refuted // a difference cannot be small on a laptop, and large but for the expiring items
			}
			if a.Fair.Verdict != want {
				t.Errorf("%s: fair variant of claim %d: %s, want %s\n%+v", c.name, a.Number, a.Fair.Answer(), want, a.Fair.Evidence)
			}
		}
	}
}

// TestExpiringItems is the world in which they alone made the difference small.
func TestExpiringItems(t *testing.T) {
	w := asClaimed
	plain := w.rate
	w.rate = func(keys string, p int) float64 {
		if has(keys, "backend=otter1", "workload=walk") {
			return 3 * plain(mutexWalk, p)
		}
		return plain(keys, p)
	}
	a := one(t, Judge(read(t, w.text()), 0)).Answers[3]
	if a.Study.Verdict != Refuted || a.Fair.Verdict != Confirmed {
		t.Errorf("study %s, fair %s: want refuted and confirmed", a.Study.Answer(), a.Fair.Answer())
	}
}

// TestFewCPUs holds that oversubscribed points are no evidence, however clear:
// the same worlds, measured at the same GOMAXPROCS on 2 CPUs.
func TestFewCPUs(t *testing.T) {
	for _, w := range []world{asClaimed, otherwise} {
		w.cpus = 2
		for _, a := range one(t, Judge(read(t, w.text()), 0)).Answers {
			switch a.Number {
			case 1, 2, 5, 6, 7, 8:
				if v := a.Study.Answer(); !strings.HasPrefix(v, "cannot tell: needs ") || !strings.HasSuffix(v, "CPUs, has 2") {
					t.Errorf("claim %d: %s", a.Number, v)
				}
			}
			if v := a.Fair.Answer(); a.Number >= 5 && v != "cannot tell: needs 8 CPUs, has 2" {
				t.Errorf("fair variant of claim %d: %s", a.Number, v)
			}
			for _, r := range []Result{a.Study, a.Fair} {
				for _, e := range r.Evidence {
					if e.N > 0 && !strings.HasSuffix(e.What, "GOMAXPROCS=2") {
						t.Errorf("claim %d rests on %s", a.Number, e.What)
					}
				}
			}
		}
	}
}

func TestMissing(t *testing.T) {
	w := asClaimed
	few := w
	few.blocks = 5
	unstated := w
	unstated.cpus = 0
	for _, c := range []struct {
		name  string
		set   *sample.Set
		claim int
		says  string
	}{
		{"five samples", read(t, few.text()), 3, "5 samples of each cell: too few for an interval, which takes 6"},
		{"CPUs not stated", read(t, unstated.text()), 3, "how many CPUs were usable is not stated (--cpus)"},
		{"no worker pool", read(t, strings.ReplaceAll(w.text(), "backend=workerpool", "backend=other")), 3, "not measured at any GOMAXPROCS from 2 to 32: backend=mutexlru workload=walk, backend=workerpool workload=walk"},
		{"no knee", read(t, strings.ReplaceAll(w.text(), "gomaxprocs=8 ", "gomaxprocs=7 ")), 1, "not measured: backend=mutexlru workload=walk at GOMAXPROCS=8"},
		{"nothing at many", read(t, strings.ReplaceAll(w.text(), "gomaxprocs=32 ", "gomaxprocs=64 ")), 2, ""},
		{"traced only", read(t, strings.ReplaceAll(w.text(), "/gomaxprocs", "/probe=trace/gomaxprocs")), 3, "not measured at any"},
		{"two cells", read(t, strings.ReplaceAll(w.text(), "# sample cell=0-32 block=9", "# sample cell=z block=9\nBenchmarkX/backend=mutexlru/workload=walk/extra=1/gomaxprocs=32 1 5 ops/s\n# sample cell=0-32 block=9")), 3, "2 cells answer to backend=mutexlru workload=walk at GOMAXPROCS=32"},
	} {
		r := one(t, Judge(c.set, 0)).Answers[c.claim-1].Study
		if c.says == "" {
			if r.Verdict != Confirmed || !strings.HasSuffix(r.Evidence[0].What, "GOMAXPROCS=16") {
				t.Errorf("%s: %s, %+v", c.name, r.Answer(), r.Evidence)
			}
			continue
		}
		if r.Verdict != CannotTell || !strings.Contains(r.Answer(), c.says) {
			t.Errorf("%s: claim %d: %s, want %q", c.name, c.claim, r.Answer(), c.says)
		}
	}
	if a := one(t, Judge(read(t, unstated.text()), 32)).Answers[2]; a.Study.Verdict != Confirmed {
		t.Errorf("with the CPUs given: %s", a.Study.Answer())
	}
}

// TestNearLimit holds that an effect at its limit is not decided.
func TestNearLimit(t *testing.T) {
	w := asClaimed
	plain := w.rate
	w.rate = func(keys string, p int) float64 {
		if has(keys, "backend=workerpool", "workload=walk") {
			return plain(mutexWalk, p) / beats.value
		}
		return plain(keys, p)
	}
	if r := one(t, Judge(read(t, w.text()), 0)).Answers[2].Study; r.Verdict != CannotTell || !strings.Contains(r.Answer(), "the interval holds the limit of 1.05") {
		t.Errorf("%s, %+v", r.Answer(), r.Evidence)
	}
}

// TestHostsApart holds that samples of two hosts are not pooled.
func TestHostsApart(t *testing.T) {
	other := otherwise
	other.cpus = 64
	hosts := Judge(read(t, asClaimed.text()+other.text()), 0)
	if len(hosts) != 2 || hosts[0].Answers[2].Study.Verdict != Confirmed || hosts[1].Answers[2].Study.Verdict != Refuted {
		t.Errorf("%d hosts: %+v", len(hosts), hosts)
	}
}

// summaries are what the page shows of the evidence.
func summaries(hosts []Host) string {
	var lines []string
	for _, h := range hosts {
		for _, a := range h.Answers {
			lines = append(lines, a.Study.Summary(), a.Fair.Summary())
		}
	}
	return strings.Join(lines, "\n")
}

// TestAgree holds that text and page say what the JSON says: they are the same
// when made from it, whatever is confirmed, refuted or missing.
func TestAgree(t *testing.T) {
	small := otherwise
	small.cpus = 2
	few := asClaimed
	few.blocks = 3
	for _, w := range []world{asClaimed, otherwise, small, few} {
		hosts := Judge(read(t, w.text()), 0)
		var js, text, again bytes.Buffer
		var back []Host
		if err := errors.Join(Write(&text, hosts), WriteJSON(&js, hosts), json.Unmarshal(js.Bytes(), &back), Write(&again, back)); err != nil {
			t.Fatal(err)
		}
		if text.String() != again.String() {
			t.Errorf("text %s\nfrom JSON %s", text.String(), again.String())
		}
		if a, b := summaries(hosts), summaries(back); a != b {
			t.Errorf("summary %s\nfrom JSON %s", a, b)
		}
	}
}

// TestMissingCells holds that an answer for want of CPUs still names the cells
// that a larger host has to measure, in the text and in the one line of a page.
func TestMissingCells(t *testing.T) {
	w := asClaimed
	w.cpus = 2
	hosts := Judge(read(t, w.text()), 0)
	var text bytes.Buffer
	if err := Write(&text, hosts); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"missing: ops/s per CPU of backend=mutexlru workload=walk at GOMAXPROCS=16 or more ÷ at 8",
		"missing: ops/s of backend=otter1 workload=walk ÷ backend=workerpool workload=walk at GOMAXPROCS=16 or more",
		"missing: ops/s of backend=mutexlru workload=walk at GOMAXPROCS=1 ÷ backend=workerpool workload=walk at 8 or more",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the text lacks %q:\n%s", want, text.String())
		}
		if lines := summaries(hosts); !strings.Contains(lines, want) {
			t.Errorf("the summaries lack %q:\n%s", want, lines)
		}
	}
}

// TestDocumented holds that the chapter lists every figure that decides, with
// its reason.
func TestDocumented(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []limit{beats, small, slower, falls, flat, gaps, half, order} {
		if row := fmt.Sprintf("| %v | %s |", l, l.why); !strings.Contains(string(readme), row) {
			t.Errorf("report/README.md lacks the row %q", row)
		}
	}
	for _, n := range []int{two, knee, laptop, many} {
		if row := fmt.Sprintf("| %d CPUs |", n); !strings.Contains(string(readme), row) {
			t.Errorf("report/README.md lacks the row %q", row)
		}
	}
}

func TestWrite(t *testing.T) {
	hosts := Judge(read(t, asClaimed.text()), 0)
	var text, js bytes.Buffer
	if err := Write(&text, hosts); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"linux, amd64, Synthetic: 32 usable CPUs",
		"3. Sharding is not viable", "study: confirmed", "theirs: Tested as a hand-off",
		"10 paired blocks); confirmed: needs above 1.05",
		"8 claims as the study tested them: 8 confirmed, 0 refuted, 0 cannot tell.",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the text lacks %q:\n%s", want, text.String())
		}
	}
	if err := WriteJSON(&js, hosts); err != nil {
		t.Fatal(err)
	}
	var back []Host
	if err := json.Unmarshal(js.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if e := back[0].Answers[2].Study.Evidence[0]; e.Lo == nil || *e.Lo > e.Estimate || e.N != 10 || !e.Paired {
		t.Errorf("read back: %+v", e)
	}
	if empty := Judge(read(t, "BenchmarkOther-8 10 5 ns/op\n"), 0); empty[0].Measured() {
		t.Error("measured, without any evidence")
	}
}

func TestPublished(t *testing.T) {
	text := "# contend protocol=1\n# run id=a seed=1\n" +
		"# published row=1p1c impl=ring gomaxprocs=8 year=2016 figure=\"182 ns/op\" procedure=p\n" +
		"# published row=1p1c impl=channel year=2017 figure=\"139 ns/op\" procedure=q\n" +
		"# published row=lock impl=mutex year=2017 figure=x procedure=q\n" +
		"usable-cpus: 2\n"
	for block := range 6 {
		for _, p := range []int{1, 2, 8} {
			text += fmt.Sprintf("# sample cell=a block=%d\nBenchmarkPrimitive/row=1p1c/impl=ring/gomaxprocs=%d 10 %d ns/op\n", block, p, 10*p+block)
			text += fmt.Sprintf("# sample cell=b block=%d\nBenchmarkPrimitive/row=1p1c/impl=channel/gomaxprocs=%d 10 %d ns/op\n", block, p, 100*p+block)
			text += fmt.Sprintf("# sample cell=c block=%d\nBenchmarkPrimitive/row=1p1c/hold=1µs/impl=channel/gomaxprocs=%d 10 9999 ns/op\n", block, p)
		}
	}
	var rows [][]string
	for _, f := range Published(read(t, text)) {
		rows = append(rows, []string{f.Row, f.Impl, f.Theirs, f.Procs, f.Year, f.Ours, f.At, f.Procedure})
	}
	got := fmt.Sprint(rows)
	want := "[[1p1c ring 182 ns/op 8 2016 82.5 [80, 85] 8 (oversubscribed) p] [1p1c channel 139 ns/op  2017 202 [200, 205] 2 q] [lock mutex x  2017   q]]"
	if got != want {
		t.Errorf("rows %s\nwant %s", got, want)
	}
	if n := len(Published(read(t, "BenchmarkOther-8 10 5 ns/op\n"))); n != 0 {
		t.Errorf("%d figures where nothing was published", n)
	}
}

func TestAliases(t *testing.T) {
	all, err := StudyAliases.With("MutexRead=backend=mutexlru,workload=walk", "Mine=backend=ring")
	if err != nil {
		t.Fatal(err)
	}
	set := read(t, "BenchmarkParallel/backend=MutexRead/gomaxprocs=4 1 5 ns/op\nBenchmarkParallel/backend=OtterRead/gomaxprocs=4 1 5 ns/op\nBenchmarkParallel/backend=NoCache/gomaxprocs=4 1 5 ns/op\n")
	all.Apply(set)
	for i, want := range []string{"backend=mutexlru/workload=walk", "backend=otter1/workload=expire", "backend=NoCache"} {
		if got := set.Samples[i].Name.String(); got != "BenchmarkParallel/"+want+"/gomaxprocs=4" {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if len(StudyAliases) != 3 || StudyAliases["MutexRead"][1].Value != "expire" {
		t.Error("With changed the study's own aliases")
	}
	for _, bad := range []string{"", "x", "x=", "x=y", "=a=b", "x=a=b,c"} {
		if _, err := StudyAliases.With(bad); err == nil || !strings.Contains(err.Error(), "--alias") {
			t.Errorf("%q: error %v", bad, err)
		}
	}
}

// TestStudysOwnFile reads the study's laptop run as far as it goes: one sample
// of each cell gives figures, and no interval to decide by.
func TestStudysOwnFile(t *testing.T) {
	dir := os.Getenv("CONTEND_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	path := filepath.Join(dir, "gubernator-10cpu.txt")
	if _, err := os.Stat(path); err != nil {
		t.Skipf("the study's own file is not here (CONTEND_DATA): %v", err)
	}
	set, err := sample.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	rule, err := sample.ParseRule("BenchmarkParallel/{backend}_{gomaxprocs}")
	if err != nil {
		t.Fatal(err)
	}
	if err := set.Rename(rule); err != nil {
		t.Fatal(err)
	}
	walk, err := StudyAliases.With("MutexRead=backend=mutexlru,workload=walk", "OtterRead=backend=otter1,workload=walk", "WorkerPoolRead=backend=workerpool,workload=walk")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		aliases Aliases
		claim   int
		fair    bool
		want    float64 // by hand, from the file
	}{
		{StudyAliases, 4, true, 1827.0 / 1368},
		{walk, 3, false, 3986.0 / 1827},
		{walk, 8, false, 1827.0 / 2770},
	} {
		fresh := &sample.Set{}
		for _, s := range set.Samples {
			s := *s
			fresh.Samples = append(fresh.Samples, &s)
		}
		c.aliases.Apply(fresh)
		a := one(t, Judge(fresh, 10)).Answers[c.claim-1]
		r := a.Study
		if c.fair {
			r = a.Fair
		}
		e := r.Evidence[0]
		if r.Verdict != CannotTell || e.N != 1 || math.Abs(e.Estimate-c.want) > 1e-9 || e.Lo != nil || !strings.Contains(e.Why, "1 sample of each cell: too few") {
			t.Errorf("claim %d: %s, %+v, want %v of one sample", c.claim, r.Answer(), e, c.want)
		}
	}
}
