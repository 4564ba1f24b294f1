package compare

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/contend-go/contend/bench/sample"
)

// The units of an open load. Where it was not carried it tells no quantiles: those
// of the other blocks alone would be a rosy selection.
const (
	unitOffered  = "offered/s"
	unitCapacity = "capacity/s"
	unitMedian   = "p50-ns"
	unitTail     = "p99-ns"
)

// whatUnstable heads the notice of a load that is no longer carried.
const whatUnstable = "UNSTABLE"

// load is a cell's open load on both sides.
type load struct {
	key      cellKey
	old, new tally
	p        float64 // that the new side is carried as often as the old one, against less often
	share    bool    // its rate is a share of each side's own capacity
	offered  float64 // new ÷ old
}

// tally is how many samples of an open load were carried, and how many not.
type tally struct{ carried, lost int }

func (t tally) String() string { return fmt.Sprintf("%d of %d", t.carried, t.carried+t.lost) }

// open reports whether the sample's operations were due at a rate that others set, and whether
// that load was carried.
func open(s *sample.Sample) (is, carried bool) {
	_, is = s.Value(unitOffered)
	_, carried = s.Value(unitMedian)
	return is, carried
}

// newLoad counts the cell's samples and tests whether the new side carries what is
// offered less often than the old one; ok is false for a cell that is no open load.
func newLoad(key cellKey, x, y *cell) (l *load, ok bool) {
	l = &load{key: key}
	count := func(c *cell, t *tally) {
		for _, s := range c.samples {
			is, carried := open(s)
			switch {
			case is && carried:
				t.carried++
			case is:
				t.lost++
			}
		}
	}
	count(x, &l.old)
	count(y, &l.new)
	if l.old == (tally{}) || l.new == (tally{}) {
		return nil, false
	}
	rate, _ := y.name.Get("rate")
	l.share = strings.HasSuffix(rate, "%")
	l.offered = median(values(y, unitOffered)) / median(values(x, unitOffered))
	if only, back, paired := l.discordant(x, y); paired {
		l.p = atLeast(only, only+back)
	} else {
		l.p = fisher(l.old, l.new)
	}
	return l, true
}

// discordant counts the blocks in which one side alone carried its load.
func (l *load) discordant(x, y *cell) (onlyOld, onlyNew int, paired bool) {
	at := map[blockKey]bool{}
	for _, s := range x.samples {
		if is, carried := open(s); is && s.Run != nil && s.Block >= 0 {
			at[blockOf(s)] = carried
		}
	}
	for _, s := range y.samples {
		if s.Run == nil || s.Block < 0 {
			continue
		}
		old, both := at[blockOf(s)]
		is, carried := open(s)
		paired = paired || both && is
		switch {
		case !both || !is:
		case old && !carried:
			onlyOld++
		case !old && carried:
			onlyNew++
		}
	}
	return onlyOld, onlyNew, paired
}

// atLeast is the chance of so many heads or more in n throws of a coin (McNemar's exact test, one-sided).
func atLeast(heads, n int) float64 {
	p := 0.0
	for k := heads; k <= n; k++ {
		p += math.Exp(choose(n, k) - float64(n)*math.Ln2)
	}
	return min(p, 1)
}

// fisher is the chance that so many or more of those that were not carried are new ones, if
// the sides do not differ (Fisher's exact test, one-sided).
func fisher(old, new tally) float64 {
	n, m, lost := new.carried+new.lost, old.carried+old.lost, old.lost+new.lost
	p := 0.0
	for k := new.lost; k <= min(n, lost); k++ {
		if lost-k <= m {
			p += math.Exp(choose(n, k) + choose(m, lost-k) - choose(n+m, lost))
		}
	}
	return min(p, 1)
}

// choose is the logarithm of the number of ways to take k of n.
func choose(n, k int) float64 {
	lg := func(v int) float64 { g, _ := math.Lgamma(float64(v) + 1); return g }
	return lg(n) - lg(k) - lg(n-k)
}

// judgeLoads alarms about loads that the new side no longer carries: exactly, with the level
// divided by the number of such cells (Bonferroni). Quantiles of a side that did not carry all are no evidence
// that nothing is worse.
func (c *Comparison) judgeLoads(loads []*load) {
	shrunk := 0
	for _, l := range loads {
		if l.share && math.Abs(l.offered-1) > c.MinEffect {
			shrunk++
		}
		if l.new.lost == 0 {
			continue
		}
		for _, r := range c.Rows {
			if r.Name.String() == l.key.name && r.Pkg == l.key.pkg && quantile(r.Unit) {
				r.lost = l.new
			}
		}
		less := float64(l.new.carried)*float64(l.old.carried+l.old.lost) < float64(l.old.carried)*float64(l.new.carried+l.new.lost)
		text := fmt.Sprintf("%s: carried in %s samples, before in %s (exact test: p = %.2g)", l.key, l.new, l.old, l.p)
		switch {
		case l.p*float64(len(loads)) <= c.Alpha:
			c.Notices = append(c.Notices, Notice{whatUnstable, text, true})
		case less:
			c.Notices = append(c.Notices, Notice{"note", text + ": this may be chance", false})
		}
	}
	if shrunk > 0 {
		c.Notes = append(c.Notes, fmt.Sprintf("in %d of %d open loads the two sides were not offered the same, as rates are shares of each side's own capacity: compare %s too, or give rates in operations per second", shrunk, len(loads), unitCapacity))
	}
}

// quantile reports whether a unit is one of what callers wait.
func quantile(unit string) bool {
	return unit == "max-ns" || strings.HasPrefix(unit, "p") && strings.HasSuffix(unit, "-ns")
}

// openUnits are gated where nothing else is asked for: what callers wait and, for rates that are a share
// of it, the capacity.
func openUnits(units []string) (gated []string) {
	for _, u := range []string{unitTail, unitCapacity} {
		if slices.Contains(units, u) {
			gated = append(gated, u)
		}
	}
	return gated
}
