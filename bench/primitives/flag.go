package primitives

import (
	"sync"
	"sync/atomic"
)

// A flag that is flipped: each loop stands for itself, for at a nanosecond per
// operation a call through an interface would be most of what is measured.

// flipping are the implementations of a row in which every operation flips one
// flag, and learns what it was.
func flipping(crowd func(conditions) int) []impl {
	return []impl{
		{"mutex", func(c conditions, n int) *job {
			var mu sync.Mutex
			var up bool // guarded by mu
			ws := share(c, crowd(c), n)
			return each(ws, func(w *worker) {
				for range w.n {
					w.Think()
					mu.Lock()
					was := up
					up = !was
					mu.Unlock()
					w.see(was)
				}
			}, func() error { return flipped(up, ws, n) })
		}},
		{"channel", func(c conditions, n int) *job {
			box := make(chan bool, 1) // who has taken the flag out may change it
			box <- false
			ws := share(c, crowd(c), n)
			return each(ws, func(w *worker) {
				for range w.n {
					w.Think()
					was := <-box
					box <- !was
					w.see(was)
				}
			}, func() error { return flipped(<-box, ws, n) })
		}},
		{"atomic", func(c conditions, n int) *job {
			var flips atomic.Uint64 // the flag is its lowest bit
			ws := share(c, crowd(c), n)
			return each(ws, func(w *worker) {
				for range w.n {
					w.Think()
					w.see(flips.Add(1)&1 == 0)
				}
			}, func() error { return flipped(flips.Load()&1 == 1, ws, n) })
		}},
	}
}

// see counts an operation, and adds up the flags that were seen up.
func (w *worker) see(up bool) {
	if up {
		w.sum++
	}
	w.done++
}

// flipped checks the flag after n flips from down: every second one found it up.
func flipped(up bool, ws []*worker, n int) error {
	return all(
		equal("the flag at the end", up, n%2 == 1),
		equal("flips that found it up", sum(ws), uint64(n/2)))
}

// flagReading are the implementations of a row in which every operation reads a
// flag that is up.
func flagReading(crowd func(conditions) int) []impl {
	seen := func(ws []*worker, n int) func() error {
		return func() error { return equal("reads that saw the flag up", sum(ws), uint64(n)) }
	}
	return []impl{
		{"mutex", func(c conditions, n int) *job {
			var mu sync.Mutex
			up := true // guarded by mu
			ws := share(c, crowd(c), n)
			return each(ws, func(w *worker) {
				for range w.n {
					w.Think()
					mu.Lock()
					is := up
					mu.Unlock()
					w.see(is)
				}
			}, seen(ws, n))
		}},
		{"rwmutex", func(c conditions, n int) *job {
			var mu sync.RWMutex
			up := true // guarded by mu
			ws := share(c, crowd(c), n)
			return each(ws, func(w *worker) {
				for range w.n {
					w.Think()
					mu.RLock()
					is := up
					mu.RUnlock()
					w.see(is)
				}
			}, seen(ws, n))
		}},
		{"atomic", func(c conditions, n int) *job {
			var up atomic.Bool
			up.Store(true)
			ws := share(c, crowd(c), n)
			return each(ws, func(w *worker) {
				for range w.n {
					w.Think()
					w.see(up.Load())
				}
			}, seen(ws, n))
		}},
	}
}
