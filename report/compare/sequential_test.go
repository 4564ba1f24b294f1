package compare

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/contend-go/contend/bench/sample"
)

// family is a run under way: all that its cells would measure, and how many blocks
// each has measured.
type family struct {
	s        Sequential
	old, new [][]float64
	has      []int
}

// run draws a family of which the first cell is slower by effect, and measures it
// block by block as a sequential run does.
func (s scenario) run(rng *rand.Rand, cells, end int, effect float64, nulls *nulls) (c *Comparison, f *family) {
	f = &family{s: Sequential{End: end}, has: make([]int, cells)}
	drift := make([]float64, end)
	for i := 1; i < end; i++ {
		drift[i] = drift[i-1] + s.drift*rng.NormFloat64()
	}
	for i := range cells {
		e := 0.0
		if i == 0 {
			e = effect
		}
		r := s.row(rng, end, drift, true, e)
		f.old, f.new = append(f.old, r.rawOld()), append(f.new, r.rawNew())
	}
	settled := make([]bool, cells)
	for _, look := range f.s.looks(end) {
		for i := range f.has {
			if !settled[i] {
				f.has[i] = look
			}
		}
		c = f.compare(nulls)
		for _, r := range c.Rows {
			settled[r.Name.Procs()-1] = settled[r.Name.Procs()-1] || r.Verdict != Unclear
		}
	}
	return c, f
}

func (r *Row) rawOld() []float64 { return exp(r.data.old) }
func (r *Row) rawNew() []float64 { return exp(r.data.new) }

func exp(logs []float64) []float64 {
	list := make([]float64, len(logs))
	for i, x := range logs {
		list[i] = math.Exp(x)
	}
	return list
}

// compare judges what the family has.
func (f *family) compare(nulls *nulls) *Comparison {
	c := &Comparison{Options: with(func(o *Options) { o.Sequential = f.s })}
	for i, n := range f.has {
		name, _ := sample.ParseName(fmt.Sprintf("BenchmarkA/gomaxprocs=%d", i+1))
		r := &Row{Name: name, Unit: "ns/op", Better: sample.Lower, Gated: true, Paired: true, NOld: n, NNew: n, spans: n}
		old, new := f.old[i][:n], f.new[i][:n]
		r.Old, r.New = median(old), median(new)
		r.measure(old, new)
		for b := range n {
			r.blocks = append(r.blocks, blockKey{block: b})
		}
		c.Rows = append(c.Rows, r)
	}
	c.judge(nulls)
	return c
}

// first is the row of the family's first cell.
func (c *Comparison) first() *Row {
	for _, r := range c.Rows {
		if r.Name.Procs() == 1 {
			return r
		}
	}
	return nil
}

// TestSequentialFalseAlarms: in a family without any change, a sequential run
// raises an alarm in at most 5%, whatever the size of the estimate.
func TestSequentialFalseAlarms(t *testing.T) {
	for _, s := range scenarios {
		for _, tc := range []struct{ cells, end, trials int }{{1, 30, draws()}, {10, 30, max(1, draws()/8)}, {50, 30, max(1, draws()/40)}} {
			t.Run(fmt.Sprintf("%s/cells=%d", s.name, tc.cells), func(t *testing.T) {
				worse := share(tc.trials, func(rng *rand.Rand, nulls *nulls) bool {
					c, _ := s.run(rng, tc.cells, tc.end, 0, nulls)
					for _, r := range c.Rows {
						if r.PHolm <= c.Alpha && r.toWorse() {
							return true
						}
					}
					return false
				})
				t.Logf("false alarms in %.2f%% of %d families", 100*worse, tc.trials)
				if worse > 0.05+bound(0.05, tc.trials) {
					t.Errorf("false alarms in %.2f%% of families, more than 5%%", 100*worse)
				}
			})
		}
	}
}

// TestSequentialSame: a cell that has changed by the smallest effect is called the
// same in at most 5%, though it is asked at every look.
func TestSequentialSame(t *testing.T) {
	for _, s := range scenarios {
		for _, end := range []int{LeastSequential, 30, 60} {
			t.Run(fmt.Sprintf("%s/end=%d", s.name, end), func(t *testing.T) {
				trials := max(1, draws()/2)
				called := func(effect float64) float64 {
					return share(trials, func(rng *rand.Rand, nulls *nulls) bool {
						c, _ := s.run(rng, 1, end, effect, nulls)
						return c.Rows[0].Verdict == Same
					})
				}
				changed := called(Default.MinEffect)
				t.Logf("same: %.1f%% of unchanged, %.1f%% of those changed by %g%%, of %d", 100*called(0), 100*changed, 100*Default.MinEffect, trials)
				if changed > 0.05+bound(0.05, trials) {
					t.Errorf("%.1f%% of changed cells are called the same", 100*changed)
				}
			})
		}
	}
}

