package zk

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/cmd/contend-locks/server/servertest"
)

// start is a server that runs until the test ends, and until it is stopped.
func start(t *testing.T) (target lockbench.Target, stop func()) {
	t.Helper()
	if why := program.Missing(); why != "" {
		t.Skip(why)
	}
	addr, stop := servertest.Run(t, serve)
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
	var longest time.Duration // without an answer: a busy host may take as long as a session lasts
	for began := time.Now(); time.Since(began) < 2*target.TTL; {
		asked := time.Now()
		_, _, _ = s.(*session).conn.Exists("/")
		time.Sleep(time.Millisecond)
		longest = max(longest, time.Since(asked))
	}
	select {
	case <-l.Lost():
		if longest < target.TTL/4 {
			t.Fatalf("lost, and the server answered within %v", longest)
		}
	default:
	}
	stop()
	<-l.Lost() // or the test never ends
	if _, err := s.Acquire(t.Context(), target.Prefix+"y"); err == nil {
		t.Error("a session that is over was granted a lock")
	}
}

// TestGranted: a session of another time than was asked for is an error that says which
// time to ask for, as a cell's name and what its holder trusts would be wrong; with that time it
// is none.
func TestGranted(t *testing.T) {
	target, _ := start(t)
	target.TTL = leastTTL / 2
	if s, err := connect(t.Context(), target); err == nil || !strings.Contains(err.Error(), "take --ttl 4s") {
		t.Fatalf("a session of %v: %v, %v", target.TTL, s, err)
	}
	target.TTL = leastTTL
	s, err := connect(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
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

// forgetful passes connections on to a server. Once, it passes on the first request
// with a text in it, but not the answer: it breaks the connection instead.
func forgetful(t *testing.T, server, text string) (addr string, broken <-chan bool) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var once sync.Once
	done := make(chan bool)
	carry := func(c net.Conn) {
		defer c.Close()
		s, err := net.Dial("tcp", server)
		if err != nil {
			return
		}
		defer s.Close()
		answers := make(chan net.Conn, 1) // where they go; nil: nowhere
		answers <- c
		go func() {
			defer c.Close()
			b := make([]byte, 1<<16)
			for {
				n, err := s.Read(b)
				to := <-answers
				answers <- to
				if err != nil || to == nil {
					return
				}
				_, _ = to.Write(b[:n])
			}
		}()
		b := make([]byte, 1<<16)
		for {
			n, err := c.Read(b)
			if err != nil {
				return
			}
			if strings.Contains(string(b[:n]), text) {
				once.Do(func() {
					<-answers
					answers <- nil
					close(done)
				})
			}
			_, _ = s.Write(b[:n])
		}
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go carry(c)
		}
	}()
	return l.Addr().String(), done
}

// TestLostAnswer: a node whose creation was carried out and not answered is found
// again by its name. Whoever added a second one would wait for ever, for a node of
// its own.
func TestLostAnswer(t *testing.T) {
	target, _ := start(t)
	direct := target
	target.TTL = time.Minute // the client comes back long before
	var broken <-chan bool
	target.Addrs = make([]string, 1)
	target.Addrs[0], broken = forgetful(t, direct.Addrs[0], "lock-")
	opened, err := connect(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	s := opened.(*session)
	if _, err := s.conn.Create("/x", nil, 0, zk.WorldACL(zk.PermAll)); err != nil {
		t.Fatal(err)
	}
	l, err := s.Acquire(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-broken:
	default:
		t.Fatal("no answer was lost")
	}
	if nodes, _, err := s.conn.Children("/x"); err != nil || len(nodes) != 1 {
		t.Errorf("nodes of one lock: %q, %v", nodes, err)
	}
	if err := l.Release(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestConnections: the server takes the connections of 64 clients of one host, which is more
// than it does by default.
func TestConnections(t *testing.T) {
	target, _ := start(t)
	for range 64 {
		s, err := connect(t.Context(), target)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
	}
}
