package zk

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/contend-go/contend/bench/lockbench"
)

// start is a server that runs until the test ends, and until it is stopped.
func start(t *testing.T) (target lockbench.Target, stop func()) {
	t.Helper()
	if why := program.Missing(); why != "" {
		t.Skip(why)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan bool), make(chan error, 1)
	go func() {
		ended <- serve(ctx, lockbench.Member{Dir: t.TempDir(), Addr: addr, Ready: func() { close(ready) }})
	}()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	stop = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		ended <- nil
	}
	t.Cleanup(stop)
	return lockbench.Target{Addrs: []string{addr}, Prefix: "zktest-", Client: "client", TTL: leastTTL}, stop
}

// TestLost: a client gives its session up by itself when no server answers it, and
// not before most of the session's time is over.
func TestLost(t *testing.T) {
	target, stop := start(t)
	s, err := connect(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	l, err := s.Acquire(t.Context(), target.Prefix+"x")
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-l.Lost():
		t.Fatal("lost while the server answers")
	case <-time.After(2 * target.TTL):
	}
	stop()
	<-l.Lost() // or the test never ends
	if _, err := s.Acquire(t.Context(), target.Prefix+"y"); err == nil {
		t.Error("a session that is over was granted a lock")
	}
}

// TestRemove: nothing is left under the prefix, and all the rest is.
func TestRemove(t *testing.T) {
	target, _ := start(t)
	opened, err := connect(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	for _, name := range []string{target.Prefix + "held", target.Prefix + "free", "other"} {
		l, err := opened.Acquire(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if name == target.Prefix+"free" {
			err = l.Release(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := remove(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	left, _, err := opened.(*session).conn.Children("/")
	if err != nil || len(left) != 2 { // "other", and the server's own
		t.Errorf("left: %q, %v", left, err)
	}
}

// TestNumber: the order of nodes is that of their numbers, whatever their names
// begin with.
func TestNumber(t *testing.T) {
	for node, want := range map[string]int{"_c_00ff-lock-0000000007": 7, "lock-2147483647": 2147483647} {
		if n, err := number(node); n != want || err != nil {
			t.Errorf("%s: %d, %v", node, n, err)
		}
	}
	for _, node := range []string{"", "lock", "lock-", "a-b"} {
		if n, err := number(node); err == nil {
			t.Errorf("%q: %d", node, n)
		}
	}
}
