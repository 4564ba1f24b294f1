package bench

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
)

// SweepOptions are what every sweep has in common, whatever it measures, as a
// person writes them.
type SweepOptions struct {
	Procs        string
	Time         time.Duration // of each cell's timed window
	Count        int           // blocks
	First        int           // number of the first block
	Seed         uint64
	Node         string // name of this machine; empty for [host.Node]
	Out          string
	Affinity     string // "none", "cores"
	Budget       time.Duration
	Spent        time.Duration // of Budget, before anything was measured
	Quick        bool
	DryRun       bool
	PricePerHour float64
	Strict       bool   // warnings count as failures
	NoReport     bool   // samples only
	Trace        string // "none", "cells", "tour", "both"
	TraceBlocks  int    // traced repetitions of each cell
	// Tags, each "key=value", are further fields of the run.
	Tags []string
	// Sequential is the number of blocks from which on a run leaves cells when they are
	// clear, 0 for never: a budget that is enough for so many need not cut blocks, as
	// the clock ends the run.
	Sequential int
	// Variants, each "name=path", are builds to be measured side by side: each
	// block holds every cell once for each. The path "self" is this executable.
	Variants []string
}

// AutoProcs leaves the values of GOMAXPROCS to the host, or to the family.
const AutoProcs = "auto"

// What --quick asks for, and the least that --budget may cut to. An interval of
// 95% for a median needs 6 samples.
const (
	quickTime  = 60 * time.Millisecond
	leastCount = 6
	leastTime  = 50 * time.Millisecond
)

// What --trace and --affinity take.
var (
	TraceModes = []string{"none", "cells", "tour", "both"}
	Affinities = []string{"none", "cores"}
)

// Bind adds the options as flags, with their defaults.
func (o *SweepOptions) Bind(f *pflag.FlagSet) {
	f.StringVar(&o.Procs, "procs", AutoProcs, "values of GOMAXPROCS: 1,2,4 or 1-32 or pow2:64; auto is the powers of two up to the usable CPUs, and the values at which the next socket, shared cache or hyperthreads begin")
	f.DurationVar(&o.Time, "time", 500*time.Millisecond, "how long each process is measured")
	f.IntVar(&o.Count, "count", 10, "repetitions of each cell; a 95% interval takes 6")
	f.IntVar(&o.First, "first-block", 0, "number of the first repetition; give a different one to each machine that measures a part of one plan")
	f.Uint64Var(&o.Seed, "seed", 1, "seed of all random choices, such as the order of cells")
	f.StringVar(&o.Out, "out", "contend-run", "run folder; if it holds an unfinished run of the same plan, that run is continued")
	f.StringVar(&o.Affinity, "affinity", "none", "none, or cores: bind each process to as many CPUs as it has Ps, first one CPU of each core, and one socket after the other")
	f.StringVar(&o.Node, "node", "", "name of this machine in the samples (default a hash of what identifies it)")
	f.DurationVar(&o.Budget, "budget", 0, "limit the time from the start of the command to the last sample, by fewer repetitions and shorter measurements, e.g. 20m; drawing the page and judging come on top")
	f.BoolVar(&o.Quick, "quick", false, "a first look: 6 repetitions, each of a short time")
	f.BoolVar(&o.DryRun, "dry-run", false, "print what would be measured, how long it takes and what it costs; measure nothing")
	f.Float64Var(&o.PricePerHour, "price-per-hour", 0, "price of an hour on this host, for the cost that --dry-run prints")
	f.BoolVar(&o.Strict, "strict", false, "exit 3 if any sample carries a warning")
	f.BoolVar(&o.NoReport, "no-report", false, "measure only, and draw no page; contend report draws it later")
	f.StringVar(&o.Trace, "trace", "none", "record execution traces: none, cells (some more repetitions of each cell, traced), tour (one traced process each that goes through all values of GOMAXPROCS), both")
	f.StringArrayVar(&o.Tags, "tag", nil, "write key=value into the samples, such as where the machine stands; repeatable")
	f.StringArrayVar(&o.Variants, "variant", nil, "measure every cell with this build of the program, as name=path or name=self; give two, such as base=old and head=self, and compare them with contend compare")
	f.IntVar(&o.TraceBlocks, "trace-count", 3, "with --trace cells: how many traced repetitions of each cell")
}

