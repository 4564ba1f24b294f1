package cachebench

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/cachebench/workload"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/caches"
)

// Options are the axes of a cache sweep, as a person writes them. Lists are
// separated by commas; every combination is a cell.
type Options struct {
	bench.SweepOptions

	Backends  []string
	Workloads []string
	Reads     []string // percent
	Keys      []string // counts; K and M are 2^10 and 2^20
	Capacity  []string // counts, or "auto"
	KeyTypes  []string
	KeySizes  []int
	PerP      []int
	Sharing   []string
	ItemLock  []string
	HotShare  []string // percent
	Work      []time.Duration
	Input     string
}

// DefaultBackends is what a sweep compares if it is not told: the ceiling that
// only reads, one lock, hand-off to workers, the best-known library and ours.
var DefaultBackends = []string{"plainmap", "mutexlru", "workerpool", "otter2", "ring"}

// Bind adds the axes as flags, with their defaults.
func (o *Options) Bind(f *pflag.FlagSet) {
	o.SweepOptions.Bind(f)
	f.StringSliceVar(&o.Backends, "backend", DefaultBackends, "backends, or all; see contend list")
	f.StringSliceVar(&o.Workloads, "workload", []string{"zipf"}, "workloads; see contend list")
	f.StringSliceVar(&o.Reads, "reads", []string{"100"}, "reads in percent of the operations, e.g. 100,75,0")
	f.StringSliceVar(&o.Keys, "keys", []string{"64K"}, "numbers of keys, e.g. 1K,64K,1M,10M")
	f.StringSliceVar(&o.Capacity, "capacity", []string{"auto"}, "capacities in entries; auto is twice the keys, a tenth where the workload evicts")
	f.StringSliceVar(&o.KeyTypes, "key-type", []string{"string"}, "string, uint64")
	f.IntSliceVar(&o.KeySizes, "key-size", []int{workload.DefaultKeyLength}, "bytes of string keys")
	f.IntSliceVar(&o.PerP, "goroutines", []int{1}, "goroutines per P, e.g. 1,4,16")
	f.StringSliceVar(&o.Sharing, "sharing", []string{"all", "none"}, "all: one cache for all goroutines; none: the control, a cache for each")
	f.StringSliceVar(&o.ItemLock, "item-lock", []string{"on"}, "on, off: lock each item in workload ratelimit")
	f.StringSliceVar(&o.HotShare, "hot-share", []string{"90"}, "percent of operations on the hot key, in workload hot")
	f.DurationSliceVar(&o.Work, "work", []time.Duration{0}, "CPU work per operation outside the cache, e.g. 0,500ns,5us")
	f.StringVar(&o.Input, "input", "", "trace file for workload replay: one number per line, ARC lis or oracleGeneral; plain, gzip or zstd")
}

// usageError is a wrong flag.
func usageError(flag, format string, args ...any) error {
	return fmt.Errorf("--%s: %w", flag, fmt.Errorf(format, args...))
}

// Plan crosses the axes into cells for the given host. A combination that a
// backend or workload does not allow is listed in the plan as absent, with the
// reason; if none is left, that is an error. A plan that the run folder already
// holds lends its calibration, so that the same command gives the same plan.
func (o *Options) Plan(specs []caches.Spec, facts *host.Facts) (*bench.Plan, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	axes, err := o.axes(facts)
	if err != nil {
		return nil, err
	}
	found, err := pick(specs, o.Backends)
	if err != nil {
		return nil, usageError("backend", "%w", err)
	}
	axes.backends = nil
	for _, s := range found {
		axes.backends = append(axes.backends, s.Name)
	}
	units := o.workUnits()
	return o.Fit(func() (*bench.Plan, error) { return o.build(axes, found, units, facts) })
}

