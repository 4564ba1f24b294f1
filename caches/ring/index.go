package ring

import (
	"math/bits"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/contend-go/contend/caches/internal/invariants"
)

// bucket is one cache line of the index: a word of tags, so that one load and
// a few instructions tell which of six entries can have the key, and the
// entries. An entry whose home bucket is full goes to the next that has room.
// What the ghost remembers of the bucket's keys is there too: the latest marks
// in a word, those that had to give way in slots that are free.
//
// Any goroutine reads a bucket at any time; the goroutine that set its busy bit
// writes it, for a few instructions. What it writes, and in which order, is
// argued in the package document, under "Order of publication".
type bucket struct {
	// Byte 0: the busy bit, and how many entries passed by this bucket since
	// it was full, maxOverflow for ever once reached. Byte i: tag of slot i,
	// 0 where it is free. Bit 63: whether free slots may hold marks.
	word  atomic.Uint64
	marks marks // only who has set the busy bit looks at it
	slot  [slotsPerBucket]slot
}

// slot is a pointer in 8 bytes on every architecture, so that slot i, counted
// from 1, is 8i bytes behind the bucket's word, as its tag is 8i bits into it. Where
// the tag is 0 it is nil or stands for a mark.
type slot struct {
	_ [8 - ptrSize]byte
	atomic.Pointer[entry]
}

const ptrSize = unsafe.Sizeof(uintptr(0))

// The index computes addresses. These fail the build where a bucket is not
// what it takes it for.
var (
	_ [0]struct{} = [unsafe.Sizeof(bucket{}) - bucketSize]struct{}{}
	_ [0]struct{} = [unsafe.Offsetof(bucket{}.slot) - 16]struct{}{}
	_ [0]struct{} = [unsafe.Sizeof(slot{}) - 8]struct{}{}
)

const (
	slotsPerBucket = 6
	bucketSize     = 64

	busy        = 0x80
	overflow    = 0x7f // the counter's bits
	maxOverflow = 0x7f
	parks       = 1 << 63
	everyTag    = 0x0001010101010100 // 1 in the byte of every tag
	everyTagTop = everyTag << 7
)

// index is the hash table, of fixed size.
type index struct {
	buckets unsafe.Pointer // *[mask+1]bucket, aligned to bucketSize
	mask    uint64         // buckets − 1; they are a power of two
}

// newIndex makes an index for capacity entries: when full, 2 to 4 entries to
// a bucket. Caches of one shard have 1.5 to 3, and lose hardly any mark.
func newIndex(capacity int) index {
	most := uint(4)
	if capacity < 2*shardEntries {
		most = 3
	}
	n := 1 << bits.Len(uint(capacity-1)/most)
	return index{newBuckets(n), uint64(n - 1)}
}

// newBuckets allocates n buckets, a power of two, at the beginning of a line.
//
// The runtime puts a header of 8 bytes before objects that hold pointers and
// are larger than 512 bytes, up to 32 KB, where buckets would straddle lines.
// There a gap fills up the header's line.
func newBuckets(n int) unsafe.Pointer {
	switch n {
	case 16:
		return unsafe.Pointer(&new(behindHeader[[16]bucket]).buckets)
	case 32:
		return unsafe.Pointer(&new(behindHeader[[32]bucket]).buckets)
	case 64:
		return unsafe.Pointer(&new(behindHeader[[64]bucket]).buckets)
	case 128:
		return unsafe.Pointer(&new(behindHeader[[128]bucket]).buckets)
	case 256:
		return unsafe.Pointer(&new(behindHeader[[256]bucket]).buckets)
	}
	return unsafe.Pointer(unsafe.SliceData(make([]bucket, n)))
}

