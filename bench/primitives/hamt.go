package primitives

import (
	"hash/maphash"
	"math/bits"
)

// hamt is an immutable map, a hash array mapped trie (Bagwell, 2001): put and
// remove return another map, which shares with the old one every node but those
// on the key's path. The zero hamt is empty. A node is never written once the
// map that holds it was returned, so maps may be read by any goroutine that was
// handed one through a synchronising operation.
type hamt[K comparable, V any] struct {
	root *branch[K, V]
	size int
}

// branch is an inner node: of the 32 places for the next 5 bits of the hash,
// those that bitmap names, in order.
type branch[K comparable, V any] struct {
	bitmap uint32
	places []place[K, V]
}

// place leads to a branch below, or else to the entries of one hash.
type place[K comparable, V any] struct {
	below   *branch[K, V]
	entries *entry[K, V]
}

// entry is one key. Entries whose hashes agree in all bits form a list.
type entry[K comparable, V any] struct {
	hash uint64
	key  K
	val  V
	next *entry[K, V]
}

const levelBits = 5 // of the hash, for each level of branches

var hashSeed = maphash.MakeSeed()

func hashOf[K comparable](key K) uint64 { return maphash.Comparable(hashSeed, key) }

// get returns the value of a key, and whether there is one.
func (m hamt[K, V]) get(key K) (v V, ok bool) { return m.getHashed(hashOf(key), key) }

func (m hamt[K, V]) getHashed(hash uint64, key K) (v V, ok bool) {
	b := m.root
	for shift := uint(0); b != nil; shift += levelBits {
		bit := uint32(1) << (hash >> shift & (1<<levelBits - 1))
		if b.bitmap&bit == 0 {
			return v, false
		}
		p := b.places[b.index(bit)]
		for e := p.entries; e != nil; e = e.next {
			if e.hash == hash && e.key == key {
				return e.val, true
			}
		}
		b = p.below
	}
	return v, false
}

// put returns the map in which key has the value.
func (m hamt[K, V]) put(key K, v V) hamt[K, V] { return m.putHashed(hashOf(key), key, v) }

func (m hamt[K, V]) putHashed(hash uint64, key K, v V) hamt[K, V] {
	b, added := m.root.put(0, &entry[K, V]{hash: hash, key: key, val: v})
	if added {
		m.size++
	}
	m.root = b
	return m
}

// remove returns the map without the key, and whether it was there.
func (m hamt[K, V]) remove(key K) (hamt[K, V], bool) { return m.removeHashed(hashOf(key), key) }

func (m hamt[K, V]) removeHashed(hash uint64, key K) (hamt[K, V], bool) {
	b, removed := m.root.remove(0, hash, key)
	if !removed {
		return m, false
	}
	return hamt[K, V]{b, m.size - 1}, true
}

// all calls yield for every entry, in no particular order, until it reports
// false.
func (m hamt[K, V]) all(yield func(K, V) bool) { m.root.all(yield) }

func (b *branch[K, V]) index(bit uint32) int { return bits.OnesCount32(b.bitmap & (bit - 1)) }

// put returns a copy of b, which may be nil, with the entry in it; added is
// false where it replaced one. The caller gives e away.
func (b *branch[K, V]) put(shift uint, e *entry[K, V]) (copied *branch[K, V], added bool) {
	bit := uint32(1) << (e.hash >> shift & (1<<levelBits - 1))
	switch {
	case b == nil:
		return &branch[K, V]{bit, []place[K, V]{{entries: e}}}, true
	case b.bitmap&bit == 0:
		i := b.index(bit)
		places := make([]place[K, V], len(b.places)+1)
		copy(places, b.places[:i])
		places[i] = place[K, V]{entries: e}
		copy(places[i+1:], b.places[i:])
		return &branch[K, V]{b.bitmap | bit, places}, true
	}
	p := b.places[b.index(bit)]
	switch {
	case p.below != nil:
		p.below, added = p.below.put(shift+levelBits, e)
	case p.entries.hash == e.hash:
		e.next, added = p.entries.without(e.key)
		added = !added
		p.entries = e
	default: // two hashes that part further down
		old := p.entries
		oldBit := uint32(1) << (old.hash >> (shift + levelBits) & (1<<levelBits - 1))
		below := &branch[K, V]{oldBit, []place[K, V]{{entries: old}}}
		p = place[K, V]{}
		p.below, added = below.put(shift+levelBits, e)
	}
	return b.with(bit, p), added
}

// remove returns a copy of b without the key: nil if nothing is left.
func (b *branch[K, V]) remove(shift uint, hash uint64, key K) (copied *branch[K, V], removed bool) {
	bit := uint32(1) << (hash >> shift & (1<<levelBits - 1))
	if b == nil || b.bitmap&bit == 0 {
		return b, false
	}
	p := b.places[b.index(bit)]
	if p.below != nil {
		p.below, removed = p.below.remove(shift+levelBits, hash, key)
		if removed && p.below != nil && len(p.below.places) == 1 && p.below.places[0].below == nil {
			p = p.below.places[0] // a branch that parts nothing
		}
	} else if p.entries.hash == hash {
		p.entries, removed = p.entries.without(key)
	}
	if !removed {
		return b, false
	}
	if p.below != nil || p.entries != nil {
		return b.with(bit, p), true
	}
	if len(b.places) == 1 {
		return nil, true
	}
	i := b.index(bit)
	places := make([]place[K, V], 0, len(b.places)-1)
	places = append(append(places, b.places[:i]...), b.places[i+1:]...)
	return &branch[K, V]{b.bitmap &^ bit, places}, true
}

// with returns a copy of b in which the place of bit is p.
func (b *branch[K, V]) with(bit uint32, p place[K, V]) *branch[K, V] {
	places := make([]place[K, V], len(b.places))
	copy(places, b.places)
	places[b.index(bit)] = p
	return &branch[K, V]{b.bitmap, places}
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

func (b *branch[K, V]) all(yield func(K, V) bool) bool {
	if b == nil {
		return true
	}
	for _, p := range b.places {
		for e := p.entries; e != nil; e = e.next {
			if !yield(e.key, e.val) {
				return false
			}
		}
		if p.below != nil && !p.below.all(yield) {
			return false
		}
	}
	return true
}
