package primitives

import (
	"bytes"
	"context"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/cpu"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
)

func TestMain(m *testing.M) {
	family.RunCell([]family.Family{Family()}, nil) // this binary is the program of the sweeps that tests run
	os.Exit(m.Run())
}

// TestRows runs every implementation of every row, each checking itself, with
// fewer and with more Ps than this host has CPUs.
func TestRows(t *testing.T) {
	sizes := []int{1, 5000} // fewer operations than goroutines, and more
	if testing.Short() {
		sizes = []int{500}
	}
	for _, procs := range []int{1, 2, 8, 32} {
		atProcs(t, procs)
		for _, r := range rows {
			for _, i := range r.impls {
				for _, n := range sizes {
					c := conditions{procs: procs, hold: 1, think: 1}
					if err := i.job(c, n).do(func() {}, func() {}); err != nil {
						t.Errorf("%s %s, %d operations at GOMAXPROCS=%d: %v", r.name, i.name, n, procs, err)
					}
				}
			}
		}
	}
}

// atProcs sets GOMAXPROCS for the rest of the test.
func atProcs(t *testing.T, procs int) {
	old := runtime.GOMAXPROCS(procs)
	t.Cleanup(func() { runtime.GOMAXPROCS(old) })
}

// lossy is a queue with a fault: it drops one item, or hands one out twice.
type lossy struct {
	channel
	drop, twice uint64
}

func (l lossy) Push(v uint64) bool {
	if v == l.twice {
		l.channel.Push(v)
	}
	return v == l.drop || l.channel.Push(v)
}

// closing is a queue that closes itself early.
type closing struct{ channel }

func (c closing) Push(v uint64) bool { return v < 50 && c.channel.Push(v) }

// TestChecksBite shows each kind of check on a structure that breaks it.
func TestChecksBite(t *testing.T) {
	atProcs(t, 4)
	const n = 100
	c := conditions{procs: 4}
	for _, f := range []struct {
		fault string
		says  string
		job   *job
	}{
		{"drops an item", "items received: 99", pass(lossy{make(channel, 2), 7, 0}, 2, 2, c, n)},
		{"doubles an item", "items received: 101", pass(lossy{make(channel, 2), 0, 7}, 2, 2, c, n)},
		{"swaps an item for another", "sum of the items", pass(lossy{make(channel, 2), 7, 8}, 2, 2, c, n)},
		{"takes not all", "operations done", pass(closing{make(channel, 2)}, 1, 1, c, n)},
		{"reads another key's value", "reads with the value", lookUp(shifted{&rwTable{m: filled()}}, share(c, 2, n), 0)},
		{"lets a flip be lost", "the flag at the end", &job{check: func() error { return flipped(true, nil, n) }}},
		{"loses a key", "keys added", &job{check: func() error { return added(map[uint64]int{1: 1, 2: 1, 3: 0}, 3) }}},
		{"finds a subscriber too many", "lookups with other subscribers", subscribe(&nosy{topics: newLockFreeTopics()}, share(c, 2, n), 4)},
	} {
		err := f.job.do(func() {}, func() {})
		if err == nil || !strings.Contains(err.Error(), f.says) {
			t.Errorf("a structure that %s: error %v, want %q", f.fault, err, f.says)
		}
	}
}

// shifted answers with the value of the next key.
type shifted struct{ table }

func (s shifted) Get(w *worker, k uint64) uint64 { return s.table.Get(w, (k+1)%tableSize) }

// nosy subscribes to everything, but only once lookups are under way.
type nosy struct {
	topics
	mu   sync.Mutex
	seen int
}

func (n *nosy) Lookup(topic string, ids []uint32) []uint32 {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.seen++; n.seen > topicCount {
		ids = append(ids, 1)
	}
	return n.topics.Lookup(topic, ids)
}

// TestLayout holds that the row on false sharing is about that and nothing
// else: unpadded counters of neighbours share a cache line, padded ones never.
func TestLayout(t *testing.T) {
	const line = unsafe.Sizeof(cpu.CacheLinePad{})
	unpadded := make([]counter[[0]byte], 8)
	padded := make([]counter[cpu.CacheLinePad], 8)
	at := func(p unsafe.Pointer) uintptr { return uintptr(p) / line }
	shared := 0
	for i := range 7 {
		if at(unsafe.Pointer(&unpadded[i].value)) == at(unsafe.Pointer(&unpadded[i+1].value)) {
			shared++
		}
		if at(unsafe.Pointer(&padded[i].value)) == at(unsafe.Pointer(&padded[i+1].value)) {
			t.Errorf("padded counters %d and %d share a line", i, i+1)
		}
	}
	if size := unsafe.Sizeof(unpadded[0]); size != 8 || shared < 6 {
		t.Errorf("unpadded counters take %d bytes, and %d of 7 neighbours share a line: want 8 bytes, and at least 6", size, shared)
	}
	pair := make([]counter[[0]byte], 2) // what the row has at GOMAXPROCS=2: 16 bytes are within a line
	if at(unsafe.Pointer(&pair[0].value)) != at(unsafe.Pointer(&pair[1].value)) {
		t.Error("two unpadded counters do not share a line")
	}
	if a, b := unsafe.Sizeof(stripe[[0]byte]{}), unsafe.Sizeof(stripe[cpu.CacheLinePad]{}); a >= line || b < a+line {
		t.Errorf("a stripe takes %d bytes, %d padded: want less than a line, and a line more", a, b)
	}
}

