package ring

import (
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unsafe"
)

// TestMarks does the same to a word of marks and to a list.
func TestMarks(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 3))
	var ms marks
	var list []mark // the latest first
	met := [4]int{}
	for step := range uint32(200_000) {
		switch op := rng.IntN(8); {
		case op < 4:
			m := newMark(rng.Uint64N(20)<<40, step/4)
			want := mark(0)
			if len(list) == 4 {
				want, list = list[3], list[:3]
				met[0]++
			}
			list = slices.Insert(list, 0, m)
			if got := ms.push(m); got != want {
				t.Fatalf("step %d: push returns %#x, want %#x", step, got, want)
			}
		case op < 7:
			p := print(rng.Uint64N(20) << 40)
			want := mark(0)
			if at := slices.IndexFunc(list, func(m mark) bool { return m.print() == p }); at >= 0 {
				want = list[at]
				list = slices.Delete(list, at, at+1)
				met[1]++
			}
			if got := ms.take(p); got != want {
				t.Fatalf("step %d: take(%#x) = %#x, want %#x", step, p, got, want)
			}
		default:
			window := rng.Uint32N(8)
			any := false
			for len(list) > 0 && (step/4-list[len(list)-1].step())%steps > window {
				list, any = list[:len(list)-1], true
				met[2]++
			}
			if got := ms.forget(step/4, window); got != any {
				t.Fatalf("step %d: forget says %v, want %v", step, got, any)
			}
			if len(list) == 0 {
				met[3]++
			}
		}
		want := marks(0)
		for i, m := range list {
			want |= marks(m) << (markBits * i)
		}
		if ms != want {
			t.Fatalf("step %d: %#x, want %#x", step, ms, want)
		}
	}
	if slices.Min(met[:]) < 1000 {
		t.Errorf("%v: the test needs more of each", met)
	}
}

// TestParking: every mark but 0 has an address that no entry can have, and where
// it leads there lies an entry that has no key's words.
func TestParking(t *testing.T) {
	for m := mark(1); m != 0; m++ {
		e := m.park()
		if got := parked(e); got != m {
			t.Fatalf("mark %#x comes back as %#x", m, got)
		}
		if e.size != 0 || e.ref != nil || e.hash != 0 {
			t.Fatalf("mark %#x leads to an entry", m)
		}
	}
	last := uintptr(unsafe.Pointer((^mark(0)).park())) + unsafe.Sizeof(entry{})
	if end := uintptr(unsafe.Pointer(&parking)) + unsafe.Sizeof(parking); last > end {
		t.Errorf("the last entry ends %d bytes behind the memory", last-end)
	}
	for _, e := range []*entry{nil, new(entry), newLong("a string of more than twenty-four bytes")} {
		if m := parked(e); m != 0 {
			t.Errorf("an entry stands for mark %#x", m)
		}
	}
}

// TestMarkUnderOldWord: a reader whose word is out of date may find a mark where its key's
// tag was; no key is taken for it, not even one whose hash or words are zero.
func TestMarkUnderOldWord(t *testing.T) {
	x := index{newBuckets(1), 0}
	b := x.bucket(0, 0)
	b.word.Store(tagOf(0) << 8)
	b.slot[0].Store(newMark(0, 0).park())
	if e := x.find(0, word(0)); e != nil {
		t.Error("find takes a mark for the integer 0")
	}
	if e := x.find(0, inline("")); e != nil {
		t.Error("find takes a mark for the empty string")
	}
	if e := x.findLong(0, strings.Repeat("\x00", inlineKey+1)); e != nil {
		t.Error("findLong takes a mark for a string of zeros")
	}
	if e := x.findBoxed(0, func(unsafe.Pointer) bool { return true }); e != nil {
		t.Error("findBoxed takes a mark for a box")
	}
}

