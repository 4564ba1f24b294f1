package ring

import (
	"math/rand/v2"
	"testing"
)

// TestGhostWraps runs two caches alike, but for the second's ghost, which
// believes that it is about to have counted 2^32 steps: both must find the same
// keys all the way, before the wrap and after it.
func TestGhostWraps(t *testing.T) {
	for _, capacity := range []int{20, 200, 5000} {
		young, err := New[uint64, int](capacity, Shards(1))
		if err != nil {
			t.Fatal(err)
		}
		old, err := New[uint64, int](capacity, Shards(1))
		if err != nil {
			t.Fatal(err)
		}
		old.secrets = young.secrets // the same buckets, sets and marks
		// Without lanes: which one an insert uses depends on the CPU.
		young.shards[0].lanes, old.shards[0].lanes = nil, nil
		const ahead = 1<<32 - 2*steps // a multiple of steps: no mark tells the difference
		old.shards[0].ghost.step += ahead
		old.shards[0].ghost.oldest += ahead
		r := rand.New(rand.NewPCG(1, uint64(capacity)))
		zipf := rand.NewZipf(r, 1.01, 1, uint64(20*capacity))
		access := func(key uint64) {
			_, hit := young.Get(key)
			if _, too := old.Get(key); hit != too {
				t.Fatalf("capacity %d, %d steps: the young cache finds key %d: %v, the old one: %v", capacity, young.shards[0].ghost.step, key, hit, too)
			}
			if !hit {
				young.Set(key, 1)
				old.Set(key, 1)
			}
		}
		if capacity < 1000 { // each way of asking for keys again
			for key := uint64(1 << 40); old.shards[0].ghost.step >= 1<<31 || old.shards[0].ghost.step < 5*steps; key++ {
				access(key)
				access(zipf.Uint64())
				if key%3 == 0 {
					access(key - uint64(r.IntN(2*capacity)))
				}
			}
		} else {
			for key := uint64(1 << 40); old.shards[0].ghost.step >= 1<<31; key++ {
				access(key)
				access(zipf.Uint64())
			}
		}
		for name, c := range map[string]*Cache[uint64, int]{"young": young, "old": old} {
			if err := c.Check(); err != nil {
				t.Errorf("capacity %d, the %s cache: %v", capacity, name, err)
			}
		}
	}
}
