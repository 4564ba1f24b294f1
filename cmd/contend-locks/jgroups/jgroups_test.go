package jgroups

import (
	"context"
	"net"
	"testing"

	"github.com/contend-go/contend/bench/lockbench"
)

// group is three members with links between them.
type group struct {
	addrs []string
	links map[[2]int]*lockbench.Link // from a member to another
}

// freeAddrs are addresses on loopback where nobody listens.
func freeAddrs(t *testing.T, n int) (addrs []string) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		addrs = append(addrs, l.Addr().String())
	}
	return addrs
}

// start starts a group, which ends with the test.
func start(t *testing.T) *group {
	t.Helper()
	if why := missing(); why != "" {
		t.Skip(why)
	}
	const n = 3
	addrs := freeAddrs(t, 2*n)
	g := &group{addrs[:n], map[[2]int]*lockbench.Link{}}
	peers := addrs[n:]
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan int, n), make(chan error, n)
	t.Cleanup(func() {
		stop()
		for range n {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
	var members []lockbench.Member
	for i := range n {
		dial := append([]string(nil), peers...)
		for j := range n {
			if j == i {
				continue
			}
			k, err := lockbench.NewLink(peers[j])
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(k.Close)
			g.links[[2]int{i, j}], dial[j] = k, k.Addr()
		}
		members = append(members, lockbench.Member{
			Index: i, Dir: t.TempDir(), Addr: addrs[i], Peers: peers, Dial: dial, TTL: leastTTL, Ready: func() { ready <- i },
		})
	}
	for _, m := range members {
		go func() { ended <- serve(ctx, m) }()
	}
	for range n {
		select {
		case <-ready:
		case err := <-ended:
			ended <- err
			t.Fatal("a member did not start")
		}
	}
	return g
}

// session is one with a member.
func (g *group) session(t *testing.T, member int) *session {
	t.Helper()
	s, err := connect(t.Context(), lockbench.Target{Addrs: g.addrs[member : member+1]})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s.(*session)
}

// awaitMembers waits until a member's group is as large as that.
func awaitMembers(t *testing.T, s *session, want string) {
	t.Helper()
	for s.do(t.Context(), "members", "members "+want) != nil {
		if err := lockbench.Pause(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func acquire(t *testing.T, s *session) lockbench.Lease {
	t.Helper()
	l, err := s.Acquire(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// good is whether nobody told the holder that its lock is lost.
func good(l lockbench.Lease) bool {
	select {
	case <-l.Lost():
		return false
	default:
		return true
	}
}

// TestPartition: members that are cut off from each other each grant the lock, and
// when they are one group again, both still hold it. When one lets go, a third is let
// in beside the other.
func TestPartition(t *testing.T) {
	g := start(t)
	a, b, c := g.session(t, 0), g.session(t, 1), g.session(t, 2)
	first := acquire(t, a)
	for ends, k := range g.links {
		if ends[0] == 0 || ends[1] == 0 {
			k.Cut()
		}
	}
	second := acquire(t, c)
	if !good(first) || !good(second) {
		t.Fatal("a holder was told that its lock is lost")
	}
	awaitMembers(t, a, "1")
	for _, k := range g.links {
		k.Heal()
	}
	for _, s := range []*session{a, b, c} {
		awaitMembers(t, s, "3")
	}
	if !good(first) || !good(second) {
		t.Fatal("after the merge a holder was told that its lock is lost")
	}
	if err := second.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	third := acquire(t, b)
	if !good(first) || !good(third) {
		t.Error("the first holder was told that its lock is lost")
	}
	if err := first.Release(t.Context()); err != nil {
		t.Error(err)
	}
}
