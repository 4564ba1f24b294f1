package workload

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"unsafe"
)

func numberedTrace(n int) *Trace {
	t := &Trace{Format: Lines}
	for i := range n {
		t.Requests = append(t.Requests, Op(i))
		t.IDs = append(t.IDs, uint64(i))
	}
	return t
}

func TestCursorOrder(t *testing.T) {
	const n = 10
	for _, batch := range []int{-1, 0, 1, 3, 5, 10, 1000} {
		trace := numberedTrace(n)
		c := trace.Cursor(batch)
		for lap := range 3 {
			var got []Op
			for len(got) < n {
				ops, l := c.Claim()
				if len(ops) == 0 || len(ops) > max(batch, 1) || l != lap {
					t.Fatalf("batch %d: claimed %v in lap %d, want lap %d", batch, ops, l, lap)
				}
				got = append(got, ops...)
			}
			if !slices.Equal(got, trace.Requests) {
				t.Errorf("batch %d, lap %d: claimed %v", batch, lap, got)
			}
		}
	}
}

// TestCursorShared: claimed by several goroutines, each request comes once a
// lap, and each goroutine sees its own in order.
func TestCursorShared(t *testing.T) {
	const n, goroutines, laps = 10_007, 8, 3
	for _, batch := range []int{1, 16} {
		c := numberedTrace(n).Cursor(batch)
		seen := make([][]int, goroutines) // by goroutine: lap × n + request
		var wg sync.WaitGroup
		for g := range goroutines {
			wg.Go(func() {
				for {
					ops, lap := c.Claim()
					if lap >= laps {
						return
					}
					for _, op := range ops {
						seen[g] = append(seen[g], lap*n+op.Index())
					}
				}
			})
		}
		wg.Wait()
		times := make([]int, laps*n)
		for g := range seen {
			if !slices.IsSorted(seen[g]) {
				t.Errorf("batch %d: goroutine %d went back", batch, g)
			}
			for _, at := range seen[g] {
				times[at]++
			}
		}
		for at, k := range times {
			if k != 1 {
				t.Fatalf("batch %d: request %d of lap %d was handed out %d times", batch, at%n, at/n, k)
			}
		}
	}
}

// TestCursorPadding: claiming must not disturb whatever else lies beside it,
// not even the cursor's own constants.
func TestCursorPadding(t *testing.T) {
	var c Cursor
	constants := unsafe.Offsetof(c.perLap) + unsafe.Sizeof(c.perLap)
	if claimed := unsafe.Offsetof(c.claimed); claimed-constants < cacheLine || unsafe.Sizeof(c)-claimed < cacheLine {
		t.Errorf("claimed at %d of %d bytes, behind constants that end at %d", claimed, unsafe.Sizeof(c), constants)
	}
}

func TestTraceKeys(t *testing.T) {
	trace := &Trace{IDs: []uint64{7, 0, 18446744073709551615, 42}}
	stored, lookup := TraceKeys[string](trace)
	for i, id := range trace.IDs {
		if want := strconv.FormatUint(id, 10); stored[i] != want || lookup[i] != want {
			t.Errorf("key %d is %q and %q, want %q", i, stored[i], lookup[i], want)
		}
		if unsafe.StringData(stored[i]) == unsafe.StringData(lookup[i]) {
			t.Errorf("the copies of key %d share their bytes", i)
		}
	}
	if a, b := TraceKeys[uint64](trace); !slices.Equal(a, trace.IDs) || !slices.Equal(b, trace.IDs) {
		t.Errorf("uint64 keys %v and %v, want %v", a, b, trace.IDs)
	}
}

func BenchmarkClaim(b *testing.B) {
	trace := numberedTrace(1 << 20)
	for _, batch := range []int{1, 16} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			c := trace.Cursor(batch)
			b.RunParallel(func(pb *testing.PB) {
				var ops []Op
				for pb.Next() {
					if len(ops) == 0 {
						ops, _ = c.Claim()
					}
					ops = ops[1:]
				}
			})
		})
	}
}
