package ring_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/contend-go/contend/caches"
	"github.com/contend-go/contend/caches/ring"
	"github.com/contend-go/contend/caches/s3fifo"
)

// TestHitRatioOfLoops compares with the exact algorithm where the README
// promises least: scans that repeat, a little longer than the capacity, in
// which every key's fate hangs on the others'. Mixed with keys that are drawn,
// nothing of that is left.
func TestHitRatioOfLoops(t *testing.T) {
	if raceEnabled {
		t.Skip("nothing here depends on the race detector")
	}
	for _, p := range []struct {
		name   string
		within float64
		key    func(i, n uint64, zipf *rand.Zipf) uint64
	}{
		{"round and round", .15, func(i, n uint64, _ *rand.Zipf) uint64 { return i % n }},
		{"to and fro", .15, func(i, n uint64, _ *rand.Zipf) uint64 { return min(i%(2*n), 2*n-i%(2*n)) }},
		{"every other one drawn", .01, func(i, n uint64, zipf *rand.Zipf) uint64 {
			if i%2 == 0 {
				return n + zipf.Uint64()
			}
			return i % n
		}},
		{"drawn", .01, func(_, _ uint64, zipf *rand.Zipf) uint64 { return zipf.Uint64() }},
	} {
		worst := 0.0
		for _, capacity := range []int{500, 1000, 5000} {
			for _, factor := range []float64{1.005, 1.05, 1.2, 2} {
				n := uint64(float64(capacity) * factor)
				ratio := func(c caches.Cache[uint64, *caches.Item], err error) float64 {
					if err != nil {
						t.Fatal(err)
					}
					zipf, hits := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.01, 1, 5*n), 0
					for i := range 20 * n {
						key := p.key(i, n, zipf)
						if _, ok := c.Get(key); ok {
							hits++
						} else {
							c.Set(key, nil)
						}
					}
					return float64(hits) / float64(20*n)
				}
				got := ratio(ring.Spec().Uint64(capacity))
				want := ratio(s3fifo.New[uint64, *caches.Item](capacity))
				if worst = max(worst, math.Abs(got-want)); math.Abs(got-want) > p.within {
					t.Errorf("%s, capacity %d, %d keys: hit ratio %.4f, the exact S3-FIFO's is %.4f", p.name, capacity, n, got, want)
				}
			}
		}
		t.Logf("%s: within %.4f", p.name, worst)
	}
}
