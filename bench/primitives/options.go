package primitives

import (
	"encoding/json"
	"errors"
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
	"github.com/contend-go/contend/bench/vocabulary"
)

// Options are the axes of a sweep over rows, beside those of every sweep.
type Options struct {
	Rows  []string // names, or "all"
	Hold  []time.Duration
	Think []time.Duration
}

// Bind adds the axes as flags, with their defaults.
func (o *Options) Bind(f *pflag.FlagSet) {
	f.StringSliceVar(&o.Rows, "row", []string{"all"}, "rows of primitives, or all; see contend list")
	f.DurationSliceVar(&o.Hold, "hold", []time.Duration{0}, "CPU work while a lock is held, or on each item received, e.g. 0,200ns")
	f.DurationSliceVar(&o.Think, "think", []time.Duration{0}, "CPU work between operations, e.g. 0,1us")
}

// cell is one point of a sweep. As JSON it is what the harness hands to the
// process that measures it.
type cell struct {
	Row        string        `json:"row"`
	Impl       string        `json:"impl"`
	Hold       time.Duration `json:"hold,omitempty"`
	HoldUnits  int           `json:"hold_units,omitempty"`
	Think      time.Duration `json:"think,omitempty"`
	ThinkUnits int           `json:"think_units,omitempty"`
	Probe      string        `json:"probe,omitempty"`
	Procs      int           `json:"procs"`
	Time       time.Duration `json:"time"`
}

// cellVar is the environment variable that makes a process measure one cell.
const cellVar = "CONTEND_PRIMITIVE"

// name is the benchmark name: what was varied, a literal gomaxprocs last.
func (c cell) name() string {
	var b strings.Builder
	b.WriteString("BenchmarkPrimitive")
	add := func(key, value string) { fmt.Fprintf(&b, "/%s=%s", key, value) }
	add("row", c.Row)
	if c.Hold > 0 {
		add("hold", c.Hold.String())
	}
	if c.Think > 0 {
		add("think", c.Think.String())
	}
	if c.Probe != "" {
		add("probe", c.Probe)
	}
	add("impl", c.Impl)
	add(sample.GOMAXPROCS, strconv.Itoa(c.Procs))
	return b.String()
}

func (c cell) conditions() conditions {
	return conditions{procs: c.Procs, hold: c.HoldUnits, think: c.ThinkUnits}
}

// Plan crosses the axes into cells for the given host.
func (o *Options) Plan(sweep *bench.SweepOptions, facts *host.Facts) (*bench.Plan, error) {
	if err := sweep.Check(); err != nil {
		return nil, err
	}
	if sweep.TraceTour() {
		return nil, errors.New("--trace: rows of primitives have no tour; take cells or none")
	}
	procs, err := bench.ParseProcs(sweep.Procs, facts)
	if err != nil {
		return nil, err
	}
	chosen, err := o.rows()
	if err != nil {
		return nil, err
	}
	for flag, list := range map[string][]time.Duration{"hold": o.Hold, "think": o.Think} {
		for _, d := range list {
			if d < 0 || d > time.Second {
				return nil, fmt.Errorf("--%s: %v; it takes 0 to 1s", flag, d)
			}
		}
	}
	units := o.units(sweep.Out)
	return sweep.Fit(func() (*bench.Plan, error) {
		plan := sweep.NewPlan()
		for _, r := range chosen {
			o.each(r, procs, func(c cell) {
				c.Time, c.HoldUnits, c.ThinkUnits = sweep.Time, units[c.Hold], units[c.Think]
				plan.Cells = append(plan.Cells, c.planned(0))
				if sweep.TraceCells() {
					c.Probe = "trace"
					plan.Cells = append(plan.Cells, c.planned(sweep.TraceBlocks))
				}
			})
			for _, p := range r.published {
				plan.Records = append(plan.Records, p.record(r.name))
			}
		}
		return plan, nil
	})
}

func (o *Options) rows() ([]row, error) {
	if slices.Contains(o.Rows, "all") {
		return rows, nil
	}
	var chosen []row
	for _, name := range o.Rows {
		r, ok := lookup(name)
		if !ok {
			return nil, fmt.Errorf("--row: %w", vocabulary.Unknown("row", name, append([]string{"all"}, Names()...)))
		}
		if !slices.ContainsFunc(chosen, func(c row) bool { return c.name == name }) {
			chosen = append(chosen, r)
		}
	}
	if len(chosen) == 0 {
		return nil, errors.New("--row: name a row, or all")
	}
	return chosen, nil
}

// each calls f for every combination on a row; one that holds nothing has no
// hold time.
func (o *Options) each(r row, procs []int, f func(cell)) {
	holds := o.Hold
	if !r.holds {
		holds = []time.Duration{0}
	}
	for _, hold := range holds {
		for _, think := range o.Think {
			for _, i := range r.impls {
				for _, p := range procs {
					f(cell{Row: r.name, Impl: i.name, Hold: hold, Think: think, Procs: p})
				}
			}
		}
	}
}

func (c cell) planned(blocks int) bench.Cell {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // numbers and strings only
	}
	// Start, finding out how many operations fill the window, and the window.
	expect := 50*time.Millisecond + 3*c.Time
	return bench.Cell{Name: c.name(), Procs: c.Procs, Env: []string{cellVar + "=" + string(text)}, Blocks: blocks, Expect: expect}
}

// units calibrates the hold and think times, or takes the calibration of the
// run folder, so that the same command gives the same plan.
func (o *Options) units(dir string) map[time.Duration]int {
	units := map[time.Duration]int{}
	if old, err := bench.LoadPlan(filepath.Join(dir, bench.PlanFile)); err == nil {
		for _, p := range old.Cells {
			if c, ok := decode(p.Env); ok {
				units[c.Hold], units[c.Think] = c.HoldUnits, c.ThinkUnits
			}
		}
	}
	for _, d := range slices.Concat(o.Hold, o.Think) {
		if _, ok := units[d]; !ok {
			units[d] = workload.CalibrateWork(d)
		}
	}
	return units
}

// decode finds a cell in the environment of its process.
func decode(env []string) (c cell, ok bool) {
	for _, v := range env {
		if text, found := strings.CutPrefix(v, cellVar+"="); found {
			return c, json.Unmarshal([]byte(text), &c) == nil
		}
	}
	return c, false
}
