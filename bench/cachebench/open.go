package cachebench

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/load"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/bench/whole"
)

// offered is a rate of operations that others set: one of the two, or none in a closed
// loop.
type offered struct {
	Share float64 `json:"share,omitempty"` // of the capacity, in percent
	Rate  float64 `json:"rate,omitempty"`  // operations per second, of all generators
}

// String is the rate as names have it.
func (o *offered) String() string {
	switch {
	case o.Share > 0:
		return family.Number(o.Share) + "%"
	case o.Rate > 0:
		return family.Number(o.Rate)
	}
	return ""
}

// readRate reads "80%" and "250k".
func readRate(word string) (func(*cell), error) {
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
		return nil, fmt.Errorf("%q is no rate: write a share of the capacity, such as 80%%, or operations per second, such as 250k", word)
	case isShare && v > 200:
		return nil, fmt.Errorf("%s of the capacity: more than twice what can be carried tells nothing", word)
	case isShare:
		return func(c *cell) { c.Offered = offered{Share: v} }, nil
	}
	return func(c *cell) { c.Offered = offered{Rate: v * unit} }, nil
}

// checkRate refuses what only an open load has, where there is none.
func checkRate(v family.Values) error {
	open := slices.Contains(v["load"], "open") || slices.Contains(v["load"], "all")
	for _, flag := range []string{"rate", "arrivals"} {
		if _, given := v[flag]; given && !open {
			return family.UsageError(flag, "in a closed loop the next operation begins when the last has ended; write --load open")
		}
	}
	return nil
}

// What the phases of an open load take, relative to its window: finding out how fast
// the cache is, the closed loop by the same means, and what is offered before the
// window begins.
const (
	closedPart = 4
	leadPart   = 10
	lead       = time.Millisecond
	leastPhase = 50 * time.Millisecond
	bigGroup   = 256
)

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
// driven in a closed loop: without many clock readings, to find how many operations have
// to be a group, and then by the same means as in the window, which is the capacity that
// a rate in percent is a share of.
func (r *rig[K]) measureOpen(facts *host.Facts, probe bench.Probe, w bench.Window) (rep report, err error) {
	clock := load.HostClock()
	read, _ := load.ReadCost(clock, 10_000)
	generators := r.generators(clock)
	n := float64(len(generators))

	_, fast := saturate(generators, bigGroup, max(r.cell.Time/2, minWarmup))
	group := load.GroupFor(fast/n, read)
	if r.cell.Offered.Rate > 0 {
		group = load.GroupFor(r.cell.Offered.Rate/n, read)
	}
	phase := max(r.cell.Time/closedPart, leastPhase)
	closed, capacity := saturate(generators, group, phase)
	rate := r.cell.Offered.Rate
	if rate == 0 {
		rate = r.cell.Offered.Share / 100 * capacity
	}
	if own := n * load.Limit(clock, group); rate > own {
		return rep, fmt.Errorf("the generators fell behind: they offer %.3g operations per second at most, in groups of %d, and %.3g were asked for", own, group, rate)
	}
	schedule, err := load.NewSchedule(r.cell.Arrivals, rate, len(generators), r.cell.Seed)
	if err != nil {
		return rep, err
	}
	if err := probe.Start(w); err != nil {
		return rep, err
	}
	before := r.tallies()
	m := bench.NewMeter(facts)
	m.Begin()
	began := clock.Now() + int64(lead)
	from := began + int64(r.cell.Time/leadPart)
	begin := time.Now().Add(time.Duration(from - clock.Now())) // of the window, on the wall
	for i, g := range generators {
		g.Plan = schedule.Plan(i, began)
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
	// At a rate that others set these say nothing but the rate.
	res.values = slices.DeleteFunc(res.values, func(v sample.Value) bool { return v.Unit == "ns/op" || v.Unit == "ops/s" })
	res.latencies(rec, closed, &rep, r.cell.Time)
	res.add("capacity/s", capacity)
	res.add("offered/s", rate)
	res.add("group-ops", float64(group))
	if err := r.attach(&rep, rec.Log(closed, begin), begin, w); err != nil {
		return rep, err
	}
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

// latencies adds the quantiles that the operations tell, if the load was carried.
func (res *result) latencies(rec, closed *load.Record, rep *report, window time.Duration) {
	achieved := float64(rec.Intime) / window.Seconds()
	res.add("achieved/s", achieved)
	if !rec.Stable(window) {
		rep.warn("unstable: %d of %d operations were carried out in time, and the last began %v late, so there are no quantiles",
			rec.Intime, rec.Offered, rec.End.Round(time.Microsecond))
		return
	}
	lag := rec.Lag.ValueAtQuantile(99)
	for _, q := range load.Told(rec.Response.TotalCount()) {
		name := "p" + strconv.FormatFloat(100*q, 'f', -1, 64) + "-ns"
		res.add(name, float64(rec.Response.ValueAtQuantile(100*q)))
		res.add("service-"+name, float64(rec.Service.ValueAtQuantile(100*q)))
		if float64(closed.Service.TotalCount())*(1-q) >= 10 {
			res.add("closed-"+name, float64(closed.Service.ValueAtQuantile(100*q)))
		}
	}
	res.add("max-ns", float64(rec.Response.Max()))
	if rec.Lag.TotalCount() > 0 {
		res.add("lag-p99-ns", float64(lag))
	}
	if median := rec.Response.ValueAtQuantile(50); median < 10*lag {
		rep.warn("waits below %v are not resolved: the generator itself began one of a hundred operations %v late", 10*time.Duration(lag), time.Duration(lag))
	}
}

// attach writes the histograms beside the samples.
func (r *rig[K]) attach(rep *report, latencies *load.Log, begin time.Time, w bench.Window) error {
	if w.Dir == "" {
		return nil
	}
	end := begin.Add(r.cell.Time)
	latencies.AddCollections(begin, end)
	log, err := latencies.Encode(begin, end)
	if err != nil {
		return err
	}
	name := "latencies/" + w.Prefix + ".hlog"
	path := filepath.Join(w.Dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	if err := whole.WriteBytes(path, log); err != nil {
		return err
	}
	sum := sha256.Sum256(log)
	rep.seen.Attachments = append(rep.seen.Attachments, sample.Attachment{Kind: "hdrhistogram", Path: name, SHA256: hex.EncodeToString(sum[:])})
	return nil
}
