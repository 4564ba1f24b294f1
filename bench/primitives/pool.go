package primitives

import "sync"

// message is what the allocation row makes for every operation: 256 bytes, of
// which every cache line is written.
type message struct{ body [32]uint64 }

func (m *message) fill(v uint64) {
	for i := 0; i < len(m.body); i += 8 {
		m.body[i] = v
	}
}

// mailbox keeps a worker's last message reachable, so that it must be on the
// heap: an allocation that nobody could see would be removed whole.
type mailbox struct{ last *message }

// allocating are the implementations of the row on allocation: 10 goroutines,
// as published.
func allocating() []impl {
	const goroutines = 10
	boxed := func(get func() *message, put func(*message)) func(c conditions, n int) *job {
		return func(c conditions, n int) *job {
			ws := share(c, goroutines, n)
			boxes := make([]*mailbox, goroutines)
			for i := range boxes {
				boxes[i] = new(mailbox)
			}
			return each(ws, func(w *worker) {
				box := boxes[w.id]
				for i := range w.n {
					w.Think()
					m := get()
					m.fill(uint64(w.first + i))
					w.Hold()
					w.sum += m.body[8] // written in this operation
					box.last = m
					put(m)
					w.done++
				}
			}, func() error {
				return equal("sum of what was written", sum(ws), uint64(n)*uint64(max(n-1, 0))/2)
			})
		}
	}
	return []impl{
		{"new", boxed(func() *message { return new(message) }, func(*message) {})},
		{"pool", func(c conditions, n int) *job {
			pool := sync.Pool{New: func() any { return new(message) }}
			return boxed(func() *message { return pool.Get().(*message) }, func(m *message) { pool.Put(m) })(c, n)
		}},
	}
}
