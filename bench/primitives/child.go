// Package primitives measures what caches and programs are made of: channels
// and rings, padding, locks, flags, read-mostly maps, allocation, snapshots and
// subscription tries. Each row compares several structures doing the same
// operations; rows is the list of them.
//
// A row runs a fixed number of operations, shared out among goroutines that
// start together and are all awaited, and is checked afterwards: what was sent
// was received, what was counted adds up, what was read was right. A sweep runs
// each cell in a process of its own ([Family]); the same rows
// run as Go benchmarks.
package primitives

import (
	"fmt"
	"runtime"
	"time"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
)

// run finds out how many operations fill the window, which warms up as well, and
// measures as many on a fresh structure.
func (c *cell) run(facts *host.Facts, probe bench.Probe, w bench.Window) (p bench.Printed, err error) {
	r, _ := lookup(c.Row)
	i, ok := r.impl(c.Impl)
	if !ok {
		return p, fmt.Errorf("row %q with %q is not in this program", c.Row, c.Impl)
	}
	n, warmup, err := c.operations(i)
	if err != nil {
		return p, err
	}
	if c.Open {
		return c.runOpen(i, float64(n)/c.Time.Seconds(), facts, probe, w)
	}
	if err := probe.Start(w); err != nil {
		return p, err
	}
	m := bench.NewMeter(facts)
	failed := i.job(c.conditions(), n).do(m.Begin, m.End)
	seen, err := probe.Stop()
	if failed != nil {
		return p, failed
	}
	if err != nil {
		return p, err
	}
	values := append(m.Values(n), sample.Value{Unit: "warmup-s", V: warmup.Seconds()})
	if units := c.HoldUnits + c.ThinkUnits; units > 0 {
		values = append(values, sample.Value{Unit: "work-ns/op", V: family.MeasureWork(units)})
	}
	return bench.Printed{Procs: runtime.GOMAXPROCS(0), Results: []bench.Result{{
		Iters: n, Values: append(values, seen.Values...), Warnings: seen.Warnings, Attachments: seen.Attachments,
	}}}, nil
}

// Operations are found by growing their number until they take a good part of
// the window: by at most mostGrowth, for few say little of many.
const (
	firstOps   = 1000
	mostGrowth = 20
	goodPart   = 0.5
)

// operations is how many fill the window on this host now, and how long it took
// to find out.
func (c *cell) operations(i impl) (n int, took time.Duration, err error) {
	began := time.Now()
	for n = firstOps; ; {
		var start time.Time
		var d time.Duration
		err := i.job(c.conditions(), n).do(func() { start = time.Now() }, func() { d = time.Since(start) })
		if err != nil {
			return 0, 0, err
		}
		growth := min(mostGrowth, float64(c.Time)/float64(max(d, 1)))
		next := max(firstOps, int(growth*float64(n)))
		if float64(d) >= goodPart*float64(c.Time) {
			return next, time.Since(began), nil
		}
		n = max(n+1, next)
	}
}
