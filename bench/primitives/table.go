package primitives

import (
	"maps"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/cpu"
)

// tableSize is the number of keys of a table. A value is its key plus a multiple
// of the size, so that every read can be checked.
const tableSize = 1024

// table is a map that many read and few write. Get holds whatever keeps the
// value valid while its worker's Hold lasts.
type table interface {
	Get(w *worker, k uint64) uint64
	Put(w *worker, k, v uint64)
}

// The tables that rows compare.
var tables = []struct {
	name string
	make func(readers int) table
}{
	{"mutex", func(int) table { return &mutexTable{m: filled()} }},
	{"rwmutex", func(int) table { return &rwTable{m: filled()} }},
	{"striped", func(n int) table {
		return &stripedTable[cpu.CacheLinePad]{stripes: makeStripes[cpu.CacheLinePad](n), m: filled()}
	}},
	{"striped-unpadded", func(n int) table { return &stripedTable[[0]byte]{stripes: makeStripes[[0]byte](n), m: filled()} }},
	{"copy-on-write", func(int) table { return newCopied(filled()) }},
	{"sync.Map", func(int) table { return newSyncTable(filled()) }},
}

func filled() map[uint64]uint64 {
	m := make(map[uint64]uint64, tableSize)
	for k := range uint64(tableSize) {
		m[k] = k
	}
	return m
}

// mutexTable is a map under one mutex.
type mutexTable struct {
	mu sync.Mutex
	m  map[uint64]uint64 // guarded by mu
}

func (t *mutexTable) Get(w *worker, k uint64) uint64 {
	t.mu.Lock()
	v := t.m[k]
	w.Hold()
	t.mu.Unlock()
	return v
}

func (t *mutexTable) Put(w *worker, k, v uint64) {
	t.mu.Lock()
	t.m[k] = v
	w.Hold()
	t.mu.Unlock()
}

// rwTable is a map under one read-write mutex: readers run at once, but all
// write the one reader count.
type rwTable struct {
	mu sync.RWMutex
	m  map[uint64]uint64 // guarded by mu
}

func (t *rwTable) Get(w *worker, k uint64) uint64 {
	t.mu.RLock()
	v := t.m[k]
	w.Hold()
	t.mu.RUnlock()
	return v
}

func (t *rwTable) Put(w *worker, k, v uint64) {
	t.mu.Lock()
	t.m[k] = v
	w.Hold()
	t.mu.Unlock()
}

// stripe is one of the locks of a distributed read-write mutex.
type stripe[Pad any] struct {
	_  Pad
	mu sync.RWMutex
}

func makeStripes[Pad any](n int) []stripe[Pad] { return make([]stripe[Pad], n) }

// stripedTable is a map under a distributed read-write mutex: a reader locks
// its own stripe, a writer all of them, in order. Go does not tell a goroutine
// its CPU, so a reader's stripe is the worker's, not the CPU's.
type stripedTable[Pad any] struct {
	stripes []stripe[Pad]
	m       map[uint64]uint64 // read under one stripe, written under all
}

func (t *stripedTable[Pad]) Get(w *worker, k uint64) uint64 {
	mu := &t.stripes[w.id].mu
	mu.RLock()
	v := t.m[k]
	w.Hold()
	mu.RUnlock()
	return v
}

func (t *stripedTable[Pad]) Put(w *worker, k, v uint64) {
	for i := range t.stripes {
		t.stripes[i].mu.Lock()
	}
	t.m[k] = v
	w.Hold()
	for i := range t.stripes {
		t.stripes[i].mu.Unlock()
	}
}

// copied is a map behind an atomic pointer. A map is never changed once the
// pointer leads to it: a write copies it, and its Store publishes the copy to
// the Load of readers.
type copied struct {
	m       atomic.Pointer[map[uint64]uint64]
	writing sync.Mutex // one writer at a time
}

func newCopied(m map[uint64]uint64) *copied {
	t := new(copied)
	t.m.Store(&m)
	return t
}

func (t *copied) Get(w *worker, k uint64) uint64 {
	v := (*t.m.Load())[k]
	w.Hold()
	return v
}

func (t *copied) Put(w *worker, k, v uint64) {
	t.writing.Lock()
	m := maps.Clone(*t.m.Load())
	m[k] = v
	w.Hold()
	t.m.Store(&m)
	t.writing.Unlock()
}

// syncTable is a sync.Map. Its values are interfaces, as its users have them.
type syncTable struct{ m sync.Map }

func newSyncTable(m map[uint64]uint64) *syncTable {
	t := new(syncTable)
	for k, v := range m {
		t.m.Store(k, v)
	}
	return t
}

func (t *syncTable) Get(w *worker, k uint64) uint64 {
	v, _ := t.m.Load(k)
	w.Hold()
	return v.(uint64)
}

func (t *syncTable) Put(w *worker, k, v uint64) {
	t.m.Store(k, v)
	w.Hold()
}

// reading are the implementations of a row with one write in so many
// operations, 0 for none.
func reading(writeEvery int) []impl {
	var list []impl
	for _, kind := range tables {
		list = append(list, impl{kind.name, func(c conditions, n int) *job {
			ws := share(c, crowd(c), n)
			return lookUp(kind.make(len(ws)), ws, writeEvery)
		}})
	}
	return list
}

// lookUp walks the table's keys, each worker from a place of its own.
func lookUp(t table, ws []*worker, writeEvery int) *job {
	return each(ws, func(w *worker) {
		next := writeEvery
		for i := range w.n {
			w.Think()
			k := uint64(w.first+i) % tableSize
			if writeEvery > 0 && i == next {
				next += writeEvery
				t.Put(w, k, k+uint64(i)*tableSize)
			} else if t.Get(w, k)%tableSize != k {
				w.sum++ // a wrong value
			}
			w.done++
		}
	}, func() error { return equal("reads with the value of another key", sum(ws), 0) })
}