// TestBucketsRemember inserts and evicts in two buckets, and in two that are written
// out: they must hold the same entries and marks, in the same slots, all the way.
func TestBucketsRemember(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 5))
	x := index{newBuckets(2), 1}
	var want obviousBuckets
	var held []*entry
	step := uint32(0)
	for op := range uint64(100_000) {
		if len(held) < 2*slotsPerBucket && rng.IntN(2) == 0 {
			// Tags 1 and 2, and 1 above a free slot, which looks like another.
			e := &entry{words: word(op), hash: rng.Uint64N(3)<<56 | rng.Uint64N(12)<<40 | rng.Uint64N(2)}
			remembered := want.link(e)
			if there, m := x.link(e, nil); there != nil || m != remembered {
				t.Fatalf("operation %d: link of %#x returns %v and mark %#x, want mark %#x", op, e.hash, there, m, remembered)
			}
			held = append(held, e)
		} else if len(held) > 0 {
			i := rng.IntN(len(held))
			e, window := held[i], 2+rng.Uint32N(6)
			held = slices.Delete(held, i, i+1)
			left := leftover{}
			if rng.IntN(8) > 0 {
				step += rng.Uint32N(2)
				left = leftover{newMark(e.hash, step), window}
			}
			x.unlink(e, left)
			want.unlink(e, left, step)
		}
		for i := range want.bucket {
			got := x.bucket(uint64(i), 0)
			word := marks(0)
			for k, r := range want.bucket[i].latest {
				word |= marks(r.mark) << (markBits * k)
			}
			if got.marks != word {
				t.Fatalf("operation %d, bucket %d: marks %#x, want %#x", op, i, got.marks, word)
			}
			for k, s := range want.bucket[i].slot {
				if e := got.slot[k].Load(); parked(e) != s.parked.mark || parked(e) == 0 && e != s.entry {
					t.Fatalf("operation %d, bucket %d, slot %d: %p, want %p or mark %#x", op, i, k, e, s.entry, s.parked.mark)
				}
			}
		}
	}
	if m := want.met; min(m.inWord, m.inSlot, m.overwritten, m.elsewhere, m.forgotten) < 100 {
		t.Errorf("%+v: the test needs more of each", m)
	}
}

// obviousBuckets are two buckets whose marks know the number of their step.
type obviousBuckets struct {
	bucket [2]struct {
		latest []remembered // at most four, the latest first
		slot   [slotsPerBucket]struct {
			entry  *entry
			parked remembered
		}
	}
	met struct{ inWord, inSlot, overwritten, elsewhere, forgotten int }
}

type remembered struct {
	mark mark
	step uint32
}

func (o *obviousBuckets) link(e *entry) (m mark) {
	home := &o.bucket[e.hash&1]
	if at := slices.IndexFunc(home.latest, func(r remembered) bool { return r.mark.print() == print(e.hash) }); at >= 0 {
		m = home.latest[at].mark
		home.latest = slices.Delete(home.latest, at, at+1)
		o.met.inWord++
	}
	for k := range home.slot {
		if p := &home.slot[k].parked; m == 0 && p.mark.print() == print(e.hash) {
			m, *p = p.mark, remembered{}
			o.met.inSlot++
		}
	}
	for i := range o.bucket {
		b := &o.bucket[(int(e.hash)+i)&1]
		for _, empty := range []bool{true, false} {
			for k := range b.slot {
				if s := &b.slot[k]; s.entry == nil && (s.parked.mark == 0) == empty {
					if s.entry, s.parked = e, (remembered{}); !empty {
						o.met.overwritten++
					}
					return m
				}
			}
		}
	}
	panic("no slot is free")
}

func (o *obviousBuckets) unlink(e *entry, left leftover, step uint32) {
	home := &o.bucket[e.hash&1]
	var oldest remembered
	if left.mark != 0 {
		before := len(home.latest)
		home.latest = slices.DeleteFunc(home.latest, func(r remembered) bool { return step-r.step > left.window })
		for k := range home.slot {
			if p := &home.slot[k].parked; len(home.latest) < before && p.mark != 0 {
				*p = remembered{}
				o.met.forgotten++
			}
		}
		home.latest = slices.Insert(home.latest, 0, remembered{left.mark, step})
		if len(home.latest) > 4 {
			home.latest, oldest = home.latest[:4], home.latest[4]
		}
	}
	for i := range o.bucket {
		for k := range o.bucket[i].slot {
			if s := &o.bucket[i].slot[k]; s.entry == e {
				if s.entry = nil; &o.bucket[i] == home {
					s.parked = oldest
				} else if oldest.mark != 0 {
					o.met.elsewhere++
				}
			}
		}
	}
}

// TestHashBits: what is told from a hash, in the largest cache, is of different bits.
func TestHashBits(t *testing.T) {
	x := newIndex(1) // its mask alone matters
	x.mask = 1<<(bits.Len(uint(maxCapacity-1)/4)) - 1
	used := make(map[string]int)
	for bit := range 64 {
		h := uint64(1) << bit
		var by []string
		if h&x.mask != 0 || h&(maxShards-1) != 0 {
			by = append(by, "bucket")
		}
		if tagOf(h|2<<56) != tagOf(2<<56) || tagOf(h|1<<56) != tagOf(1<<56) {
			by = append(by, "tag")
		}
		if print(h|2<<40) != print(2<<40) || print(h|1<<40) != print(1<<40) {
			by = append(by, "print")
		}
		if len(by) > 1 {
			t.Errorf("bit %d is part of %v", bit, by)
		}
		for _, what := range by {
			used[what]++
		}
	}
	if used["tag"] != 8 || used["print"] != printBits {
		t.Errorf("%v bits are used, want 8 and %d for tag and print", used, printBits)
	}
}

