// Package raft locks by compare-and-swap in a replicated log of three members: a
// lock is granted by the entry that finds it free, and the entry's index is the
// token. Without a lease a lock is held until it is released; with one, until the
// leader that proposes the next grant finds it over by its own clock. The third row
// needs no lock: the change that a lock would guard is itself an entry of the log.
package raft

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/lockbench/history"
)

// Service holds locks until they are released, and Leased for a time.
func Service() lockbench.Service {
	return service("raft", "compare-and-swap in a raft log of three members, without a lease", lockbench.Never, "pause-holder")
}

func Leased() lockbench.Service {
	return service("raft-lease", "compare-and-swap in a raft log of three members, with a lease by the leader's clock", lockbench.ByLease)
}

// Log is the log without a lock: each client puts its change into it.
func Log() lockbench.Service {
	s := service("raft-log", "no lock: the change itself is an entry of a raft log of three members", lockbench.Never, "pause-holder")
	s.Promises.Changes, s.Promises.Reentrant = true, false
	s.Connect = func(_ context.Context, t lockbench.Target) (lockbench.Session, error) {
		return &changer{session: &session{addrs: t.Addrs, owner: t.Client + "-" + strconv.FormatUint(rand.Uint64(), 36)}}, nil
	}
	return s
}

func service(name, about string, expiry lockbench.Expiry, excludes ...string) lockbench.Service {
	return lockbench.Service{
		Name: name, About: about, Members: 3, PeerLinks: true,
		Promises: lockbench.Promises{
			Excludes: append(excludes, lockbench.NoFault, "kill-holder", "kill-server", "restart-server", "partition", "slow-network"),
			Token:    history.Ordered, Reentrant: true, Expiry: expiry,
		},
		Serve: serve,
		Connect: func(ctx context.Context, t lockbench.Target) (lockbench.Session, error) {
			s := &session{addrs: t.Addrs, owner: t.Client}
			if expiry == lockbench.ByLease {
				s.ttl = t.TTL
			}
			return s, nil
		},
	}
}

// The clocks of raft: short, as all members are on one host, and long enough for a
// busy one.
const (
	heartbeat   = 400 * time.Millisecond
	leaderLease = 300 * time.Millisecond
	commitEvery = 5 * time.Millisecond
	applyLimit  = 5 * time.Second
	snapshots   = 1
	connections = 3
)

// peers is the network between members: what raft calls a member's address is
// reached over the link that leads there.
type peers struct {
	net.Listener
	member lockbench.Member
}

// Dial implements raft.StreamLayer.
func (p peers) Dial(to raft.ServerAddress, limit time.Duration) (net.Conn, error) {
	for i, addr := range p.member.Peers {
		if addr == string(to) {
			return net.DialTimeout("tcp", p.member.Dial[i], limit)
		}
	}
	return nil, fmt.Errorf("%s is no member", to)
}

type server struct {
	raft    *raft.Raft
	machine *machine
}

func serve(ctx context.Context, m lockbench.Member) (err error) {
	var closing []func() error
	defer func() {
		for i := len(closing) - 1; i >= 0; i-- {
			err = errors.Join(err, closing[i]())
		}
	}()
	l, err := net.Listen("tcp", m.Peers[m.Index])
	if err != nil {
		return err
	}
	transport := raft.NewNetworkTransport(peers{l, m}, connections, heartbeat, io.Discard)
	closing = append(closing, transport.Close)
	db, err := openStore(filepath.Join(m.Dir, "raft.db"))
	if err != nil {
		return err
	}
	closing = append(closing, db.db.Close)
	snaps, err := raft.NewFileSnapshotStore(m.Dir, snapshots, io.Discard)
	if err != nil {
		return err
	}
	s := &server{machine: newMachine()}
	cfg := raft.DefaultConfig()
	cfg.LocalID = memberID(m.Index)
	cfg.HeartbeatTimeout, cfg.ElectionTimeout, cfg.LeaderLeaseTimeout, cfg.CommitTimeout = heartbeat, heartbeat, leaderLease, commitEvery
	cfg.Logger = hclog.New(&hclog.LoggerOptions{Level: hclog.Error, Output: os.Stderr})
	if err := bootstrap(cfg, db, snaps, transport, m); err != nil {
		return err
	}
	if s.raft, err = raft.NewRaft(cfg, s.machine, db, db, snaps, transport); err != nil {
		return err
	}
	closing = append(closing, func() error { return s.raft.Shutdown().Error() })
	return s.listen(ctx, m)
}

func memberID(i int) raft.ServerID { return raft.ServerID(strconv.Itoa(i)) }

// bootstrap writes the first configuration, the same for all members, unless
// there is one.
func bootstrap(cfg *raft.Config, db *store, snaps raft.SnapshotStore, t raft.Transport, m lockbench.Member) error {
	has, err := raft.HasExistingState(db, db, snaps)
	if err != nil || has {
		return err
	}
	var all raft.Configuration
	for i, addr := range m.Peers {
		all.Servers = append(all.Servers, raft.Server{ID: memberID(i), Address: raft.ServerAddress(addr)})
	}
	return raft.BootstrapCluster(cfg, db, db, snaps, t, all)
}