// TestAllocations holds what every operation must, or must not, allocate: a row
// whose allocation was optimised away would measure nothing.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("under the race detector sync.Pool drops values at random")
	}
	const n = 20_000
	for _, want := range []struct {
		row, impl   string
		least, most float64 // allocations per operation
		bytes       float64 // the least
	}{
		{"alloc", "new", 1, 1.01, 256},
		{"alloc", "pool", 0, 0.05, 0},
		{"1p1c", "channel", 0, 0.05, 0},
		{"1p1c", "ring", 0, 0.05, 0},
		{"lock-contended", "mutex", 0, 0.05, 0},
		{"read", "copy-on-write", 0, 0.05, 0},
		{"snapshot-update", "locked", 1, 100, 16 * snapshotSize},
		{"snapshot-update", "trie", 4, 30, 200},
		{"snapshot-rare", "trie", 2, 10, 100},
		{"subscribe-1-1", "lock-free", 1, 10, 50},
	} {
		r, _ := lookup(want.row)
		i, ok := r.impl(want.impl)
		if !ok {
			t.Errorf("no %s %s", want.row, want.impl)
			continue
		}
		n := n
		if want.bytes > 1000 {
			n /= 20
		}
		var before, after runtime.MemStats
		err := i.job(conditions{procs: 2}, n).do(func() { runtime.ReadMemStats(&before) }, func() { runtime.ReadMemStats(&after) })
		if err != nil {
			t.Error(err)
		}
		allocs := float64(after.Mallocs-before.Mallocs) / float64(n)
		bytes := float64(after.TotalAlloc-before.TotalAlloc) / float64(n)
		if allocs < want.least || allocs > want.most || bytes < want.bytes {
			t.Errorf("%s %s: %.2f allocations of %.0f bytes per operation, want %g to %g and at least %g bytes", want.row, want.impl, allocs, bytes, want.least, want.most, want.bytes)
		}
	}
}

func sweepOptions(t *testing.T) *bench.SweepOptions {
	return &bench.SweepOptions{Procs: "1,2", Time: 5 * time.Millisecond, Count: 1, Seed: 1, Out: t.TempDir(), Affinity: "none", Trace: "none", TraceBlocks: 1}
}

// TestSweep runs cells as the harness does, in processes of this test binary.
func TestSweep(t *testing.T) {
	facts := host.Read()
	sweep := sweepOptions(t)
	s := &family.Sweep{SweepOptions: sweep, Host: &facts, Values: family.Values{"row": {"defer", "1p1c", "flag"}, "hold": {"0s", "200ns"}}}
	fam := Family()
	plan, err := fam.Plan(s)
	if err != nil {
		t.Fatal(err)
	}
	again, err := fam.Plan(s)
	if err != nil || len(again.Cells) != len(plan.Cells) {
		t.Fatalf("planned again: %d cells, %v, want %d", len(again.Cells), err, len(plan.Cells))
	}
	sum, err := bench.Run(context.Background(), plan, sweep.Options(&facts))
	if err != nil || len(sum.Invalid) > 0 {
		t.Fatalf("%v, invalid %v", err, sum.Invalid)
	}
	set, err := sample.Load(sweep.Out)
	if err != nil {
		t.Fatal(err)
	}
	if want := 2 * (2*2 + 3*2 + 3); len(set.Samples) != want { // the flag holds nothing
		t.Errorf("%d samples, want %d", len(set.Samples), want)
	}
	published := 0
	for _, r := range set.Records {
		if r.Verb == "published" {
			published++
		}
	}
	if published == 0 {
		t.Error("no published figures in the samples file")
	}
	for _, s := range set.Samples {
		if ns, ok := s.Value("ns/op"); !ok || ns <= 0 || s.Iters < firstOps {
			t.Errorf("%s: %d operations of %v ns", s.Name, s.Iters, ns)
		}
		if hold, _ := s.Name.Get("hold"); hold != "" {
			if ns, _ := s.Value("work-ns/op"); ns < 50 || ns > 5000 {
				t.Errorf("%s: %v ns of work", s.Name, ns)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	facts := host.Read()
	for _, c := range []struct {
		values family.Values
		trace  string
		says   string
	}{
		{family.Values{"row": {"nope"}}, "none", `--row: row "nope" unknown; there are 1p1c-2`},
		{family.Values{"row": {}}, "none", "--row: give at least one value"},
		{family.Values{"hold": {"-1ns"}}, "none", "--hold: -1ns"},
		{family.Values{"think": {"1h"}}, "none", "--think: 1h0m0s"},
		{nil, "tour", "no tour"},
	} {
		sweep := sweepOptions(t)
		sweep.Trace = c.trace
		if _, err := Family().Plan(&family.Sweep{SweepOptions: sweep, Values: c.values, Host: &facts}); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: error %v, want %q", c.values, err, c.says)
		}
	}
	if err := Family().Child(`{"row":"lock","impl":"nope"}`, nil, new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), `"nope" is not in this program`) {
		t.Errorf("a cell of another program: %v", err)
	}
	if err := Family().Child(`{"row":"lock","impl":"mutex","probe":"trace"}`, nil, new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), "records no traces") {
		t.Errorf("a probe that is not there: %v", err)
	}
}
