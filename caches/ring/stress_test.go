package ring_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/contend-go/contend/caches/ring"
)

var (
	stressTime  = flag.Duration("stress", 2*time.Second, "how long TestStress runs")
	stressSeed  = flag.Uint64("seed", 0, "what TestStress and TestLinearizable draw their choices from; 0 is a new seed")
	stressProcs = flag.Int("procs", 32, "GOMAXPROCS of TestStress and TestLinearizable")
)

// stamped is a value that knows for which key it was written, and when.
type stamped struct {
	key     int
	version int64
}

// TestStress runs random operations from more goroutines than there are CPUs,
// in rounds of differing shape. Each key has one writer, which knows what the
// key must hold; all read all keys. After each round, at rest, the structures
// must agree with each other.
func TestStress(t *testing.T) {
	seed := *stressSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(*stressProcs))
	rng := rand.New(rand.NewPCG(seed, 0))
	rounds := 0
	for start := time.Now(); time.Since(start) < *stressTime && !t.Failed(); rounds++ {
		r := stressRound{
			goroutines: 2 + rng.IntN(63),
			capacity:   1 << rng.IntN(13), // a third have lanes
			seed:       rng.Uint64(),
		}
		r.capacity += rng.IntN(r.capacity)
		if r.shards = 1; rng.IntN(2) == 0 {
			r.shards = 1 << rng.IntN(1+min(3, max(0, r.capacity/64)))
		}
		if r.strict = rng.IntN(2) == 0; r.strict {
			r.keys = max(1, r.capacity-rng.IntN(2)*r.capacity/2)
		} else {
			r.keys = 1 + r.capacity*(1+rng.IntN(4))
		}
		r.run(t)
	}
	if t.Failed() {
		t.Logf("again: go test -run TestStress -seed %d -procs %d -stress %v (round %d)", seed, *stressProcs, *stressTime, rounds)
	}
	t.Logf("%d rounds", rounds)
}

type stressRound struct {
	goroutines, capacity, shards, keys int
	strict                             bool // all keys fit: nothing may be lost
	seed                               uint64
}

func (r stressRound) run(t *testing.T) {
	c, err := ring.New[string, *stamped](r.capacity, ring.Shards(r.shards))
	if err != nil {
		t.Fatal(err)
	}
	keys := make([]string, r.keys)
	for i := range keys {
		keys[i] = fmt.Sprint(i, strings.Repeat("-", []int{0, 10, 20, 80}[i%4]))
	}
	latest := make([]atomic.Int64, r.keys) // the newest version handed to the cache
	var wg sync.WaitGroup
	for g := range r.goroutines {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(r.seed, uint64(g)))
			mine := make(map[int]*stamped) // what the keys of this writer hold
			for range 2000 {
				if rng.IntN(2) == 0 {
					r.read(t, c, keys, latest, rng.IntN(r.keys))
				} else if k := rng.IntN(r.keys)/r.goroutines*r.goroutines + g; k < r.keys {
					r.write(t, c, keys[k], k, &latest[k], mine, rng.IntN(8))
				}
				if n := c.Len(); n > r.capacity {
					t.Errorf("%+v: Len = %d", r, n)
				}
			}
			for k, want := range mine {
				if got, _ := c.Get(keys[k]); got != want && (r.strict || got != nil) {
					t.Errorf("%+v: key %d holds %v at the end, want %v", r, k, got, want)
				}
			}
		})
	}
	wg.Wait()
	if err := c.Check(); err != nil {
		t.Errorf("%+v: %v", r, err)
	}
	held := 0
	for _, k := range keys {
		if _, ok := c.Get(k); ok {
			held++
		}
	}
	if n := c.Len(); n != held {
		t.Errorf("%+v: Len = %d, %d keys are found", r, n, held)
	}
}

func (r stressRound) read(t *testing.T, c *ring.Cache[string, *stamped], keys []string, latest []atomic.Int64, k int) {
	if v, ok := c.Get(keys[k]); ok && (v.key != k || v.version > latest[k].Load()) {
		t.Errorf("%+v: Get of key %d returns %+v", r, k, v)
	}
}

// write makes one write to a key of this goroutine, and reads it back.
func (r stressRound) write(t *testing.T, c *ring.Cache[string, *stamped], key string, k int, latest *atomic.Int64, mine map[int]*stamped, op int) {
	before := mine[k]
	v := &stamped{k, latest.Add(1)}
	switch {
	case op < 2:
		c.Delete(key)
		v = nil
	case op < 4:
		c.Update(key, func(old *stamped, ok bool) *stamped {
			if old != before && (r.strict || old != nil) {
				t.Errorf("%+v: Update of key %d sees %v, want %v", r, k, old, before)
			}
			return v
		})
	default:
		c.Set(key, v)
	}
	mine[k] = v
	if got, _ := c.Get(key); got != v && (r.strict || got != nil) {
		t.Errorf("%+v: key %d holds %v, want %v", r, k, got, v)
	}
}
