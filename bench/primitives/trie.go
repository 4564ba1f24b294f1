package primitives

import (
	"hash/maphash"
	"math/bits"
	"sync/atomic"
)

// trie is a concurrent map with snapshots in constant time: the Ctrie of
// Prokopec, Bronson, Bagwell and Odersky, "Concurrent Tries with Efficient
// Non-Blocking Snapshots" (2012), a hash array mapped trie in which every level
// can be changed apart. It is lock-free: an operation repeats a step only where
// another has got further.
//
// Inner nodes stay, and are all that changes: each points to its main node, which
// does not change once it is committed. A write copies one main node and swaps it
// in, so that writers meet only where their keys' hashes do.
//
// A snapshot is a new generation. Inner nodes are stamped with theirs, and a swap
// takes effect only if the root is still of the same generation ([trie.swap]).
// So the moment the root is replaced by a copy of the next generation, everything
// below it is frozen: the old root is the snapshot, and who writes copies the
// inner nodes on its way, each once.
//
// It departs from the paper in four things. The root is not replaced by a
// double-compare single-swap, but sealed first, so that its main node cannot
// change, and then replaced by a compare-and-swap that anyone may finish
// ([trie.Snapshot]); two snapshots at once may share a generation. A write copies
// the one inner node that it passes through, not all its siblings. Reads write
// nothing but what others have left half done: what is of an earlier generation
// is frozen and what is a tomb is final, so both say what they said when they
// were still linked, which was during the read. And keys of one hash are a list
// wherever they lie, not only below the last level.
type trie[K comparable, V any] struct {
	root atomic.Pointer[inner[K, V]] // never a tomb; its generation only grows
}

// inner is a node that stays while what it points to is changed. A live one is
// linked from its parent until it is a tomb or of an earlier generation.
type inner[K comparable, V any] struct {
	main       atomic.Pointer[main[K, V]] // swapped by anyone
	generation uint64                     // set before the node is published, then only read
}

// main is what is in an inner node: a branch, or the tomb of one. All but before
// is written by whoever makes it, before the compare-and-swap that publishes it
// to the Load of [trie.load], and only read afterwards.
type main[K comparable, V any] struct {
	// Of the 32 places for the next 5 bits of the hash, those that bitmap names,
	// in order.
	bitmap uint32
	places []place[K, V]

	// A tomb holds the last entries of an inner node, which is about to be
	// unlinked and is never changed again.
	tomb *entry[K, V]

	// The root of the next generation, where this seals the root of the last.
	next *inner[K, V]

	// What was in the inner node before, as long as it is not decided whether
	// this takes its place; nil once it does. Where it must not, before is set
	// to a node whose undone is what was there.
	before atomic.Pointer[main[K, V]]
	undone *main[K, V]
}

// place leads to an inner node, or else to the entries of one hash.
type place[K comparable, V any] struct {
	below   *inner[K, V]
	entries *entry[K, V]
}

// entry is one key; it does not change. Entries whose hashes agree in all bits
// form a list.
type entry[K comparable, V any] struct {
	hash uint64
	key  K
	val  V
	next *entry[K, V]
}

const (
	levelBits = 5                                // of the hash, for each level
	levels    = (64 + levelBits - 1) / levelBits // no two hashes are alike in all of them
)

var hashSeed = maphash.MakeSeed()

func hashOf[K comparable](key K) uint64 { return maphash.Comparable(hashSeed, key) }

func newTrie[K comparable, V any]() *trie[K, V] {
	t := new(trie[K, V])
	t.root.Store(newInner(0, new(main[K, V])))
	return t
}

func newInner[K comparable, V any](generation uint64, m *main[K, V]) *inner[K, V] {
	in := &inner[K, V]{generation: generation}
	in.main.Store(m)
	return in
}

// load is the main node of in that is committed. One that is not yet decided it
// commits if the root is still of in's generation, and takes back otherwise; the
// compare-and-swap of before is where all who look agree. So a swap that was
// under way when the generation ended is decided by the first who looks, and is
// then in the snapshot and the trie alike, or in neither.
func (t *trie[K, V]) load(in *inner[K, V]) *main[K, V] {
	for {
		m := in.main.Load()
		switch was := m.before.Load(); {
		case was == nil:
			return m
		case was.undone != nil:
			in.main.CompareAndSwap(m, was.undone)
		case t.root.Load().generation == in.generation: // read after before: not yet decided
			m.before.CompareAndSwap(was, nil)
		default:
			m.before.CompareAndSwap(was, &main[K, V]{undone: was})
		}
	}
}

// swap puts m in the place of old, which was loaded from in, and reports whether
// it did: not if another was first, nor if the generation has ended. A swap takes
// effect when m is committed.
func (t *trie[K, V]) swap(in *inner[K, V], old, m *main[K, V]) bool {
	m.before.Store(old)
	if !in.main.CompareAndSwap(old, m) {
		return false
	}
	t.load(in) // after this m is decided, for only a decided one can be replaced
	return m.before.Load() == nil
}

