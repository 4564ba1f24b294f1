package ring

import (
	"math/bits"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// bucket is one cache line of the index: a word of tags, so that one load and
// a few instructions tell which of seven entries can have the key, and the
// entries. An entry whose home bucket is full goes to the next that has room.
//
// Any goroutine reads a bucket at any time; the goroutine that set its busy bit
// writes it, for a few instructions. An entry's pointer is stored before its
// tag, and the tag publishes it. A reader with a word that is out of date finds
// in the slot the entry, nil, or another entry, whose key it compares.
// Entries do not move while they are in the index, so a reader that passes
// their buckets without finding its key has seen a moment without it.
type bucket struct {
	// Byte 0: the busy bit, and how many entries passed by this bucket since
	// it was full, maxOverflow for ever once reached. Byte i: tag of slot i,
	// 0 where it is free.
	word atomic.Uint64
	slot [slotsPerBucket]atomic.Pointer[entry]
}

const (
	slotsPerBucket = 7
	bucketSize     = 64

	busy        = 0x80
	overflow    = 0x7f // the counter's bits
	maxOverflow = 0x7f
	everyTag    = 0x0101010101010100 // 1 in the byte of every tag
	everyTagTop = everyTag << 7
)

// index is the hash table, of fixed size.
type index struct {
	buckets unsafe.Pointer // *[mask+1]bucket, aligned to bucketSize
	mask    uint64         // buckets − 1; they are a power of two
}

// newIndex makes an index for capacity entries: when full, 2.5 to 5 entries to
// a bucket.
func newIndex(capacity int) index {
	n := 1 << bits.Len(uint(capacity-1)/5)
	// The runtime puts a header of 8 bytes before objects that hold pointers
	// and are larger than 512 bytes, up to 32 KB: their buckets would straddle
	// lines. Those above are page-aligned.
	if n > 512/bucketSize {
		n = max(n, 32<<10/bucketSize)
	}
	return index{unsafe.Pointer(unsafe.SliceData(make([]bucket, n))), uint64(n - 1)}
}

// bucket is the bucket that is n after the home of hash.
func (x *index) bucket(hash, n uint64) *bucket {
	return (*bucket)(unsafe.Add(x.buckets, ((hash+n)&x.mask)*bucketSize))
}

// tagOf is a byte of the hash that chooses no bucket, and is never 0.
func tagOf(hash uint64) uint64 { return max(hash>>56, 1) }

// match returns a word with the top bit set in every byte of tags that equals
// the one repeated in want. Above a true match there may be false ones; the
// lowest is always true. (Warren, Hacker's Delight, 6-1.)
func match(tags, want uint64) uint64 {
	x := tags ^ want
	return (x - everyTag) &^ x & everyTagTop
}

// at is the slot whose byte has its top bit at the lowest bit of m.
func (b *bucket) at(m uint64) *atomic.Pointer[entry] {
	// The top bit of byte i is bit 8i+7, and slot i, counted from 1, is 8i
	// bytes on.
	return (*atomic.Pointer[entry])(unsafe.Add(unsafe.Pointer(b), bits.TrailingZeros64(m)-7))
}

// find returns the entry of a key that is its words, nil if there is none. It
// takes no lock, writes nothing and calls nothing.
func (x *index) find(hash uint64, w words) *entry {
	want := tagOf(hash) * everyTag
	for n := uint64(0); n <= x.mask; n++ {
		b := x.bucket(hash, n)
		tags := b.word.Load()
		for m := match(tags, want); m != 0; m &= m - 1 {
			if e := b.at(m).Load(); e != nil && e.words == w {
				return e
			}
		}
		if tags&overflow == 0 {
			break
		}
	}
	return nil
}

// findRef is find for a key that is more than its words; same compares it with
// those of entries.
func (x *index) findRef(hash uint64, w words, same func(ref unsafe.Pointer) bool) *entry {
	want := tagOf(hash) * everyTag
	for n := uint64(0); n <= x.mask; n++ {
		b := x.bucket(hash, n)
		tags := b.word.Load()
		for m := match(tags, want); m != 0; m &= m - 1 {
			if e := b.at(m).Load(); e != nil && e.words == w && same(e.ref) {
				return e
			}
		}
		if tags&overflow == 0 {
			break
		}
	}
	return nil
}

// link puts e into the index, unless its key is there: then it returns the
// entry that has it. same is as in findRef, nil if the key is its words.
//
// The busy bit of the home bucket makes it the only one to insert this key.
func (x *index) link(e *entry, same func(ref unsafe.Pointer) bool) (there *entry) {
	for !x.tryLink(e, same, &there) {
		runtime.Gosched()
	}
	return there
}

func (x *index) tryLink(e *entry, same func(ref unsafe.Pointer) bool, there **entry) bool {
	for n := uint64(0); n <= x.mask; n++ {
		b := x.bucket(e.hash, n)
		word, ok := b.acquire()
		if !ok {
			x.release(e.hash, n, 0)
			return false
		}
		if n == 0 {
			if same == nil {
				*there = x.find(e.hash, e.words)
			} else {
				*there = x.findRef(e.hash, e.words, same)
			}
			if *there != nil {
				b.word.Store(word)
				return true
			}
		}
		if free := match(word, 0); free != 0 {
			assert(b.at(free).Load() == nil, "a slot without a tag holds an entry")
			b.at(free).Store(e)
			tag := tagOf(e.hash) << (bits.TrailingZeros64(free) - 7)
			b.word.Store(word | tag)
			x.release(e.hash, n, 1)
			return true
		}
	}
	// All buckets are full, with entries of insertions in flight: they will
	// evict.
	x.release(e.hash, x.mask+1, 0)
	return false
}

// unlink takes e out of the index, unless somebody else has.
func (x *index) unlink(e *entry) {
	for !x.tryUnlink(e) {
		runtime.Gosched()
	}
}

func (x *index) tryUnlink(e *entry) bool {
	want := tagOf(e.hash) * everyTag
	for n := uint64(0); n <= x.mask; n++ {
		b := x.bucket(e.hash, n)
		word, ok := b.acquire()
		if !ok {
			x.release(e.hash, n, 0)
			return false
		}
		for m := match(word, want); m != 0; m &= m - 1 {
			if slot := b.at(m); slot.Load() == e {
				tag := uint64(0xff) << (bits.TrailingZeros64(m) - 7)
				slot.Store(nil)
				b.word.Store(word &^ tag)
				x.release(e.hash, n, ^uint64(0))
				return true
			}
		}
		if word&overflow == 0 {
			x.release(e.hash, n+1, 0)
			return true
		}
	}
	x.release(e.hash, x.mask+1, 0)
	return true
}

// acquire sets the bucket's busy bit and returns its word without it. It gives
// up when the bit stays set: its owner is off its CPU, or waits for a bucket
// that the caller holds.
func (b *bucket) acquire() (word uint64, ok bool) {
	for range 64 {
		word = b.word.Load()
		if word&busy == 0 && b.word.CompareAndSwap(word, word|busy) {
			return word, true
		}
	}
	return 0, false
}

// release clears the busy bits of the first n buckets from the home of hash,
// adding to their overflow counters.
func (x *index) release(hash, n, passed uint64) {
	for i := range n {
		b := x.bucket(hash, i)
		word := b.word.Load() &^ busy
		if word&overflow != maxOverflow {
			word += passed
		}
		b.word.Store(word)
	}
}
