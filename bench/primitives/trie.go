package primitives

import (
	"sync"
	"sync/atomic"
)

// trie is a concurrent map with snapshots in constant time: an immutable trie
// behind one atomic root.
//
// A write copies the key's path and swings the root by compare-and-swap, where
// it takes effect; it fails only if another write has succeeded since the root
// was read, so the trie is lock-free. A read, and a snapshot, takes effect where
// it loads the root, and is wait-free. The nodes below a root are written before
// the compare-and-swap that publishes it, and never after: whoever loads the
// root sees them whole. The price is that all writers meet at the root; the
// Ctrie of Prokopec et al. (2012) lets them pass each other further down.
type trie[K comparable, V any] struct {
	root atomic.Pointer[hamt[K, V]]
}

func newTrie[K comparable, V any]() *trie[K, V] {
	t := new(trie[K, V])
	t.root.Store(new(hamt[K, V]))
	return t
}

func (t *trie[K, V]) Get(key K) (V, bool) { return t.root.Load().get(key) }

func (t *trie[K, V]) Put(key K, v V) {
	for {
		old := t.root.Load()
		next := old.put(key, v)
		if t.root.CompareAndSwap(old, &next) {
			return
		}
	}
}

// Delete removes the key, and reports whether it was there.
func (t *trie[K, V]) Delete(key K) bool {
	for {
		old := t.root.Load()
		next, removed := old.remove(key)
		if !removed {
			return false
		}
		if t.root.CompareAndSwap(old, &next) {
			return true
		}
	}
}

// Snapshot is the map as it is now, for ever.
func (t *trie[K, V]) Snapshot() hamt[K, V] { return *t.root.Load() }

// snapshots is a map of which consistent copies can be taken.
type snapshots interface {
	Put(k, v uint64)
	// Snapshot is the map as it is now; nothing changes it afterwards.
	Snapshot() snapshot
}

// snapshot is what a Snapshot can be asked.
type snapshot interface {
	get(k uint64) (uint64, bool)
	all(yield func(k, v uint64) bool)
}

type trieSnapshots struct{ trie[uint64, uint64] }

func (t *trieSnapshots) Snapshot() snapshot { return t.trie.Snapshot() }

// lockedSnapshots is a map under a lock, of which a snapshot is a copy.
type lockedSnapshots struct {
	mu sync.RWMutex
	m  map[uint64]uint64 // guarded by mu
}

func (l *lockedSnapshots) Put(k, v uint64) {
	l.mu.Lock()
	l.m[k] = v
	l.mu.Unlock()
}

func (l *lockedSnapshots) Snapshot() snapshot {
	l.mu.RLock()
	defer l.mu.RUnlock()
	c := make(copyOf, len(l.m))
	for k, v := range l.m {
		c[k] = v
	}
	return c
}

type copyOf map[uint64]uint64

func (c copyOf) get(k uint64) (uint64, bool) {
	v, ok := c[k]
	return v, ok
}

func (c copyOf) all(yield func(k, v uint64) bool) {
	for k, v := range c {
		if !yield(k, v) {
			return
		}
	}
}

// snapshotSize is the number of entries of both maps of a snapshot row.
const snapshotSize = 1000

// snapping are the implementations of a snapshot row, of which use is one
// operation.
func snapping(use func(w *worker, m snapshots, i int)) []impl {
	with := func(name string, newMap func() snapshots) impl {
		return impl{name, func(c conditions, n int) *job {
			m := newMap()
			for k := range uint64(snapshotSize) {
				m.Put(k, k)
			}
			ws := share(c, crowd(c), n)
			return each(ws, func(w *worker) {
				for i := range w.n {
					w.Think()
					use(w, m, i)
					w.done++
				}
			}, func() error { return equal("snapshots that read back wrong", sum(ws), 0) })
		}}
	}
	return []impl{
		with("locked", func() snapshots { return &lockedSnapshots{m: map[uint64]uint64{}} }),
		with("trie", func() snapshots {
			t := new(trieSnapshots)
			t.root.Store(new(hamt[uint64, uint64]))
			return t
		}),
	}
}

// readBack takes a snapshot and reads all of it.
func readBack(w *worker, m snapshots, _ int) {
	entries, keys := 0, uint64(0)
	m.Snapshot().all(func(k, v uint64) bool {
		entries++
		keys += v
		return true
	})
	if entries != snapshotSize || keys != snapshotSize*(snapshotSize-1)/2 {
		w.sum++
	}
}

// writeBack writes to a key of the worker's own, takes a snapshot, writes again,
// and looks in the snapshot for the first value.
func writeBack(w *worker, m snapshots, i int) {
	k := uint64(w.id % snapshotSize)
	m.Put(k, uint64(2*i))
	s := m.Snapshot()
	m.Put(k, uint64(2*i+1))
	if v, ok := s.get(k); !ok || v != uint64(2*i) {
		w.sum++
	}
}
