package commands

import (
	"fmt"
	"io"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/traces/record"
)

// probed is what traced cells record, by their name's probe key.
var probed = map[string]record.Options{
	"trace": {},
	"tour":  {Whole: true},
}

// probes makes the probe that a traced cell asks for.
func probes(name string) (bench.Probe, error) {
	o, ok := probed[name]
	if !ok {
		return nil, fmt.Errorf("probe %q unknown; there are trace and tour", name)
	}
	return record.New(o), nil
}

// announceTraces says how much room on disk the traces of a plan may take.
func announceTraces(w io.Writer, plan *bench.Plan) {
	processes, bytes := 0, int64(0)
	for _, c := range plan.Cells {
		name, _ := sample.ParseName(c.Name)
		probe, _ := name.Get("probe")
		o, ok := probed[probe]
		if !ok {
			continue
		}
		blocks := plan.Blocks
		if c.Blocks > 0 {
			blocks = min(blocks, c.Blocks)
		}
		processes += blocks
		bytes += int64(blocks) * o.Estimate(c.Procs, c.Expect)
	}
	if processes > 0 {
		fmt.Fprintf(w, "%d of the processes are traced; their traces may take %d MB, though most take a hundredth of that\n", processes, (bytes+999_999)/1_000_000)
	}
}
