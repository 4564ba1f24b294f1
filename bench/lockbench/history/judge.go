package history

import (
	"cmp"
	"slices"
	"time"
)

// Verdict is what a history says about its locks. The verdict on exclusion rests
// on intervals alone: two clients that believed at the same time.
type Verdict struct {
	// Overlaps are the grants made while another client believed that it held the
	// lock, and Overlap how long two or more did.
	Overlaps int
	Overlap  time.Duration
	// Acted are the accesses by a holder while another client believed.
	Acted int
	// TokensFell are leases whose token is not above all that were handed out
	// before they were asked for.
	TokensFell int
	// Stale writes arrived after the resource was accessed under a later lease.
	StaleAccepted, StaleRejected int
	// FreshRejected are accesses that were refused though they were none of those:
	// tokens that began anew shut out all who come after.
	FreshRejected int
	// LostUpdates are accepted writes that a later one did not build upon, changes
	// that led to the same number as another, and additions that a count left out, or
	// had more than once.
	LostUpdates int
	// Waiting are acquires without any answer at the history's end, of clients
	// that live.
	Waiting int
	// Spans are when two or more believed, by lock and time.
	Spans []Span
	// Stale are the stale writes that were accepted.
	Stale []Event
}

// Span is a time during which two or more clients believed to hold a lock.
type Span struct {
	Lock     int
	From, To int64
}

// Held reports whether no two clients held a lock at once and nothing came of
// it.
func (v *Verdict) Held() bool {
	return v.Overlaps == 0 && v.StaleAccepted == 0 && v.LostUpdates == 0 && v.TokensFell == 0
}

// Judge reads a history, in the order of time.
func Judge(events []Event) Verdict {
	var v Verdict
	leases := Leases(events)
	end := int64(0)
	if n := len(events); n > 0 {
		end = events[n-1].T
	}
	accesses := accessesByLock(events)
	for _, group := range byLock(leases) {
		v.overlaps(group, end)
		v.tokens(group)
		lock := group[0].Lock
		v.acted(group, accesses[lock])
		v.stale(group, accesses[lock])
	}
	for _, list := range accesses {
		v.lost(list)
	}
	v.LostUpdates += collisions(events) + miscounted(events)
	v.Waiting = waiting(events)
	slices.SortFunc(v.Stale, func(a, b Event) int { return cmp.Compare(a.T, b.T) })
	return v
}

func accessesByLock(events []Event) map[int][]Event {
	m := map[int][]Event{}
	for _, e := range events {
		if e.What == Read || e.What == Write || e.What == Rejected {
			m[e.Lock] = append(m[e.Lock], e)
		}
	}
	return m
}

// edge is a belief that begins (+1) or ends (-1).
type edge struct {
	t    int64
	step int
}

// edges are the ends of all beliefs in the order of time. At the same time
// beliefs end before others begin.
func edges(leases []Lease) []edge {
	list := make([]edge, 0, 2*len(leases))
	for _, l := range leases {
		if l.End > l.Granted {
			list = append(list, edge{l.Granted, +1}, edge{l.End, -1})
		}
	}
	slices.SortFunc(list, func(a, b edge) int { return cmp.Or(cmp.Compare(a.t, b.t), cmp.Compare(a.step, b.step)) })
	return list
}

// overlaps counts the believers of one lock over time.
func (v *Verdict) overlaps(leases []Lease, end int64) {
	believers, since := 0, int64(0)
	for _, e := range edges(leases) {
		was := believers
		believers += e.step
		switch {
		case e.step > 0 && was > 0:
			v.Overlaps++
			if was == 1 {
				since = e.t
			}
		case e.step < 0 && was == 2:
			s := Span{leases[0].Lock, since, min(e.t, end)}
			v.Overlap += time.Duration(s.To - s.From)
			v.Spans = append(v.Spans, s)
		}
	}
}

// acted counts accesses at moments when another client believed.
func (v *Verdict) acted(leases []Lease, accesses []Event) {
	own := map[leaseKey]*Lease{}
	for i := range leases {
		own[leaseKey{leases[i].Client, leases[i].Op}] = &leases[i]
	}
	list := edges(leases)
	believers := 0
	for _, a := range accesses {
		for len(list) > 0 && list[0].t <= a.T {
			believers += list[0].step
			list = list[1:]
		}
		others := believers
		if l := own[leaseKey{a.Client, a.Op}]; l != nil && l.Granted <= a.T && a.T < l.End {
			others--
		}
		if others > 0 {
			v.Acted++
		}
	}
}

