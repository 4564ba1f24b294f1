package cachebench

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/cachebench/workload"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/caches"
)

// measure measures a cell in this process.
func measure(specs []caches.Spec, c cell, facts *host.Facts, probe bench.Probe, w bench.Window) (p bench.Printed, err error) {
	spec, err := find(specs, c.Backend)
	if err != nil {
		return p, err
	}
	if c.Tour != nil {
		w.Planned = time.Duration(len(c.Tour)) * (c.Time + minWarmup)
	}
	goroutines := runtime.NumGoroutine()
	var rep report
	if c.KeyType == "uint64" {
		rep, err = run(c, spec.Uint64, facts, goroutines, probe, w)
	} else {
		rep, err = run(c, spec.String, facts, goroutines, probe, w)
	}
	if err != nil {
		return p, err
	}
	return rep.printed(w.Name), nil
}

// run measures the cell with keys of type K.
func run[K workload.Key](c cell, make func(int) (caches.Cache[K, *caches.Item], error), facts *host.Facts, goroutines int, probe bench.Probe, w bench.Window) (rep report, err error) {
	if make == nil {
		return rep, fmt.Errorf("backend %s has no constructor for %s keys", c.Backend, c.KeyType)
	}
	var made []caches.Cache[K, *caches.Item]
	if c.Workload == "replay" {
		p, err := newReplay(c, make)
		if err != nil {
			return rep, err
		}
		rep, err = p.measure(facts, probe, w)
		if err != nil {
			return rep, err
		}
		made = p.caches
	} else {
		r, err := newRig(c, make)
		if err != nil {
			return rep, err
		}
		switch {
		case c.Tour != nil:
			rep, err = r.tour(facts, probe, w)
		case c.Open:
			rep, err = r.measureOpen(facts, probe, w)
		default:
			rep, err = r.measure(facts, probe, w)
		}
		if err != nil {
			return rep, err
		}
		made = r.caches
	}
	if err := closeAll(made, goroutines, patience); err != nil {
		rep.warn("%v", err)
	}
	return rep, nil
}

// patience is how long goroutines may take to end after Close: on a busy host, long.
const patience = 10 * time.Second

// closeAll closes the caches, and reports goroutines that outlive them by patience.
func closeAll[K workload.Key](made []caches.Cache[K, *caches.Item], goroutines int, patience time.Duration) error {
	for _, c := range made {
		if err := c.Close(); err != nil {
			return err
		}
	}
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		left := runtime.NumGoroutine() - goroutines
		if left <= 0 {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("%d goroutines outlive Close", left)
		}
	}
}

// printed is the report as the protocol of [bench.Cell] has it. The steps of a
// tour have the cell's name at their own GOMAXPROCS.
func (rep report) printed(cell string) bench.Printed {
	p := bench.Printed{Procs: runtime.GOMAXPROCS(0)}
	name, _ := sample.ParseName(cell)
	for _, res := range rep.results {
		values := slices.Concat(res.values, rep.seen.Values, rep.seen.Marked[stepLabel(res.procs)])
		p.Results = append(p.Results, bench.Result{Name: name.With(sample.GOMAXPROCS, strconv.Itoa(res.procs)), Iters: res.ops, Values: values})
	}
	// What the whole process has to say stands with its first line.
	first := &p.Results[0]
	first.Warnings = append(rep.warnings, rep.seen.Warnings...)
	first.Attachments = rep.seen.Attachments
	return p
}
