package ring

import (
	"testing"
	"unsafe"
)

// TestLayout holds what the comments say about cache lines.
func TestLayout(t *testing.T) {
	var c Cache[string, *int]
	var s shard
	for _, size := range []struct {
		what      string
		got, want uintptr
	}{
		{"entry", unsafe.Sizeof(entry{}), 64},
		{"bucket", unsafe.Sizeof(bucket{}), bucketSize},
		{"set of marks", unsafe.Sizeof(markSet{}), 64},
		{"shard", unsafe.Sizeof(s), shardSize},
		{"part of a shard that inserts write", unsafe.Offsetof(s.slots), 64},
		{"Cache", unsafe.Sizeof(c), 192},
		{"part of a Cache that every Get reads", unsafe.Offsetof(c.table) + unsafe.Offsetof(c.table.shards), 64},
		{"part of a Cache that is not written", unsafe.Offsetof(c.table) + unsafe.Offsetof(c.table.idle), 128},
	} {
		if size.got != size.want {
			t.Errorf("%s: %d bytes, want %d", size.what, size.got, size.want)
		}
	}
}

// TestAlignment looks where the runtime puts things: on a line of their own.
func TestAlignment(t *testing.T) {
	for _, capacity := range []int{1, 5, 6, 40, 41, 100, 1000, 2500, 10_000, 100_000, 1_000_000} {
		c, err := New[uint64, *int](capacity)
		if err != nil {
			t.Fatal(err)
		}
		aligned := func(what string, p unsafe.Pointer, to uintptr) {
			if uintptr(p)%to != 0 {
				t.Errorf("capacity %d: %s is at %p, want a multiple of %d", capacity, what, p, to)
			}
		}
		aligned("the cache", unsafe.Pointer(c), 64)
		aligned("the index", c.buckets, 64)
		for _, s := range c.shards {
			aligned("a shard", unsafe.Pointer(s), shardSize)
			aligned("a ghost's marks", unsafe.Pointer(&newMarks(int(s.quota)).sets[0]), 64)
		}
		for k := range uint64(100) {
			c.Set(k, nil)
			if e := c.lookup(k); e != nil {
				aligned("an entry", unsafe.Pointer(e), 64)
			}
		}
	}
}
