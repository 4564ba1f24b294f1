// Package servertest runs a member of a lock service in a test.
package servertest

import (
	"context"
	"sync"
	"testing"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/port"
)

// Run runs one member alone, in a folder of the test's, until the test ends or stop is called; it
// has failed the test if it did not start, or does not end well.
func Run(t *testing.T, serve func(context.Context, lockbench.Member) error) (addr string, stop func()) {
	t.Helper()
	free := Addresses(t, 2)
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	m := lockbench.Member{Dir: t.TempDir(), Addr: free[0], Peers: free[1:], Dial: free[1:], Fresh: true, Ready: func() { close(ready) }}
	go func() { ended <- serve(ctx, m) }()
	select {
	case <-ready:
	case err := <-ended:
		cancel()
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return free[0], stop
}

// Addresses are of loopback, where nobody listens, until the test ends.
func Addresses(t *testing.T, n int) []string {
	t.Helper()
	addrs, release, err := port.Reserve(n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return addrs
}
