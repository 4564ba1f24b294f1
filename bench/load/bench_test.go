package load

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkGenerator is what a generator costs by itself, and how well it keeps its plan: operations that do nothing, at
// rates that fill a part of the time, or more than it holds. An iteration is a window of 100 ms.
//
//	GOMAXPROCS=2 go test -run '^$' -bench Generator -benchtime 20x ./bench/load
func BenchmarkGenerator(b *testing.B) {
	clock := HostClock()
	read, _ := ReadCost(clock, 10_000)
	for _, rate := range []float64{1e3, 1e4, 1e5, 1e6, 1e7, 1e8} {
		group := GroupFor(rate, read)
		b.Run(fmt.Sprintf("rate=%g/group=%d", rate, group), func(b *testing.B) {
			schedule, err := NewSchedule(Poisson, rate, 1, 1)
			if err != nil {
				b.Fatal(err)
			}
			const window = 100 * time.Millisecond
			all := newRecord(int(window/sliceTime) + 1)
			for b.Loop() {
				began := clock.Now() + int64(time.Millisecond)
				g := Generator{Plan: schedule.Plan(0, began), Clock: clock, Do: func(int64, int) {}, Group: group}
				all.Merge(g.Run(began, began+int64(window)))
			}
			held := 0.0
			if all.Stable(window) {
				held = 1
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(read), "clock-ns")
			b.ReportMetric(held, "held")
			b.ReportMetric(Limit(clock, group)/1e6, "limit-M/s")
			b.ReportMetric(float64(all.Lag.ValueAtQuantile(50)), "lag-p50-ns")
			b.ReportMetric(float64(all.Lag.ValueAtQuantile(99)), "lag-p99-ns")
			b.ReportMetric(float64(all.Service.ValueAtQuantile(50)), "service-p50-ns")
			b.ReportMetric(float64(all.Response.ValueAtQuantile(50)), "p50-ns")
			b.ReportMetric(float64(all.Response.ValueAtQuantile(99)), "p99-ns")
			b.ReportMetric(float64(all.Intime)/float64(all.Offered)*100, "%intime")
		})
	}
}
