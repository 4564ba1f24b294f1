package nats

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/lockbench/history"
)

// Queue is a work queue: a message that one client was sent is sent to no other, until
// it is acknowledged, which deletes it, or its time is over.
func Queue() lockbench.Service {
	return lockbench.Service{
		Name: "nats-queue", About: "no lock: messages of a NATS JetStream work queue, each sent to one client until it is acknowledged or its time is over", Members: 1,
		Promises: lockbench.Promises{
			Excludes: []string{lockbench.NoFault, "kill-holder", "partition", "slow-network"},
			Token:    history.Ordered, Expiry: lockbench.ByLease, Queue: true,
		},
		Serve: func(ctx context.Context, m lockbench.Member) error {
			return run(ctx, m, server.Options{SyncAlways: true}, nil)
		},
		Connect: func(ctx context.Context, t lockbench.Target) (lockbench.Session, error) {
			return try(ctx, t, func() (lockbench.Session, error) { return openQueue(ctx, t) })
		},
		Remove: removeStreams, Endpoint: endpoint,
	}
}

// queue is a session that reserves messages. All queues of a run are in one stream,
// whose numbers are those of the items.
type queue struct {
	conn      *nats.Conn
	js        jetstream.JetStream
	stream    string
	ttl       time.Duration
	consumers map[string]jetstream.Consumer // by the queue's name
}

func openQueue(ctx context.Context, t lockbench.Target) (*queue, error) {
	c, js, err := dial(t.Addrs[0])
	if err != nil {
		return nil, err
	}
	stream := t.Prefix + "items"
	_, err = js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: stream, Subjects: []string{stream + ".>"}, Retention: jetstream.WorkQueuePolicy, Storage: jetstream.FileStorage,
	})
	if err != nil {
		c.Close()
		return nil, err
	}
	return &queue{conn: c, js: js, stream: stream, ttl: t.TTL, consumers: map[string]jetstream.Consumer{}}, nil
}

func (q *queue) Close() error {
	q.conn.Close()
	return nil
}

func (q *queue) subject(name string) string { return q.stream + "." + name }

// consumer is what all clients of one queue share.
func (q *queue) consumer(ctx context.Context, name string) (jetstream.Consumer, error) {
	if c := q.consumers[name]; c != nil {
		return c, nil
	}
	c, err := q.js.CreateOrUpdateConsumer(ctx, q.stream, jetstream.ConsumerConfig{
		Durable: name, FilterSubject: q.subject(name), AckPolicy: jetstream.AckExplicitPolicy, AckWait: q.ttl, MaxAckPending: -1,
	})
	if err == nil {
		q.consumers[name] = c
	}
	return c, err
}

// batch is how many items a client that finds none puts into the queue: there is
// nobody else who does.
const batch = 64

func (q *queue) Acquire(ctx context.Context, name string) (lockbench.Lease, error) {
	c, err := q.consumer(ctx, name)
	if err != nil {
		return nil, err
	}
	for {
		until := time.Now().Add(q.ttl)
		m, err := next(ctx, c)
		if err != nil {
			return nil, err
		}
		if m != nil {
			return reservation(m, until)
		}
		for range batch {
			if _, err := q.js.Publish(ctx, q.subject(name), nil); err != nil {
				return nil, err
			}
		}
	}
}

// next is the first message that nobody has; nil if there is none.
func next(ctx context.Context, c jetstream.Consumer) (jetstream.Msg, error) {
	b, err := c.FetchNoWait(1)
	if err != nil {
		return nil, err
	}
	select {
	case m, ok := <-b.Messages():
		if !ok {
			return nil, b.Error()
		}
		return m, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// reservation is the lease of a message. How often it was sent is the token.
func reservation(m jetstream.Msg, until time.Time) (lockbench.Lease, error) {
	meta, err := m.Metadata()
	if err != nil {
		return nil, err
	}
	return &lockbench.Timed{
		Fence: history.Token{Kind: history.Ordered, Value: meta.NumDelivered}, Until: until, Which: int(meta.Sequence.Stream - 1),
		LetGo: func(ctx context.Context) error {
			// The server takes it from anybody whom it was ever sent to, and deletes the message that
			// another may be at work on.
			if !time.Now().Before(until) {
				return nil
			}
			if err := m.DoubleAck(ctx); err != nil {
				return fmt.Errorf("acknowledge: %w", err)
			}
			return nil
		},
	}, nil
}
