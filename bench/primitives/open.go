package primitives

import (
	"runtime"
	"time"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/load"
	"github.com/contend-go/contend/bench/sample"
)

// lead is how long a job's goroutines may take to start.
const lead = 5 * time.Millisecond

// runOpen measures operations that are due by a plan; fast is how many there are per
// second in a closed loop without clocks.
func (c *cell) runOpen(i impl, fast float64, facts *host.Facts, probe bench.Probe, w bench.Window) (p bench.Printed, err error) {
	clock := load.HostClock()
	generators := len(i.job(c.conditions(), 0).workers)
	run, err := c.Prepare(clock, generators, fast, c.Time, c.Seed, func(group int, d time.Duration) (*load.Record, float64, error) {
		j := i.job(c.conditions(), max(int(fast*d.Seconds()), firstOps))
		loops := j.loops(clock, group)
		began := clock.Now()
		if err := j.do(func() { began = clock.Now() }, func() {}); err != nil {
			return nil, 0, err
		}
		rec := merged(loops)
		return rec, float64(rec.Offered) / float64(clock.Now()-began) * 1e9, nil
	})
	if err != nil {
		return p, err
	}
	ops, n := make([]int, generators), 0
	for g := range ops {
		ops[g] = run.Ops(g)
		n += ops[g]
	}
	j := i.job(c.conditions(), n)
	j.split(ops)
	loops := j.loops(clock, run.Group)
	if err := probe.Start(w); err != nil {
		return p, err
	}
	began, from := run.Begin(lead)
	for g, l := range loops {
		l.Follow(run.Plan(g, began), from, from+int64(c.Time))
	}
	m := bench.NewMeter(facts)
	failed := j.do(m.Begin, m.End)
	seen, err := probe.Stop()
	if failed != nil {
		return p, failed
	}
	if err != nil {
		return p, err
	}
	rec := merged(loops)
	values, warnings := run.Values(rec, m.Values(n))
	latencies, err := run.Attach(rec, w)
	if err != nil {
		return p, err
	}
	if c.HoldUnits > 0 {
		values = append(values, sample.Value{Unit: "work-ns/op", V: family.MeasureWork(c.HoldUnits)})
	}
	return bench.Printed{Procs: runtime.GOMAXPROCS(0), Results: []bench.Result{{
		Iters: n, Values: append(values, seen.Values...),
		Warnings: append(warnings, seen.Warnings...), Attachments: append(seen.Attachments, latencies...),
	}}}, nil
}

// loops gives each worker a loop of its own.
func (j *job) loops(clock load.Clock, group int) (list []*load.Loop) {
	for _, w := range j.workers {
		w.loop, w.think = load.NewLoop(clock, group), paced
		list = append(list, w.loop)
	}
	return list
}

// split gives each worker so many operations of the job's.
func (j *job) split(ops []int) {
	first := 0
	for i, w := range j.workers {
		w.first, w.n = first, ops[i]
		first += ops[i]
	}
}

// merged is what all loops recorded together.
func merged(loops []*load.Loop) *load.Record {
	for _, l := range loops[1:] {
		loops[0].Record.Merge(l.Record)
	}
	return loops[0].Record
}
