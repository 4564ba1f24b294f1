package cachebench

import (
	"strings"
	"testing"

	"github.com/contend-go/contend/caches"
	"github.com/contend-go/contend/caches/catalog"
)

// deaf drops every other Set.
type deaf struct {
	caches.Cache[uint64, *caches.Item]
	sets int
}

func (c *deaf) Set(key uint64, it *caches.Item) {
	if c.sets++; c.sets%2 == 0 {
		c.Cache.Set(key, it)
	}
}

func TestAudit(t *testing.T) {
	const keys, capacity = 1000, 100
	stored, items := make([]uint64, keys), make([]caches.Item, keys)
	for i := range stored {
		stored[i] = uint64(i)
	}
	for _, c := range []struct {
		name    string
		backend string
		deaf    bool
		want    []string
	}{
		{"a bounded cache", "mutexlru", false, nil},
		{"one that holds all", "syncmap", false, []string{"holds 1000 entries, 10 times the capacity of 100"}},
		{"one that drops", "mutexlru", true, []string{"dropped 128 of 256 Sets"}},
	} {
		spec, _ := catalog.Lookup(c.backend)
		cache, err := spec.Uint64(capacity)
		if err != nil {
			t.Fatal(err)
		}
		for i, k := range stored {
			cache.Set(k, &items[i])
		}
		if c.deaf {
			cache = &deaf{Cache: cache}
		}
		var rep report
		warned := audit(cache, capacity, stored, stored, items, &rep)
		if len(rep.warnings) != len(c.want) || warned != (c.want != nil) {
			t.Errorf("%s: warnings %q, want %q", c.name, rep.warnings, c.want)
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(rep.warnings[i], want) {
				t.Errorf("%s: warning %q, want %q in it", c.name, rep.warnings[i], want)
			}
		}
	}
}
