package blame

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/contend-go/contend/traces/account"
)

// Stuck is goroutines that are blocked at one line when the trace ends, and have been for long.
type Stuck struct {
	Kind string
	Place
	Count   int64
	Age     time.Duration // of the oldest, within the trace
	Through bool          // that one was blocked before the trace began
	// Cycle is a line whose goroutines these wait for, as far as releases tell, and that wait for these.
	Cycle *Place
}

// A wait is long from stuckAge on, or from stuckShare of the trace, if it is stuckTimes as long as those that ended there.
const (
	stuckAge   = time.Second
	stuckShare = 0.5
	stuckTimes = 4
	maxStuck   = 5
)

// hopeless reports whether waits for that may hang: not those that wait for more work by design, unless nothing else goes on.
func hopeless(r account.Reason) bool {
	switch r {
	case account.Mutex, account.RWReader, account.RWWriter, account.Once, account.Cond, account.WaitGroup, account.Singleflight,
		account.Semaphore, account.Pool, account.FileLock, account.ChanSend, account.Forever:
		return true
	}
	return false
}

// stuck finds what is blocked at the end: waits for locks first, then, in a program that does nothing else, any.
func (v *Verdict) stuck(l Locator, a *account.Account) {
	w := &a.Total
	still := w.PWait() > 0.99
	type entry struct {
		Stuck
		reason account.Reason
		site   *account.Site
		stack  account.Stack
	}
	var list []*entry
	by := map[groupKey]*entry{}
	for i := range w.Sites {
		s := &w.Sites[i]
		if s.Open == 0 || s.Apparatus || s.ByDesign || s.Reason == account.System || !hopeless(s.Reason) && (!still || s.Reason == account.Sleep) {
			continue
		}
		if s.MaxOpen < stuckAge && float64(s.MaxOpen) < stuckShare*float64(a.Duration) || s.Waits > 0 && s.MaxOpen < stuckTimes*s.MaxWait {
			continue
		}
		p := l.Place(s.Stack)
		if p.Line.Func == "" {
			continue
		}
		k := groupKey{string(s.Reason), key(p.Line)}
		e := by[k]
		if e == nil {
			e = &entry{Stuck: Stuck{Kind: kindOf(s.Reason), Place: p}, reason: s.Reason, site: s, stack: s.Stack}
			by[k] = e
			list = append(list, e)
		}
		e.Count += s.Open
		e.Age = max(e.Age, s.MaxOpen)
		e.Through = e.Through || s.Parked > 0
	}
	slices.SortStableFunc(list, func(x, y *entry) int {
		hang := func(e *entry) int {
			if hopeless(e.reason) {
				return 1
			}
			return 0
		}
		return cmp.Or(cmp.Compare(hang(y), hang(x)), cmp.Compare(y.Age, x.Age), cmp.Compare(y.Count, x.Count))
	})
	// A waits in a function that released what B waits for, and B in one that released what A waits for.
	waitsFor := func(x, y *entry) bool {
		return slices.ContainsFunc(x.site.Releasers, func(r account.Releaser) bool {
			return slices.ContainsFunc(r.Stack, func(f account.Frame) bool {
				return l.module(f) != std && slices.ContainsFunc(y.stack, func(g account.Frame) bool { return g.Func == f.Func })
			})
		})
	}
	for _, x := range list {
		for _, y := range list {
			if x != y && hopeless(x.reason) && hopeless(y.reason) && waitsFor(x, y) && waitsFor(y, x) {
				x.Cycle = &y.Place
			}
		}
	}
	for _, e := range list[:min(len(list), maxStuck)] {
		v.Stuck = append(v.Stuck, e.Stuck)
	}
}

// String is the sentence about it.
func (s *Stuck) String() string {
	age := s.Age.Round(time.Millisecond).String()
	if s.Through {
		age = "all of the trace"
	}
	text := fmt.Sprintf("%s blocked for %s, and still at the end: %s at %s", goroutines(s.Count), age, s.Kind, place(&s.Place))
	if s.Cycle != nil {
		text += "; it may be a cycle with " + place(s.Cycle)
	}
	return text
}

func goroutines(n int64) string {
	if n == 1 {
		return "1 goroutine"
	}
	return fmt.Sprintf("%d goroutines", n)
}
