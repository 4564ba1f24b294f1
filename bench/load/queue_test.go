package load

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// BenchmarkQueue holds measured responses against queues whose answer is known: random
// arrivals at one server, whose work takes 10 µs each time (M/D/1), or is exponential (M/M/1). An iteration
// is a window of 20 ms. Windows in which the host took the CPU away for 50 µs, so that work, or the generator by itself, was
// late by that, are left out; fewer than 100 quiet ones cannot tell.
//
//	GOMAXPROCS=2 go test -run '^$' -bench Queue -benchtime 600x ./bench/load
func BenchmarkQueue(b *testing.B) {
	const work, window = 10 * time.Microsecond, int64(20 * time.Millisecond)
	const leastQuiet, leastStall = 100, int64(50 * time.Microsecond)
	clock := HostClock()
	for _, queue := range []string{"md1", "mm1"} {
		for _, rho := range []float64{.5, .8, .9} {
			b.Run(fmt.Sprintf("%s/rho=%g", queue, rho), func(b *testing.B) {
				times := []uint64{uint64(work) << fraction}
				if queue == "mm1" {
					times = exponential(float64(work)*(1<<fraction), rand.New(rand.NewPCG(1, 2)))
				}
				at, late := 0, int64(0)
				do := func(now int64, _ int) {
					end := now + int64(times[at%len(times)]>>fraction)
					at++
					for now < end {
						now = clock.Now()
					}
					late = max(late, now-end)
				}
				open, closed := newRecord(int(window/int64(sliceTime))+1), newRecord(0)
				quiet := 0.0 // windows
				seed := uint64(0)
				for b.Loop() {
					closed.Merge((&Generator{Clock: clock, Do: do}).Saturate(clock.Now() + window/10))
					seed++
					s, err := NewSchedule(Poisson, rho/closed.Service.Mean()*1e9, 1, seed)
					if err != nil {
						b.Fatal(err)
					}
					late = 0
					from := clock.Now() + window/2
					r := (&Generator{Plan: s.Plan(0, from-window/2), Clock: clock, Do: do}).Run(from, from+window)
					if max(late, r.Lag.Max()) < leastStall {
						open.Merge(r)
						quiet++
					}
				}
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(quiet, "quiet")
				if quiet < leastQuiet {
					return
				}
				// In a queue an operation begins at the reading that ended the one before: nothing is between them.
				server := open.Service.Mean()
				used := float64(open.Offered) / quiet / float64(window) * server
				mean, p99 := known(queue, used)
				b.ReportMetric(used, "used")
				b.ReportMetric(open.Response.Mean()/server/mean, "mean/known")
				b.ReportMetric(float64(open.Response.ValueAtQuantile(99))/server/p99, "p99/known")
			})
		}
	}
}

// known is the mean response of a queue at a utilisation, and its 99th percentile, in services.
// Of M/D/1 the latter is the median of simulations by Lindley's recursion.
func known(queue string, rho float64) (mean, p99 float64) {
	if queue == "mm1" {
		return 1 / (1 - rho), math.Log(100) / (1 - rho)
	}
	var quantiles []float64
	for seed := range uint64(9) {
		random := rand.New(rand.NewPCG(seed, 3))
		responses := make([]float64, 400_000)
		wait := 0.0
		for i := range responses {
			responses[i] = wait + 1
			wait = max(0, wait+1-random.ExpFloat64()/rho)
		}
		slices.Sort(responses)
		quantiles = append(quantiles, responses[len(responses)*99/100])
	}
	slices.Sort(quantiles)
	return 1 + rho/(2*(1-rho)), quantiles[len(quantiles)/2]
}

// TestKnown: the simulation's p99 of a queue M/D/1 is that of others.
func TestKnown(t *testing.T) {
	for _, c := range []struct{ rho, p99 float64 }{{.5, 4.3}, {.8, 11.1}, {.9, 22.7}} {
		if _, got := known("md1", c.rho); math.Abs(got/c.p99-1) > .05 {
			t.Errorf("utilisation %g: p99 of %.2f services, want %.1f", c.rho, got, c.p99)
		}
	}
}
