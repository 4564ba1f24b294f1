package main

import (
	"context"
	"net"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
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

// TestGivenDatabase: a run in somebody's PostgreSQL works in a schema of its own, and
// as the user that the address says; nothing is left of it, not even what holds a lock.
func TestGivenDatabase(t *testing.T) {
	lacks(t, "pg-row")
	addr, start := serve(t, "pg-row")
	start()
	ctx := context.Background()
	c, err := pgx.Connect(ctx, "postgres://postgres@"+addr+"/postgres?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	for _, statement := range []string{"CREATE USER somebody", "CREATE DATABASE theirs OWNER somebody"} {
		if _, err := c.Exec(ctx, statement); err != nil {
			t.Fatal(err)
		}
	}
	url := "postgres://somebody@" + addr + "/theirs?sslmode=disable"
	_, set := sweep(t, "--service pg-advisory,pg-row,pg-table,pg-lease --fault none,kill-holder --clients 2 --ttl 500ms --count 1 --address pg-advisory="+addr+",pg-row="+url+",pg-table="+url+",pg-lease="+url)
	if len(set.Samples) != 8 {
		t.Errorf("%d samples", len(set.Samples))
	}
	theirs, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close(ctx)
	for _, db := range []*pgx.Conn{c, theirs} {
		left := -1
		const ours = "SELECT (SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'contend%') + (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')"
		if err := db.QueryRow(ctx, ours).Scan(&left); err != nil || left != 0 {
			t.Errorf("%d schemas and locks are left: %v", left, err)
		}
	}
}
