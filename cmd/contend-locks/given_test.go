package main

import (
	"context"
	"net"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/contend-go/contend/bench/lockbench"
)

// serve makes ready the one server of a service, as somebody might have started who
// wants it measured.
func serve(t *testing.T, name string) (addr string, start func()) {
	t.Helper()
	var free [2]string
	for i := range free {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		free[i] = l.Addr().String()
		defer l.Close()
	}
	i := slices.IndexFunc(services(), func(s lockbench.Service) bool { return s.Name == name })
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan bool), make(chan error, 1)
	m := lockbench.Member{Dir: t.TempDir(), Addr: free[0], Peers: free[1:], Dial: free[1:], Fresh: true, Ready: func() { close(ready) }}
	t.Cleanup(func() {
		stop()
		<-ended
	})
	return free[0], func() {
		go func() { ended <- services()[i].Serve(ctx, m) }()
		<-ready
	}
}

// TestGivenServers: servers that run already are measured where they are, and no
// key of the run is left in them.
func TestGivenServers(t *testing.T) {
	ctx := context.Background()
	r, start := serve(t, "miniredis")
	start()
	e, start := serve(t, "etcd")
	start()
	_, set := sweep(t, "--service miniredis,etcd --address miniredis="+r+",etcd="+e+" --clients 2 --count 1")
	if len(set.Samples) != 2 {
		t.Errorf("%d samples", len(set.Samples))
	}
	for _, s := range set.Samples {
		if at, _ := s.Name.Get("at"); at != "given" {
			t.Errorf("%s does not say that its server was given", s.Name)
		}
	}
	c := redis.NewClient(&redis.Options{Addr: r})
	defer c.Close()
	if keys, err := c.Keys(ctx, "*").Result(); err != nil || len(keys) > 0 {
		t.Errorf("left in Redis: %q, %v", keys, err)
	}
	k, err := clientv3.New(clientv3.Config{Endpoints: []string{e}})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	if all, err := k.Get(ctx, "", clientv3.WithPrefix(), clientv3.WithCountOnly()); err != nil || all.Count > 0 {
		t.Errorf("left in etcd: %v, %v", all, err)
	}
}
