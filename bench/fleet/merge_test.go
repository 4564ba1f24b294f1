package fleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
)

// testPlan is two cells, one of them for the first block of a machine only.
func testPlan(first, blocks int) *bench.Plan {
	return &bench.Plan{Protocol: sample.Protocol, Seed: 1, First: first, Blocks: blocks, Cells: []bench.Cell{
		{Name: "BenchmarkA/gomaxprocs=1", Procs: 1}, {Name: "BenchmarkA/gomaxprocs=2", Procs: 2}, {Name: "BenchmarkA/probe=trace/gomaxprocs=2", Procs: 2, Blocks: 1},
	}}
}

// testFleet has two kinds: three machines with two blocks each, and one.
func testFleet(t *testing.T) (string, *Fleet) {
	t.Helper()
	f := &Fleet{Engine: "ssh"}
	for _, text := range []string{"epyc,hosts=a b c", "arm,hosts=d"} {
		k, err := ParseKind(text, "ssh", "amd64")
		if err != nil {
			t.Fatal(err)
		}
		k.Digest = "digest-" + k.Name
		k.Take(testPlan(0, 2))
		f.Kinds = append(f.Kinds, k)
	}
	if err := f.Lay(2, false); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := f.Save(dir); err != nil {
		t.Fatal(err)
	}
	return dir, f
}

// made is a delivery as a test wants it.
type made struct {
	name, node  string
	exe, bundle string // as the fleet's plan has it if empty
	blocks      []int  // of the shard; all if nil
	torn        int    // block that lacks its last cell; -1 for none
	open        bool   // without done.json
	trace       bool   // with an attachment
	plan        func(*bench.Plan)
	run         string // of which shard the run line speaks
	from, to    int    // seconds between which it measured; at an unknown time if both are 0
}

