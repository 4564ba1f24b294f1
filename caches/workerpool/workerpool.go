// Package workerpool keeps caches without locks: each worker goroutine owns an
// LRU, and callers hand their operations to the worker that the key's hash
// names. It comes three ways, which differ only in how the hand-off waits:
//
//	workerpool      a Go channel
//	workerpoolring  the MPMC ring of package mpmc, parking
//	workerpoolspin  the same, spinning, at both ends of the hand-off
//
// Every operation is a round trip, Sets and Deletes included, as in the
// worker pool of Gubernator's published study; what its pool allocated for each
// (a reply channel) is reused here, and no context is selected on.
//
// Recency and capacity are kept by worker. Keys do not spread quite evenly, so
// a worker may evict while another has room: count on about half the capacity
// for keys that must all stay.
package workerpool

import (
	"hash/maphash"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/contend-go/contend/caches"
	"github.com/contend-go/contend/caches/lru"
	"github.com/contend-go/contend/caches/mpmc"
)

const (
	// queued is how many operations may wait for one worker before callers
	// wait to hand over theirs.
	queued = 128

	// minShare is the least capacity of a worker. Half full it holds 64 keys
	// in the mean with a standard deviation of 8 (keys fall to workers as a
	// Poisson process), so that a worker overflows only at 8 of those.
	minShare = 128
)

// ChannelSpec describes the pool behind channels.
func ChannelSpec() caches.Spec {
	return spec("workerpool", "one worker for every P, each with its LRU, behind channels",
		NewChannel[string, *caches.Item], NewChannel[uint64, *caches.Item])
}

// ActorSpec describes the pool of one: an actor that owns all.
func ActorSpec() caches.Spec {
	s := spec("actor", "one goroutine that owns an LRU, behind a channel",
		NewActor[string, *caches.Item], NewActor[uint64, *caches.Item])
	s.Policy, s.Fit = "LRU", 1
	return s
}

// RingSpec describes the pool behind parking rings.
func RingSpec() caches.Spec {
	return spec("workerpoolring", "one worker for every P, each with its LRU, behind MPMC rings that park",
		NewRing[string, *caches.Item], NewRing[uint64, *caches.Item])
}

// SpinSpec describes the pool behind spinning rings.
func SpinSpec() caches.Spec {
	return spec("workerpoolspin", "one worker for every P, each with its LRU, behind MPMC rings; both ends spin before they park",
		NewSpin[string, *caches.Item], NewSpin[uint64, *caches.Item])
}

func spec(
	name, about string,
	forString func(int) (caches.Cache[string, *caches.Item], error),
	forUint64 func(int) (caches.Cache[uint64, *caches.Item], error),
) caches.Spec {
	return caches.Spec{
		Name:    name,
		About:   about,
		Sync:    caches.HandOff,
		Policy:  "LRU by worker",
		Bounded: true,
		Strict:  true,
		Fit:     .5,
		String:  forString,
		Uint64:  forUint64,
	}
}

// NewChannel returns an empty cache that holds at most capacity entries,
// behind channels. As with its sisters, the number of workers is the present
// GOMAXPROCS, or fewer where capacity would not give each 128 entries; the
// cache is a [caches.Updater], whose f runs on a worker; its panic, or Goexit,
// is carried to the caller. After Close the cache is as an empty one that keeps
// nothing.
func NewChannel[K comparable, V any](capacity int) (caches.Cache[K, V], error) {
	return start(capacity, 0, func() queue[*call[K, V]] {
		return make(channel[*call[K, V]], queued)
	})
}

// NewActor is NewChannel with a single worker, whatever GOMAXPROCS: the cache's
// one owner.
func NewActor[K comparable, V any](capacity int) (caches.Cache[K, V], error) {
	return startWorkers(capacity, 1, 0, func() queue[*call[K, V]] {
		return make(channel[*call[K, V]], queued)
	})
}

// NewRing is NewChannel with parking rings in place of channels.
func NewRing[K comparable, V any](capacity int) (caches.Cache[K, V], error) {
	return start(capacity, 0, func() queue[*call[K, V]] {
		return mpmc.New[*call[K, V]](queued, mpmc.Park)
	})
}

// NewSpin is NewChannel with spinning rings in place of channels. Workers and
// callers yield and look again, and park only after [mpmc.Yields] of that.
func NewSpin[K comparable, V any](capacity int) (caches.Cache[K, V], error) {
	return start(capacity, mpmc.Yields, func() queue[*call[K, V]] {
		return mpmc.New[*call[K, V]](queued, mpmc.Spin)
	})
}

// queue hands calls to a worker, in order. [mpmc.Ring] and channel are ones.
type queue[T any] interface {
	Push(T) bool
	Pop() (T, bool)
	Close()
}

type channel[T any] chan T

func (c channel[T]) Push(v T) bool  { c <- v; return true }
func (c channel[T]) Pop() (T, bool) { v, ok := <-c; return v, ok }
func (c channel[T]) Close()         { close(c) }

type operation int

const (
	get operation = iota
	set
	update
	remove
	length
)

