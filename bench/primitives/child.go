// Package primitives measures what caches and programs are made of: channels
// and rings, padding, locks, flags, read-mostly maps, allocation, snapshots and
// subscription tries. Each row compares several structures doing the same
// operations; rows is the list of them.
//
// A row runs a fixed number of operations, shared out among goroutines that
// start together and are all awaited, and is checked afterwards: what was sent
// was received, what was counted adds up, what was read was right. A sweep runs
// each cell in a process of its own ([Options.Plan], [RunCell]); the same rows
// run as Go benchmarks.
package primitives

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/cachebench/workload"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
)

// RunCell measures a cell and ends the process, if the harness started this
// process for that; otherwise it returns at once. A program that sweeps rows
// calls it first thing in main.
func RunCell(probes bench.Probes) {
	if _, ok := os.LookupEnv(cellVar); !ok {
		return
	}
	if err := runCell(probes, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func runCell(probes bench.Probes, out io.Writer) error {
	c, ok := decode(os.Environ())
	if !ok {
		return fmt.Errorf("%s holds no cell", cellVar)
	}
	r, _ := lookup(c.Row)
	i, ok := r.impl(c.Impl)
	if !ok {
		return fmt.Errorf("row %q with %q is not in this program", c.Row, c.Impl)
	}
	probe, err := probes.New(c.Probe)
	if err != nil {
		return fmt.Errorf("cell %s: %w", c.name(), err)
	}
	facts := host.Read()
	s, err := c.measure(i, &facts, probe)
	if err != nil {
		return fmt.Errorf("cell %s: %w", c.name(), err)
	}
	return bench.Printed{Procs: runtime.GOMAXPROCS(0), Results: []bench.Result{s}}.Write(out)
}

// measure finds out how many operations fill the window, which warms up as
// well, and measures as many on a fresh structure.
func (c cell) measure(i impl, facts *host.Facts, probe bench.Probe) (s bench.Result, err error) {
	n, warmup, err := c.operations(i)
	if err != nil {
		return s, err
	}
	w := bench.Window{
		Name: c.name(), Procs: c.Procs, Planned: c.Time,
		Dir: os.Getenv("CONTEND_DIR"), Prefix: os.Getenv("CONTEND_PREFIX"),
	}
	if err := probe.Start(w); err != nil {
		return s, err
	}
	m := bench.NewMeter(facts)
	failed := i.job(c.conditions(), n).do(m.Begin, m.End)
	seen, err := probe.Stop()
	if failed != nil {
		return s, failed
	}
	if err != nil {
		return s, err
	}
	s.Name, _ = sample.ParseName(c.name())
	s.Iters, s.Values, s.Warnings, s.Attachments = n, m.Values(n), seen.Warnings, seen.Attachments
	s.Values = append(s.Values, sample.Value{Unit: "warmup-s", V: warmup.Seconds()})
	if units := c.HoldUnits + c.ThinkUnits; units > 0 {
		s.Values = append(s.Values, sample.Value{Unit: "work-ns/op", V: workload.MeasureWork(units)})
	}
	s.Values = append(s.Values, seen.Values...)
	return s, nil
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
func (c cell) operations(i impl) (n int, took time.Duration, err error) {
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
