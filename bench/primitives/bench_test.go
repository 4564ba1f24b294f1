package primitives

import (
	"runtime"
	"testing"
)

// BenchmarkPrimitive is every row as Go benchmarks, in this one process:
//
//	go test -bench . -cpu 1,2 ./bench/primitives
//
// Names are those of `contend sweep --suite primitives`, but for GOMAXPROCS,
// which is the suffix that go test adds.
func BenchmarkPrimitive(b *testing.B) {
	for _, r := range rows {
		for _, i := range r.impls {
			b.Run("row="+r.name+"/impl="+i.name, func(b *testing.B) {
				b.ReportAllocs()
				b.StopTimer()
				// Only here is GOMAXPROCS what -cpu says.
				if err := i.job(conditions{procs: runtime.GOMAXPROCS(0)}, b.N).do(b.StartTimer, b.StopTimer); err != nil {
					b.Error(err)
				}
			})
		}
	}
}
