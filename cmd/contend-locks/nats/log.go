package nats

import (
	"context"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/lockbench/history"
)

// Sync is when a log is synced to disk.
type Sync string

// The kinds of it.
const (
	Never    Sync = "never"
	Interval Sync = "interval"
	Always   Sync = "always" // before a change is answered
)

// syncEvery is the interval.
const syncEvery = 100 * time.Millisecond

// Log is a log of changes.
func Log(when Sync) lockbench.Service {
	o := map[Sync]server.Options{
		Never:    {SyncInterval: math.MaxInt64},
		Interval: {SyncInterval: syncEvery},
		Always:   {SyncAlways: true},
	}[when]
	return lockbench.Service{
		Name: "natslog-" + string(when), About: "no lock: the change itself is a message of a NATS JetStream log; synced: " + string(when), Members: 1,
		Promises: lockbench.Promises{
			Excludes: []string{lockbench.NoFault, "kill-holder", "pause-holder", "kill-server", "restart-server", "partition", "slow-network"},
			Token:    history.Ordered, Expiry: lockbench.Never, Changes: true,
		},
		Serve: func(ctx context.Context, m lockbench.Member) error { return run(ctx, m, o, nil) },
		Connect: func(ctx context.Context, t lockbench.Target) (lockbench.Session, error) {
			return try(ctx, t, func() (lockbench.Session, error) {
				c, js, err := dial(t.Addrs[0])
				return &logger{conn: c, js: js, streams: map[string]bool{}}, err
			})
		},
		Remove: removeStreams, Endpoint: endpoint,
	}
}

// logger puts changes into a stream for each name. Where nothing else is in it, the
// number that a change leads to is that of its message.
type logger struct {
	conn    *nats.Conn
	js      jetstream.JetStream
	streams map[string]bool // that are there
}

// Acquire is never called: there is no lock.
func (l *logger) Acquire(context.Context, string) (lockbench.Lease, error) {
	return nil, errors.ErrUnsupported
}

func (l *logger) Close() error {
	l.conn.Close()
	return nil
}

func (l *logger) Change(ctx context.Context, name string) (int64, history.Token, error) {
	if !l.streams[name] {
		if _, err := l.js.CreateStream(ctx, jetstream.StreamConfig{Name: name, Subjects: []string{name}, Storage: jetstream.FileStorage}); err != nil {
			return 0, history.Token{}, err
		}
		l.streams[name] = true
	}
	ack, err := l.js.Publish(ctx, name, []byte("+1"))
	if err != nil {
		return 0, history.Token{}, err
	}
	return int64(ack.Sequence), history.Token{Kind: history.Ordered, Value: ack.Sequence}, nil
}

func removeStreams(ctx context.Context, t lockbench.Target) error {
	c, js, err := dial(t.Addrs[0])
	if err != nil {
		return err
	}
	defer c.Close()
	names := js.StreamNames(ctx)
	for name := range names.Name() {
		if strings.HasPrefix(name, t.Prefix) {
			if err := js.DeleteStream(ctx, name); err != nil {
				return err
			}
		}
	}
	return names.Err()
}
