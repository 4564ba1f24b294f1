package ring_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/contend-go/contend/caches/cachetest"
	"github.com/contend-go/contend/caches/ring"
)

func TestConformance(t *testing.T) { cachetest.Run(t, ring.Spec()) }

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		capacity int
		opts     []ring.Option
		want     string
	}{
		{capacity: 0, want: "capacity 0"},
		{capacity: -5, want: "capacity -5"},
		{capacity: 1<<27 + 1, want: "ring: capacity 134217729: at most"},
		{capacity: 1 << 30, want: "ring: capacity 1073741824: at most"}, // was taken, and killed the process for want of memory
		{capacity: 100, opts: []ring.Option{ring.Shards(3)}, want: "3 shards: want a power of two"},
		{capacity: 100, opts: []ring.Option{ring.Shards(0)}, want: "0 shards: want a power of two"},
		{capacity: 100, opts: []ring.Option{ring.Shards(16)}, want: "16 shards for capacity 100"},
	} {
		if _, err := ring.New[string, int](c.capacity, c.opts...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("capacity %d: error %v, want %q in it", c.capacity, err, c.want)
		}
	}
}

// TestKinds uses keys and values of every kind that is held in its own way.
func TestKinds(t *testing.T) {
	type name string
	type point struct {
		x, y int
		s    string
	}
	testKind(t, func(i int) string { return strings.Repeat("k", i) })
	testKind(t, func(i int) name { return name(fmt.Sprintf("%0*d", 20+i%9, i)) })
	testKind(t, func(i int) int8 { return int8(i) })
	testKind(t, func(i int) uint16 { return uint16(i) })
	testKind(t, func(i int) int32 { return int32(-i) })
	testKind(t, func(i int) uintptr { return uintptr(i) })
	testKind(t, func(i int) float64 { return float64(i) / 3 })
	testKind(t, func(i int) point { return point{i, -i, fmt.Sprint(i)} })
	testKind(t, func(i int) any {
		if i%2 == 0 {
			return i
		}
		return fmt.Sprint(i)
	})
	testKind(t, func(i int) [5]int { return [5]int{4: i} })
	testKind(t, func(i int) *int { return &[]int{i}[0] })
}

func testKind[K comparable](t *testing.T, key func(i int) K) {
	t.Run(fmt.Sprintf("%T", key(0)), func(t *testing.T) {
		testValues(t, key, func(i int) int { return i })
		testValues(t, key, func(i int) string { return fmt.Sprint(i) })
		ints := make([]int, 100)
		testValues(t, key, func(i int) *int { return &ints[i] })
		testValues(t, key, func(i int) [3]*int { return [3]*int{1: &ints[i]} })
		testValues(t, key, func(i int) error { return fmt.Errorf("%d", i) }, sameText)
		testValues(t, key, func(i int) map[int]int { return nil }, func(a, b map[int]int) bool { return a == nil && b == nil })
	})
}

func sameText(a, b error) bool { return a.Error() == b.Error() }

func testValues[K comparable, V any](t *testing.T, key func(i int) K, value func(i int) V, same ...func(a, b V) bool) {
	equal := func(a, b V) bool { return any(a) == any(b) }
	if same != nil {
		equal = same[0]
	}
	c, err := ring.New[K, V](200)
	if err != nil {
		t.Fatal(err)
	}
	var keys []K
	for i := range 100 {
		keys = append(keys, key(i))
	}
	want := func(k int, v V, ok bool) {
		t.Helper()
		if got, found := c.Get(keys[k]); found != ok || ok && !equal(got, v) {
			t.Errorf("value %T: Get(%v) = %v, %v, want %v, %v", v, keys[k], got, found, v, ok)
		}
	}
	for i := range keys {
		c.Set(keys[i], value(i))
	}
	for i := range keys {
		want(i, value(i), true)
		c.Set(keys[i], value((i+1)%100))
		want(i, value((i+1)%100), true)
		got := c.Update(keys[i], func(old V, ok bool) V {
			if !ok || !equal(old, value((i+1)%100)) {
				t.Errorf("Update(%v) sees %v, %v, want %v", keys[i], old, ok, value((i+1)%100))
			}
			return value(0)
		})
		if !equal(got, value(0)) {
			t.Errorf("Update(%v) = %v, want %v", keys[i], got, value(0))
		}
		c.Delete(keys[i])
		want(i, value(0), false)
		c.Update(keys[i], func(old V, ok bool) V {
			if ok {
				t.Errorf("Update(%v) sees a deleted value", keys[i])
			}
			return value(i)
		})
		want(i, value(i), true)
	}
	if n := c.Len(); n != 100 {
		t.Errorf("Len = %d, want 100", n)
	}
	if err := c.Check(); err != nil {
		t.Error(err)
	}
}