// call is one operation on its way. The caller owns it until Push and again
// from the receive on done; between them it is the worker's. The queue
// publishes it to the worker, done publishes it back.
type call[K comparable, V any] struct {
	op    operation
	key   K
	value V // argument or result
	ok    bool
	f     func(old V, ok bool) V
	n     int

	// How f ended, if it did not return: it panicked with the value, or called
	// [runtime.Goexit]. A panic with nil has a value too, of the runtime's.
	panicked any
	exited   bool

	// done has room for one, so that the worker never waits for the caller.
	// It outlives the operation: calls are reused.
	done chan struct{}
}

type cache[K comparable, V any] struct {
	// All fields are set by start and only read afterwards.
	seed   maphash.Seed
	queues []queue[*call[K, V]] // one for each worker
	yields int                  // of a caller before it parks
	calls  *sync.Pool           // of *call[K, V], zero but for done
	close  func()               // ends all workers and waits for them
	closed *atomic.Bool         // set before that
}

func start[K comparable, V any](capacity int, yields int, newQueue func() queue[*call[K, V]]) (caches.Cache[K, V], error) {
	return startWorkers(capacity, workerCount(capacity, runtime.GOMAXPROCS(0)), yields, newQueue)
}

// startWorkers starts n of them.
func startWorkers[K comparable, V any](capacity, n, yields int, newQueue func() queue[*call[K, V]]) (caches.Cache[K, V], error) {
	if err := caches.CheckCapacity(capacity); err != nil {
		return nil, err
	}
	c := &cache[K, V]{
		seed:   maphash.MakeSeed(),
		queues: make([]queue[*call[K, V]], n),
		yields: yields,
		closed: new(atomic.Bool),
		calls:  &sync.Pool{New: func() any { return &call[K, V]{done: make(chan struct{}, 1)} }},
	}
	var workers sync.WaitGroup
	for i := range c.queues {
		share := capacity / n
		if i < capacity%n {
			share++ // the shares add up to capacity
		}
		q := newQueue()
		c.queues[i] = q
		l := lru.New[K, V](share)
		var serve func()
		serve = func() { work(q, l, func() { workers.Go(serve) }) }
		workers.Go(serve)
	}
	c.close = sync.OnceFunc(func() {
		c.closed.Store(true)
		for _, q := range c.queues {
			q.Close()
		}
		workers.Wait()
	})
	return c, nil
}

func workerCount(capacity, procs int) int {
	return max(1, min(procs, capacity/minShare))
}

// work serves q until it is closed. l is this goroutine's alone. Where an
// Update's f ends the goroutine, another takes its place by successor.
func work[K comparable, V any](q queue[*call[K, V]], l *lru.LRU[K, V], successor func()) {
	var c *call[K, V]
	defer func() {
		if c != nil && c.exited {
			successor()
			c.done <- struct{}{}
		}
	}()
	for {
		var ok bool
		if c, ok = q.Pop(); !ok {
			return
		}
		switch c.op {
		case get:
			c.value, c.ok = l.Get(c.key)
		case set:
			l.Set(c.key, c.value)
		case update:
			c.update(l)
		case remove:
			l.Delete(c.key)
		case length:
			c.n = l.Len()
		}
		c.done <- struct{}{}
	}
}

// update notes how f ended. It recovers from a panic; nothing stops a Goexit.
func (c *call[K, V]) update(l *lru.LRU[K, V]) {
	returned := false
	defer func() {
		if !returned {
			c.panicked = recover()
			c.exited = c.panicked == nil
		}
	}()
	c.value = l.Update(c.key, c.f)
	returned = true
}

// of is the queue of the worker that owns key: equal ranges of the hash.
func (c *cache[K, V]) of(key K) queue[*call[K, V]] {
	i, _ := bits.Mul64(maphash.Comparable(c.seed, key), uint64(len(c.queues)))
	return c.queues[i]
}

// do hands over the operation that request describes, and returns it served.
func (c *cache[K, V]) do(q queue[*call[K, V]], request call[K, V]) call[K, V] {
	if c.closed.Load() {
		return call[K, V]{}
	}
	p := c.calls.Get().(*call[K, V])
	request.done = p.done
	*p = request
	q.Push(p)
	c.await(p.done)
	served := *p
	*p = call[K, V]{done: p.done} // keep no key or value alive
	c.calls.Put(p)
	return served
}

// await returns when the worker has served the call.
func (c *cache[K, V]) await(done chan struct{}) {
	for range c.yields {
		select {
		case <-done:
			return
		default:
			runtime.Gosched()
		}
	}
	<-done
}

func (c *cache[K, V]) Get(key K) (V, bool) {
	served := c.do(c.of(key), call[K, V]{op: get, key: key})
	return served.value, served.ok
}

func (c *cache[K, V]) Set(key K, value V) {
	c.do(c.of(key), call[K, V]{op: set, key: key, value: value})
}

func (c *cache[K, V]) Update(key K, f func(old V, ok bool) V) V {
	served := c.do(c.of(key), call[K, V]{op: update, key: key, f: f})
	switch {
	case served.panicked != nil:
		panic(served.panicked)
	case served.exited:
		runtime.Goexit()
	}
	return served.value
}

func (c *cache[K, V]) Delete(key K) {
	c.do(c.of(key), call[K, V]{op: remove, key: key})
}

// Len asks the workers one after another.
func (c *cache[K, V]) Len() int {
	n := 0
	for _, q := range c.queues {
		n += c.do(q, call[K, V]{op: length}).n
	}
	return n
}

func (c *cache[K, V]) Close() error {
	c.close()
	return nil
}
