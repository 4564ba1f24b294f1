package catalog

import (
	"context"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/allegro/bigcache/v3"
	hashicorp "github.com/hashicorp/golang-lru/v2"
	"github.com/maypok86/otter"
	"github.com/scalalang2/golang-fifo/s3fifo"
)

// The tests and the benchmark of this file show, on the libraries themselves, what the page of
// package cachetest says of them. Where a test fails, the library was mended: what
// the page, the adapter and the catalogue say of it can go.

// panics reports whether f does.
func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}

func TestUpstreamBigcache(t *testing.T) {
	config := bigcache.DefaultConfig(time.Hour)
	config.Verbose = false // it logs the long key, as a collision
	c, err := bigcache.New(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	key := strings.Repeat("k", 1<<16)
	if err := c.Set(key, []byte("value")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Get(key); err == nil {
		t.Error("a key of 64 KiB is found again")
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if !panics(func() { c.Close() }) {
		t.Error("the second Close does not panic")
	}
}

func TestUpstreamGolangFIFO(t *testing.T) {
	c := s3fifo.New[float64, int](8, 0)
	if !panics(func() {
		for range 100 {
			c.Set(math.NaN(), 1)
		}
	}) {
		t.Error("NaN keys do not panic")
	}
}

// A key that cannot be hashed panics, as it does in a map, but under a lock that
// no defer releases.
func TestUpstreamGolangLRU(t *testing.T) {
	c, err := hashicorp.New[any, int](10)
	if err != nil {
		t.Fatal(err)
	}
	if !panics(func() { c.Get([]byte("x")) }) {
		t.Fatal("a slice as key does not panic")
	}
	done := make(chan struct{})
	go func() {
		c.Get("y") // for ever: this goroutine stays
		close(done)
	}()
	select {
	case <-done:
		t.Error("the cache is usable after the panic")
	case <-time.After(100 * time.Millisecond):
	}
}

// BenchmarkUpstreamOtter1 counts the Gets that miss a key which is held
// throughout, beside a Set that overwrites it. A benchmark, as it depends on luck:
// not to see it proves nothing.
func BenchmarkUpstreamOtter1(b *testing.B) {
	c, err := otter.MustBuilder[int, int](1000).Build()
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	c.Set(1, 0)
	var stop atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; !stop.Load(); i++ {
			c.Set(1, i)
		}
	})
	missed := 0
	for b.Loop() {
		if _, ok := c.Get(1); !ok {
			missed++
		}
	}
	stop.Store(true)
	wg.Wait()
	b.ReportMetric(float64(missed)/float64(b.N), "missed/get")
}
