// Package lru is the exact least-recently-used list that the lock- and
// worker-based backends keep private copies of. It does not synchronise: one
// goroutine at a time may use it, and how that is arranged is what those
// backends differ in.
package lru

// LRU holds at most its capacity of entries and evicts the one that was
// longest without a Get or Set. A hit allocates nothing, and neither does a
// Set once the list is full: it takes over the evicted entry.
type LRU[K comparable, V any] struct {
	capacity int
	index    map[K]*entry[K, V]

	// root is the sentinel of a circular list: root.next is the most and
	// root.prev the least recently used entry.
	root entry[K, V]
}

// entry is linked intrusively: key, value and links are one allocation.
type entry[K comparable, V any] struct {
	prev, next *entry[K, V]
	key        K
	value      V
}

// New returns an empty list for capacity entries, at least 1. Memory is taken
// as entries arrive.
func New[K comparable, V any](capacity int) *LRU[K, V] {
	l := &LRU[K, V]{capacity: capacity, index: make(map[K]*entry[K, V])}
	l.root.prev, l.root.next = &l.root, &l.root
	return l
}

// Get returns key's value and makes key the most recently used.
func (l *LRU[K, V]) Get(key K) (V, bool) {
	e, ok := l.index[key]
	if !ok {
		var zero V
		return zero, false
	}
	l.touch(e)
	return e.value, true
}

// Set stores value and makes key the most recently used, evicting the least
// recently used entry if key is new and the list full. A key that does not equal
// itself is not stored: no Get could find it, and no eviction remove it.
func (l *LRU[K, V]) Set(key K, value V) {
	if e, ok := l.index[key]; ok {
		e.value = value
		l.touch(e)
		return
	}
	if key != key {
		return
	}
	var e *entry[K, V]
	if len(l.index) < l.capacity {
		e = new(entry[K, V])
	} else {
		e = l.root.prev
		e.unlink()
		delete(l.index, e.key)
	}
	e.key, e.value = key, value
	l.index[key] = e
	e.linkAfter(&l.root)
}

// Update replaces key's value by f of its present value (the zero V and false
// if there is none), calling f once, and returns the new value.
func (l *LRU[K, V]) Update(key K, f func(old V, ok bool) V) V {
	if e, ok := l.index[key]; ok {
		e.value = f(e.value, true)
		l.touch(e)
		return e.value
	}
	var zero V
	value := f(zero, false)
	l.Set(key, value)
	return value
}

// Delete removes key, if it is there.
func (l *LRU[K, V]) Delete(key K) {
	if e, ok := l.index[key]; ok {
		e.unlink()
		delete(l.index, key)
	}
}

// Len is the number of entries.
func (l *LRU[K, V]) Len() int { return len(l.index) }

func (l *LRU[K, V]) touch(e *entry[K, V]) {
	if l.root.next == e {
		return // already the most recent: write nothing
	}
	e.unlink()
	e.linkAfter(&l.root)
}

func (e *entry[K, V]) unlink() {
	e.prev.next, e.next.prev = e.next, e.prev
}

func (e *entry[K, V]) linkAfter(at *entry[K, V]) {
	e.prev, e.next = at, at.next
	at.next.prev, at.next = e, e
}
