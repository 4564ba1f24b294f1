package cachebench

import (
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
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
	d := definition(catalog.All(), nil)
	loads, err := d.Cells(family.Values{"backend": {"all"}, "workload": {"zipf", "evict"}, "reads": {"100", "75"}, "sharing": {"all"}})
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range loads {
		c.Procs = 1
		if absent(catalog.All(), &c, &facts).Reason != "" {
			continue
		}
		spec, err := find(catalog.All(), c.Backend)
		if err != nil {
			b.Fatal(err)
		}
		c.Seed = 1
		name := strings.TrimPrefix(d.NameOf(&c).Without(sample.GOMAXPROCS), "BenchmarkCache/")
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
