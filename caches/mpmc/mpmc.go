// Package mpmc is a bounded first-in first-out queue for any number of
// producers and consumers, on a ring of slots with sequence numbers after
// Dmitry Vyukov's bounded MPMC queue.
//
// Producers and consumers draw tickets from two counters. Ticket t uses slot
// t mod capacity, whose sequence number says whose turn it is:
//
//	seq = t              empty, waits for the push with ticket t
//	seq = t + 1          full, waits for the pop with ticket t
//	seq = t + capacity   empty again, one round later
//
// A push takes effect when it draws its ticket, and so does a pop; both are
// linearizable, failing ones included. The price is that an operation that
// meets a slot whose ticket is drawn but whose value is not yet moved waits
// for that peer, the length of one copy unless the peer is descheduled. The
// queue is therefore not lock-free in the strict sense, but no goroutine
// excludes others while it waits for room or for a value.
package mpmc

import (
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/cpu"

	"github.com/contend-go/contend/caches/internal/invariants"
)

// Wait is how a blocked Push or Pop waits.
type Wait int

const (
	// Park tries a few times, then gives its P to others until it is woken.
	Park Wait = iota
	// Spin keeps trying, yielding its P between rounds, and parks only when
	// that was in vain for long: under a steady load nobody is ever woken, at
	// the price of CPUs kept busy by waiting.
	Spin
)

// tries is how often a blocked Push or Pop tries before it parks or yields:
// about 100 ns, less than a park and a wake-up cost, so that spinning in vain
// no more than doubles the price of waiting.
const tries = 30

// Yields is how often a Spin waiter yields before it parks after all. That
// takes a hundred hand-offs and more: only a side that has nothing to do gets
// there, and stops burning CPUs that others may need.
const Yields = 1000

// closed is set in tail by Close. As pushes draw their tickets by
// compare-and-swap on tail, none succeeds afterwards.
const closed = 1 << 63

// Ring is the queue. Make it with New; all methods are safe for concurrent use.
type Ring[T any] = ring[T, cpu.CacheLinePad]

// Unpadded is the same queue with nothing between what different CPUs write:
// its counters share cache lines with each other, with what is only read, and
// slots share lines with slots. It is there to show what that costs.
type Unpadded[T any] = ring[T, [0]byte]

// ring is the queue with the given padding: the one difference between Ring and
// Unpadded. Pad is a whole cache line or nothing.
type ring[T, Pad any] struct {
	// Set by New, then only read. Without padding, the counters begin 48 bytes
	// into the struct: the allocator aligns it to 16 bytes at least, so that
	// there the two share a cache line wherever it lies.
	slots  []slot[T, Pad]
	mask   uint64 // capacity − 1
	yields int    // before a blocked operation parks
	_      uint64

	// The two ticket counters are the hot spots. Each has its cache line to
	// itself, so that producers and consumers disturb each other only where
	// they meet in a slot.
	_    Pad
	tail atomic.Uint64 // next ticket of a push, and the closed bit
	_    Pad
	head atomic.Uint64 // next ticket of a pop; at most tail, at least tail − capacity
	_    Pad

	poppers parking // where Pop waits for a value
	_       Pad
	pushers parking // where Push waits for room
}

// slot holds one value. Between seq = t and seq = t+1 value belongs to the push
// with ticket t, between seq = t+1 and seq = t+capacity to the pop with ticket
// t. Each publishes it to the other by its store of seq.
type slot[T, Pad any] struct {
	// A whole line apart: wherever the slots begin, and whatever T's size,
	// no cache line holds parts of two slots. The pad comes first because Go
	// gives a last field of size zero a byte.
	_     Pad
	seq   atomic.Uint64
	value T
}

// New returns an empty ring. Its capacity is the given one rounded up to a
// power of two, and at least 2: with a single slot, "full" and "empty again"
// would be the same number.
func New[T any](capacity int, wait Wait) *Ring[T] {
	return newRing[T, cpu.CacheLinePad](capacity, wait)
}

// NewUnpadded is New without the padding.
func NewUnpadded[T any](capacity int, wait Wait) *Unpadded[T] {
	return newRing[T, [0]byte](capacity, wait)
}

func newRing[T, Pad any](capacity int, wait Wait) *ring[T, Pad] {
	n := 1 << bits.Len(uint(max(capacity, 2)-1))
	r := &ring[T, Pad]{slots: make([]slot[T, Pad], n), mask: uint64(n - 1)}
	if wait == Spin {
		r.yields = Yields
	}
	for i := range r.slots {
		r.slots[i].seq.Store(uint64(i))
	}
	r.poppers.cond.L = &r.poppers.mu
	r.pushers.cond.L = &r.pushers.mu
	return r
}

// Cap is the number of values that fit.
func (r *ring[T, Pad]) Cap() int { return len(r.slots) }

// TryPush adds v at the end, and reports whether it did: false if the ring is
// full or closed.
func (r *ring[T, Pad]) TryPush(v T) bool {
	if !r.offer(v) {
		return false
	}
	r.poppers.wake()
	return true
}

