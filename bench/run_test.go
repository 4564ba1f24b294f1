//go:build unix

package bench_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
)

// The test binary is its own cell, and its own harness to be killed:
// behaviourVar says which.
const behaviourVar = "BENCH_TEST_BEHAVIOUR"

func TestMain(m *testing.M) {
	switch b := os.Getenv(behaviourVar); b {
	case "":
		os.Exit(m.Run())
	case "harness":
		harnessMain()
	default:
		cellMain(b, os.Getenv("BENCH_TEST_NAME"))
	}
}

// cellMain behaves as a cell of the given kind.
func cellMain(behaviour, name string) {
	procs := runtime.GOMAXPROCS(0)
	switch behaviour {
	case "crash":
		traces := filepath.Join(os.Getenv("CONTEND_DIR"), "traces")
		os.MkdirAll(traces, 0o755)
		for _, name := range []string{".switches" + bench.Partial, "-1.trace", "-2.trace" + bench.Partial} {
			os.WriteFile(filepath.Join(traces, os.Getenv("CONTEND_PREFIX")+name), []byte("of "+os.Getenv("CONTEND_PREFIX")), 0o644)
		}
		panic("cell " + name + " crashes")
	case "hang":
		select {}
	case "ended":
		syscall.Kill(os.Getpid(), syscall.SIGTERM)
		select {}
	case "silent":
		os.Exit(0)
	case "procs":
		procs++
	case "throttled":
		fmt.Printf("# cell protocol=1 gomaxprocs=%d\n%s 1 2 ns/op 5000 throttled-ns\n", procs, name)
		os.Exit(0)
	case "name":
		name = "BenchmarkOther"
	case "newer":
		fmt.Printf("# cell protocol=99 gomaxprocs=%d\n%s 1 2 ns/op\n", procs, name)
		os.Exit(0)
	case "slow":
		time.Sleep(20 * time.Millisecond)
	case "two-seconds":
		time.Sleep(2 * time.Second)
	case "tour", "throttled-tour":
		fmt.Printf("# cell protocol=1 gomaxprocs=%d\n", procs)
		n, _ := sample.ParseName(name)
		for p := range 3 {
			throttled := 0
			if behaviour == "throttled-tour" && p == 1 {
				throttled = 5000
			}
			fmt.Printf("%s 1 2 ns/op %d throttled-ns\n", n.With(sample.GOMAXPROCS, strconv.Itoa(p+1)), throttled)
		}
		os.Exit(0)
	}
	fmt.Printf("# cell protocol=1 gomaxprocs=%d\n# warn text=\"a word\"\n%s 10 %d.12345678901  ns/op\t1e-7 x/op\n", procs, name, time.Now().UnixNano()%1e6)
	os.Exit(0)
}

func kinds(as []sample.Attachment) string {
	var names []string
	for _, a := range as {
		names = append(names, a.Kind)
	}
	return strings.Join(names, " ")
}

func cells(behaviour string, n int) []bench.Cell {
	var list []bench.Cell
	for i := range n {
		list = append(list, newCell(behaviour, fmt.Sprintf("BenchmarkFake/behaviour=%s/i=%d/gomaxprocs=%d", behaviour, i, i%3+1), i%3+1))
	}
	return list
}

func newCell(behaviour, name string, procs int) bench.Cell {
	return bench.Cell{Name: name, Procs: procs, Env: []string{behaviourVar + "=" + behaviour, "BENCH_TEST_NAME=" + name}, Expect: 10 * time.Millisecond}
}

func run(t *testing.T, p *bench.Plan, dir string) (bench.Summary, error) {
	t.Helper()
	facts := host.Read()
	return bench.Run(t.Context(), p, bench.Options{Dir: dir, Host: &facts})
}

func plan(blocks int, cells ...bench.Cell) *bench.Plan {
	return &bench.Plan{Protocol: sample.Protocol, Seed: 3, Blocks: blocks, Cells: cells}
}

func TestRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "run")
	p := plan(4, cells("good", 5)...)
	p.Cells[0].Blocks = 2
	sum, err := run(t, p, dir)
	if err != nil || sum.Measured != 18 || len(sum.Invalid) > 0 {
		t.Fatalf("%+v, %v", sum, err)
	}
	set := load(t, dir)
	orders := map[string]bool{}
	perBlock := map[int][]string{}
	for _, s := range set.Samples {
		if got, _ := s.Name.Get("gomaxprocs"); got != strconv.Itoa(s.Name.Procs()) || s.Warnings[0] != "a word" {
			t.Errorf("%+v", s)
		}
		perBlock[s.Block] = append(perBlock[s.Block], s.Cell)
	}
	for b, order := range perBlock {
		want := 5
		if b >= 2 {
			want = 4
		}
		if len(order) != want {
			t.Errorf("block %d holds %v", b, order)
		}
		orders[strings.Join(order, " ")] = true
	}
	if len(orders) < 3 {
		t.Errorf("blocks are not in random order: %v", orders)
	}

	before, _ := os.ReadFile(filepath.Join(dir, sample.FileName))
	sum, err = run(t, p, dir)
	after, _ := os.ReadFile(filepath.Join(dir, sample.FileName))
	if err != nil || sum.Measured != 0 || sum.Reused != 18 || !bytes.Equal(before, after) {
		t.Errorf("a finished run was changed: %+v, %v", sum, err)
	}
	p.Blocks = 5
	if sum, err = run(t, p, dir); err != nil || sum.Measured != 4 || sum.Reused != 18 {
		t.Errorf("more blocks: %+v, %v", sum, err)
	}
}

func load(t *testing.T, dir string) *sample.Set {
	t.Helper()
	set, err := sample.Load(dir)
	if err != nil || len(set.Notes) > 0 {
		t.Fatal(err, set.Notes)
	}
	return set
}

// TestInvalid: each way in which a cell can fail gives an invalid sample with
// its reason, the others are measured, and a second run tries again.
func TestInvalid(t *testing.T) {
	var list []bench.Cell
	want := map[string]string{
		"crash": "panic: cell", "hang": "no result after", "silent": "did not say at which GOMAXPROCS",
		"procs": "ran at GOMAXPROCS=2 instead of 1", "throttled": "throttled by the CPU quota for 5µs", "name": "printed a result for BenchmarkOther",
		"newer": `speaks protocol "99"`,
	}
	for b := range want {
		c := cells(b, 1)[0]
		c.Bound = 3 * time.Second
		list = append(list, c)
	}
	list = append(list, cells("good", 1)...)
	dir := t.TempDir()
	for try := 1; try <= 2; try++ {
		sum, err := run(t, plan(1, list...), dir)
		if err != nil || len(sum.Invalid) != len(want) || sum.Measured+sum.Reused != 1 {
			t.Fatalf("%+v, %v", sum, err)
		}
		if code := bench.ExitCode(sum, err, false); code != bench.ExitInvalid {
			t.Errorf("exit code %d", code)
		}
		for _, f := range sum.Invalid {
			n, _ := sample.ParseName(f.Name)
			b, _ := n.Get("behaviour")
			if !strings.Contains(f.Reason, want[b]) {
				t.Errorf("%s: reason %q, want %q", b, f.Reason, want[b])
			}
			if b == "hang" && !strings.HasSuffix(f.Reason, ": killed") {
				t.Errorf("hang: reason %q ends with what its stacks happen to", f.Reason)
			}
			if b == "crash" || b == "hang" { // a hung Go process prints its goroutines when asked to
				text, err := os.ReadFile(filepath.Join(dir, f.Left[0].Path))
				if err != nil || !bytes.Contains(text, []byte("goroutine ")) {
					t.Errorf("%s: standard error is not kept: %v\n%s", b, err, text)
				}
			}
			if left := kinds(f.Left); b == "crash" && left != "stderr trace trace switches" {
				t.Errorf("a cell that crashed left %s", left)
			}
		}
		// Later attempts leave what earlier ones attached as it was.
		invalid, paths := 0, map[string]bool{}
		for _, s := range load(t, dir).Samples {
			if !s.Valid() {
				invalid++
			}
			for _, a := range s.Attachments {
				text, err := os.ReadFile(filepath.Join(dir, a.Path))
				if sum := sha256.Sum256(text); err != nil || hex.EncodeToString(sum[:]) != a.SHA256 || paths[a.Path] {
					t.Errorf("attempt %d: %s is not what was attached, or twice (%v)", try, a.Path, err)
				}
				paths[a.Path] = true
			}
		}
		if invalid != try*len(want) {
			t.Errorf("%d invalid samples in the file after %d runs", invalid, try)
		}
	}
}

