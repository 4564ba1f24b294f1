package cachebench

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/caches"
	"github.com/contend-go/contend/caches/catalog"
)

// The test binary is its own cell.
func TestMain(m *testing.M) {
	family.RunCell([]family.Family{Family()}, nil)
	os.Exit(m.Run())
}

// planned is a plan of the defaults with the given flags, and its options.
func planned(facts *host.Facts, args ...string) (*bench.Plan, *bench.SweepOptions, error) {
	fam := Family()
	all := []family.Family{fam}
	o := new(bench.SweepOptions)
	f := pflag.NewFlagSet("test", pflag.ContinueOnError)
	o.Bind(f)
	family.Flags(all, f)
	if err := f.Parse(args); err != nil {
		return nil, nil, err
	}
	given, err := fam.Given(all, f)
	if err != nil {
		return nil, nil, err
	}
	p, err := fam.Plan(&family.Sweep{SweepOptions: o, Values: given, Host: facts})
	return p, o, err
}

func names(p *bench.Plan) (list []string) {
	for _, c := range p.Cells {
		list = append(list, c.Name)
	}
	return list
}

func TestPlan(t *testing.T) {
	facts := host.Read()
	p, _, err := planned(&facts, "--backend", "mutexlru", "--procs", "1,2", "--workload", "zipf,ratelimit", "--reads", "100,75", "--keys", "1K", "--work", "0,1us")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{}
	for _, load := range []string{
		"workload=zipf/reads=100/keys=1024/capacity=2048/key=string17",
		"workload=zipf/reads=100/keys=1024/capacity=2048/key=string17/work=1µs",
		"workload=zipf/reads=75/keys=1024/capacity=2048/key=string17",
		"workload=zipf/reads=75/keys=1024/capacity=2048/key=string17/work=1µs",
		"workload=ratelimit/reads=100/keys=1024/capacity=2048/key=string17/item-lock=on", // no reads axis
		"workload=ratelimit/reads=100/keys=1024/capacity=2048/key=string17/work=1µs/item-lock=on",
	} {
		for _, sharing := range []string{"all", "none"} {
			for procs := 1; procs <= 2; procs++ {
				want = append(want, fmt.Sprintf("BenchmarkCache/%s/goroutines-per-p=1/sharing=%s/backend=mutexlru/gomaxprocs=%d", load, sharing, procs))
			}
		}
	}
	if diff := cmp.Diff(want, names(p)); diff != "" {
		t.Error(diff)
	}
}

func TestNotApplicable(t *testing.T) {
	facts := host.Read()
	p, _, err := planned(&facts, "--backend", "plainmap,syncmap,mutexlru,otter1", "--workload", "zipf,evict", "--reads", "100,75", "--capacity", "auto,5", "--procs", "1,2")
	if err != nil {
		t.Fatal(err)
	}
	var absent []string
	for _, r := range p.Records {
		if r.Verb == "absent" {
			absent = append(absent, r.Get("name")+": "+r.Get("reason"))
		}
	}
	// At each capacity, plainmap: zipf/75, evict ×2; syncmap: evict ×2; and
	// otter1 at 5: all 4. Each once for all Ps and both sharings.
	if len(absent) != 2*5+4 {
		t.Errorf("absent: %s", strings.Join(absent, "\n"))
	}
	for _, n := range names(p) {
		if strings.Contains(n, "plainmap") && !strings.Contains(n, "zipf/reads=100") {
			t.Error(n)
		}
	}
	if _, _, err := planned(&facts, "--backend", "plainmap", "--workload", "evict"); err == nil || !strings.Contains(err.Error(), "only read once it is filled") {
		t.Errorf("no cell left: %v", err)
	}
}

