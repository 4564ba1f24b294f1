package reports

import (
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/cmd/contend-locks/etcd"
	"github.com/contend-go/contend/cmd/contend-locks/server/servertest"
)

// serve runs a service of one member until the test ends.
func serve(t *testing.T, s lockbench.Service) (addr string) {
	t.Helper()
	if s.Missing != nil && s.Missing() != "" {
		t.Skip(s.Missing())
	}
	addr, _ = servertest.Run(t, s.Serve)
	return addr
}

func etcdClient(t *testing.T) *clientv3.Client {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{serve(t, etcd.One())}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func etcdSession(t *testing.T, c *clientv3.Client) *concurrency.Session {
	t.Helper()
	s, err := concurrency.NewSession(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestStaleUnlock (etcd-io/etcd#22082): an Unlock that is sent again, because its answer
// was lost, deletes the lock that the same session took since: the key is named after
// the session, and Unlock does not compare its revision.
func TestStaleUnlock(t *testing.T) {
	c := etcdClient(t)
	mine, others := etcdSession(t, c), etcdSession(t, c)
	m := concurrency.NewMutex(mine, "/lock/")
	if err := m.Lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := *m // what a client that retries the Unlock remembers
	if err := m.Unlock(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := m.Lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	other := concurrency.NewMutex(others, "/lock/")
	if err := other.TryLock(t.Context()); err != concurrency.ErrLocked {
		t.Fatalf("while it is held: %v", err)
	}
	if err := again.Unlock(t.Context()); err != nil {
		t.Fatalf("the second Unlock: %v", err)
	}
	if err := other.TryLock(t.Context()); err != nil {
		t.Errorf("does not occur any more: %v", err)
	}
}

// TestDeadWaiter (etcd-io/etcd#19597): a waiter whose session ends is not told: its Lock
// returns when the holder leaves, and not before.
func TestDeadWaiter(t *testing.T) {
	c := etcdClient(t)
	holder, waiter := concurrency.NewMutex(etcdSession(t, c), "/lock/"), etcdSession(t, c)
	if err := holder.Lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	waits := concurrency.NewMutex(waiter, "/lock/")
	returned := make(chan error, 1)
	go func() { returned <- waits.Lock(t.Context()) }()
	keys := func() int64 {
		r, err := c.Get(t.Context(), "/lock/", clientv3.WithPrefix(), clientv3.WithCountOnly())
		if err != nil {
			t.Fatal(err)
		}
		return r.Count
	}
	for keys() < 2 {
		time.Sleep(time.Millisecond)
	}
	if _, err := c.Revoke(t.Context(), waiter.Lease()); err != nil {
		t.Fatal(err)
	}
	<-waiter.Done()
	if n := keys(); n != 1 {
		t.Fatalf("%d keys after the session's end", n)
	}
	select {
	case err := <-returned:
		t.Fatalf("does not occur any more: told %v while the lock is held", err)
	case <-time.After(300 * time.Millisecond): // time enough for a client that listens; more tells no more
	}
	if err := holder.Unlock(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-returned; err != concurrency.ErrSessionExpired {
		t.Errorf("after the holder has left: %v", err)
	}
}