// deliver writes an attempt at a shard.
func deliver(t *testing.T, dir string, f *Fleet, shard string, m made) string {
	t.Helper()
	s, err := f.Shard(shard)
	if err != nil {
		t.Fatal(err)
	}
	k := f.Kind(s.Kind)
	at := filepath.Join(dir, Delivered, shard, m.name)
	if err := bench.MakeFolder(at); err != nil {
		t.Fatal(err)
	}
	p := testPlan(s.First, s.Blocks)
	if m.plan != nil {
		m.plan(p)
	}
	text := fmt.Sprintf(`{"protocol":1,"seed":%d,"first":%d,"blocks":%d,"cells":[`, p.Seed, p.First, p.Blocks)
	for i, c := range p.Cells {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprintf(`{"name":%q,"procs":%d,"blocks":%d}`, c.Name, c.Procs, c.Blocks)
	}
	if err := os.WriteFile(filepath.Join(at, bench.PlanFile), []byte(text+"]}"), 0o644); err != nil {
		t.Fatal(err)
	}
	log, err := sample.Open(at)
	if err != nil {
		t.Fatal(err)
	}
	or := func(a, b string) string {
		if a != "" {
			return a
		}
		return b
	}
	began := time.Date(2026, 1, 1, 0, 0, m.from, 0, time.UTC)
	run := sample.Run{ID: "run-" + m.node, Fields: []sample.Field{{Key: "exe", Value: or(m.exe, "sha256:1")}, {Key: "node", Value: m.node},
		{Key: "fleet", Value: f.ID}, {Key: "machine-kind", Value: k.Name}, {Key: "shard", Value: or(m.run, shard)}, {Key: "bundle", Value: or(m.bundle, k.Digest)}}}
	done := &Done{Fleet: f.ID, Shard: shard, Attempt: m.name, Node: m.node}
	if m.to > m.from {
		run.Fields = append(run.Fields, sample.Field{Key: "date", Value: began.Format(time.RFC3339)})
		done.Spans = []Span{{began, began.Add(time.Duration(m.to-m.from) * time.Second)}}
	}
	if err := log.Begin(sample.Header{Run: run, Config: []sample.Field{{Key: "goos", Value: "linux"}}}); err != nil {
		t.Fatal(err)
	}
	blocks := m.blocks
	if blocks == nil {
		for b := range s.Blocks {
			blocks = append(blocks, s.First+b)
		}
	}
	for _, b := range blocks {
		cells := p.Of(b)
		if len(cells) == 0 { // not its own
			cells = p.Cells[:2]
		}
		if b == m.torn {
			cells = cells[:len(cells)-1]
		}
		for _, c := range cells {
			e := sample.Entry{Identity: sample.Identity{Cell: c.ID(), Block: b}, Line: fmt.Sprintf("%s 100 %d ns/op", c.Name, 10+b)}
			if m.trace {
				path := fmt.Sprintf("traces/%s-%d.trace", c.ID(), b)
				if err := os.MkdirAll(filepath.Join(at, "traces"), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(at, path), []byte(m.node), 0o644); err != nil {
					t.Fatal(err)
				}
				e.Attachments = []sample.Attachment{{Kind: "trace", Path: path, SHA256: "00"}}
			}
			if err := log.Add(e); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if !m.open {
		(&Measure{Dir: at}).deliver(done)
	}
	return at
}

// all delivers every shard once, each by a machine of its own.
func all(t *testing.T, dir string, f *Fleet, but ...string) {
	for i, s := range f.Shards {
		if !slices.Contains(but, s.ID) {
			deliver(t, dir, f, s.ID, made{name: "first", node: fmt.Sprintf("n%d", i), torn: -1, trace: true})
		}
	}
}

// merged merges and reads what came of it: how often each block of each cell counts.
func merged(t *testing.T, dir string, f *Fleet) (*Merged, map[string]int) {
	t.Helper()
	m, err := Merge(dir, f)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Write(); err != nil {
		t.Fatal(err)
	}
	set, err := sample.Load(m.Dir)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, s := range set.Samples {
		count[fmt.Sprintf("%s %d", s.Name, s.Block)]++
	}
	for at, n := range count {
		if n != 1 {
			t.Errorf("%s counts %d times", at, n)
		}
	}
	return m, count
}

// perFleet is how many processes testFleet's plan has: two cells a block, and one in
// the first block of each machine.
const perFleet = 4*2*2 + 4

// TestMergeWhole: everything once, byte for byte, the same bytes again, attachments
// beside it.
func TestMergeWhole(t *testing.T) {
	dir, f := testFleet(t)
	all(t, dir, f)
	m, count := merged(t, dir, f)
	text, _ := os.ReadFile(filepath.Join(m.Dir, sample.FileName))
	for _, want := range []string{"# plan machine-kind=epyc processes=15\n", "# plan machine-kind=arm processes=5\n"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in the merged run", want)
		}
	}
	if len(count) != perFleet || m.Samples != perFleet || m.Exit() != bench.ExitGood || len(m.Left()) != 0 {
		t.Errorf("%d of %d processes, exit %d", len(count), perFleet, m.Exit())
	}
	first := readAll(t, m.Dir)
	for _, s := range f.Shards {
		text, err := os.ReadFile(filepath.Join(dir, Delivered, s.ID, "first", sample.FileName))
		if err != nil || !strings.Contains(first[sample.FileName], string(text)) {
			t.Errorf("shard %s is not in the merged run byte for byte (%v)", s.ID, err)
		}
	}
	if n := len(first); n != perFleet+3 { // attachments, samples, plan, .gitignore
		t.Errorf("%d files: %v", n, first)
	}
	merged(t, dir, f)
	for name, text := range readAll(t, m.Dir) {
		if first[name] != text {
			t.Errorf("%s changed when the same was collected again", name)
		}
	}
}

func readAll(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		files[strings.TrimPrefix(path, dir+"/")] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestMergeFaults: what is lost, torn, doubled, swapped, or of something else.
func TestMergeFaults(t *testing.T) {
	for name, c := range map[string]struct {
		fault func(t *testing.T, dir string, f *Fleet)
		lack  int    // processes that are missing
		says  string // in the description
	}{
		"a shard is lost": {func(*testing.T, string, *Fleet) {}, 5, "epyc-1 0 of 2 0 0 -\n"},
		"cut short in its second block, and not tried again": {func(t *testing.T, dir string, f *Fleet) {
			deliver(t, dir, f, "epyc-1", made{name: "a", node: "x", torn: 3, open: true})
		}, 2, "epyc-1: a ended without a list of what it delivered: the repetitions that it completed count"},
		"cut short, and all of it measured on another machine": {func(t *testing.T, dir string, f *Fleet) {
			deliver(t, dir, f, "epyc-1", made{name: "a", node: "x", torn: 3, open: true})
			deliver(t, dir, f, "epyc-1", made{name: "b", node: "y", torn: -1})
		}, 0, "epyc-1 2 of 2 5 0 x, y\nepyc-2 2 of 2 5 0 n2\narm-0 2 of 2 5 0 n3\nepyc-1: 1 repetition was delivered twice and counts once\n"},
		"cut short, and only the rest measured on another machine": {func(t *testing.T, dir string, f *Fleet) {
			deliver(t, dir, f, "epyc-1", made{name: "a", node: "x", torn: 3, open: true})
			deliver(t, dir, f, "epyc-1", made{name: "b", node: "y", torn: -1, blocks: []int{3}})
		}, 0, "epyc-1 2 of 2 5 0 x, y\n"},
		"an attempt that found nothing left to do": {func(t *testing.T, dir string, f *Fleet) {
			deliver(t, dir, f, "epyc-1", made{name: "a", node: "x", torn: -1})
			idle := filepath.Join(dir, Delivered, "epyc-1", "b")
			os.MkdirAll(idle, 0o755)
			(&Measure{Dir: idle}).deliver(&Done{Fleet: f.ID, Shard: "epyc-1", Attempt: "b", Node: "y"})
		}, 0, "epyc-1 2 of 2 5 0 x\nepyc-2"},
		"delivered twice": {func(t *testing.T, dir string, f *Fleet) {
			deliver(t, dir, f, "epyc-1", made{name: "a", node: "x", torn: -1})
			deliver(t, dir, f, "epyc-1", made{name: "b", node: "x", torn: -1})
		}, 0, "epyc-1: 2 repetitions were delivered twice and count once"},
		"a file changed on the way": {func(t *testing.T, dir string, f *Fleet) {
			at := deliver(t, dir, f, "epyc-1", made{name: "a", node: "x", torn: -1})
			text, _ := os.ReadFile(filepath.Join(at, sample.FileName))
			os.WriteFile(filepath.Join(at, sample.FileName), bytes.Replace(text, []byte("12 ns/op"), []byte("11 ns/op"), 1), 0o644)
		}, 5, "refused: a: samples.txt is not what the machine delivered"},
		"a file lost on the way": {func(t *testing.T, dir string, f *Fleet) {
			at := deliver(t, dir, f, "epyc-1", made{name: "a", node: "x", torn: -1, trace: true})
			os.RemoveAll(filepath.Join(at, "traces"))
		}, 5, ".trace is missing from what was delivered"},
		"the end of the samples lost, with done.json": {func(t *testing.T, dir string, f *Fleet) {
			at := deliver(t, dir, f, "epyc-1", made{name: "a", node: "x", torn: -1})
			text, _ := os.ReadFile(filepath.Join(at, sample.FileName))
			os.WriteFile(filepath.Join(at, sample.FileName), text[:len(text)-40], 0o644)
		}, 5, "is not what the machine delivered"},
		"the end of the samples lost, without": {func(t *testing.T, dir string, f *Fleet) {
			at := deliver(t, dir, f, "epyc-1", made{name: "a", node: "x", torn: -1, open: true})
			text, _ := os.ReadFile(filepath.Join(at, sample.FileName))
			os.WriteFile(filepath.Join(at, sample.FileName), text[:len(text)-10], 0o644)
		}, 2, "epyc-1 1 of 2 3 0 x\n"},
		"another shard's delivery": {func(t *testing.T, dir string, f *Fleet) {
			os.CopyFS(filepath.Join(dir, Delivered, "epyc-1"), os.DirFS(filepath.Join(dir, Delivered, "epyc-0")))
		}, 5, "refused: first: is of shard epyc-0"},
		"another shard's samples": {func(t *testing.T, dir string, f *Fleet) {
			deliver(t, dir, f, "epyc-1", made{name: "a", node: "x", torn: -1, run: "epyc-2", open: true})
		}, 5, `its samples are of shard "epyc-2"`},
		"another plan": {func(t *testing.T, dir string, f *Fleet) {
			deliver(t, dir, f, "epyc-1", made{name: "a", node: "x", torn: -1, plan: func(p *bench.Plan) { p.Cells[0].Name = "BenchmarkB/gomaxprocs=1" }})
		}, 5, "refused: a: measured another plan"},
		"another seed": {func(t *testing.T, dir string, f *Fleet) {
			deliver(t, dir, f, "epyc-1", made{name: "a", node: "x", torn: -1, plan: func(p *bench.Plan) { p.Seed = 7 }})
		}, 5, "refused: a: measured another plan"},
		"blocks of another shard": {func(t *testing.T, dir string, f *Fleet) {
			deliver(t, dir, f, "epyc-1", made{name: "a", node: "x", torn: -1, blocks: []int{0, 1}})
		}, 5, "holds block "},
		"other files of the bundle": {func(t *testing.T, dir string, f *Fleet) {
			deliver(t, dir, f, "epyc-1", made{name: "a", node: "x", torn: -1, bundle: "other"})
		}, 5, "refused: a: was measured by another program than the fleet's plan has"},
		"another executable": {func(t *testing.T, dir string, f *Fleet) {
			deliver(t, dir, f, "epyc-1", made{name: "a", node: "x", torn: -1, exe: "sha256:2"})
		}, 5, "refused: a: was measured by another program than epyc-0/first"},
		"a machine of another kind": {func(t *testing.T, dir string, f *Fleet) {
			s, _ := f.Shard("epyc-1")
			f.Kind("epyc").CPUs = 64
			m := Measure{Fleet: f, Shard: s, Attempt: "a", Dir: filepath.Join(dir, Delivered, "epyc-1", "a"), Facts: &host.Facts{Arch: "amd64", Online: 62, CPUs: make([]host.CPU, 62)}}
			if code, err := m.Do(); code != bench.ExitUsage || err == nil {
				t.Errorf("exit %d, %v", code, err)
			}
		}, 5, "refused: a: not a machine of kind epyc: wanted 64 CPUs, has 62"},
		"a delivery that cannot be read": {func(t *testing.T, dir string, f *Fleet) {
			at := deliver(t, dir, f, "epyc-1", made{name: "a", node: "x", torn: -1})
			os.WriteFile(filepath.Join(at, DoneName), []byte("{"), 0o644)
		}, 5, "refused: a: done.json cannot be read"},
		"one machine for two shards": {func(t *testing.T, dir string, f *Fleet) {
			deliver(t, dir, f, "epyc-1", made{name: "a", node: "n0", torn: -1})
		}, 0, "shards epyc-0 and epyc-1 were measured by one machine (n0)"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, f := testFleet(t)
			all(t, dir, f, "epyc-1")
			c.fault(t, dir, f)
			m, count := merged(t, dir, f)
			var says bytes.Buffer
			m.Describe(&says, "", nil)
			text := regexp.MustCompile(` +`).ReplaceAllString(says.String(), " ")
			code := bench.ExitGood
			if c.lack > 0 {
				code = bench.ExitInvalid
			}
			if len(count) != perFleet-c.lack || !strings.Contains(text, c.says) || m.Exit() != code || (len(m.Left()) > 0) != (c.lack > 0) {
				t.Errorf("%d processes, want %d; exit %d, want %d; it says\n%s\nwant %q", len(count), perFleet-c.lack, m.Exit(), code, text, c.says)
			}
		})
	}
}

// TestMergeDisturbed: what one machine measured for two shards at the same time counts
// for neither, and is named; one after the other both count, and so does what two
// machines measured at the same time.
func TestMergeDisturbed(t *testing.T) {
	for name, c := range map[string]struct {
		a, b made
		out  bool
	}{
		"at the same time":                {made{node: "x", from: 10, to: 20}, made{node: "x", from: 19, to: 30}, true},
		"one within the other":            {made{node: "x", from: 10, to: 40}, made{node: "x", from: 19, to: 30}, true},
		"one of them cut short":           {made{node: "x", from: 10, to: 40}, made{node: "x", from: 19, to: 30, open: true}, true},
		"one after the other":             {made{node: "x", from: 10, to: 20}, made{node: "x", from: 20, to: 30}, false},
		"two machines, at the same time":  {made{node: "x", from: 10, to: 20}, made{node: "y", from: 10, to: 20}, false},
		"one of them at an unknown time":  {made{node: "x", from: 10, to: 20}, made{node: "x"}, false},
		"cut short, before the other one": {made{node: "x", from: 10, to: 20}, made{node: "x", from: 5, to: 30, open: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir, f := testFleet(t)
			all(t, dir, f, "epyc-0", "epyc-1")
			c.a.name, c.b.name, c.a.torn, c.b.torn = "a", "b", -1, -1
			deliver(t, dir, f, "epyc-0", c.a)
			deliver(t, dir, f, "epyc-1", c.b)
			m, count := merged(t, dir, f)
			var says bytes.Buffer
			m.Describe(&says, "", nil)
			want, refusals := perFleet, 0
			if c.out {
				want, refusals = perFleet-10, 2
			}
			if len(count) != want || strings.Count(says.String(), "was measured on the same machine (x) at the same time") != refusals {
				t.Errorf("%d processes, want %d, with %d refusals:\n%s", len(count), want, refusals, &says)
			}
			text, _ := os.ReadFile(filepath.Join(m.Dir, sample.FileName))
			if c.out && (!strings.Contains(says.String(), "epyc-0: refused: a: disturbed: epyc-1/b") || !strings.Contains(string(text), "refused: b: disturbed: epyc-0/a")) {
				t.Errorf("%s\n%s", &says, text)
			}
		})
	}
}

// TestClaim: of two shards on one machine the second is refused, with the name of the
// first, and not once that has ended.
func TestClaim(t *testing.T) {
	t.Parallel() // it waits, as a refusal does
	machine := "claimed-by-" + t.Name() + t.TempDir()
	release, err := claim(machine, "shard epyc-0 of fleet f")
	if err != nil {
		t.Fatal(err)
	}
	dir, f := testFleet(t)
	s, _ := f.Shard("epyc-1")
	m := Measure{Fleet: f, Shard: s, Attempt: "a", Node: machine, Dir: filepath.Join(dir, Delivered, s.ID, "a"), Facts: &host.Facts{Arch: "amd64"}}
	code, err := m.Do()
	if code != bench.ExitUsage || err == nil || !strings.Contains(err.Error(), "measures already, for shard epyc-0 of fleet f") {
		t.Errorf("exit %d, %v", code, err)
	}
	merged, err := Merge(dir, f)
	if err != nil || len(merged.States[1].Refused) != 1 || !strings.Contains(merged.States[1].Refused[0], "measures already") {
		t.Errorf("%v %v", merged.States[1], err)
	}
	other, err := claim(machine+"2", "another machine")
	if err != nil {
		t.Fatal(err)
	}
	other()
	release()
	again, err := claim(machine, "shard epyc-1 of fleet f")
	if err != nil {
		t.Fatal(err)
	}
	again()
}

// TestPlannedAgain: the same words planned twice are two fleets.
func TestPlannedAgain(t *testing.T) {
	_, a := testFleet(t)
	dir, b := testFleet(t)
	if a.ID == b.ID {
		t.Errorf("both are %s", a.ID)
	}
	loaded, err := Load(dir)
	if err != nil || loaded.ID != b.ID {
		t.Errorf("%v %v", loaded, err)
	}
	part, err := Load(b.part(b.Kinds[1], b.Shards[3]))
	if err != nil || part.ID != b.ID || len(part.Shards) != 1 || part.Shards[0].ID != "arm-0" || part.Kind("epyc") != nil {
		t.Errorf("%+v %v", part, err)
	}
}

// TestAttended: what measures goes on while it hears from who asked for it, and ends
// when that has gone, or is silent for long.
func TestAttended(t *testing.T) {
	for name, gone := range map[string]func(w *io.PipeWriter){
		"closed":     func(w *io.PipeWriter) { w.Close() },
		"silent":     func(*io.PipeWriter) {},
		"link broke": func(w *io.PipeWriter) { w.CloseWithError(errors.New("broken")) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, w := io.Pipe()
				ctx := Attended(t.Context(), r)
				for range 100 {
					w.Write([]byte{'\n'})
					time.Sleep(heartbeat)
					if ctx.Err() != nil {
						t.Fatal("ended while it is attended")
					}
				}
				gone(w)
				time.Sleep(silence)
				synctest.Wait()
				if context.Cause(ctx) != errUnattended {
					t.Errorf("%v", context.Cause(ctx))
				}
				r.Close()
			})
		})
	}
}

