package primitives

import (
	"sync"
	"sync/atomic"
)

// setSize is how many different keys a set row adds, over and over.
const setSize = 1024

// adding are the implementations of a row in which every operation adds a key
// to a set. With channels, a goroutine of its own keeps the set, and who adds
// gets no answer; it is awaited, so its work is in the measurement.
func adding(crowd func(conditions) int) []impl {
	return []impl{
		{"mutex", func(c conditions, n int) *job {
			var mu sync.Mutex
			set := map[uint64]int{} // guarded by mu; how often each key was added
			return each(share(c, crowd(c), n), func(w *worker) {
				for i := range w.n {
					w.Think()
					mu.Lock()
					set[uint64(w.first+i)%setSize]++
					mu.Unlock()
					w.done++
				}
			}, func() error { return added(set, n) })
		}},
		{"channel", func(c conditions, n int) *job { return owned(setSize, share(c, crowd(c), n), n) }},
		{"unbuffered", func(c conditions, n int) *job { return owned(0, share(c, crowd(c), n), n) }},
	}
}

// owned is a set that one goroutine keeps, and others send keys to.
func owned(buffer int, ws []*worker, n int) *job {
	keys := make(chan uint64, buffer)
	set := map[uint64]int{} // owned by the keeper; its return publishes it to the check
	var adding atomic.Int64
	adding.Store(int64(len(ws)))
	j := each(ws, func(w *worker) {
		for i := range w.n {
			w.Think()
			keys <- uint64(w.first+i) % setSize
			w.done++
		}
		if adding.Add(-1) == 0 {
			close(keys)
		}
	}, func() error { return added(set, n) })
	j.goroutines = append(j.goroutines, func() {
		for k := range keys {
			set[k]++
		}
	})
	return j
}

// added checks the set after the keys 0 to n−1, modulo its size, were added.
func added(set map[uint64]int, n int) error {
	times := 0
	for _, k := range set {
		times += k
	}
	return all(equal("keys in the set", len(set), min(n, setSize)), equal("keys added", times, n))
}