type behindHeader[Buckets any] struct {
	_       [bucketSize - 8]byte
	buckets Buckets
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
func (b *bucket) at(m uint64) *slot {
	// The top bit of byte i is bit 8i+7, and slot i, counted from 1, is 8i+8
	// bytes on.
	return (*slot)(unsafe.Add(unsafe.Pointer(b), bits.TrailingZeros64(m)+1))
}

// find returns the entry of a key that is its words, nil if there is none. It
// takes no lock, writes nothing and calls nothing.
func (x *index) find(hash uint64, w words) *entry {
	want := tagOf(hash) * everyTag
	for n := uint64(0); n <= x.mask; n++ {
		b := x.bucket(hash, n)
		tags := b.word.Load()
		for m := match(tags, want); m != 0; m &= m - 1 {
			invariants.Edge() // the word may be out of date
			if e := b.at(m).Load(); e != nil && e.words == w {
				return e
			}
		}
		invariants.Edge() // between one bucket and the next
		if tags&overflow == 0 {
			break
		}
	}
	return nil
}

// findLong is find for a string of more than inlineKey bytes.
func (x *index) findLong(hash uint64, k string) *entry {
	want := tagOf(hash) * everyTag
	for n := uint64(0); n <= x.mask; n++ {
		b := x.bucket(hash, n)
		tags := b.word.Load()
		for m := match(tags, want); m != 0; m &= m - 1 {
			invariants.Edge()
			if e := b.at(m).Load(); e != nil && e.hash == hash && e.size == ^len(k) && e.string() == k {
				return e
			}
		}
		invariants.Edge()
		if tags&overflow == 0 {
			break
		}
	}
	return nil
}

// findBoxed is find for a key that is no string and no integer; same compares it
// with those of entries.
func (x *index) findBoxed(hash uint64, same func(ref unsafe.Pointer) bool) *entry {
	want := tagOf(hash) * everyTag
	for n := uint64(0); n <= x.mask; n++ {
		b := x.bucket(hash, n)
		tags := b.word.Load()
		for m := match(tags, want); m != 0; m &= m - 1 {
			invariants.Edge()
			if e := b.at(m).Load(); e != nil && e.hash == hash && e.ref != nil && same(e.ref) {
				return e
			}
		}
		invariants.Edge()
		if tags&overflow == 0 {
			break
		}
	}
	return nil
}

// findSame returns the entry that has the key of e. same is as in findBoxed, nil if
// the key is a string or an integer.
func (x *index) findSame(e *entry, same func(ref unsafe.Pointer) bool) *entry {
	switch {
	case same != nil:
		return x.findBoxed(e.hash, same)
	case e.long():
		return x.findLong(e.hash, e.string())
	}
	return x.find(e.hash, e.words)
}

// link puts e into the index, unless its key is there: then it returns the entry
// that has it. It takes out the key's mark, 0 if there is none. same is as in
// findSame.
//
// The busy bit of the home bucket makes it the only one to insert this key.
func (x *index) link(e *entry, same func(ref unsafe.Pointer) bool) (there *entry, m mark) {
	for n := 0; !x.tryLink(e, same, &there, &m); n++ {
		backOff(n)
	}
	return there, m
}

// backOff waits, in the n-th round, for a goroutine that holds a busy bit. Its
// owner needs some ten instructions more, unless its thread has lost its CPU:
// so a few times this yields, and then it sleeps, longer each time, that it may
// get one.
func backOff(n int) {
	switch {
	case invariants.Waits():
	case n < yields:
		runtime.Gosched()
	default:
		time.Sleep(min(maxSleep, minSleep<<min(n-yields, 16)))
	}
}

const (
	yields   = 16
	minSleep = 10 * time.Microsecond
	maxSleep = time.Millisecond
)

func (x *index) tryLink(e *entry, same func(ref unsafe.Pointer) bool, there **entry, m *mark) bool {
	for n := uint64(0); n <= x.mask; n++ {
		b := x.bucket(e.hash, n)
		word, ok := b.acquire()
		if !ok {
			x.release(e.hash, n)
			return false
		}
		if n == 0 {
			if *there = x.findSame(e, same); *there != nil {
				b.word.Store(word)
				return true
			}
		}
		if free := match(word, 0); free != 0 {
			x.pass(e.hash, n, 1)
			*m = x.bucket(e.hash, 0).recall(e.hash)
			free = b.vacant(free)
			word |= tagOf(e.hash) << (bits.TrailingZeros64(free) - 7)
			invariants.Edge()
			b.word.Store(word | busy)
			invariants.Edge()
			b.at(free).Store(e) // here e, and with it its key, appears
			invariants.Edge()
			b.word.Store(word)
			x.release(e.hash, n)
			return true
		}
	}
	// All buckets are full, with entries of insertions in flight: they will
	// evict.
	x.release(e.hash, x.mask+1)
	return false
}

// recall takes a key's mark out of its home bucket, whose busy bit is set, and
// returns it; 0 if there is none.
func (b *bucket) recall(hash uint64) mark {
	word := b.word.Load()
	invariants.Assert(word&busy != 0, "a mark is taken without the busy bit")
	if m := b.marks.take(print(hash)); m != 0 {
		return m
	}
	if word&parks == 0 {
		return 0
	}
	for free := match(word, 0); free != 0; free &= free - 1 {
		if m := parked(b.at(free).Load()); m.print() == print(hash) {
			b.at(free).Store(nil)
			return m
		}
	}
	return 0
}

// vacant chooses one of the free slots, as match returns them: one without a
// mark if there is one.
func (b *bucket) vacant(free uint64) uint64 {
	if b.word.Load()&parks != 0 {
		for m := free; m != 0; m &= m - 1 {
			if b.at(m).Load() == nil {
				return m
			}
		}
	}
	invariants.Assert(b.at(free).Load() == nil || parked(b.at(free).Load()) != 0, "a slot without a tag holds an entry")
	return free
}

// unlink takes e out of the index, unless somebody else has, and leaves what is
// to be remembered of it.
func (x *index) unlink(e *entry, left leftover) {
	for n := 0; !x.tryUnlink(e, left); n++ {
		backOff(n)
	}
}

// leftover is what an entry leaves behind: its mark, 0 if it leaves none, and how
// many steps older other marks may be that are not forgotten.
type leftover struct {
	mark   mark
	window uint32
}

// remember adds a mark to the home bucket of an entry, and drops those that are
// forgotten by now. It returns what is to stand in the slot that the entry leaves:
// the mark that gives way, if one does.
func (b *bucket) remember(left leftover) *entry {
	if left.mark == 0 {
		return nil
	}
	invariants.Assert(b.word.Load()&busy != 0, "a mark is left without the busy bit")
	if b.marks.forget(left.mark.step(), left.window) {
		b.unpark()
	}
	if oldest := b.marks.push(left.mark); oldest != 0 {
		return oldest.park()
	}
	return nil
}

// unpark empties the free slots of a bucket whose busy bit is set.
func (b *bucket) unpark() {
	word := b.word.Load()
	if word&parks == 0 {
		return
	}
	for free := match(word, 0); free != 0; free &= free - 1 {
		if s := b.at(free); parked(s.Load()) != 0 {
			s.Store(nil)
		}
	}
	b.word.Store(word &^ parks)
}

func (x *index) tryUnlink(e *entry, left leftover) bool {
	want := tagOf(e.hash) * everyTag
	for n := uint64(0); n <= x.mask; n++ {
		b := x.bucket(e.hash, n)
		word, ok := b.acquire()
		if !ok {
			x.release(e.hash, n)
			return false
		}
		for m := match(word, want); m != 0; m &= m - 1 {
			if slot := b.at(m); slot.Load() == e {
				tag := uint64(0xff) << (bits.TrailingZeros64(m) - 7)
				free := x.bucket(e.hash, 0).remember(left)
				word = b.word.Load() &^ busy // if this is the home, remember may have changed it
				switch {
				case n > 0:
					free = nil // in this bucket nobody would look for it
				case free != nil:
					word |= parks
				}
				invariants.Edge()
				slot.Store(free) // here e disappears
				invariants.Edge()
				b.word.Store(word &^ tag)
				x.pass(e.hash, n, -1)
				x.release(e.hash, n)
				return true
			}
		}
		if word&overflow == 0 {
			x.release(e.hash, n+1)
			return true
		}
	}
	x.release(e.hash, x.mask+1)
	return true
}

// acquire sets the bucket's busy bit and returns its word without it. It gives
// up when the bit stays set: its owner is off its CPU, or waits for a bucket
// that the caller holds.
func (b *bucket) acquire() (word uint64, ok bool) {
	for range acquireTries {
		if word = b.word.Load(); word&busy != 0 {
			continue
		}
		invariants.Edge()
		if b.word.CompareAndSwap(word, word|busy) {
			return word, true
		}
	}
	return 0, false
}

const acquireTries = 64

// pass adds to the overflow counters of the first n buckets from the home of
// hash, whose busy bits the caller has set and which stay set.
func (x *index) pass(hash, n uint64, by int64) {
	for i := range n {
		b := x.bucket(hash, i)
		if word := b.word.Load(); word&overflow != maxOverflow {
			invariants.Edge()
			b.word.Store(word + uint64(by))
		}
	}
}

// release clears the busy bits of the first n buckets from the home of hash.
func (x *index) release(hash, n uint64) {
	for i := range n {
		b := x.bucket(hash, i)
		invariants.Edge()
		b.word.Store(b.word.Load() &^ busy)
	}
}
