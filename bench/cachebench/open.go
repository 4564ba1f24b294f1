package cachebench

import (
	"time"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/load"
)

// bigGroup is how many operations a generator begins at one reading of the clock where
// it is asked how fast the cache is without clocks.
const bigGroup = 256

// lead is how long generators may take to start.
const lead = time.Millisecond

// generators make the workers generators of one load.
func (r *rig[K]) generators(clock load.Clock) []*load.Generator {
	var list []*load.Generator
	for _, w := range r.workers {
		list = append(list, &load.Generator{Clock: clock, Do: func(now int64, n int) {
			w.now = now
			w.run(w, n)
			w.tally.ops += uint64(n)
		}})
	}
	return list
}

// saturate is the closed loop of all generators, and its rate.
func saturate(generators []*load.Generator, group int, d time.Duration) (*load.Record, float64) {
	clock := generators[0].Clock
	for _, g := range generators {
		g.Group = group
	}
	began := clock.Now()
	rec := load.All(generators, func(g *load.Generator) *load.Record { return g.Saturate(began + int64(d)) })
	return rec, float64(rec.Offered) / float64(clock.Now()-began) * 1e9
}

// measureOpen runs a cell whose operations are due by a plan. First the cache is
// driven in a closed loop, without many clock readings and then by the means of the window.
func (r *rig[K]) measureOpen(facts *host.Facts, probe bench.Probe, w bench.Window) (rep report, err error) {
	clock := load.HostClock()
	generators := r.generators(clock)
	_, fast := saturate(generators, bigGroup, max(r.cell.Time/2, minWarmup))
	run, err := r.cell.Prepare(clock, len(generators), fast, r.cell.Time, r.cell.Seed, func(group int, d time.Duration) (*load.Record, float64, error) {
		rec, rate := saturate(generators, group, d)
		return rec, rate, nil
	})
	if err != nil {
		return rep, err
	}
	if err := probe.Start(w); err != nil {
		return rep, err
	}
	before := r.tallies()
	m := bench.NewMeter(facts)
	m.Begin()
	began, from := run.Begin(lead)
	for i, g := range generators {
		g.Plan = run.Plan(i, began)
	}
	rec := load.All(generators, func(g *load.Generator) *load.Record { return g.Run(from, from+int64(r.cell.Time)) })
	m.End()
	if rep.seen, err = probe.Stop(); err != nil {
		return rep, err
	}
	for _, w := range r.workers {
		w.publish()
	}
	res := newResult(m, before, r.tallies())
	res.values, rep.warnings = run.Values(rec, res.values)
	latencies, err := run.Attach(rec, w)
	if err != nil {
		return rep, err
	}
	rep.seen.Attachments = append(rep.seen.Attachments, latencies...)
	r.check(&res, &rep)
	rep.results = []result{res}
	return rep, nil
}

// tallies are the workers' counts while none of them runs.
func (r *rig[K]) tallies() counts {
	sum := counts{each: make([]uint64, len(r.workers))}
	for i, w := range r.workers {
		sum.each[i] = w.tally.ops
		sum.ops += w.tally.ops
		sum.gets += w.tally.gets
		sum.hits += w.tally.hits
		sum.reads += w.tally.reads
	}
	return sum
}
