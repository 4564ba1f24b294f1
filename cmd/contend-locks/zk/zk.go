// Package zk locks with ZooKeeper, as its documentation shows it: each client adds
// a node that has a number and ends with the client's session, the lowest number
// holds, and who waits watches the one before. The server is the real one.
package zk

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/lockbench/history"
	"github.com/contend-go/contend/cmd/contend-locks/server"
)

// jars are the server, whose manifest names the others that it needs, and what
// prints its errors.
var jars = []string{"/usr/share/java/zookeeper.jar", "/usr/share/java/slf4j-simple.jar"}

var program = server.Program{Name: "java", Package: "zookeeper", Files: jars, Try: try}

// longAnswer is how long the server has to say how it is, before it is asked again.
const longAnswer = time.Second

// try asks whether the server serves: it takes connections before it does, and what is
// sent to it then stays without an answer.
func try(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, longAnswer)
	defer cancel()
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	defer c.Close()
	if _, err := io.WriteString(c, "srvr"); err != nil {
		return err
	}
	text, err := io.ReadAll(c)
	if err == nil && !strings.Contains(string(text), "Mode: ") {
		err = fmt.Errorf("it says that it does not serve: %q", text)
	}
	return err
}

// The server's unit of time, to whose multiples it rounds up when a session
// expires (by default 2 s), and the shortest session that it grants, as it comes.
const (
	tick       = 500 * time.Millisecond
	leastTTL   = 4 * time.Second
	longestTTL = time.Hour
)

// Service is one server, which syncs every write.
func Service() lockbench.Service {
	return lockbench.Service{
		Name: "zk", About: "ZooKeeper: the lowest of numbered nodes that end with their sessions; waiters watch the one before", Members: 1,
		Promises: lockbench.Promises{
			Excludes: []string{lockbench.NoFault, "kill-holder", "kill-server", "restart-server", "partition", "slow-network"},
			Token:    history.Ordered, FIFO: true, Expiry: lockbench.BySession, LeastTTL: leastTTL,
		},
		Missing: program.Missing, Needs: server.Needs(&program), Serve: serve, Connect: connect, Remove: remove,
		Endpoint: func(addr string) (string, string, error) {
			return lockbench.Endpoint(addr, strconv.Itoa(zk.DefaultPort))
		},
	}
}

func serve(ctx context.Context, m lockbench.Member) error {
	host, port, err := net.SplitHostPort(m.Addr)
	if err != nil {
		return err
	}
	cfg := filepath.Join(m.Dir, "zoo.cfg")
	text := fmt.Sprintf("dataDir=%s\nclientPortAddress=%s\nclientPort=%s\ntickTime=%d\nminSessionTimeout=%d\nmaxSessionTimeout=%d\nmaxClientCnxns=0\nadmin.enableServer=false\n", // clients of one host may be more than the 60 of the default
		filepath.Join(m.Dir, "zk"), host, port, tick.Milliseconds(), leastTTL.Milliseconds(), longestTTL.Milliseconds())
	if err := os.WriteFile(cfg, []byte(text), 0o644); err != nil {
		return err
	}
	return program.Serve(ctx, m, "-Xmx128m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", strings.Join(jars, ":"),
		"org.apache.zookeeper.server.ZooKeeperServerMain", cfg)
}

// session is one of ZooKeeper, which the client keeps alive. It trusts it for less
// than the server does, and counts from before it asked: when lost is closed, the
// server has not yet given away what the session holds.
type session struct {
	conn *zk.Conn
	ttl  time.Duration
	lost chan struct{}
	end  func() // closes lost, once
}

// quiet drops what the client library logs: all of it comes back as errors.
type quiet struct{}

func (quiet) Printf(string, ...any) {}

// dial bounds how long the library waits for an answer by a session's time. It
// would wait seven times as long for a server that takes the connection while it
// starts, and does not answer. It also reads along how long a session the server
// grants, which the library keeps to itself.
func dial(most time.Duration, granted *atomic.Int64) zk.Dialer {
	return func(network, addr string, limit time.Duration) (net.Conn, error) {
		c, err := net.DialTimeout(network, addr, limit)
		return &conn{Conn: c, most: most, granted: granted}, err
	}
}

type conn struct {
	net.Conn
	most    time.Duration
	first   []byte        // of what the server sent
	granted *atomic.Int64 // milliseconds
}

// The server's first answer begins with its length, a version, and the session's time in
// milliseconds, of four bytes each; 0 says that the session is over.
const (
	timeFrom = 8
	timeTo   = 12
)

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if len(c.first) < timeTo {
		if c.first = append(c.first, p[:n]...); len(c.first) >= timeTo {
			if ms := binary.BigEndian.Uint32(c.first[timeFrom:timeTo]); ms > 0 {
				c.granted.Store(int64(ms))
			}
		}
	}
	return n, err
}

func (c *conn) SetReadDeadline(t time.Time) error {
	if latest := time.Now().Add(c.most); t.After(latest) {
		t = latest
	}
	return c.Conn.SetReadDeadline(t)
}

func connect(ctx context.Context, t lockbench.Target) (lockbench.Session, error) {
	s := &session{ttl: t.TTL, lost: make(chan struct{})}
	s.end = sync.OnceFunc(func() { close(s.lost) })
	var granted atomic.Int64
	var err error
	s.conn, _, err = zk.Connect(t.Addrs, t.TTL, zk.WithLogger(quiet{}), zk.WithDialer(dial(t.TTL, &granted)), zk.WithEventCallback(func(e zk.Event) {
		if e.State == zk.StateExpired {
			s.end()
		}
	}))
	if err != nil {
		return nil, err
	}
	defer s.closeAfter(ctx)()
	for {
		asked := time.Now()
		if _, _, err = s.conn.Exists("/"); err == nil {
			if got := time.Duration(granted.Load()) * time.Millisecond; got != t.TTL {
				_ = s.Close()
				return nil, fmt.Errorf("the server grants a session of %v, not of %v (its minSessionTimeout and maxSessionTimeout): take --ttl %v", got, t.TTL, got)
			}
			go s.keep(asked)
			return s, nil
		}
		if lockbench.Pause(ctx) != nil {
			_ = s.Close()
			return nil, err
		}
	}
}

