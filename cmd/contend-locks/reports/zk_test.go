package reports

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	zklib "github.com/go-zookeeper/zk"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/lockbench/history"
	"github.com/contend-go/contend/cmd/contend-locks/dynamo"
	"github.com/contend-go/contend/cmd/contend-locks/zk"
)

// line is a connection between clients and a server that can be cut.
type line struct {
	listener net.Listener
	server   string

	mu    sync.Mutex
	mute  bool // answers are dropped
	down  bool // nothing gets through, and nobody is connected
	conns []net.Conn
}

func newLine(t *testing.T, server string) *line {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	x := &line{listener: l, server: server}
	go x.accept()
	t.Cleanup(func() {
		_ = l.Close()
		x.set(false, true)
	})
	return x
}

// set says what gets through. Connections end where nothing does.
func (x *line) set(mute, down bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.mute, x.down = mute, down
	if down {
		for _, c := range x.conns {
			_ = c.Close()
		}
		x.conns = nil
	}
}

func (x *line) accept() {
	for {
		in, err := x.listener.Accept()
		if err != nil {
			return
		}
		x.mu.Lock()
		down := x.down
		x.mu.Unlock()
		out, err := net.Dial("tcp", x.server)
		if err != nil || down {
			_ = in.Close()
			continue
		}
		x.mu.Lock()
		x.conns = append(x.conns, in, out)
		x.mu.Unlock()
		go x.copy(out, in, false)
		go x.copy(in, out, true)
	}
}

func (x *line) copy(to, from net.Conn, answers bool) {
	defer to.Close()
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		x.mu.Lock()
		drop := answers && x.mute
		x.mu.Unlock()
		if drop {
			continue
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

type silent struct{}

func (silent) Printf(string, ...any) {}

// connect opens a session and waits for it.
func connect(t *testing.T, addr string, ttl time.Duration) *zklib.Conn {
	t.Helper()
	c, events, err := zklib.Connect([]string{addr}, ttl, zklib.WithLogger(silent{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	for e := range events {
		if e.State == zklib.StateHasSession {
			break
		}
	}
	go func() {
		for range events {
		}
	}()
	return c
}

// until polls.
func until(is func() bool) {
	for !is() {
		time.Sleep(5 * time.Millisecond)
	}
}

func children(t *testing.T, c *zklib.Conn) int {
	list, _, err := c.Children("/lock")
	if err != nil && err != zklib.ErrNoNode {
		t.Error(err)
	}
	n := 0
	for _, name := range list {
		if strings.Contains(name, "lock-") {
			n++
		}
	}
	return n
}

// TestLostCreate (samuel/go-zookeeper#229): the lock's node is made and the answer is lost. The client finds its node by
// a mark in the name when it is back, and does not wait for itself.
func TestLostCreate(t *testing.T) {
	server := serve(t, zk.Service())
	l := newLine(t, server)
	mine, watch := connect(t, l.listener.Addr().String(), 30*time.Second), connect(t, server, 30*time.Second)
	lock := zklib.NewLock(mine, "/lock", zklib.WorldACL(zklib.PermAll))
	if err := lock.Lock(); err != nil { // its folder is there from now on
		t.Fatal(err)
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	l.set(true, false)
	returned := make(chan error, 1)
	go func() { returned <- lock.Lock() }()
	until(func() bool { return children(t, watch) == 1 })
	l.set(false, true)
	l.set(false, false)
	if err := <-returned; err != nil {
		t.Errorf("the lock that nobody else wants: %v", err)
	}
	if n := children(t, watch); n != 1 {
		t.Errorf("%d nodes", n)
	}
}

// TestToldTooLate (apache/curator#727, #1121): the session of a holder that is cut off ends at the server, another gets the
// lock, and the library's lock of the first says nothing of it: that the session has expired is what the server tells it when
// it is back.
func TestToldTooLate(t *testing.T) {
	server := serve(t, zk.Service())
	l := newLine(t, server)
	cut, other := connect(t, l.listener.Addr().String(), 2*time.Second), connect(t, server, 30*time.Second)
	first := zklib.NewLock(cut, "/lock", zklib.WorldACL(zklib.PermAll))
	if err := first.Lock(); err != nil {
		t.Fatal(err)
	}
	l.set(false, true)
	second := zklib.NewLock(other, "/lock", zklib.WorldACL(zklib.PermAll))
	if err := second.Lock(); err != nil {
		t.Fatal(err)
	}
	if s := cut.State(); s == zklib.StateExpired {
		t.Errorf("does not occur any more: the first is told: %v", s)
	}
	l.set(false, false)
	until(func() bool { return cut.State() == zklib.StateHasSession }) // a new one
	if err := first.Unlock(); err != zklib.ErrNoNode {
		t.Errorf("what the first holder releases: %v", err)
	}
}

// TestFence (awslabs/amazon-dynamodb-lock-client#62): a lock in a conditional store that is known by a random
// version gives a resource nothing to refuse an old holder by. Ours counts beside it.
func TestFence(t *testing.T) {
	s := dynamo.Service()
	target := lockbench.Target{Addrs: []string{serve(t, s)}, Prefix: "reports-", Client: "a", TTL: time.Minute}
	session, err := s.Connect(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	var last history.Token
	for range 3 {
		lease, err := session.Acquire(t.Context(), "reports-x")
		if err != nil {
			t.Fatal(err)
		}
		token := lease.Token()
		if token.Kind != history.Ordered || token.Value <= last.Value {
			t.Errorf("token %v after %v", token, last)
		}
		last = token
		if err := lease.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
