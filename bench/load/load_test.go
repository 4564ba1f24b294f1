package load

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// simulated is a clock that moves when it is read, by that much, and when
// something says that time has passed.
type simulated struct{ now, read int64 }

func (c *simulated) Now() int64            { c.now += c.read; return c.now }
func (c *simulated) Sleep(d time.Duration) { c.now += int64(d) }

func schedule(t *testing.T, a Arrivals, rate float64, generators int) *Schedule {
	t.Helper()
	s, err := NewSchedule(a, rate, generators, 1)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// offer runs a plan at this rate against operations of that service time, on a
// simulated clock, for a window after a tenth of it. stall is added to the operation
// in the middle.
func offer(t *testing.T, a Arrivals, rate float64, service, window, stall time.Duration) *Record {
	c := &simulated{read: max(int64(service)/1000, 1)} // hardly any of the service
	from := int64(window) / 10
	middle := from + int64(window)/2
	stalled := false
	g := Generator{Plan: schedule(t, a, rate, 1).Plan(0, 0), Clock: c, Do: func(_ int64, n int) {
		c.now += int64(service) * int64(n)
		if !stalled && c.now > middle {
			c.now, stalled = c.now+int64(stall), true
		}
	}}
	return g.Run(from, from+int64(window))
}

// TestPlans: the rate is exact, gaps of several generators are interleaved, equal
// seeds give equal plans, and others do not.
func TestPlans(t *testing.T) {
	for _, a := range AllArrivals {
		s := schedule(t, a, 1e6, 3)
		var all []int64
		for g := range 3 {
			p, again := s.Plan(g, 0), schedule(t, a, 1e6, 3).Plan(g, 0)
			for range 1 << tableBits {
				at := p.Next()
				if at != again.Next() {
					t.Fatalf("%s: two plans with one seed differ", a)
				}
				all = append(all, at)
			}
		}
		slices.Sort(all)
		if rate := float64(len(all)) / float64(all[len(all)-1]) * 1e9; math.Abs(rate/1e6-1) > .001 {
			t.Errorf("%s: %.0f operations per second", a, rate)
		}
		if gap := all[1] - all[0]; a == Constant && (gap < 999 || gap > 1001) {
			t.Errorf("the first two of %d generators start %d ns apart", 3, gap)
		}
	}
	other, err := NewSchedule(Poisson, 1e6, 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := schedule(t, Poisson, 1e6, 3).Plan(0, 0), other.Plan(0, 0); [2]int64{a.Next(), a.Next()} == [2]int64{b.Next(), b.Next()} {
		t.Error("two seeds give one plan")
	}
	for _, rate := range []float64{0, -1, math.NaN(), math.Inf(1), 1e12} {
		if _, err := NewSchedule(Poisson, rate, 1, 1); err == nil {
			t.Errorf("a rate of %g is planned", rate)
		}
	}
	if _, err := NewSchedule("bursts", 1, 1, 1); err == nil {
		t.Error("arrivals that do not exist are planned")
	}
}

// TestPoissonGaps: gaps pass the test of Kolmogorov and Smirnov for an exponential
// distribution.
func TestPoissonGaps(t *testing.T) {
	p := schedule(t, Poisson, 1e5, 1).Plan(0, 0)
	gaps := make([]float64, 1<<tableBits)
	last := p.Next()
	for i := range gaps {
		next := p.Next()
		gaps[i], last = float64(next-last)/1e4, next
	}
	slices.Sort(gaps)
	worst := 0.0
	for i, g := range gaps {
		f := 1 - math.Exp(-g)
		worst = max(worst, math.Abs(f-float64(i)/float64(len(gaps))), math.Abs(f-float64(i+1)/float64(len(gaps))))
	}
	if limit := 1.63 / math.Sqrt(float64(len(gaps))); worst > limit { // 1%
		t.Errorf("off by %.4f, at most %.4f", worst, limit)
	}
}

// TestStall: a stop shows in the responses as arithmetic has it, and hardly in what a
// closed loop would have seen.
func TestStall(t *testing.T) {
	const rho, service, window, stall = .7, time.Microsecond, 200 * time.Millisecond, 4 * time.Millisecond
	r := offer(t, Constant, rho/service.Seconds(), service, window, stall)
	for _, q := range []float64{.95, .97, .99, .999} {
		want := StallQuantile(stall, window, rho, q)
		got := time.Duration(r.Response.ValueAtQuantile(100 * q))
		if off := float64(got)/float64(want) - 1; math.Abs(off) > .05 {
			t.Errorf("p%g: %v, by the formula %v", 100*q, got, want)
		}
	}
	if p := r.Service.ValueAtQuantile(99.9); p > 2*int64(service) {
		t.Errorf("the service's p99.9 is %d ns", p)
	}
	if longest := r.Service.Max(); longest < int64(stall) {
		t.Errorf("the stalled operation took %d ns", longest)
	}
	if worst := slices.Max(r.Slices); worst < int64(stall) || slices.Index(r.Slices, worst) != 10 && slices.Index(r.Slices, worst) != 9 {
		t.Errorf("the longest response, %d ns, is in slice %d", worst, slices.Index(r.Slices, worst))
	}
	if got := StallQuantile(stall, window, rho, .5); got != 0 {
		t.Errorf("the median of a single stall: %v", got)
	}
}

// TestQueue: responses are those of a queue with random arrivals and a fixed service
// time (M/D/1): its mean by the formula, its 99th percentile by simulation of others.
func TestQueue(t *testing.T) {
	const service = 20 * time.Microsecond
	for _, c := range []struct{ rho, p99 float64 }{{.5, 4.3}, {.8, 11.1}, {.9, 22.7}} {
		r := offer(t, Poisson, c.rho/service.Seconds(), service, 20*time.Second, 0)
		mean := r.Response.Mean() / float64(service)
		if want := 1 + c.rho/(2*(1-c.rho)); math.Abs(mean/want-1) > .1 {
			t.Errorf("utilisation %g: a mean of %.2f services, want %.2f", c.rho, mean, want)
		}
		if p99 := float64(r.Response.ValueAtQuantile(99)) / float64(service); math.Abs(p99/c.p99-1) > .15 {
			t.Errorf("utilisation %g: p99 of %.1f services, want %.1f", c.rho, p99, c.p99)
		}
		if !r.Stable(20 * time.Second) {
			t.Errorf("utilisation %g: unstable, from %v to %v behind, %d of %d in time", c.rho, r.Begin, r.End, r.Intime, r.Offered)
		}
	}
}

// TestOverload: a load that is not carried is unstable; one that is hopeless ends.
func TestOverload(t *testing.T) {
	const service, window = 10 * time.Microsecond, 200 * time.Millisecond
	r := offer(t, Poisson, 1.2/service.Seconds(), service, window, 0)
	if r.Stable(window) || r.Dropped > 0 || r.Response.TotalCount() != r.Offered {
		t.Errorf("120%%: stable %v, %d dropped, %d of %d recorded", r.Stable(window), r.Dropped, r.Response.TotalCount(), r.Offered)
	}
	r = offer(t, Poisson, 10/service.Seconds(), service, window, 0)
	if r.Stable(window) || r.Dropped == 0 || r.Response.TotalCount()+r.Dropped != r.Offered {
		t.Errorf("1000%%: stable %v, %d dropped, %d of %d recorded", r.Stable(window), r.Dropped, r.Response.TotalCount(), r.Offered)
	}
}

// TestNeverEarly: no operation begins before it is due, single or in a group, on the
// host's clock.
func TestNeverEarly(t *testing.T) {
	for _, group := range []int{1, 7} {
		clock := HostClock()
		s := schedule(t, Poisson, 2e5, 1)
		due, done := s.Plan(0, 0), 0
		g := Generator{Plan: s.Plan(0, 0), Clock: clock, Group: group, Do: func(_ int64, n int) {
			now := clock.Now()
			for range n {
				if at := due.Next(); at > now {
					t.Errorf("group of %d: operation %d began %d ns before it was due", group, done, at-now)
				}
				done++
			}
		}}
		r := g.Run(0, int64(20*time.Millisecond))
		n := r.Offered - r.Dropped // a busy host may be behind for good
		if int64(done) != n || r.Response.TotalCount() != n || r.Service.TotalCount() != n {
			t.Errorf("group of %d: %d done, %d offered, %d dropped, %d responses, %d services", group, done, r.Offered, r.Dropped, r.Response.TotalCount(), r.Service.TotalCount())
		}
	}
}

// TestSleeps: long gaps are slept through, but for their end.
func TestSleeps(t *testing.T) {
	c := &simulated{read: 50}
	if now := wait(c, 0, int64(10*time.Millisecond), false); now < int64(10*time.Millisecond) || now > int64(10*time.Millisecond)+c.read {
		t.Errorf("waited until %d", now)
	}
}

// TestGroups: a group keeps four readings of the clock to each.
func TestGroups(t *testing.T) {
	for _, c := range []struct {
		rate float64
		read int64
		want int
	}{{1e6, 40, 1}, {6e6, 40, 1}, {6.5e6, 40, 2}, {1e8, 40, 16}, {1, 40, 1}} {
		if got := GroupFor(c.rate, c.read); got != c.want {
			t.Errorf("%g per second at %d ns: groups of %d, want %d", c.rate, c.read, got, c.want)
		}
	}
}

// TestLimit: what a generator offers at most is bounded by its readings of the clock.
func TestLimit(t *testing.T) {
	for _, group := range []int{1, 10} {
		if got, want := Limit(&simulated{read: 100}, group), 1e7*float64(group); math.Abs(got/want-1) > .01 {
			t.Errorf("groups of %d: %g per second, want %g", group, got, want)
		}
	}
}

// TestTold: a quantile needs ten values beyond it.
func TestTold(t *testing.T) {
	for n, want := range map[int64]string{9: "[]", 100: "[0.5 0.9]", 999: "[0.5 0.9]", 1000: "[0.5 0.9 0.99]", 10_000: "[0.5 0.9 0.99 0.999]", 100_000: "[0.5 0.9 0.99 0.999 0.9999]"} {
		if got := fmt.Sprint(Told(n)); got != want {
			t.Errorf("%d values: %s, want %s", n, got, want)
		}
	}
}

// TestMergeAndLog: several generators' records are one, and a log holds what the
// record did.
func TestMergeAndLog(t *testing.T) {
	whole, a, b := newRecord(3), newRecord(3), newRecord(3)
	for i := range int64(5000) {
		part := a
		if i%3 == 0 {
			part = b
		}
		for _, r := range []*Record{whole, part} {
			r.operations([]int64{i * 5000}, i*5000, i*5000+i, 0, 30e6)
		}
	}
	a.Merge(b)
	if !a.Response.Equals(whole.Response) || !a.Service.Equals(whole.Service) || !slices.Equal(a.Slices, whole.Slices) || a.Offered != whole.Offered || a.Intime != whole.Intime {
		t.Errorf("merged %+v\nwhole %+v", a, whole)
	}
	begin := time.UnixMilli(1000)
	closed := newRecord(0)
	closed.add(closed.Service, 77, 3)
	kept := whole.Log(closed, begin)
	kept.Causes = map[Cause][]Moment{Collector: {{1012, 300 * time.Microsecond}}, Moved: {{1010, 3}, {1020, 1}}}
	log, err := kept.Encode(begin, begin.Add(30*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	again, err := ReadLog(bytes.NewReader(log))
	if err != nil || !again.Response.Equals(whole.Response) || again.Closed.TotalCount() != 3 || again.Lag == nil {
		t.Fatalf("%v: %+v", err, again)
	}
	for i, want := range []Moment{{1000, 2000}, {1010, 4000}, {1020, 5000}} {
		got := again.Longest[i]
		if got.At != want.At || got.Value < want.Value-want.Value/100-1 || got.Value > want.Value+want.Value/50 {
			t.Errorf("the longest of slice %d is %+v, want %+v", i, got, want)
		}
	}
	stops := again.Causes[Collector]
	if len(again.Longest) != 3 || len(stops) != 1 || stops[0].At != 1012 || stops[0].Value < 295*time.Microsecond {
		t.Errorf("%d slices, stops %+v", len(again.Longest), stops)
	}
	if moved := again.Causes[Moved]; !slices.Equal(moved, kept.Causes[Moved]) || len(again.Causes) != 2 {
		t.Errorf("causes %+v, want %+v", again.Causes, kept.Causes)
	}
	for _, bad := range []string{"", "no log", string(log[:len(log)/3]), "Tag=response,1,2,3,HISTFAAAxx\n"} {
		if l, err := ReadLog(strings.NewReader(bad)); err == nil {
			t.Errorf("%.20q was read: %+v", bad, l)
		}
	}
	reader := hdrhistogram.NewHistogramLogReader(bytes.NewReader(log))
	for _, want := range []struct {
		tag string
		*hdrhistogram.Histogram
	}{{"response", whole.Response}, {"service", whole.Service}, {"closed", closed.Service}, {"lag", whole.Lag}} {
		got, err := reader.NextIntervalHistogram()
		if err != nil || got == nil || got.Tag() != want.tag || got.TotalCount() != want.TotalCount() || got.ValueAtQuantile(99) != want.ValueAtQuantile(99) || got.StartTimeMs() != 1000 {
			t.Fatalf("%s: %+v, %v\n%s", want.tag, got, err, log)
		}
	}
	beyond := newRecord(1)
	beyond.add(beyond.Response, 10*longest, 1)
	if beyond.Beyond != 1 || beyond.Stable(time.Second) {
		t.Errorf("a value beyond the range: %+v", beyond)
	}
}

// TestSaturate: the closed loop asks for the next operation when the last has ended, and
// several generators are one record.
func TestSaturate(t *testing.T) {
	var generators []*Generator
	for range 2 {
		c := &simulated{read: 1}
		generators = append(generators, &Generator{Clock: c, Group: 2, Do: func(_ int64, n int) { c.now += int64(n) * 100 }})
	}
	r := All(generators, func(g *Generator) *Record { return g.Saturate(1_000_000) })
	if r.Offered < 2*9_900 || r.Offered > 2*10_000 || r.Service.TotalCount() != r.Offered || r.Response.TotalCount() != 0 {
		t.Errorf("%d operations, %d services, %d responses", r.Offered, r.Service.TotalCount(), r.Response.TotalCount())
	}
	if p := r.Service.ValueAtQuantile(50); p < 99 || p > 102 {
		t.Errorf("a service of %d ns", p)
	}
}

// TestNoAllocation: offering and recording allocate nothing.
func TestNoAllocation(t *testing.T) {
	c := &simulated{read: 20}
	g := Generator{Plan: schedule(t, Poisson, 1e6, 1).Plan(0, 0), Clock: c, Do: func(_ int64, n int) { c.now += 100 }}
	few := testing.AllocsPerRun(3, func() { c.now = 0; g.Plan = schedule(t, Poisson, 1e6, 1).Plan(0, 0); g.Run(0, 1_000_000) })
	many := testing.AllocsPerRun(3, func() { c.now = 0; g.Plan = schedule(t, Poisson, 1e6, 1).Plan(0, 0); g.Run(0, 9_000_000) })
	if many > few {
		t.Errorf("%v allocations for 1,000 operations, %v for 9,000", few, many)
	}
}

// TestPacer: a loop that others wrote is never early, keeps the plan however long its
// operations take, and is told how late it is.
func TestPacer(t *testing.T) {
	const n, rate = 200, 20_000
	p, err := NewPacer(Poisson, rate, 3)
	if err != nil {
		t.Fatal(err)
	}
	plan := must(NewSchedule(Poisson, rate, 1, 3)).Plan(0, 0)
	began := time.Now()
	for i := range n {
		due := p.Wait()
		if now := time.Now(); now.Before(due) {
			t.Fatalf("operation %d begins %v before it is due", i, due.Sub(now))
		}
		if got, want := due.Sub(p.clock.base), time.Duration(plan.Next()); got != want {
			t.Fatalf("operation %d is due after %v, by the plan %v", i, got, want)
		}
		if i == n/2 {
			time.Sleep(5 * time.Millisecond)
			if p.Wait(); p.Behind < 3*time.Millisecond {
				t.Errorf("after a stop of 5ms the next operation is %v late", p.Behind)
			}
			plan.Next()
		}
	}
	if d := time.Since(began); d < n/2*time.Second/rate {
		t.Errorf("%d operations in %v", n, d)
	}
	if _, err := NewPacer(Poisson, 0, 1); err == nil {
		t.Error("a rate of nothing is paced")
	}
}

func must(s *Schedule, err error) *Schedule {
	if err != nil {
		panic(err)
	}
	return s
}
