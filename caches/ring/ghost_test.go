package ring

import (
	"math/rand/v2"
	"slices"
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
