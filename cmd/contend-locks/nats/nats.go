// Package nats is what NATS JetStream offers in the place of a lock service: a lock
// in a key-value bucket, where Create succeeds for one, the key has a time to live,
// and its revision is the token; and a log, which takes changes without a lock.
package nats

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/lockbench/history"
)

// Service is one server, which syncs every write.
func Service() lockbench.Service {
	return lockbench.Service{
		Name: "natskv", About: "a key in NATS JetStream that can be created once, every write synced; waiters poll", Members: 1,
		Promises: lockbench.Promises{
			Excludes: []string{lockbench.NoFault, "kill-holder", "kill-server", "restart-server", "partition", "slow-network"},
			Token:    history.Ordered, Expiry: lockbench.ByLease, LeastTTL: time.Second,
		},
		Serve: serve, Connect: connect, Remove: remove, Endpoint: endpoint,
	}
}

const (
	bucket    = "locks"
	longStart = time.Minute
)

func serve(ctx context.Context, m lockbench.Member) error {
	return run(ctx, m, server.Options{SyncAlways: true}, create)
}

// run is a server with what else the options say. It is ready when prepare has
// ended, which is nil where there is nothing to prepare.
func run(ctx context.Context, m lockbench.Member, o server.Options, prepare func(ctx context.Context, js jetstream.JetStream) error) error {
	host, port, err := net.SplitHostPort(m.Addr)
	if err != nil {
		return err
	}
	o.Host, o.JetStream, o.StoreDir, o.NoSigs, o.NoLog = host, true, filepath.Join(m.Dir, "jetstream"), true, true
	if o.Port, err = strconv.Atoi(port); err != nil {
		return err
	}
	s, err := server.NewServer(&o)
	if err != nil {
		return err
	}
	s.Start()
	defer s.WaitForShutdown()
	defer s.Shutdown()
	if !s.ReadyForConnections(longStart) {
		return fmt.Errorf("no connections at %s in %v: is the port in use?", m.Addr, longStart)
	}
	if prepare != nil {
		c, js, err := dial(m.Addr)
		if err != nil {
			return err
		}
		err = prepare(ctx, js)
		c.Close()
		if err != nil {
			return err
		}
	}
	m.Ready()
	<-ctx.Done()
	return nil
}

// create makes the bucket, or finds that it is there.
func create(ctx context.Context, js jetstream.JetStream) error {
	_, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: bucket, LimitMarkerTTL: time.Second})
	return err
}

// endpoint is where dial dials.
func endpoint(addr string) (network, address string, err error) {
	return lockbench.Endpoint("nats://"+addr, strconv.Itoa(nats.DefaultPort))
}

// dial is a connection that ends with the server's end.
func dial(addr string) (*nats.Conn, jetstream.JetStream, error) {
	c, err := nats.Connect("nats://"+addr, nats.NoReconnect())
	if err != nil {
		return nil, nil, err
	}
	js, err := jetstream.New(c)
	if err != nil {
		c.Close()
	}
	return c, js, err
}

type session struct {
	conn *nats.Conn
	kv   jetstream.KeyValue
	name string
	ttl  time.Duration
}

func connect(ctx context.Context, t lockbench.Target) (lockbench.Session, error) {
	return try(ctx, t, func() (lockbench.Session, error) { return open(ctx, t) })
}

// try opens a session until it can be, or ctx ends.
func try(ctx context.Context, t lockbench.Target, open func() (lockbench.Session, error)) (lockbench.Session, error) {
	if len(t.Addrs) != 1 {
		return nil, fmt.Errorf("one server's address, not %d", len(t.Addrs))
	}
	for {
		s, err := open()
		if err == nil {
			return s, nil
		}
		if lockbench.Pause(ctx) != nil {
			return nil, err
		}
	}
}

func open(ctx context.Context, t lockbench.Target) (*session, error) {
	c, js, err := dial(t.Addrs[0])
	if err != nil {
		return nil, err
	}
	kv, err := js.KeyValue(ctx, bucket)
	if err != nil {
		c.Close()
		return nil, err
	}
	return &session{c, kv, t.Client, t.TTL}, nil
}

// remove purges the keys, and the markers of those that were deleted.
func remove(ctx context.Context, t lockbench.Target) error {
	s, err := open(ctx, t)
	if err != nil {
		return err
	}
	defer s.Close()
	keys, err := s.kv.ListKeys(ctx)
	if err != nil {
		return err
	}
	for k := range keys.Keys() {
		if strings.HasPrefix(k, t.Prefix) {
			if err := s.kv.Purge(ctx, k); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *session) Close() error {
	s.conn.Close()
	return nil
}

func (s *session) Acquire(ctx context.Context, name string) (lockbench.Lease, error) {
	return lockbench.Poll(ctx, func() (*lockbench.Timed, error) {
		until := time.Now().Add(s.ttl)
		revision, err := s.kv.Create(ctx, name, []byte(s.name), jetstream.KeyTTL(s.ttl))
		if errors.Is(err, jetstream.ErrKeyExists) {
			return nil, nil
		}
		return &lockbench.Timed{Fence: history.Token{Kind: history.Ordered, Value: revision}, Until: until, LetGo: func(ctx context.Context) error {
			return s.release(ctx, name, revision)
		}}, err
	})
}

// wrongSequence is the server's code for a delete whose revision is not the last.
const wrongSequence = 10071

// release deletes the key if its revision is still the holder's.
func (s *session) release(ctx context.Context, name string, revision uint64) error {
	err := s.kv.Delete(ctx, name, jetstream.LastRevision(revision))
	var answer *jetstream.APIError
	if errors.As(err, &answer) && answer.ErrorCode == wrongSequence {
		return nil // it was over before
	}
	return err
}
