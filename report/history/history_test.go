package history

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/contend-go/contend/bench/sample"
)

// noises are how runs of the same code differ, as factors.
var noises = map[string]func(r *rand.Rand) float64{
	"normal 3%":  func(r *rand.Rand) float64 { return math.Exp(.03 * r.NormFloat64()) },
	"normal 10%": func(r *rand.Rand) float64 { return math.Exp(.1 * r.NormFloat64()) },
	"bursts": func(r *rand.Rand) float64 {
		return math.Exp(.02*r.NormFloat64()) * []float64{1, 1 + 2*r.Float64()}[max(0, int(r.Float64()*20)-18)]
	},
	"two modes": func(r *rand.Rand) float64 { return math.Exp(.02*r.NormFloat64()) * []float64{1, 1.15}[r.IntN(2)] },
	"ties":      func(r *rand.Rand) float64 { return math.Round(20*math.Exp(.05*r.NormFloat64())) / 20 },
}

// runs are n recorded runs of a few benchmarks, whose figures are times level.
func runs(t testing.TB, r *rand.Rand, n, benchmarks int, noise func(*rand.Rand) float64, level func(run int) float64) []*sample.Set {
	t.Helper()
	var list []*sample.Set
	for run := range n {
		var b strings.Builder
		for k := range benchmarks {
			fmt.Fprintf(&b, "Benchmark%c-2 100 %.9g ns/op\n", 'A'+k, 1000*level(run)*noise(r))
		}
		set := new(sample.Set)
		if err := set.Read(strings.NewReader(b.String()), "x"); err != nil {
			t.Fatal(err)
		}
		list = append(list, set)
	}
	return list
}

// drawn is how many histories a simulation draws: a fifth with -short.
func drawn(n int) int {
	if testing.Short() {
		return n / 5
	}
	return n
}

// TestNoChange: where nothing changed, at most 5% of histories name a change in any of
// their benchmarks, whatever the noise.
func TestNoChange(t *testing.T) {
	const benchmarks = 3
	histories := drawn(100)
	for name, noise := range noises {
		r := rand.New(rand.NewPCG(1, 2))
		for _, n := range []int{8, 20, 40} {
			false_ := 0
			for range histories {
				for _, s := range Of(runs(t, r, n, benchmarks, noise, func(int) float64 { return 1 }), Options{Alpha: .05}) {
					if len(s.Changes) > 0 {
						false_++
						break
					}
				}
			}
			t.Logf("%s, %d runs: %.1f%%", name, n, 100*float64(false_)/float64(histories))
			if float64(false_) > .05*float64(histories)+3*math.Sqrt(.05*.95*float64(histories))+1 {
				t.Errorf("%s, %d runs: a change in %.1f%% of histories without one", name, n, 100*float64(false_)/float64(histories))
			}
		}
	}
}

// TestChanges: a change that stays is found near where it happened, in the middle, at
// the end, and two of them; what came and went in one run is none.
func TestChanges(t *testing.T) {
	for name, c := range map[string]struct {
		level func(run int) float64
		at    []int
		ratio []float64
	}{
		"in the middle": {func(run int) float64 { return []float64{1, 1.1}[run/15] }, []int{15}, []float64{1.1}},
		"of late":       {func(run int) float64 { return []float64{1, 1.2}[run/25] }, []int{25}, []float64{1.2}},
		"there and back": {func(run int) float64 {
			if run >= 10 && run < 20 {
				return 1.25
			}
			return 1
		}, []int{10, 20}, []float64{1.25, 1 / 1.25}},
		"one bad run": {func(run int) float64 {
			if run == 12 {
				return 3
			}
			return 1
		}, nil, nil},
	} {
		r := rand.New(rand.NewPCG(3, 4))
		right := 0
		histories := drawn(60)
		for range histories {
			s := Of(runs(t, r, 30, 1, noises["normal 3%"], c.level), Options{MinEffect: .03, Alpha: .05})[0]
			ok := len(s.Changes) == len(c.at)
			for i := 0; ok && i < len(c.at); i++ {
				d := s.Changes[i].Run - c.at[i]
				ok = d >= -1 && d <= 1 && math.Abs(math.Log(s.Changes[i].Ratio/c.ratio[i])) < .05
			}
			if ok {
				right++
			}
		}
		t.Logf("%s: right in %d of %d", name, right, histories)
		if right < histories*6/10 {
			t.Errorf("%s: right in %d of %d histories", name, right, histories)
		}
	}
}

// TestFew: fewer runs than can tell, and benchmarks that come and go.
func TestFew(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	some := runs(t, r, 5, 1, noises["normal 3%"], func(run int) float64 { return float64(1 + run/3) })
	some = append(some, runs(t, r, 2, 2, noises["normal 3%"], func(int) float64 { return 2 })...)
	all := Of(some, Options{Alpha: .05})
	if len(all) != 2 || len(all[0].Points) != 7 || len(all[1].Points) != 2 || all[1].Points[0].Run != 5 || len(all[1].Changes) > 0 {
		t.Errorf("%+v", all)
	}
}