// succeed finishes a snapshot that others have begun, if m seals the root in,
// and reports whether it does.
func (t *trie[K, V]) succeed(in *inner[K, V], m *main[K, V]) bool {
	if m.next == nil {
		return false
	}
	t.root.CompareAndSwap(in, m.next)
	return true
}

// Get returns the value of a key, and whether there is one.
func (t *trie[K, V]) Get(key K) (V, bool) { return t.find(t.root.Load(), hashOf(key), key) }

func (t *trie[K, V]) find(in *inner[K, V], hash uint64, key K) (v V, ok bool) {
	for depth := 0; ; depth++ {
		m := t.load(in)
		p := place[K, V]{entries: m.tomb}
		if m.tomb == nil {
			p = m.at(bitOf(hash, depth))
		}
		if p.below != nil {
			in = p.below
			continue
		}
		for e := p.entries; e != nil; e = e.next {
			if e.hash == hash && e.key == key {
				return e.val, true
			}
		}
		return v, false
	}
}

// Put sets the value of a key.
func (t *trie[K, V]) Put(key K, v V) { t.put(hashOf(key), key, v) }

func (t *trie[K, V]) put(hash uint64, key K, v V) {
	for e := (&entry[K, V]{hash: hash, key: key, val: v}); !t.tryPut(e); {
	}
}

// tryPut reports whether it put e; if not, it is to be tried again from the root.
func (t *trie[K, V]) tryPut(e *entry[K, V]) bool {
	var w walk[K, V]
	if !t.descend(&w, e.hash) {
		return false
	}
	in, bit := w.path[w.depth], bitOf(e.hash, w.depth)
	p := w.m.at(bit)
	switch {
	case p.entries == nil:
		p.entries = e
	case p.entries.hash == e.hash:
		rest, _ := p.entries.without(e.key)
		p.entries = &entry[K, V]{e.hash, e.key, e.val, rest}
	default:
		p = place[K, V]{below: part(in.generation, p.entries, e, w.depth+1)}
	}
	return t.swap(in, w.m, w.m.with(bit, p))
}

// Delete removes a key, and reports whether it was there.
func (t *trie[K, V]) Delete(key K) bool { return t.remove(hashOf(key), key) }

func (t *trie[K, V]) remove(hash uint64, key K) bool {
	for {
		if removed, done := t.tryRemove(hash, key); done {
			return removed
		}
	}
}

// tryRemove reports whether it removed the key, and whether that is the answer:
// if not, it is to be tried again from the root.
func (t *trie[K, V]) tryRemove(hash uint64, key K) (removed, done bool) {
	var w walk[K, V]
	if !t.descend(&w, hash) {
		return false, false
	}
	in, bit := w.path[w.depth], bitOf(hash, w.depth)
	rest, removed := w.m.at(bit).entries.without(key)
	if !removed {
		return false, true
	}
	m := w.m.without(bit)
	if rest != nil {
		m = w.m.with(bit, place[K, V]{entries: rest})
	}
	if !t.swap(in, w.m, m.contracted(w.depth)) {
		return false, false
	}
	for d := w.depth; d > 0 && t.load(w.path[d]).tomb != nil; d-- {
		t.bury(&w, d, hash)
	}
	return true, true
}

// walk is the way of a write, down to an inner node whose place for its hash is
// empty or holds entries.
type walk[K comparable, V any] struct {
	path  [levels]*inner[K, V]
	depth int         // of the last of them; the root's is 0
	m     *main[K, V] // loaded from it
}

// descend walks from the root as far as inner nodes go, copying those of earlier
// generations. It reports false where it had to help others, or lost against
// them: the walk is to be begun again.
func (t *trie[K, V]) descend(w *walk[K, V], hash uint64) bool {
	w.path[0] = t.root.Load()
	for {
		in := w.path[w.depth]
		w.m = t.load(in)
		if t.succeed(in, w.m) {
			return false
		}
		if w.m.tomb != nil {
			t.bury(w, w.depth, hash)
			return false
		}
		bit := bitOf(hash, w.depth)
		switch below := w.m.at(bit).below; {
		case below == nil:
			return true
		case below.generation == in.generation:
			w.depth++
			w.path[w.depth] = below
		default:
			fresh := newInner(in.generation, t.load(below))
			if !t.swap(in, w.m, w.m.with(bit, place[K, V]{below: fresh})) {
				return false
			}
		}
	}
}

