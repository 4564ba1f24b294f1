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

// toyQueue is a queue in memory that breaks one promise.
type toyQueue struct {
	fault fault
	mu    sync.Mutex
	items []*toyItem // in the order of their numbers; nil where finished
}

type toyItem struct {
	due      time.Time
	attempts uint64
}

// The faults of a queue.
const (
	handsOutTwice  fault = "hands an item out twice"
	finishedAgain  fault = "hands an item out that is finished"
	neverOverdue   fault = "keeps the item of a silent client for ever"
	dueEarly       fault = "hands an item on before its time is over"
	sameAttempt    fault = "has one token for all who get an item"
	finishesOthers fault = "lets a client that is late finish an item that is another's"
)

func (q *toyQueue) service() lockbench.Service {
	return lockbench.Service{
		Name: "toy-queue", About: "in the memory of the test",
		Promises: lockbench.Promises{Excludes: []string{lockbench.NoFault}, Token: history.Ordered, Expiry: lockbench.ByLease, Queue: true},
		Connect: func(_ context.Context, t lockbench.Target) (lockbench.Session, error) {
			return &queueSession{q, t.TTL}, nil
		},
	}
}

type queueSession struct {
	*toyQueue
	ttl time.Duration
}

func (s *queueSession) Close() error { return nil }

func (s *queueSession) Acquire(context.Context, string) (lockbench.Lease, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	at := -1
	for i, item := range s.items {
		if item != nil && (now.After(item.due) || s.fault == handsOutTwice && item.attempts == 1) {
			at = i
			break
		}
	}
	if at < 0 || s.fault == neverOverdue {
		at = len(s.items)
		s.items = append(s.items, new(toyItem))
	}
	item := s.items[at]
	item.due = now.Add(s.ttl)
	if s.fault == dueEarly {
		item.due = now.Add(s.ttl / 2)
	}
	if s.fault != sameAttempt || item.attempts == 0 {
		item.attempts++
	}
	mine := item.attempts
	return &lockbench.Timed{Fence: history.Token{Kind: history.Ordered, Value: mine}, Until: now.Add(s.ttl), Which: at, LetGo: func(context.Context) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		switch {
		case s.fault == finishedAgain:
			item.due = time.Time{}
		case item.attempts == mine || s.fault == finishesOthers:
			s.items[at] = nil
		}
		return nil
	}}, nil
}

// TestRightQueue: the queue that is right breaks nothing.
func TestRightQueue(t *testing.T) { locktest.Run(t, (&toyQueue{}).service()) }

// TestBrokenQueue: each broken queue is caught, by a check whose name says why.
func TestBrokenQueue(t *testing.T) {
	patience := locktest.Patience
	t.Cleanup(func() { locktest.Patience = patience })
	locktest.Patience = 2 * time.Second
	for broken, check := range map[fault]string{
		handsOutTwice: "items", finishedAgain: "items", neverOverdue: "overdue", dueEarly: "overdue", sameAttempt: "overdue", finishesOthers: "overdue",
	} {
		found := locktest.Check((&toyQueue{fault: broken}).service(), t.TempDir())
		caught := false
		for _, f := range found {
			caught = caught || strings.HasPrefix(f, check+": ")
		}
		if !caught {
			t.Errorf("a queue that %s: %s finds nothing\nall: %s", broken, check, fmt.Sprint(found))
		}
	}
}
