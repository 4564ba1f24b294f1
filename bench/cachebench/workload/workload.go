// Package workload makes what the caches are driven with, before the timed
// window and from a seed: keys ([MakeKeys]), endless operation streams
// ([New]), a token bucket ([Bucket]), and the requests of real cache traces
// ([OpenTrace]).
//
// Nothing is generated inside the timed loop: a goroutine starts at its own
// offset into a shared, read-only [Stream] and walks it, wrapping around.
// Every element is a pure function of (seed, position), so generation in
// parallel gives the same bytes at any GOMAXPROCS.
//
// Memory: a stream holds 4 bytes per operation, a string key of length L
// 2×(16+L) bytes and a uint64 key 16 (the stored and the lookup copy). With
// keys of 17 bytes that is 4 + 4 MiB for 65,536 keys, 8 + 63 MiB for a million
// and 128 + 629 MiB for ten million.
package workload

import (
	"time"

	"github.com/contend-go/contend/bench/vocabulary"
)

// Defaults of a run.
const (
	DefaultKeys      = 65536
	DefaultKeyLength = 17 // bytes of a string key
	DefaultHotShare  = 0.9
)

// Spec is one workload, as data: how its keys are chosen, what one operation
// does, and which axes of a sweep it fixes.
type Spec struct {
	Name  string // the /workload= key of samples
	About string // one line, no full stop

	Pattern Pattern
	Task    Task

	// Mixed reports whether the reads fraction applies. Where it does not,
	// every operation is the same and Config.Reads must be 1.
	Mixed bool
	// Keys and KeyLength are fixed where not 0; otherwise they are the run's.
	Keys      int
	KeyLength int
	// Prefill asks for every key to be stored before the warm-up.
	Prefill bool
	// Evicts marks workloads whose keys do not fit: see Capacity.
	Evicts bool
	// TTL is how long an item lives after its insertion; 0 is forever.
	TTL time.Duration
}

// Pattern is how the keys of a stream follow each other.
type Pattern string

// The patterns.
const (
	Walk     Pattern = "walk"     // key after key
	Zipf     Pattern = "zipf"     // rank r with probability ∝ r^-0.99, ranks scattered over the keys
	Uniform  Pattern = "uniform"  // all alike
	Hot      Pattern = "hot"      // one key takes a set share, the others are alike
	Recorded Pattern = "recorded" // from a trace file
)

// Task is what the runner does for one operation. The package only names the
// tasks: it knows no cache.
type Task string

// The tasks.
const (
	// GetSet is a Get, or a Set where Op.IsWrite.
	GetSet Task = "get-set"
	// ReadThrough is a Get and, after a miss, the Set that fills it, together
	// one operation; or a Set where Op.IsWrite.
	ReadThrough Task = "read-through"
	// TakeToken is a read-modify-write of the item's token bucket.
	TakeToken Task = "take-token"
	// Expire is a Get and, where the item's time has passed, a Delete and a
	// Set of a fresh item, together one operation.
	Expire Task = "expire"
)

// All lists the workloads, in the order in which they are printed.
func All() []Spec {
	return []Spec{
		{
			Name: "walk", About: "the published study's: 32,768 random 20-character keys (fixed), read one after the other from a random start",
			Pattern: Walk, Task: GetSet, Mixed: true, Keys: 32768, KeyLength: 20, Prefill: true,
		},
		{
			Name: "zipf", About: "popularity by Zipf's law with exponent 0.99, scattered over the keys",
			Pattern: Zipf, Task: GetSet, Mixed: true, Prefill: true,
		},
		{
			Name: "uniform", About: "all keys equally likely",
			Pattern: Uniform, Task: GetSet, Mixed: true, Prefill: true,
		},
		{
			Name: "hot", About: "one key takes a set share of the operations, the others are equally likely",
			Pattern: Hot, Task: GetSet, Mixed: true, Prefill: true,
		},
		{
			Name: "evict", About: "zipf over ten times more keys than fit, read-through: a miss and its fill are one operation",
			Pattern: Zipf, Task: ReadThrough, Mixed: true, Evicts: true,
		},
		{
			Name: "ratelimit", About: "zipf; each operation takes a token from the key's bucket, as a rate limiter does",
			Pattern: Zipf, Task: TakeToken, Prefill: true,
		},
		{
			Name: "expire", About: "the published study's laptop run: walk with items that live 1 ms, so reads are expire, delete and insert",
			Pattern: Walk, Task: Expire, Keys: 32768, KeyLength: 20, Prefill: true, TTL: time.Millisecond,
		},
		{
			Name: "replay", About: "the requests of a recorded cache trace, read-through, in their order through one shared cursor",
			Pattern: Recorded, Task: ReadThrough, Evicts: true,
		},
	}
}

// Lookup returns the workload of that name. The error for an unknown name
// offers the nearest ones.
func Lookup(name string) (Spec, error) {
	for _, s := range All() {
		if s.Name == name {
			return s, nil
		}
	}
	return Spec{}, vocabulary.Unknown("workload", name, Names())
}

// Names returns the names of All, in its order.
func Names() []string {
	var names []string
	for _, s := range All() {
		names = append(names, s.Name)
	}
	return names
}

// KeyCount is the number of keys the workload uses when asked for that many:
// its own number where it has one.
func (s Spec) KeyCount(asked int) int {
	if s.Keys != 0 {
		return s.Keys
	}
	return asked
}

// Capacity is the cache's capacity by default: a tenth of the keys where the
// workload evicts, otherwise twice the keys, so that no policy evicts.
func (s Spec) Capacity(keys int) int {
	if s.Evicts {
		return max(1, keys/10)
	}
	return 2 * keys
}
