package reports

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/bsm/redislock"
	"github.com/go-redsync/redsync/v4"
	redsyncredis "github.com/go-redsync/redsync/v4/redis"
	"github.com/go-redsync/redsync/v4/redis/goredis/v9"
	"github.com/redis/go-redis/v9"
)

// What is reported here is of the clients: the embedded server is enough, whose keys do not expire
// by themselves.

func redisClient(t *testing.T, addr string) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1, ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestValidTooLong (go-redsync/redsync#72): Valid asks the servers whether the keys are there, and says
// nothing of the time that was spent on the way; Until is what a holder has to look at.
func TestValidTooLong(t *testing.T) {
	pool := goredis.NewPool(redisClient(t, miniredis.RunT(t).Addr()))
	// Of an hour, all but two seconds are counted as what clocks may differ by.
	m := redsync.New(pool).NewMutex("x", redsync.WithExpiry(time.Hour), redsync.WithDriftFactor(1-2.0/3600))
	if err := m.Lock(); err != nil {
		t.Fatal(err)
	}
	for time.Now().Before(m.Until()) {
		time.Sleep(time.Millisecond)
	}
	//lint:ignore SA1019 it is what was reported
	if valid, err := m.Valid(); err != nil || !valid {
		t.Errorf("does not occur any more: %v, %v", valid, err)
	}
}

// hangs is the address of a server that takes connections and answers nothing, until go on.
func hangs(t *testing.T) (addr string, end func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var open []net.Conn
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
		}
	}()
	end = sync.OnceFunc(func() {
		_ = l.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, c := range open {
			_ = c.Close()
		}
	})
	t.Cleanup(end)
	return l.Addr().String(), end
}

// TestWaitsForAll (go-redsync/redsync#140): four of five servers have granted the lock, and Lock waits for
// the fifth, unless it is told not to.
func TestWaitsForAll(t *testing.T) {
	for _, fast := range []bool{false, true} {
		silent, end := hangs(t)
		var pools []redsyncredis.Pool
		var servers []*miniredis.Miniredis
		for range 4 {
			s := miniredis.RunT(t)
			servers = append(servers, s)
			pools = append(pools, goredis.NewPool(redisClient(t, s.Addr())))
		}
		c := redis.NewClient(&redis.Options{Addr: silent, MaxRetries: -1, ReadTimeout: -1, Protocol: 2, DisableIdentity: true})
		t.Cleanup(func() { _ = c.Close() })
		pools = append(pools, goredis.NewPool(c))
		m := redsync.New(pools...).NewMutex("x", redsync.WithExpiry(time.Hour), redsync.WithTimeoutFactor(.5), redsync.WithFailFast(fast))
		returned := make(chan error, 1)
		go func() { returned <- m.TryLock() }()
		if fast {
			if err := <-returned; err != nil {
				t.Errorf("with four of five servers: %v", err)
			}
			end()
			continue
		}
		for _, s := range servers {
			for !s.Exists("x") {
				time.Sleep(time.Millisecond)
			}
		}
		select {
		case err := <-returned:
			t.Errorf("does not occur any more: %v before the fifth has answered", err)
		case <-time.After(300 * time.Millisecond):
			end()
			if err := <-returned; err != nil {
				t.Errorf("with four of five servers: %v", err)
			}
		}
	}
}

// TestContextError (bsm/redislock#79): who does not get the lock in time is told that a deadline has passed, and cannot
// tell that from a server that does not answer: an outcome that is unknown.
func TestContextError(t *testing.T) {
	client := redislock.New(redisClient(t, miniredis.RunT(t).Addr()))
	if _, err := client.Obtain(t.Context(), "x", time.Hour, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Obtain(t.Context(), "x", time.Hour, nil); !errors.Is(err, redislock.ErrNotObtained) {
		t.Errorf("without retries: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := client.Obtain(ctx, "x", time.Hour, &redislock.Options{RetryStrategy: redislock.LinearBackoff(10 * time.Millisecond)})
	if err == nil || errors.Is(err, redislock.ErrNotObtained) { // a deadline, wherever it was noticed
		t.Errorf("does not occur any more: %v", err)
	}
}

// TestRevived (openbao/openbao#2100): a holder that renews by writing the key, whoever's it is, takes a lock back
// that it has lost, and another's with it. A renewal that compares does not.
func TestRevived(t *testing.T) {
	server := miniredis.RunT(t)
	c := redisClient(t, server.Addr())
	take := func(who string) bool {
		ok, err := c.SetNX(t.Context(), "x", who, time.Minute).Result()
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if !take("a") {
		t.Fatal("not free")
	}
	server.FastForward(time.Hour)
	if !take("b") {
		t.Fatal("not free after its time")
	}
	compare := redis.NewScript(`return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('PEXPIRE', KEYS[1], ARGV[2]) or 0`)
	if renewed, err := compare.Run(t.Context(), c, []string{"x"}, "a", 60_000).Int(); err != nil || renewed != 0 {
		t.Errorf("a renewal that compares: %d, %v", renewed, err)
	}
	if err := c.Set(t.Context(), "x", "a", time.Minute).Err(); err != nil {
		t.Fatal(err)
	}
	if holder := c.Get(t.Context(), "x").Val(); holder != "a" {
		t.Errorf("after an upsert the holder is %s", holder)
	}
}
