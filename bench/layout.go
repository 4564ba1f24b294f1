package bench

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/contend-go/contend/bench/sample"
)

// layout is what readers of the samples must know of the plan: its size, and the
// order of the values of each name key, which random blocks lose.
func (p *Plan) layout() []sample.Record {
	records := []sample.Record{p.size()}
	values := map[string][]string{}
	var keys []string
	for _, c := range p.Cells {
		name, _ := sample.ParseName(c.Name)
		for _, f := range append([]sample.Field{{Key: sample.BaseKey, Value: name.Base}}, name.Keys...) {
			if f.Key == "" || strings.ContainsAny(f.Value, " \t") {
				continue
			}
			if values[f.Key] == nil {
				keys = append(keys, f.Key)
			}
			if !slices.Contains(values[f.Key], f.Value) {
				values[f.Key] = append(values[f.Key], f.Value)
			}
		}
	}
	for _, key := range keys {
		if len(values[key]) > 1 && key != sample.GOMAXPROCS {
			records = append(records, sample.Record{Verb: sample.VerbOrder, Fields: []sample.Field{{Key: "key", Value: key}, {Key: "values", Value: strings.Join(values[key], " ")}}})
		}
	}
	return records
}

// size is how much the plan measures.
func (p *Plan) size() sample.Record {
	return sample.Record{Verb: sample.VerbPlan, Fields: []sample.Field{
		{Key: "cells", Value: strconv.Itoa(len(p.Cells))}, {Key: "processes", Value: strconv.Itoa(p.Samples())}, {Key: "expect", Value: p.Duration().Round(time.Second).String()}}}
}