// TestAgain: a process that measured something else by chance is run again once,
// and with it its variant in the block; what stays so is invalid.
func TestAgain(t *testing.T) {
	dir := t.TempDir()
	p := plan(2, newCell("good", "BenchmarkA/gomaxprocs=1", 1), newCell("good", "BenchmarkB/gomaxprocs=1", 1))
	for i := range 2 {
		p.Cells = slices.Insert(p.Cells, 2*i, p.Cells[2*i])
		p.Cells[2*i].Variant, p.Cells[2*i+1].Variant = "base", "head"
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	facts := host.Read()
	started := map[string]int{}
	sum, err := bench.Run(t.Context(), p, bench.Options{Dir: dir, Host: &facts, Exe: map[string]string{"base": self, "head": self},
		Read: func(c bench.Cell, o bench.Output) (bench.Printed, error) {
			started[c.Name+" "+c.Variant]++
			if n := started[c.Name+" "+c.Variant]; c.Variant == "head" && (n == 1 || c.Name == "BenchmarkB/gomaxprocs=1") {
				if o.Repeated != (n%2 == 0) {
					t.Errorf("%s: process %d is repeated: %v", c.Name, n, o.Repeated)
				}
				return bench.Printed{}, &bench.Again{Reason: "by chance"}
			}
			return bench.ReadProtocol(c, o)
		}})
	if err != nil {
		t.Fatal(err)
	}
	if sum.Measured != 4+2 || len(sum.Invalid) != 2 {
		t.Errorf("%+v", sum)
	}
	valid, invalid := map[string]int{}, map[string]int{}
	for _, s := range load(t, dir).Samples {
		key := fmt.Sprint(s.Name.Base, " ", s.Variant, " ", s.Block)
		if s.Valid() {
			valid[key]++
		} else {
			invalid[s.Name.Base+" "+s.Variant+": "+s.Invalid]++
		}
	}
	if want := map[string]int{"A base 0": 1, "A head 0": 1, "A base 1": 1, "A head 1": 1, "B base 0": 1, "B base 1": 1}; !maps.Equal(valid, want) {
		t.Errorf("valid: %v", valid)
	}
	if want := map[string]int{"A base: measured again beside its other variant": 1, "A head: by chance": 1,
		"B base: measured again beside its other variant": 2, "B head: by chance": 4}; !maps.Equal(invalid, want) {
		t.Errorf("invalid: %v", invalid)
	}
}

// TestUntil: a run whose time is over ends after its first block, goes on where it
// was, and has nothing cut where all is measured.
func TestUntil(t *testing.T) {
	dir := t.TempDir()
	facts := host.Read()
	p := plan(9, cells("good", 2)...)
	sum, err := bench.Run(t.Context(), p, bench.Options{Dir: dir, Host: &facts, Until: time.Now()})
	if err != nil || sum.Measured != 2 || sum.Blocks != 1 || sum.Cut != "the time was over in block 2 of 9, before the 6 that an interval takes" {
		t.Errorf("%+v %v", sum, err)
	}
	p.Blocks = 7
	sum, err = bench.Run(t.Context(), p, bench.Options{Dir: dir, Host: &facts})
	if err != nil || sum.Measured != 6*2 || sum.Blocks != 7 || sum.Cut != "" {
		t.Errorf("continued: %+v %v", sum, err)
	}
	for blocks, cut := range map[int]string{7: "", 9: "the time was over in block 8 of 9"} {
		p.Blocks = blocks
		sum, err = bench.Run(t.Context(), p, bench.Options{Dir: dir, Host: &facts, Until: time.Now()})
		if err != nil || sum.Measured != 0 || sum.Cut != cut {
			t.Errorf("%d blocks: %+v %v, want %q", blocks, sum, err, cut)
		}
	}
}

func TestTourIsOneGroup(t *testing.T) {
	dir := t.TempDir()
	sum, err := run(t, plan(2, newCell("tour", "BenchmarkFake/probe=tour/gomaxprocs=3", 3)), dir)
	if err != nil || sum.Measured != 6 || len(load(t, dir).Samples) != 6 {
		t.Fatalf("%+v, %v", sum, err)
	}
}

// TestThrottledTour: one throttled window spoils the whole process, so that a
// second try leaves each result valid once.
func TestThrottledTour(t *testing.T) {
	dir := t.TempDir()
	p := plan(1, newCell("throttled-tour", "BenchmarkFake/probe=tour/gomaxprocs=3", 3))
	for range 2 {
		sum, err := run(t, p, dir)
		if err != nil || sum.Measured+sum.Reused != 0 || len(sum.Invalid) != 1 {
			t.Fatalf("%+v, %v", sum, err)
		}
	}
	for _, s := range load(t, dir).Samples {
		if s.Valid() {
			t.Errorf("a valid sample of a throttled process: %v", s.Name)
		}
	}
}

// TestPinned: pinned samples in the folder of others are a part of their own,
// and a condition of their own for whoever reads them.
func TestPinned(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("processes are pinned on Linux only")
	}
	facts, dir := host.Read(), t.TempDir()
	for i, pin := range []bool{false, true} {
		sum, err := bench.Run(t.Context(), plan(1, cells("good", 1)...), bench.Options{Dir: dir, Host: &facts, Pin: pin})
		if err != nil || sum.Measured != 1 || len(sum.Notes) != i {
			t.Fatalf("pinned %v: %+v, %v", pin, sum, err)
		}
	}
	s := load(t, dir).Samples
	if s[0].Config["pinned"] != "" || s[1].Config["pinned"] != "cores" {
		t.Errorf("pinned: %q, then %q", s[0].Config["pinned"], s[1].Config["pinned"])
	}
}