// TraceCells reports whether each cell gets traced repetitions.
func (o *SweepOptions) TraceCells() bool { return o.Trace == "cells" || o.Trace == "both" }

// TraceTour reports whether there is a traced process through all GOMAXPROCS.
func (o *SweepOptions) TraceTour() bool { return o.Trace == "tour" || o.Trace == "both" }

// Check refuses options that no plan can be made of, and applies Quick.
func (o *SweepOptions) Check() error {
	if o.Quick {
		o.Time, o.Count = min(o.Time, quickTime), min(o.Count, leastCount)
	}
	switch {
	case o.Time < time.Millisecond:
		return fmt.Errorf("--time: %v is too short to measure; 100ms is a good start", o.Time)
	case slices.ContainsFunc(o.Tags, func(t string) bool { return !tagForm.MatchString(t) }):
		return fmt.Errorf("--tag: %q; write key=value, the key of small letters, digits and '-'", o.Tags)
	case o.First < 0:
		return fmt.Errorf("--first-block: %d; the first of all is 0", o.First)
	case o.Count < 1:
		return fmt.Errorf("--count: %d; at least 1, and 6 for a 95%% interval", o.Count)
	case !slices.Contains(Affinities, o.Affinity):
		return fmt.Errorf("--affinity: %q unknown; there are none and cores", o.Affinity)
	case !slices.Contains(TraceModes, o.Trace):
		return fmt.Errorf("--trace: %q unknown; there are none, cells, tour and both", o.Trace)
	case o.Budget < 0:
		return fmt.Errorf("--budget: %v; a time such as 20m, or 0 for no limit", o.Budget)
	case o.TraceBlocks < 1:
		return fmt.Errorf("--trace-count: %d; at least 1", o.TraceBlocks)
	case o.Node != "" && !variantName.MatchString(o.Node):
		return fmt.Errorf("--node: %q; a name of letters, digits, '.', '-' and '_'", o.Node)
	case o.Out == "":
		return fmt.Errorf("--out: name a folder")
	}
	_, err := o.executables()
	return err
}

// tagForm keeps tags fit for the run's line.
var tagForm = regexp.MustCompile(`^[a-z][a-z0-9-]*=.`)

// variantName keeps variants fit for identity lines and file names.
var variantName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// executables reads Variants: the path of each one's executable.
func (o *SweepOptions) executables() (map[string]string, error) {
	paths := map[string]string{}
	for _, v := range o.Variants {
		name, path, _ := strings.Cut(v, "=")
		switch {
		case !variantName.MatchString(name) || path == "":
			return nil, fmt.Errorf("--variant: %q; write name=path, a name of letters, digits, '.', '-' and '_'", v)
		case paths[name] != "":
			return nil, fmt.Errorf("--variant: %q stands twice", name)
		case path == "self":
			self, err := os.Executable()
			if err != nil {
				return nil, fmt.Errorf("--variant %s: %w", v, err)
			}
			path = self
		}
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("--variant %s: %w", v, err)
		}
		paths[name] = path
	}
	return paths, nil
}

// vary plans every cell once for each variant.
func (o *SweepOptions) vary(p *Plan) {
	if len(o.Variants) == 0 {
		return
	}
	cells := p.Cells
	p.Cells = nil
	for _, c := range cells {
		for _, v := range o.Variants {
			c.Variant, _, _ = strings.Cut(v, "=")
			p.Cells = append(p.Cells, c)
		}
	}
}

// NewPlan is a plan without cells.
func (o *SweepOptions) NewPlan() *Plan {
	return &Plan{Protocol: sample.Protocol, Seed: o.Seed, Blocks: o.Count, First: o.First}
}

// Options are the run options that follow from the sweep's.
func (o *SweepOptions) Options(facts *host.Facts) Options {
	exe, _ := o.executables() // Check has seen the error; a file gone since fails the run
	opt := Options{Dir: o.Out, Host: facts, Node: cmp.Or(o.Node, host.Node()), Pin: o.Affinity == "cores", Exe: exe}
	for _, tag := range o.Tags {
		key, value, _ := strings.Cut(tag, "=")
		opt.Provenance = append(opt.Provenance, sample.Field{Key: key, Value: value})
	}
	if o.Budget > 0 {
		opt.Until = time.Now().Add(o.Budget - o.Spent)
	}
	return opt
}

