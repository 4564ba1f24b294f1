// Package openload is what the families have in common whose cells can be measured
// under an open load: the axes, the phases of a cell, its units and its histograms.
// The load itself is of package load.
package openload

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/load"
)

// Spec is the load of a cell, which embeds it.
type Spec struct {
	Open     bool          `json:"open,omitempty"` // operations are due by a plan, at the rate Offered
	Offered  Offered       `json:"offered,omitzero"`
	Arrivals load.Arrivals `json:"arrivals,omitempty"`
}

// Offered is a rate of operations that others set: one of the two.
type Offered struct {
	Share float64 `json:"share,omitempty"` // of the capacity, in percent
	Rate  float64 `json:"rate,omitempty"`  // operations per second, of all generators
}

// String is the rate as names have it.
func (o Offered) String() string {
	switch {
	case o.Share > 0:
		return family.Number(o.Share) + "%"
	case o.Rate > 0:
		return family.Number(o.Rate)
	}
	return ""
}

// read reads "80%" and "250k".
func read(word string) (Offered, error) {
	digits, unit := word, 1.0
	for suffix, factor := range map[string]float64{"%": 1, "k": 1e3, "M": 1e6} {
		if before, ok := strings.CutSuffix(word, suffix); ok {
			digits, unit = before, factor
		}
	}
	v, err := strconv.ParseFloat(digits, 64)
	isShare := strings.HasSuffix(word, "%")
	switch {
	case err != nil || !(v > 0) || v*unit > 1e12:
		return Offered{}, fmt.Errorf("%q is no rate: write a share of the capacity, such as 80%%, or operations per second, such as 250k", word)
	case isShare && v > 200:
		return Offered{}, fmt.Errorf("%s of the capacity: more than twice what can be carried tells nothing", word)
	case isShare:
		return Offered{Share: v}, nil
	}
	return Offered{Rate: v * unit}, nil
}

// Complete drops what a closed loop does not have.
func (s *Spec) Complete() {
	if !s.Open {
		*s = Spec{}
	}
}

// The words of --load.
const (
	closed = "closed"
	open   = "open"
)

// Columns are the axes, for a family of cells of which of tells the Spec.
func Columns[C any](of func(*C) *Spec) []family.Column[C] {
	words := func(list ...string) func() []string { return func() []string { return list } }
	return []family.Column[C]{
		{
			Axis: family.Axis{Flag: "load", Default: []string{closed}, Words: words(closed, open), Usage: "closed: an operation begins when the one before it has ended; open: operations are due at a given rate, and latency counts from when one was due"},
			Read: family.Word(func(c *C, w string) { of(c).Open = w == open }),
		},
		{
			Axis: family.Axis{Flag: "arrivals", Default: []string{string(load.Poisson)}, Words: words(string(load.Poisson), string(load.Constant)), Usage: "with --load open: how the times between operations are distributed: poisson, constant"},
			Read: family.Word(func(c *C, w string) { of(c).Arrivals = load.Arrivals(w) }),
			Key:  "arrivals", Show: func(c *C) string { return string(of(c).Arrivals) },
		},
		{
			Axis: family.Axis{Flag: "rate", Default: []string{"50%", "80%", "90%", "95%"}, Usage: "with --load open: rates, as shares of what the closed load reaches (80%) or in operations per second (250k)"},
			Read: func(word string) (func(*C), error) {
				o, err := read(word)
				return func(c *C) { of(c).Offered = o }, err
			},
			Key: "rate", Show: func(c *C) string { return of(c).Offered.String() },
		},
	}
}

// Check refuses what only an open load has, where there is none.
func Check(v family.Values) error {
	if slices.Contains(v["load"], open) || slices.Contains(v["load"], "all") {
		return nil
	}
	for _, flag := range []string{"rate", "arrivals"} {
		if _, given := v[flag]; given {
			return family.UsageError(flag, "in a closed loop the next operation begins when the last has ended; write --load open")
		}
	}
	return nil
}

// Along is the axis of a run of open loads: their rates, where there are several.
func Along[C any](of func(*C) *Spec) func(cells []C) string {
	return func(cells []C) string {
		rates := map[Offered]bool{}
		for i := range cells {
			if s := of(&cells[i]); s.Open {
				rates[s.Offered] = true
			}
		}
		if len(rates) > 1 {
			return "rate"
		}
		return ""
	}
}

// Generators is how many goroutines offer a load at a value of GOMAXPROCS. As they spin,
// they leave a P to the runtime and to what is measured, whose other goroutines would else
// wait for 10 ms at a time.
func Generators(procs int) int { return procs - 1 }

// NoP is why there is no open load at GOMAXPROCS=1.
const NoP = "at GOMAXPROCS=1: the generators of an open load spin, and leave the runtime and what is measured no P"
