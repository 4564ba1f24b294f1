package primitives

import (
	"fmt"
	"slices"
)

// The subscriptions of a subscription row: a fixed set, and for each worker a
// few patterns of its own, which its writes subscribe to and leave in turn. So
// the set keeps its size, however long the row runs.
const (
	fixedPatterns = 1000
	ownPatterns   = 64
	topicCount    = 1024
)

// topicName is the i-th of the topics that are looked up: three levels of 8, 16
// and 8 names.
func topicName(i int) string {
	return fmt.Sprintf("exchange%d.stock%d.event%d", i%8, i/8%16, i/128%8)
}

// patternName is the i-th fixed pattern: most name one topic, one in ten has a
// wildcard.
func patternName(i int) string {
	switch {
	case i%20 == 0:
		return fmt.Sprintf("exchange%d.*.event%d", i/20%8, i/160%8)
	case i%20 == 10:
		return fmt.Sprintf("exchange%d.stock%d.#", i/20%8, i/160%16)
	}
	return topicName(i * 7)
}

// subscribing are the implementations of a row with one write in so many
// operations.
func subscribing(writeEvery int) []impl {
	with := func(name string, newTopics func() topics) impl {
		return impl{name, func(c conditions, n int) *job {
			return subscribe(newTopics(), share(c, crowd(c), n), writeEvery)
		}}
	}
	return []impl{
		with("locked", func() topics { return new(lockedTopics) }),
		with("lock-free", func() topics { return newLockFreeTopics() }),
	}
}

// subscribe mixes lookups with changes of the workers' own subscriptions. A
// lookup must find at least the fixed subscribers of its topic, and in the end
// there must be those and no others.
func subscribe(t topics, ws []*worker, writeEvery int) *job {
	for i := range fixedPatterns {
		t.Subscribe(patternName(i), uint32(i))
	}
	names := make([]string, topicCount)
	fixed := make([][]uint32, topicCount)
	for i := range names {
		names[i] = topicName(i)
		fixed[i] = t.Lookup(names[i], nil)
	}
	return each(ws, func(w *worker) {
		own := make([]string, ownPatterns)
		for i := range own {
			own[i] = fmt.Sprintf("exchange%d.stock%d.worker%d", i%8, i%16, w.id)
		}
		id := uint32(fixedPatterns + w.id)
		var ids []uint32
		writes := 0
		for i := range w.n {
			w.Think()
			if i%writeEvery == 0 {
				// Once through all own patterns to subscribe, once to leave.
				p := own[writes%ownPatterns]
				if writes/ownPatterns%2 == 0 {
					t.Subscribe(p, id)
				} else {
					t.Unsubscribe(p, id)
				}
				writes++
			} else {
				k := (w.first + i) % topicCount
				if ids = t.Lookup(names[k], ids[:0]); len(ids) != len(fixed[k]) {
					w.sum++ // own patterns match none of the topics
				}
			}
			w.done++
		}
		for _, p := range own { // those that are still subscribed to
			t.Unsubscribe(p, id)
		}
	}, func() error {
		if err := equal("lookups with other subscribers than they must have", sum(ws), 0); err != nil {
			return err
		}
		for i, name := range names {
			got := t.Lookup(name, nil)
			slices.Sort(got)
			slices.Sort(fixed[i])
			if !slices.Equal(got, fixed[i]) {
				return fmt.Errorf("subscribers of %s: %v, want %v", name, got, fixed[i])
			}
		}
		return nil
	})
}
