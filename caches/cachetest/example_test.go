package cachetest_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/contend-go/contend/caches"
	"github.com/contend-go/contend/caches/cachetest"
)

// myCache is a cache of your own: here a map behind a read-write mutex.
type myCache[K comparable] struct {
	mu    sync.RWMutex
	items map[K]*caches.Item
}

func newMyCache[K comparable](capacity int) (caches.Cache[K, *caches.Item], error) {
	return &myCache[K]{items: make(map[K]*caches.Item, capacity)}, nil
}

func (c *myCache[K]) Get(key K) (*caches.Item, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	value, ok := c.items[key]
	return value, ok
}

func (c *myCache[K]) Set(key K, value *caches.Item) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.items[key] = value
}

func (c *myCache[K]) Delete(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.items, key)
}

func (c *myCache[K]) Len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.items)
}

func (c *myCache[K]) Close() error { return nil }

// mySpec says what myCache promises.
var mySpec = caches.Spec{
	Name:   "mycache",
	About:  "a map behind one sync.RWMutex",
	Sync:   caches.Mutex,
	Policy: "none",
	Strict: true,
	String: newMyCache[string],
	Uint64: newMyCache[uint64],
}

// TestMyCache is all it takes to hold a cache to its promises.
func TestMyCache(t *testing.T) { cachetest.Run(t, mySpec) }

func ExampleRun() {
	// In a file of your own whose name ends in _test.go, as a function TestMyCache:
	_ = func(t *testing.T) { cachetest.Run(t, mySpec) }
}

// Without a test, for a report of what was promised and what was observed.
func ExampleCheck() {
	report := cachetest.Check(context.Background(), mySpec, cachetest.Options{Quick: true})
	for _, r := range report.Results {
		switch r.Check {
		case "linearizable", "capacity":
			fmt.Printf("%s: %s, promised %q\n", r.Check, r.Verdict, r.Promised)
		}
	}
	fmt.Println("broken promises:", report.Err())
	// Output:
	// capacity: not promised, promised ""
	// linearizable: kept, promised "each key is linearizable, while all keys fit"
	// broken promises: <nil>
}
