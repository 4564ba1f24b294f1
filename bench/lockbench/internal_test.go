package lockbench

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/contend-go/contend/bench/lockbench/history"
)

// TestClockJump: a clock that was set spoils the cell, one that drifts does not.
func TestClockJump(t *testing.T) {
	if err := jumped(3*time.Second, 3*time.Second+20*time.Millisecond); err != nil {
		t.Error(err)
	}
	for _, wall := range []time.Duration{0, 2 * time.Hour, -time.Hour} {
		if err := jumped(wall, 3*time.Second); err == nil || !strings.Contains(err.Error(), "time was set by") {
			t.Errorf("%v: %v", wall, err)
		}
	}
}

// events are those of two clients, the second granted at the given time.
func events(second int64) []history.Event {
	list := []history.Event{
		{T: 10, Client: 1, What: history.AcquireSent}, {T: 20, Client: 1, What: history.Acquired},
		{T: 12, Client: 2, What: history.AcquireSent}, {T: second, Client: 2, What: history.Acquired},
		{T: 50, Client: 1, What: history.ReleaseSent}, {T: 60, Client: 1, What: history.Released},
		{T: 90, Client: 2, What: history.ReleaseSent}, {T: 95, Client: 2, What: history.Released},
	}
	history.Sort(list)
	return list
}

// TestCrossCheck: the search for an order of the calls agrees with the intervals.
func TestCrossCheck(t *testing.T) {
	for second, want := range map[int64]porcupine.CheckResult{55: porcupine.Ok, 51: porcupine.Ok, 45: porcupine.Illegal} {
		e := events(second)
		broken := history.Judge(e)
		c := crossCheck(history.Leases(e), time.Minute)
		if c.CheckResult != want || c.disagrees(broken.Overlaps > 0) != "" {
			t.Errorf("granted at %d: %v, %+v", second, c.CheckResult, broken)
		}
	}
	// Many pairs, of which each ends before the next: the cross-check of a fast lock.
	const many = 200_000
	var long []history.Event
	for i := range int64(many) {
		for at, what := range []history.What{history.AcquireSent, history.Acquired, history.ReleaseSent, history.Released} {
			long = append(long, history.Event{T: 10*i + int64(at), Client: 1, Op: int(i), What: what})
		}
	}
	if parts := mutex.Partition(steps(history.Leases(long))); len(parts) < many {
		t.Errorf("the calls of %d pairs, one after the other, are searched in %d parts", many, len(parts))
	}
	if (cross{CheckResult: porcupine.Unknown}).disagrees(false) == "" || (cross{CheckResult: porcupine.Illegal}).disagrees(false) == "" {
		t.Error("a cross-check that cannot tell, or says the opposite, is silent")
	}
}

// TestLink: what is sent over a link that is cut arrives once it is healed, and
// not before.
func TestLink(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go io.Copy(c, c) // an echo
		}
	}()
	k, err := NewLink(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	c, err := net.Dial("tcp", k.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	echo := func() <-chan string {
		got := make(chan string, 1)
		go func() {
			b := make([]byte, 5)
			if _, err := io.ReadFull(c, b); err != nil {
				got <- err.Error()
				return
			}
			got <- string(b)
		}()
		return got
	}
	io.WriteString(c, "hello")
	if got := <-echo(); got != "hello" {
		t.Fatal(got)
	}
	k.Cut()
	io.WriteString(c, "again")
	got := echo()
	select {
	case text := <-got:
		t.Errorf("%q came through a cut", text)
	case <-time.After(50 * time.Millisecond):
	}
	k.delay(time.Millisecond)
	k.Heal()
	if text := <-got; text != "again" {
		t.Errorf("%q after healing", text)
	}
	k.Close()
	if text := <-echo(); text != io.EOF.Error() && !strings.Contains(text, "reset") {
		t.Errorf("after the link was closed: %q", text)
	}
}

// testResource is a resource, and the access of a client to it.
func testResource(t *testing.T, locks int, fence bool) (*resource, *accessor) {
	t.Helper()
	r, err := newResource(filepath.Join(t.TempDir(), "resource"), locks, fence)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.close() })
	return r, &accessor{sharedMemory: r.sharedMemory}
}

