package history

import (
	"cmp"
	"math"
	"slices"
)

// Never is the time of what did not happen.
const Never = math.MaxInt64

// Lease is one acquire that was granted, as its client saw it.
type Lease struct {
	Client, Op, Lock int
	Token            Token
	Sent, Granted    int64 // when the client asked, and when it had the answer
	// End is when the client stopped believing that it holds the lock: it let go,
	// it learned of the loss, or its process was killed. A process that is stopped
	// still believes.
	End   int64
	EndBy What // "" where it did not end

	// Released is when the answer to the release was there, Next when the client
	// asked for its next lease after that, and Touched when the resource was first
	// accessed under this lease; Never if they were not.
	Released, Next, Touched int64
}

type leaseKey struct{ client, op int }

// Leases are the grants among events, which are in the order of time, by lock and
// then by when they were granted.
func Leases(events []Event) []Lease {
	var all []*Lease
	open := map[leaseKey]*Lease{}
	sent := map[leaseKey]int64{}
	last := map[int]*Lease{} // of each client, if it was released
	end := func(l *Lease, e *Event) {
		if l.End == Never {
			l.End, l.EndBy = e.T, e.What
		}
	}
	for i := range events {
		e := &events[i]
		key := leaseKey{e.Client, e.Op}
		l := open[key]
		switch {
		case e.What == AcquireSent:
			sent[key] = e.T
			if l := last[e.Client]; l != nil {
				l.Next = e.T
				delete(last, e.Client)
			}
		case e.What == Acquired:
			l = &Lease{Client: e.Client, Op: e.Op, Lock: e.Lock, Token: e.Token, Sent: sent[key], Granted: e.T, End: Never, Released: Never, Next: Never, Touched: Never}
			open[key] = l
			all = append(all, l)
		case e.What == Killed:
			for _, l := range open {
				if l.Client == e.Client {
					end(l, e)
				}
			}
		case l == nil:
		case e.What == Lost, e.What == ReleaseSent:
			end(l, e)
		case e.What == Released:
			l.Released = e.T
			last[e.Client] = l
			delete(open, key)
		case e.What == Read, e.What == Write, e.What == Rejected:
			l.Touched = min(l.Touched, e.T)
		}
	}
	list := make([]Lease, len(all))
	for i, l := range all {
		list[i] = *l
	}
	slices.SortStableFunc(list, func(a, b Lease) int {
		return cmp.Or(cmp.Compare(a.Lock, b.Lock), cmp.Compare(a.Granted, b.Granted))
	})
	return list
}

// byLock cuts leases, in the order of [Leases], into those of each lock.
func byLock(leases []Lease) (groups [][]Lease) {
	for from := 0; from < len(leases); {
		to := from
		for to < len(leases) && leases[to].Lock == leases[from].Lock {
			to++
		}
		groups = append(groups, leases[from:to])
		from = to
	}
	return groups
}
