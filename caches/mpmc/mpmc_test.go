package mpmc

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/anishathalye/porcupine"
	"golang.org/x/sys/cpu"
)

// waits names both ways to wait, for tests that hold for either.
var waits = map[string]Wait{"park": Park, "spin": Spin}

func TestCapacity(t *testing.T) {
	for _, c := range []struct{ asked, want int }{{-1, 2}, {0, 2}, {1, 2}, {2, 2}, {3, 4}, {4, 4}, {5, 8}, {1000, 1024}} {
		r := New[int](c.asked, Park)
		if r.Cap() != c.want {
			t.Errorf("New(%d) has capacity %d, want %d", c.asked, r.Cap(), c.want)
		}
		for i := range c.want {
			if !r.TryPush(i) {
				t.Fatalf("capacity %d: value %d refused", c.want, i)
			}
		}
		if r.TryPush(0) {
			t.Errorf("capacity %d: one value too many accepted", c.want)
		}
	}
}

func TestPadding(t *testing.T) {
	const line = unsafe.Sizeof(cpu.CacheLinePad{})
	var r Ring[byte]
	tail, head, poppers, pushers := unsafe.Offsetof(r.tail), unsafe.Offsetof(r.head), unsafe.Offsetof(r.poppers), unsafe.Offsetof(r.pushers)
	if tail-unsafe.Sizeof(r.slots) < line || head-tail-8 < line || poppers-head-8 < line || pushers-poppers-unsafe.Sizeof(r.poppers) < line {
		t.Errorf("tail at %d, head at %d, poppers at %d, pushers at %d: want a line of %d bytes between any two", tail, head, poppers, pushers, line)
	}
	if gap := gapOf[byte](); gap < line {
		t.Errorf("slot of byte: %d bytes from its value to the next slot, want %d", gap, line)
	}
	if gap := gapOf[[3]string](); gap < line {
		t.Errorf("slot of [3]string: %d bytes from its value to the next slot, want %d", gap, line)
	}
}

// gapOf is the distance between the end of a slot's value and the next slot.
func gapOf[T any]() uintptr {
	var s [2]slot[T, cpu.CacheLinePad]
	end := uintptr(unsafe.Pointer(&s[0].value)) + unsafe.Sizeof(s[0].value)
	return uintptr(unsafe.Pointer(&s[1].seq)) - end
}

// TestUnpadded shows that there the counters, and neighbouring slots, do share
// a line.
func TestUnpadded(t *testing.T) {
	const line = unsafe.Sizeof(cpu.CacheLinePad{})
	r := NewUnpadded[uint64](1024, Park)
	if offset := unsafe.Offsetof(r.tail); offset%16 != 0 || unsafe.Offsetof(r.head) != offset+8 {
		t.Errorf("tail at %d, head at %d: an object aligned to 16 bytes may have them in two lines", offset, unsafe.Offsetof(r.head))
	}
	at := func(p unsafe.Pointer) uintptr { return uintptr(p) / line }
	if tail, head := at(unsafe.Pointer(&r.tail)), at(unsafe.Pointer(&r.head)); tail != head {
		t.Errorf("tail in line %d, head in line %d: want the same", tail, head)
	}
	if size := unsafe.Sizeof(r.slots[0]); size != 16 {
		t.Errorf("a slot of uint64 takes %d bytes, want 16: several to a line", size)
	}
	stress(t, NewUnpadded[[2]int](4, Park))
}

// TestAgainstReference compares random single-goroutine operations with a slice.
func TestAgainstReference(t *testing.T) {
	seed := rand.Uint64()
	for capacity := 2; capacity <= 8; capacity *= 2 {
		rng := rand.New(rand.NewPCG(seed, uint64(capacity)))
		r := New[int](capacity, Park)
		var ref []int
		isClosed := false
		for i := range 20_000 {
			where := fmt.Sprintf("seed %d, capacity %d, step %d", seed, capacity, i)
			switch op := rng.IntN(40_000); {
			case op == 0:
				r.Close()
				isClosed = true
			case op%2 == 0:
				want := len(ref) < capacity && !isClosed
				if got := r.TryPush(i); got != want {
					t.Fatalf("%s: TryPush = %v, want %v", where, got, want)
				}
				if want {
					ref = append(ref, i)
				}
			default:
				v, ok := r.TryPop()
				if ok != (len(ref) > 0) || ok && v != ref[0] {
					t.Fatalf("%s: TryPop = %d, %v, want the first of %v", where, v, ok, ref)
				}
				if ok {
					ref = ref[1:]
				}
			}
		}
	}
}

// TestPoppedIsReleased: a popped value's memory must not be held by its slot.
func TestPoppedIsReleased(t *testing.T) {
	r := New[*int](2, Park)
	r.TryPush(new(int))
	r.TryPop()
	if r.slots[0].value != nil {
		t.Error("the slot still holds the popped pointer")
	}
}

func TestClose(t *testing.T) {
	for name, wait := range waits {
		t.Run(name, func(t *testing.T) {
			r := New[int](4, wait)
			r.Push(1)
			r.Push(2)
			r.Close()
			r.Close()
			if r.Push(3) || r.TryPush(3) {
				t.Error("a closed ring accepts values")
			}
			for want := 1; want <= 2; want++ {
				if v, ok := r.Pop(); v != want || !ok {
					t.Errorf("Pop after Close = %d, %v, want %d, true", v, ok, want)
				}
			}
			if v, ok := r.Pop(); ok {
				t.Errorf("Pop of a closed and empty ring = %d, true", v)
			}
		})
	}
}