func (o *Options) build(axes axes, specs []caches.Spec, units map[time.Duration]int, facts *host.Facts) (*bench.Plan, error) {
	plan := o.NewPlan()
	absent := newAbsences()
	top := slices.Max(axes.procs)
	for _, c := range axes.cross() {
		spec, err := find(specs, c.Backend)
		if err != nil {
			return nil, err
		}
		c.Time, c.StreamSeed, c.WorkUnits = o.Time, o.Seed, units[c.Work]
		if reason := notApplicable(spec, c); reason != "" {
			absent.add(c, reason, sample.GOMAXPROCS, "sharing", "goroutines-per-p")
			continue
		}
		if reason := tooLarge(c, facts); reason != "" {
			absent.add(c, reason, sample.GOMAXPROCS) // the smallest comes first
			continue
		}
		plan.Cells = append(plan.Cells, o.cells(c)...)
		if o.TraceTour() && c.Procs == top && c.Shared && c.Workload != "replay" {
			plan.Cells = append(plan.Cells, o.tour(c, axes.procs))
		}
	}
	if len(plan.Cells) == 0 {
		return nil, fmt.Errorf("nothing to measure: %s", absent)
	}
	for _, s := range specs {
		plan.Records = append(plan.Records, backendRecord(s))
	}
	plan.Records = append(plan.Records, absent.records()...)
	return plan, nil
}

// cells are the untraced cell and, if wanted, the traced one.
func (o *Options) cells(c cell) []bench.Cell {
	all := []bench.Cell{o.planned(c, 0)}
	if o.TraceCells() {
		c.Probe = "trace"
		all = append(all, o.planned(c, o.TraceBlocks))
	}
	return all
}

func (o *Options) planned(c cell, blocks int) bench.Cell {
	return bench.Cell{Name: c.name(c.Procs), Procs: c.Procs, Env: c.environment(), Blocks: blocks, Expect: c.expect()}
}

// expect is how long the cell's process should take: to start, to make keys
// and stream and fill (measured at 64K and 10M keys), to warm up, and to measure.
func (c cell) expect() time.Duration {
	copies := 1
	if !c.Shared {
		copies = c.goroutines(c.Procs)
	}
	setup := 60*time.Millisecond + time.Duration(c.Keys)*(400+time.Duration(copies)*300)
	return setup + c.replayed() + c.Time + max(c.Time/2, minWarmup)
}

// replayed is how long it should take to read a trace, and to replay it twice:
// once to see how long that takes, and once at least to measure. In the control
// each goroutine replays all of it.
func (c cell) replayed() time.Duration {
	laps := 2
	if !c.Shared {
		laps *= c.PerP // of the goroutines that share a P
	}
	return time.Duration(c.requests*(1+laps)) * 200
}

// tour is one process that steps through all values of GOMAXPROCS under one
// trace.
func (o *Options) tour(c cell, procs []int) bench.Cell {
	c.Probe, c.Tour = "tour", procs
	p := o.planned(c, 1)
	p.Expect += time.Duration(len(procs)) * (o.Time + 2*minWarmup)
	return p
}

// axes are the parsed options.
type axes struct {
	backends, workloads, keyTypes []string
	reads, hotShare               []float64
	keys, capacity                []int // capacity 0 is auto
	keySizes, perP, procs         []int
	shared, itemLock              []bool
	work                          []time.Duration
	input                         string
	traceKeys, traceRequests      int // distinct keys and requests of the input
	traceContent                  string
}

func (o *Options) axes(facts *host.Facts) (a axes, err error) {
	a = axes{backends: o.Backends, workloads: o.Workloads, keyTypes: o.KeyTypes, keySizes: o.KeySizes, perP: o.PerP, work: o.Work}
	if a.procs, err = bench.ParseProcs(o.Procs, facts); err != nil {
		return a, err
	}
	if a.reads, err = percents("reads", o.Reads); err != nil {
		return a, err
	}
	if a.hotShare, err = percents("hot-share", o.HotShare); err != nil {
		return a, err
	}
	if a.keys, err = countsOf("keys", o.Keys); err != nil {
		return a, err
	}
	if a.capacity, err = countsOf("capacity", o.Capacity); err != nil {
		return a, err
	}
	if a.shared, err = switches("sharing", o.Sharing, "all", "none"); err != nil {
		return a, err
	}
	if a.itemLock, err = switches("item-lock", o.ItemLock, "on", "off"); err != nil {
		return a, err
	}
	return a, o.check(&a)
}

