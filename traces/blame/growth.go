package blame

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/contend-go/contend/traces/account"
)

// Load is what a benchmark did at one GOMAXPROCS, of which CPU samples were taken: one of its repetitions.
type Load struct {
	Procs int
	Ops   float64       // operations in the window
	CPU   time.Duration // of the process, in the window
	*account.Window
}

// Growth is CPU time per operation that grows with GOMAXPROCS: what no trace shows, as nothing waits. It is explained by the difference of two
// CPU profiles, function by function.
type Growth struct {
	From, To      int     // GOMAXPROCS
	Before, After float64 // CPU per operation in ns, without that of the allocator and the collector
	Grown         []Grown // surest first; at most maxGrown
}

// Grown is a function whose CPU time per operation grew.
type Grown struct {
	Kind account.CPUKind // of most of its samples at the higher GOMAXPROCS
	Place
	Before, After float64 // CPU per operation in ns
	Z             float64 // the difference in its standard errors, both counts of samples taken as Poisson
}

// What a growth is told by: see the measurements in traces/README.md.
const (
	leastGrowth  = 1.25 // of CPU time per operation
	leastZ       = 4    // of a function's difference
	leastSamples = 50   // a side
	leastOurs    = 0.85 // of the time in which Ps ran goroutines, their threads must have had a CPU
	maxGrown     = 3
)

// Grow compares the repetitions of a benchmark at two values of GOMAXPROCS. The growth is nil where there is none; untold then says why it
// cannot be told, and is empty where there is nothing to tell.
func Grow(from, to []Load) (g *Growth, untold string) {
	a, b := ours(from), ours(to)
	if len(a) == 0 || len(b) == 0 {
		if len(from) == 0 || len(to) == 0 {
			return nil, ""
		}
		return nil, fmt.Sprintf("whether CPU time per operation grows, and why, cannot be told: other processes used the CPUs in %d of %d repetitions; repeat it on an idle machine", len(from)+len(to)-len(a)-len(b), len(from)+len(to))
	}
	x, y := newProfile(a), newProfile(b)
	if x.samples < leastSamples || y.samples < leastSamples {
		return nil, fmt.Sprintf("why CPU per operation grows, or does not, cannot be told by %d and %d samples: it takes %d of each", x.samples, y.samples, leastSamples)
	}
	g = &Growth{From: from[0].Procs, To: to[0].Procs, Before: x.perOp(), After: y.perOp()}
	if g.After < leastGrowth*g.Before {
		return nil, ""
	}
	for name, after := range y.funcs {
		var before funcSamples
		if f := x.funcs[name]; f != nil {
			before = *f
		}
		d := Grown{Kind: after.kind(), Place: after.place(), Before: float64(before.n) * x.nanos, After: float64(after.n) * y.nanos}
		// Of a function without samples the count is known to no better than one.
		d.Z = (d.After - d.Before) / math.Sqrt(float64(max(before.n, 1))*x.nanos*x.nanos+float64(after.n)*y.nanos*y.nanos)
		if d.Z >= leastZ {
			g.Grown = append(g.Grown, d)
		}
	}
	slices.SortFunc(g.Grown, func(p, q Grown) int { return cmp.Or(cmp.Compare(q.Z, p.Z), cmp.Compare(key(p.Line), key(q.Line))) })
	g.Grown = g.Grown[:min(len(g.Grown), maxGrown)]
	if len(g.Grown) == 0 {
		return nil, fmt.Sprintf("CPU per operation grows from %s to %s from GOMAXPROCS %d to %d; at which line cannot be told by %d and %d samples",
			nanos(g.Before), nanos(g.After), g.From, g.To, x.samples, y.samples)
	}
	return g, ""
}

// ours are the repetitions in which the threads of Ps that ran had CPUs: neighbours hide all that CPUs do to each other.
func ours(loads []Load) []Load {
	return slices.DeleteFunc(slices.Clone(loads), func(l Load) bool {
		ran := float64(l.Capacity-l.Lost()) / float64(max(l.Capacity, 1)) * float64(l.Procs) * float64(l.Wall())
		return float64(l.CPU) < leastOurs*ran
	})
}

