// Package study plans what the published study's claims need to be judged: the
// study's own comparison, and the fair variant of each claim beside it. The
// claims themselves, and the figures that decide them, are in report/claims.
package study

import (
	"slices"
	"strings"
	"time"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/sample"
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

// Family plans the study's cells, which are cells of the two others.
func Family(caches, primitives family.Family) family.Family {
	var list []Part
	for _, p := range parts {
		list = append(list, Part{Family: caches, Values: p.values()})
	}
	list = append(list, Part{Family: primitives, NoTour: true, Values: family.Values{
		"row": {"lock-contended"}, "impl": {"mutex", "barging"}, "hold": {Hold.String()}, "think": {Think.String()},
	}})
	return Of("the caches and primitives that contend claims needs to judge the published study", []string{"--quick"}, list)
}

// Part is cells of a family.
type Part struct {
	Family family.Family
	Values family.Values
	NoTour bool // the family has none
}

// Of is the family study whose cells are those of its parts, at the sweep's values of GOMAXPROCS.
func Of(about string, examples []string, parts []Part) family.Family {
	return family.Family{
		Name: "study", About: about, Examples: examples,
		Plan: func(s *family.Sweep) (*bench.Plan, error) { return plan(s, parts) },
	}
}

func plan(s *family.Sweep, parts []Part) (*bench.Plan, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	return s.Fit(func() (*bench.Plan, error) {
		each := *s.SweepOptions // budget and variants are of the whole
		each.Budget, each.Variants = 0, nil
		whole := each.NewPlan()
		for _, part := range parts {
			o := each
			if part.NoTour && o.TraceTour() {
				o.Trace = map[bool]string{true: "cells", false: "none"}[o.TraceCells()]
			}
			p, err := part.Family.Plan(&family.Sweep{SweepOptions: &o, Values: part.Values, Host: s.Host})
			if err != nil {
				return nil, err
			}
			join(whole, p)
		}
		return whole, nil
	})
}

func (p part) values() family.Values {
	v := family.Values{"backend": strings.Split(p.backends, ","), "workload": {p.workload}, "keys": {"32K"}, "sharing": {"all"}, "work": {p.work.String()}}
	if p.itemLock != "" {
		v["item-lock"] = []string{p.itemLock}
	}
	if p.sharing != "" {
		v["sharing"] = []string{p.sharing}
	}
	return v
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
