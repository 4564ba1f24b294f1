package history

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// good is a history of clients that exclude each other on every lock, with tokens
// that rise and no update lost.
func good(clients, locks, leases int) (events []Event) {
	t := int64(1000)
	value := make([]int64, locks)
	op := make([]int, clients)
	add := func(client, lock int, what What, token, v int64) {
		t += 10
		e := Event{T: t, Client: client, Op: op[client], What: what, Lock: lock, Token: Token{Kind: NoToken}, Value: v}
		if token > 0 {
			e.Token = Token{Ordered, uint64(token)}
		}
		events = append(events, e)
	}
	for i := range leases {
		client, lock := i%clients, i%locks
		op[client]++
		add(client, lock, AcquireSent, 0, 0)
		add(client, lock, Acquired, int64(i+1), 0)
		add(client, lock, Read, int64(i+1), value[lock])
		value[lock]++
		add(client, lock, Write, int64(i+1), value[lock])
		add(client, lock, ReleaseSent, 0, 0)
		add(client, lock, Released, 0, 0)
	}
	return events
}

// at is the index of the n-th event of a kind.
func at(events []Event, what What, n int) int {
	for i := range events {
		if events[i].What == what {
			if n == 0 {
				return i
			}
			n--
		}
	}
	panic(what)
}