// profile is samples by function, and what one of them stands for.
type profile struct {
	samples int64   // without those of the allocator and the collector
	nanos   float64 // of CPU time per operation that a sample stands for
	funcs   map[string]*funcSamples
}

type funcSamples struct {
	n     int64
	kinds [account.NumCPUKinds]int64
	lines map[Place]int64
}

func newProfile(loads []Load) *profile {
	p := &profile{funcs: map[string]*funcSamples{}}
	var all int64
	var ops, cpu float64
	for _, l := range loads {
		ops, cpu = ops+l.Ops, cpu+float64(l.CPU)
		locator := NewLocator(l.Window)
		for _, c := range l.Window.CPU {
			all += c.Samples
			for _, s := range c.Stacks {
				if c.Kind != account.Tracer && c.Kind != account.Collector && !allocates(s.Stack) {
					p.add(locator.Place(s.Stack), c.Kind, s.Count)
				}
			}
		}
	}
	p.nanos = cpu / float64(max(all, 1)) / max(ops, 1)
	return p
}

func (p *profile) add(at Place, kind account.CPUKind, n int64) {
	p.samples += n
	f := p.funcs[at.Line.Func]
	if f == nil {
		f = &funcSamples{lines: map[Place]int64{}}
		p.funcs[at.Line.Func] = f
	}
	f.n += n
	f.kinds[kind] += n
	at.Lock.PC, at.Line.PC, at.Caller.PC = 0, 0, 0
	f.lines[at] += n
}

func (p *profile) perOp() float64 { return float64(p.samples) * p.nanos }

func (f *funcSamples) kind() account.CPUKind {
	best := account.CPUKind(0)
	for k, n := range f.kinds {
		if n > f.kinds[best] {
			best = account.CPUKind(k)
		}
	}
	return best
}

// place is the line with the most samples.
func (f *funcSamples) place() (best Place) {
	for p, n := range f.lines {
		if m := f.lines[best]; n > m || n == m && key(p.Line) < key(best.Line) {
			best = p
		}
	}
	return best
}

// allocates reports whether a sample is of allocating, freeing, or asking the system for memory: that costs more with more Ps, and is no contention.
func allocates(s account.Stack) bool {
	for _, f := range s {
		for _, name := range []string{"runtime.mallocgc", "runtime.(*mheap)", "runtime.(*mcache)", "runtime.(*mcentral)", "runtime.madvise", "runtime.sysMap", "runtime.sysUsed", "runtime.growslice", "runtime.futex"} {
			if strings.HasPrefix(f.Func, name) {
				return true
			}
		}
	}
	return false
}

// Lines say what grew, where, and what to try.
func (g *Growth) Lines() (lines []string) {
	lines = append(lines, fmt.Sprintf("the same operation takes %s of CPU at GOMAXPROCS %d and %s at %d", nanos(g.Before), g.From, nanos(g.After), g.To))
	for _, d := range g.Grown {
		lines = append(lines, fmt.Sprintf("%s at %s: %s (%.0f standard errors)", d.What(), d.Where(), d.Cost(), d.Z))
	}
	return append(lines, "try: "+g.Next())
}

// Next is what to try.
func (g *Growth) Next() string { return next[g.Grown[0].What()] }

// shared is the kind of a growth in the program's own code: the compiler makes atomic operations part of it.
const shared = "shared memory"

// What is the kind of what grew.
func (d *Grown) What() string {
	if d.Kind == account.User {
		return shared
	}
	return d.Kind.String()
}

// Where is the line with the most of its samples, what that called, and who called it.
func (d *Grown) Where() string { return place(&d.Place) }

// Cost is its CPU time per operation, before and after.
func (d *Grown) Cost() string { return nanos(d.Before) + " → " + nanos(d.After) }

func nanos(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%.3g ms", v/1e6)
	case v >= 1e4:
		return fmt.Sprintf("%.3g µs", v/1e3)
	case v >= 1e3:
		return fmt.Sprintf("%.0f ns", v)
	}
	return fmt.Sprintf("%.3g ns", v)
}
