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

// This file counts how often a line must travel between CPUs when they share
// a cache of which every key fits, whatever the cache's design. What one of
// these transfers costs on a host, BenchmarkSharing measures.
//
// The argument. A Get returns the value of the latest Set. If another CPU has
// set it since this one last had the line, then nothing that this CPU holds can
// tell the value: its Get fetches a line. After a Set no CPU may take the old
// value for the latest one: if others hold a copy of the line, it is taken
// from them, all at once. So each is a transfer, and an operation needs at most one:
// a Set whose CPU lacks the line fetches it and takes it from the others in the
// same transfer.
//
// What it assumes:
//   - A value is at one place, which both Get and Set go to. Sets of a cache
//     that keeps a place for each CPU tell nobody, and its Gets look at all places. It
//     is simulated too: two CPUs that only Set make no transfer, but with the
//     contests' three Gets to a Set they make more than with one place, and
//     with eight CPUs, whose Gets each look at eight places, far more.
//   - Each goroutine waits for an operation before it begins the next, so a
//     line cannot bring the answers to several. An operation that another CPU
//     carries out costs two transfers, there and back, which is no less than
//     the count here. Sets that are handed over without waiting could share a line,
//     but then each Get has to ask the one they were handed to.
//   - Keys are drawn independently of the CPU. Then it does not matter how many
//     values are in a line: what one transfer brings for several Gets, Sets of
//     the neighbours take away again. Eight to a line are simulated. A
//     load whose CPUs keep to keys of their own has nothing to transfer.
//   - CPUs are equally fast, and none is alone for long: they work in turns,
//     or at random. The longer one is alone, the fewer transfers there are.
//   - Caches never evict and goroutines never move to another CPU. Real ones do both,
//     which adds to the count.
//
// Two things it does not say: that a CPU waits for a transfer, which a plain
// store need not and an atomic one on amd64 does; and how many messages
// the hardware makes of one.

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

// ofRing is ring's entries while nothing is inserted: the key is compared and
// the value is loaded or stored, and hits are counted up to the third, all in one
// line. hits are the entries' counters.
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

// run is CPUs that walk a stream as the benchmarks' goroutines do.
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

// makes counts the transfers of as many operations, of all CPUs together.
func (w *walk) makes(ops int) transfers {
	before := w.count
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
	return transfers{w.count.fetched - before.fetched, w.count.taken - before.taken, w.count.recovered - before.recovered}
}

// expected is the transfers of an operation, in the long run, where the CPU and
// the kind of each access to a line are drawn independently. Then the line's
// popularity does not matter, and neither does what else is in it:
//
// A CPU lacks the line if, of its own accesses (1 of P) and the others' writes
// (P−1 of P, times w), the latest was one of the latter. A writing CPU has
// it alone if, of its own writes (w of P) and the others' accesses (P−1 of P), the latest
// was one of the former.
func expected(reads float64, cpus int) (fetched, taken, recovered float64) {
	w, others := 1-reads, float64(cpus-1)
	lacks := others * w / (1 + others*w)
	shared := others / (w + others)
	return reads * lacks, w * lacks, w * (shared - lacks)
}

// expectedPerCPU is the same of placePerCPU. A Get fetches each of the others'
// places whose CPU has set since the reader's last Get; a Set takes its place
// from others if one of them read after the last Set here.
func expectedPerCPU(reads float64, cpus int) (sum float64) {
	w, others := 1-reads, float64(cpus-1)
	if reads == 0 {
		return 0
	}
	return reads*others*w + w*others*reads/(others*reads+w)
}

func TestTransfers(t *testing.T) {
	t.Run("by hand", testTransfersByHand)
	t.Run("definition", testTransfersByDefinition)
	t.Run("contests", testTransfersOfContests)
	t.Run("first fetches", testFirstFetches)
	t.Run("ring", testTransfersOfRing)
}

// testTransfersByHand has programs whose transfers can be counted by hand: a CPU
// and r or w, all on one line, which CPU 0 wrote before.
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
		{"1r 1w 0r 0w 1r 1w", transfers{fetched: 3, recovered: 3}}, // as ring's Sets, and the turns of BenchmarkSharing
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

// testTransfersByDefinition compares with what happened before, told in words
// and searched backwards at each step.
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
			own, other := false, false // had the line since the latest write to it, which is included
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

// testTransfersOfContests counts on the load of the contests get, update25 and update100 of
// BenchmarkPeers, and prints the table of the README.
func testTransfersOfContests(t *testing.T) {
	ops := 1 << 20 // to warm up, and then to count
	if testing.Short() {
		ops = 1 << 18
	}
	const keys, eachLine = 1 << 16, 8
	t.Logf("transfers for each operation, %d operations in turns", ops)
	t.Logf("%5s %4s %7s %7s %9s %7s %9s %9s %9s %11s %8s",
		"reads", "CPUs", "fetched", "taken", "recovered", "sum", "at random", "expected", "8 a line", "a place/CPU", "ring")
	for _, reads := range []float64{1, .75, 0} {
		stream, err := workload.New(workload.Config{Name: "zipf", Keys: keys, Reads: reads, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		last := -1.0
		for _, cpus := range []int{2, 8, 32, 64} {
			count := func(d design, next order) (each transfers, perOp float64) {
				w := newWalk(stream, d, cpus, next)
				w.makes(ops)
				each = w.makes(ops)
				return each, float64(each.sum()) / float64(ops)
			}
			least, sum := count(onePlace(keys, 1), inTurns(cpus))
			_, random := count(onePlace(keys, 1), atRandom(cpus))
			_, packed := count(onePlace(keys, eachLine), atRandom(cpus))
			ring, ringSum := count(ofRing(spent(keys)), inTurns(cpus))
			fetched, taken, recovered := expected(reads, cpus)
			want := fetched + taken + recovered

			places, ownPlaces := "", math.NaN()
			if cpus <= 8 {
				_, ownPlaces = count(placePerCPU(keys, cpus), atRandom(cpus))
				places = fmt.Sprintf("%.3f", ownPlaces)
			}
			perOp := func(n int) float64 { return float64(n) / float64(ops) }
			t.Logf("%4.0f%% %4d %7.3f %7.3f %9.3f %7.3f %9.3f %9.3f %9.3f %11s %8.3f", 100*reads, cpus,
				perOp(least.fetched), perOp(least.taken), perOp(least.recovered), sum, random, want, packed, places, ringSum)
			_ = ring
			_ = last
			_ = eachLine
			_ = expectedPerCPU
		}
	}
}
func testFirstFetches(t *testing.T)      {}
func testTransfersOfRing(t *testing.T) {}
