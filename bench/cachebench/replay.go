package cachebench

import (
	"fmt"
	"sync"
	"time"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/cachebench/workload"
	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/caches"
)

// A replay is fixed work: whole laps over the trace, each on a cache of its
// own that starts empty, so that the hit ratio is the trace's and not a matter
// of time. There are as many laps as fill the window, within these bounds.
const (
	maxLaps       = 64
	maxLapEntries = 1 << 22 // entries of all laps' caches together
)

// parallelBatch is how many requests one of several goroutines claims at a time,
// with a shared cursor or, in the control, one of its own. It is a compromise:
// claiming one by one would be most of what is measured, and larger batches
// change the order of the trace, and by it the hit ratio (see workload.Cursor).
const parallelBatch = 16

// replay is a trace on its way through caches.
type replay[K workload.Key] struct {
	cell           cell
	trace          *workload.Trace
	stored, lookup []K
	items          []caches.Item
	make           func(capacity int) (caches.Cache[K, *caches.Item], error)
	caches         []caches.Cache[K, *caches.Item] // all that were made, to be closed
}

func newReplay[K workload.Key](c cell, make func(int) (caches.Cache[K, *caches.Item], error)) (*replay[K], error) {
	trace, err := workload.OpenTrace(c.Input, workload.Auto)
	if err != nil {
		return nil, err
	}
	if now := trace.Content(); now != c.Content {
		return nil, fmt.Errorf("%s: not the trace that was planned (content %s, now %s): choose another --out for it", c.Input, c.Content, now)
	}
	p := &replay[K]{cell: c, trace: trace, make: make, items: newItems(len(trace.IDs), workload.Bucket{Limit: tokens})}
	p.stored, p.lookup = workload.TraceKeys[K](trace)
	return p, nil
}

// measure replays the trace once to see how long it takes, and then as many
// laps as fill the window.
func (p *replay[K]) measure(facts *host.Facts, probe bench.Probe, w bench.Window) (rep report, err error) {
	began := time.Now()
	if _, err := p.laps(1, facts, bench.Blind{}, w); err != nil {
		return rep, err
	}
	once := time.Since(began)
	n := int(p.cell.Time/max(once, 1)) + 1
	entries := p.cell.Capacity
	if !p.cell.Shared {
		entries *= p.cell.goroutines(p.cell.Procs)
	}
	n = max(1, min(n, maxLaps, maxLapEntries/entries))
	if rep, err = p.laps(n, facts, probe, w); err != nil {
		return rep, err
	}
	rep.results[0].add("warmup-s", once.Seconds())
	return rep, nil
}

// laps replays the trace n times.
func (p *replay[K]) laps(n int, facts *host.Facts, probe bench.Probe, w bench.Window) (rep report, err error) {
	teams := 1 // each with a cursor, and a cache for each lap
	size := p.cell.goroutines(p.cell.Procs)
	if !p.cell.Shared {
		teams, size = size, 1
	}
	batch := parallelBatch
	if p.cell.goroutines(p.cell.Procs) == 1 {
		batch = 256 // one goroutine sees the exact order at any batch
	}
	var workers []*worker[K]
	var done sync.WaitGroup
	start := make(chan struct{})
	for range teams {
		cursor := p.trace.Cursor(batch)
		lapCaches, err := p.newCaches(n)
		if err != nil {
			return rep, err
		}
		for range size {
			w := &worker[K]{stored: p.stored, lookup: p.lookup, items: p.items, units: p.cell.WorkUnits}
			workers = append(workers, w)
			done.Go(func() {
				<-start
				w.follow(cursor, lapCaches)
			})
		}
	}
	c := &crew[K]{workers: workers}
	if err := probe.Start(w); err != nil {
		close(start)
		done.Wait()
		return rep, err
	}
	m := bench.NewMeter(facts)
	m.Begin()
	before := c.counts()
	close(start)
	done.Wait()
	after := c.counts()
	m.End()
	rep.seen, err = probe.Stop()
	rep.results = []result{newResult(m, before, after)}
	if wall := m.Wall(); wall < p.cell.Time/2 {
		rep.warn("a short trace: %d laps of it took %v of the %v asked for", n, wall.Round(time.Millisecond/10), p.cell.Time)
	}
	if w := workers[0]; len(p.caches) > 0 {
		audit(p.caches[len(p.caches)-1], p.cell.Capacity, w.stored, w.lookup, w.items, &rep)
	}
	return rep, err
}

func (p *replay[K]) newCaches(n int) (made []caches.Cache[K, *caches.Item], err error) {
	for range n {
		c, err := p.make(p.cell.Capacity)
		if err != nil {
			return nil, err
		}
		made = append(made, c)
	}
	p.caches = append(p.caches, made...)
	return made, nil
}

// follow replays what the cursor hands out, each lap on its own cache.
func (w *worker[K]) follow(cursor *workload.Cursor, laps []caches.Cache[K, *caches.Item]) {
	for {
		requests, lap := cursor.Claim()
		if lap >= len(laps) {
			return
		}
		w.cache = laps[lap]
		for _, op := range requests {
			w.request(op.Index())
			if w.units > 0 {
				w.work = family.Work(w.units, w.work)
			}
		}
		w.tally.ops += uint64(len(requests))
		w.publish()
	}
}
