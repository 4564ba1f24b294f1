package cachebench

import (
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/caches/catalog"
)

// BenchmarkCache is the default sweep as Go benchmarks, in this one process:
//
//	go test -bench . -cpu 1,2 ./bench/cachebench
//
// Names are those of `contend sweep`, but for GOMAXPROCS, which is the suffix that
// go test adds. b.N operations are shared by the
// goroutines; there is no warm-up and no control of the process's state, which
// is what the sweep is for.
func BenchmarkCache(b *testing.B) {
	facts := host.Read()
	o := Options{
		Backends: catalog.Names(), Workloads: []string{"zipf", "evict"}, Reads: []string{"100", "75"}, Keys: []string{"64K"},
		Capacity: []string{"auto"}, KeyTypes: []string{"string"}, KeySizes: []int{17}, PerP: []int{1},
		Sharing: []string{"all"}, ItemLock: []string{"on"}, HotShare: []string{"90"}, Work: []time.Duration{0},
	}
	o.Procs = "1"
	a, err := o.axes(&facts)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range a.cross() {
		spec, err := find(catalog.All(), c.Backend)
		if err != nil {
			b.Fatal(err)
		}
		if notApplicable(spec, c) != "" || tooLarge(c, &facts) != "" {
			continue
		}
		c.StreamSeed = 1
		name := strings.TrimPrefix(strings.TrimSuffix(c.name(1), "/gomaxprocs=1"), "BenchmarkCache/")
		b.Run(name, func(b *testing.B) {
			c.Procs = runtime.GOMAXPROCS(0) // only here is it what -cpu says
			r, err := newRig(c, spec.String)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			var done sync.WaitGroup
			for i, w := range r.workers {
				n := b.N / len(r.workers)
				if i < b.N%len(r.workers) {
					n++
				}
				done.Go(func() { w.run(w, n) })
			}
			done.Wait()
			b.StopTimer()
			var sum tally
			for _, w := range r.workers {
				sum.gets += w.tally.gets
				sum.hits += w.tally.hits
			}
			if sum.gets > 0 {
				b.ReportMetric(float64(sum.hits)/float64(sum.gets), "hits/get")
			}
			for _, c := range r.caches {
				if err := c.Close(); err != nil {
					b.Error(err)
				}
			}
		})
	}
}
