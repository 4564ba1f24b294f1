package load

import (
	"fmt"
	"math/rand/v2"
)

// Arrivals is how the gaps between operations of an open load are spread.
type Arrivals string

const (
	// Poisson gaps are exponential, as where many callers come independently of each other. Nearly all queueing is theirs.
	Poisson Arrivals = "poisson"
	// Constant gaps are all alike: below capacity they show no queue at all.
	Constant Arrivals = "constant"
)

// AllArrivals lists them, the default first.
var AllArrivals = []Arrivals{Poisson, Constant}

const (
	tableBits = 16 // gaps in the table; a stretch of the plan repeats after as many
	fraction  = 16 // bits behind the point of a nanosecond: sums of gaps stay exact
)

// Schedule is the plan of all generators of one load, made before it starts. It is only read afterwards.
type Schedule struct {
	arrivals   Arrivals
	rate       float64  // operations per second, of all generators
	generators int      //
	gaps       []uint64 // of one generator, in 2^-fraction ns; one value for Constant
	seed       uint64
}

// NewSchedule plans rate operations per second for so many generators. Equal seeds give equal plans.
func NewSchedule(a Arrivals, rate float64, generators int, seed uint64) (*Schedule, error) {
	if generators < 1 || !(rate > 0) || rate > 1e9*float64(generators) {
		return nil, fmt.Errorf("a rate of %g operations per second cannot be planned for %d generators", rate, generators)
	}
	s := &Schedule{arrivals: a, rate: rate, generators: generators, seed: seed}
	mean := 1e9 / rate * float64(generators) * (1 << fraction)
	switch a {
	case Constant:
		s.gaps = []uint64{uint64(mean + 0.5)}
	case Poisson:
		s.gaps = exponential(mean, rand.New(rand.NewPCG(seed, 1)))
	default:
		return nil, fmt.Errorf("arrivals %q: there are %v", a, AllArrivals)
	}
	return s, nil
}

// exponential is a table of gaps whose mean is exact, so that the rate is too.
func exponential(mean float64, random *rand.Rand) []uint64 {
	draws := make([]float64, 1<<tableBits)
	sum := 0.0
	for i := range draws {
		draws[i] = random.ExpFloat64()
		sum += draws[i]
	}
	gaps := make([]uint64, len(draws))
	for i, d := range draws {
		gaps[i] = uint64(d/sum*float64(len(draws))*mean + 0.5)
	}
	return gaps
}

// Plan is the intended start times of one generator's operations, in ns of its clock. They are sums of gaps, and never depend on when
// anything was done.
type Plan struct {
	gaps []uint64
	at   int
	mask int
	time uint64 // in 2^-fraction ns
}

// Plan is the plan of generator g, counted from 0, from that time on. Constant plans are interleaved, or else all generators would start together.
func (s *Schedule) Plan(g int, begin int64) *Plan {
	p := &Plan{gaps: s.gaps, mask: len(s.gaps) - 1}
	if s.arrivals == Constant {
		p.time = uint64(begin)<<fraction + s.gaps[0]*uint64(g)/uint64(s.generators)
		return p
	}
	p.at = int(rand.New(rand.NewPCG(s.seed, 2+uint64(g))).Uint64N(uint64(len(s.gaps))))
	p.time = uint64(begin)<<fraction + s.gaps[p.at]
	p.at++
	return p
}

// Next is the next operation's intended start.
func (p *Plan) Next() int64 {
	t := p.time
	p.time += p.gaps[p.at&p.mask]
	p.at++
	return int64(t >> fraction)
}
