package ring

import "testing"

// TestOneSetIsBounded: in a cache that was filled and every entry of which was
// read twice, the next new key may not move all of them under the lock.
func TestOneSetIsBounded(t *testing.T) {
	const capacity = 20_000
	for _, rounds := range []int{1, 4} { // in small, and in main
		c, err := New[uint64, int](capacity, Shards(1))
		if err != nil {
			t.Fatal(err)
		}
		for key := range uint64(capacity) {
			c.Set(key, 1)
		}
		s := c.shards[0]
		most := uint32(0)
		for key := range uint64(rounds * 100) {
			if key%100 == 0 {
				for old := range uint64(capacity) {
					c.Get(old)
					c.Get(old)
				}
			}
			before := [2]uint32{s.queue[small].head, s.queue[main].head}
			c.Set(1<<40+key, 1)
			moved := uint32(0)
			for q, head := range before {
				if now := s.queue[q]; now.head >= head { // the ring did not come round
					moved += now.head - head
				}
			}
			most = max(most, moved)
		}
		if most > maxMoves+laneSize {
			t.Errorf("one Set moved %d entries under the lock, at most %d promised", most, maxMoves+laneSize)
		}
		if err := c.Check(); err != nil {
			t.Error(err)
		}
	}
}
