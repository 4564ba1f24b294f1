package ring

import (
	"testing"
	"unsafe"
)

func TestSizes(t *testing.T) {
	if n := unsafe.Sizeof(entry{}); n != 64 {
		t.Errorf("an entry is %d bytes, want one line of 64", n)
	}
	if n := unsafe.Sizeof(bucket{}); n != bucketSize {
		t.Errorf("a bucket is %d bytes, want %d", n, bucketSize)
	}
	if n := unsafe.Sizeof(markSet{}); n != 64 {
		t.Errorf("a ghost set is %d bytes, want one line of 64", n)
	}
	var s shard
	if n := unsafe.Sizeof(s); n != shardSize {
		t.Errorf("a shard is %d bytes, want %d", n, shardSize)
	}
	if n := unsafe.Offsetof(s.slots); n != 64 {
		t.Errorf("a shard's rings are at offset %d, want 64: one line for all that an insert writes", n)
	}
	var c Cache[string, *int]
	t.Logf("Cache %d, idle at %d, kind at %d", unsafe.Sizeof(c), unsafe.Offsetof(c.table.idle), unsafe.Offsetof(c.kind))
}
