// Package servertest runs a member of a lock service in a test.
package servertest

import (
	"context"
	"net"
	"sync"
	"testing"

	"github.com/contend-go/contend/bench/lockbench"
)

// Run runs one member alone, in a folder of the test's, until the test ends or stop is called; it
// has failed the test if it did not start, or does not end well.
func Run(t *testing.T, serve func(context.Context, lockbench.Member) error) (addr string, stop func()) {
	t.Helper()
	addr, peer := address(t), address(t)
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	m := lockbench.Member{Dir: t.TempDir(), Addr: addr, Peers: []string{peer}, Dial: []string{peer}, Fresh: true, Ready: func() { close(ready) }}
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
	return addr, stop
}

// address is one on loopback where nobody is.
func address(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
