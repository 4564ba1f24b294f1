package cachetest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/contend-go/contend/caches"
)

// kind is what a recorded call did.
type kind byte

const (
	get kind = iota
	set
	del
	update
)

// call is one recorded call on one key: porcupine's input and output in one,
// for the answers are part of what has to be explained. Values are named by
// their slot in the ledger; every write has its own.
type call struct {
	kind  kind
	saw   int // get, update: the slot found, or absent
	wrote int // set, update
}

func (c call) String() string {
	name := func(slot int) string {
		if slot == absent {
			return "nothing"
		}
		return fmt.Sprintf("#%d", slot)
	}
	switch c.kind {
	case get:
		return "Get saw " + name(c.saw)
	case set:
		return "Set " + name(c.wrote)
	case del:
		return "Delete"
	}
	return fmt.Sprintf("Update saw %s, wrote %s", name(c.saw), name(c.wrote))
}

// register is the sequential specification of one key of a cache: what a lone
// goroutine would see. Its state is the slot held, or absent. If evicting, the
// key may go at any time, but only a write brings it back.
func register(evicting bool) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return absent },
		Step: func(state, input, _ any) (bool, any) {
			c := input.(call)
			explained := c.saw == state.(int) || evicting && c.saw == absent
			switch c.kind {
			case get:
				return explained, c.saw
			case del:
				return true, absent
			case set:
				return true, c.wrote
			}
			return explained, c.wrote
		},
	}
}

func checkLinearizable(t *trial) (string, error)         { return t.linearizable(roomy, t.spec.MayDrop, false) }
func checkLinearizableEvicting(t *trial) (string, error) { return t.linearizable(16, true, false) }
func checkUpdateLinearizable(t *trial) (string, error) {
	return t.linearizable(roomy, t.spec.MayDrop, true)
}
func checkUpdateLinearizableEvicting(t *trial) (string, error) { return t.linearizable(16, true, true) }

// linearizable records short histories of few keys, called by several
// goroutines at once, and searches each key's for an order that explains it.
// All calls of a round are on fresh keys. Where the cache is to evict, the
// goroutines also set keys of no interest.
func (t *trial) linearizable(capacity int, evicting, updates bool) (string, error) {
	const keys, workers, calls = 3, 6, 16
	const noise = 1 << 20 // far from the keys of any round
	rounds := t.work(64)
	checked := 0
	model := register(evicting)
	err := t.atProcs(func(procs int) error {
		return t.each(capacity, func(c cache) error {
			if updates && c.updater() == nil {
				return errNoUpdate
			}
			begin := time.Now()
			for round := range rounds {
				if time.Since(begin) > phase && round > 0 || t.ctx.Err() != nil {
					return nil
				}
				l := newLedger(2 * workers * calls)
				var histories [workers][keys][]porcupine.Operation
				err := t.together(workers, uint64(procs<<16|round), func(w int, r *rand.Rand) error {
					for i := range calls {
						k, slot := r.IntN(keys), w*calls+i
						op, err := record(c, l, round*keys+k, slot, updates, r, begin)
						if err != nil {
							return err
						}
						op.ClientId = w
						histories[w][k] = append(histories[w][k], op)
						if capacity < roomy {
							key := noise + r.IntN(4*capacity)
							c.Set(key, l.value(workers*calls+slot, key))
						}
						if r.IntN(8) == 0 {
							runtime.Gosched()
						}
					}
					return nil
				})
				if err != nil {
					return err
				}
				for k := range keys {
					var history []porcupine.Operation
					for w := range workers {
						history = append(history, histories[w][k]...)
					}
					checked += len(history)
					switch porcupine.CheckOperationsTimeout(model, history, 10*time.Second) {
					case porcupine.Illegal:
						return fmt.Errorf("key %d: %s", round*keys+k, unexplained(model, history))
					case porcupine.Unknown:
						return fmt.Errorf("%w: no order of %d calls found or excluded in 10 s", errUndecided, len(history))
					}
				}
			}
			return nil
		})
	})
	return fmt.Sprintf("%d calls explained", checked), err
}

// record makes one random call and returns it with its times.
func record(c cache, l *ledger, key, slot int, updates bool, r *rand.Rand, begin time.Time) (porcupine.Operation, error) {
	var did call
	var err error
	choice := r.IntN(8)
	value := l.value(slot, key)
	op := porcupine.Operation{Call: int64(time.Since(begin))}
	switch {
	case choice == 0:
		c.Delete(key)
		did = call{del, absent, absent}
	case updates && choice <= 3:
		did = call{update, absent, slot}
		var old *caches.Item
		var held bool
		c.updater()(key, func(it *caches.Item, ok bool) *caches.Item {
			old, held = it, ok
			return value
		})
		if held {
			did.saw, err = l.slot(key, old, c.copies())
		}
	case choice <= 3:
		c.Set(key, value)
		did = call{set, absent, slot}
	default:
		did = call{get, absent, absent}
		var saw int
		var hit bool
		if saw, hit, err = l.get(c, key); hit {
			did.saw = saw
		}
	}
	op.Return = int64(time.Since(begin))
	op.Input = did
	return op, err
}

// unexplained describes a history without a linearization by the first call,
// in order of return, that cannot be fitted in, and the calls just before it.
func unexplained(model porcupine.Model, history []porcupine.Operation) string {
	slices.SortFunc(history, func(a, b porcupine.Operation) int { return cmp.Compare(a.Return, b.Return) })
	n := 1
	for ; n < len(history); n++ {
		// A call that has begun may take effect any time later: its return
		// is left open. What a pending Get will see is not yet known.
		now := history[n-1].Return
		prefix := slices.Clone(history[:n])
		for _, op := range history[n:] {
			if op.Call <= now && op.Input.(call).kind != get {
				op.Return = history[len(history)-1].Return
				prefix = append(prefix, op)
			}
		}
		if porcupine.CheckOperationsTimeout(model, prefix, time.Second) == porcupine.Illegal {
			break
		}
	}
	var text strings.Builder
	fmt.Fprintf(&text, "no order of calls explains that %v;", history[n-1].Input)
	text.WriteString(" the last calls, by time in µs:")
	for _, op := range history[max(0, n-8):n] {
		fmt.Fprintf(&text, " [%.1f–%.1f %v]", float64(op.Call)/1e3, float64(op.Return)/1e3, op.Input)
	}
	return text.String()
}
