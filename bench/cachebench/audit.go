package cachebench

import (
	"github.com/contend-go/contend/bench/cachebench/workload"
	"github.com/contend-go/contend/caches"
)

// audit looks at a cache that was measured and is at rest, and warns of what
// makes its hit ratio another's: that it holds more than its capacity, or that a
// Set is not seen by the Get right after it. It reports whether it warned.
func audit[K workload.Key](c caches.Cache[K, *caches.Item], capacity int, stored, lookup []K, items []caches.Item, rep *report) bool {
	before := len(rep.warnings)
	if n := c.Len(); n > capacity {
		rep.warn("the backend holds %d entries, %.3g times the capacity of %d: its hit ratio is that of a larger cache", n, float64(n)/float64(capacity), capacity)
	}
	const most = 256
	sets, unseen := 0, 0
	for i := 0; i < len(stored) && sets < most; i++ {
		if _, held := c.Get(lookup[i]); held {
			continue
		}
		sets++
		c.Set(stored[i], &items[i])
		if _, held := c.Get(lookup[i]); !held {
			unseen++
		}
	}
	if unseen > 0 {
		rep.warn("the backend dropped %d of %d Sets, or applies them later: the Get right after missed", unseen, sets)
	}
	return len(rep.warnings) > before
}