// TestCloseWakes: goroutines blocked on either side return when the ring is
// closed. A test that hangs here has lost a wake-up.
func TestCloseWakes(t *testing.T) {
	for name, wait := range waits {
		t.Run(name, func(t *testing.T) {
			full, empty := New[int](2, wait), New[int](2, wait)
			full.Push(0)
			full.Push(0)
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					if full.Push(1) {
						t.Error("Push into a full ring returned true")
					}
				})
				wg.Go(func() {
					if _, ok := empty.Pop(); ok {
						t.Error("Pop from an empty ring returned true")
					}
				})
			}
			for full.pushers.waiting.Load() < 8 || empty.poppers.waiting.Load() < 8 {
				time.Sleep(time.Millisecond) // until all are parked
			}
			full.Close()
			empty.Close()
			wg.Wait()
		})
	}
}

// TestStress moves numbered values through rings of the smallest and of a
// larger capacity: each arrives exactly once, and those of one producer arrive
// at any one consumer in their order.
func TestStress(t *testing.T) {
	for name, wait := range waits {
		for _, procs := range []int{1, 2, 32} {
			for _, capacity := range []int{2, 64} {
				t.Run(fmt.Sprintf("%s/procs=%d/capacity=%d", name, procs, capacity), func(t *testing.T) {
					defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
					stress(t, New[[2]int](capacity, wait))
				})
			}
		}
	}
}

func stress[Pad any](t *testing.T, r *ring[[2]int, Pad]) {
	const producers, consumers, each = 6, 6, 1500
	var received [producers][each]atomic.Int32
	var pushing, popping sync.WaitGroup
	for p := range producers {
		pushing.Go(func() {
			for i := range each {
				if v := [2]int{p, i}; i%3 == 0 {
					for !r.TryPush(v) {
						runtime.Gosched()
					}
				} else if !r.Push(v) {
					t.Error("Push into an open ring returned false")
				}
			}
		})
	}
	for range consumers {
		popping.Go(func() {
			var next [producers]int // the least number that may still come
			for {
				v, ok := r.TryPop()
				if !ok {
					if v, ok = r.Pop(); !ok {
						return
					}
				}
				p, i := v[0], v[1]
				if i < next[p] {
					t.Errorf("producer %d: value %d after %d", p, i, next[p]-1)
				}
				next[p] = i + 1
				received[p][i].Add(1)
			}
		})
	}
	pushing.Wait()
	r.Close()
	popping.Wait()
	for p := range received {
		for i := range received[p] {
			if n := received[p][i].Load(); n != 1 {
				t.Fatalf("producer %d's value %d arrived %d times", p, i, n)
			}
		}
	}
}

// ringOp is one operation for the linearizability model.
type ringOp struct {
	push  bool
	value int // pushed
}

type ringResult struct {
	ok    bool
	value int // popped
}

// model is the sequential queue of capacity 2 as porcupine takes it.
var model = porcupine.Model{
	Init: func() any { return [3]int{} }, // length, first, second
	Step: func(state, input, output any) (bool, any) {
		s, in, out := state.([3]int), input.(ringOp), output.(ringResult)
		n := s[0]
		switch {
		case in.push && out.ok:
			if n == 2 {
				return false, s
			}
			s[0]++
			s[1+n] = in.value
			return true, s
		case in.push:
			return n == 2, s
		case out.ok:
			return n > 0 && out.value == s[1], [3]int{n - 1, s[2]}
		default:
			return n == 0, s
		}
	},
}

// TestLinearizable records short concurrent histories of all operations,
// failing tries included, on a ring of two slots.
func TestLinearizable(t *testing.T) {
	seed := rand.Uint64()
	for _, procs := range []int{1, 2, 8, 32} {
		t.Run(fmt.Sprintf("procs=%d", procs), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			for round := range 60 {
				history := record(seed, uint64(round))
				switch porcupine.CheckOperationsTimeout(model, history, 30*time.Second) {
				case porcupine.Illegal:
					t.Fatalf("seed %d, round %d: not linearizable: %v", seed, round, history)
				case porcupine.Unknown:
					t.Logf("seed %d, round %d: undecided", seed, round)
				}
			}
		})
	}
}

func record(seed, round uint64) []porcupine.Operation {
	const clients, each = 4, 30
	r := New[int](2, Park)
	start := time.Now()
	var histories [clients][]porcupine.Operation
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(seed, round<<8|uint64(c)))
			for i := range each {
				in := ringOp{push: rng.IntN(2) == 0, value: c*each + i + 1}
				var out ringResult
				call := time.Since(start).Nanoseconds()
				if in.push {
					out.ok = r.TryPush(in.value)
				} else {
					out.value, out.ok = r.TryPop()
				}
				ret := time.Since(start).Nanoseconds()
				histories[c] = append(histories[c], porcupine.Operation{ClientId: c, Input: in, Call: call, Output: out, Return: ret})
			}
		})
	}
	wg.Wait()
	var all []porcupine.Operation
	for _, h := range histories {
		all = append(all, h...)
	}
	return all
}

func BenchmarkRing(b *testing.B) {
	for name, wait := range waits {
		b.Run("wait="+name, func(b *testing.B) {
			r := New[int](1024, wait)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					r.Push(1)
					r.Pop()
				}
			})
		})
	}
}
