// Package etcd locks with etcd's own concurrency.Mutex: the key with the lowest
// revision under a prefix holds, and a session's lease keeps it alive. The token
// is the revision at which the lock was taken.
package etcd

import (
	"context"
	"fmt"
	"math"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/lockbench/history"
)

// One and Three are etcd with as many members.
func One() lockbench.Service   { return service("etcd", 1) }
func Three() lockbench.Service { return service("etcd-3", 3) }

// leastTTL is what etcd makes of a shorter lease: one and a half election
// time-outs, in whole seconds.
const leastTTL = 2 * time.Second

func service(name string, members int) lockbench.Service {
	return lockbench.Service{
		Name: name, About: fmt.Sprintf("etcd's concurrency.Mutex, members: %d", members), Members: members,
		Promises: lockbench.Promises{
			Excludes: []string{lockbench.NoFault, "kill-holder", "kill-server", "restart-server", "slow-network"},
			Token:    history.Ordered, FIFO: true, Reentrant: true, Expiry: lockbench.BySession, LeastTTL: leastTTL,
		},
		Serve: serve, Connect: connect, Remove: remove,
	}
}

func memberName(i int) string { return "m" + strconv.Itoa(i) }

func serve(ctx context.Context, m lockbench.Member) error {
	at := func(addr string) url.URL { return url.URL{Scheme: "http", Host: addr} }
	cfg := embed.NewConfig()
	cfg.Name, cfg.Dir = memberName(m.Index), filepath.Join(m.Dir, "etcd")
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{at(m.Addr)}, []url.URL{at(m.Addr)}
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = []url.URL{at(m.Peers[m.Index])}, []url.URL{at(m.Peers[m.Index])}
	var all []string
	for i, p := range m.Peers {
		all = append(all, memberName(i)+"=http://"+p)
	}
	cfg.InitialCluster, cfg.ClusterState = strings.Join(all, ","), embed.ClusterStateFlagNew
	cfg.InitialClusterToken = strings.Join(m.Peers, "+")
	cfg.StrictReconfigCheck = false
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(logger())
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		return err
	}
	defer e.Close()
	select {
	case <-e.Server.ReadyNotify():
	case err := <-e.Err():
		return err
	case <-ctx.Done():
		return nil
	}
	m.Ready()
	select {
	case err := <-e.Err():
		return err
	case <-ctx.Done():
		return nil
	}
}

// logger prints what is an error to standard error.
func logger() *zap.Logger {
	c := zap.NewProductionConfig()
	c.Level = zap.NewAtomicLevelAt(zap.ErrorLevel)
	l, err := c.Build()
	if err != nil {
		return zap.NewNop()
	}
	return l
}

type session struct {
	client  *clientv3.Client
	session *concurrency.Session
}

// keepAlive is when a connection that carries nothing counts as broken: less than
// the shortest lease.
const keepAlive = time.Second

func connect(ctx context.Context, t lockbench.Target) (lockbench.Session, error) {
	c, err := clientv3.New(clientv3.Config{
		Endpoints: t.Addrs, DialKeepAliveTime: keepAlive, DialKeepAliveTimeout: keepAlive, Logger: zap.NewNop(),
	})
	if err != nil {
		return nil, err
	}
	s, err := concurrency.NewSession(c, concurrency.WithTTL(int(math.Ceil(t.TTL.Seconds()))), concurrency.WithContext(ctx))
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return &session{c, s}, nil
}

// remove deletes the keys of waiters that were given up; those of holders ended
// with their sessions.
func remove(ctx context.Context, t lockbench.Target) error {
	c, err := clientv3.New(clientv3.Config{Endpoints: t.Addrs, Logger: zap.NewNop()})
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Delete(ctx, t.Prefix, clientv3.WithPrefix())
	return err
}

// longClose is how long the revocation of a session's lease may take: without it,
// the lease expires.
const longClose = time.Second

func (s *session) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), longClose)
	defer cancel()
	s.session.Orphan()
	_, err := s.client.Revoke(ctx, s.session.Lease())
	_ = s.client.Close()
	return err
}

// Acquire waits for the mutex, or for the end of the session: without that, a
// waiter whose session is over waits until the holder leaves.
func (s *session) Acquire(ctx context.Context, name string) (lockbench.Lease, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	over := s.session.Done()
	go func() {
		select {
		case <-over:
			cancel()
		case <-ctx.Done():
		}
	}()
	m := concurrency.NewMutex(s.session, name)
	if err := m.Lock(ctx); err != nil {
		return nil, err
	}
	return &lease{s, m}, nil
}

type lease struct {
	session *session
	mutex   *concurrency.Mutex
}

func (l *lease) Token() history.Token {
	return history.Token{Kind: history.Ordered, Value: uint64(l.mutex.Header().GetRevision())}
}
func (l *lease) Deadline() (t time.Time, ok bool) { return t, false }
func (l *lease) Lost() <-chan struct{}            { return l.session.session.Done() }

func (l *lease) Release(ctx context.Context) error { return l.mutex.Unlock(ctx) }