// TestMutants: a good history is good, and each change to it is seen, as what it
// is.
func TestMutants(t *testing.T) {
	if v := Judge(good(3, 1, 30)); !v.Held() || v.Acted != 0 || v.Waiting != 0 || v.StaleRejected != 0 {
		t.Fatalf("a good history: %+v", v)
	}
	for name, c := range map[string]struct {
		change func(e []Event) []Event
		want   func(v Verdict) bool
	}{
		"an acquire granted early": {
			func(e []Event) []Event { e[at(e, Acquired, 5)].T -= 45; return e },
			func(v Verdict) bool { return v.Overlaps == 1 && v.Overlap == 15 },
		},
		"a release that was never sent": {
			func(e []Event) []Event {
				i := at(e, ReleaseSent, 5)
				return slices.Delete(e, i, i+2)
			},
			func(v Verdict) bool { return v.Overlaps >= 1 && v.Acted >= 1 },
		},
		"two tokens swapped": {
			func(e []Event) []Event {
				i, j := at(e, Acquired, 5), at(e, Acquired, 6)
				e[i].Token, e[j].Token = e[j].Token, e[i].Token
				return e
			},
			func(v Verdict) bool { return v.TokensFell == 1 && v.Overlaps == 0 },
		},
		"a token used twice": {
			func(e []Event) []Event {
				e[at(e, Acquired, 6)].Token = e[at(e, Acquired, 5)].Token
				return e
			},
			func(v Verdict) bool { return v.TokensFell == 1 },
		},
		"an update that its successor did not see": {
			func(e []Event) []Event {
				for i := at(e, Write, 5); i < len(e); i++ {
					if e[i].What == Write || e[i].What == Read {
						e[i].Value--
					}
				}
				return e
			},
			func(v Verdict) bool { return v.LostUpdates == 1 && v.Overlaps == 0 },
		},
		"a write after the next holder's, accepted": {
			func(e []Event) []Event {
				w := e[at(e, Write, 5)]
				w.T = e[at(e, Released, 6)].T + 1
				return append(e, w)
			},
			func(v Verdict) bool { return v.StaleAccepted == 1 && v.StaleRejected == 0 && len(v.Stale) == 1 },
		},
		"a write after the next holder's, refused": {
			func(e []Event) []Event {
				w := e[at(e, Write, 5)]
				w.T, w.What = e[at(e, Released, 6)].T+1, Rejected
				return append(e, w)
			},
			func(v Verdict) bool { return v.StaleAccepted == 0 && v.StaleRejected == 1 },
		},
		"an acquire without an answer": {
			func(e []Event) []Event {
				return append(e, Event{T: e[len(e)-1].T + 1, Client: 9, Op: 1, What: AcquireSent, Token: Token{Kind: NoToken}})
			},
			func(v Verdict) bool { return v.Waiting == 1 && v.Held() },
		},
		"a killed client waits for nothing": {
			func(e []Event) []Event {
				end := e[len(e)-1].T
				return append(e, Event{T: end + 1, Client: 9, Op: 1, What: AcquireSent, Token: Token{Kind: NoToken}},
					Event{T: end + 2, Client: 9, What: Killed, Lock: Nobody, Token: Token{Kind: NoToken}})
			},
			func(v Verdict) bool { return v.Waiting == 0 && v.Held() },
		},
	} {
		events := c.change(good(3, 1, 30))
		Sort(events)
		if v := Judge(events); !c.want(v) {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

// TestKillEndsBelief: without its line a dead holder would count as a believer.
func TestKillEndsBelief(t *testing.T) {
	events := good(2, 1, 4)
	i := at(events, ReleaseSent, 1)
	dead := slices.Clone(events)
	dead[i] = Event{T: events[i].T, Client: events[i].Client, What: Killed, Lock: Nobody, Token: Token{Kind: NoToken}}
	dead = slices.Delete(dead, i+1, i+2)
	if v := Judge(dead); v.Overlaps != 0 {
		t.Errorf("a killed holder believes: %+v", v)
	}
	if v := Judge(slices.Delete(dead, i, i+1)); v.Overlaps == 0 {
		t.Error("without its kill, a holder that never let go does not believe")
	}
}

// reference is Judge, slow and obvious: every pair of leases, every write against
// every lease.
func reference(events []Event) (v Verdict) {
	leases := Leases(events)
	end := events[len(events)-1].T
	believes := func(l Lease, t int64) bool { return l.Granted <= t && t < l.End }
	var times []int64
	for _, l := range leases {
		times = append(times, l.Granted, min(l.End, end))
	}
	slices.Sort(times)
	times = slices.Compact(times)
	locks := map[int]bool{}
	for _, l := range leases {
		locks[l.Lock] = true
	}
	for lock := range locks {
		for i := 1; i < len(times); i++ {
			n := 0
			for _, l := range leases {
				if l.Lock == lock && believes(l, times[i-1]) {
					n++
				}
			}
			if n > 1 {
				v.Overlap += time.Duration(times[i] - times[i-1])
			}
		}
	}
	for i, l := range leases {
		fell, over := false, false
		for j, m := range leases {
			if i == j || l.Lock != m.Lock {
				continue
			}
			over = over || l.End > l.Granted && believes(m, l.Granted) && (m.Granted < l.Granted || j < i)
			fell = fell || m.Granted < l.Sent && l.Token.Kind == Ordered && m.Token.Kind == Ordered && m.Token.Value >= l.Token.Value
		}
		if over {
			v.Overlaps++
		}
		if fell {
			v.TokensFell++
		}
	}
	for _, w := range events {
		if w.What != Read && w.What != Write && w.What != Rejected {
			continue
		}
		acted, stale := false, false
		for _, m := range leases {
			if m.Lock != w.Lock || m.Client == w.Client && m.Op == w.Op {
				continue
			}
			acted = acted || believes(m, w.T)
			for _, l := range leases {
				if l.Client == w.Client && l.Op == w.Op && m.Client != l.Client && l.Granted < m.Granted && m.Granted < w.T && m.Touched < w.T && !m.Token.older(l.Token) {
					stale = true
				}
			}
		}
		if acted {
			v.Acted++
		}
		if stale && w.What == Write {
			v.StaleAccepted++
		}
		if stale && w.What == Rejected {
			v.StaleRejected++
		}
		if !stale && w.What == Rejected && granted(leases, w) {
			v.FreshRejected++
		}
	}
	return v
}

// granted reports whether an access was made under a lease at all.
func granted(leases []Lease, w Event) bool {
	return slices.ContainsFunc(leases, func(l Lease) bool { return l.Client == w.Client && l.Op == w.Op && l.Lock == w.Lock })
}

// random is a history of clients that may or may not exclude each other.
func random(r *rand.Rand) (events []Event) {
	taken := map[int64]bool{}
	moment := func(from int64) int64 {
		for {
			if t := from + 1 + r.Int64N(60); !taken[t] {
				taken[t] = true
				return t
			}
		}
	}
	for client := range 2 + r.IntN(4) {
		t := r.Int64N(200)
		for op := range 1 + r.IntN(8) {
			lock := r.IntN(2)
			token := Token{Kind: NoToken}
			if r.IntN(4) > 0 {
				token = Token{Ordered, uint64(1 + r.IntN(20))}
			}
			step := func(what What, value int64) {
				t = moment(t)
				events = append(events, Event{T: t, Client: client, Op: op, What: what, Lock: lock, Token: token, Value: value})
			}
			step(AcquireSent, 0)
			if r.IntN(6) == 0 {
				step(AcquireUnknown, 0)
				continue
			}
			step(Acquired, 0)
			if r.IntN(6) == 0 {
				step(Lost, 0)
			}
			for range r.IntN(3) {
				step([]What{Read, Write, Rejected}[r.IntN(3)], r.Int64N(5))
			}
			if r.IntN(10) == 0 {
				step(Killed, 0)
				break
			}
			step(ReleaseSent, 0)
			if r.IntN(3) > 0 {
				step(Released, 0)
			}
		}
	}
	Sort(events)
	return events
}

// TestReference compares Judge with the slow one on random histories.
func TestReference(t *testing.T) {
	seen := Verdict{}
	for seed := range uint64(3000) {
		events := random(rand.New(rand.NewPCG(seed, 1)))
		got, want := Judge(events), reference(events)
		got.Spans, got.Stale, got.LostUpdates, got.Waiting = nil, nil, 0, 0
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d:\n%s\njudged %+v\nslowly %+v", seed, Text(events), got, want)
		}
		seen.Overlaps += got.Overlaps
		seen.StaleAccepted += got.StaleAccepted
		seen.StaleRejected += got.StaleRejected
		seen.TokensFell += got.TokensFell
		seen.Acted += got.Acted
	}
	if seen.Overlaps < 1000 || seen.StaleAccepted < 100 || seen.StaleRejected < 100 || seen.TokensFell < 1000 || seen.Acted < 1000 {
		t.Errorf("random histories hold too little: %+v", seen)
	}
}

func TestText(t *testing.T) {
	events := good(2, 2, 6)
	events = append(events,
		Event{T: 9999, Client: Nobody, What: Fault, Lock: Nobody, Token: Token{Kind: NoToken}, Note: `kill-server "a" b`},
		Event{T: 10000, Client: 1, Op: 7, What: AcquireUnknown, Token: Token{Unordered, 1<<63 + 1}, Note: "EOF\nof it"})
	path := filepath.Join(t.TempDir(), "h")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := NewWriter(f)
	for _, e := range events {
		w.Add(e)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(f, "10001 1 8 acq-se") // torn by a kill
	f.Close()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadAll(bytes.NewReader(text), path)
	if err != nil || !reflect.DeepEqual(got, events) {
		t.Errorf("read back %v, %v", got, err)
	}
	if !bytes.HasPrefix(text, Text(events)) {
		t.Error("Text is not what a Writer writes")
	}
	for _, bad := range []string{"x", "1 2 3 acq-ok 0 o1", "1 2 3 nothing 0 o1 0", "1 2 3 acq-ok 0 z1 0", "1 2 3 acq-ok 0 o 0", `1 2 3 acq-ok 0 o1 0 "torn`, "1 2 3 acq-ok 0 - x"} {
		if _, err := ReadAll(strings.NewReader("1 2 3 acq-ok 0 o1 0\n"+bad+"\n"), "some.history"); err == nil || !strings.HasPrefix(err.Error(), "some.history:2: ") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzReadAll(f *testing.F) {
	f.Add(Text(good(2, 1, 3)))
	f.Fuzz(func(t *testing.T, text []byte) {
		events, err := ReadAll(bytes.NewReader(text), "fuzz")
		if err != nil {
			return
		}
		again, err := ReadAll(bytes.NewReader(Text(events)), "again")
		if err != nil || len(again) != len(events) || len(events) > 0 && !reflect.DeepEqual(again, events) {
			t.Fatalf("%q: read again as %v, %v", text, again, err)
		}
		Sort(events)
		Judge(events)
	})
}

func TestStandstill(t *testing.T) {
	events := good(2, 1, 4) // granted at 1020, 1080, 1140, 1200
	for _, c := range []struct {
		lock   int
		t, end int64
		want   time.Duration
	}{{0, 1010, 1210, 60}, {Nobody, 1000, 1500, 300}, {1, 1000, 1200, 200}, {0, 1085, 1145, 55}} {
		if got := Standstill(events, c.lock, c.t, c.end); got != c.want {
			t.Errorf("lock %d from %d to %d: %d, want %d", c.lock, c.t, c.end, got, c.want)
		}
	}
}

// TestAgain: an item that is handed out once more counts, each time, and others do not.
func TestAgain(t *testing.T) {
	var events []Event
	for i, item := range []int{1, 2, 1, 3, 1, 2} {
		events = append(events, Event{T: int64(i), Client: i, Op: i, What: AcquireSent, Lock: 0}, Event{T: int64(i), Client: i, Op: i, What: Acquired, Lock: item})
	}
	if n := Again(Leases(events)); n != 3 {
		t.Errorf("%d items handed out once more", n)
	}
	if n := Again(nil); n != 0 {
		t.Errorf("%d of none", n)
	}
}

// TestChanges: of changes that the service makes, each must lead to a number of its
// own; grants while a fault lasts are counted for all but its victim.
func TestChanges(t *testing.T) {
	change := func(at int64, client int, number int64) []Event {
		return []Event{
			{T: at, Client: client, Op: int(at), What: Acquired}, {T: at, Client: client, Op: int(at), What: Changed, Value: number},
			{T: at, Client: client, Op: int(at), What: ReleaseSent}, {T: at, Client: client, Op: int(at), What: Released},
		}
	}
	good := slices.Concat(change(10, 1, 1), []Event{{T: 12, Client: 1, What: Fault}}, change(13, 1, 2), change(15, 2, 3),
		[]Event{{T: 16, Client: Nobody, What: Healed}}, change(20, 2, 4))
	if v := Judge(good); v.Overlaps != 0 || v.LostUpdates != 0 || v.Acted != 0 {
		t.Errorf("%+v", v)
	}
	if n := GrantedInFault(good, 1, 0); n != 1 {
		t.Errorf("%d grants in the fault", n)
	}
	if v := Judge(slices.Concat(good, change(30, 1, 4))); v.LostUpdates != 1 {
		t.Errorf("two changes led to one number: %+v", v)
	}
}

// TestMiscounted: a count that leaves out what was answered before it, or has more than was
// ever asked for, is off by that much. What has no answer may be in it or not, and what was
// refused is not.
func TestMiscounted(t *testing.T) {
	for name, c := range map[string]struct {
		count int64
		lost  int
	}{
		"all": {3, 0}, "all, and the one without an answer": {4, 0}, "one left out": {2, 1}, "none": {0, 3}, "each twice": {6, 2},
	} {
		events := []Event{
			{T: 1, Client: 0, Op: 1, What: AcquireSent}, {T: 2, Client: 0, Op: 1, What: Added},
			{T: 3, Client: 1, Op: 1, What: AcquireSent}, {T: 4, Client: 1, Op: 1, What: Added},
			{T: 5, Client: 0, Op: 2, What: AcquireSent}, {T: 6, Client: 0, Op: 2, What: AcquireUnknown},
			{T: 7, Client: 1, Op: 2, What: AcquireSent}, {T: 8, Client: 1, Op: 2, What: Busy},
			{T: 9, Client: 0, Op: 3, What: AcquireSent}, {T: 10, Client: 0, Op: 3, What: Added},
			{T: 11, Client: 0, Op: 3, What: Counted, Value: c.count},
			{T: 12, Client: 0, Op: 3, What: AcquireSent, Lock: 1}, {T: 13, Client: 0, Op: 3, What: Added, Lock: 1},
			{T: 14, Client: 0, Op: 3, What: Counted, Value: 1, Lock: 1},
		}
		if v := Judge(events); v.LostUpdates != c.lost {
			t.Errorf("%s: %d lost, want %d", name, v.LostUpdates, c.lost)
		}
	}
}
