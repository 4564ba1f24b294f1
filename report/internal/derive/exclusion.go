package derive

import "github.com/contend-go/contend/bench/sample"

// lockBase is that of the names of lock cells.
const lockBase = "Lock"

// A LockCase is a lock service under a fault, with or without a fence: what a verdict about exclusion is of, whatever
// the number of clients.
type LockCase struct{ Service, Fault, Fence string }

// LockCaseOf is the case that a sample belongs to; ok is false for one that is not of a lock service.
func LockCaseOf(s *sample.Sample) (c LockCase, ok bool) {
	c.Service, ok = s.Name.Get(keyService)
	c.Fault, _ = s.Name.Get("fault")
	c.Fence, _ = s.Name.Get("fence")
	return c, ok && s.Name.Base == lockBase
}

func isLock(s *sample.Sample) bool {
	_, ok := LockCaseOf(s)
	return ok
}

// given reports whether the servers of a sample's service ran already, wherever that was.
func given(s *sample.Sample) bool {
	at, _ := s.Name.Get("at")
	return at == "given"
}

// Excluded reports whether no two clients held a lock at once in the sample of a lock service, and nothing happened that follows from
// that.
func Excluded(s *sample.Sample) bool {
	for _, unit := range []string{"overlaps", "stale-accepted", "lost/op", "tokens-fell"} {
		if v, _ := s.Value(unit); v > 0 {
			return false
		}
	}
	return true
}

// lockCases are cases in which a lock did not exclude.
type lockCases map[LockCase]bool

func brokenLocks(set *sample.Set) lockCases {
	cases := lockCases{}
	for _, s := range set.Samples {
		if c, ok := LockCaseOf(s); ok && s.Valid() && !Excluded(s) {
			cases[c] = true
		}
	}
	return cases
}

// has reports whether the sample is of one of the cases.
func (cases lockCases) has(s *sample.Sample) bool {
	c, ok := LockCaseOf(s)
	return ok && cases[c]
}
