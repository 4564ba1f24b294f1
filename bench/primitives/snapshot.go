package primitives

import (
	"maps"
	"sync"
)

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

type trieSnapshots struct{ *trie[uint64, uint64] }

func (t trieSnapshots) Snapshot() snapshot { return t.trie.Snapshot() }

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
	return copyOf(maps.Clone(l.m))
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

// snapshotSize is the number of entries of both maps of a snapshot row,
// snapshotEvery how many operations of the mostly writing one take one snapshot.
const (
	snapshotSize  = 1000
	snapshotEvery = 1000
)

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
		with("trie", func() snapshots { return trieSnapshots{newTrie[uint64, uint64]()} }),
	}
}

// readBack takes a snapshot and reads all of it: every key must be there, with
// its value, which is the key plus a multiple of the size.
func readBack(w *worker, m snapshots, _ int) {
	right := 0
	m.Snapshot().all(func(k, v uint64) bool {
		if v%snapshotSize == k {
			right++
		}
		return true
	})
	if right != snapshotSize {
		w.sum++
	}
}

// writeMostly writes to one key after another, and now and then reads a snapshot
// back.
func writeMostly(w *worker, m snapshots, i int) {
	at := w.first + i
	if at%snapshotEvery == 0 {
		readBack(w, m, i)
		return
	}
	k := uint64(at % snapshotSize)
	m.Put(k, k+snapshotSize*uint64(i))
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
