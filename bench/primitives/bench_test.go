package primitives

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// BenchmarkPrimitive is every row as Go benchmarks, in this one process:
//
//	go test -bench . ./bench/primitives
//
// Names are those of `contend sweep --suite primitives`; -cpu sets GOMAXPROCS.
func BenchmarkPrimitive(b *testing.B) {
	o := Options{Hold: []time.Duration{0}, Think: []time.Duration{0}}
	for _, r := range rows {
		o.each(r, []int{runtime.GOMAXPROCS(0)}, func(c cell) {
			i, _ := r.impl(c.Impl)
			b.Run(strings.TrimPrefix(c.name(), "BenchmarkPrimitive/"), func(b *testing.B) {
				b.ReportAllocs()
				b.StopTimer()
				if err := i.job(c.conditions(), b.N).do(b.StartTimer, b.StopTimer); err != nil {
					b.Error(err)
				}
			})
		})
	}
}
