package s3fifo

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/contend-go/contend/caches/cachetest"
)

func TestConformance(t *testing.T) { cachetest.Run(t, Spec()) }

// reference is S3-FIFO on plain slices, oldest first, written from the
// algorithm alone and without a thought for speed.
type reference struct {
	capacity, smallRoom, ghostRoom int
	small, main, ghost             []int
	hits                           map[int]int
}

func newReference(capacity int) *reference {
	return &reference{capacity: capacity, smallRoom: max(1, capacity/10), ghostRoom: capacity * 9 / 10, hits: map[int]int{}}
}

func (r *reference) holds(key int) bool {
	return slices.Contains(r.small, key) || slices.Contains(r.main, key)
}

func (r *reference) hit(key int) { r.hits[key]++ }

func (r *reference) insert(key int) {
	before := len(r.ghost)
	r.ghost = slices.DeleteFunc(r.ghost, func(k int) bool { return k == key })
	seen := len(r.ghost) < before
	for len(r.small)+len(r.main) >= r.capacity {
		fromSmall := len(r.main) <= r.capacity-r.smallRoom && len(r.small) > 0
		queue := &r.main
		if fromSmall {
			queue = &r.small
		}
		key := (*queue)[0]
		*queue = (*queue)[1:]
		switch hits := r.hits[key]; {
		case fromSmall && hits >= 2:
			r.main, r.hits[key] = append(r.main, key), 0
			// Small is gone through to its end before main gets its turn.
			for len(r.small) > 0 && r.hits[r.small[0]] >= 2 {
				r.main, r.hits[r.small[0]] = append(r.main, r.small[0]), 0
				r.small = r.small[1:]
			}
			if len(r.small) == 0 {
				continue
			}
			key, r.small = r.small[0], r.small[1:]
			fallthrough
		case fromSmall:
			delete(r.hits, key)
			r.ghost = append(r.ghost, key)
			if len(r.ghost) > r.ghostRoom {
				r.ghost = r.ghost[1:]
			}
		case hits > 0:
			r.main, r.hits[key] = append(r.main, key), min(hits, 3)-1
			for r.hits[r.main[0]] > 0 { // until one is evicted
				k := r.main[0]
				r.main, r.hits[k] = append(r.main[1:], k), min(r.hits[k], 3)-1
			}
			delete(r.hits, r.main[0])
			r.main = r.main[1:]
		default:
			delete(r.hits, key)
		}
	}
	if seen {
		r.main = append(r.main, key)
	} else {
		r.small = append(r.small, key)
	}
}

func (r *reference) delete(key int) {
	for _, queue := range []*[]int{&r.small, &r.main, &r.ghost} {
		*queue = slices.DeleteFunc(*queue, func(k int) bool { return k == key })
	}
	delete(r.hits, key)
}

// keys lists a queue, oldest first, and checks its links and length.
func (q *queue[K, V]) keys(t *testing.T) []K {
	keys := []K{}
	for e := q.root.next; e != &q.root; e = e.next {
		if e.in != q || e.next.prev != e || e.prev.next != e {
			t.Fatalf("links around %v are broken", e.key)
		}
		keys = append(keys, e.key)
	}
	if len(keys) != q.len {
		t.Fatalf("a queue of %d entries counts %d", len(keys), q.len)
	}
	return keys
}

func TestAgainstReference(t *testing.T) {
	seed := rand.Uint64()
	for _, capacity := range []int{1, 2, 3, 10, 37, 100} {
		rng := rand.New(rand.NewPCG(seed, uint64(capacity)))
		made, err := New[int, int](capacity)
		if err != nil {
			t.Fatal(err)
		}
		c, ref := made.(*cache[int, int]), newReference(capacity)
		value := map[int]int{}
		for i := range 10_000 {
			key := int(rng.ExpFloat64() * float64(capacity))
			where := fmt.Sprintf("seed %d, capacity %d, step %d, key %d", seed, capacity, i, key)
			switch op := rng.IntN(20); {
			case op == 0:
				c.Delete(key)
				ref.delete(key)
			case op < 4 && ref.holds(key):
				c.Set(key, i)
				value[key] = i
				ref.hit(key)
			default: // read through
				got, ok := c.Get(key)
				if ok != ref.holds(key) || ok && got != value[key] {
					t.Fatalf("%s: Get = %d, %v, want %d, %v", where, got, ok, value[key], ref.holds(key))
				}
				if ok {
					ref.hit(key)
					break
				}
				c.Set(key, i)
				value[key] = i
				ref.insert(key)
			}
			small, main, ghost := c.small.keys(t), c.main.keys(t), c.ghost.keys(t)
			if !slices.Equal(small, ref.small) || !slices.Equal(main, ref.main) || !slices.Equal(ghost, ref.ghost) {
				t.Fatalf("%s:\nsmall %v want %v\nmain %v want %v\nghost %v want %v", where, small, ref.small, main, ref.main, ghost, ref.ghost)
			}
			if len(c.index) != len(small)+len(main)+len(ghost) {
				t.Fatalf("%s: the index has %d entries, the queues %d", where, len(c.index), len(small)+len(main)+len(ghost))
			}
		}
	}
}