// TestSequentialPower: a sequential run of up to 30 blocks finds no fewer changes
// than a fixed one of 20, in no more blocks of all its cells.
func TestSequentialPower(t *testing.T) {
	const cells, end, fixed = 10, 30, 20
	trials := max(1, draws()/8)
	for _, s := range []scenario{scenarios[0], scenarios[1], scenarios[2], scenarios[4], scenarios[5]} {
		for _, effect := range []float64{0.05, 0.1, 3} {
			t.Run(fmt.Sprintf("%s/%+g%%", s.name, 100*effect), func(t *testing.T) {
				blocks, own := make(chan int, trials), make(chan int, trials)
				p := share(trials, func(rng *rand.Rand, nulls *nulls) bool {
					c, f := s.run(rng, cells, end, effect, nulls)
					total := 0
					for _, n := range f.has {
						total += n
					}
					blocks <- total
					own <- f.has[0]
					return c.first().Verdict == Worse
				})
				q := share(trials, func(rng *rand.Rand, nulls *nulls) bool {
					c := s.trial(rng, cells, fixed, true, effect)
					slow := c.Rows[0]
					c.judge(nulls)
					return slow.Verdict == Worse
				})
				mean := func(list chan int) float64 {
					sum := 0
					for range trials {
						sum += <-list
					}
					return float64(sum) / float64(trials)
				}
				all, changed := mean(blocks)/cells, mean(own)
				t.Logf("found in %.1f%% with %.1f blocks, %.1f of the changed cell; by %d for all in %.1f%%", 100*p, all, changed, fixed, 100*q)
				if p < q-bound(0.5, trials)/2 {
					t.Errorf("found in %.1f%%; fixed %d find %.1f%%", 100*p, fixed, 100*q)
				}
				if effect == 3 && changed > 16 {
					t.Errorf("a fourfold slowdown took %.1f blocks", changed)
				}
			})
		}
	}
}

// TestEvidence: over all ways to swap labels, the e-value reaches 10 at any time in at
// most a tenth (Ville 1939).
func TestEvidence(t *testing.T) {
	sizes := []float64{1, 0.2, 3, 0, 0.7, 1.1, 0.05, 2, 0.4}
	for n := 1; n <= len(sizes); n++ {
		over := 0
		for mask := range 1 << n {
			d := make([]float64, n)
			for i := range d {
				d[i] = sizes[i] * float64(1-2*(mask>>i&1))
			}
			if evidence(d, 1) >= 10 {
				over++
			}
		}
		if share := float64(over) / float64(int(1)<<n); share > 0.1 {
			t.Errorf("%d pairs: at least 10 in %.3f of the ways, more than a tenth", n, share)
		}
	}
	for _, tc := range []struct {
		a, b int
		want float64
	}{{0, 0, 1}, {1, 0, 1.5}, {0, 1, 0.5}, {2, 0, 7.0 / 3}, {1, 1, 2.0 / 3}} { // by hand
		if got := bySigns(tc.a, tc.b); math.Abs(got-tc.want) > 1e-12 {
			t.Errorf("%d ahead, %d behind: %g, want %g", tc.a, tc.b, got, tc.want)
		}
	}
}

// TestIntervalAgrees: where the evidence of a sequential run decides, or max-T, the
// printed interval does not hold no change, although that of the ranks does.
func TestIntervalAgrees(t *testing.T) {
	nulls := newNulls()
	for _, c := range []struct {
		d     []float64
		cells int // of which all but the first have not changed at all
		s     Sequential
	}{
		{[]float64{0.61, 0.41, 0.48, 1.13, 0.39, 0.50, 0.38, -0.52}, 1, Sequential{End: 30}},
		{[]float64{0.10, 0.11, 0.12, -0.125, 2, 2, 2}, 7, Sequential{}},
	} {
		for _, sign := range []float64{1, -1} {
			agrees(t, c.d, sign, c.cells, c.s, nulls)
		}
	}
}

func agrees(t *testing.T, d []float64, sign float64, cells int, s Sequential, nulls *nulls) {
	t.Helper()
	f := &family{s: s}
	for i := range cells {
		f.has, f.old, f.new = append(f.has, len(d)), append(f.old, make([]float64, len(d))), append(f.new, make([]float64, len(d)))
		for j, x := range d {
			if f.old[i][j], f.new[i][j] = 100, 100; i == 0 {
				f.new[i][j] *= math.Exp(sign * x)
			}
		}
	}
	r := f.compare(nulls).first()
	if r.flipped != (s.End == 0) {
		t.Fatalf("tested by max-T: %v", r.flipped)
	}
	if lo, hi := r.test.interval(2 * r.lower); lo > 0 || hi < 0 {
		t.Fatalf("the ranks' interval is %.2f to %.2f: the case does not show anything", lo, hi)
	}
	if want := map[float64]Verdict{1: Worse, -1: Better}[sign]; r.Verdict != want || r.Lo < 1 && r.Hi > 1 {
		t.Errorf("%s with an interval of %.3f to %.3f, want %s without 1 inside", r.Verdict, r.Lo, r.Hi, want)
	}
}

