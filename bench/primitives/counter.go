package primitives

import (
	"sync/atomic"

	"golang.org/x/sys/cpu"
)

// counter is one goroutine's own. Pad is a cache line or nothing, and the one
// difference between the two implementations of the row on false sharing.
type counter[Pad any] struct {
	_     Pad
	value atomic.Uint64
}

// countingApart are the implementations of the row in which every goroutine,
// one for each P, counts for itself, and no two share anything but cache lines.
func countingApart() []impl {
	return []impl{
		{"padded", countApart[cpu.CacheLinePad]},
		{"unpadded", countApart[[0]byte]},
	}
}

func countApart[Pad any](c conditions, n int) *job {
	workers := max(2, c.procs)
	if c.open {
		workers = crowd(c)
	}
	ws := share(c, workers, n)
	counters := make([]counter[Pad], len(ws))
	return each(ws, func(w *worker) {
		mine := &counters[w.id].value
		for range w.n {
			w.Think()
			mine.Add(1)
			w.done++
		}
	}, func() error {
		for i, w := range ws {
			if err := equal("counted by one goroutine", counters[i].value.Load(), uint64(w.n)); err != nil {
				return err
			}
		}
		return nil
	})
}
