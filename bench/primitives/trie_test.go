package primitives

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// source is a random source whose seed a failing test prints.
func source(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// TestTrieAgainstMap compares random operations with Go's map. With few
// different hashes, keys share paths to the last level and whole hashes; an old
// version must stay as it was whatever happens to its successors.
func TestTrieAgainstMap(t *testing.T) {
	hashes := map[string]func(int) uint64{
		"good":    func(k int) uint64 { return hashOf(k) },
		"top":     func(k int) uint64 { return uint64(k%7) << 60 },
		"same":    func(int) uint64 { return 1 },
		"low":     func(k int) uint64 { return uint64(k) },
		"zigzags": func(k int) uint64 { return uint64(k%3) | uint64(k%5)<<30 },
	}
	for name, hash := range hashes {
		t.Run(name, func(t *testing.T) {
			r := source(t)
			var m hamt[int, int]
			want := map[int]int{}
			type version struct {
				m    hamt[int, int]
				want map[int]int
			}
			var old []version
			for i := range 2000 {
				k := r.IntN(200)
				_, had := want[k]
				if r.IntN(5) < 3 {
					m = m.putHashed(hash(k), k, i)
					want[k] = i
				} else {
					next, removed := m.removeHashed(hash(k), k)
					if removed != had {
						t.Fatalf("step %d: remove(%d) reports %v, want %v", i, k, removed, had)
					}
					m = next
					delete(want, k)
				}
				if i%100 == 0 {
					old = append(old, version{m, maps.Clone(want)})
				}
			}
			old = append(old, version{m, want})
			for i, v := range old {
				got := map[int]int{}
				v.m.all(func(k, val int) bool {
					if _, twice := got[k]; twice {
						t.Errorf("version %d holds %d twice", i, k)
					}
					got[k] = val
					return true
				})
				if !maps.Equal(got, v.want) || v.m.size != len(v.want) {
					t.Fatalf("version %d: %d entries %v, want %v", i, v.m.size, got, v.want)
				}
				for k := range 200 {
					g, ok := v.m.getHashed(hash(k), k)
					if w, has := v.want[k]; g != w || ok != has {
						t.Fatalf("version %d: get(%d) = %d, %v, want %d, %v", i, k, g, ok, w, has)
					}
				}
			}
			for k := range 200 { // what is emptied is the zero map again
				m, _ = m.removeHashed(hash(k), k)
			}
			if m.root != nil || m.size != 0 {
				t.Errorf("an emptied map keeps %d entries, root %v", m.size, m.root)
			}
		})
	}
}

// TestTrieStops holds that all stops when yield reports false.
func TestTrieStops(t *testing.T) {
	var m hamt[int, int]
	for k := range 100 {
		m = m.put(k, k)
	}
	seen := 0
	m.all(func(int, int) bool { seen++; return seen < 10 })
	if seen != 10 {
		t.Errorf("yield was called %d times, want 10", seen)
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
	if root := all[1].(*lockFreeTopics).root.Load(); root.children.size != 0 {
		t.Errorf("the lock-free trie keeps %d levels of nothing", root.children.size)
	}
}
