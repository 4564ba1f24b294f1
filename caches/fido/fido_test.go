package fido

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

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

// TestRecycled looks for a Get that returns another key's value, because the
// entry was recycled between lookup and read. It depends on luck, so not to
// see it proves nothing.
func TestRecycled(t *testing.T) {
	if raceEnabled {
		t.Skip("the library reads values under a sequence lock that the race detector cannot see")
	}
	c, err := New[uint64, caches.Item](capacity)
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(time.Second)
	var seen atomic.Bool
	var wg sync.WaitGroup
	for w := range uint64(8) {
		wg.Go(func() {
			for i := w; !seen.Load() && time.Now().Before(deadline); i++ {
				key := i * 7 % keys
				if it, ok := c.Get(key); !ok {
					c.Set(key, &caches.Item{ID: key})
				} else if it.ID != key {
					seen.Store(true)
				}
			}
		})
	}
	wg.Wait()
	if !seen.Load() {
		t.Skip("not seen in a second")
	}
	t.Log("seen: Get returned a value stored for another key")
}
