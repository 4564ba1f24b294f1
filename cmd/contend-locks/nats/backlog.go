package nats

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/lockbench/history"
)

// Unbounded is a queue of requests before one worker, as long as it may become.
func Unbounded() lockbench.Service {
	return backlog("nats-unbounded", "no lock: requests wait in a NATS JetStream queue of any length for one worker, which takes 2 ms for each", unlimited)
}

// Bounded is the same queue with room for a few small requests: more are refused.
func Bounded() lockbench.Service {
	return backlog("nats-bounded", fmt.Sprintf("no lock: the queue of nats-unbounded with room for %d requests; who comes when it is full is refused", bounds.requests), bounds)
}

// limits are those of a queue; -1 is none.
type limits struct {
	requests int64
	bytes    int32 // of one request
}

var (
	unlimited = limits{-1, -1}
	bounds    = limits{3, 1024} // one at work, and two that wait
)

// work is how long the worker takes for a request. It sleeps, so that its speed is the
// same on any host.
const work = 2 * time.Millisecond

func backlog(name, about string, l limits) lockbench.Service {
	return lockbench.Service{
		Name: name, About: about, Members: 1,
		Promises: lockbench.Promises{
			Excludes: []string{lockbench.NoFault, "kill-holder", "pause-holder", "kill-server", "restart-server", "partition", "slow-network"},
			Token:    history.Ordered, Expiry: lockbench.Never, Changes: true,
		},
		Serve: func(ctx context.Context, m lockbench.Member) error {
			return run(ctx, m, server.Options{SyncInterval: math.MaxInt64}, (&worker{addr: m.Addr, limits: l, queues: map[string]bool{}}).start)
		},
		Connect: func(ctx context.Context, t lockbench.Target) (lockbench.Session, error) {
			return try(ctx, t, func() (lockbench.Session, error) { return openBacklog(t) })
		},
		Remove: removeStreams, Endpoint: endpoint,
	}
}

// worker carries out the requests of all queues, one after the other.
type worker struct {
	addr   string
	limits limits

	mu     sync.Mutex // held while it works, and while it opens a queue
	queues map[string]bool
	js     jetstream.JetStream
}

// openSubject is where clients ask for a queue, whose limits are the worker's affair.
const openSubject = "backlog.open"

// start opens the queues that an earlier process left, and answers clients until ctx ends.
// Its connection is one of its own: that of the caller ends when it returns.
func (w *worker) start(ctx context.Context, js jetstream.JetStream) error {
	c, js, err := dial(w.addr)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, c.Close)
	w.js = js
	names := js.StreamNames(ctx)
	for name := range names.Name() {
		if err := w.open(ctx, name); err != nil {
			return err
		}
	}
	if err := names.Err(); err != nil && !errors.Is(err, jetstream.ErrEndOfData) {
		return err
	}
	_, err = c.Subscribe(openSubject, func(m *nats.Msg) {
		answer := "opened"
		if err := w.open(ctx, string(m.Data)); err != nil {
			answer = err.Error()
		}
		_ = m.Respond([]byte(answer)) // who asked, asks again if this does not come
	})
	return errors.Join(err, c.Flush()) // before a client asks
}

// open makes a queue, unless it is there, and takes requests from it.
func (w *worker) open(ctx context.Context, name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.queues[name] {
		return nil
	}
	s, err := w.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: name, Subjects: []string{name}, Retention: jetstream.WorkQueuePolicy, Storage: jetstream.FileStorage,
		Discard: jetstream.DiscardNew, MaxMsgs: w.limits.requests, MaxMsgSize: w.limits.bytes,
	})
	if err != nil {
		return err
	}
	c, err := s.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{Durable: "worker", AckPolicy: jetstream.AckExplicitPolicy})
	if err != nil {
		return err
	}
	w.queues[name] = true
	_, err = c.Consume(w.do)
	return err
}

// do carries a request out: its number in the queue is what it leads to. An answer goes to
// whom the request names.
func (w *worker) do(m jetstream.Msg) {
	w.mu.Lock()
	defer w.mu.Unlock()
	meta, err := m.Metadata()
	if err != nil {
		return // it is sent again
	}
	time.Sleep(work)
	if m.Ack() == nil {
		_ = w.js.Conn().Publish(m.Headers().Get(answerTo), []byte(strconv.FormatUint(meta.Sequence.Stream, 10)))
	}
}

// answerTo is the header of a request with the subject of its answer.
const answerTo = "Answer-To"

// requester is a session that puts requests into queues, and waits for their answers.
type requester struct {
	conn    *nats.Conn
	js      jetstream.JetStream
	answers *nats.Subscription
	open    map[string]bool // queues that are there
}

func openBacklog(t lockbench.Target) (*requester, error) {
	c, js, err := dial(t.Addrs[0])
	if err != nil {
		return nil, err
	}
	answers, err := c.SubscribeSync(nats.NewInbox())
	if err != nil {
		c.Close()
		return nil, err
	}
	return &requester{c, js, answers, map[string]bool{}}, nil
}

func (r *requester) Close() error {
	r.conn.Close()
	return nil
}

// Acquire is never called: there is no lock.
func (r *requester) Acquire(context.Context, string) (lockbench.Lease, error) {
	return nil, errors.ErrUnsupported
}

func (r *requester) Change(ctx context.Context, name string) (int64, history.Token, error) {
	if !r.open[name] {
		m, err := r.conn.RequestWithContext(ctx, openSubject, []byte(name))
		if err == nil && string(m.Data) != "opened" {
			err = fmt.Errorf("the worker does not open a queue: %s", m.Data)
		}
		if err != nil {
			return 0, history.Token{}, err
		}
		r.open[name] = true
	}
	number, err := r.request(ctx, name, []byte("+1"))
	if err != nil {
		return 0, history.Token{}, err
	}
	return int64(number), history.Token{Kind: history.Ordered, Value: number}, nil
}

// queueFull is the server's code for a message for which a stream has no room.
const queueFull = 10077

// request puts a request into a queue, and waits until it is carried out.
func (r *requester) request(ctx context.Context, name string, data []byte) (uint64, error) {
	m := nats.NewMsg(name)
	m.Data = data
	m.Header.Set(answerTo, r.answers.Subject)
	ack, err := r.js.PublishMsg(ctx, m)
	var refused *jetstream.APIError
	if errors.As(err, &refused) && refused.ErrorCode == queueFull {
		return 0, lockbench.ErrBusy
	}
	if err != nil {
		return 0, err
	}
	number := strconv.FormatUint(ack.Sequence, 10)
	for {
		answer, err := r.answers.NextMsgWithContext(ctx)
		if err != nil {
			return 0, err
		}
		if string(answer.Data) == number {
			return ack.Sequence, nil
		}
	}
}
