package lease

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/lockbench/history"
)

var promises = lockbench.Promises{
	Excludes: []string{lockbench.NoFault, "kill-holder", "partition", "slow-network"},
	Token:    history.Ordered, FIFO: true, Expiry: lockbench.ByLease,
}

// Service is the server that forgets.
func Service() lockbench.Service {
	return service("lease", "reservation server in memory: first come, first served, for a time", promises,
		func(string) (Store, error) { return memory{}, nil })
}

// Stored is the server with a store, which open opens in the server's folder.
func Stored(name, about string, open func(dir string) (Store, error)) lockbench.Service {
	p := promises
	p.Excludes = append([]string{"kill-server", "restart-server"}, promises.Excludes...)
	return service(name, about, p, open)
}

func service(name, about string, p lockbench.Promises, open func(dir string) (Store, error)) lockbench.Service {
	return lockbench.Service{
		Name: name, About: about, Promises: p, Members: 1,
		Serve: func(ctx context.Context, m lockbench.Member) error {
			store, err := open(filepath.Join(m.Dir, "locks.db"))
			if err != nil {
				return err
			}
			s, err := NewServer(store)
			if err != nil {
				return err
			}
			return s.Serve(ctx, m)
		},
		Connect: Connect,
	}
}

// Null is a server that grants all to everybody at once: what it costs is the
// floor of any service that is a round trip away.
func Null() lockbench.Service {
	var tokens atomic.Uint64
	return lockbench.Service{
		Name: "null", About: "the floor: a server that grants every lock to everybody, a round trip away", Members: 1,
		Promises: lockbench.Promises{Token: history.Ordered, Expiry: lockbench.ByLease, Floor: true, Lacking: "excludes nobody"},
		Serve: func(ctx context.Context, m lockbench.Member) error {
			return serve(ctx, m, func(c net.Conn) {
				for r := bufio.NewScanner(c); r.Scan(); {
					answer := "released"
					if strings.HasPrefix(r.Text(), "acquire ") {
						answer = "granted " + strconv.FormatUint(tokens.Add(1), 10)
					}
					if _, err := io.WriteString(c, answer+"\n"); err != nil {
						return
					}
				}
			})
		},
		Connect: Connect,
	}
}

// None is no lock at all: every check must find out.
func None() lockbench.Service {
	return lockbench.Service{
		Name: "none", About: "no lock at all: the checks must turn red",
		Promises: lockbench.Promises{Token: history.NoToken, Expiry: lockbench.Never, Floor: true, Lacking: "excludes nobody"},
		Connect:  func(context.Context, lockbench.Target) (lockbench.Session, error) { return nothing{}, nil },
	}
}

// nothing is the session, and the lease, of no service.
type nothing struct{}

// roundTrip is about what a request to another process takes. An acquire of nothing is as
// long, for else its histories would be many times longer than those of any service,
// and to judge them would take longer than to measure.
const roundTrip = 50 * time.Microsecond

func (nothing) Acquire(context.Context, string) (lockbench.Lease, error) {
	for began := time.Now(); time.Since(began) < roundTrip; {
		runtime.Gosched() // timers are too coarse
	}
	return nothing{}, nil
}

func (nothing) Close() error                     { return nil }
func (nothing) Token() history.Token             { return history.Token{Kind: history.NoToken} }
func (nothing) Deadline() (t time.Time, ok bool) { return t, false }
func (nothing) Lost() <-chan struct{}            { return lockbench.NeverLost }
func (nothing) Release(context.Context) error    { return nil }

// session is a client's connection to a server.
type session struct {
	conn net.Conn
	in   *bufio.Reader
	ttl  time.Duration
}

// Connect opens a session with one server.
func Connect(ctx context.Context, t lockbench.Target) (lockbench.Session, error) {
	if len(t.Addrs) != 1 {
		return nil, fmt.Errorf("one server's address, not %d", len(t.Addrs))
	}
	for {
		var d net.Dialer
		c, err := d.DialContext(ctx, "tcp", t.Addrs[0])
		if err == nil {
			return &session{c, bufio.NewReader(c), t.TTL}, nil
		}
		if lockbench.Pause(ctx) != nil {
			return nil, err
		}
	}
}

func (s *session) Close() error { return s.conn.Close() }

// do is one request and its answer. A connection whose answer did not come is of
// no use any more.
func (s *session) do(ctx context.Context, request string) ([]string, error) {
	stop := context.AfterFunc(ctx, func() { _ = s.conn.Close() })
	defer stop()
	if _, err := io.WriteString(s.conn, request+"\n"); err != nil {
		return nil, err
	}
	line, err := s.in.ReadString('\n')
	if err != nil {
		return nil, err
	}
	if reason, failed := strings.CutPrefix(line, "error "); failed {
		return nil, errors.New(strings.TrimSpace(reason))
	}
	if line = strings.TrimSpace(line); line == "" {
		return nil, errors.New("empty answer")
	}
	return strings.Fields(line), nil
}

// Acquire waits in the server's queue. The lease begins when it is granted, which
// the client does not see: its deadline counts from before it asked. If most of
// the lease has gone by waiting, it is renewed at once, and counts from there.
func (s *session) Acquire(ctx context.Context, name string) (lockbench.Lease, error) {
	for {
		asked := time.Now()
		token, err := s.acquire(ctx, name)
		if err != nil {
			return nil, err
		}
		l := &lockbench.Timed{Fence: history.Token{Kind: history.Ordered, Value: token}, Until: asked.Add(s.ttl), LetGo: func(ctx context.Context) error {
			return s.release(ctx, name, token)
		}}
		if time.Since(asked) < s.ttl/2 {
			return l, nil
		}
		l.Until = time.Now().Add(s.ttl)
		held, err := s.renew(ctx, name, token)
		if held || err != nil {
			return l, err
		}
	}
}

func (s *session) acquire(ctx context.Context, name string) (token uint64, err error) {
	answer, err := s.do(ctx, "acquire "+name+" "+s.ttl.String())
	if err != nil {
		return 0, err
	}
	if len(answer) != 2 || answer[0] != "granted" {
		return 0, fmt.Errorf("answer %q to an acquire", answer)
	}
	return strconv.ParseUint(answer[1], 10, 64)
}

// renew lets the lease begin anew; held is false if it was over.
func (s *session) renew(ctx context.Context, name string, token uint64) (held bool, err error) {
	answer, err := s.do(ctx, fmt.Sprintf("renew %s %d %s", name, token, s.ttl))
	return err == nil && answer[0] == "renewed", err
}

func (s *session) release(ctx context.Context, name string, token uint64) error {
	answer, err := s.do(ctx, fmt.Sprintf("release %s %d", name, token))
	if err == nil && answer[0] != "released" && answer[0] != "over" {
		err = fmt.Errorf("answer %q to a release", answer)
	}
	return err
}
