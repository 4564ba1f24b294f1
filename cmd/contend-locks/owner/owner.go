// Package owner locks without a log: members learn of each other by gossip, a
// consistent hash of the name says which of them owns a lock, and the owner keeps
// it in memory, as the lease server does. Who is asked decides by its own view, so
// that every part of a divided cluster has an owner of its own.
package owner

import (
	"bufio"
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/lockbench/history"
	"github.com/contend-go/contend/bench/lockbench/lease"
)

// Service is three members.
func Service() lockbench.Service {
	return lockbench.Service{
		Name: "owner", About: "the owner by consistent hash among three gossiping members keeps the lock in memory", Members: 3, PeerLinks: true,
		Promises: lockbench.Promises{
			Excludes: []string{lockbench.NoFault, "kill-holder", "slow-network"},
			Token:    history.Unordered, Expiry: lockbench.ByLease,
		},
		Serve: serve, Connect: connect,
	}
}

// The clocks of the gossip: a member that does not answer is given up after about a
// second.
const (
	probeEvery   = 150 * time.Millisecond
	probeTimeout = 100 * time.Millisecond
	gossipEvery  = 50 * time.Millisecond
	reconnect    = 300 * time.Millisecond
)

func serve(ctx context.Context, m lockbench.Member) error {
	t, err := newTransport(m)
	if err != nil {
		return err
	}
	cfg := memberlist.DefaultLocalConfig()
	cfg.Name, cfg.Transport, cfg.LogOutput = strconv.Itoa(m.Index), t, io.Discard
	cfg.ProbeInterval, cfg.ProbeTimeout, cfg.GossipInterval, cfg.SuspicionMult = probeEvery, probeTimeout, gossipEvery, 2
	cfg.DisableTcpPings = true
	list, err := memberlist.Create(cfg)
	if err != nil {
		_ = t.Shutdown()
		return err
	}
	defer func() { _ = list.Shutdown() }()
	s, err := lease.NewServer(nil)
	if err != nil {
		return err
	}
	s.More = func(words []string) (string, bool) {
		switch {
		case len(words) == 1 && words[0] == "who":
			return strconv.Itoa(m.Index), true
		case len(words) == 2 && words[0] == "owner":
			return ownerOf(words[1], alive(list)), true
		}
		return "", false
	}
	ready := m.Ready
	m.Ready = func() {
		go func() {
			join(ctx, list, m)
			ready()
		}()
	}
	go rejoin(ctx, list, m)
	return s.Serve(ctx, m)
}

func alive(list *memberlist.Memberlist) (names []string) {
	for _, n := range list.Members() {
		names = append(names, n.Name)
	}
	return names
}

// join waits until all members know each other.
func join(ctx context.Context, list *memberlist.Memberlist, m lockbench.Member) {
	for ctx.Err() == nil && list.NumMembers() < len(m.Peers) {
		_, _ = list.Join(m.Peers)
		time.Sleep(gossipEvery)
	}
}

// rejoin looks for members that were given up: gossip alone does not find them
// again after a cut.
func rejoin(ctx context.Context, list *memberlist.Memberlist, m lockbench.Member) {
	for ctx.Err() == nil {
		time.Sleep(reconnect)
		if list.NumMembers() < len(m.Peers) {
			_, _ = list.Join(m.Peers)
		}
	}
}

// points of each member on the ring: enough that members own like shares.
const points = 64

// ownerOf is the member whose point is the first at or after the name's on the
// ring, so that a member that leaves moves no lock of the others.
func ownerOf(name string, members []string) string {
	at := hash(name)
	best, distance := "", ^uint32(0)
	for _, m := range members {
		for i := range points {
			if d := hash(m+"#"+strconv.Itoa(i)) - at; best == "" || d < distance {
				best, distance = m, d
			}
		}
	}
	return best
}

// hash is FNV-1a, mixed: names here differ in their last characters, which FNV
// alone leaves close together.
func hash(text string) uint32 {
	h := fnv.New32a()
	_, _ = io.WriteString(h, text)
	x := h.Sum32()
	x = (x ^ x>>16) * 0x85ebca6b
	x = (x ^ x>>13) * 0xc2b2ae35
	return x ^ x>>16
}

// session asks the nearest member who owns a lock, and the owner for it.
type session struct {
	target  lockbench.Target
	nearest *line
	members map[string]lockbench.Session // by name, once they were needed
	addrs   map[string]string            // of members
}

// longDial is when a member that cannot be reached counts as gone.
const longDial = 500 * time.Millisecond

func connect(ctx context.Context, t lockbench.Target) (lockbench.Session, error) {
	s := &session{target: t, members: map[string]lockbench.Session{}, addrs: map[string]string{}}
	for _, addr := range t.Addrs {
		l, err := dial(ctx, addr)
		if err != nil {
			continue // down: the others say who owns
		}
		name, err := l.ask(ctx, "who")
		if err != nil {
			_ = l.Close()
			continue
		}
		s.addrs[name] = addr
		if s.nearest == nil {
			s.nearest = l
		} else {
			_ = l.Close()
		}
	}
	if s.nearest == nil {
		return nil, fmt.Errorf("no member answers at %s", strings.Join(t.Addrs, ", "))
	}
	return s, nil
}

func (s *session) Close() error {
	for _, m := range s.members {
		_ = m.Close()
	}
	return s.nearest.Close()
}

func (s *session) Acquire(ctx context.Context, name string) (lockbench.Lease, error) {
	who, err := s.nearest.ask(ctx, "owner "+name)
	if err != nil {
		return nil, err
	}
	m, err := s.member(ctx, who)
	if err != nil {
		return nil, err
	}
	l, err := m.Acquire(ctx, name)
	if err != nil {
		return nil, err
	}
	return owned{l}, nil
}

func (s *session) member(ctx context.Context, name string) (lockbench.Session, error) {
	if m := s.members[name]; m != nil {
		return m, nil
	}
	addr, ok := s.addrs[name]
	if !ok {
		return nil, fmt.Errorf("member %q was not reached when the session began", name)
	}
	ctx, cancel := context.WithTimeout(ctx, longDial)
	defer cancel()
	m, err := lease.Connect(ctx, lockbench.Target{Addrs: []string{addr}, TTL: s.target.TTL})
	if err == nil {
		s.members[name] = m
	}
	return m, err
}

// owned is a lease of one member, whose tokens mean nothing to another's.
type owned struct{ lockbench.Lease }

func (o owned) Token() history.Token {
	return history.Token{Kind: history.Unordered, Value: o.Lease.Token().Value}
}

// line is a connection on which one question is asked at a time.
type line struct {
	net.Conn
	in *bufio.Reader
}

func dial(ctx context.Context, addr string) (*line, error) {
	d := net.Dialer{Timeout: longDial}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &line{c, bufio.NewReader(c)}, nil
}

func (l *line) ask(ctx context.Context, question string) (string, error) {
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	_ = l.SetDeadline(time.Now().Add(10 * longDial))
	if _, err := io.WriteString(l, question+"\n"); err != nil {
		return "", err
	}
	answer, err := l.in.ReadString('\n')
	return strings.TrimSpace(answer), err
}
