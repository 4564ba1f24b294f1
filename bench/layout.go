package bench

import (
	"strconv"
	"strings"
	"time"

	"github.com/contend-go/contend/bench/sample"
)

// layout is what readers of the samples must know of the plan: its size, and the
// order of the values of each name key, which random blocks lose.
func (p *Plan) layout() []sample.Record {
	records := []sample.Record{p.size()}
	keys, values := p.axes()
	for _, key := range keys {
		if len(values[key]) > 1 && key != "" && key != sample.GOMAXPROCS { // values of names have no spaces
			records = append(records, sample.Record{Verb: sample.VerbOrder, Fields: []sample.Field{{Key: "key", Value: key}, {Key: "values", Value: strings.Join(values[key], " ")}}})
		}
	}
	return records
}

// size is how much the plan measures.
func (p *Plan) size() sample.Record { return p.sized(p.Samples()) }

// sized is the same for a number of processes.
func (p *Plan) sized(processes int) sample.Record {
	return sample.Record{Verb: sample.VerbPlan, Fields: []sample.Field{
		{Key: "cells", Value: strconv.Itoa(len(p.Cells))}, {Key: "processes", Value: strconv.Itoa(processes)}, {Key: "expect", Value: p.Duration().Round(time.Second).String()}}}
}