// TestDescribe: cells that differ in GOMAXPROCS only are one line.
func TestDescribe(t *testing.T) {
	var list []bench.Cell
	for procs := 1; procs <= 3; procs++ {
		list = append(list, newCell("good", fmt.Sprintf("BenchmarkFake/gomaxprocs=%d", procs), procs))
	}
	list[2].Blocks = 2
	var b strings.Builder
	plan(6, list...).Describe(&b, 0)
	want := "  6 × BenchmarkFake/gomaxprocs=1,2\n  2 × BenchmarkFake/gomaxprocs=3\n3 cells, 14 processes"
	if !strings.HasPrefix(b.String(), want) {
		t.Errorf("%s\nwant %s…", b.String(), want)
	}
}

func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	if _, err := run(t, plan(1, cells("good", 2)...), dir); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, plan(1, cells("good", 3)...), dir); !errors.Is(err, bench.ErrOtherPlan) {
		t.Error("another plan:", err)
	}
	if _, err := run(t, plan(1), t.TempDir()); err == nil {
		t.Error("an empty plan was run")
	}
	if _, err := run(t, plan(1, append(cells("good", 1), cells("good", 1)...)...), t.TempDir()); err == nil {
		t.Error("two equal cells were run")
	}
	file := filepath.Join(t.TempDir(), "file")
	os.WriteFile(file, nil, 0o644)
	if _, err := run(t, plan(1, cells("good", 1)...), file); err == nil {
		t.Error("a file was taken for a folder")
	}
	foreign := t.TempDir()
	text := "BenchmarkTheirs 1 1 ns/op" // and no newline: a crash's leftover, were it ours
	os.WriteFile(filepath.Join(foreign, sample.FileName), []byte(text), 0o644)
	if _, err := run(t, plan(1, cells("good", 1)...), foreign); err == nil || !strings.Contains(err.Error(), "no "+bench.PlanFile) {
		t.Error("samples of somebody else:", err)
	}
	if now, _ := os.ReadFile(filepath.Join(foreign, sample.FileName)); string(now) != text {
		t.Errorf("samples of somebody else were changed to %q", now)
	}
	os.WriteFile(filepath.Join(dir, bench.PlanFile), []byte("{"), 0o644)
	if _, err := run(t, plan(1, cells("good", 2)...), dir); err == nil || !strings.Contains(err.Error(), bench.PlanFile) {
		t.Error("a broken plan:", err)
	}
	missing := plan(1, cells("good", 1)...)
	missing.Cells[0].Variant = "head"
	if _, err := run(t, missing, t.TempDir()); err == nil || !strings.Contains(err.Error(), `variant "head"`) {
		t.Error("a missing executable:", err)
	}
}

