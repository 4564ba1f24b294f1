package locktest_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/lockbench/history"
	"github.com/contend-go/contend/bench/lockbench/locktest"
)

const (
	countsTwice    fault = "counts a piece of work as often as it is done"
	keepsOneOnly   fault = "keeps what one node counted and overwrites the rest"
	countsItself   fault = "counts what was added at its own node only"
	forgetsCounts  fault = "forgets its counts at a restart"
	countsAllNames fault = "has one count for all names"
)

// toyAdder is two nodes in the memory of the test.
type toyAdder struct {
	fault fault

	mu     sync.Mutex
	counts [2]map[string]int64 // of each node
}

func (y *toyAdder) service() lockbench.Service {
	return lockbench.Service{
		Name: "toy-adder", About: "in the memory of the test", Members: 2,
		Promises: lockbench.Promises{
			Excludes: []string{lockbench.NoFault, "restart-server"}, Token: history.NoToken, Expiry: lockbench.Never, Changes: true, Adds: true,
		},
		Serve: func(ctx context.Context, m lockbench.Member) error {
			y.mu.Lock()
			if m.Fresh || y.fault == forgetsCounts {
				y.counts[m.Index] = map[string]int64{}
			}
			y.mu.Unlock()
			m.Ready()
			<-ctx.Done()
			return nil
		},
		Connect: func(_ context.Context, t lockbench.Target) (lockbench.Session, error) {
			near := int(t.Client[len(t.Client)-1]) % 2
			return &toyAddSession{y, near}, nil
		},
	}
}

type toyAddSession struct {
	*toyAdder
	near int
}

func (s *toyAddSession) Close() error { return nil }

func (s *toyAddSession) Acquire(context.Context, string) (lockbench.Lease, error) {
	return nil, errors.ErrUnsupported
}

func (s *toyAddSession) Change(_ context.Context, name string) (int64, history.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault == countsAllNames {
		name = "one"
	}
	s.counts[s.near][name]++
	if s.fault == countsTwice {
		s.counts[s.near][name]++
	}
	return 0, history.Token{Kind: history.NoToken}, nil
}

func (s *toyAddSession) Count(_ context.Context, name string) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault == countsAllNames {
		name = "one"
	}
	switch s.fault {
	case countsItself:
		return s.counts[s.near][name], nil
	case keepsOneOnly:
		return max(s.counts[0][name], s.counts[1][name]), nil
	}
	return s.counts[0][name] + s.counts[1][name], nil
}

// TestRightAdder: the counter that is right breaks nothing.
func TestRightAdder(t *testing.T) { locktest.Run(t, (&toyAdder{}).service()) }

// TestBrokenAdder: each broken counter is caught.
func TestBrokenAdder(t *testing.T) {
	for _, broken := range []fault{countsTwice, keepsOneOnly, countsItself, forgetsCounts, countsAllNames} {
		found := locktest.Check((&toyAdder{fault: broken}).service(), t.TempDir())
		if len(found) == 0 || !strings.HasPrefix(found[0], "additions: ") {
			t.Errorf("a counter that %s: %q", broken, found)
		}
	}
}
