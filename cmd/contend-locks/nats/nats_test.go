package nats

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/cmd/contend-locks/server/servertest"
)

// start is a server that runs until the test ends.
func start(t *testing.T, o server.Options) lockbench.Target {
	t.Helper()
	addr, _ := servertest.Run(t, func(ctx context.Context, m lockbench.Member) error { return run(ctx, m, o, nil) })
	return lockbench.Target{Addrs: []string{addr}, Prefix: "natstest-", TTL: 200 * time.Millisecond}
}

// openSession is a session of the work queue, which ends with the test.
func openSession(t *testing.T, target lockbench.Target) *queue {
	t.Helper()
	q, err := openQueue(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	return q
}

// await is the next message that the queue's consumer sends.
func await(t *testing.T, c jetstream.Consumer) (jetstream.Msg, *jetstream.MsgMetadata) {
	t.Helper()
	for {
		m, err := next(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if m == nil {
			time.Sleep(time.Millisecond)
			continue
		}
		meta, err := m.Metadata()
		if err != nil {
			t.Fatal(err)
		}
		return m, meta
	}
}

// TestLateAck: a message whose time is over is sent to a second client, and the first
// one's acknowledgement is accepted all the same: it deletes what the second is at
// work on. Whoever works on an item has to keep late ones out by the number of times
// that it was sent.
func TestLateAck(t *testing.T) {
	target := start(t, server.Options{})
	q := openSession(t, target)
	if _, err := q.js.Publish(t.Context(), q.subject("x"), nil); err != nil {
		t.Fatal(err)
	}
	c, err := q.consumer(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	first, sent := await(t, c)
	_, again := await(t, c)
	if sent.Sequence.Stream != again.Sequence.Stream || sent.NumDelivered != 1 || again.NumDelivered != 2 {
		t.Fatalf("message %d for the %d. time, then message %d for the %d.", sent.Sequence.Stream, sent.NumDelivered, again.Sequence.Stream, again.NumDelivered)
	}
	if err := first.DoubleAck(t.Context()); err != nil {
		t.Fatalf("the late acknowledgement was refused: %v", err)
	}
	if s, err := q.js.Stream(t.Context(), q.stream); err != nil || s.CachedInfo().State.Msgs != 0 {
		t.Errorf("the message is still there: %v", err)
	}
}

// TestLateRelease: our client does not acknowledge when its time is over.
func TestLateRelease(t *testing.T) {
	target := start(t, server.Options{})
	q := openSession(t, target)
	l, err := q.Acquire(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	left := func() uint64 {
		s, err := q.js.Stream(t.Context(), q.stream)
		if err != nil {
			t.Fatal(err)
		}
		return s.CachedInfo().State.Msgs
	}
	before := left()
	time.Sleep(target.TTL)
	if err := l.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := left(); after != before {
		t.Errorf("%d messages are there, and were %d before", after, before)
	}
}

// TestInFlight: of what waits, so many are sent at most before one is acknowledged.
func TestInFlight(t *testing.T) {
	const waiting, most = 30, 10
	target := start(t, server.Options{})
	q := openSession(t, target)
	for range waiting {
		if _, err := q.js.Publish(t.Context(), q.subject("x"), nil); err != nil {
			t.Fatal(err)
		}
	}
	c, err := q.js.CreateConsumer(t.Context(), q.stream, jetstream.ConsumerConfig{AckPolicy: jetstream.AckExplicitPolicy, AckWait: time.Hour, MaxAckPending: most})
	if err != nil {
		t.Fatal(err)
	}
	var got []jetstream.Msg
	take := func() {
		for {
			m, err := next(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			if m == nil {
				return
			}
			got = append(got, m)
		}
	}
	if take(); len(got) != most {
		t.Errorf("%d of %d messages were sent, where %d may be", len(got), waiting, most)
	}
	if err := got[0].DoubleAck(t.Context()); err != nil {
		t.Fatal(err)
	}
	if take(); len(got) != most+1 {
		t.Errorf("after one acknowledgement %d were sent, not %d", len(got), most+1)
	}
}

// tooLarge is the server's code for a message that a stream does not take.
const tooLarge = 10054

// TestBacklog: a queue with a bound refuses who comes when it is full, and goes on when the worker
// does; one without takes all that comes. What was taken is carried out, in turn.
func TestBacklog(t *testing.T) {
	const many = 200
	for _, limit := range []limits{bounds, unlimited} {
		w := &worker{limits: limit, queues: map[string]bool{}}
		addr, _ := servertest.Run(t, func(ctx context.Context, m lockbench.Member) error {
			w.addr = m.Addr
			return run(ctx, m, server.Options{}, w.start)
		})
		r, err := openBacklog(lockbench.Target{Addrs: []string{addr}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = r.Close() })
		if n, _, err := r.Change(t.Context(), "x"); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		for waiting(t, r) > 0 { // the server takes a moment to remove what is done
			time.Sleep(time.Millisecond)
		}
		w.mu.Lock() // the worker stands still
		taken := 0
		for ; taken < many; taken++ {
			_, err := r.js.Publish(t.Context(), "x", nil)
			var refused *jetstream.APIError
			if errors.As(err, &refused) && refused.ErrorCode == queueFull {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		want := many
		if limit.requests > 0 {
			want = int(limit.requests)
			if _, _, err := r.Change(t.Context(), "x"); !errors.Is(err, lockbench.ErrBusy) {
				t.Errorf("a request for which there is no room: %v", err)
			}
		}
		w.mu.Unlock()
		if taken != want {
			t.Errorf("%+v: took %d of %d requests while the worker stood still, want %d", limit, taken, many, want)
		}
		var number int64
		for err = lockbench.ErrBusy; errors.Is(err, lockbench.ErrBusy); { // until there is room
			number, _, err = r.Change(t.Context(), "x")
		}
		if err != nil || number != int64(taken+2) {
			t.Errorf("%+v: behind %d requests and one before them, a change is number %d: %v", limit, taken, number, err)
		}
		var answer *jetstream.APIError
		_, err = r.request(t.Context(), "x", make([]byte, bounds.bytes+1))
		if refused := errors.As(err, &answer) && answer.ErrorCode == tooLarge; refused != (limit.bytes > 0) {
			t.Errorf("%+v: a request of more than %d bytes: %v", limit, bounds.bytes, err)
		}
	}
}

// waiting is how many requests the queue has.
func waiting(t *testing.T, r *requester) uint64 {
	t.Helper()
	s, err := r.js.Stream(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().State.Msgs
}

// TestRemove: streams under the prefix are deleted, and no others.
func TestRemove(t *testing.T) {
	target := start(t, server.Options{})
	q := openSession(t, target)
	l := &logger{conn: q.conn, js: q.js, streams: map[string]bool{}}
	for _, name := range []string{target.Prefix + "log", "other"} {
		if n, _, err := l.Change(t.Context(), name); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	if err := removeStreams(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	var left []string
	for name := range q.js.StreamNames(t.Context()).Name() {
		left = append(left, name)
	}
	if strings.Join(left, " ") != "other" {
		t.Errorf("left: %q", left)
	}
}
