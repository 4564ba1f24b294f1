package workload

import (
	"fmt"
	"math/bits"
)

// Op is one operation made in advance: the index of its key, with the top bit
// set for a write.
type Op uint32

const writeBit Op = 1 << 31

// MaxKeys is the largest number of keys whose indices fit an Op.
const MaxKeys = 1 << 31

// Index is the index of the operation's key.
func (o Op) Index() int { return int(o &^ writeBit) }

// IsWrite reports whether the operation writes.
func (o Op) IsWrite() bool { return o&writeBit != 0 }

// minLength is the least number of operations in a stream by default.
const minLength = 1 << 20

// Stream is an endless sequence of operations: Ops, over and over. It is not
// modified after New and may be read by any number of goroutines:
//
//	mask := len(s.Ops) - 1
//	for i := s.Offset(g, goroutines); ; i++ {
//		op := s.Ops[i&mask]
//		…
//	}
type Stream struct {
	Ops  []Op // their number is a power of two
	Keys int  // indices are below Keys

	offsets source
}

// Config is what a stream is made from.
type Config struct {
	Name string // of the workload
	Keys int    // number of distinct keys, 1..MaxKeys
	// Reads is the fraction of reads, 0 to 1. Each operation is decided by
	// itself, independently of its key.
	Reads float64
	// HotShare is the hot key's share in workload hot, above 0 up to 1;
	// 0 is DefaultHotShare.
	HotShare float64
	Seed     uint64
	// Length is the number of operations, rounded up to a power of two. 0 is
	// 2^20 or twice the keys, whichever is more: a loop over uniform keys
	// then meets at least 86% of them.
	Length int
}

// New makes the stream of a workload. Equal configurations give equal streams.
func New(cfg Config) (*Stream, error) {
	spec, err := Lookup(cfg.Name)
	if err != nil {
		return nil, err
	}
	if err := cfg.check(spec); err != nil {
		return nil, fmt.Errorf("workload %s: %w", cfg.Name, err)
	}
	length := cfg.Length
	if length == 0 {
		length = max(minLength, 2*cfg.Keys)
	}
	s := &Stream{
		Ops:     make([]Op, 1<<bits.Len(uint(length-1))),
		Keys:    cfg.Keys,
		offsets: newSource(cfg.Seed, purposeOffset),
	}
	pick := cfg.picker(spec.Pattern)
	reads := newSource(cfg.Seed, purposeRead)
	inParallel(len(s.Ops), func(low, high int) {
		for i := low; i < high; i++ {
			op := Op(pick(i))
			if unit(reads.at(uint64(i))) >= cfg.Reads {
				op |= writeBit
			}
			s.Ops[i] = op
		}
	})
	return s, nil
}

// check refuses what New cannot make, with what to do instead.
func (cfg Config) check(spec Spec) error {
	switch {
	case spec.Pattern == Recorded:
		return fmt.Errorf("its requests come from a trace file (OpenTrace), not from a seed")
	case cfg.Keys < 1 || cfg.Keys > MaxKeys:
		return fmt.Errorf("%d keys; must be 1 to %d", cfg.Keys, MaxKeys)
	case spec.Keys != 0 && cfg.Keys != spec.Keys:
		return fmt.Errorf("%d keys; this workload has %d, fixed", cfg.Keys, spec.Keys)
	case !(cfg.Reads >= 0 && cfg.Reads <= 1):
		return fmt.Errorf("reads fraction %v; must be 0 to 1", cfg.Reads)
	case !spec.Mixed && cfg.Reads != 1:
		return fmt.Errorf("reads fraction %v; its operations are all alike, so it must be 1", cfg.Reads)
	case !(cfg.HotShare >= 0 && cfg.HotShare <= 1):
		return fmt.Errorf("hot share %v; must be above 0, up to 1 (0 is the default, %v)", cfg.HotShare, DefaultHotShare)
	case cfg.Length < 0 || cfg.Length > maxLength:
		return fmt.Errorf("stream of %d operations; must be 1 to %d (0 chooses)", cfg.Length, maxLength)
	}
	return nil
}

// maxLength is 16 GiB of operations, what the largest number of keys asks for.
const maxLength = 2 * MaxKeys

// picker returns the function from a position to its key index.
func (cfg Config) picker(p Pattern) func(i int) int {
	n := cfg.Keys
	words := newSource(cfg.Seed, purposePick)
	place := cfg.scatter()
	switch p {
	case Walk:
		return func(i int) int { return i % n }
	case Zipf:
		z := newZipf(n)
		return func(i int) int {
			return place(z.rank(words.at(uint64(i))) - 1)
		}
	case Hot:
		share := cfg.HotShare
		if share == 0 {
			share = DefaultHotShare
		}
		return func(i int) int {
			rank := 0
			if word := words.at(uint64(i)); n > 1 && unit(word) >= share {
				rank = 1 + below(mix(word), n-1)
			}
			return place(rank)
		}
	default: // Uniform
		return func(i int) int { return below(words.at(uint64(i)), n) }
	}
}

// scatter returns the function from a popularity rank, counted from 0, to its
// key. Neighbours in popularity must not be neighbours in memory, where two
// hot items would share a cache line.
func (cfg Config) scatter() func(rank int) int {
	n := uint64(cfg.Keys)
	p := newPermutation(uint(bits.Len64(n-1)), newSource(cfg.Seed, purposeScatter))
	return func(rank int) int { return int(p.within(uint64(rank), n)) }
}

// Offset is where goroutine g, 0 ≤ g < goroutines, starts in Ops: at a seeded
// random place within its own share of the stream. Offsets are distinct while
// there are no more goroutines than operations.
func (s *Stream) Offset(g, goroutines int) int {
	low := g * len(s.Ops) / goroutines
	high := (g + 1) * len(s.Ops) / goroutines
	return low + below(s.offsets.at(uint64(g)), high-low) // low < len(Ops), whatever the share
}