// maxProcs bounds --procs: above it a typing error is likelier than a host.
const maxProcs = 4096

// ParseProcs reads values of GOMAXPROCS: "1,2,4", "1-32", "pow2:64" (powers of
// two up to 64, and 64), "auto" (the host's own), in any combination.
func ParseProcs(text string, facts *host.Facts) ([]int, error) {
	var list []int
	for _, part := range strings.Split(text, ",") {
		part = strings.TrimSpace(part)
		values, err := parseProcsPart(part, facts)
		if err != nil {
			return nil, fmt.Errorf("--procs: %q: %w", part, err)
		}
		list = append(list, values...)
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

func parseProcsPart(part string, facts *host.Facts) ([]int, error) {
	if part == AutoProcs {
		return facts.DefaultProcs(), nil
	}
	if top, ok := strings.CutPrefix(part, "pow2:"); ok {
		n, err := parseP(top)
		if err != nil {
			return nil, err
		}
		var list []int
		for p := 1; p < n; p *= 2 {
			list = append(list, p)
		}
		return append(list, n), nil
	}
	first, last, isRange := strings.Cut(part, "-")
	a, err := parseP(first)
	if err != nil || !isRange {
		return []int{a}, err
	}
	b, err := parseP(last)
	if err != nil {
		return nil, err
	}
	if b < a {
		return nil, fmt.Errorf("the range falls")
	}
	var list []int
	for p := a; p <= b; p++ {
		list = append(list, p)
	}
	return list, nil
}

func parseP(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxProcs {
		return 0, fmt.Errorf("GOMAXPROCS is a number from 1 to %d; write 1,2,4 or 1-32 or pow2:64", maxProcs)
	}
	return n, nil
}

// Fit builds the plan, takes each cell once for each variant, and cuts it to the
// budget: first blocks, down to 6, then windows, down to 50 ms; see Sequential. A budget that
// cannot be met is an error that says how long it would take. What was cut is
// noted in the plan.
func (o *SweepOptions) Fit(build func() (*Plan, error)) (*Plan, error) {
	count, window := o.Count, o.Time
	varied := func() (*Plan, error) {
		p, err := build()
		if err == nil {
			o.vary(p)
		}
		return p, err
	}
	left := o.Budget - o.Spent
	p, err := varied()
	for err == nil && o.Budget > 0 && p.Duration()*5/4 > left && (o.Count > leastCount || o.Time > leastTime) { // cells may take longer than expected
		if o.Count > leastCount {
			o.Count--
		} else {
			o.Time = max((o.Time * 3 / 4).Round(time.Millisecond), leastTime)
		}
		p, err = varied()
	}
	if err == nil && o.Budget > 0 && p.Duration() > left {
		before := ""
		if o.Spent > 0 {
			before = fmt.Sprintf(", after %v of building and looking for benchmarks", o.Spent.Round(time.Second))
		}
		return nil, fmt.Errorf("--budget: %s, %s each, in windows of %v take about %v%s, more than %v: keep %.0f%% of the cells; %s",
			Count(len(p.Cells), "cell", "cells"), Count(o.Count, "repetition", "repetitions"), o.Time, p.Duration().Round(time.Second), before, o.Budget, math.Floor(100*float64(max(0, left))/float64(p.Duration())), cmp.Or(p.longest(), "there is no axis of several values"))
	}
	if err == nil && o.Sequential > 0 && o.Sequential <= o.Count && o.Count < count {
		o.Count = count
		if p, err = varied(); err == nil {
			p.note(fmt.Sprintf("--budget %v ends the run if it is over before all of the %d repetitions are made", o.Budget, count))
		}
	}
	var cut []string
	if o.Count != count {
		cut = append(cut, fmt.Sprintf("repetitions from %d to %d", count, o.Count))
	}
	if o.Time != window {
		cut = append(cut, fmt.Sprintf("windows from %v to %v", window, o.Time))
	}
	if err == nil && len(cut) > 0 {
		p.note(fmt.Sprintf("--budget %v cut %s", o.Budget, strings.Join(cut, " and ")))
	}
	return p, err
}

// note adds a line for the readers of the samples and the report.
func (p *Plan) note(text string) {
	p.Records = append(p.Records, sample.Record{Verb: "note", Fields: []sample.Field{{Key: "text", Value: text}}})
}
