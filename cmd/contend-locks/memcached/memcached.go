// Package memcached locks as people do with memcached: by adding a key that
// expires. The server is the real one.
package memcached

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/lockbench/history"
	"github.com/contend-go/contend/cmd/contend-locks/server"
)

var program = server.Program{Name: "memcached", Package: "memcached"}

// Service is one server. Its time goes in whole seconds, the first of which may be
// over at once; so a lock is asked for with one more.
func Service() lockbench.Service {
	return lockbench.Service{
		Name: "memcached", About: "memcached: a key that is added with a time to live; waiters poll", Members: 1,
		Promises: lockbench.Promises{
			Excludes: []string{lockbench.NoFault, "kill-holder", "partition", "slow-network"},
			Token:    history.Unordered, Expiry: lockbench.ByLease, LeastTTL: time.Second,
		},
		Missing: program.Missing, Needs: server.Needs(&program), Serve: serve, Connect: connect, Evict: evict,
	}
}

// memory is the least that the server can be given, in MiB: what it drops when it
// is full can be seen in a moment.
const memory = "2"

func serve(ctx context.Context, m lockbench.Member) error {
	host, port, err := net.SplitHostPort(m.Addr)
	if err != nil {
		return err
	}
	me, err := user.Current() // it does not start as root unless it is told to
	if err != nil {
		return err
	}
	return program.Serve(ctx, m, "-l", host, "-p", port, "-U", "0", "-m", memory, "-u", me.Username)
}

type session struct {
	conn net.Conn
	in   *bufio.Reader
	ttl  time.Duration
}

// oldest is the first version with the commands that are used here.
const oldest = "1.6"

func connect(ctx context.Context, t lockbench.Target) (lockbench.Session, error) {
	if len(t.Addrs) != 1 {
		return nil, fmt.Errorf("one server's address, not %d", len(t.Addrs))
	}
	for {
		var d net.Dialer
		c, err := d.DialContext(ctx, "tcp", t.Addrs[0])
		if err == nil {
			s := &session{c, bufio.NewReader(c), t.TTL}
			if err = s.greet(ctx); err == nil {
				return s, nil
			}
			_ = c.Close()
		}
		if errors.Is(err, errVersion) || lockbench.Pause(ctx) != nil {
			return nil, err
		}
	}
}

var errVersion = errors.New("its version does not fit")

// greet makes sure that the server understands the commands.
func (s *session) greet(ctx context.Context) error {
	f, err := s.do(ctx, "version\r\n")
	if err != nil {
		return err
	}
	if len(f) != 2 || f[0] != "VERSION" {
		return fmt.Errorf("%q is no answer of memcached: %w", strings.Join(f, " "), errVersion)
	}
	if older(f[1], oldest) {
		return fmt.Errorf("memcached %s has no meta commands, which came with %s: %w", f[1], oldest, errVersion)
	}
	return nil
}

// older compares the numbers of versions, as many as the second has.
func older(a, b string) bool {
	x := strings.Split(a, ".")
	for i, want := range strings.Split(b, ".") {
		if i >= len(x) {
			return true
		}
		m, _ := strconv.Atoi(x[i])
		n, _ := strconv.Atoi(want)
		if m != n {
			return m < n
		}
	}
	return false
}

func (s *session) Close() error { return s.conn.Close() }

// do is one request and the words of its answer.
func (s *session) do(ctx context.Context, request string) ([]string, error) {
	defer context.AfterFunc(ctx, func() { _ = s.conn.Close() })()
	if _, err := s.conn.Write([]byte(request)); err != nil {
		return nil, err
	}
	line, err := s.in.ReadString('\n')
	if err != nil {
		return nil, err
	}
	f := strings.Fields(line)
	if len(f) == 0 || strings.HasSuffix(f[0], "ERROR") {
		return nil, fmt.Errorf("memcached answered %q to %q", strings.TrimSpace(line), strings.TrimSpace(request))
	}
	return f, nil
}

// Acquire adds the key. The number by which memcached tells values apart (CAS) is
// the token; it begins anew with the server.
func (s *session) Acquire(ctx context.Context, name string) (lockbench.Lease, error) {
	seconds := int((s.ttl+time.Second-1)/time.Second) + 1
	return lockbench.Poll(ctx, func() (*lockbench.Timed, error) {
		until := time.Now().Add(s.ttl)
		f, err := s.do(ctx, fmt.Sprintf("ms %s 1 T%d ME c\r\n1\r\n", name, seconds))
		if err != nil || f[0] == "NS" {
			return nil, err
		}
		if len(f) != 2 || f[0] != "HD" || f[1][0] != 'c' {
			return nil, fmt.Errorf("answer %q to an add", strings.Join(f, " "))
		}
		id, err := strconv.ParseUint(f[1][1:], 10, 64)
		return &lockbench.Timed{Fence: history.Token{Kind: history.Unordered, Value: id}, Until: until, LetGo: func(ctx context.Context) error {
			return s.release(ctx, name, id)
		}}, err
	})
}

// release deletes the key if it is still the holder's.
func (s *session) release(ctx context.Context, name string, id uint64) error {
	f, err := s.do(ctx, fmt.Sprintf("md %s C%d\r\n", name, id))
	if err == nil && f[0] != "HD" && f[0] != "NF" && f[0] != "EX" {
		return fmt.Errorf("answer %q to a delete", strings.Join(f, " "))
	}
	return err
}

// batch is how many keys are put between two looks at the lock.
const batch = 1000

// evict adds keys until the lock is gone. It looks at it by a command that does not
// count as use.
func evict(ctx context.Context, t lockbench.Target, name string) error {
	opened, err := connect(ctx, t)
	if err != nil {
		return err
	}
	defer opened.Close()
	s := opened.(*session)
	for n := 0; ; n += batch {
		var keys strings.Builder
		for i := range batch {
			fmt.Fprintf(&keys, "ms filler%d 1 q\r\n1\r\n", n+i)
		}
		if _, err := s.do(ctx, keys.String()+"mn\r\n"); err != nil {
			return err
		}
		f, err := s.do(ctx, "me "+name+"\r\n")
		if err != nil {
			return err
		}
		if f[0] == "EN" {
			return nil
		}
	}
}
