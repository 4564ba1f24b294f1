package primitives

import (
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// source is a random source whose seed a failing test prints.
func source(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// hashes are good and bad ones: with few different ones, keys share paths to the
// last level, and whole hashes.
var hashes = map[string]func(int) uint64{
	"good":    func(k int) uint64 { return hashOf(k) },
	"top":     func(k int) uint64 { return uint64(k%7) << 60 },
	"same":    func(int) uint64 { return 1 },
	"low":     func(k int) uint64 { return uint64(k) },
	"zigzags": func(k int) uint64 { return uint64(k%3) | uint64(k%5)<<30 },
}

// TestTrieAgainstMap compares random operations with Go's map. A snapshot must
// stay as it was whatever happens to the trie afterwards.
func TestTrieAgainstMap(t *testing.T) {
	for name, hash := range hashes {
		t.Run(name, func(t *testing.T) {
			r := source(t)
			m := newTrie[int, int]()
			want := map[int]int{}
			type version struct {
				view view[int, int]
				want map[int]int
			}
			var old []version
			for i := range 2000 {
				k := r.IntN(200)
				_, had := want[k]
				if r.IntN(5) < 3 {
					m.put(hash(k), k, i)
					want[k] = i
				} else {
					if removed := m.remove(hash(k), k); removed != had {
						t.Fatalf("step %d: remove(%d) reports %v, want %v", i, k, removed, had)
					}
					delete(want, k)
				}
				k = r.IntN(200)
				got, ok := m.find(m.root.Load(), hash(k), k)
				if w, has := want[k]; got != w || ok != has {
					t.Fatalf("step %d: find(%d) = %d, %v, want %d, %v", i, k, got, ok, w, has)
				}
				if r.IntN(50) == 0 {
					old = append(old, version{m.Snapshot(), maps.Clone(want)})
				}
			}
			old = append(old, version{m.Snapshot(), maps.Clone(want)})
			for k := range 200 { // what is emptied is as it was made
				m.remove(hash(k), k)
			}
			if root := m.load(m.root.Load()); len(root.places) != 0 || root.bitmap != 0 {
				t.Errorf("an emptied trie keeps %v", root.places)
			}
			for i, v := range old {
				got := map[int]int{}
				v.view.all(func(k, val int) bool {
					if _, twice := got[k]; twice {
						t.Errorf("snapshot %d holds %d twice", i, k)
					}
					got[k] = val
					return true
				})
				if !maps.Equal(got, v.want) {
					t.Fatalf("snapshot %d: %v, want %v", i, got, v.want)
				}
				for k := range 200 {
					g, ok := v.view.trie.find(v.view.root, hash(k), k)
					if w, has := v.want[k]; g != w || ok != has {
						t.Fatalf("snapshot %d: find(%d) = %d, %v, want %d, %v", i, k, g, ok, w, has)
					}
				}
			}
		})
	}
}

// TestSnapshotStops holds that all stops when yield reports false.
func TestSnapshotStops(t *testing.T) {
	for name, hash := range hashes {
		m := newTrie[int, int]()
		for k := range 100 {
			m.put(hash(k), k, k)
		}
		seen := 0
		m.Snapshot().all(func(int, int) bool { seen++; return seen < 10 })
		if seen != 10 {
			t.Errorf("%s hashes: yield was called %d times, want 10", name, seen)
		}
	}
}

// TestUndecided stops a write between its compare-and-swap and its decision, in
// a node below the root, and ends the generation there: whoever looks first
// decides, and the snapshot and the trie must agree.
func TestUndecided(t *testing.T) {
	const old, fresh = 1, 2
	atSecond := func(k int) uint64 { return uint64(k) << levelBits } // all below one inner node
	find := func(m *trie[int, int], root *inner[int, int]) bool {
		_, ok := m.find(root, atSecond(fresh), fresh)
		return ok
	}
	for _, c := range []struct {
		name string
		then func(m *trie[int, int], decide func()) view[int, int]
		want bool
	}{
		{"read before the snapshot", func(m *trie[int, int], _ func()) view[int, int] {
			find(m, m.root.Load())
			return m.Snapshot()
		}, true},
		{"decided late", func(m *trie[int, int], decide func()) view[int, int] {
			s := m.Snapshot()
			decide()
			return s
		}, true},
		{"read in the snapshot", func(m *trie[int, int], decide func()) view[int, int] {
			s := m.Snapshot()
			find(m, s.root)
			decide()
			return s
		}, false},
		{"read in the trie after the snapshot", func(m *trie[int, int], decide func()) view[int, int] {
			s := m.Snapshot()
			find(m, m.root.Load())
			decide()
			return s
		}, false},
		{"copied by a write after the snapshot", func(m *trie[int, int], decide func()) view[int, int] {
			s := m.Snapshot()
			m.put(atSecond(old), old, 0)
			decide()
			return s
		}, false},
	} {
		m := newTrie[int, int]()
		m.put(atSecond(old), old, 0)
		m.put(atSecond(3), 3, 0)
		in := m.load(m.root.Load()).places[0].below
		was := m.load(in)
		n := was.with(bitOf(atSecond(fresh), 1), place[int, int]{entries: &entry[int, int]{hash: atSecond(fresh), key: fresh}})
		n.before.Store(was)
		in.main.Store(n)
		s := c.then(m, func() { n.before.CompareAndSwap(was, nil) })
		if inView, inTrie := find(m, s.root), find(m, m.root.Load()); inView != c.want || inTrie != c.want {
			t.Errorf("%s: in the snapshot %v, in the trie %v, want %v", c.name, inView, inTrie, c.want)
		}
	}
}

// TestSealed stops a snapshot between sealing the root and replacing it: every
// operation must get by, and be in the snapshot only if it changed nothing.
func TestSealed(t *testing.T) {
	for name, do := range map[string]func(m *trie[int, int]) bool{
		"put":      func(m *trie[int, int]) bool { m.Put(1, 5); v, ok := m.Get(1); return ok && v == 5 },
		"delete":   func(m *trie[int, int]) bool { _, ok := m.Get(2); return ok && m.Delete(2) },
		"snapshot": func(m *trie[int, int]) bool { v, ok := m.Snapshot().get(2); return ok && v == 2 },
	} {
		m := newTrie[int, int]()
		m.Put(2, 2)
		root := m.root.Load()
		was := m.load(root)
		root.main.Store(&main[int, int]{bitmap: was.bitmap, places: was.places, next: newInner(root.generation+1, was)})
		if !do(m) {
			t.Errorf("%s fails on a sealed root", name)
		}
		if got := m.root.Load().generation; got != root.generation+1 {
			t.Errorf("%s leaves generation %d, want the next one, %d", name, got, root.generation+1)
		}
		s, entries := view[int, int]{m, root}, 0
		s.all(func(k, v int) bool { entries++; return k == 2 && v == 2 })
		if v, ok := s.get(2); entries != 1 || !ok || v != 2 {
			t.Errorf("%s changes the snapshot: %d entries, 2 is %d, %v", name, entries, v, ok)
		}
	}
}

// TestSnapshotsConsistent has writers that write pairs of keys, the first before
// the second, and remove them in the other order: a snapshot may hold the first
// without the second, never otherwise, and says the same every time.
func TestSnapshotsConsistent(t *testing.T) {
	const writers = 6
	rounds := 2000
	if testing.Short() {
		rounds = 300
	}
	for _, procs := range []int{1, 2, 8, 32} {
		atProcs(t, procs)
		for name, hash := range hashes {
			m := newTrie[int, int]()
			var done, reading sync.WaitGroup
			var ended atomic.Bool
			for w := range writers {
				first, second := w, w+writers
				done.Go(func() {
					for i := range rounds {
						m.put(hash(first), first, i)
						m.put(hash(second), second, i)
						if i%3 == 0 && !(m.remove(hash(second), second) && m.remove(hash(first), first)) {
							t.Errorf("%s hashes: a writer's own key is gone", name)
						}
					}
				})
			}
			for range 2 {
				reading.Go(func() {
					for !ended.Load() {
						s := m.Snapshot()
						held := map[int]int{}
						s.all(func(k, v int) bool { held[k] = v; return true })
						for w := range writers {
							a, hasA := held[w]
							b, hasB := held[w+writers]
							if hasB && (!hasA || a != b && a != b+1) {
								t.Errorf("%s hashes at GOMAXPROCS=%d: a snapshot holds %d, %v and %d, %v", name, procs, a, hasA, b, hasB)
							}
							if again, ok := m.find(s.root, hash(w), w); again != a || ok != hasA {
								t.Errorf("%s hashes at GOMAXPROCS=%d: a snapshot said %d, %v and says %d, %v", name, procs, a, hasA, again, ok)
							}
						}
						runtime.Gosched()
					}
				})
			}
			done.Wait()
			ended.Store(true)
			reading.Wait()
		}
	}
}

// matches is the plain reading of the rules for patterns.
func matches(pattern, topic []string) bool {
	switch {
	case len(pattern) == 1 && pattern[0] == anyRest:
		return true
	case len(pattern) == 0 || len(topic) == 0:
		return len(pattern) == len(topic)
	}
	return (pattern[0] == anyLevel || pattern[0] == topic[0]) && matches(pattern[1:], topic[1:])
}

// TestTopicsAgainstScan compares random subscriptions with a scan of all
// patterns.
func TestTopicsAgainstScan(t *testing.T) {
	r := source(t)
	words := []string{"a", "b", "c"}
	topic := func() string {
		var levels []string
		for range 1 + r.IntN(4) {
			levels = append(levels, words[r.IntN(len(words))])
		}
		return strings.Join(levels, ".")
	}
	pattern := func() string {
		levels := strings.Split(topic(), ".")
		for i := range levels {
			if r.IntN(3) == 0 {
				levels[i] = anyLevel
			}
		}
		if r.IntN(3) == 0 {
			levels[len(levels)-1] = anyRest
		}
		return strings.Join(levels, ".")
	}
	type subscription struct {
		pattern string
		id      uint32
	}
	all := []topics{new(lockedTopics), newLockFreeTopics()}
	var scan []subscription
	for range 3000 {
		s := subscription{pattern(), uint32(r.IntN(5))}
		switch r.IntN(4) {
		case 0:
			scan = append(scan, s)
			for _, x := range all {
				x.Subscribe(s.pattern, s.id)
			}
		case 1:
			if len(scan) > 0 && r.IntN(4) > 0 {
				s = scan[r.IntN(len(scan))]
			}
			if i := slices.Index(scan, s); i >= 0 {
				scan = slices.Delete(scan, i, i+1)
			}
			for _, x := range all {
				x.Unsubscribe(s.pattern, s.id)
			}
		default:
			name := topic()
			var want []uint32
			for _, s := range scan {
				if matches(strings.Split(s.pattern, "."), strings.Split(name, ".")) {
					want = append(want, s.id)
				}
			}
			slices.Sort(want)
			for _, x := range all {
				got := x.Lookup(name, nil)
				slices.Sort(got)
				if !slices.Equal(got, want) {
					t.Fatalf("%T: %s is subscribed to by %v, want %v", x, name, got, want)
				}
			}
		}
	}
	for _, s := range scan {
		for _, x := range all {
			x.Unsubscribe(s.pattern, s.id)
		}
	}
	if locked := all[0].(*lockedTopics); len(locked.root.children) != 0 {
		t.Errorf("the locked trie keeps %d levels of nothing", len(locked.root.children))
	}
	if root := all[1].(*lockFreeTopics).root.level.Load(); len(root.next) != 0 {
		t.Errorf("the lock-free trie keeps %d levels of nothing", len(root.next))
	}
}

// TestTopicsTogether has subscribers come and go on shared levels: each must
// find itself when it has come, and not when it has gone, and in the end no
// level may be left.
func TestTopicsTogether(t *testing.T) {
	const clients, rounds = 6, 500
	seed := rand.Uint64()
	for _, procs := range []int{1, 2, 8, 32} {
		atProcs(t, procs)
		locked, free := new(lockedTopics), newLockFreeTopics()
		for _, m := range []topics{locked, free} {
			var done sync.WaitGroup
			for id := range uint32(clients) {
				done.Go(func() {
					r := rand.New(rand.NewPCG(seed, uint64(id)))
					for range rounds {
						pattern := []string{"a", "a.b", "a.b.c", "a.*.c", "a.#", "*.b.c", "#"}[r.IntN(7)]
						topic := strings.NewReplacer("*", "x", "#", "y").Replace(pattern)
						m.Subscribe(pattern, id)
						if !slices.Contains(m.Lookup(topic, nil), id) {
							t.Errorf("%T, seed %d at GOMAXPROCS=%d: %d subscribed to %s and is not found", m, seed, procs, id, pattern)
						}
						m.Unsubscribe(pattern, id)
						if slices.Contains(m.Lookup(topic, nil), id) {
							t.Errorf("%T, seed %d at GOMAXPROCS=%d: %d left %s and is found", m, seed, procs, id, pattern)
						}
					}
				})
			}
			done.Wait()
		}
		if n := len(locked.root.children); n != 0 {
			t.Errorf("the locked trie keeps %d levels of nothing", n)
		}
		if n := len(free.root.level.Load().next); n != 0 {
			t.Errorf("the lock-free trie keeps %d levels of nothing", n)
		}
	}
}
