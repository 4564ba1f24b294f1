// Package study plans what the published study's claims need to be judged: the
// study's own comparison, and the fair variant of each claim beside it. The
// claims themselves, and the figures that decide them, are in report/claims.
package study

import (
	"slices"
	"strings"
	"time"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/cachebench"
	"github.com/contend-go/contend/bench/cachebench/workload"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/primitives"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/caches/catalog"
)

// part is some caches on one load.
type part struct {
	backends string
	workload string
	itemLock string // "on" if empty
	sharing  string // "all" if empty
	work     time.Duration
}

// Work is the CPU time per operation, outside the cache, of the cells that show
// what more work does: some 50 times the cost of a cached read.
const Work = 5 * time.Microsecond

// Hold and Think are the times inside and between critical sections of the
// cells that compare mutexes with and without a starvation mode: about what an
// LRU takes under its lock, and as long outside of it.
const (
	Hold  = 200 * time.Nanosecond
	Think = 200 * time.Nanosecond
)

// parts are the study's cells. otter1 is its S3-FIFO, as it used that library;
// ring is one that locks nothing on reads, stripedlru the sharding that the
// study did not measure.
var parts = []part{
	{backends: "mutexlru,workerpool,stripedlru,otter1,ring", workload: "walk"},
	{backends: "mutexlru", workload: "walk", sharing: "none"},
	{backends: "mutexlru,ring", workload: "walk", work: Work},
	{backends: "mutexlru,workerpool,stripedlru,otter1,ring", workload: "ratelimit"},
	{backends: "otter1,ring", workload: "ratelimit", itemLock: "off"},
	{backends: "mutexlru,workerpool,otter1,ring", workload: "expire"},
}

// Plan is all of it for the given host, at the sweep's values of GOMAXPROCS.
func Plan(sweep *bench.SweepOptions, facts *host.Facts) (*bench.Plan, error) {
	if err := sweep.Check(); err != nil {
		return nil, err
	}
	return sweep.Fit(func() (*bench.Plan, error) {
		each := *sweep // budget and variants are of the whole
		each.Budget, each.Variants = 0, nil
		whole := each.NewPlan()
		for _, p := range parts {
			o := p.options(each)
			plan, err := o.Plan(catalog.All(), facts)
			if err != nil {
				return nil, err
			}
			join(whole, plan)
		}
		if each.TraceTour() {
			each.Trace = "none" // primitives have no tour
		}
		locks := primitives.Options{Rows: []string{"lock-contended"}, Hold: []time.Duration{Hold}, Think: []time.Duration{Think}}
		plan, err := locks.Plan(&each, facts)
		if err != nil {
			return nil, err
		}
		plan.Cells = slices.DeleteFunc(plan.Cells, func(c bench.Cell) bool {
			return !strings.Contains(c.Name, "/impl=mutex/") && !strings.Contains(c.Name, "/impl=barging/")
		})
		join(whole, plan)
		return whole, nil
	})
}

func (p part) options(sweep bench.SweepOptions) cachebench.Options {
	or := func(value, usual string) []string {
		if value == "" {
			value = usual
		}
		return strings.Split(value, ",")
	}
	return cachebench.Options{
		SweepOptions: sweep,
		Backends:     strings.Split(p.backends, ","),
		Workloads:    []string{p.workload},
		Reads:        []string{"100"}, Keys: []string{"32K"}, Capacity: []string{"auto"},
		KeyTypes: []string{"string"}, KeySizes: []int{workload.DefaultKeyLength},
		PerP: []int{1}, Sharing: or(p.sharing, "all"), ItemLock: or(p.itemLock, "on"),
		HotShare: []string{"90"}, Work: []time.Duration{p.work},
	}
}

// join adds a plan's cells and records to the whole, each once.
func join(whole, part *bench.Plan) {
	for _, c := range part.Cells {
		if !slices.ContainsFunc(whole.Cells, func(o bench.Cell) bool { return o.Name == c.Name }) {
			whole.Cells = append(whole.Cells, c)
		}
	}
	for _, r := range part.Records {
		text := r.String()
		if !slices.ContainsFunc(whole.Records, func(o sample.Record) bool { return o.String() == text }) {
			whole.Records = append(whole.Records, r)
		}
	}
}