// TestResource: no access is lost, and none counts twice, however many clients
// there are; what each saw is what the access before it left, and times rise.
func TestResource(t *testing.T) {
	const clients, times, locks = 4, 1000, 2
	r, _ := testResource(t, locks, true)
	var all sync.WaitGroup
	for id := range clients {
		all.Go(func() {
			m, err := openMemory(r.path, locks)
			if err != nil {
				t.Error(err)
				return
			}
			defer unmapShared(m.bytes)
			a := accessor{sharedMemory: m}
			for op := range times {
				v, _, err := a.do(request{readAccess, id, op, op % locks, none, 0})
				if err == nil {
					_, _, err = a.do(request{writeAccess, id, op, op % locks, none, v + 1})
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	var at, number [locks]int64
	got := map[request]int{}
	for _, e := range r.events() {
		if e.T < at[e.Lock] {
			t.Fatalf("%v after one at %d", e, at[e.Lock])
		}
		at[e.Lock] = e.T
		switch e.What {
		case history.Write:
			number[e.Lock] = e.Value
			got[request{what: writeAccess, client: e.Client, op: e.Op, lock: e.Lock}]++
		case history.Read:
			if e.Value != number[e.Lock] {
				t.Fatalf("%v read after %d was written", e, number[e.Lock])
			}
			got[request{client: e.Client, op: e.Op, lock: e.Lock}]++
		}
	}
	for q, n := range got {
		if n != 1 {
			t.Errorf("%v: %d times", q, n)
		}
	}
	if len(got) != 2*clients*times {
		t.Errorf("%d accesses", len(got))
	}
}

// TestResourceIsFull: an access that has no room is an error that says what to do.
func TestResourceIsFull(t *testing.T) {
	r, a := testResource(t, 1, true)
	r.header.next.Store(mostRecords - atOnce/2)
	if _, _, err := a.do(request{readAccess, 0, 0, 0, none, 0}); err == nil || !strings.Contains(err.Error(), "shorter --time") {
		t.Error(err)
	}
}

// TestFence: the resource refuses what is older than what it has seen, by any
// kind of access, and only where it is told to.
func TestFence(t *testing.T) {
	token := func(v uint64) history.Token { return history.Token{Kind: history.Ordered, Value: v} }
	for _, fence := range []bool{true, false} {
		r, c := testResource(t, 1, fence)
		do := func(what accessKind, client int, k history.Token, v int64) (int64, bool) {
			v, ok, err := c.do(request{what, client, 1, 0, k, v})
			if err != nil {
				t.Fatal(err)
			}
			return v, ok
		}
		if v, ok := do(readAccess, 1, token(5), 0); v != 0 || !ok {
			t.Errorf("first read: %d, %v", v, ok)
		}
		touched := r.await(0, 1)
		if v, ok := do(readAccess, 2, token(6), 0); v != 0 || !ok {
			t.Errorf("second read: %d, %v", v, ok)
		}
		<-touched
		if _, ok := do(writeAccess, 1, token(5), 1); ok == fence {
			t.Errorf("fence %v: old token accepted: %v", fence, ok)
		}
		if _, ok := do(writeAccess, 2, token(6), 7); !ok {
			t.Error("a good token was refused")
		}
		if _, ok := do(writeAccess, 3, none, 8); !ok {
			t.Error("no token can be told to be old")
		}
		if v, _ := do(readAccess, 3, none, 0); v != 8 {
			t.Errorf("read %d after 8 was written", v)
		}
		if got, want := len(r.events()), 6; got != want {
			t.Errorf("%d events", got)
		}
	}
}

// TestUnreachable: a service that does not answer is named, with its address; the client neither says that it can
// begin, nor has a history.
func TestUnreachable(t *testing.T) {
	r, _ := testResource(t, 1, true)
	far := Service{Name: "far", Connect: func(ctx context.Context, _ Target) (Session, error) {
		<-ctx.Done()
		return nil, errors.New("connection refused")
	}}
	c := clientRole{Service: "far", Clients: []int{3}, Locks: 1, Dir: t.TempDir(), Resource: r.path, Patience: time.Millisecond, Target: Target{Addrs: []string{"nowhere:1"}}}
	in, _ := io.Pipe()
	var said strings.Builder
	err := c.run([]Service{far}, in, &said)
	if err == nil || !strings.Contains(err.Error(), "client 3: no session with far: given up after 1ms at nowhere:1: connection refused") || strings.Contains(err.Error(), "\n") {
		t.Error(err)
	}
	mute := Service{Name: "far", Connect: func(ctx context.Context, _ Target) (Session, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	if err := c.run([]Service{mute}, in, &said); err == nil || !strings.Contains(err.Error(), "at nowhere:1: no answer that a client of far understands") {
		t.Error(err)
	}
	if _, err := os.Stat(historyFile(c.Dir, 3)); said.Len() > 0 || err == nil {
		t.Errorf("it says %q; its history: %v", said.String(), err)
	}
}

func TestAddresses(t *testing.T) {
	services := []Service{{Name: "etcd"}, {Name: "redis"}}
	into := map[string][]string{}
	if _, err := readAddresses("etcd=a:1,b:2,redis=c:3", services, into); err != nil || len(into["etcd"]) != 2 || into["redis"][0] != "c:3" {
		t.Errorf("%v, %v", into, err)
	}
	for _, bad := range []string{"a:1", "etcd=", "zoo=a:1", "etcd=a:1,,b:2"} {
		if _, err := readAddresses(bad, services, into); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

// TestWire: what new connections carried counts from nothing on, and what ended ones did is
// not known.
func TestWire(t *testing.T) {
	begin := wire{bytes: map[uint64]int64{1: 100, 2: 1000}, known: true}
	for name, c := range map[string]struct {
		end   wire
		sum   int64
		known bool
	}{
		"all went on":   {wire{bytes: map[uint64]int64{1: 150, 2: 1000}, known: true}, 50, true},
		"one is new":    {wire{bytes: map[uint64]int64{1: 150, 2: 1001, 3: 7}, known: true}, 58, true},
		"one has ended": {wire{bytes: map[uint64]int64{1: 150, 3: 7}, known: true}, 0, false},
		"not told":      {wire{bytes: map[uint64]int64{1: 150, 2: 1000}}, 50, false},
	} {
		if sum, known := c.end.since(begin); known != c.known || known && sum != c.sum {
			t.Errorf("%s: %d, %v", name, sum, known)
		}
	}
	if _, known := (wire{known: true}).since(wire{known: true}); known {
		t.Error("known of no connection")
	}
}