// tokens compares each token with the highest of all leases that were granted
// before it was asked for.
func (v *Verdict) tokens(leases []Lease) {
	asked := slices.Clone(leases)
	slices.SortFunc(asked, func(a, b Lease) int { return cmp.Compare(a.Sent, b.Sent) })
	highest, next := Token{}, 0
	for _, l := range asked {
		for next < len(leases) && leases[next].Granted < l.Sent {
			if t := leases[next].Token; t.Kind == Ordered && (highest.Kind != Ordered || highest.older(t)) {
				highest = t
			}
			next++
		}
		if l.Token.Kind == Ordered && highest.Kind == Ordered && !highest.older(l.Token) {
			v.TokensFell++
		}
	}
}

// stale judges each write by whether the resource was accessed under a later
// lease before.
func (v *Verdict) stale(leases []Lease, accesses []Event) {
	at := map[leaseKey]int{}
	for i, l := range leases {
		at[leaseKey{l.Client, l.Op}] = i
	}
	for _, w := range accesses {
		i, ok := at[leaseKey{w.Client, w.Op}]
		if !ok || w.What == Read {
			continue
		}
		switch stale := superseded(leases, i, w.T); {
		case stale && w.What == Write:
			v.StaleAccepted++
			v.Stale = append(v.Stale, w)
		case stale:
			v.StaleRejected++
		case w.What == Rejected:
			v.FreshRejected++
		}
	}
}

// superseded reports whether a lease after the i-th, of another client, was used
// before t. Of two leases the later is the one that was granted later, unless
// their tokens say otherwise.
func superseded(leases []Lease, i int, t int64) bool {
	l := &leases[i]
	for j := i + 1; j < len(leases) && leases[j].Granted < t; j++ {
		m := &leases[j]
		if m.Client != l.Client && m.Touched < t && !m.Token.older(l.Token) {
			return true
		}
	}
	return false
}

// lost counts the updates of one lock's resource that are not in its value: each
// accepted write is one more than what its writer read.
func (v *Verdict) lost(accesses []Event) {
	var accepted, value int64
	for _, a := range accesses {
		if a.What == Write {
			accepted++
			value = a.Value
		}
	}
	v.LostUpdates += int(accepted - value)
}

// collisions counts changes by the service whose number is that of another.
func collisions(events []Event) (n int) {
	type result struct {
		lock   int
		number int64
	}
	seen := map[result]bool{}
	for _, e := range events {
		if e.What == Changed {
			r := result{e.Lock, e.Value}
			if seen[r] {
				n++
			}
			seen[r] = true
		}
	}
	return n
}

// miscounted is how far the worst count of each lock is off: below the additions that had
// been answered when it was asked for, or above all that were ever asked for. An
// addition without an answer may be in it, or not.
func miscounted(events []Event) (n int) {
	answered, asked := map[int]int64{}, map[int]int64{}
	for _, e := range events {
		switch e.What {
		case AcquireSent:
			asked[e.Lock]++
		case Busy:
			asked[e.Lock]--
		}
	}
	worst := map[int]int64{}
	for _, e := range events {
		switch e.What {
		case Added:
			answered[e.Lock]++
		case Counted:
			worst[e.Lock] = max(worst[e.Lock], answered[e.Lock]-e.Value, e.Value-asked[e.Lock])
		}
	}
	for _, off := range worst {
		n += int(off)
	}
	return n
}

// waiting counts acquires that were never answered, but for those of clients
// that were killed.
func waiting(events []Event) int {
	open := map[leaseKey]bool{}
	for _, e := range events {
		switch e.What {
		case AcquireSent:
			open[leaseKey{e.Client, e.Op}] = true
		case Acquired, Busy, AcquireUnknown:
			delete(open, leaseKey{e.Client, e.Op})
		case Killed:
			for k := range open {
				if k.client == e.Client {
					delete(open, k)
				}
			}
		}
	}
	return len(open)
}

// GrantedInFault counts the grants of a lock to others than the given client while
// a fault lasted.
func GrantedInFault(events []Event, client, lock int) (n int) {
	lasts := false
	for _, e := range events {
		switch {
		case e.What == Fault:
			lasts = true
		case e.What == Healed:
			lasts = false
		case lasts && e.What == Acquired && e.Client != client && (lock == Nobody || e.Lock == lock):
			n++
		}
	}
	return n
}

// Again counts the leases of locks that were granted before: of a queue's items, those
// that were handed out once more. Leases are in the order of [Leases].
func Again(leases []Lease) (n int) {
	for i := 1; i < len(leases); i++ {
		if leases[i].Lock == leases[i-1].Lock {
			n++
		}
	}
	return n
}

// Standstill is the longest time from t until end in which a lock was granted to
// nobody; in which none was, if the lock is [Nobody].
func Standstill(events []Event, lock int, t, end int64) (longest time.Duration) {
	last := t
	for _, e := range events {
		if e.What == Acquired && e.T >= t && e.T <= end && (lock == Nobody || e.Lock == lock) {
			longest = max(longest, time.Duration(e.T-last))
			last = e.T
		}
	}
	return max(longest, time.Duration(end-last))
}
