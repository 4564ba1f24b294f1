// Package redis locks in Redis as its documentation shows it: SET with NX and PX,
// a counter for the fencing token in the same script, and a script that deletes
// only what is its own. The server is Redis, or miniredis, which speaks the protocol
// and keeps all in memory: it stands in for Redis, and says nothing of its speed or of
// its disk.
package redis

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	wire "github.com/alicebob/miniredis/v2/server"
	"github.com/redis/go-redis/v9"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/lockbench/history"
	"github.com/contend-go/contend/cmd/contend-locks/server"
)

// Mini is the embedded server.
func Mini() lockbench.Service {
	s := service("miniredis", "SET NX PX and a counter, in a script; waiters poll")
	s.Promises.StandsIn, s.Promises.Lacking = "Redis", "no disk"
	s.Serve = serveMini
	return s
}

var program = server.Program{Name: "redis-server", Package: "redis-server"}

// Service is the real server, without persistence, as caches are run.
func Service() lockbench.Service {
	s := service("redis", "Redis: SET NX PX and a counter, in a script; nothing is stored; waiters poll")
	s.Missing, s.Needs, s.Serve = program.Missing, server.Needs(&program), serve
	return s
}

func service(name, about string) lockbench.Service {
	return lockbench.Service{
		Name: name, About: about, Members: 1,
		Promises: lockbench.Promises{
			Excludes: []string{lockbench.NoFault, "kill-holder", "partition", "slow-network"},
			Token:    history.Ordered, Expiry: lockbench.ByLease,
		},
		Connect: connect, Remove: remove,
	}
}

func serve(ctx context.Context, m lockbench.Member) error {
	host, port, err := net.SplitHostPort(m.Addr)
	if err != nil {
		return err
	}
	return program.Serve(ctx, m, "--bind", host, "--port", port, "--dir", m.Dir, "--save", "", "--appendonly", "no", "--daemonize", "no", "--loglevel", "warning")
}

// tick is how often time passes in miniredis, where it otherwise stands still.
const tick = time.Millisecond

// clock lets time pass in miniredis.
type clock struct {
	server *miniredis.Miniredis
	mu     sync.Mutex
	last   time.Time // up to which it has passed; guarded by mu
}

func (c *clock) catchUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.server.FastForward(now.Sub(c.last))
	c.last = now
}

// before lets the time before a script pass before it, for what is set there would age by
// it. Scripts are all that sets keys here; what they call must not wait for the server.
func (c *clock) before(_ *wire.Peer, command string, _ ...string) bool {
	if strings.HasPrefix(strings.ToUpper(command), "EVAL") {
		c.catchUp()
	}
	return false
}

func serveMini(ctx context.Context, m lockbench.Member) error {
	s := miniredis.NewMiniRedis()
	if err := s.StartAddr(m.Addr); err != nil {
		return err
	}
	defer s.Close()
	c := &clock{server: s, last: time.Now()}
	s.Server().SetPreHook(c.before)
	m.Ready()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			c.catchUp()
		}
	}
}

// acquire sets the key if it is not there, and returns a new token; 0 if it is.
// The counter never expires.
var acquire = redis.NewScript(`
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
	return redis.call('INCR', KEYS[2])
end
return 0`)

// release deletes the key if it is still the holder's.
var release = redis.NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then
	return redis.call('DEL', KEYS[1])
end
return 0`)

// remove deletes locks and counters.
func remove(ctx context.Context, t lockbench.Target) error {
	c := redis.NewClient(&redis.Options{Addr: t.Addrs[0]})
	defer c.Close()
	keys := c.Scan(ctx, 0, t.Prefix+"*", 1000).Iterator()
	for keys.Next(ctx) {
		if err := c.Del(ctx, keys.Val()).Err(); err != nil {
			return err
		}
	}
	return keys.Err()
}

type session struct {
	client *redis.Client
	name   string
	ttl    time.Duration
	n      int // acquires so far: each has a value of its own
}

// newClient is one connection, whose calls the context bounds.
func newClient(addr string) *redis.Client {
	return redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1, PoolSize: 1, ContextTimeoutEnabled: true, ReadTimeout: -1, WriteTimeout: -1})
}

func connect(ctx context.Context, t lockbench.Target) (lockbench.Session, error) {
	if len(t.Addrs) != 1 {
		return nil, fmt.Errorf("one server's address, not %d", len(t.Addrs))
	}
	c := newClient(t.Addrs[0])
	for {
		err := c.Ping(ctx).Err()
		if err == nil {
			name := t.Client + "-" + strconv.FormatUint(rand.Uint64(), 36)
			return &session{client: c, name: name, ttl: t.TTL}, nil
		}
		if lockbench.Pause(ctx) != nil {
			_ = c.Close()
			return nil, err
		}
	}
}

func (s *session) Close() error { return s.client.Close() }

func (s *session) Acquire(ctx context.Context, name string) (lockbench.Lease, error) {
	s.n++
	value := s.name + "-" + strconv.Itoa(s.n)
	return lockbench.Poll(ctx, func() (*lockbench.Timed, error) {
		until := time.Now().Add(s.ttl)
		token, err := acquire.Run(ctx, s.client, []string{name, name + ":token"}, value, s.ttl.Milliseconds()).Uint64()
		if err != nil || token == 0 {
			return nil, err
		}
		return &lockbench.Timed{Fence: history.Token{Kind: history.Ordered, Value: token}, Until: until, LetGo: func(ctx context.Context) error {
			return release.Run(ctx, s.client, []string{name}, value).Err()
		}}, nil
	})
}