// TestSomeFlips: with more blocks than all flips are counted for, the drawn ones find
// the one row of a large family that has changed, and no other.
func TestSomeFlips(t *testing.T) {
	const cells, blocks = 450, allFlips + 1
	rng := rand.New(rand.NewPCG(4, 4))
	f := &family{}
	for i := range cells {
		f.has, f.old, f.new = append(f.has, blocks), append(f.old, make([]float64, blocks)), append(f.new, make([]float64, blocks))
		for j := range blocks {
			f.old[i][j], f.new[i][j] = 100*math.Exp(0.02*rng.NormFloat64()), 100*math.Exp(0.02*rng.NormFloat64())
			if i == 0 {
				f.new[i][j] *= 1.2
			}
		}
	}
	c := f.compare(newNulls())
	r := c.first()
	if !r.flipped || r.Verdict != Worse || c.Count(Worse) != 1 || c.Count(Better) != 0 {
		t.Errorf("tested by max-T: %v; %s at p=%g; %d worse, %d better", r.flipped, r.Verdict, r.PHolm, c.Count(Worse), c.Count(Better))
	}
	if r.P < 1.0/someFlips { // the seen assignment is one of them
		t.Errorf("p=%g of %d flips", r.P, someFlips)
	}
}

// TestSequentialEnd: ranks are asked where the plan or the clock ended a run, and not
// where it was interrupted or the data ended it; what came after the first end does
// not ask them again.
func TestSequentialEnd(t *testing.T) {
	d := []float64{1, 2, 3, -0.5, 4, 5, 6, -1.5, 7, 8, 9, 10}
	p := func(s Sequential, blocks int) float64 {
		r := &Row{spans: blocks}
		for i := range blocks {
			r.blocks = append(r.blocks, blockKey{block: i})
		}
		return newAnytime(d[:blocks], r.before(s.end()), newNulls()).p() / 2
	}
	open, cut := p(Sequential{End: 30}, 12), p(Sequential{End: 30, Cut: 12}, 12)
	if ranks := newPaired(d, newNulls()).p(); math.Abs(cut-ranks) > 1e-12 || cut >= open {
		t.Errorf("p is %g when the time is over, %g when interrupted; want %g and more", cut, open, ranks)
	}
	if planned := p(Sequential{End: 12}, 12); planned != cut {
		t.Errorf("p is %g at the planned end, %g when the time is over", planned, cut)
	}
	if again := p(Sequential{End: 30, Cut: 8}, 12); again < newPaired(d[:8], newNulls()).p() && again < open {
		t.Errorf("p is %g after a run was continued: ranks were asked twice", again)
	}
	for end, want := range map[int]string{15: "[8 10 13 15]", 20: "[8 10 13 17 20]", 30: "[8 10 13 17 22 30]", 60: "[8 10 13 17 22 29 38 49 60]"} {
		if got := fmt.Sprint(Sequential{End: end}.looks(end)); got != want {
			t.Errorf("looks up to %d: %s, want %s", end, got, want)
		}
	}
}

// stalled is noise of 5%, and windows in which one of a hundred calls took a thousand
// times as long, with a probability of share: such a window says 11 times too much.
func stalled(share float64) func(*rand.Rand) float64 {
	return func(r *rand.Rand) float64 {
		x := 0.05 * r.NormFloat64()
		if r.Float64() < share {
			x += math.Log(11)
		}
		return x
	}
}

// TestStalls: samples are means of their windows, so that one stalled call spoils one
// of them; the other pairs find a fourfold slowdown all the same, in a family of 20.
func TestStalls(t *testing.T) {
	const cells = 20
	trials := max(1, draws()/4)
	for _, tc := range []struct{ share, least float64 }{{0.05, 0.95}, {0.1, 0.95}, {0.18, 0.9}, {0.3, 0}} {
		for _, end := range []int{10, 30} {
			s := scenario{name: "stalled", noise: stalled(tc.share)}
			found := share(trials, func(rng *rand.Rand, nulls *nulls) bool {
				if end < LeastSequential {
					c := s.trial(rng, cells, end, true, 3)
					slow := c.Rows[0]
					c.judge(nulls)
					return slow.Verdict == Worse
				}
				c, _ := s.run(rng, cells, end, 3, nulls)
				return c.first().Verdict == Worse
			})
			t.Logf("%g%% of windows stalled, up to %d pairs: found in %.0f%% of %d", 100*tc.share, end, 100*found, trials)
			if end == 30 && found < tc.least-bound(1-tc.least, trials) {
				t.Errorf("%g%% of windows stalled: a fourfold slowdown is found in %.0f%%", 100*tc.share, 100*found)
			}
		}
	}
}
