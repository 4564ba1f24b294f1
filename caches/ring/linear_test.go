package ring_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/contend-go/contend/caches/ring"
)

var linearOps = flag.Int("linear", 20_000, "how many operations TestLinearizable records and explains")

// call is one operation on one key and its answer. Values are numbers of writes,
// 0 is none.
type call struct {
	op         byte // get, set, delete, update
	saw, wrote int
}

// register is one key as a lone goroutine would see it. Where entries are
// evicted, it may come to hold nothing at any time.
func register(evicting bool) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return 0 },
		Step: func(state, input, _ any) (bool, any) {
			c := input.(call)
			fits := c.saw == state.(int) || evicting && c.saw == 0
			switch c.op {
			case 'g':
				return fits, c.saw
			case 'd':
				return true, 0
			case 's':
				return true, c.wrote
			}
			return fits, c.wrote
		},
	}
}

// TestLinearizable records short histories of a few keys, called by more
// goroutines than there are CPUs, and searches for an order that explains each,
// until as many operations are explained as -linear says; by turns while all
// keys fit and while they do not. Keys come again in later rounds, so that slots
// and tags are used again. With the build tag invariants other goroutines are
// let in between any two steps of an operation.
func TestLinearizable(t *testing.T) {
	seed := *stressSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(*stressProcs))
	const keys, workers, calls = 3, 8, 12
	begin := time.Now()
	explained := 0
	for round := uint64(0); explained < *linearOps; round++ {
		capacity, evicting := 64, round%2 == 1
		if evicting {
			capacity = 2
		}
		c, err := ring.New[uint64, int](capacity)
		if err != nil {
			t.Fatal(err)
		}
		for generation := range 20 {
			histories := make([][keys][]porcupine.Operation, workers)
			var wg sync.WaitGroup
			for w := range workers {
				wg.Go(func() {
					rng := rand.New(rand.NewPCG(seed, round<<16|uint64(generation)<<8|uint64(w)))
					for i := range calls {
						k := rng.IntN(keys)
						op := porcupine.Operation{ClientId: w, Call: int64(time.Since(begin))}
						op.Input = linearCall(c, uint64(k), 1+generation*workers*calls+w*calls+i, rng)
						op.Return = int64(time.Since(begin))
						histories[w][k] = append(histories[w][k], op)
					}
				})
			}
			wg.Wait()
			for k := range keys {
				// What the last generation left: known, as nothing is in flight.
				left, _ := c.Get(uint64(k))
				end := int64(time.Since(begin))
				history := []porcupine.Operation{{ClientId: workers, Input: call{op: 'g', saw: left}, Call: end, Return: end + 1}}
				for w := range workers {
					history = append(history, histories[w][k]...)
				}
				switch porcupine.CheckOperationsTimeout(register(evicting), history, time.Minute) {
				case porcupine.Illegal:
					t.Fatalf("key %d: no order explains %s\nagain: go test -run TestLinearizable -seed %d -procs %d (round %d)",
						k, described(history), seed, *stressProcs, round)
				case porcupine.Unknown:
					t.Fatalf("key %d: undecided after a minute: %d calls", k, len(history))
				}
				explained += len(history)
				c.Delete(uint64(k)) // the next generation begins with nothing
			}
		}
	}
	t.Logf("%d operations explained", explained)
}

// linearCall makes one random call.
func linearCall(c *ring.Cache[uint64, int], key uint64, value int, rng *rand.Rand) call {
	switch choice := rng.IntN(8); {
	case choice < 2:
		c.Delete(key)
		return call{op: 'd'}
	case choice < 4:
		c.Set(key, value)
		return call{op: 's', wrote: value}
	case choice == 4:
		did := call{op: 'u', wrote: value}
		c.Update(key, func(old int, _ bool) int { did.saw = old; return value })
		return did
	}
	saw, _ := c.Get(key)
	return call{op: 'g', saw: saw}
}

func described(history []porcupine.Operation) (text string) {
	for _, op := range history {
		c := op.Input.(call)
		text += fmt.Sprintf(" [%d–%d ns: %c saw %d, wrote %d]", op.Call, op.Return, c.op, c.saw, c.wrote)
	}
	return text
}