func TestBadFlags(t *testing.T) {
	facts := host.Read()
	broken := filepath.Join(t.TempDir(), "broken.trace")
	if err := os.WriteFile(broken, []byte("1\n2\nx\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ args, want string }{
		{"--backend mutxlru", `"mutxlru" unknown; did you mean mutexlru`},
		{"--workload zip", `--workload: workload "zip" unknown; did you mean zipf`},
		{"--procs 0", `--procs: "0": GOMAXPROCS is a number from 1`},
		{"--procs many", `--procs: "many"`},
		{"--procs 4-2", "the range falls"},
		{"--reads 101", `--reads: "101" is no percentage`},
		{"--reads NaN", `--reads: "NaN" is no percentage`},
		{"--keys 0", `--keys: "0" is no count`},
		{"--keys 99999M", `--keys: "99999M" is no count`},
		{"--capacity -1", `--capacity: "-1" is no count`},
		{"--key-type int", `--key-type: key type "int" unknown; did you mean uint64`},
		{"--goroutines 0", `--goroutines: "0"; it takes whole numbers from 1`},
		{"--sharing some", "there are all, none"},
		{"--workload replay", "--input: workload replay needs a trace file"},
		{"--input x", "only workload replay reads"},
		{"--workload replay --input " + broken, "broken.trace:3"},
		{"--workload replay --input /no/such", "no such file"},
		{"--count 0", "--count: 0"},
		{"--time 1us", "--time: 1µs is too short"},
		{"--affinity all", "none and cores"},
		{"--trace all", "none, cells, tour and both"},
		{"--budget 1s", "--budget: "},
		{"--budget -5m", "--budget: -5m"},
		{"--work 2ms", "--work: 2ms; it takes 0 to 1ms"},
		{"--hot-share 0", "--hot-share: 0 leaves no hot key"},
		{"--key-size 2000", "--key-size: keys of 2000 bytes"},
		{"--key-size 3 --keys 1M", "--key-size: 1048576 keys of 3 bytes are too many"},
	} {
		_, _, err := planned(&facts, strings.Fields(tc.args)...)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v; want …%s…", tc.args, err, tc.want)
		}
	}
}

func TestBudget(t *testing.T) {
	facts := host.Read()
	full, _, err := planned(&facts, "--procs", "1,2")
	if err != nil {
		t.Fatal(err)
	}
	for _, share := range []float64{0.8, 0.4} {
		budget := time.Duration(share * float64(full.Duration()))
		p, _, err := planned(&facts, "--procs", "1,2", "--budget", budget.String())
		if err != nil {
			t.Fatal(err)
		}
		note := p.Records[len(p.Records)-1]
		if p.Duration() > budget || p.Blocks < 6 || note.Verb != "note" || !strings.Contains(note.Get("text"), "cut") {
			t.Errorf("budget %v: %v, %d blocks, %v", budget, p.Duration(), p.Blocks, note)
		}
	}
}

