package derive

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/contend-go/contend/bench/sample"
)

// Standing is how a series stands beside the fastest of its facet.
type Standing int

const (
	First     Standing = iota // the fastest
	Tied                      // its ratio to the fastest cannot be told from 1
	Slower                    // the interval of its ratio lies below 1
	Open                      // with too few samples to tell
	Broken                    // a lock or what stands for one that did not exclude under these conditions, and does not compete
	Reference                 // synchronises nothing, and does not compete
)

// Contest is the series of a facet, or those of one group of them, at one value of the axis, by throughput.
type Contest struct {
	X     float64
	Group string // "locks" or "without a lock", where a facet has both or only the latter; else empty
	// Ranks are the competitors, fastest first, and behind them the locks that broke and the references.
	Ranks []Rank
	// Unrelated says why nobody competes: empty for alternatives.
	Unrelated string

	Series []*Series // that are in it, references included
}

// The groups of a facet of lock services. What does without a lock has nothing that others wait for, and would win each time.
const (
	groupLocks   = "locks"
	groupWithout = "without a lock"
)

// contests are the facet's: alternatives only are held against each other. References stand behind the first.
func contests(f *Facet) []*Contest {
	var locks, without []*Series
	references := 0
	for _, s := range f.Series {
		switch {
		case s.Lockless:
			without = append(without, s)
		case s.Reference:
			references++
			fallthrough
		default:
			locks = append(locks, s)
		}
	}
	switch {
	case len(without) == 0:
		return []*Contest{contest(f, "", f.Series)}
	case len(locks) == references:
		return []*Contest{contest(f, groupWithout, f.Series)}
	}
	return []*Contest{contest(f, groupLocks, locks), contest(f, groupWithout, without)}
}

// Rank is one series in a contest.
type Rank struct {
	*Series
	*Point
	Ratio Estimate // of its throughput to that of the fastest competitor
	Standing
}

// contest compares at the highest valid value of the axis at which two series
// can be compared, or else one was measured; of hosts with different numbers of CPUs
// at the highest for which most have enough. References are no competitors: a
// cache without synchronisation wins trivially, and so does a lock that two hold at once.
func contest(f *Facet, group string, series []*Series) *Contest {
	c := &Contest{Group: group, Unrelated: unrelated(f), Series: series}
	for _, x := range slices.Backward(f.Valid()) {
		var at []Rank
		for _, s := range series {
			if p := s.Point(x); p != nil && !s.Reference && !p.Oversubscribed && p.Rate.N > 0 {
				at = append(at, Rank{Series: s, Point: p})
			}
		}
		if len(at) > len(c.Ranks) && (len(c.Ranks) < 2 || f.mixed) {
			c.X, c.Ranks = x, at
		}
	}
	if len(c.Ranks) == 0 {
		return c
	}
	for i := range c.Ranks {
		if c.Ranks[i].Broke {
			c.Ranks[i].Standing = Broken
		}
	}
	slices.SortStableFunc(c.Ranks, func(a, b Rank) int {
		return cmp.Or(cmp.Compare(a.Standing, b.Standing), cmp.Compare(b.Rate.Median, a.Rate.Median))
	})
	for _, s := range series {
		if p := s.Point(c.X); p != nil && s.Reference && p.Rate.N > 0 {
			c.Ranks = append(c.Ranks, Rank{Series: s, Point: p, Standing: Reference})
		}
	}
	for i := range c.Ranks {
		c.Ranks[i].stand(c.Ranks[0].Point)
	}
	return c
}

// stand fills in how the rank stands beside the first.
func (r *Rank) stand(first *Point) {
	if r.Point == first {
		return
	}
	r.Ratio = rateRatio(first, r.Point).inverse()
	switch {
	case !r.competes():
	case r.Ratio.Below(1):
		r.Standing = Slower
	case r.Ratio.Interval():
		r.Standing = Tied
	default:
		r.Standing = Open
	}
}

