package primitives

import (
	"slices"
	"time"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/host"
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
}

func (c *cell) conditions() conditions {
	return conditions{procs: c.Procs, hold: c.HoldUnits, think: c.ThinkUnits}
}

// Family is the rows of primitives.
func Family() family.Family {
	return family.New(family.Definition[cell]{
		Name: "primitives", About: "the rows of synchronisation primitives",
		Benchmark: "Primitive", Variable: "CONTEND_PRIMITIVE",
		Lists:    []family.List{rowList()},
		Examples: []string{"--row lock-contended,read --hold 0,200ns"},
		Columns: []family.Column[cell]{
			{
				Axis: family.Axis{Flag: "row", Default: []string{"all"}, Words: names, Usage: "rows of primitives, or all; see contend list"},
				Read: family.Word(func(c *cell, w string) { c.Row = w }),
				Key:  "row", Show: func(c *cell) string { return c.Row },
			},
			{
				Axis: family.Axis{Flag: "hold", Default: []string{"0s"}, Usage: "CPU work while a lock is held, or on each item received, e.g. 0,200ns"},
				Read: family.Span(time.Second, func(c *cell, d time.Duration) { c.Hold = d }),
				Key:  "hold", Show: func(c *cell) string { return family.SpanText(c.Hold) },
			},
			{
				Axis: family.Axis{Flag: "think", Default: []string{"0s"}, Usage: "CPU work between operations, e.g. 0,1us"},
				Read: family.Span(time.Second, func(c *cell, d time.Duration) { c.Think = d }),
				Key:  "think", Show: func(c *cell) string { return family.SpanText(c.Think) },
			},
			{Key: "probe", Show: func(c *cell) string { return c.Probe }},
			{
				Axis: family.Axis{Flag: "impl", Default: []string{"all"}, Words: impls, Usage: "structures that a row compares, or all"},
				Read: family.Word(func(c *cell, w string) { c.Impl = w }),
				Key:  "impl", Show: func(c *cell) string { return c.Impl },
			},
		},
		Complete: func(c *cell) error {
			if r, _ := lookup(c.Row); !r.holds {
				c.Hold = 0
			}
			return nil
		},
		Work: func(c *cell) []family.CPUWork {
			return []family.CPUWork{{Time: c.Hold, Units: &c.HoldUnits}, {Time: c.Think, Units: &c.ThinkUnits}}
		},
		Exists: func(c *cell) bool {
			r, _ := lookup(c.Row)
			_, ok := r.impl(c.Impl)
			return ok
		},
		// Start, finding out how many operations fill the window, and the window.
		Expect:  func(c *cell) time.Duration { return 50*time.Millisecond + 3*c.Time },
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
