// Package history looks at a figure over many recorded runs: whether and where it
// changed, and stayed changed.
package history

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/contend-go/contend/bench/sample"
)

// Point is one run's figure.
type Point struct {
	Run   int // index in the order of the runs
	Value float64
	N     int // samples it is the median of
}

// Series is one benchmark in one unit, over the runs that have it.
type Series struct {
	Name   string // without GOMAXPROCS where all agree on it
	Unit   string
	Better sample.Better
	Points []Point
	// Changes are where the figure changed and stayed so.
	Changes []Change
}

// Change is a point from which on a series is at another level.
type Change struct {
	Run   int     // the first that has the new level
	Ratio float64 // median from there to the next change ÷ median from the change before to there
	P     float64 // of no change in this stretch, see [Options]
}

// Options say what counts as a change.
type Options struct {
	Units []string // none is ns/op, or else ops/s, or else all that have a direction
	// MinEffect is the smallest change that matters, as a fraction.
	MinEffect float64
	// Alpha is the chance that any series without a change is said to have one.
	Alpha float64
}

// Least is how many runs a series must have: with fewer none could be told from
// chance at 5%.
const Least = 2 * segment

// segment is the least number of runs at a level: of two, one may be an accident.
const segment = 3

// Of gathers the series of runs, in the order of the runs, and finds their changes.
// A run is one point, whatever the number of its samples: they share the state of one
// host, which runs do not.
func Of(runs []*sample.Set, o Options) []*Series {
	type key struct{ name, unit string }
	var list []*Series
	by := map[key]*Series{}
	for i, set := range runs {
		values := map[key][]float64{}
		var order []key
		better := map[string]sample.Better{}
		for _, s := range set.Samples {
			_, probed := s.Name.Get("probe")
			if !s.Valid() || probed {
				continue
			}
			for j, unit := range s.Units {
				if better[unit] = set.Direction(unit); !o.wants(s, unit, better[unit]) {
					continue
				}
				k := key{s.Name.String(), unit}
				if s.Variant != "" {
					k.name += " " + s.Variant
				}
				if values[k] == nil {
					order = append(order, k)
				}
				values[k] = append(values[k], s.Values[j])
			}
		}
		for _, k := range order {
			s := by[k]
			if s == nil {
				s = &Series{Name: k.name, Unit: k.unit, Better: better[k.unit]}
				by[k] = s
				list = append(list, s)
			}
			s.Points = append(s.Points, Point{i, median(values[k]), len(values[k])})
		}
	}
	tested := 0
	for _, s := range list {
		if len(s.Points) >= Least {
			tested++
		}
	}
	for _, s := range list {
		s.find(o, tested)
	}
	return list
}

// wants reports whether a unit of a sample is looked at.
func (o Options) wants(s *sample.Sample, unit string, better sample.Better) bool {
	if len(o.Units) > 0 {
		return slices.Contains(o.Units, unit)
	}
	for _, primary := range []string{"ns/op", "sec/op", "ops/s"} {
		if slices.Contains(s.Units, primary) {
			return unit == primary
		}
	}
	return better != sample.Neither
}

func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}

// find looks for changes by circular binary segmentation (Olshen et al. 2004): the
// stretch of runs that differs most from those around it is at another level if chance
// alone seldom gives one so clear; then the parts before, within and after are looked
// at. So a change is found that was taken back. Each of the series that are tested
// gets its share of Alpha.
func (s *Series) find(o Options, tested int) {
	values := make([]float64, len(s.Points))
	for i, p := range s.Points {
		values[i] = p.Value
	}
	level := o.Alpha / float64(max(1, tested))
	var edges []edge
	var look func(from, to int)
	look = func(from, to int) {
		i, j, p := stretch(values[from:to], level)
		if i == j || p > level {
			return
		}
		for _, at := range []int{from, from + i, from + j} {
			if at != from && at != to {
				edges = append(edges, edge{at, p})
			}
		}
		look(from, from+i)
		look(from+i, from+j)
		look(from+j, to)
	}
	look(0, len(values))
	slices.SortFunc(edges, func(a, b edge) int { return a.at - b.at })
	from := 0
	edges = pruned(values, edges, o)
	for i, e := range edges {
		to := len(values)
		if i+1 < len(edges) {
			to = edges[i+1].at
		}
		s.Changes = append(s.Changes, Change{s.Points[e.at].Run, median(values[e.at:to]) / median(values[from:e.at]), e.p})
		from = e.at
	}
}

