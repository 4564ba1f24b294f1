package cachetest

import (
	"fmt"

	"github.com/contend-go/contend/caches"
)

// checks are all checks, cheap and basic ones first: what they find explains
// what the later ones find.
var checks = []check{
	{name: "spec", promise: always("a Spec that is complete and consistent"), run: checkSpec},
	{name: "capacities", promise: capacities, run: checkCapacities},

	// One goroutine.
	{name: "identity", promise: identity, run: checkIdentity},
	{name: "presence", promise: presence, run: checkPresence},
	{name: "overwrite", promise: strict("a Get after a Set returns that Set's value"), run: checkOverwrite},
	{name: "delete", promise: strict("a Get after a Delete misses"), run: checkDelete},
	{name: "sequence", promise: strict("any sequence of calls answers as a map would, while all keys fit"), run: checkSequence},
	{name: "empty-key", promise: always("the empty string and zero are keys like others"), run: checkEmptyKey},
	{name: "long-keys", promise: always("keys of any length are told apart to the last byte"), run: checkLongKeys},
	{name: "colliding-keys", promise: always("keys that a weak hash confuses are told apart"), run: checkCollidingKeys},
	{name: "len", promise: always("Len is the number of keys held, when nothing is in flight"), run: checkLen},
	{name: "capacity", promise: bound, unsafe: unbounded, run: checkCapacity},
	{name: "fit", promise: fit, unsafe: unbounded, run: checkFit},
	{name: "own-key", promise: strict("a Set does not evict its own key"), unsafe: unbounded, run: checkOwnKey},
	{name: "update-evicted", promise: strict("Update sees no value that was evicted or deleted"), unsafe: readOnlyOrUnbounded, run: checkUpdateEvicted},
	{name: "expiry", promise: presenceLater, run: checkExpiry},
	{name: "memory", promise: always("deleted and evicted values are let go"), run: checkMemory},
	{name: "overwritten-memory", promise: always("overwritten values are let go"), run: checkOverwrittenMemory},
	{name: "key-memory", promise: always("deleted and evicted keys are let go"), run: checkKeyMemory},

	// Many goroutines.
	{name: "readers", promise: always("concurrent Gets of a filled cache agree"), run: checkReaders},
	{name: "concurrent-identity", promise: identity, unsafe: readOnly, run: checkConcurrentIdentity},
	{name: "concurrent-bound", promise: bound, unsafe: readOnlyOrUnbounded, run: checkConcurrentBound},
	{name: "freshness", promise: strict("no Get is older than a completed Set or Delete, while all keys fit"), unsafe: readOnly, run: checkFreshness},
	{name: "freshness-evicting", promise: strict("a hit is never older than a completed Set or Delete"), unsafe: readOnlyOrUnbounded, run: checkFreshnessEvicting},
	{name: "growing", promise: strict("no Get is older than a completed write while thousands of keys are added"), unsafe: readOnly, run: checkGrowing},
	{name: "concurrent-len", promise: always("Len is the number of keys held, whatever was in flight before"), unsafe: readOnly, run: checkConcurrentLen},
	{name: "linearizable", promise: strict("each key is linearizable, while all keys fit"), unsafe: readOnly, run: checkLinearizable},
	{name: "linearizable-evicting", promise: strict("each key is linearizable, an eviction counting as a Delete at any time"), unsafe: readOnlyOrUnbounded, run: checkLinearizableEvicting},
	{name: "update-linearizable-evicting", promise: strict("Update is linearizable beside eviction"), unsafe: readOnlyOrUnbounded, run: checkUpdateLinearizableEvicting},
	{name: "update", promise: always("Update is atomic: no update is lost"), unsafe: readOnly, run: checkUpdate},
	{name: "update-linearizable", promise: always("Update is linearizable beside Get, Set and Delete"), unsafe: readOnly, run: checkUpdateLinearizable},

	// The end.
	{name: "close", promise: always("Close is safe twice and concurrently"), run: checkClose},
	{name: "close-waits", promise: always("Close returns after the last of the cache's goroutines has ended"), run: checkCloseWaits},
	{name: "goroutines", promise: always("Close stops every goroutine that the cache started"), run: checkGoroutines},
}

func always(promise string) func(caches.Spec) string {
	return func(caches.Spec) string { return promise }
}

func strict(promise string) func(caches.Spec) string {
	return func(s caches.Spec) string {
		if s.Strict {
			return promise
		}
		return ""
	}
}

func identity(s caches.Spec) string {
	if s.Copies {
		return "a hit returns a copy of a value written for that key"
	}
	return "a hit returns a value written for that key, and that very value"
}

func capacities(s caches.Spec) string {
	if s.MinCapacity > 1 {
		return fmt.Sprintf("constructors work from capacity %d up, and refuse less with an error", s.MinCapacity)
	}
	return "constructors work from capacity 1 up"
}

func presence(s caches.Spec) string {
	switch {
	case s.MayDrop:
		return ""
	case s.Strict:
		return "every Set is seen at once and kept, while all keys fit"
	}
	return "every Set is seen in the end and kept, while all keys fit"
}

func presenceLater(s caches.Spec) string {
	if s.MayDrop {
		return ""
	}
	return "nothing is dropped for its age"
}

func bound(s caches.Spec) string {
	text := "Len is at most the capacity"
	if f := s.Overshoot.Fraction; f != 0 {
		text += fmt.Sprintf(" + %g%% of it", 100*f)
	}
	if n := s.Overshoot.Entries; n != 0 {
		text += fmt.Sprintf(" + %d", n)
	}
	if n := s.Overshoot.PerSet; n != 0 {
		text += fmt.Sprintf(" + %d for each Set in flight", n)
	}
	return text + ", at any moment"
}

func readOnly(s caches.Spec) string {
	if s.ReadOnly {
		return "nothing may be written beside a Get"
	}
	return ""
}

func unbounded(s caches.Spec) string {
	if !s.Bounded {
		return "nothing is evicted"
	}
	return ""
}

func readOnlyOrUnbounded(s caches.Spec) string {
	if why := unbounded(s); why != "" {
		return why
	}
	return readOnly(s)
}