// closeAfter has the end of ctx close the session, which ends its calls and
// removes its nodes, until stop is called.
func (s *session) closeAfter(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = s.Close() })
}

// askEvery is the part of a session's time between two questions whether it is
// alive, and spare the part by which a client gives it up before the server may:
// timers are late on a busy host.
const (
	askEvery = 8
	spare    = 8
)

// keep asks for a sign of life until the session is over, and ends it when none
// was asked for in time: where the network is cut, the library says nothing of the
// session's end before it is healed.
func (s *session) keep(answered time.Time) {
	trusted := s.ttl - s.ttl/spare
	fuse := time.AfterFunc(time.Until(answered.Add(trusted)), s.end)
	defer fuse.Stop()
	for {
		select {
		case <-s.lost:
			return
		case <-time.After(s.ttl / askEvery):
		}
		asked := time.Now()
		if _, _, err := s.conn.Exists("/"); err == nil && fuse.Stop() {
			fuse.Reset(time.Until(asked.Add(trusted)))
		}
	}
}

func (s *session) Close() error {
	s.end()
	s.conn.Close()
	return nil
}

var errOver = errors.New("the session is over")

// Acquire adds a node and waits until none is before it.
func (s *session) Acquire(ctx context.Context, name string) (lockbench.Lease, error) {
	defer s.closeAfter(ctx)()
	dir := "/" + name
	path, err := s.add(dir)
	if err != nil {
		return nil, err
	}
	for {
		before, err := s.before(dir, path)
		if err != nil {
			return nil, err
		}
		if before == "" {
			return s.grant(path)
		}
		_, _, changed, err := s.conn.GetW(before)
		if errors.Is(err, zk.ErrNoNode) {
			continue
		}
		if err != nil {
			return nil, err
		}
		select {
		case <-changed:
		case <-s.lost:
			return nil, errOver
		}
	}
}

// add makes the client's node, and the folder of the lock if it is not there.
func (s *session) add(dir string) (path string, err error) {
	acl := zk.WorldACL(zk.PermAll)
	path, err = s.conn.CreateProtectedEphemeralSequential(dir+"/lock-", nil, acl)
	if !errors.Is(err, zk.ErrNoNode) {
		return path, err
	}
	if _, err := s.conn.Create(dir, nil, 0, acl); err != nil && !errors.Is(err, zk.ErrNodeExists) {
		return "", err
	}
	return s.conn.CreateProtectedEphemeralSequential(dir+"/lock-", nil, acl)
}

// before is the last node before the client's own; empty if there is none.
func (s *session) before(dir, path string) (last string, err error) {
	nodes, _, err := s.conn.Children(dir)
	if err != nil {
		return "", err
	}
	own, err := number(path)
	if err != nil {
		return "", err
	}
	found, highest := false, -1
	for _, n := range nodes {
		i, err := number(n)
		if err != nil {
			return "", err
		}
		found = found || i == own
		if i < own && i > highest {
			last, highest = dir+"/"+n, i
		}
	}
	if !found {
		return "", fmt.Errorf("%s is gone: %w", path, errOver)
	}
	return last, nil
}

// number is what the server ended a node's name with.
func number(node string) (int, error) {
	n, err := strconv.Atoi(node[strings.LastIndexByte(node, '-')+1:])
	if err != nil {
		return 0, fmt.Errorf("%q is no node of a lock", node)
	}
	return n, nil
}

// grant is the lease of the lowest node. Its token is the number of the transaction
// that made the node: no later node has a lower one.
func (s *session) grant(path string) (lockbench.Lease, error) {
	there, stat, err := s.conn.Exists(path)
	if err != nil {
		return nil, err
	}
	if !there {
		return nil, fmt.Errorf("%s is gone: %w", path, errOver)
	}
	return &lease{s, path, uint64(stat.Czxid)}, nil
}

type lease struct {
	session *session
	path    string
	made    uint64
}

func (l *lease) Token() history.Token {
	return history.Token{Kind: history.Ordered, Value: l.made}
}
func (l *lease) Deadline() (t time.Time, ok bool) { return t, false }
func (l *lease) Lost() <-chan struct{}            { return l.session.lost }

func (l *lease) Release(ctx context.Context) error {
	defer l.session.closeAfter(ctx)()
	err := l.session.conn.Delete(l.path, -1)
	if errors.Is(err, zk.ErrNoNode) {
		return nil // it was over before
	}
	return err
}

// remove deletes the folders of locks, and what is in them.
func remove(ctx context.Context, t lockbench.Target) error {
	opened, err := connect(ctx, t)
	if err != nil {
		return err
	}
	defer opened.Close()
	s := opened.(*session)
	defer s.closeAfter(ctx)()
	locks, _, err := s.conn.Children("/")
	if err != nil {
		return err
	}
	for _, lock := range locks {
		if !strings.HasPrefix(lock, t.Prefix) {
			continue
		}
		nodes, _, err := s.conn.Children("/" + lock)
		if err != nil {
			return err
		}
		for _, n := range append(nodes, "") {
			err := s.conn.Delete(strings.TrimSuffix("/"+lock+"/"+n, "/"), -1)
			if err != nil && !errors.Is(err, zk.ErrNoNode) {
				return err
			}
		}
	}
	return nil
}
