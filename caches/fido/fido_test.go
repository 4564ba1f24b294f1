package fido

import (
	"sync/atomic"
	"testing"

	"github.com/codeGROOVE-dev/fido"

	"github.com/contend-go/contend/caches"
)

const capacity, keys = 64, 200

// fill sets more keys than fit and gets each once, so that evicted entries
// have merit enough for the library's death row.
func fill(c interface {
	Set(key uint64, value *uint64)
	Get(key uint64) (*uint64, bool)
}) {
	for key := range uint64(keys) {
		c.Set(key, &key)
		c.Get(key)
	}
}

// TestDeathRow reproduces what the package document says of the death row, on
// the library itself. Where this fails, the library was mended: the adapter's
// Delete can then be the library's, and the Spec may promise more.
func TestDeathRow(t *testing.T) {
	c := fido.New[uint64, *uint64](fido.Size(capacity))
	fill(c)
	found := 0
	for key := uint64(keys); key > 0; key-- { // the newest first, for a Get on death row evicts the oldest
		if _, ok := c.Get(key - 1); ok {
			found++
		}
	}
	if found <= c.Len() {
		t.Errorf("Get finds %d keys, Len is %d: evicted entries are no longer readable", found, c.Len())
	}

	c = fido.New[uint64, *uint64](fido.Size(capacity))
	fill(c)
	for key := range uint64(keys) {
		c.Delete(key)
	}
	if c.Len() == 0 {
		t.Error("after every key was deleted Len is 0: entries on death row are no longer unlinked twice")
	}
}

// TestDelete: the adapter's Delete leaves the library whole.
func TestDelete(t *testing.T) {
	c, err := New[uint64, uint64](capacity)
	if err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		fill(c)
		for key := range uint64(keys) {
			c.Delete(key)
		}
		if c.Len() != 0 {
			t.Errorf("round %d: after every key was deleted Len is %d", round, c.Len())
		}
	}
}

// BenchmarkRecycled counts Gets that return another key's value, because the entry
// was recycled between lookup and read: wrong/get. Whether any are seen depends on
// luck, so this shows the defect and holds nothing.
func BenchmarkRecycled(b *testing.B) {
	c, err := New[uint64, caches.Item](capacity)
	if err != nil {
		b.Fatal(err)
	}
	var wrong, next atomic.Int64
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for i := uint64(next.Add(1)); pb.Next(); i++ {
			key := i * 7 % keys
			if it, ok := c.Get(key); !ok {
				c.Set(key, &caches.Item{ID: key})
			} else if it.ID != key {
				wrong.Add(1)
			}
		}
	})
	b.ReportMetric(float64(wrong.Load())/float64(b.N), "wrong/get")
}
