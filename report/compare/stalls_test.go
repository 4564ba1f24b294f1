package compare

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/contend-go/contend/bench/sample"
)

func (c *Comparison) stallNotices() (list []string) {
	for _, n := range c.Notices {
		if n.What == whatStalls {
			list = append(list, n.Text)
		}
	}
	return list
}

// TestStallsFalse: where the sides are alike, a family has a note of stalls in at most 5% of
// comparisons, also where both sides stall.
func TestStallsFalse(t *testing.T) {
	const cells = 20
	kinds := append(slices.Clone(scenarios), scenario{name: "stalled", noise: stalled(0.3)})
	for _, s := range kinds {
		trials := 2 * draws()
		noted := share(trials, func(rng *rand.Rand, _ *nulls) bool {
			c := s.trial(rng, cells, 20, true, 0)
			for i, r := range c.Rows {
				r.Name = cellName(i)
			}
			c.noteStalls()
			return len(c.stallNotices()) > 0
		})
		t.Logf("%s: a note in %.1f%% of %d", s.name, 100*noted, trials)
		if noted > 0.05+bound(0.05, trials) {
			t.Errorf("%s: a note in %.1f%%", s.name, 100*noted)
		}
	}
}

// TestStallsNoted: a new side that is far slower in some windows, and in the others as fast
// or faster, is said to be, in either direction of the unit; one that is slower throughout
// is not.
func TestStallsNoted(t *testing.T) {
	for _, tc := range []struct {
		share, others float64 // of stalled windows; effect in the others
		better        sample.Better
		least, most   float64
	}{
		{0.25, 0, sample.Lower, 0.75, 1},
		{0.25, -0.2, sample.Lower, 0.75, 1},
		{0.25, 0, sample.Higher, 0.75, 1},
		{0, 0, sample.Lower, 0, 0.05},
		{0, 1, sample.Lower, 0, 0.05},
	} {
		trials := 2 * draws()
		noted := share(trials, func(rng *rand.Rand, _ *nulls) bool {
			c := scenario{noise: normal(0.02)}.trial(rng, 2, 30, true, tc.others)
			r := c.Rows[0]
			old, now := r.rawOld(), r.rawNew()
			for i := range now {
				if rng.Float64() < tc.share {
					now[i] *= 3
				}
				if tc.better == sample.Higher {
					old[i], now[i] = 1e6/old[i], 1e6/now[i]
				}
			}
			r.Better, r.Old, r.New = tc.better, median(old), median(now)
			r.measure(old, now)
			for i, r := range c.Rows {
				r.Name = cellName(i)
			}
			c.noteStalls()
			list := c.stallNotices()
			return len(list) == 1 && strings.Contains(list[0], "gomaxprocs=1,")
		})
		t.Logf("%+v: noted in %.1f%%", tc, 100*noted)
		if slack := bound(0.05, trials); noted < tc.least-slack || noted > tc.most+slack {
			t.Errorf("%+v: noted in %.1f%%", tc, 100*noted)
		}
	}
}

// TestStallsChance: of k pairs far apart, all to one side have a probability of 2⁻ᵏ.
func TestStallsChance(t *testing.T) {
	for _, tc := range []struct {
		s    stalls
		want float64
	}{{stalls{}, 1}, {stalls{old: 4}, 1}, {stalls{new: 5}, 1. / 32}, {stalls{new: 3, old: 1}, 5. / 16}} {
		if got := tc.s.p(); math.Abs(got-tc.want) > 1e-12 {
			t.Errorf("%+v: %g, want %g", tc.s, got, tc.want)
		}
	}
}

func cellName(i int) *sample.Name {
	name, _ := sample.ParseName(fmt.Sprintf("BenchmarkA/gomaxprocs=%d", i+1))
	return name
}
