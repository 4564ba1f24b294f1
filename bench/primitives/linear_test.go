package primitives

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// What a structure is asked in the histories that follow.
type action byte

const (
	read action = iota
	write
	remove
	whole // a snapshot, or a lookup that sees everything
)

// call is one call and its answer. Both tries are checked as a few cells with a
// number in each, 0 for nothing.
type call struct {
	do   action
	cell int
	arg  int
	got  [cellCount]int // read: the first; whole: all
}

const cellCount = 3

// specification is the sequential one: one state for all cells, for a snapshot
// has to be consistent across them. change is what a write or a removal makes of
// a cell.
func specification(change func(old int, c call) int) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return [cellCount]int{} },
		Step: func(state, input, _ any) (bool, any) {
			s, c := state.([cellCount]int), input.(call)
			switch c.do {
			case read:
				return c.got[0] == s[c.cell], s
			case whole:
				return c.got == s, s
			}
			s[c.cell] = change(s[c.cell], c)
			return true, s
		},
	}
}

// registers hold what was written last.
var registers = specification(func(_ int, c call) int {
	if c.do == remove {
		return 0
	}
	return c.arg
})

// counters count subscriptions to one pattern by one subscriber.
var counters = specification(func(old int, c call) int {
	if c.do == remove {
		return max(0, old-1)
	}
	return old + 1
})

// countersApart asks less: each pattern is linearizable for itself, but a lookup
// need not see all of them at one moment.
var countersApart = porcupine.Model{Init: counters.Init, Step: counters.Step, Partition: apart}

// apart takes a history to one of each cell, and a look at all cells to one at
// each.
func apart(history []porcupine.Operation) (parts [][]porcupine.Operation) {
	for cell := range cellCount {
		var part []porcupine.Operation
		for _, o := range history {
			c := o.Input.(call)
			if c.do == whole {
				c.do, c.cell, c.got[0] = read, cell, c.got[cell]
			}
			if c.cell == cell {
				o.Input = c
				part = append(part, o)
			}
		}
		parts = append(parts, part)
	}
	return parts
}

// linearizable searches an order for recorded histories of concurrent calls.
func linearizable(t *testing.T, model porcupine.Model, fresh func() func(call) call) {
	rounds := 150
	if testing.Short() {
		rounds = 15
	}
	seed := rand.Uint64()
	for _, procs := range []int{1, 2, 8} {
		atProcs(t, procs)
		for round := range rounds {
			const clients, calls = 4, 10
			do := fresh()
			began := time.Now()
			histories := make([][]porcupine.Operation, clients)
			var done sync.WaitGroup
			for client := range clients {
				done.Go(func() {
					r := rand.New(rand.NewPCG(seed, uint64(round*clients+client)))
					for i := range calls {
						c := call{do: action(r.IntN(4)), cell: r.IntN(cellCount), arg: 1 + client*calls + i}
						start := time.Since(began)
						c = do(c)
						histories[client] = append(histories[client], porcupine.Operation{ClientId: client, Input: c, Call: int64(start), Return: int64(time.Since(began))})
					}
				})
			}
			done.Wait()
			switch porcupine.CheckOperationsTimeout(model, slices.Concat(histories...), 30*time.Second) {
			case porcupine.Illegal:
				t.Fatalf("seed %d, round %d at GOMAXPROCS=%d: no order explains the history", seed, round, procs)
			case porcupine.Unknown:
				t.Logf("round %d: gave up after 30 s", round)
			}
		}
	}
}

func trieCalls(m interface {
	Put(k, v int)
	Get(k int) (int, bool)
	Delete(k int) bool
	Snapshot() view[int, int]
}) func(call) call {
	return func(c call) call {
		switch c.do {
		case read:
			c.got[0], _ = m.Get(c.cell)
		case write:
			m.Put(c.cell, c.arg)
		case remove:
			m.Delete(c.cell)
		case whole:
			s := m.Snapshot()
			for k := range c.got {
				c.got[k], _ = s.get(k)
			}
		}
		return c
	}
}

func TestTrieLinearizable(t *testing.T) {
	linearizable(t, registers, func() func(call) call { return trieCalls(newTrie[int, int]()) })
}

// TestTopicsLinearizable subscribes to one pattern per cell; the topic is matched
// by all of them. The lookups of the locked trie are snapshots, those of the
// lock-free one are not. Two patterns share a level, which comes and goes.
func TestTopicsLinearizable(t *testing.T) {
	patterns := [cellCount]string{"a.x", "a.*", "#"}
	for _, c := range []struct {
		model porcupine.Model
		make  func() topics
	}{
		{counters, func() topics { return new(lockedTopics) }},
		{countersApart, func() topics { return newLockFreeTopics() }},
	} {
		linearizable(t, c.model, func() func(call) call {
			m := c.make()
			return func(c call) call {
				id := uint32(c.cell)
				switch c.do {
				case read, whole:
					c.do = whole
					for _, id := range m.Lookup("a.x", nil) {
						c.got[id]++
					}
				case write:
					m.Subscribe(patterns[id], id)
				case remove:
					m.Unsubscribe(patterns[id], id)
				}
				return c
			}
		})
	}
}

// stale is a trie with a fault: now and then a snapshot is an old one.
type stale struct {
	*trie[int, int]
	mu   sync.Mutex
	last *view[int, int]
}

func (s *stale) Snapshot() view[int, int] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		m := s.trie.Snapshot()
		s.last = &m
	}
	return *s.last
}

// TestModelBites shows that a snapshot that lags behind is found, and so is a
// lookup that sees a later subscription without an earlier one, unless patterns
// are checked apart.
func TestModelBites(t *testing.T) {
	one := func(calls ...call) (history []porcupine.Operation) { // after another
		for i, c := range calls {
			history = append(history, porcupine.Operation{Input: c, Call: int64(2 * i), Return: int64(2*i + 1)})
		}
		return history
	}
	do := trieCalls(&stale{trie: newTrie[int, int]()})
	var lagging []call
	for _, c := range []call{{do: whole}, {do: write, cell: 1, arg: 5}, {do: whole}} {
		lagging = append(lagging, do(c))
	}
	split := one(call{do: write, cell: 0}, call{do: write, cell: 1}, call{do: whole, got: [cellCount]int{0, 1}})
	split[2].Call = 0 // it was under way all the time
	missed := one(call{do: write, cell: 0}, call{do: whole})
	for _, c := range []struct {
		what    string
		model   porcupine.Model
		history []porcupine.Operation
		legal   bool
	}{
		{"a stale snapshot", registers, one(lagging...), false},
		{"a lookup that is no snapshot", counters, split, false},
		{"a lookup that is no snapshot, apart", countersApart, split, true},
		{"a lookup that misses a subscription, apart", countersApart, missed, false},
	} {
		if got := porcupine.CheckOperations(c.model, c.history); got != c.legal {
			t.Errorf("%s: legal %v, want %v", c.what, got, c.legal)
		}
	}
}