// offer is TryPush without waking anyone: it may be called under a parking's
// lock, while waking takes the other side's.
func (r *ring[T, Pad]) offer(v T) bool {
	for n := 0; ; n++ {
		t := r.tail.Load()
		if t&closed != 0 {
			return false
		}
		s := &r.slots[t&r.mask]
		invariants.Edge() // t may be out of date
		switch seq := s.seq.Load(); {
		case seq == t:
			invariants.Edge()
			if !r.tail.CompareAndSwap(t, t+1) {
				continue
			}
			invariants.Edge() // the ticket is drawn, the value not yet there
			s.value = v
			s.seq.Store(t + 1) // publishes value to the pop with ticket t
			return true
		case seq < t:
			// The slot held the value of one round ago. Tail was t and can only
			// have grown, so if head is a whole round behind t, the ring was
			// full when head was read. It may also be beyond t by now.
			invariants.Edge()
			h := r.head.Load()
			if t >= h && t-h > r.mask {
				return false
			}
			if t >= h {
				pause(n) // a pop has drawn that value's ticket and is moving it
			}
		}
	}
}

// TryPop removes the first value, and reports whether there was one.
func (r *ring[T, Pad]) TryPop() (T, bool) {
	v, ok := r.take()
	if ok {
		r.pushers.wake()
	}
	return v, ok
}

// take is TryPop without waking anyone, as offer is TryPush.
func (r *ring[T, Pad]) take() (T, bool) {
	for n := 0; ; n++ {
		h := r.head.Load()
		s := &r.slots[h&r.mask]
		invariants.Edge() // h may be out of date
		switch seq := s.seq.Load(); {
		case seq == h+1:
			invariants.Edge()
			if !r.head.CompareAndSwap(h, h+1) {
				continue
			}
			invariants.Edge() // the ticket is drawn, the slot not yet free
			v := s.value
			var zero T
			s.value = zero              // what was popped must not be kept alive
			s.seq.Store(h + r.mask + 1) // publishes the free slot to the push one round later
			return v, true
		case seq <= h:
			// Nothing is published here. Head was h and can only have grown,
			// so the ring was empty when tail was read.
			invariants.Edge()
			if h >= r.tail.Load()&^closed {
				var zero T
				return zero, false
			}
			pause(n) // a push has drawn ticket h and is moving its value in
		}
	}
}

// Push adds v at the end, waiting for room. It reports false, and v is not
// added, if the ring is closed before there is any.
func (r *ring[T, Pad]) Push(v T) (pushed bool) {
	push := func() bool {
		pushed = r.offer(v)
		return pushed || r.isClosed()
	}
	if !r.spin(push) {
		r.pushers.park(push)
	}
	if pushed {
		r.poppers.wake()
	}
	return pushed
}

// Pop removes the first value, waiting for one. It reports false if the ring
// is closed and empty.
func (r *ring[T, Pad]) Pop() (v T, ok bool) {
	pop := func() bool {
		v, ok = r.take()
		return ok || r.drained()
	}
	if !r.spin(pop) {
		r.poppers.park(pop)
	}
	if ok {
		r.pushers.wake()
	}
	return v, ok
}

// spin tries for a while, and reports whether try succeeded.
func (r *ring[T, Pad]) spin(try func() bool) bool {
	for range r.yields {
		for range tries {
			if try() {
				return true
			}
		}
		runtime.Gosched()
	}
	for range tries {
		if try() {
			return true
		}
	}
	return false
}

// Close makes every later Push fail and wakes all who wait. Values that are in
// the ring can still be popped. Closing twice is harmless.
func (r *ring[T, Pad]) Close() {
	r.tail.Or(closed)
	r.poppers.wakeAll()
	r.pushers.wakeAll()
}

func (r *ring[T, Pad]) isClosed() bool { return r.tail.Load()&closed != 0 }

// drained reports whether the ring is closed and empty, for good.
func (r *ring[T, Pad]) drained() bool {
	t := r.tail.Load()
	return t&closed != 0 && r.head.Load() >= t&^closed
}

// pause is called in the n-th round of waiting for a peer that moves a value.
// Soon it yields, for with more Ps than CPUs the peer may be off its CPU.
func pause(n int) {
	if n >= tries {
		runtime.Gosched()
	}
}

// parking is where one side waits for the other.
//
// No wake-up is lost: who parks first raises waiting, then tries once more;
// who serves first changes the ring, then reads waiting. Both are sequentially
// consistent atomics, so the one sees the change or the other sees the waiter;
// and as the last try and the wait are one critical section of mu, the signal
// cannot fall between them.
type parking struct {
	waiting atomic.Int64 // goroutines in park; changed under mu, read by anyone
	mu      sync.Mutex
	cond    sync.Cond // on mu
}

// park waits until try, called under mu, reports true. try must not wake the
// other side: that takes its mu, and it may be on its way to ours.
func (p *parking) park(try func() bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting.Add(1)
	defer p.waiting.Add(-1)
	for !try() {
		p.cond.Wait()
	}
}

// wake lets one parked goroutine try again, if there is one.
func (p *parking) wake() {
	if p.waiting.Load() == 0 {
		return // the common case: one shared load
	}
	p.mu.Lock()
	p.cond.Signal()
	p.mu.Unlock()
}

func (p *parking) wakeAll() {
	p.mu.Lock()
	p.cond.Broadcast()
	p.mu.Unlock()
}
