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
	place uint32               // slot<<1 | queue: where it stands; guarded by the shard's mutex

	// The key. Immutable; published to readers by the store of the entry's
	// pointer into its bucket.
	form
}

// maxHits is S3-FIFO's two-bit counter. An entry read this often is not
// written by further reads, so the lines of hot keys stay shared between CPUs.
const maxHits = 3

// form is a key in the shape in which entries hold it, hashed. Equal keys have
// equal forms up to ref, and the words decide for all keys that fit in them.
type form struct {
	word [3]uint64      // the key if it is an integer or a string of up to inlineKey bytes; else the hash and zeros
	size int            // the string's length; 0 if the key is no string
	hash uint64         // a function of the key and the cache's secrets
	ref  unsafe.Pointer // a longer string's bytes, or a *K; nil if the words are the key
}

// inlineKey is the longest string, in bytes, that an entry holds itself:
// comparing it costs no further cache line.
const inlineKey = 24

// holds reports whether the entry's key is k. same compares keys that are
// neither integers nor strings.
func (e *entry) holds(k *form, same func(ref unsafe.Pointer) bool) bool {
	if (e.word[0]^k.word[0])|(e.word[1]^k.word[1])|(e.word[2]^k.word[2])|uint64(e.size^k.size) != 0 {
		return false
	}
	if e.ref == nil {
		return true
	}
	if same != nil {
		return same(e.ref)
	}
	return unsafe.String((*byte)(e.ref), e.size) == unsafe.String((*byte)(k.ref), k.size)
}

// touch counts a hit.
func (e *entry) touch() {
	if n := e.hits.Load(); n < maxHits {
		e.hits.Store(n + 1)
	}
}