// sweep runs a plan in a new folder and returns its samples.
func sweep(t *testing.T, args ...string) *sample.Set {
	t.Helper()
	facts := host.Read()
	dir := t.TempDir()
	p, o, err := planned(&facts, append([]string{"--out", dir, "--count", "1", "--time", "10ms"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := bench.Run(t.Context(), p, o.Options(&facts))
	if err != nil || len(sum.Invalid) > 0 || sum.Measured != p.Samples() {
		t.Fatalf("%+v, %v", sum, err)
	}
	set, err := sample.Load(dir)
	if err != nil || len(set.Notes) > 0 {
		t.Fatal(err, set.Notes)
	}
	return set
}

// inBytes are the backends whose capacity is in bytes, of which they take no fewer
// than some hundred thousand: a small cache of them holds everything.
var inBytes = map[string]bool{"bigcache": true, "freecache": true, "fastcache": true}

// TestEveryBackend measures each backend under each workload, with both kinds
// of keys, and holds the samples to what they must say.
func TestEveryBackend(t *testing.T) {
	backends := catalog.Names()
	if testing.Short() {
		backends = []string{"null", "mutexlru", "workerpoolring", "syncmap", "ring", "otter2", "ristretto"}
	}
	if underRace { // fido's sequence lock reads beside writes, by design
		backends = slices.DeleteFunc(backends, func(n string) bool { return n == "fido" })
	}
	all := strings.Join(backends, ",")
	for _, args := range [][]string{
		{"--backend", all, "--keys", "2K", "--procs", "2", "--workload", "zipf,evict,ratelimit,expire", "--reads", "75", "--sharing", "all"},
		{"--backend", all, "--keys", "2K", "--procs", "2", "--workload", "zipf", "--reads", "75", "--sharing", "none", "--key-type", "uint64"},
	} {
		set := sweep(t, args...)
		for _, s := range set.Samples {
			v := func(unit string) float64 {
				x, ok := s.Value(unit)
				if !ok {
					t.Errorf("%s: no %s", s.Name, unit)
				}
				return x
			}
			load, _ := s.Name.Get("workload")
			backend, _ := s.Name.Get("backend")
			if perOp, rate := v("ns/op"), v("ops/s"); math.Abs(perOp*rate/1e9-1) > 1e-3 {
				t.Errorf("%s: %g ns/op and %g ops/s", s.Name, perOp, rate)
			}
			for _, unit := range []string{"p-idle", "mutex-wait-ns/op", "fairness", "jain", "B/op", "allocs/op", "warmup-s", "hits/get", "reads/op"} {
				if x := v(unit); x < 0 {
					t.Errorf("%s: %g %s", s.Name, x, unit)
				}
			}
			if runtime.GOOS == "linux" {
				for _, unit := range []string{"cpu-ns/op", "cpu-unused", "ctxsw/op", "ctxsw-forced/op", "os-wait", "steal", "throttled-ns", "gc-cpu"} {
					v(unit)
				}
			}
			if hits := v("hits/get"); backend != "null" && (load == "ratelimit" && hits < 0.99 || load == "evict" && (hits < 0.05 || hits > 0.99 && !inBytes[backend])) {
				t.Errorf("%s: %g hits/get", s.Name, hits)
			}
			if reads := v("reads/op"); load == "zipf" && math.Abs(reads-0.75) > 0.01+5*math.Sqrt(0.75*0.25/float64(s.Iters)) { // five standard errors
				t.Errorf("%s: %g reads/op", s.Name, reads)
			}
			if load == "ratelimit" {
				// A hashed shard may be full before the cache is: its few misses
				// are updates that were not made.
				if lost := v("lost/op"); lost > 1.01*(1-v("hits/get"))+1e-9 {
					t.Errorf("%s: %g lost/op in spite of the item lock", s.Name, lost)
				}
			}
		}
	}
}

// TestLostUpdates: without the item lock, updates are lost, and counted.
func TestLostUpdates(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("one CPU: goroutines hardly ever meet in an update")
	}
	// One key, so that all goroutines meet there. On a host whose CPUs others hold
	// they may hardly run at once: then once more.
	for try := range 50 {
		set := sweep(t, "--backend", "syncmap", "--keys", "1", "--procs", "2", "--goroutines", "4", "--workload", "ratelimit", "--item-lock", "off", "--sharing", "all", "--time", "200ms")
		lost, ok := set.Samples[0].Value("lost/op")
		if !ok {
			t.Fatal("no lost/op")
		}
		if lost > 0 {
			if len(set.Samples[0].Warnings) == 0 {
				t.Error("updates were lost, without a warning")
			}
			return
		}
		t.Logf("try %d: nothing was lost", try+1)
	}
	t.Error("no update was lost in 50 windows")
}

// TestFairness checks the indices against their definitions.
func TestFairness(t *testing.T) {
	for _, tc := range []struct {
		x            []float64
		minMax, jain float64
	}{
		{[]float64{5, 5, 5}, 1, 1},
		{[]float64{0, 0, 8, 0}, 0, 0.25},
		{[]float64{1, 3}, 1. / 3, 0.8},
	} {
		minMax, jain := fairness(tc.x)
		if math.Abs(minMax-tc.minMax) > 1e-12 || math.Abs(jain-tc.jain) > 1e-12 {
			t.Errorf("fairness(%v) = %g, %g", tc.x, minMax, jain)
		}
	}
}

// TestTooLarge: what does not fit is absent from where it does not, and the
// rest is measured.
func TestTooLarge(t *testing.T) {
	facts := host.Read()
	facts.Memory = 1 << 30
	p, _, err := planned(&facts, "--backend", "mutexlru", "--keys", "1M", "--procs", "1-4")
	if err != nil {
		t.Fatal(err)
	}
	var absent []string
	for _, r := range p.Records {
		if r.Verb == "absent" {
			absent = append(absent, r.Get("name")+": "+r.Get("reason"))
		}
	}
	if len(p.Cells) != 6 || len(absent) != 1 || !strings.Contains(absent[0], "/sharing=none/") || !strings.Contains(absent[0], "at GOMAXPROCS=3 and above") {
		t.Errorf("%d cells; absent: %v", len(p.Cells), absent)
	}
}

// TestLongTraceIsNotHung: a cell that replays a long trace is given the time.
func TestLongTraceIsNotHung(t *testing.T) {
	short, long := cell{Shared: true, Keys: 10}, cell{Shared: true, Keys: 10, requests: 1 << 30}
	if d := long.expect() - short.expect(); d < 2*time.Minute {
		t.Errorf("two laps of 2^30 requests are expected to take %v", d)
	}
}

// TestReplayIdentity: cells that replay different requests have different names,
// whatever the file's name, and a file that has changed since is not replayed.
func TestReplayIdentity(t *testing.T) {
	facts := host.Read()
	path := filepath.Join(t.TempDir(), "same.trace")
	cellOf := func(requests string) (string, string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(requests), 0o644); err != nil {
			t.Fatal(err)
		}
		p, _, err := planned(&facts, "--workload", "replay", "--input", path, "--backend", "mutexlru", "--procs", "1", "--sharing", "all")
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Cells) != 1 {
			t.Fatalf("%+v", p.Cells)
		}
		text, _ := strings.CutPrefix(p.Cells[0].Env[0], Family().Variable+"=")
		return p.Cells[0].Name, text
	}
	first, old := cellOf("1\n2\n3\n")
	blank, _ := cellOf("1\n2\n3\n\n")
	other, _ := cellOf("1\n3\n2\n")
	if first != blank || first == other || !strings.Contains(first, "/input=same.trace/content=") {
		t.Errorf("%s\n%s, of the same requests\n%s, of others", first, blank, other)
	}
	if err := Family().Child(old, nil, io.Discard); err == nil || !strings.Contains(err.Error(), "not the trace that was planned") {
		t.Errorf("a changed file: %v", err)
	}
}

