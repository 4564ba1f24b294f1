//go:build !386 && !arm

// The workloads count to 2^32 in an int.

package ring

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/contend-go/contend/bench/cachebench/workload"
)

// This file counts how often lines must travel, at the least, between CPUs that
// share a cache in which all keys fit. BenchmarkSharing measures what that costs
// on a host.
//
// The argument. A Get returns the value of the latest Set. If another CPU has
// set the key since this one last had the value's line, nothing that this CPU holds
// can tell the value: it fetches the line. After a Set, no CPU may take
// the old value for the latest: copies of the line are taken from all who have
// one, at once. Each of these is a transfer. No operation needs two: a Set
// whose CPU lacks the line fetches it and takes it from the others in one.
//
// What it assumes:
//   - A value is at one place, where both Get and Set go. A cache can instead
//     keep a place for each CPU: Sets then store in their own and tell nobody,
//     and Gets look at all of them. It is simulated too. CPUs that only Set
//     transfer nothing then, so without Gets the count holds for designs with one
//     place alone. With three Gets to a Set, two CPUs transfer somewhat more than
//     with one place, and eight CPUs twice as much.
//   - A goroutine waits for an operation before it begins the next, so that
//     a line cannot bring the answers to several. To have an operation carried
//     out by a CPU that owns the key costs two transfers, there and back, unless the CPU
//     is the same: on average no fewer than are counted here. Sets could be handed
//     over many to a line, without waiting, but then Gets must ask whoever they
//     were handed to.
//   - CPUs draw their keys independently of each other and from the same
//     distribution. Then it does not matter how many values a line has: what
//     one transfer brings for several Gets, Sets of the neighbours take away
//     again. Eight to a line are simulated too. CPUs that keep to keys of
//     their own transfer nothing.
//   - CPUs are equally fast: they work in turns, or in random order. The longer one
//     works while others stand still, the fewer the transfers.
//   - Caches never evict, and goroutines stay on their CPU. Where they do
//     not, more lines travel.
//
// It does not say how long a CPU waits for a transfer. For that of a Set it need
// not wait at all, if the store can stay in a buffer; Go's atomic stores on amd64
// do wait.

// machine is up to 64 CPUs with a cache each that never evicts, kept coherent
// by invalidation: of the protocol MESI, without its first fetch from memory.
type machine struct {
	holders []uint64 // by line: the CPUs that have it, a bit each; whoever has it alone may write
	count   transfers
	stores  int
}

// transfers are counts of lines that had to travel, or whose copies had to.
type transfers struct {
	fetched   int // by a read
	taken     int // by a write: fetched, and taken from the others
	recovered int // by a write of a CPU that had the line: taken from the others
}

func (t transfers) sum() int { return t.fetched + t.taken + t.recovered }

// newMachine makes a machine whose lines were all written by CPU 0, which
// has filled the cache.
func newMachine(lines int) *machine {
	m := &machine{holders: make([]uint64, lines)}
	for i := range m.holders {
		m.holders[i] = 1
	}
	return m
}

func (m *machine) read(cpu, line int) {
	if h := &m.holders[line]; *h>>cpu&1 == 0 {
		m.count.fetched++
		*h |= 1 << cpu
	}
}

func (m *machine) write(cpu, line int) {
	h, own := &m.holders[line], uint64(1)<<cpu
	switch {
	case *h&own == 0:
		m.count.taken++
	case *h != own:
		m.count.recovered++
	}
	*h = own
	m.stores++
}

// design is which lines a cache's operations read and write. Lines that no operation
// writes, such as those of ring's index on this load, are left out: each CPU
// fetches them once.
type design struct {
	lines    int
	get, set func(m *machine, cpu, key int)
}

// onePlace has values in lines of the given number.
func onePlace(keys, perLine int) design {
	return design{
		lines: (keys + perLine - 1) / perLine,
		get:   func(m *machine, cpu, key int) { m.read(cpu, key/perLine) },
		set:   func(m *machine, cpu, key int) { m.write(cpu, key/perLine) },
	}
}

// placePerCPU has a line for each key and CPU, in which only this CPU stores.
func placePerCPU(keys, cpus int) design {
	return design{
		lines: keys * cpus,
		get: func(m *machine, cpu, key int) {
			for other := range cpus {
				m.read(cpu, key*cpus+other)
			}
		},
		set: func(m *machine, cpu, key int) { m.write(cpu, key*cpus+cpu) },
	}
}

// ofRing is ring while nothing is inserted: it compares the key, loads or stores
// the value and counts the first hits, all in the entry's line. hits are the
// entries' counters.
func ofRing(hits []uint8) design {
	touch := func(key int) bool {
		if hits[key] == maxHits {
			return false
		}
		hits[key]++
		return true
	}
	return design{
		lines: len(hits),
		get: func(m *machine, cpu, key int) {
			m.read(cpu, key)
			if touch(key) {
				m.write(cpu, key)
			}
		},
		set: func(m *machine, cpu, key int) {
			m.read(cpu, key)
			m.write(cpu, key)
			touch(key)
		},
	}
}

