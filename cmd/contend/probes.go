package main

import (
	"fmt"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/traces/record"
)

// probes makes the probe that a traced cell asks for.
func probes(name string) (bench.Probe, error) {
	switch name {
	case "trace":
		return record.New(record.Options{}), nil
	case "tour":
		return record.New(record.Options{Whole: true}), nil
	}
	return nil, fmt.Errorf("probe %q unknown; there are trace and tour", name)
}