// TestNextBatch: one slow batch does not keep the size small, nor one fast
// batch a size at which orders are seen late.
func TestNextBatch(t *testing.T) {
	each := 40 * time.Nanosecond
	n := 1
	for i := range 30 {
		took := time.Duration(n) * each
		if i == 0 {
			took = 10 * time.Millisecond // waited for a CPU
		}
		n = nextBatch(n, took)
	}
	if took := time.Duration(n) * each; n != maxBatch && took < batchTime/2 {
		t.Errorf("batches of %d take %v after a slow first one", n, took)
	}
	for range 30 {
		n = nextBatch(n, time.Duration(n)*time.Millisecond)
	}
	if n != 1 {
		t.Errorf("batches of %d operations of a millisecond", n)
	}
}

// TestLongOperations: a window lasts until an operation has ended.
func TestLongOperations(t *testing.T) {
	for _, s := range sweep(t, "--backend", "mutexlru", "--work", "1ms", "--time", "1ms", "--count", "5", "--procs", "1", "--sharing", "all", "--keys", "100").Samples {
		if s.Iters == 0 {
			t.Errorf("a window without an operation: %v", s.Values)
		}
	}
}

// TestLeak: goroutines that outlive Close are named beside the number.
func TestLeak(t *testing.T) {
	leak := make(chan struct{})
	defer close(leak)
	before := runtime.NumGoroutine()
	for range 100 { // more than there may be of other tests, which end meanwhile
		go func() { <-leak }()
	}
	if err := closeAll([]caches.Cache[string, *caches.Item]{}, before, 0); err == nil {
		t.Error("a goroutine that outlives Close was not seen")
	}
}

// TestExample runs the program that sweeps a cache of its own.
func TestExample(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	dir := filepath.Join(t.TempDir(), "run")
	exe := filepath.Join(t.TempDir(), "example")
	if out, err := exec.Command("go", "build", "-o", exe, "./example").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c := exec.Command(exe, "sweep", "--backend", "mine,mutexlru", "--procs", "1", "--keys", "1K", "--quick", "--out", dir)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Run(); err != nil || strings.TrimSpace(stdout.String()) != filepath.Join(dir, "report.html") {
		t.Fatalf("%v\n%s%s", err, &stdout, &stderr)
	}
	set, err := sample.Load(dir)
	if err != nil || len(set.Samples) != 2*2*6 {
		t.Errorf("%d samples, %v", len(set.Samples), err)
	}
	for _, args := range [][]string{{"list", "backends"}, {"report", "--markdown", dir}, {"sweep", "--dry-run"}} {
		if out, err := exec.Command(exe, args...).CombinedOutput(); err != nil || !strings.Contains(string(out), "mine") {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
	if out, _ := exec.Command(exe, "lst").CombinedOutput(); !strings.Contains(string(out), `example: unknown command "lst"`) {
		t.Errorf("an unknown command: %s", out)
	}
}

// TestControllersName: the accounting of traces knows the goroutine that directs the
// load, and leaves it out of the causes, by the name of its type. Whoever renames the
// type has to tell traces/account (controllerFuncs in kind.go).
func TestControllersName(t *testing.T) {
	source, err := os.ReadFile("../../traces/account/kind.go")
	if err != nil {
		t.Fatal(err)
	}
	name := runtime.FuncForPC(reflect.ValueOf((*crew[string]).join).Pointer()).Name()
	prefix, _, _ := strings.Cut(name, "[")
	if !strings.Contains(string(source), `"`+prefix+`["`) {
		t.Errorf("traces/account does not know %s[", prefix)
	}
}