// TestAllocations: what is held inline costs no allocation, a new key one.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	c, err := ring.New[string, *int](1000)
	if err != nil {
		t.Fatal(err)
	}
	value := new(int)
	for _, length := range []int{0, 1, 7, 8, 17, 24, 25, 100, 1000} {
		key := strings.Repeat("x", length)
		for _, op := range []struct {
			name string
			want float64
			do   func()
		}{
			{"a Get that misses", 0, func() { c.Get(key) }},
			{"a Set and a Delete of a new key", 1, func() { c.Set(key, value); c.Delete(key) }},
			{"the first Set", -1, func() { c.Set(key, value) }},
			{"a Get", 0, func() { c.Get(key) }},
			{"an overwriting Set", 0, func() { c.Set(key, value) }},
			{"an Update", 0, func() { c.Update(key, func(old *int, ok bool) *int { return old }) }},
		} {
			if got := testing.AllocsPerRun(100, op.do); op.want >= 0 && got != op.want {
				t.Errorf("%s, key of %d bytes: %v allocations, want %v", op.name, length, got, op.want)
			}
		}
		c.Delete(key)
	}
	words, err := ring.New[uint64, *int](1000)
	if err != nil {
		t.Fatal(err)
	}
	words.Set(7, value)
	if got := testing.AllocsPerRun(100, func() { words.Get(7); words.Set(7, value) }); got != 0 {
		t.Errorf("a Get and an overwriting Set of an integer key: %v allocations, want 0", got)
	}
}

// TestLongKeys: an entry has its own copy of a string that fits into it, and lets
// the caller's go; of a longer one it keeps the caller's.
func TestLongKeys(t *testing.T) {
	c, err := ring.New[string, int](1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, length := range []int{1, 8, 24, 25, 40, 41, 56, 57, 88, 89, 120, 121, 151, 152, 153, 1000} {
		letGo := make(chan bool, 1)
		func() {
			bytes := make([]byte, length+64) // not of a size that is allocated together with others
			runtime.AddCleanup(&bytes[0], func(done chan bool) { done <- true }, letGo)
			c.Set(unsafe.String(&bytes[0], length), length)
		}()
		for gone, tries := false, 0; !gone && (length <= 152 || tries < 3); tries++ {
			runtime.GC()
			select {
			case gone = <-letGo:
				if length > 152 {
					t.Errorf("a key of %d bytes: the caller's was let go", length)
				}
			case <-time.After(10 * time.Millisecond): // the cleanup runs on a goroutine of its own
			}
		}
		key := make([]byte, length)
		if v, ok := c.Get(string(key)); !ok || v != length {
			t.Errorf("a key of %d bytes: Get = %d, %v", length, v, ok)
		}
		key[length-1] = 1
		if _, ok := c.Get(string(key)); ok {
			t.Errorf("a key of %d bytes that differs in the last is found", length)
		}
	}
}

// TestShortKeys holds all strings of up to 3 bytes over an alphabet, and of up to 7
// over two letters: each is a key of its own.
func TestShortKeys(t *testing.T) {
	c, err := ring.New[string, string](50_000)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	var extend func(prefix, letters string, length int)
	extend = func(prefix, letters string, length int) {
		keys = append(keys, prefix)
		for i := 0; i < len(letters) && length > 0; i++ {
			extend(prefix+letters[i:i+1], letters, length-1)
		}
	}
	extend("", "\x00\x01abcdefghijklmnopqrstuvwxyz", 3)
	extend("", "\x00y", 7)
	for _, k := range keys {
		c.Set(k, k)
	}
	for _, k := range keys {
		if v, ok := c.Get(k); !ok || v != k {
			t.Fatalf("Get(%q) = %q, %v", k, v, ok)
		}
	}
}