// TestGhostCountsOut: no more keys are taken from a step than were added to it, and none
// from one that has not begun or is forgotten, whatever the marks say: prints of ten bits
// are mistaken for each other, and steps come round.
func TestGhostCountsOut(t *testing.T) {
	g, l := ghost{}, newLedger(64)
	if l.perStep != 5 {
		t.Fatalf("%d keys a step: the test counts with 5", l.perStep)
	}
	take := func(step, n, want uint32) {
		t.Helper()
		kept := g.kept
		for i := range n {
			if got := g.take(&l, newMark(1<<40, step)); got != (i < want) {
				t.Errorf("in step %d, key %d of step %d: taken %v", g.step, i, step, got)
			}
		}
		if kept-g.kept != want {
			t.Errorf("in step %d: %d keys of step %d are counted out, want %d", g.step, kept-g.kept, step, want)
		}
	}
	take(0, 1, 0) // not begun
	for range 5 {
		if step := g.add(&l); step != 0 {
			t.Fatalf("a key of step 0 was added to step %d", step)
		}
	}
	take(1, 1, 0)
	take(0, 7, 5)
	for want := uint32(1); g.step < 3*steps; want = g.step {
		if step := g.add(&l); step != want {
			t.Fatalf("a key of step %d was added to step %d", want, step)
		}
	}
	if g.added != 0 || g.window() != 13 {
		t.Fatalf("%d keys in step %d, window %d: want none, and 13 full steps", g.added, g.step, g.window())
	}
	take(g.step, 1, 0)       // not begun again
	take(g.step-14, 1, 0)    // forgotten
	take(g.step-steps, 1, 0) // looks like the present one
	take(g.step-13, 7, 5)
	take(g.step-1, 7, 5)
	if g.kept != 11*l.perStep {
		t.Errorf("%d keys are remembered, want %d", g.kept, 11*l.perStep)
	}
}

// TestGhostWraps runs two caches alike, but for the second's ghost, which
// believes that it is about to have counted 2^32 steps: both must find the same
// keys all the way, before the wrap and after it.
func TestGhostWraps(t *testing.T) {
	for _, capacity := range []int{20, 200, 5000} {
		young, err := New[uint64, int](capacity, Shards(1))
		if err != nil {
			t.Fatal(err)
		}
		old, err := New[uint64, int](capacity, Shards(1))
		if err != nil {
			t.Fatal(err)
		}
		old.secrets = young.secrets // the same buckets, sets and marks
		// Without lanes: which one an insert uses depends on the CPU.
		young.shards[0].lanes, old.shards[0].lanes = nil, nil
		const ahead = 1<<32 - 2*steps // a multiple of steps: no mark tells the difference
		old.shards[0].ghost.step += ahead
		old.shards[0].ghost.oldest += ahead
		r := rand.New(rand.NewPCG(1, uint64(capacity)))
		zipf := rand.NewZipf(r, 1.01, 1, uint64(20*capacity))
		access := func(key uint64) {
			_, hit := young.Get(key)
			if _, too := old.Get(key); hit != too {
				t.Fatalf("capacity %d, %d steps: the young cache finds key %d: %v, the old one: %v", capacity, young.shards[0].ghost.step, key, hit, too)
			}
			if !hit {
				young.Set(key, 1)
				old.Set(key, 1)
			}
		}
		if capacity < 1000 { // each way of asking for keys again
			for key := uint64(1 << 40); old.shards[0].ghost.step >= 1<<31 || old.shards[0].ghost.step < 5*steps; key++ {
				access(key)
				access(zipf.Uint64())
				if key%3 == 0 {
					access(key - uint64(r.IntN(2*capacity)))
				}
			}
		} else {
			for key := uint64(1 << 40); old.shards[0].ghost.step >= 1<<31; key++ {
				access(key)
				access(zipf.Uint64())
			}
		}
		for name, c := range map[string]*Cache[uint64, int]{"young": young, "old": old} {
			if err := c.Check(); err != nil {
				t.Errorf("capacity %d, the %s cache: %v", capacity, name, err)
			}
		}
	}
}
