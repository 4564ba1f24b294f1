package primitives

import (
	"fmt"
	"slices"
	"time"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/openload"
	"github.com/contend-go/contend/bench/sample"
)

// cell is one point of a sweep. As JSON it is what the harness hands to the
// process that measures it.
type cell struct {
	family.Base
	Row        string        `json:"row"`
	Impl       string        `json:"impl"`
	Hold       time.Duration `json:"hold,omitempty"`
	HoldUnits  int           `json:"hold_units,omitempty"`
	Think      time.Duration `json:"think,omitempty"`
	ThinkUnits int           `json:"think_units,omitempty"`
	openload.Spec
}

func (c *cell) conditions() conditions {
	return conditions{procs: c.Procs, open: c.Open, hold: c.HoldUnits, think: c.ThinkUnits}
}

func spec(c *cell) *openload.Spec { return &c.Spec }

// complete drops what means nothing in the row or under the load.
func (c *cell) complete() error {
	if r, _ := lookup(c.Row); !r.holds {
		c.Hold = 0
	}
	if c.Spec.Complete(); c.Open {
		c.Think = 0 // what is between operations is up to the plan
	}
	return nil
}

// absent says why a cell has no open load.
func (c *cell) absent() family.Absence {
	if !c.Open {
		return family.Absence{}
	}
	but := []string{"hold", "arrivals", "rate", "impl"}
	if c.Procs < 2 {
		return family.Absence{Reason: openload.NoP, But: append(but, "row")}
	}
	r, _ := lookup(c.Row)
	i, _ := r.impl(c.Impl)
	if n := len(i.job(c.conditions(), 0).workers); n > openload.Generators(c.Procs) {
		return family.Absence{Reason: fmt.Sprintf("its %d generators spin, and need GOMAXPROCS=%d", n, n+1), But: but}
	}
	return family.Absence{}
}

// Family is the rows of primitives.
func Family() family.Family {
	return family.New(family.Definition[cell]{
		Name: "primitives", About: "synchronisation primitives: locks, channels, pools, counters, queues",
		Benchmark: "Primitive", Variable: "CONTEND_PRIMITIVE",
		Lists:    []family.List{rowList()},
		Examples: []string{"--row lock-contended,read --hold 0,200ns", "--row lock-contended,1p1c --load open --rate 50%,90%"},
		Columns: slices.Concat([]family.Column[cell]{
			{
				Axis: family.Axis{Flag: "row", Default: []string{"all"}, Words: names, Usage: "what to compare implementations of, such as lock-contended, or all; see contend list primitives"},
				Read: family.Word(func(c *cell, w string) { c.Row = w }),
				Key:  "row", Show: func(c *cell) string { return c.Row },
			},
			{
				Axis: family.Axis{Flag: "hold", Default: []string{"0s"}, Usage: "CPU time to spend while a lock is held, or on each item received, e.g. 0,200ns"},
				Read: family.Span(time.Second, func(c *cell, d time.Duration) { c.Hold = d }),
				Key:  "hold", Show: func(c *cell) string { return family.SpanText(c.Hold) },
			},
			{
				Axis: family.Axis{Flag: "think", Default: []string{"0s"}, Usage: "CPU time to spend between operations, e.g. 0,1us"},
				Read: family.Span(time.Second, func(c *cell, d time.Duration) { c.Think = d }),
				Key:  "think", Show: func(c *cell) string { return family.SpanText(c.Think) },
			},
		}, openload.Columns(spec), []family.Column[cell]{
			{Key: "probe", Show: func(c *cell) string { return c.Probe }},
			{
				Axis: family.Axis{Flag: "impl", Default: []string{"all"}, Words: impls, Usage: "implementations to compare, or all"},
				Read: family.Word(func(c *cell, w string) { c.Impl = w }),
				Key:  "impl", Show: func(c *cell) string { return c.Impl },
			},
		}),
		Along:    openload.Along(spec),
		Check:    openload.Check,
		Complete: (*cell).complete,
		Absent:   func(c *cell, _ *host.Facts) family.Absence { return c.absent() },
		Work: func(c *cell) []family.CPUWork {
			return []family.CPUWork{{Time: c.Hold, Units: &c.HoldUnits}, {Time: c.Think, Units: &c.ThinkUnits}}
		},
		Exists: func(c *cell) bool {
			r, _ := lookup(c.Row)
			_, ok := r.impl(c.Impl)
			return ok
		},
		// Start, finding out how many operations fill the window, and the window.
		Expect: func(c *cell) time.Duration {
			d := 50*time.Millisecond + 3*c.Time
			if c.Open {
				d += openload.Extra(c.Time)
			}
			return d
		},
		Records: publishedRecords,
		Measure: func(c *cell, h *host.Facts, probe bench.Probe, w bench.Window) (bench.Printed, error) {
			return c.run(h, probe, w)
		},
	})
}

// impls are the structures of all rows.
func impls() (list []string) {
	for _, r := range rows {
		for _, i := range r.impls {
			if !slices.Contains(list, i.name) {
				list = append(list, i.name)
			}
		}
	}
	return list
}

// publishedRecords are the figures that others published for the chosen rows.
func publishedRecords(cells []cell) (list []sample.Record) {
	for _, r := range rows {
		if !slices.ContainsFunc(cells, func(c cell) bool { return c.Row == r.name }) {
			continue
		}
		for _, p := range r.published {
			list = append(list, p.record(r.name))
		}
	}
	return list
}

func rowList() family.List {
	l := family.List{Name: "primitives", Columns: []string{"ROW OF PRIMITIVES", ""}}
	for _, r := range rows {
		l.Rows = append(l.Rows, []string{r.name, r.about})
	}
	return l
}