// listen serves clients, once there is a leader.
func (s *server) listen(ctx context.Context, m lockbench.Member) error {
	l, err := net.Listen("tcp", m.Addr)
	if err != nil {
		return err
	}
	go func() {
		for ctx.Err() == nil {
			if _, id := s.raft.LeaderWithID(); id != "" {
				m.Ready()
				return
			}
			time.Sleep(commitEvery)
		}
	}()
	return lockbench.Accept(ctx, l, lockbench.Lines(func(request string) string {
		var ch change
		if json.Unmarshal([]byte(request), &ch) != nil {
			return "error no request"
		}
		return s.answer(ch)
	}))
}

// Answers, beside the number of a token, and of a change.
const (
	busy      = "busy"
	elsewhere = "elsewhere" // another member leads, and nothing was done
)

// answer proposes a change. A lock that this leader knows to be held is not asked
// for in the log: waiters poll, and would fill it.
func (s *server) answer(c change) string {
	if s.raft.State() != raft.Leader {
		return elsewhere
	}
	c.Now = history.Now()
	if !c.Release && c.Add == 0 && s.machine.closed(c.Name, c.Owner, c.Now) {
		return busy
	}
	text, err := json.Marshal(c)
	if err != nil {
		return "error " + err.Error()
	}
	f := s.raft.Apply(text, applyLimit)
	switch err := f.Error(); {
	case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrEnqueueTimeout):
		return elsewhere
	case err != nil:
		return "error " + err.Error()
	}
	o, _ := f.Response().(outcome)
	if o.token == 0 {
		return busy
	}
	if c.Add > 0 {
		return fmt.Sprintf("%d %d", o.token, o.number)
	}
	return strconv.FormatUint(o.token, 10)
}

// session speaks to the leader, once it has found it.
type session struct {
	addrs []string
	owner string
	ttl   time.Duration // 0: without a lease

	at   int // of addrs
	conn net.Conn
	in   *bufio.Reader
}

// longAnswer is when another member is asked: one that is cut off from the others
// does not lead any more. Whoever asks again is not granted anything twice.
const longAnswer = time.Second

func (s *session) Close() error {
	if s.conn == nil {
		return nil
	}
	err := s.conn.Close()
	s.conn = nil
	return err
}

// do sends a change to the leader: to one member after the other, as long as they
// say that they do not lead, or cannot be reached.
func (s *session) do(ctx context.Context, c change) (answer string, err error) {
	text, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	for {
		if s.conn == nil {
			d := net.Dialer{Timeout: longAnswer}
			if s.conn, err = d.DialContext(ctx, "tcp", s.addrs[s.at]); err != nil {
				s.conn = nil
			} else {
				s.in = bufio.NewReader(s.conn)
			}
		}
		if s.conn != nil {
			if answer, err = s.ask(ctx, string(text)); err != nil {
				_ = s.Close()
				s.at = (s.at + 1) % len(s.addrs)
				return "", err
			}
			if answer != elsewhere {
				return answer, nil
			}
			_ = s.Close()
		}
		s.at = (s.at + 1) % len(s.addrs)
		if err := lockbench.Pause(ctx); err != nil {
			return "", err
		}
	}
}

// insist does a change that may be asked for again while members change their
// leader: twice is once.
func (s *session) insist(ctx context.Context, c change) (answer string, err error) {
	for {
		if answer, err = s.do(ctx, c); err == nil || ctx.Err() != nil {
			return answer, err
		}
		if err := lockbench.Pause(ctx); err != nil {
			return "", err
		}
	}
}

func (s *session) ask(ctx context.Context, text string) (string, error) {
	conn := s.conn
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	_ = conn.SetDeadline(time.Now().Add(longAnswer))
	if _, err := io.WriteString(conn, text+"\n"); err != nil {
		return "", err
	}
	line, err := s.in.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimSpace(line)
	if reason, failed := strings.CutPrefix(line, "error "); failed {
		return "", errors.New(reason)
	}
	return line, nil
}

func (s *session) Acquire(ctx context.Context, name string) (lockbench.Lease, error) {
	return lockbench.Poll(ctx, func() (*lockbench.Timed, error) {
		l := &lockbench.Timed{Fence: history.Token{Kind: history.Ordered}}
		if s.ttl > 0 {
			l.Until = time.Now().Add(s.ttl)
		}
		answer, err := s.insist(ctx, change{Name: name, Owner: s.owner, TTL: s.ttl})
		if err != nil || answer == busy {
			return nil, err
		}
		l.Fence.Value, err = strconv.ParseUint(answer, 10, 64)
		l.LetGo = func(ctx context.Context) error { return s.release(ctx, name, l.Fence.Value) }
		return l, err
	})
}

// release waits until the release is in the log. Released twice is released once:
// the token is its own.
func (s *session) release(ctx context.Context, name string, token uint64) error {
	_, err := s.insist(ctx, change{Release: true, Name: name, Owner: s.owner, Token: token})
	return err
}

// changer is a session of the log without locks.
type changer struct {
	*session
	changes int
}

// Change puts it into the log, once: an owner's changes are numbered.
func (s *changer) Change(ctx context.Context, name string) (number int64, token history.Token, err error) {
	s.changes++
	answer, err := s.insist(ctx, change{Name: name, Owner: s.owner, Add: s.changes})
	if err != nil {
		return 0, token, err
	}
	token.Kind = history.Ordered
	_, err = fmt.Sscan(answer, &token.Value, &number)
	return number, token, err
}