// lead is how many times the throughput of the rank the fastest has: what a table shows and what decides
// a tie are one estimate. That of the inverse ratios can differ, as its interval takes other order statistics.
func (r *Rank) lead() Estimate { return r.Ratio.inverse() }

// competes reports whether the series can be the fastest.
func (r *Rank) competes() bool { return r.Standing != Broken && r.Standing != Reference }

// rateRatio is the throughput of a point to that of another.
func rateRatio(a, b *Point) Estimate {
	mine, _ := ratesOf(a.shared)
	theirs, _ := ratesOf(b.shared)
	return relate(mine, theirs, ratio)
}

// Winners are the fastest and those that cannot be told from it.
func (c *Contest) Winners() (names []string) {
	for _, r := range c.Ranks {
		if r.Standing == First || r.Standing == Tied {
			names = append(names, r.Name)
		}
	}
	return names
}

// next is the competitor that the fastest is held against: the first that cannot be told
// from it or, if all can, the second.
func (c *Contest) next() (r Rank, ok bool) {
	if i := slices.IndexFunc(c.Ranks, func(r Rank) bool { return r.Standing == Tied }); i >= 0 {
		return c.Ranks[i], true
	}
	if len(c.Ranks) < 2 || !c.Ranks[1].competes() {
		return r, false
	}
	return c.Ranks[1], true
}

// Chance reports whether the samples are too few to tell that the fastest is no chance.
func (c *Contest) Chance() bool {
	next, ok := c.next()
	return ok && next.Standing == Open
}

// broken are those that did not exclude, fastest first.
func (c *Contest) broken() []string { return c.standing(Broken) }

// standing names those that stand so.
func (c *Contest) standing(as Standing) (names []string) {
	for _, r := range c.Ranks {
		if r.Standing == as {
			names = append(names, r.Name)
		}
	}
	return names
}

// LabelOf is the conditions of a contest of the facet, as [Facet.Label], with its group.
func (f *Facet) LabelOf(c *Contest) string {
	if label := f.Label(); label == "" || c.Group == "" {
		return label + c.Group
	}
	return f.Label() + " · " + c.Group
}

// GroupOf is the group that a series of the facet is ranked in, empty where there is one ranking.
func (f *Facet) GroupOf(s *Series) string {
	i := slices.IndexFunc(f.Contests, func(c *Contest) bool { return slices.Contains(c.Series, s) })
	return f.Contests[i].Group
}

// Competes reports whether the facet has a ranking.
func (f *Facet) Competes() bool {
	return slices.ContainsFunc(f.Contests, func(c *Contest) bool { return c.Unrelated == "" && len(c.Ranks) > 1 })
}

// unrelated says why the lines of a facet are no alternatives to one another: a
// ranking needs a key of their names whose values are not numbers.
func unrelated(f *Facet) string {
	if len(f.Series) < 2 {
		return ""
	}
	const how = "to have them ranked, use names such as BenchmarkMap/impl=sync, or pass --name"
	for _, key := range f.Keys {
		if key == keyBase || key[0] == '/' {
			return "not ranked, as these benchmarks may not do the same work: " + how
		}
	}
	sizes := !f.stated && !slices.ContainsFunc(f.Keys, func(k string) bool { return k == keyBackend || k == keyImpl })
	for _, s := range f.Series {
		_, number := sample.ParseNumber(s.Name)
		sizes = sizes && number
	}
	if sizes {
		return fmt.Sprintf("the lines are values of %s, no alternatives, so none is ranked", strings.Join(f.Keys, ", "))
	}
	return ""
}

// Note is what stands beside the rank: how sure it is.
func (r *Rank) Note() string {
	switch r.Standing {
	case First:
		return "the fastest"
	case Reference:
		return "synchronises nothing and does not compete"
	case Broken:
		return "did not exclude under these conditions, and does not compete"
	case Tied:
		return "cannot be told from the fastest: " + r.Ratio.uncertainty("×")
	case Slower:
		return "slower: " + r.Ratio.uncertainty("×")
	}
	return "whether it is slower cannot be told: " + r.Ratio.uncertainty("×")
}
