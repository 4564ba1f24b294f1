package ring

import (
	"math/bits"
	"sync/atomic"
	"unsafe"
)

// bucket is one cache line of the index: a word of tags, so that one load and
// a few instructions tell which of seven entries can have the key, and the
// entries.
//
// Only the owner of the shard's mutex writes a bucket; any goroutine reads it
// at any time. An entry's pointer is stored before its tag, and the tag
// publishes it. On removal the tag goes first; a reader between the two finds
// the entry still (it goes just after), a nil, or another entry, whose key it
// compares. Entries do not move while they live, so a reader that passes the
// key's buckets without finding it has seen a moment without it.
type bucket struct {
	tags atomic.Uint64 // byte 0: entries that wanted this bucket and are further on, 255 for ever once reached; byte i: tag of slot i, 0 for none
	slot [slotsPerBucket]atomic.Pointer[entry]
}

const (
	slotsPerBucket = 7
	bucketSize     = 64

	overflow    = 0xff               // the counter's byte in bucket.tags
	everyTag    = 0x0101010101010100 // 1 in the byte of every tag
	everyTagTop = everyTag << 7
)

// index is the hash table, of fixed size. The buckets of different shards
// interleave: bucket b belongs to shard b modulo their number.
type index struct {
	buckets unsafe.Pointer // *[mask+1]bucket, aligned to bucketSize
	mask    uint64         // buckets − 1; they are a power of two
	stride  uint64         // shards, a power of two: from one bucket of a shard to its next
}

// newIndex makes an index for capacity entries: five entries to a bucket at
// most when full, 2.5 at least.
func newIndex(capacity, shards int) index {
	n := 1 << bits.Len(uint(capacity-1)/5)
	n = max(n, 2*shards)
	// The runtime puts a header of 8 bytes before objects that hold pointers
	// and are larger than 512 bytes, up to 32 KB: their buckets would straddle
	// lines. Those above are page-aligned.
	if n > 512/bucketSize {
		n = max(n, 32<<10/bucketSize)
	}
	table := make([]bucket, n)
	return index{unsafe.Pointer(unsafe.SliceData(table)), uint64(n - 1), uint64(shards)}
}

func (x *index) bucket(i uint64) *bucket {
	return (*bucket)(unsafe.Add(x.buckets, i*bucketSize))
}

func (x *index) home(hash uint64) uint64 { return hash & x.mask }
func (x *index) next(i uint64) uint64    { return (i + x.stride) & x.mask }
func (b *bucket) at(bit int) *atomic.Pointer[entry] {
	// The top bit of byte i is bit 8i+7, and slot i (from 1) is 8i bytes on.
	return (*atomic.Pointer[entry])(unsafe.Add(unsafe.Pointer(b), bit-7))
}

// tagOf is a byte of the hash that chooses no bucket, and is never 0.
func tagOf(hash uint64) uint64 { return max(hash>>56, 1) }

// match returns a word with the top bit set in every byte of tags that equals
// the one repeated in want. Above a true match there may be false ones; the
// lowest is always true. (Hacker's Delight, 6-1.)
func match(tags, want uint64) uint64 {
	x := tags ^ want
	return (x - everyTag) &^ x & everyTagTop
}

// find returns the entry of a key that is its words, nil if there is none. It
// takes no lock, writes nothing and calls nothing.
func (x *index) find(hash uint64, w words) *entry {
	want := tagOf(hash) * everyTag
	home := x.home(hash)
	for i := home; ; {
		b := x.bucket(i)
		tags := b.tags.Load()
		for m := match(tags, want); m != 0; m &= m - 1 {
			if e := b.at(bits.TrailingZeros64(m)).Load(); e != nil && e.words == w {
				return e
			}
		}
		if tags&overflow == 0 {
			return nil
		}
		if i = x.next(i); i == home {
			return nil
		}
	}
}

// findRef is find for a key that is more than its words; same compares it with
// those of entries.
func (x *index) findRef(hash uint64, w words, same func(ref unsafe.Pointer) bool) *entry {
	want := tagOf(hash) * everyTag
	home := x.home(hash)
	for i := home; ; {
		b := x.bucket(i)
		tags := b.tags.Load()
		for m := match(tags, want); m != 0; m &= m - 1 {
			if e := b.at(bits.TrailingZeros64(m)).Load(); e != nil && e.words == w && same(e.ref) {
				return e
			}
		}
		if tags&overflow == 0 {
			return nil
		}
		if i = x.next(i); i == home {
			return nil
		}
	}
}

// link puts e into the index, which must not hold its key and must have room.
// The caller holds the mutex of the entry's shard.
func (x *index) link(e *entry) {
	for i := x.home(e.hash); ; i = x.next(i) {
		b := x.bucket(i)
		tags := b.tags.Load()
		if free := match(tags, 0); free != 0 {
			bit := bits.TrailingZeros64(free)
			b.at(bit).Store(e)
			b.tags.Store(tags | tagOf(e.hash)<<(bit-7))
			return
		}
		if tags&overflow != overflow {
			b.tags.Store(tags + 1)
		}
	}
}

// unlink takes e, which must be there, out of the index. The caller holds the
// mutex of the entry's shard.
func (x *index) unlink(e *entry) {
	want := tagOf(e.hash) * everyTag
	for i := x.home(e.hash); ; i = x.next(i) {
		b := x.bucket(i)
		tags := b.tags.Load()
		for m := match(tags, want); m != 0; m &= m - 1 {
			bit := bits.TrailingZeros64(m)
			if slot := b.at(bit); slot.Load() == e {
				b.tags.Store(tags &^ (0xff << (bit - 7)))
				slot.Store(nil)
				return
			}
		}
		if tags&overflow != overflow {
			b.tags.Store(tags - 1)
		}
	}
}