// edge is where a level begins.
type edge struct {
	at int
	p  float64
}

// pruned leaves out, the least clear first, edges at which the levels beside them are
// not apart: a stretch has two edges, and one of them can be where chance had it.
func pruned(values []float64, edges []edge, o Options) []edge {
	for {
		worst, most := -1, 0.0
		for k, e := range edges {
			from, to := 0, len(values)
			if k > 0 {
				from = edges[k-1].at
			}
			if k+1 < len(edges) {
				to = edges[k+1].at
			}
			before, after := median(values[from:e.at]), median(values[e.at:to])
			p := apart(values[from:e.at], values[e.at:to])
			if !(before > 0 && after > 0) || math.Abs(math.Log(after/before)) < math.Log1p(o.MinEffect) {
				p = 1
			}
			if p > most {
				worst, most = k, p
			}
		}
		if most <= o.Alpha {
			return edges
		}
		edges = slices.Delete(edges, worst, worst+1)
	}
}

// apart is the chance that two levels alike differ so much, by random orders of their
// ranks.
func apart(a, b []float64) float64 {
	ranks := ranksOf(slices.Concat(a, b))
	mean := float64(len(ranks)+1) / 2
	far := func() float64 {
		sum := 0.0
		for _, r := range ranks[:len(a)] {
			sum += r - mean
		}
		return math.Abs(sum)
	}
	seen, as := far(), 1
	r := rand.New(rand.NewPCG(uint64(len(a)), uint64(len(b))))
	const orders = 999
	for range orders {
		r.Shuffle(len(ranks), func(i, j int) { ranks[i], ranks[j] = ranks[j], ranks[i] })
		if far() >= seen-1e-9 {
			as++
		}
	}
	return float64(as) / (orders + 1)
}

// stretch is the stretch values[i:j] that differs most from the rest, and the chance
// of one so clear without any change. The statistic is the largest standardised rank
// sum over all stretches; its chance is by random orders of the ranks, the seen one
// among them, so that it is exact whatever the noise. i == j where there are too few
// values.
func stretch(values []float64, level float64) (i, j int, p float64) {
	n := len(values)
	if n < Least {
		return 0, 0, 1
	}
	sums := make([]float64, n+1)
	ranks := ranksOf(values)
	i, j, seen := clearest(ranks, sums)
	r := rand.New(rand.NewPCG(uint64(n), 2004))
	orders := min(5000, max(999, int(20/level)))
	as := 1 // the seen one
	for range orders {
		r.Shuffle(n, func(i, j int) { ranks[i], ranks[j] = ranks[j], ranks[i] })
		if _, _, z := clearest(ranks, sums); z >= seen-1e-9 {
			as++
		}
	}
	return i, j, float64(as) / float64(orders+1)
}

// clearest is the stretch whose ranks are the farthest from those of the rest, and by
// how many standard deviations; sums has room for its work.
func clearest(ranks, sums []float64) (from, to int, z float64) {
	n := len(ranks)
	mean := float64(n+1) / 2
	for i, r := range ranks {
		sums[i+1] = sums[i] + r - mean
	}
	for i := 0; i <= n-segment; i++ {
		if i > 0 && i < segment {
			continue
		}
		for j := i + segment; j <= n; j++ {
			if n-j > 0 && n-j < segment || i == 0 && j == n {
				continue
			}
			k := float64(j - i)
			if here := math.Abs(sums[j]-sums[i]) / math.Sqrt(k*(float64(n)-k)*float64(n+1)/12); here > z {
				from, to, z = i, j, here
			}
		}
	}
	return from, to, z
}

// ranksOf are the ranks of values, equal ones sharing theirs.
func ranksOf(values []float64) []float64 {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case values[a] < values[b]:
			return -1
		case values[a] > values[b]:
			return 1
		}
		return 0
	})
	ranks := make([]float64, len(values))
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && values[order[j]] == values[order[i]] {
			j++
		}
		for _, k := range order[i:j] {
			ranks[k] = float64(i+j+1) / 2
		}
		i = j
	}
	return ranks
}
