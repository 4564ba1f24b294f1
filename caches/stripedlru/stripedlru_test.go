package stripedlru

import (
	"testing"
	"unsafe"
)

func TestStripeSize(t *testing.T) {
	if s := unsafe.Sizeof(stripe[string, *int]{}); s%cacheLine != 0 {
		t.Errorf("a stripe takes %d bytes, want a multiple of %d", s, cacheLine)
	}
}

func TestStripeCount(t *testing.T) {
	for _, c := range []struct{ capacity, procs, want int }{
		{1, 1, 1},
		{127, 64, 1},
		{255, 64, 1},
		{256, 64, 2},
		{1000, 2, 4},
		{1 << 20, 1, 8},
		{1 << 20, 2, 16},
		{1 << 20, 3, 32},
		{1 << 20, 192, 2048},
	} {
		if got := stripeCount(c.capacity, c.procs); got != c.want {
			t.Errorf("stripeCount(%d, %d) = %d, want %d", c.capacity, c.procs, got, c.want)
		}
	}
}

func TestSharesAddUp(t *testing.T) {
	for _, capacity := range []int{1, 255, 256, 1000, 4097} {
		c, err := New[uint64, int](capacity)
		if err != nil {
			t.Fatal(err)
		}
		for key := range uint64(50 * capacity) {
			c.Set(key, 0)
		}
		if c.Len() != capacity {
			t.Errorf("overfilled cache of capacity %d holds %d", capacity, c.Len())
		}
	}
}
