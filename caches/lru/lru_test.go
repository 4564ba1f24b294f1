package lru

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// reference is the slow, obvious LRU: a slice of keys, most recent first.
type reference struct {
	capacity int
	keys     []int
	values   map[int]int
}

func (r *reference) get(key int) (int, bool) {
	v, ok := r.values[key]
	if ok {
		r.front(key)
	}
	return v, ok
}

func (r *reference) set(key, value int) {
	if _, ok := r.values[key]; !ok && len(r.keys) == r.capacity {
		last := r.keys[len(r.keys)-1]
		r.delete(last)
	}
	r.values[key] = value
	r.front(key)
}

func (r *reference) delete(key int) {
	delete(r.values, key)
	r.keys = slices.DeleteFunc(r.keys, func(k int) bool { return k == key })
}

func (r *reference) front(key int) {
	r.keys = slices.DeleteFunc(r.keys, func(k int) bool { return k == key })
	r.keys = slices.Insert(r.keys, 0, key)
}

// order is the list's keys, most recent first; it checks the back links too.
func (l *LRU[K, V]) order(t *testing.T) []K {
	keys := []K{}
	for e := l.root.next; e != &l.root; e = e.next {
		if e.next.prev != e || e.prev.next != e {
			t.Fatalf("links around %v are broken", e.key)
		}
		keys = append(keys, e.key)
	}
	return keys
}

func TestAgainstReference(t *testing.T) {
	seed := rand.Uint64()
	for _, capacity := range []int{1, 2, 3, 10} {
		rng := rand.New(rand.NewPCG(seed, uint64(capacity)))
		l := New[int, int](capacity)
		ref := &reference{capacity: capacity, values: map[int]int{}}
		for i := range 20_000 {
			key := rng.IntN(2 * capacity)
			switch op := rng.IntN(10); {
			case op < 4:
				v, ok := l.Get(key)
				if want, wantOK := ref.get(key); v != want || ok != wantOK {
					t.Fatalf("seed %d, capacity %d, step %d: Get(%d) = %d, %v, want %d, %v", seed, capacity, i, key, v, ok, want, wantOK)
				}
			case op < 7:
				l.Set(key, i)
				ref.set(key, i)
			case op < 9:
				add := func(old int, ok bool) int {
					if !ok {
						return i
					}
					return old + 1
				}
				old, ok := ref.get(key)
				want := add(old, ok)
				ref.set(key, want)
				if v := l.Update(key, add); v != want {
					t.Fatalf("seed %d, capacity %d, step %d: Update(%d) = %d, want %d", seed, capacity, i, key, v, want)
				}
			default:
				l.Delete(key)
				ref.delete(key)
			}
			if got := l.order(t); !slices.Equal(got, ref.keys) || l.Len() != len(ref.keys) {
				t.Fatalf("seed %d, capacity %d, step %d: order %v and Len %d, want %v", seed, capacity, i, got, l.Len(), ref.keys)
			}
		}
	}
}

func TestNoAllocation(t *testing.T) {
	l := New[int, int](64)
	for i := range 64 {
		l.Set(i, i)
	}
	if n := testing.AllocsPerRun(1000, func() { l.Get(7); l.Get(13); l.Set(9, 1) }); n != 0 {
		t.Errorf("hits and updates allocate %v times", n)
	}
}
