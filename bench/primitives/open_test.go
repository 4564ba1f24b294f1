package primitives

import (
	"slices"
	"strings"
	"testing"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/load"
	"github.com/contend-go/contend/bench/sample"
)

// TestPaced: in every row, each operation of the workers is one of the load: those of a plan
// and those of a closed loop are recorded, each once, in groups of any size.
func TestPaced(t *testing.T) {
	clock := load.HostClock()
	for _, group := range []int{1, 7} {
		for _, r := range rows {
			for _, i := range r.impls {
				c := conditions{procs: 4, open: true}
				if len(i.job(c, 0).workers) > 10 {
					continue // a crowd of 1000 is no load of any host
				}
				closed := i.job(c, 100)
				loops := closed.loops(clock, group)
				if err := closed.do(func() {}, func() {}); err != nil {
					t.Fatal(err)
				}
				if got := merged(loops).Service.TotalCount(); got != 100 {
					t.Errorf("%s %s, groups of %d: %d operations of a closed loop of 100", r.name, i.name, group, got)
				}

				// All are due before the job begins: nothing waits, whatever the host does.
				workers := len(closed.workers)
				ops := slices.Repeat([]int{20}, workers)
				ops[0] = 31
				n := 20*workers + 11
				open := i.job(c, n)
				open.split(ops)
				loops = open.loops(clock, group)
				s, err := load.NewSchedule(load.Constant, 1e9, 1, 1)
				if err != nil {
					t.Fatal(err)
				}
				now := clock.Now()
				for g, l := range loops {
					l.Follow(s.Plan(0, now-int64(ops[g])), now-1e9, now)
				}
				if err := open.do(func() {}, func() {}); err != nil {
					t.Fatal(err)
				}
				if rec := merged(loops); rec.Response.TotalCount() != int64(n) || rec.Offered != int64(n) || rec.Dropped != 0 {
					t.Errorf("%s %s, groups of %d: %d responses, %d offered, %d dropped of %d", r.name, i.name, group, rec.Response.TotalCount(), rec.Offered, rec.Dropped, n)
				}
			}
		}
	}
}

// TestOpenLoad: a sweep offers the rate that the name says, tells what callers waited unless that
// was not carried, and names what it cannot offer.
func TestOpenLoad(t *testing.T) {
	facts := host.Read()
	o := sweepOptions(t)
	f := Family()
	o.Procs = "1,2,3"
	p, err := f.Plan(&family.Sweep{SweepOptions: o, Values: family.Values{
		"row": {"lock-contended", "1p1c", "contention"}, "impl": {"mutex", "ring"}, "load": {"open"}, "rate": {"1k", "10%"}, "think": {"1ms"},
	}, Host: &facts})
	if err != nil {
		t.Fatal(err)
	}
	sum, err := bench.Run(t.Context(), p, o.Options(&facts))
	if err != nil || len(sum.Invalid) > 0 || sum.Measured == 0 {
		t.Fatalf("%+v, %v", sum, err)
	}
	set, err := sample.Load(o.Out)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range set.Samples {
		rate, _ := s.Name.Get("rate")
		offered, _ := s.Value("offered/s")
		capacity, _ := s.Value("capacity/s")
		if rate == "1000" && offered != 1000 || rate == "10%" && (offered < .0999*capacity || offered > .1001*capacity) || offered == 0 {
			t.Errorf("%s: %g offered, capacity %g", s.Name, offered, capacity)
		}
		unstable := slices.ContainsFunc(s.Warnings, func(w string) bool { return strings.HasPrefix(w, "unstable") })
		if _, told := s.Value("max-ns"); told == unstable {
			t.Errorf("%s: a longest response %v, warnings %q", s.Name, told, s.Warnings)
		}
		if _, ok := s.Value("ops/s"); ok || len(s.Attachments) == 0 || strings.Contains(s.Name.String(), "think") {
			t.Errorf("%s: ops/s %v, attachments %v", s.Name, ok, s.Attachments)
		}
	}
	var absent []string
	for _, r := range set.Records {
		if r.Verb == "absent" {
			absent = append(absent, r.Get("reason"))
		}
	}
	for _, want := range []string{"at GOMAXPROCS=1: ", "its 8 generators spin, and need GOMAXPROCS=9"} {
		if !slices.ContainsFunc(absent, func(s string) bool { return strings.HasPrefix(s, want) }) {
			t.Errorf("not named: %s in %q", want, absent)
		}
	}
}