// TestOneCrossing: the line that a cell printed is the one that is kept, byte for
// byte.
func TestOneCrossing(t *testing.T) {
	dir := t.TempDir()
	if _, err := run(t, plan(1, cells("good", 1)...), dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, sample.FileName))
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^BenchmarkFake/behaviour=good/i=0/gomaxprocs=1 10 \d+\.12345678901  ns/op\t1e-7 x/op$`).Match(text) {
		t.Errorf("%s", text)
	}
}

// TestNode: another machine of the same kind begins a part of its own, in which
// everything is measured again.
func TestNode(t *testing.T) {
	dir := t.TempDir()
	facts := host.Read()
	for i, node := range []string{"ada", "bob", "bob"} {
		sum, err := bench.Run(t.Context(), plan(1, cells("good", 2)...), bench.Options{Dir: dir, Host: &facts, Node: node})
		if want := []int{2, 2, 0}[i]; err != nil || sum.Measured != want {
			t.Fatalf("on %s: %+v, %v; want %d measured", node, sum, err, want)
		}
	}
	set := load(t, dir)
	if len(set.Runs) != 2 || set.Runs[0].Node() != "ada" || set.Runs[1].Node() != "bob" || set.Runs[0].ID == set.Runs[1].ID {
		t.Errorf("runs %+v", set.Runs)
	}
}

// TestOtherExecutable: another binary starts a new part, and its samples are
// told apart.
func TestOtherExecutable(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, append(text, 0), 0o755); err != nil {
		t.Fatal(err)
	}
	dir, facts := t.TempDir(), host.Read()
	p := plan(1, cells("good", 2)...)
	for i, exe := range []string{self, other, self} {
		sum, err := bench.Run(t.Context(), p, bench.Options{Dir: dir, Host: &facts, Exe: map[string]string{"": exe}})
		wantNew, wantNotes := 2, 1
		if i == 0 {
			wantNotes = 0
		}
		if i == 2 {
			wantNew = 0 // finished before, found again
		}
		if err != nil || sum.Measured != wantNew || len(sum.Notes) != wantNotes {
			t.Errorf("part %d: %+v, %v", i, sum, err)
		}
	}
	runs := map[string]bool{}
	for _, s := range load(t, dir).Samples {
		runs[s.Run.ID] = true
	}
	if len(runs) != 2 {
		t.Errorf("parts: %v", runs)
	}
}

func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	facts, dir := host.Read(), t.TempDir()
	p := plan(1, cells("hang", 1)...)
	time.AfterFunc(100*time.Millisecond, cancel)
	sum, err := bench.Run(ctx, p, bench.Options{Dir: dir, Host: &facts})
	if !errors.Is(err, bench.ErrInterrupted) || bench.ExitCode(sum, err, false) != bench.ExitInvalid {
		t.Fatalf("%+v, %v", sum, err)
	}
	if set, _ := sample.Load(dir); len(set.Samples) != 0 {
		t.Errorf("an interrupted cell left %v", set.Samples)
	}
}

// TestEndedWithUs: a cell that was asked to end together with its harness has not
// failed: batch systems send the signal to all processes of a job, in any order.
func TestEndedWithUs(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	facts, dir := host.Read(), t.TempDir()
	time.AfterFunc(300*time.Millisecond, cancel)
	sum, err := bench.Run(ctx, plan(1, cells("ended", 1)...), bench.Options{Dir: dir, Host: &facts})
	if !errors.Is(err, bench.ErrInterrupted) || len(sum.Invalid) > 0 {
		t.Fatalf("%+v, %v", sum, err)
	}
	if set, _ := sample.Load(dir); len(set.Samples) != 0 {
		t.Errorf("an interrupted cell left %v", set.Samples)
	}
}

// harnessMain is a harness that the test kills.
func harnessMain() {
	os.Unsetenv(behaviourVar)
	facts := host.Read()
	sum, err := bench.Run(context.Background(), killPlan(), bench.Options{Dir: os.Getenv("BENCH_TEST_DIR"), Host: &facts})
	if err != nil || len(sum.Invalid) > 0 {
		fmt.Fprintf(os.Stderr, "%+v, %v\n", sum, err)
		os.Exit(bench.ExitCode(sum, err, false))
	}
	os.Exit(0)
}

func killPlan() *bench.Plan { return plan(6, cells("slow", 3)...) }

// TestKill kills the harness or the cell at random moments: what is finished
// stays as it is, and the run completes without a duplicate.
func TestKill(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	kills := 50
	if testing.Short() {
		kills = 10
	}
	for kills > 0 {
		dir := t.TempDir()
		var finished []byte
		for {
			h := exec.Command(os.Args[0])
			h.Env = append(os.Environ(), behaviourVar+"=harness", "BENCH_TEST_DIR="+dir)
			if err := h.Start(); err != nil {
				t.Fatal(err)
			}
			victim, killed := h.Process.Pid, false
			after := time.Hour // enough were killed: this one ends the run
			if kills > 0 {
				after = time.Duration(r.Int64N(int64(400 * time.Millisecond)))
			}
			timer := time.AfterFunc(after, func() {
				if r := victim % 3; r == 0 { // any of the harness's children
					killChildren(victim)
				} else {
					syscall.Kill(victim, syscall.SIGKILL)
				}
			})
			err := h.Wait()
			killed = !timer.Stop()
			if killed {
				kills--
			}
			now, _ := os.ReadFile(filepath.Join(dir, sample.FileName))
			if !bytes.HasPrefix(now, finished) {
				t.Fatalf("finished samples were changed:\n%s\nwere:\n%s", now, finished)
			}
			finished = wholeGroups(now)
			if err == nil && complete(t, dir) {
				break
			}
		}
		seen := map[string]bool{}
		for _, s := range load(t, dir).Samples {
			key := fmt.Sprint(s.Cell, s.Block)
			if s.Valid() && seen[key] {
				t.Fatalf("measured twice: %s block %d", s.Name, s.Block)
			}
			seen[key] = seen[key] || s.Valid()
		}
	}
}

func complete(t *testing.T, dir string) bool {
	valid := 0
	for _, s := range load(t, dir).Samples {
		if s.Valid() {
			valid++
		}
	}
	return valid == killPlan().Samples()
}

// wholeGroups is the text up to the last result or header: what must survive.
func wholeGroups(text []byte) []byte {
	end := 0
	for at := 0; at < len(text); {
		n := bytes.IndexByte(text[at:], '\n')
		if n < 0 {
			break
		}
		line := text[at : at+n]
		at += n + 1
		if bytes.HasPrefix(line, []byte("Benchmark")) || bytes.HasPrefix(line, []byte("# result")) || bytes.HasPrefix(line, []byte("# begin")) {
			end = at
		}
	}
	return text[:end]
}

func killChildren(parent int) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", parent))
	for _, path := range tasks {
		text, _ := os.ReadFile(path)
		for _, word := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(word); err == nil {
				syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	}
}

// TestFullDisk: /dev/full cannot stand for a folder, so the file size limit of
// the process does: writing beyond it fails as on a full disk.
func TestFullDisk(t *testing.T) {
	if os.Getenv("BENCH_TEST_LIMITED") == "" {
		c := exec.Command(os.Args[0], "-test.run=^TestFullDisk$", "-test.v")
		c.Env = append(os.Environ(), "BENCH_TEST_LIMITED=1")
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	dir := t.TempDir()
	p := plan(20, cells("good", 3)...)
	limitFiles(t, 6000)
	sum, err := run(t, p, dir)
	if err == nil || !strings.Contains(err.Error(), "are safe") || sum.Measured == 0 {
		t.Fatalf("%+v, %v", sum, err)
	}
	if code := bench.ExitCode(sum, err, false); code != bench.ExitInvalid {
		t.Errorf("exit code %d", code)
	}
	if n := len(load(t, dir).Samples); n != sum.Measured {
		t.Errorf("%d samples in the file, %d measured", n, sum.Measured)
	}
	limitFiles(t, 1<<40)
	if sum, err = run(t, p, dir); err != nil || sum.Reused == 0 || sum.Measured+sum.Reused != 60 {
		t.Errorf("after making room: %+v, %v", sum, err)
	}
}

// TestParentIsIdle: while a cell runs, the harness takes under 1% of a CPU.
func TestParentIsIdle(t *testing.T) {
	if testing.Short() {
		t.Skip("takes two seconds")
	}
	before := cpuTime(t)
	began := time.Now()
	if _, err := run(t, plan(1, cells("two-seconds", 1)...), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	used, wall := cpuTime(t)-before, time.Since(began)
	if share := used.Seconds() / wall.Seconds(); share > 0.01 {
		t.Errorf("the harness took %.2f%% of a CPU (%v in %v)", 100*share, used, wall)
	}
}

func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
