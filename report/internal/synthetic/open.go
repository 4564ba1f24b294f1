package synthetic

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// OpenLoad is the text of a run at rates that others set: by series and rate the p99 in ns, 0 where
// the load was not carried. In the block of that number nothing is carried.
func OpenLoad(p99s map[string]map[string]float64, broken int) string {
	var b strings.Builder
	b.WriteString("# contend protocol=1\n# run id=a\n# axis name=Cache key=rate series=backend\nusable-cpus: 2\n")
	for block := range 6 {
		for _, backend := range slices.Sorted(maps.Keys(p99s)) {
			for _, rate := range slices.Sorted(maps.Keys(p99s[backend])) {
				fmt.Fprintf(&b, "# sample cell=%s%s block=%d\nBenchmarkCache/arrivals=poisson/rate=%s/backend=%s/gomaxprocs=2 1000 300000 capacity/s 100000 offered/s ", backend, rate, block, rate, backend)
				p99 := p99s[backend][rate]
				if p99 == 0 || block == broken {
					b.WriteString("90000 achieved/s\n")
					continue
				}
				p99 *= 1 + float64(block)/100
				fmt.Fprintf(&b, "100000 achieved/s %g p50-ns %g p99-ns %g service-p99-ns %g closed-p99-ns\n", p99/4, p99, p99/10, p99/20)
			}
		}
	}
	return b.String()
}
