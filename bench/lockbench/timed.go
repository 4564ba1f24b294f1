package lockbench

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/contend-go/contend/bench/lockbench/history"
)

// Timed is a lease of whose end the client knows by the time alone: nobody tells it
// more.
type Timed struct {
	Fence history.Token
	Until time.Time // zero: it does not expire
	Which int       // item, of a queue
	LetGo func(ctx context.Context) error
}

// Token, Deadline, Lost and Release implement [Lease], and Item [Reservation].
func (l *Timed) Token() history.Token              { return l.Fence }
func (l *Timed) Deadline() (time.Time, bool)       { return l.Until, !l.Until.IsZero() }
func (l *Timed) Lost() <-chan struct{}             { return NeverLost }
func (l *Timed) Item() int                         { return l.Which }
func (l *Timed) Release(ctx context.Context) error { return l.LetGo(ctx) }

// pollEvery is the mean pause between two tries of a client that polls.
const pollEvery = 2 * time.Millisecond

// Pause waits between two tries of a client that polls: a random time, so that
// clients do not try in step. Its error is that of ctx, if that ends.
func Pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(rand.N(2 * pollEvery)):
		return nil
	}
}

// Poll tries until a lock is granted, or a try fails: take returns nil and no error
// if somebody else holds the lock.
func Poll(ctx context.Context, take func() (*Timed, error)) (Lease, error) {
	for {
		l, err := take()
		if err != nil {
			return nil, err
		}
		if l != nil {
			return l, nil
		}
		if err := Pause(ctx); err != nil {
			return nil, err
		}
	}
}