// spent are counters of hits that have reached their end.
func spent(keys int) []uint8 {
	hits := make([]uint8, keys)
	for i := range hits {
		hits[i] = maxHits
	}
	return hits
}

// order tells whose operation is the next.
type order func() (cpu int)

func inTurns(cpus int) order {
	last := -1
	return func() int { last = (last + 1) % cpus; return last }
}

func atRandom(cpus int) order {
	rng := rand.New(rand.NewPCG(1, uint64(cpus)))
	return func() int { return rng.IntN(cpus) }
}

// walk is CPUs that work through a stream as the benchmarks' goroutines do.
type walk struct {
	*machine
	design
	next   order
	stream *workload.Stream
	at     []int // by CPU
}

func newWalk(stream *workload.Stream, d design, cpus int, next order) *walk {
	w := &walk{machine: newMachine(d.lines), design: d, next: next, stream: stream}
	for cpu := range cpus {
		w.at = append(w.at, stream.Offset(cpu, cpus))
	}
	return w
}

// settle brings the lines into the state that they have in the long run, which
// unpopular ones would take long to reach: every key is accessed that many times,
// by CPUs drawn at random.
func (w *walk) settle(reads float64, times int) {
	rng := rand.New(rand.NewPCG(2, 2))
	for cpu := range w.at { // where nothing is written, all CPUs have all lines
		for key := range w.stream.Keys {
			w.get(w.machine, cpu, key)
		}
	}
	for range times {
		for key := range w.stream.Keys {
			if cpu := rng.IntN(len(w.at)); rng.Float64() < reads {
				w.get(w.machine, cpu, key)
			} else {
				w.set(w.machine, cpu, key)
			}
		}
	}
}

// makes returns the transfers of the next operations, so many in all.
func (w *walk) makes(ops int) transfers {
	w.count = transfers{}
	mask := len(w.stream.Ops) - 1
	for range ops {
		cpu := w.next()
		op := w.stream.Ops[w.at[cpu]&mask]
		w.at[cpu]++
		if op.IsWrite() {
			w.set(w.machine, cpu, op.Index())
		} else {
			w.get(w.machine, cpu, op.Index())
		}
	}
	return w.count
}

// rates are transfers for each operation.
type rates struct{ fetched, taken, recovered float64 }

func (t transfers) per(ops int) rates {
	n := float64(ops)
	return rates{float64(t.fetched) / n, float64(t.taken) / n, float64(t.recovered) / n}
}

func (r rates) sum() float64 { return r.fetched + r.taken + r.recovered }

// farthest is the largest difference of two rates of a kind.
func (r rates) farthest(q rates) float64 {
	return max(math.Abs(r.fetched-q.fetched), math.Abs(r.taken-q.taken), math.Abs(r.recovered-q.recovered))
}

// expected is what an operation transfers in the long run, if the CPU and the
// kind of each access to a line are drawn independently. How popular the line
// is does not matter, nor what else is in it.
//
// A CPU lacks the line if the latest of its own accesses (1 of P) and the others'
// writes (P−1 of P, times w) was one of the latter. It has the line alone if the
// latest of its own writes (w of P) and the others' accesses (P−1 of P) was one
// of the former.
func expected(reads float64, cpus int) rates {
	if cpus == 1 {
		return rates{}
	}
	w, others := 1-reads, float64(cpus-1)
	lacks := others * w / (1 + others*w)
	notAlone := others / (others + w)
	return rates{reads * lacks, w * lacks, w * (notAlone - lacks)}
}

func TestTransfers(t *testing.T) {
	t.Run("by hand", testTransfersByHand)
	t.Run("by definition", testTransfersByDefinition)
	t.Run("that end", testTransfersThatEnd)
	t.Run("of contests", testTransfersOfContests)
	t.Run("of ring", testTransfersOfRing)
}

// testTransfersByHand has programs whose transfers can be counted by hand. Their
// steps are a CPU and r or w, all of one line, which CPU 0 has written before.
func testTransfersByHand(t *testing.T) {
	for _, c := range []struct {
		program string
		want    transfers
	}{
		{"0r 0w 0r 0w", transfers{}},
		{"1r 1r 0r", transfers{fetched: 1}},
		{"1w 1w 1r", transfers{taken: 1}},
		{"1w 0w 1w 0w", transfers{taken: 4}},
		{"1r 0w", transfers{fetched: 1, recovered: 1}},
		{"1r 1w 0r 0w 1r 1w", transfers{fetched: 3, recovered: 3}}, // ring's Sets, and BenchmarkSharing's turns
		{"1r 2r 3r 0w", transfers{fetched: 3, recovered: 1}},
		{"1r 2w 1r 2r 0r", transfers{fetched: 3, taken: 1}},
	} {
		m := newMachine(1)
		for _, step := range strings.Fields(c.program) {
			cpu := int(step[0] - '0')
			if step[1] == 'r' {
				m.read(cpu, 0)
			} else {
				m.write(cpu, 0)
			}
		}
		if m.count != c.want {
			t.Errorf("%s: %+v, want %+v", c.program, m.count, c.want)
		}
	}
}

