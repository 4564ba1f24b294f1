package jgroups

import (
	"context"
	"testing"
	"time"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/cmd/contend-locks/server/servertest"
)

// group is three members with links between them.
type group struct {
	addrs []string
	links map[[2]int]*lockbench.Link // from a member to another
}

// start starts a group, which ends with the test.
func start(t *testing.T) *group {
	t.Helper()
	if why := missing(); why != "" {
		t.Skip(why)
	}
	const n = 3
	addrs := servertest.Addresses(t, 2*n)
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

// hung is when what must happen counts as never happening: many times what it takes on
// a busy host.
const hung = 5 * time.Minute

// awaitMembers waits until a member's group is as large as that.
func awaitMembers(t *testing.T, s *session, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hung)
	defer cancel()
	for s.do(ctx, "members", "members "+want) != nil {
		if lockbench.Pause(ctx) != nil {
			t.Fatalf("the group did not get %s members", want)
		}
	}
}

// acquire waits until the session holds the lock.
func acquire(t *testing.T, s *session) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hung)
	defer cancel()
	if _, err := s.Acquire(ctx, "x"); err != nil {
		t.Fatal(err)
	}
}

// TestPartition: members that are cut off from each other each grant the lock, and
// when they are one group again, both still hold it: each is granted at once what it
// holds already, which nobody would be who has to wait for the other. Whom a third
// then waits for depends on which coordinator is left, and is not looked at.
func TestPartition(t *testing.T) {
	g := start(t)
	a, b, c := g.session(t, 0), g.session(t, 1), g.session(t, 2)
	acquire(t, a)
	for ends, k := range g.links {
		if ends[0] == 0 || ends[1] == 0 {
			k.Cut()
		}
	}
	awaitMembers(t, b, "2")
	awaitMembers(t, c, "2")
	acquire(t, c)
	awaitMembers(t, a, "1")
	for _, k := range g.links {
		k.Heal()
	}
	for _, s := range []*session{a, b, c} {
		awaitMembers(t, s, "3")
	}
	acquire(t, a)
	acquire(t, c)
}

// TestWithdrawnWhenGranted: a waiter whose connection ends at the moment at which it is
// granted the lock does not keep it.
func TestWithdrawnWhenGranted(t *testing.T) {
	g := start(t)
	holder, next := g.session(t, 1), g.session(t, 2)
	acquire(t, holder)
	for range 60 {
		waiter := g.session(t, 2)
		asked := make(chan struct{})
		go func() {
			_, _ = waiter.Acquire(t.Context(), "x") // an error, or a grant that nobody uses
			close(asked)
		}()
		time.Sleep(2 * time.Millisecond) // it waits in most rounds; in the others it withdraws before
		if err := holder.do(t.Context(), "release x", "released"); err != nil {
			t.Fatal(err)
		}
		_ = waiter.Close()
		<-asked
		acquire(t, next)
		holder, next = next, holder
	}
}
