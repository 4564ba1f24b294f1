package account

import (
	"math/bits"
	"time"
)

// Histogram counts durations in buckets a quarter of a power of two wide, so a
// quantile is right within 25%.
type Histogram struct {
	Buckets [4 * 64]int64
	Count   int64
	Sum     time.Duration
	Max     time.Duration
}

// bucket is the index of d: the position of the leading bit and the two bits below it.
func bucket(d int64) int {
	if d < 4 {
		return int(max(d, 0))
	}
	n := bits.Len64(uint64(d)) - 3
	return 4*n + int(uint64(d)>>n)
}

// BucketStart is the least duration that falls into bucket i.
func BucketStart(i int) time.Duration {
	if i < 4 {
		return time.Duration(i)
	}
	n := i/4 - 1
	return time.Duration(i-4*n) << n
}

func (h *Histogram) add(d int64) {
	h.Buckets[bucket(d)]++
	h.Count++
	h.Sum += time.Duration(d)
	h.Max = max(h.Max, time.Duration(d))
}

func (h *Histogram) merge(o *Histogram) {
	for i, n := range o.Buckets {
		h.Buckets[i] += n
	}
	h.Count += o.Count
	h.Sum += o.Sum
	h.Max = max(h.Max, o.Max)
}

// Quantile is an upper bound of the q-quantile, 0 ≤ q ≤ 1; 0 if the histogram
// is empty.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.Count == 0 {
		return 0
	}
	want := int64(q * float64(h.Count))
	var seen int64
	for i, n := range h.Buckets {
		if seen += n; seen > want {
			return min(BucketStart(i+1), h.Max)
		}
	}
	return h.Max
}