// testTransfersByDefinition compares random programs with the definition: it
// searches all that went before.
func testTransfersByDefinition(t *testing.T) {
	const lines, steps, rounds = 3, 60, 200
	type access struct {
		cpu, line int
		write     bool
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range rounds {
		m := newMachine(lines)
		cpus := 1 + rng.IntN(4)
		var past []access
		for line := range lines {
			past = append(past, access{0, line, true})
		}
		for range steps {
			a := access{rng.IntN(cpus), rng.IntN(lines), rng.IntN(3) == 0}
			own, other := false, false // made an access since the latest write, or that write
			for i := len(past) - 1; ; i-- {
				if p := past[i]; p.line == a.line {
					own = own || p.cpu == a.cpu
					other = other || p.cpu != a.cpu
					if p.write {
						break
					}
				}
			}
			want := m.count
			switch {
			case !a.write && !own:
				want.fetched++
			case a.write && !own:
				want.taken++
			case a.write && other:
				want.recovered++
			}
			if a.write {
				m.write(a.cpu, a.line)
			} else {
				m.read(a.cpu, a.line)
			}
			past = append(past, a)
			if m.count != want {
				t.Fatalf("%d CPUs, after %+v: %+v, want %+v", cpus, past, m.count, want)
			}
		}
	}
}

// testTransfersThatEnd has loads that transfer nothing in the long run, exactly.
func testTransfersThatEnd(t *testing.T) {
	const keys, cpus, length = 1 << 10, 4, 1 << 14
	for _, c := range []struct {
		name   string
		reads  float64
		design design
	}{
		{"one place, only Gets", 1, onePlace(keys, 1)},
		{"ring, only Gets", 1, ofRing(spent(keys))},
		{"a place for each CPU, only Sets", 0, placePerCPU(keys, cpus)},
	} {
		stream, err := workload.New(workload.Config{Name: "zipf", Keys: keys, Reads: c.reads, Seed: 1, Length: length})
		if err != nil {
			t.Fatal(err)
		}
		used := make(map[int]bool)
		for _, op := range stream.Ops {
			used[op.Index()] = true
		}
		w := newWalk(stream, c.design, cpus, inTurns(cpus))
		// CPU 0 has filled the cache: each of the others needs a line for each key.
		if got, want := w.makes(cpus*length).sum(), (cpus-1)*len(used); got != want {
			t.Errorf("%s: %d transfers at first, want %d", c.name, got, want)
		}
		if got := w.makes(cpus * length); got != (transfers{}) {
			t.Errorf("%s: %+v later, want none", c.name, got)
		}
	}
}

// testTransfersOfContests counts on the load of BenchmarkPeers' contests get,
// update25 and update100, and prints a table.
func testTransfersOfContests(t *testing.T) {
	const accesses = 16 // of each line before it counts
	// How far the streams are from independent draws: a goroutine repeats its own,
	// and what another has met before. In turns, a popular key comes to the next
	// CPU more often than to the last.
	keys, ops, near := 1<<16, 1<<19, .01
	if testing.Short() {
		keys, ops, near = 1<<11, 1<<16, .02
	}
	t.Logf("transfers of an operation: %d operations, zipf, %d keys", ops, keys)
	t.Logf("%6s%6s%9s%9s%11s%9s%11s%10s%10s%13s%8s",
		"reads", "CPUs", "fetched", "taken", "recovered", "sum", "at random", "expected", "8 a line", "a place/CPU", "ring")
	for _, reads := range []float64{1, .75, 0} {
		if alone := expected(reads, 1); alone != (rates{}) {
			t.Errorf("%.0f%% reads, one CPU: %+v expected, want none", 100*reads, alone)
		}
		stream, err := workload.New(workload.Config{Name: "zipf", Keys: keys, Reads: reads, Seed: 1, Length: 2 * ops})
		if err != nil {
			t.Fatal(err)
		}
		before := 0.0
		for _, cpus := range []int{2, 8, 32, 64} {
			count := func(d design, next order) transfers {
				w := newWalk(stream, d, cpus, next)
				w.settle(reads, accesses*d.lines/keys)
				return w.makes(ops)
			}
			what := fmt.Sprintf("%.0f%% reads, %d CPUs", 100*reads, cpus)
			want := expected(reads, cpus)
			turns := count(onePlace(keys, 1), inTurns(cpus))
			sum := turns.per(ops).sum()
			random := count(onePlace(keys, 1), atRandom(cpus)).per(ops)
			packed := count(onePlace(keys, 8), atRandom(cpus)).per(ops)
			for how, got := range map[string]rates{"in turns": turns.per(ops), "at random": random, "eight to a line": packed} {
				if got.farthest(want) > near {
					t.Errorf("%s, %s: %+v, want %+v within %v", what, how, got, want, near)
				}
			}
			switch {
			case reads == 1 && turns != transfers{}:
				t.Errorf("%s: %+v, want none", what, turns)
			case reads < 1 && sum <= before:
				t.Errorf("%s: %.3f transfers, no more than the %.3f of fewer CPUs", what, sum, before)
			}
			before = sum
			if handed := 2 * float64(cpus-1) / float64(cpus); sum > handed {
				t.Errorf("%s: %.3f transfers, more than the %.3f of operations handed to owners", what, sum, handed)
			}

			places := ""
			if cpus <= 8 {
				each := count(placePerCPU(keys, cpus), inTurns(cpus)).per(ops).sum()
				places = fmt.Sprintf("%.3f", each)
				if reads == .75 && each < sum {
					t.Errorf("%s: %.3f transfers with a place for each CPU, %.3f with one: want no fewer", what, each, sum)
				}
			}

			// A Set of ring reads the line before it writes there, to compare the
			// key. A line that it lacks it therefore fetches, and then recovers.
			ring := count(ofRing(spent(keys)), inTurns(cpus))
			if want := (transfers{turns.fetched + turns.taken, 0, turns.recovered + turns.taken}); ring != want {
				t.Errorf("%s: ring makes %+v, want %+v", what, ring, want)
			}
			r := turns.per(ops)
			t.Logf("%5.0f%%%6d%9.3f%9.3f%11.3f%9.3f%11.3f%10.3f%10.3f%13s%8.3f", 100*reads, cpus,
				r.fetched, r.taken, r.recovered, sum, random.sum(), want.sum(), packed.sum(), places, ring.per(ops).sum())
		}
	}
}

// testTransfersOfRing holds the model of ring to ring itself, operation by
// operation: both write the entry's line or none. Then it bounds what the first
// hits, which are counted in the entry, add.
func testTransfersOfRing(t *testing.T) {
	const keys, ops = 64, 1 << 11
	stored, lookup, err := workload.MakeKeys[string](keys, workload.DefaultKeyLength, 1)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := workload.New(workload.Config{Name: "zipf", Keys: keys, Reads: .75, Seed: 1, Length: ops})
	if err != nil {
		t.Fatal(err)
	}
	c, err := New[string, *int](2 * keys)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range stored {
		c.Set(k, new(int))
	}
	hits := make([]uint8, keys)
	model, m := ofRing(hits), newMachine(keys)
	for i, op := range stream.Ops {
		key, before := op.Index(), m.stores
		e := c.lookup(lookup[key])
		value := c.unpack(e.value.Load())
		do := func() { c.Get(lookup[key]) }
		if op.IsWrite() {
			model.set(m, 0, key)
			value = new(int)
			do = func() { c.Set(lookup[key], value) }
		} else {
			model.get(m, 0, key)
		}
		got := linesWritten(&c.table, do)
		if want := m.stores - before; got != want {
			t.Fatalf("operation %d, write %t: ring wrote %d lines, the model %d", i, op.IsWrite(), got, want)
		}
		if e.hits.Load() != uint32(hits[key]) || c.unpack(e.value.Load()) != value {
			t.Fatalf("operation %d, write %t: ring's entry has %d hits, the model %d; or another value", i, op.IsWrite(), e.hits.Load(), hits[key])
		}
	}

	for _, cpus := range []int{2, 8, 64} {
		counts := newWalk(stream, ofRing(make([]uint8, keys)), cpus, inTurns(cpus))
		ended := newWalk(stream, ofRing(spent(keys)), cpus, inTurns(cpus))
		// A hit that is counted takes the line from others, and they fetch it again.
		added := counts.makes(ops).sum() - ended.makes(ops).sum()
		if most := maxHits * keys * cpus; added <= 0 || added > most {
			t.Errorf("%d CPUs: counting hits adds %d transfers, want 1 to %d", cpus, added, most)
		}
		counts.makes(64 * ops)
		ended.makes(64 * ops)
		if a, b := counts.makes(ops), ended.makes(ops); a != b {
			t.Errorf("%d CPUs: later %+v, want %+v as with counters that have ended", cpus, a, b)
		}
	}
}
