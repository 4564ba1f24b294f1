package workload

import (
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
)

// The purposes that draw from one seed, each with its own sequence.
const (
	purposeKeyName uint64 = iota + 1
	purposeKeyTail
	purposePick
	purposeRead
	purposeScatter
	purposeOffset
)

// gamma is SplitMix64's increment, 2^64 ÷ the golden ratio, made odd.
const gamma = 0x9e3779b97f4a7c15

// mix is the finaliser of SplitMix64 (Steele, Lea, Flood: Fast Splittable
// Pseudorandom Number Generators, OOPSLA 2014; variant 13 of Stafford).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// source is one purpose's sequence of random words, addressed by position
// instead of drawn in turn: SplitMix64 is counter-based.
type source uint64

func newSource(seed, purpose uint64) source { return source(mix(mix(seed) + purpose*gamma)) }

// at is word i of the sequence.
func (s source) at(i uint64) uint64 { return mix(uint64(s) + i*gamma) }

// below maps a random word onto 0..n-1. The bias is at most n ÷ 2^64.
func below(word uint64, n int) int {
	hi, _ := bits.Mul64(word, uint64(n))
	return int(hi)
}

// unit maps a random word onto [0, 1), in steps of 2^-53.
func unit(word uint64) float64 { return float64(word>>11) * 0x1p-53 }

// permutation is a seeded bijection of the width-bit numbers, width at most 63.
type permutation struct {
	width uint
	keys  [3]uint64
}

func newPermutation(width uint, src source) permutation {
	return permutation{width, [3]uint64{src.at(0), src.at(1), src.at(2)}}
}

// of maps x, which is below 2^width, to its image. Adding, multiplying by an
// odd number and xoring with a right shift are each invertible modulo a power
// of two, so no two x share an image.
func (p permutation) of(x uint64) uint64 {
	mask := uint64(1)<<p.width - 1
	shift := p.width/2 + 1
	for _, k := range p.keys {
		x = (x + k) & mask
		x = (x * (k | 1)) & mask
		x ^= x >> shift
	}
	return x
}

// within maps x, below n ≤ 2^width, to its image under a bijection of the
// numbers below n: it follows the cycle until it is back below n.
func (p permutation) within(x, n uint64) uint64 {
	for {
		if x = p.of(x); x < n {
			return x
		}
	}
}

// inParallel calls f for disjoint pieces [low, high) of 0..n-1 on all Ps and
// returns when every piece is done. What f does for an index must depend on
// the index alone: which goroutine takes which piece is left to chance, so
// that a busy CPU takes fewer.
func inParallel(n int, f func(low, high int)) {
	const piece = 1 << 16
	var taken atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), (n+piece-1)/piece) {
		wg.Go(func() {
			for {
				low := int(taken.Add(1)-1) * piece
				if low >= n {
					return
				}
				f(low, min(low+piece, n))
			}
		})
	}
	wg.Wait()
}
