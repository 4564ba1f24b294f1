package redis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-redsync/redsync/v4"
	pool "github.com/go-redsync/redsync/v4/redis"
	"github.com/go-redsync/redsync/v4/redis/goredis/v9"
	"github.com/redis/go-redis/v9"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/lockbench/history"
	"github.com/contend-go/contend/cmd/contend-locks/server"
)

// Redsync is the library of that name: a lock is held that a majority of servers,
// which know nothing of each other, granted in time.
func Redsync(servers int) lockbench.Service {
	s := service(fmt.Sprintf("redsync-%d", servers), fmt.Sprintf("redsync: a majority of independent Redis servers, of %d; nothing is stored; waiters poll", servers))
	s.Members, s.Promises.Token = servers, history.NoToken
	s.Missing, s.Needs, s.Serve, s.Connect = program.Missing, server.Needs(&program), serve, connectRedsync
	s.Remove = func(ctx context.Context, t lockbench.Target) error {
		for _, addr := range t.Addrs {
			if err := remove(ctx, lockbench.Target{Addrs: []string{addr}, Prefix: t.Prefix}); err != nil {
				return err
			}
		}
		return nil
	}
	return s
}

// majority is a session with several servers.
type majority struct {
	clients []*redis.Client
	sync    *redsync.Redsync
	ttl     time.Duration
}

func connectRedsync(ctx context.Context, t lockbench.Target) (lockbench.Session, error) {
	s := &majority{ttl: t.TTL}
	var pools []pool.Pool
	for _, addr := range t.Addrs {
		c := newClient(addr)
		s.clients = append(s.clients, c)
		pools = append(pools, goredis.NewPool(c))
	}
	s.sync = redsync.New(pools...)
	for {
		answered := 0
		var err error
		for _, c := range s.clients {
			if failed := c.Ping(ctx).Err(); failed == nil {
				answered++
			} else {
				err = failed
			}
		}
		if answered > len(s.clients)/2 {
			return s, nil
		}
		if lockbench.Pause(ctx) != nil {
			_ = s.Close()
			return nil, err
		}
	}
}

func (s *majority) Close() (err error) {
	for _, c := range s.clients {
		err = errors.Join(err, c.Close())
	}
	return err
}

// answerIn is the part of the lease in which servers must answer. The library's own
// choice, a twentieth, turns a busy host into lost servers.
const answerIn = 0.5

func (s *majority) Acquire(ctx context.Context, name string) (lockbench.Lease, error) {
	return lockbench.Poll(ctx, func() (*lockbench.Timed, error) {
		m := s.sync.NewMutex(name, redsync.WithExpiry(s.ttl), redsync.WithTimeoutFactor(answerIn))
		err := m.TryLockContext(ctx)
		var taken *redsync.ErrTaken
		var one *redsync.ErrNodeTaken
		if ctx.Err() == nil && (errors.As(err, &taken) || errors.As(err, &one) || errors.Is(err, redsync.ErrFailed)) {
			return nil, nil // held by another, or by several in part, none of whom has a majority
		}
		return &lockbench.Timed{Fence: history.Token{Kind: history.NoToken}, Until: m.Until(), LetGo: func(ctx context.Context) error {
			_, err := m.UnlockContext(ctx)
			var other *redsync.ErrTaken
			if errors.Is(err, redsync.ErrLockAlreadyExpired) || errors.As(err, &other) {
				return nil // it was over before
			}
			return err
		}}, err
	})
}
