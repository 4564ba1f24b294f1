package catalog

import (
	"testing"

	"github.com/contend-go/contend/caches/cachetest"
)

// known are the promises that a library breaks, and its adapter cannot mend.
// The adapter's own tests reproduce each.
var known = map[string][]cachetest.Known{
	"bigcache": {
		{Check: "long-keys", Why: "a key's length is kept in 16 bits: one of 64 KiB or more is never found again"},
	},
	"otter2": {
		{Check: "own-key", Why: "the policy runs behind the caller, and may throw a newcomer out before the Get right after its Set"},
	},
	"fido": {
		{Check: "len", Why: "Len does not count evicted entries that can still be read"},
		{Check: "concurrent-identity", Why: "a Get of an entry that is being recycled returns another key's value"},
		{Check: "concurrent-len", Why: "Delete beside eviction may hang"},
		{Check: "concurrent-bound", Why: "a Get of an entry that is being recycled returns another key's value"},
		{Check: "freshness-evicting", Why: "a Get of an entry that is being recycled returns another key's value; Delete beside eviction may hang"},
		{Check: "linearizable-evicting", Why: "a Get of an entry that is being recycled returns another key's value; Delete beside eviction may hang"},
	},
}

// racy are the libraries that the race detector stops, and why.
var racy = map[string]string{
	"fido": "values are read beside their overwriting, under a sequence lock that the race detector cannot see",
}

// TestConformance holds every backend to what its Spec promises.
func TestConformance(t *testing.T) {
	for _, spec := range All() {
		t.Run(spec.Name, func(t *testing.T) {
			if why := racy[spec.Name]; raceEnabled && why != "" {
				t.Skip("not run under the race detector: " + why)
			}
			cachetest.Run(t, spec, known[spec.Name]...)
		})
	}
}
