package catalog

import (
	"math"
	"runtime"
	"testing"
	"weak"

	"github.com/contend-go/contend/caches"
	"github.com/contend-go/contend/caches/golangfifo"
	"github.com/contend-go/contend/caches/golanglru"
	"github.com/contend-go/contend/caches/groupcache"
	"github.com/contend-go/contend/caches/mutexlru"
	"github.com/contend-go/contend/caches/otter1"
	"github.com/contend-go/contend/caches/otter2"
	"github.com/contend-go/contend/caches/phuslu"
	"github.com/contend-go/contend/caches/plainmap"
	"github.com/contend-go/contend/caches/ring"
	"github.com/contend-go/contend/caches/rwmutexmap"
	"github.com/contend-go/contend/caches/s3fifo"
	"github.com/contend-go/contend/caches/stripedlru"
	"github.com/contend-go/contend/caches/syncmap"
	"github.com/contend-go/contend/caches/theine"
	"github.com/contend-go/contend/caches/workerpool"
	"github.com/contend-go/contend/caches/xsyncmap"
)

func newRing[K comparable, V any](capacity int) (caches.Cache[K, V], error) {
	return ring.New[K, V](capacity)
}

// constructors are those of backends that take any type of key. The others take
// the Specs' only.
func constructors[K comparable, V any]() map[string]func(int) (caches.Cache[K, V], error) {
	return map[string]func(int) (caches.Cache[K, V], error){
		"golangfifo":     golangfifo.NewS3FIFO[K, V],
		"golanglru":      golanglru.New[K, V],
		"golangsieve":    golangfifo.NewSieve[K, V],
		"actor":          workerpool.NewActor[K, V],
		"groupcache":     groupcache.New[K, V],
		"rwmutexmap":     rwmutexmap.New[K, V],
		"mutexlru":       mutexlru.New[K, V],
		"otter1":         otter1.New[K, V],
		"otter2":         otter2.New[K, V],
		"phuslu":         phuslu.New[K, V],
		"plainmap":       plainmap.New[K, V],
		"ring":           newRing[K, V],
		"s3fifo":         s3fifo.New[K, V],
		"stripedlru":     stripedlru.New[K, V],
		"syncmap":        syncmap.New[K, V],
		"theine":         theine.New[K, V],
		"workerpool":     workerpool.NewChannel[K, V],
		"workerpoolring": workerpool.NewRing[K, V],
		"workerpoolspin": workerpool.NewSpin[K, V],
		"xsyncmap":       xsyncmap.New[K, V],
	}
}

// goexitHangs are the libraries that keep a bucket locked when a function they
// call ends its goroutine. Their adapters mend it for a panic, but nothing stops
// a Goexit.
var goexitHangs = map[string]bool{"xsyncmap": true}

// stuckOnBadKey are the libraries that a key which cannot be hashed leaves
// locked, or makes end the process: it panics under a lock that is not released
// by defer, or in a goroutine of the library's.
var stuckOnBadKey = map[string]bool{"golanglru": true, "golangfifo": true}

// ends calls f in a goroutine of its own and says how it ended there.
func ends(f func()) (how string) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		how = "Goexit"
		defer func() {
			if recover() != nil {
				how = "panic"
			}
		}()
		f()
		how = "return"
	}()
	<-done
	return how
}

// TestUsableAfterPanic: a key that cannot be hashed, or compared, panics, as in
// a map, and an Update whose function panics or ends its goroutine does what
// that did; none leaves the cache locked, or with a value.
func TestUsableAfterPanic(t *testing.T) {
	type pair struct{ a, b any }
	bad := map[string]any{"slice": []byte("x"), "pair": pair{1, []int{1}}, "array": [2]any{1: func() {}}}
	for name, open := range constructors[any, int]() {
		t.Run(name, func(t *testing.T) {
			c, err := open(1000)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.Set("held", 1)
			c.Set(pair{1, 2}, 1)
			for what, key := range bad {
				if stuckOnBadKey[name] {
					break
				}
				for op, call := range map[string]func(){
					"Get":    func() { c.Get(key) },
					"Set":    func() { c.Set(key, 1) },
					"Delete": func() { c.Delete(key) },
				} {
					if how := ends(call); how != "panic" {
						t.Errorf("%s of an unhashable %s: %s, want a panic", op, what, how)
					}
					for i := range 64 { // whichever lock it was
						c.Set(i, i)
						c.Delete(i)
					}
					c.Len()
				}
			}
			u, ok := c.(caches.Updater[any, int])
			if !ok {
				return
			}
			for _, key := range []any{"held", "new"} {
				before, _ := c.Get(key)
				if how := ends(func() { u.Update(key, func(int, bool) int { panic("mine") }) }); how != "panic" {
					t.Errorf("Update of %v with a function that panics: %s", key, how)
				}
				if goexitHangs[name] {
					continue
				}
				if how := ends(func() { u.Update(key, func(int, bool) int { runtime.Goexit(); return 9 }) }); how != "Goexit" {
					t.Errorf("Update of %v with a function that calls Goexit: %s", key, how)
				}
				if after, ok := c.Get(key); after != before || ok != (key == "held") {
					t.Errorf("%v holds %v, %v after that, want %v", key, after, ok, before)
				}
				if got := u.Update(key, func(old int, ok bool) int { return old + 1 }); got != before+1 {
					t.Errorf("Update of %v returned %d after that, want %d", key, got, before+1)
				}
			}
		})
	}
}

// nanKept are the libraries that keep keys which do not equal themselves, and so
// grow without bound.
var nanKept = map[string]bool{
	"golangfifo": true, "golanglru": true, "golangsieve": true, "groupcache": true, "otter1": true, "otter2": true, "phuslu": true, "theine": true,
}

// TestNaN: a key that does not equal itself is never found. A bounded cache of
// ours does not keep it.
func TestNaN(t *testing.T) {
	for name, open := range constructors[float64, *int]() {
		spec, _ := Lookup(name)
		if !spec.Bounded || nanKept[name] {
			continue
		}
		t.Run(name, func(t *testing.T) {
			const capacity, n = 64, 10_000
			c, err := open(capacity)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			var refs [n]weak.Pointer[int]
			func() {
				for i := range refs {
					v := &[]int{i}[0]
					refs[i] = weak.Make(v)
					c.Set(math.NaN(), v)
				}
			}()
			if _, ok := c.Get(math.NaN()); ok {
				t.Error("NaN is found")
			}
			if got := c.Len(); got > capacity {
				t.Errorf("Len is %d", got)
			}
			runtime.GC()
			alive := 0
			for i := range refs {
				if refs[i].Value() != nil {
					alive++
				}
			}
			if alive > capacity+1 {
				t.Errorf("%d values of NaN keys are kept at capacity %d", alive, capacity)
			}
			for i := range capacity {
				c.Set(float64(i), new(int))
			}
			for i := range capacity {
				if _, ok := c.Get(float64(i)); !ok {
					t.Errorf("key %d is not found", i)
				}
			}
			runtime.KeepAlive(c)
		})
	}
}
