package locktest_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/lockbench/history"
	"github.com/contend-go/contend/bench/lockbench/locktest"
)

// fault is what a broken lock does wrong; empty for the one that is right.
type fault string

const (
	right          fault = ""
	grantsToAll    fault = "grants every lock to everybody"
	keepsWithdrawn fault = "grants to clients that gave up waiting"
	oneForAll      fault = "has one lock for all names"
	reentrant      fault = "lets a client in twice"
	newestFirst    fault = "serves the newest waiter first"
	sameToken      fault = "hands out one token for ever"
	forgetsTokens  fault = "begins its tokens anew after a restart"
	longDeadline   fault = "tells clients twice the lease"
	neverExpires   fault = "keeps the lock of a silent holder"
	expiresEarly   fault = "ends leases at half their time"
	releasesOthers fault = "releases whoever holds"
	nilLost        fault = "has no channel for the loss"
	forgetsHolders fault = "forgets at a restart who holds"
	keepsReleased  fault = "does not release"
)

// toy is a lock service in the memory of the test.
type toy struct {
	fault fault

	mu      sync.Mutex
	highest uint64
	locks   map[string]*toyLock
}

type toyLock struct {
	token   uint64
	owner   *toySession
	until   time.Time
	waiters []*toyWaiter
}

type toyWaiter struct {
	session *toySession
	granted chan uint64
}

func (y *toy) service() lockbench.Service {
	y.locks = map[string]*toyLock{}
	return lockbench.Service{
		Name: "toy", About: "in the memory of the test", Members: 1,
		Promises: lockbench.Promises{
			Excludes: []string{lockbench.NoFault, "restart-server"}, Token: history.Ordered, FIFO: true, Expiry: lockbench.ByLease,
		},
		Serve: func(ctx context.Context, m lockbench.Member) error {
			y.mu.Lock()
			if m.Fresh || y.fault == forgetsHolders {
				y.locks = map[string]*toyLock{}
			}
			if m.Fresh || y.fault == forgetsTokens {
				y.highest = 0
			}
			y.mu.Unlock()
			m.Ready()
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			for ctx.Err() == nil {
				<-tick.C
				y.serve()
			}
			return nil
		},
		Connect: func(_ context.Context, t lockbench.Target) (lockbench.Session, error) {
			return &toySession{y, t.TTL}, nil
		},
	}
}

// serve ends leases, and grants free locks.
func (y *toy) serve() {
	y.mu.Lock()
	defer y.mu.Unlock()
	for _, l := range y.locks {
		if l.token != 0 && time.Now().After(l.until) && y.fault != neverExpires {
			l.token = 0
		}
		for l.token == 0 && len(l.waiters) > 0 {
			at := 0
			if y.fault == newestFirst {
				at = len(l.waiters) - 1
			}
			w := l.waiters[at]
			l.waiters = append(l.waiters[:at:at], l.waiters[at+1:]...)
			y.grant(l, w)
		}
		for y.fault == grantsToAll && len(l.waiters) > 0 {
			y.grant(l, l.waiters[0])
			l.waiters = l.waiters[1:]
		}
	}
}

func (y *toy) grant(l *toyLock, w *toyWaiter) {
	if y.fault != sameToken || y.highest == 0 {
		y.highest++
	}
	ttl := w.session.ttl
	if y.fault == expiresEarly {
		ttl /= 2
	}
	l.token, l.owner, l.until = y.highest, w.session, time.Now().Add(ttl)
	w.granted <- l.token
}

type toySession struct {
	toy *toy
	ttl time.Duration
}

func (s *toySession) Close() error { return nil }

func (s *toySession) Acquire(ctx context.Context, name string) (lockbench.Lease, error) {
	y := s.toy
	if y.fault == oneForAll {
		name = "one"
	}
	asked := time.Now()
	y.mu.Lock()
	l := y.locks[name]
	if l == nil {
		l = new(toyLock)
		y.locks[name] = l
	}
	w := &toyWaiter{s, make(chan uint64, 1)}
	if y.fault == reentrant && l.token != 0 && l.owner == s {
		w.granted <- l.token
	} else {
		l.waiters = append(l.waiters, w)
	}
	y.mu.Unlock()
	select {
	case token := <-w.granted:
		d := s.ttl - time.Since(asked)
		if d < s.ttl/2 { // as if it had been renewed
			y.mu.Lock()
			renewed := l.token == token
			if asked = time.Now(); renewed && y.fault != expiresEarly {
				l.until = asked.Add(s.ttl)
			}
			y.mu.Unlock()
			if !renewed {
				return s.Acquire(ctx, name)
			}
		}
		if y.fault == longDeadline {
			asked = asked.Add(s.ttl)
		}
		return &toyLease{s, l, token, asked.Add(s.ttl), make(chan struct{})}, nil
	case <-ctx.Done():
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	for i, o := range l.waiters {
		if o == w && y.fault != keepsWithdrawn {
			l.waiters = append(l.waiters[:i:i], l.waiters[i+1:]...)
			break
		}
	}
	if y.fault == keepsWithdrawn {
		s.ttl = time.Hour // whatever it is granted from now on
	}
	return nil, ctx.Err()
}

type toyLease struct {
	session  *toySession
	lock     *toyLock
	token    uint64
	deadline time.Time
	lost     chan struct{}
}

func (l *toyLease) Token() history.Token        { return history.Token{Kind: history.Ordered, Value: l.token} }
func (l *toyLease) Deadline() (time.Time, bool) { return l.deadline, true }
func (l *toyLease) Lost() <-chan struct{} {
	if l.session.toy.fault == nilLost {
		return nil
	}
	return l.lost
}

func (l *toyLease) Release(context.Context) error {
	y := l.session.toy
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.fault != keepsReleased && (l.lock.token == l.token || y.fault == releasesOthers) {
		l.lock.token = 0
	}
	return nil
}

// TestRight: the lock that is right breaks nothing.
func TestRight(t *testing.T) {
	locktest.Run(t, (&toy{}).service())
}

// TestBroken: each broken lock is caught, by a check whose name says why.
func TestBroken(t *testing.T) {
	patience := locktest.Patience
	t.Cleanup(func() { locktest.Patience = patience })
	locktest.Patience = 2 * time.Second
	for broken, check := range map[fault]string{
		grantsToAll: "exclusion", keepsWithdrawn: "withdrawn", oneForAll: "names", reentrant: "reentrance", newestFirst: "order",
		sameToken: "tokens", forgetsTokens: "tokens", longDeadline: "deadline", neverExpires: "expiry", expiresEarly: "expiry",
		releasesOthers: "late-release", nilLost: "lost", forgetsHolders: "restart", keepsReleased: "release",
	} {
		t.Run(strings.ReplaceAll(string(broken), " ", "-"), func(t *testing.T) {
			t.Parallel()
			found := locktest.Check((&toy{fault: broken}).service(), t.TempDir())
			for _, f := range found {
				if strings.HasPrefix(f, check+": ") {
					return
				}
			}
			t.Errorf("a lock that %s: %s finds nothing\nall: %s", broken, check, fmt.Sprint(found))
		})
	}
}
