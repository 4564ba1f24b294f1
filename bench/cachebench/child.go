package cachebench

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/cachebench/workload"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/caches"
)

// RunCell measures a cell and ends the process, if the harness started this
// process for that; otherwise it returns at once. A program that sweeps caches
// calls it first thing in main.
func RunCell(specs []caches.Spec, probes bench.Probes) {
	text, ok := os.LookupEnv(cellVar)
	if !ok {
		return
	}
	if err := runCell(text, specs, probes, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func runCell(text string, specs []caches.Spec, probes bench.Probes, out io.Writer) error {
	var c cell
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return fmt.Errorf("%s: %w", cellVar, err)
	}
	spec, err := find(specs, c.Backend)
	if err != nil {
		return err
	}
	probe, err := probes.New(c.Probe)
	if err != nil {
		return fmt.Errorf("cell %s: %w", c.name(c.Procs), err)
	}
	w := bench.Window{
		Name: c.name(c.Procs), Procs: c.Procs, Planned: c.Time,
		Dir: os.Getenv("CONTEND_DIR"), Prefix: os.Getenv("CONTEND_PREFIX"),
	}
	if c.Tour != nil {
		w.Planned = time.Duration(len(c.Tour)) * (c.Time + minWarmup)
	}
	facts := host.Read()
	goroutines := runtime.NumGoroutine()
	var rep report
	if c.KeyType == "uint64" {
		rep, err = run(c, spec.Uint64, &facts, goroutines, probe, w)
	} else {
		rep, err = run(c, spec.String, &facts, goroutines, probe, w)
	}
	if err != nil {
		return err
	}
	return rep.print(out, c)
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
		if c.Tour != nil {
			rep, err = r.tour(facts, probe, w)
		} else {
			rep, err = r.measure(facts, probe, w)
		}
		if err != nil {
			return rep, err
		}
		made = r.caches
	}
	if err := closeAll(made, goroutines); err != nil {
		rep.warn("%v", err)
	}
	return rep, nil
}

// closeAll closes the caches, and reports goroutines that outlive them.
func closeAll[K workload.Key](made []caches.Cache[K, *caches.Item], goroutines int) error {
	for _, c := range made {
		if err := c.Close(); err != nil {
			return err
		}
	}
	const patience = time.Second
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

// print writes what the protocol of bench.Cell asks for.
func (rep report) print(out io.Writer, c cell) error {
	p := bench.Printed{Procs: runtime.GOMAXPROCS(0)}
	for _, res := range rep.results {
		name, _ := sample.ParseName(c.name(res.procs))
		values := slices.Concat(res.values, rep.seen.Values, rep.seen.Marked[stepLabel(res.procs)])
		p.Results = append(p.Results, bench.Result{Name: name, Iters: res.ops, Values: values})
	}
	// What the whole process has to say stands with its first line.
	first := &p.Results[0]
	first.Warnings = append(rep.warnings, rep.seen.Warnings...)
	first.Attachments = rep.seen.Attachments
	return p.Write(out)
}