// maxWork bounds --work. The garbage collector gives way to an operation
// thousands of times in one collection: at longer ones, cells do not end.
const maxWork = time.Millisecond

// check refuses what no cell could be made of.
func (o *Options) check(a *axes) error {
	for _, w := range a.workloads {
		if _, err := workload.Lookup(w); err != nil {
			return usageError("workload", "%w", err)
		}
	}
	for _, t := range a.keyTypes {
		if t != "string" && t != "uint64" {
			return usageError("key-type", "%q unknown; there are string and uint64", t)
		}
	}
	for _, n := range a.perP {
		if n < 1 || n > 10_000 {
			return usageError("goroutines", "%d per P; it takes 1 to 10000", n)
		}
	}
	for _, k := range a.keys {
		if k == 0 {
			return usageError("keys", "auto is for --capacity")
		}
		for _, n := range a.keySizes {
			if err := workload.CheckKeyLength(k, n); err != nil {
				return usageError("key-size", "%w", err)
			}
		}
	}
	for _, h := range a.hotShare {
		if h == 0 {
			return usageError("hot-share", "0 leaves no hot key: use workload uniform")
		}
	}
	for _, w := range a.work {
		if w < 0 || w > maxWork {
			return usageError("work", "%v; it takes 0 to %v", w, maxWork)
		}
	}
	if slices.Contains(a.workloads, "replay") {
		if o.Input == "" {
			return usageError("input", "workload replay needs a trace file")
		}
		trace, err := workload.OpenTrace(o.Input, workload.Auto)
		if err != nil {
			return usageError("input", "%w", err)
		}
		if a.input, err = filepath.Abs(o.Input); err != nil {
			return err
		}
		a.traceKeys, a.traceRequests, a.traceContent = len(trace.IDs), len(trace.Requests), trace.Content()
	} else if o.Input != "" {
		return usageError("input", "only workload replay reads a trace file")
	}
	return nil
}

// percents parses percentages; "75" is 75 percent.
func percents(flag string, texts []string) (list []float64, err error) {
	for _, s := range texts {
		v, err := strconv.ParseFloat(strings.TrimSuffix(s, "%"), 64)
		if err != nil || !(v >= 0 && v <= 100) {
			return nil, usageError(flag, "%q is no percentage from 0 to 100", s)
		}
		list = append(list, v)
	}
	return list, nil
}

// countsOf parses counts: 1000, 64K, 10M. "auto" is 0.
func countsOf(flag string, texts []string) (list []int, err error) {
	for _, s := range texts {
		if s == "auto" {
			list = append(list, 0)
			continue
		}
		digits, unit := s, 1
		switch {
		case strings.HasSuffix(s, "K"):
			digits, unit = s[:len(s)-1], 1<<10
		case strings.HasSuffix(s, "M"):
			digits, unit = s[:len(s)-1], 1<<20
		}
		n, err := strconv.Atoi(digits)
		if err != nil || n < 1 || n > workload.MaxKeys/unit {
			return nil, usageError(flag, "%q is no count; write 1000, 64K or 10M", s)
		}
		list = append(list, n*unit)
	}
	return list, nil
}

// switches parses words of which the first is true.
func switches(flag string, texts []string, yes, no string) (list []bool, err error) {
	for _, s := range texts {
		if s != yes && s != no {
			return nil, usageError(flag, "%q unknown; there are %s and %s", s, yes, no)
		}
		list = append(list, s == yes)
	}
	return list, nil
}
