//go:build !386 && !arm

// Lines are laid out for 64 bits.

package ring

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"unsafe"
)

// memory is everything that a cache consists of, apart from its entries and
// from its lanes, which are a CPU's own, in pieces of whole lines.
func (t *table) memory() (pieces [][]byte) {
	add := func(p unsafe.Pointer, size uintptr) {
		pieces = append(pieces, unsafe.Slice((*byte)(p), size))
	}
	add(unsafe.Pointer(t), unsafe.Sizeof(*t))
	add(t.buckets, uintptr(t.mask+1)*bucketSize)
	for _, s := range t.shards {
		add(unsafe.Pointer(s), unsafe.Sizeof(*s))
		for _, slots := range s.slots {
			if len(slots) > 0 {
				add(unsafe.Pointer(&slots[0]), uintptr(len(slots))*unsafe.Sizeof(slots[0]))
			}
		}
	}
	return pieces
}

// linesWritten is how many lines of the cache, the entries that were in it
// included, do has changed. It tells by comparing memory, so that a line to
// which the old content was written back does not count; an operation that
// takes a lock also changes what the lock guards, in the same line.
func linesWritten(t *table, do func()) (lines int) {
	now := append(t.memory(), t.entries()...)
	before := make([][]byte, len(now))
	for i, piece := range now {
		before[i] = slices.Clone(piece)
	}
	do()
	changed := make(map[uintptr]bool)
	for i, piece := range now {
		for at := range piece {
			if piece[at] != before[i][at] {
				changed[(uintptr(unsafe.Pointer(&piece[0]))+uintptr(at))/64] = true
			}
		}
	}
	return len(changed)
}

// TestLinesWritten checks the README's table of cache lines that an operation
// writes and other CPUs may hold: its cost where many CPUs share the cache. The
// line of an entry that is new is not counted: nobody else knows it yet.
func TestLinesWritten(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	const capacity, rounds = 1000, 300
	c, err := New[uint64, *int](capacity)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	values := []*int{new(int), new(int)}
	next := uint64(0)
	insert := func() { next++; c.Set(next, values[0]) }
	held := func() uint64 {
		for {
			if k := next - rng.Uint64N(capacity); c.lookup(k) != nil {
				return k
			}
		}
	}
	measure := func(what string, want, slack float64, do func(i int)) {
		t.Helper()
		total := 0
		for i := range rounds {
			total += linesWritten(&c.table, func() { do(i) })
		}
		mean := float64(total) / rounds
		t.Logf("%-34s %.2f lines", what, mean)
		if math.Abs(mean-want) > slack {
			t.Errorf("%s: %.2f lines written on average, want %v within %v", what, mean, want, slack)
		}
	}
	for range capacity / 2 {
		insert()
	}
	measure("insert, with room", 3.2, 0.3, func(int) { insert() })
	for range 3 * capacity {
		insert()
	}
	k := held()
	measure("Get, the first three", 1, 0.1, func(i int) {
		if i%3 == 0 {
			k = held()
			c.lookup(k).hits.Store(0)
		}
		c.Get(k)
	})
	measure("Get, later", 0, 0, func(int) { c.Get(k) })
	measure("Get of a missing key", 0, 0, func(int) { c.Get(math.MaxUint64) })
	measure("overwriting Set", 1, 0, func(i int) { c.Set(k, values[(i+1)%2]) })
	measure("Update", 1, 0, func(i int) {
		c.Update(k, func(old *int, ok bool) *int { return values[(i+1)%2] })
	})
	for range 3 * capacity { // entries that were hit have left
		insert()
	}
	measure("insert that evicts", 2.8, 0.3, func(int) { insert() })
	measure("Delete", 4.05, 0.25, func(int) { c.Delete(held()) })
	if err := c.Check(); err != nil {
		t.Error(err)
	}
}
