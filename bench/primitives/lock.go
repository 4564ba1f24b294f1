package primitives

import (
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/cpu"
)

// barging is a mutex that never hands itself over: whoever comes first after an
// Unlock gets it, however long others have waited. It is what sync.Mutex would
// be without its starvation mode, and there to tell that mode's cost apart from
// the cost of locking. After Drepper's "Futexes Are Tricky" (2011), mutex2,
// with a channel of capacity 1 in place of the futex: a token in it is a wake-up
// that no one has taken yet, so none is lost.
type barging struct {
	state atomic.Int32 // free, held, or held with others (possibly) waiting
	wake  chan struct{}
}

const (
	free = iota
	held
	awaited
)

func newBarging() *barging { return &barging{wake: make(chan struct{}, 1)} }

func (b *barging) Lock() {
	if b.state.CompareAndSwap(free, held) {
		return
	}
	// Whoever was woken leaves the state at awaited, for it cannot know that it
	// was the last: its Unlock wakes the next.
	for b.state.Swap(awaited) != free {
		<-b.wake
	}
}

// Unlock publishes what was written under the lock by its Swap, which the next
// owner's compare-and-swap or Swap reads.
func (b *barging) Unlock() {
	if b.state.Swap(free) == awaited {
		select {
		case b.wake <- struct{}{}:
		default: // a wake-up is on its way already
		}
	}
}

// spin is a lock that never parks: it yields its P after every few tries, for
// with more Ps than CPUs the owner may be off its CPU.
type spin struct{ held atomic.Bool }

func (s *spin) Lock() {
	for {
		for range 30 {
			if !s.held.Load() && s.held.CompareAndSwap(false, true) {
				return
			}
		}
		runtime.Gosched()
	}
}

func (s *spin) Unlock() { s.held.Store(false) }

// token is a lock made of a channel: whoever could send holds it.
type token chan struct{}

func (t token) Lock()   { t <- struct{}{} }
func (t token) Unlock() { <-t }

// locking are the implementations of a lock row, with as many goroutines as
// crowd says.
func locking(crowd func(conditions) int) []impl {
	with := func(name string, newLock func() sync.Locker) impl {
		return impl{name, func(c conditions, n int) *job { return count(newLock(), share(c, crowd(c), n), n) }}
	}
	return []impl{
		with("mutex", func() sync.Locker { return new(sync.Mutex) }),
		with("barging", func() sync.Locker { return newBarging() }),
		with("rwmutex", func() sync.Locker { return new(sync.RWMutex) }),
		with("channel", func() sync.Locker { return make(token, 1) }),
		with("spin", func() sync.Locker { return new(spin) }),
	}
}

// count counts to n under a lock.
func count(l sync.Locker, ws []*worker, n int) *job {
	var counter struct {
		_     cpu.CacheLinePad
		value int // guarded by l
		_     cpu.CacheLinePad
	}
	return each(ws, func(w *worker) {
		for range w.n {
			w.Think()
			l.Lock()
			counter.value++
			w.Hold()
			l.Unlock()
			w.done++
		}
	}, func() error { return equal("counted under the lock", counter.value, n) })
}

// guarded is a counter that one goroutine counts up, in the two ways in which a
// method may unlock.
type guarded struct {
	mu    sync.Mutex
	value int // guarded by mu
}

//go:noinline
func (g *guarded) plain(w *worker) {
	g.mu.Lock()
	g.value++
	w.Hold()
	g.mu.Unlock()
}

//go:noinline
func (g *guarded) deferred(w *worker) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.value++
	w.Hold()
}

// unlocking are the implementations of the row on defer.
func unlocking() []impl {
	with := func(name string, add func(*guarded, *worker)) impl {
		return impl{name, func(c conditions, n int) *job {
			g := new(guarded)
			return each(share(c, 1, n), func(w *worker) {
				for range w.n {
					w.Think()
					add(g, w)
					w.done++
				}
			}, func() error { return equal("counted under the lock", g.value, n) })
		}}
	}
	return []impl{with("plain", (*guarded).plain), with("defer", (*guarded).deferred)}
}
