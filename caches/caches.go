// Package caches is the contract that every backend keeps: the operations a
// cache offers ([Cache]), what it promises about them ([Spec]), and the value
// all of them hold while they are measured ([Item]).
//
// The package imports nothing of Contend, and a backend imports nothing of
// Contend but this package: a cache does not know that it is measured.
package caches

import (
	"fmt"
	"sync"
)

// Cache is one in-memory cache. All methods but Close may be called from any
// number of goroutines at once, unless the backend's [Spec] says ReadOnly.
type Cache[K comparable, V any] interface {
	// Get returns the value stored for key, and whether there was one.
	Get(key K) (V, bool)
	// Set stores value for key, replacing what was there. A bounded cache
	// may evict other keys to make room, never key itself. A key that does
	// not equal itself (a NaN, or what has one in it) can never be found:
	// a bounded cache need not hold it.
	Set(key K, value V)
	// Delete removes key; a key that is not there is no error.
	Delete(key K)
	// Len is the number of entries held, exact when no call is in flight and
	// what the cache does in the background is done.
	Len() int
	// Close stops every goroutine that the cache started and returns after
	// the last one ended. It is safe to call twice and concurrently. No other
	// method may be called after or during Close.
	Close() error
}

// Updater is the optional atomic read-modify-write. Backends that have none
// are driven with a lock on the item instead.
type Updater[K comparable, V any] interface {
	// Update calls f once or more with key's present value (the zero V and
	// false if there is none) and stores what the last call returned. No
	// other write to key comes between that call's argument and its result,
	// so f must be free of side effects. It must not call the cache, of which
	// it may hold a lock. If f panics or calls runtime.Goexit, so does Update,
	// in the caller's goroutine, and nothing is stored. Update returns the
	// stored value.
	Update(key K, f func(old V, ok bool) V) V
}

// Item is the value that measured caches hold, always by pointer. It is 32
// bytes: a lock and a token bucket, which is what a rate limiter keeps.
type Item struct {
	// Mu guards Remaining where a workload asks for the item lock.
	Mu sync.Mutex
	// ID tells values apart in conformance checks. Written before the item
	// is handed to a cache, never afterwards.
	ID uint64
	// Remaining is the token bucket's content, in tokens.
	Remaining int64
	// ExpireAt is when the bucket refills, in nanoseconds of the workload's
	// clock; 0 is never. Written before the item is handed to a cache.
	ExpireAt int64
}

// Family is how a backend keeps concurrent calls apart.
type Family string

// The synchronisation families.
const (
	None     Family = "none"      // no synchronisation at all
	Mutex    Family = "mutex"     // one lock around everything
	Striped  Family = "striped"   // several locks, chosen by key
	HandOff  Family = "hand-off"  // operations are sent to owning goroutines
	LockFree Family = "lock-free" // readers take no lock
	Library  Family = "library"   // a library's own mixture; see About
)

// Spec is what a backend promises, as data, and how to make one. The promises
// are checked by the conformance suite (package cachetest), printed in
// reports, and decide which workloads apply to the backend.
type Spec struct {
	Name   string // lower-case letters and digits; the /backend= key of samples
	About  string // one line, no full stop
	Sync   Family
	Policy string // eviction policy, as the literature names it; "none" without eviction

	Bounded  bool // holds about its capacity, evicting to do so
	ReadOnly bool // filled by one goroutine, then only read: no Set or Delete beside a Get
	Strict   bool // a Set or Delete that returned is seen by every later Get: no hit is older, and while all keys fit none misses
	MayDrop  bool // a Set may be refused or lost
	Copies   bool // holds bytes: a Get returns a new item of the same content

	// Fit is how many keys surely fit, as a fraction of the capacity: up to so
	// many are all kept, whatever was in the cache before. 0 is 1, the whole
	// capacity. It says nothing where MayDrop or where nothing is evicted.
	Fit float64
	// Overshoot bounds Len beyond the capacity, at any moment.
	Overshoot Overshoot
	// MinCapacity is the least capacity that the constructors take; 0 is 1.
	MinCapacity int

	// String and Uint64 construct the cache for capacity entries. An unbounded
	// backend takes it as a size hint. They return an error for a capacity
	// below MinCapacity.
	String func(capacity int) (Cache[string, *Item], error)
	Uint64 func(capacity int) (Cache[uint64, *Item], error)
}

// Overshoot is how far above its capacity a bounded cache may be seen: the sum
// of its parts. The zero value is an exact bound.
type Overshoot struct {
	Fraction float64 // of the capacity
	Entries  int     // whatever the capacity
	PerSet   int     // for every Set in flight
}

// Limit is the largest Len allowed for a cache of the given capacity while
// inFlight Sets have begun and not returned.
func (o Overshoot) Limit(capacity, inFlight int) int {
	return capacity + int(o.Fraction*float64(capacity)) + o.Entries + o.PerSet*inFlight
}

// Fits is the number of keys that surely fit in a cache of the given capacity,
// by the Spec's Fit.
func (s Spec) Fits(capacity int) int {
	return int(s.FitFraction() * float64(capacity))
}

// FitFraction is the fraction of the capacity that Fits promises: Fit, or 1.
func (s Spec) FitFraction() float64 {
	if s.Fit == 0 {
		return 1
	}
	return s.Fit
}

// CheckCapacity is the error that every constructor returns for a capacity
// below 1, and nil for any other.
func CheckCapacity(capacity int) error {
	if capacity < 1 {
		return fmt.Errorf("cache capacity %d: want at least 1 entry", capacity)
	}
	return nil
}
