package ring

import (
	"sync/atomic"
	"unsafe"
)

// entry is one key and its value: one cache line, allocated on its own and
// never used again for another key. That it is never reused is what lets
// readers and updaters hold it without announcing themselves: the garbage
// collector frees it after the last of them.
//
// A value stored in an entry that has left the index meanwhile is not lost
// out of order. Whoever stores there found the entry before it left, so its
// call overlaps the removal and takes effect just before it.
type entry struct {
	value atomic.Pointer[byte] // the V itself where V is a pointer, else a *V; any goroutine, at any time
	hits  atomic.Uint32        // 0 to maxHits; readers raise it, the shard's owner lowers it; races lose counts, no more
	place uint32               // slot<<1 | queue: where it stands, or will; guarded by the shard's mutex once the entry is in the index

	// The key. Immutable, published by the store of the entry's pointer into
	// its bucket.
	hash uint64         // a function of the key and the cache's secrets
	ref  unsafe.Pointer // a *K, or the bytes of a string that is too long for the entry; nil if the entry holds the key
	words
}

// maxHits is S3-FIFO's two-bit counter. An entry read this often is not
// written by further reads, so the lines of hot keys stay shared between CPUs.
const maxHits = 3

// Places of entries that are in no queue: one that has no slot yet, and one that was
// deleted. An evicted entry keeps the place that it had: that its slot holds another, or
// none, says that it has left, and saves a write to a line that it leaves behind.
const (
	fresh = ^uint32(1)
	gone  = ^uint32(0)
)

// words are a key, if it is an integer or a string of up to inlineKey bytes:
// two such keys are equal if their words are. Of a longer string they are the
// length and the first bytes; where another key is boxed they are zero.
type words struct {
	size    int // ^ of a string's length, noString of an integer: not 0, so that no key has the words of an empty entry
	a, b, c uint64
}

const noString = ^0

// inlineKey is the longest string, in bytes, that an entry's words hold:
// comparing it costs no further cache line.
const inlineKey = 24

// longEntry is an entry whose key is a longer string: its bytes begin in the words
// and go on behind them. They are found without another pointer, and so loaded
// together with the entry. Such entries may share a line with a neighbour.
type longEntry[Tail any] struct {
	entry
	_ Tail
}

// A long key's bytes are contiguous: where they would not be, this fails the build.
var _ [0]struct{} = [unsafe.Sizeof(entry{}) - unsafe.Offsetof(entry{}.words) - unsafe.Offsetof(words{}.a) - inlineKey]struct{}{}

// longestKey is the longest string, in bytes, that an entry can hold.
const longestKey = inlineKey + 128

// newLong makes an entry for a string of more than inlineKey bytes: of the sizes that
// the allocator has, those that leave at most a quarter unused.
func newLong(k string) (e *entry) {
	switch n := len(k) - inlineKey; {
	case n <= 16:
		e = &new(longEntry[[16]byte]).entry
	case n <= 32:
		e = &new(longEntry[[32]byte]).entry
	case n <= 64:
		e = &new(longEntry[[64]byte]).entry
	case n <= 96:
		e = &new(longEntry[[96]byte]).entry
	case n <= 128:
		e = &new(longEntry[[128]byte]).entry
	default:
		e = &entry{ref: unsafe.Pointer(unsafe.StringData(k))}
	}
	e.size = ^len(k)
	if len(k) <= longestKey {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&e.a)), len(k)), k)
	}
	return e
}

// long reports whether e's key is a string of more than inlineKey bytes.
func (e *entry) long() bool { return ^e.size > inlineKey }

// string is e's key, if it is long.
func (e *entry) string() string {
	p := unsafe.Pointer(&e.a)
	if ^e.size > longestKey {
		p = e.ref
	}
	return unsafe.String((*byte)(p), ^e.size)
}

// touch counts a hit.
func (e *entry) touch() {
	if n := e.hits.Load(); n < maxHits {
		e.hits.Store(n + 1)
	}
}