// bury puts the entries of the tomb at the given depth into the place of its
// parent that leads to it, if one still does.
func (t *trie[K, V]) bury(w *walk[K, V], depth int, hash uint64) {
	parent, in := w.path[depth-1], w.path[depth]
	bit := bitOf(hash, depth-1)
	for {
		m := t.load(parent)
		if m.next != nil || m.at(bit).below != in {
			return
		}
		n := m.with(bit, place[K, V]{entries: t.load(in).tomb}).contracted(depth - 1)
		if t.swap(parent, m, n) || t.root.Load().generation != parent.generation {
			return
		}
	}
}

// Snapshot is the map as it is now, for ever.
//
// It seals the root: swaps in a main node that no write replaces, because every
// write that meets it first puts the root of the next generation in its place.
// That is where the snapshot takes effect, whoever does it; a snapshot that finds
// a root sealed, but not yet replaced, shares it.
func (t *trie[K, V]) Snapshot() view[K, V] {
	for {
		root := t.root.Load()
		m := t.load(root)
		if m.next == nil {
			seal := &main[K, V]{bitmap: m.bitmap, places: m.places, next: newInner(root.generation+1, m)}
			if !root.main.CompareAndSwap(m, seal) {
				continue // a write was first
			}
			m = seal
		}
		t.succeed(root, m)
		return view[K, V]{t, root}
	}
}

// view is a snapshot: the trie below a root whose generation has ended. It needs
// its trie to take back writes that had not ended with it.
type view[K comparable, V any] struct {
	trie *trie[K, V]
	root *inner[K, V]
}

func (s view[K, V]) get(key K) (V, bool) { return s.trie.find(s.root, hashOf(key), key) }

// all calls yield for every entry, in no particular order, until it reports
// false.
func (s view[K, V]) all(yield func(K, V) bool) { s.below(s.root, yield) }

func (s view[K, V]) below(in *inner[K, V], yield func(K, V) bool) bool {
	m := s.trie.load(in)
	if !m.tomb.all(yield) {
		return false
	}
	for _, p := range m.places {
		if p.below != nil && !s.below(p.below, yield) || !p.entries.all(yield) {
			return false
		}
	}
	return true
}

// bitOf is the place of a hash in a main node at the given depth.
func bitOf(hash uint64, depth int) uint32 {
	return 1 << (hash >> (depth * levelBits) & (1<<levelBits - 1))
}

func (m *main[K, V]) index(bit uint32) int { return bits.OnesCount32(m.bitmap & (bit - 1)) }

// at is the place of bit, empty if there is none.
func (m *main[K, V]) at(bit uint32) (p place[K, V]) {
	if m.bitmap&bit != 0 {
		p = m.places[m.index(bit)]
	}
	return p
}

// with returns a copy of m in which the place of bit is p.
func (m *main[K, V]) with(bit uint32, p place[K, V]) *main[K, V] {
	i, after := m.index(bit), m.index(bit)
	if m.bitmap&bit != 0 {
		after++
	}
	places := make([]place[K, V], i+1+len(m.places)-after)
	copy(places, m.places[:i])
	places[i] = p
	copy(places[i+1:], m.places[after:])
	return &main[K, V]{bitmap: m.bitmap | bit, places: places}
}

// without returns a copy of m that lacks the place of bit.
func (m *main[K, V]) without(bit uint32) *main[K, V] {
	i := m.index(bit)
	places := make([]place[K, V], len(m.places)-1)
	copy(places, m.places[:i])
	copy(places[i:], m.places[i+1:])
	return &main[K, V]{bitmap: m.bitmap &^ bit, places: places}
}

// contracted returns m, or a tomb if it lies below the root and parts nothing.
func (m *main[K, V]) contracted(depth int) *main[K, V] {
	if depth > 0 && len(m.places) == 1 && m.places[0].below == nil {
		return &main[K, V]{tomb: m.places[0].entries}
	}
	return m
}

// part is an inner node for two entries whose hashes differ, but are alike above
// depth.
func part[K comparable, V any](generation uint64, a, b *entry[K, V], depth int) *inner[K, V] {
	m, bit := new(main[K, V]), bitOf(a.hash, depth)
	if bit == bitOf(b.hash, depth) {
		m = m.with(bit, place[K, V]{below: part(generation, a, b, depth+1)})
	} else {
		m = m.with(bit, place[K, V]{entries: a}).with(bitOf(b.hash, depth), place[K, V]{entries: b})
	}
	return newInner(generation, m)
}

// without returns a list of entries that lacks the key, and whether it was in e.
func (e *entry[K, V]) without(key K) (list *entry[K, V], removed bool) {
	if e == nil {
		return nil, false
	}
	if e.key == key {
		return e.next, true
	}
	rest, removed := e.next.without(key)
	if !removed {
		return e, false
	}
	return &entry[K, V]{e.hash, e.key, e.val, rest}, true
}

func (e *entry[K, V]) all(yield func(K, V) bool) bool {
	for ; e != nil; e = e.next {
		if !yield(e.key, e.val) {
			return false
		}
	}
	return true
}
