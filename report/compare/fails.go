package compare

import (
	"fmt"

	"gonum.org/v1/gonum/stat/distuv"
)

// What heads the notices of benchmarks that fail in processes of the new side: in all of them,
// or in some.
const (
	whatLost  = "LOST"
	whatFails = "FAILS"
)

// failures are the blocks in which the last process of a cell crashed, hung or printed no
// result, with the reason of the last of them.
type failures struct {
	blocks map[int]bool
	reason string
}

// failed notes what became of a block's process.
func (s *cells) failed(key cellKey, block int, reason string) {
	f := s.failures[key]
	if f == nil {
		f = &failures{blocks: map[int]bool{}}
		s.failures[key] = f
		s.failing = append(s.failing, key)
	}
	f.blocks[block], f.reason = true, reason
}

// fared is in how many of a cell's processes its benchmark failed.
func (s *cells) fared(key cellKey) (failed, of int) {
	if f := s.failures[key]; f != nil {
		failed = len(f.blocks)
	}
	of = failed
	if x := s.byKey[key]; x != nil {
		of += len(x.samples)
	}
	return failed, of
}

// noteFailures says which benchmarks fail in the new side. It is an alarm where the old side
// does not, or less often than by chance: what is left to compare are the survivors.
func (c *Comparison) noteFailures(a, b *cells) {
	for _, key := range b.failing {
		failed, of := b.fared(key)
		was, ofOld := a.fared(key)
		if failed == 0 || ofOld == 0 {
			continue
		}
		n := Notice{whatFails, "", was == 0 || moreOften(failed, of, was, ofOld, c.Alpha)}
		if failed == of && n.Alarm {
			n.What = whatLost
		}
		n.Text = fmt.Sprintf("%s: fails in %s of %s, and in %s of %s: %s", key, part(failed, of), c.NewLabel, part(was, ofOld), c.OldLabel, b.failures[key].reason)
		c.Notices = append(c.Notices, n)
	}
}

// part is some of the processes: 3 of 8 processes.
func part(k, n int) string {
	word := "processes"
	if n == 1 {
		word = "process"
	}
	switch k {
	case 0:
		return fmt.Sprintf("none of %d %s", n, word)
	case n:
		return fmt.Sprintf("all of %d %s", n, word)
	}
	return fmt.Sprintf("%d of %d %s", k, n, word)
}

// moreOften reports whether k of n are more than k0 of n0 beyond chance: whether, of all that
// failed, so many are of the first with a probability of at most alpha, if each is with the
// same. That the numbers are limited makes so many less likely still.
func moreOften(k, n, k0, n0 int, alpha float64) bool {
	d := distuv.Binomial{N: float64(k + k0), P: float64(n) / float64(n+n0)}
	return 1-d.CDF(float64(k-1)) <= alpha
}