// TestKinds: what is typed wrongly is said.
func TestKinds(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "begins with its name",
		"EPYC,hosts=a":             "begins with its name",
		"a":                        "name its hosts",
		"a,hosts=x x":              "each machine once",
		"a,hosts=-oProxyCommand=x": "by a name that ssh knows",
		"a,hosts=x,cpus=many":      "no number",
		"a,hosts=x,partition=y":    "partition unknown; for ssh there are arch, cpus, hosts",
		"a,hosts=x y,machines=3":   "machines=3, and 2 hosts",
		"a,hosts=x,quota=2":        "quota=allowed",
		"a,hosts=x,cpus":           "no KEY=VALUE",
	} {
		if _, err := ParseKind(text, "ssh", "amd64"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if _, err := ParseKind("c7g,machines=501,image=r/i:1", "kubernetes", "amd64"); err == nil || !strings.Contains(err.Error(), "takes up to 500") {
		t.Error(err)
	}
	most := strings.Repeat("k", 32)
	big, err := ParseKind(most+",machines=500,image=r/i:1", "kubernetes", "amd64")
	if err != nil {
		t.Fatal(err)
	}
	f := &Fleet{Engine: "kubernetes", Kinds: []*Kind{big}}
	if err := f.Lay(1000, false); err != nil || len(f.part(big, f.Shards...)) > 128<<10-1000 {
		t.Errorf("%v, an argument of %d bytes", err, len(f.part(big, f.Shards...)))
	}
	k, err := ParseKind("c7g,machines=3,cpus=64,arch=arm64,selector=a/b=c,image=r/i:1,price=1.5", "kubernetes", "amd64")
	if err != nil || k.Machines != 3 || k.Arch != "arm64" || k.Settings["selector"] != "a/b=c" || k.Price != 1.5 {
		t.Errorf("%+v %v", k, err)
	}
}

// TestLay: no block number stands twice in a fleet, with and without --split.
func TestLay(t *testing.T) {
	for _, split := range []bool{false, true} {
		f := &Fleet{Kinds: []*Kind{{Name: "a", Machines: 3}, {Name: "b", Machines: 2}}}
		if err := f.Lay(7, split); err != nil {
			t.Fatal(err)
		}
		seen, sum := map[int]bool{}, 0
		for _, s := range f.Shards {
			for b := s.First; b < s.First+s.Blocks; b++ {
				if seen[b] {
					t.Errorf("split %v: block %d twice", split, b)
				}
				seen[b] = true
			}
			sum += s.Blocks
		}
		if want := map[bool]int{false: 35, true: 3*3 + 2*4}[split]; sum != want {
			t.Errorf("split %v: %d blocks, want %d", split, sum, want)
		}
	}
	if err := (&Fleet{Kinds: []*Kind{{Name: "a", Machines: 6}}}).Lay(6, true); err == nil {
		t.Error("one block a machine is accepted")
	}
}

// TestJourney: what is sent arrives; what is cut or damaged on the way is not taken
// for a delivery, and leaves the one before in place.
func TestJourney(t *testing.T) {
	dir, f := testFleet(t)
	deliver(t, dir, f, "epyc-0", made{name: "a", node: "x", torn: -1, trace: true})
	at := filepath.Join(dir, Delivered, "epyc-0")
	before := readAll(t, at)
	delete(before, "a/.gitignore")
	var sent bytes.Buffer
	if err := Send(&sent, at); err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	if err := unpack(bytes.NewReader(sent.Bytes()), to); err != nil {
		t.Fatal(err)
	}
	same := func(what string) {
		t.Helper()
		got := readAll(t, to)
		if len(got) != len(before) {
			t.Errorf("%s: %d files, want %d", what, len(got), len(before))
		}
		for name, text := range before {
			if got[name] != text {
				t.Errorf("%s: %s differs", what, name)
			}
		}
	}
	same("sent")
	for n := range sent.Len() {
		if n%7 == 0 && unpack(bytes.NewReader(sent.Bytes()[:n]), to) == nil {
			t.Errorf("cut after %d of %d bytes, and taken", n, sent.Len())
		}
	}
	same("after those that were cut")

	var log bytes.Buffer
	fmt.Fprintln(&log, "measuring")
	if err := Print(&log, filepath.Join(at, "a")); err != nil {
		t.Fatal(err)
	}
	text, ok, err := extract(log.Bytes())
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if err := unpack(bytes.NewReader(text), to); err != nil {
		t.Fatal(err)
	}
	same("by the log")
	if _, ok, _ := extract([]byte("measuring\n")); ok {
		t.Error("a delivery in an empty log")
	}
	begin := bytes.Index(log.Bytes(), []byte(envelopeBegin))
	for n := begin + bytes.IndexByte(log.Bytes()[begin:], '\n') + 1; n < log.Len()-8; n += 11 {
		if _, ok, err := extract(log.Bytes()[:n]); !ok || err == nil {
			t.Errorf("a log that ends after %d of %d bytes is taken", n, log.Len())
		}
		cut := slices.Delete(bytes.Clone(log.Bytes()), n, n+4)
		if _, ok, err := extract(cut); ok && err == nil {
			t.Errorf("a log without 4 bytes at %d is taken", n)
		}
	}
}
