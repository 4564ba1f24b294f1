package primitives

import (
	"sync/atomic"

	"github.com/contend-go/contend/caches/mpmc"
)

// queue hands items from producers to consumers. [mpmc.Ring] is one.
type queue interface {
	Push(uint64) bool // waits for room
	Pop() (uint64, bool)
	Close() // after the last Push
}

// channel is Go's own.
type channel chan uint64

func (c channel) Push(v uint64) bool { c <- v; return true }

func (c channel) Pop() (uint64, bool) {
	v, ok := <-c
	return v, ok
}

func (c channel) Close() { close(c) }

// The queues that rows compare, by name.
var queues = map[string]func(capacity int) queue{
	"channel":   func(n int) queue { return make(channel, n) },
	"ring":      func(n int) queue { return mpmc.New[uint64](n, mpmc.Park) },
	"ring-spin": func(n int) queue { return mpmc.New[uint64](n, mpmc.Spin) },
	"padded":    func(n int) queue { return mpmc.New[uint64](n, mpmc.Park) },
	"unpadded":  func(n int) queue { return mpmc.NewUnpadded[uint64](n, mpmc.Park) },
}

// passing are the rows' implementations that hand n items through a queue of
// the given capacity.
func passing(producers, consumers, capacity int, names ...string) []impl {
	var list []impl
	for _, name := range names {
		list = append(list, impl{name, func(c conditions, n int) *job {
			return pass(queues[name](capacity), producers, consumers, c, n)
		}})
	}
	return list
}

// pass hands the numbers 1 to n from producers to consumers. The last producer
// to finish closes the queue; a consumer ends when the queue is closed and
// empty. What was sent must have been received, each item once.
func pass(q queue, producers, consumers int, c conditions, n int) *job {
	senders, receivers := share(c, producers, n), share(c, consumers, n)
	var sending atomic.Int64
	sending.Store(int64(producers))
	j := each(senders, func(w *worker) {
		for i := range w.n {
			w.Think()
			v := uint64(w.first + i + 1)
			if !q.Push(v) {
				break // closed by someone else: the count will tell
			}
			w.done++
			w.sum += v
		}
		if sending.Add(-1) == 0 {
			q.Close()
		}
	}, func() error {
		return all(
			equal("items received", total(receivers), n),
			equal("sum of the items received", sum(receivers), sum(senders)))
	})
	for _, w := range receivers {
		j.goroutines = append(j.goroutines, func() {
			for {
				v, ok := q.Pop()
				if !ok {
					return
				}
				w.Hold()
				w.done++
				w.sum += v
			}
		})
	}
	return j
}
