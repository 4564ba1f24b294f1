package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/go-zookeeper/zk"
	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/cmd/contend-locks/server/servertest"
)

// serve makes ready the one server of a service, as somebody might have started who
// wants it measured.
func serve(t *testing.T, name string) (addr string, start func()) {
	t.Helper()
	free := servertest.Addresses(t, 2)
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

// TestNobodyThere: of every service that is to be measured where nobody listens the sweep says so before it begins.
func TestNobodyThere(t *testing.T) {
	at := servertest.Addresses(t, 1)[0]
	var names, given []string
	for _, s := range services() {
		if s.Members > 0 {
			names, given = append(names, s.Name), append(given, s.Name+"="+at)
		}
	}
	dir := filepath.Join(t.TempDir(), "run")
	cmd := program("sweep", "--service", strings.Join(names, ","), "--address", strings.Join(given, ","), "--clients", "1", "--count", "1", "--out", dir)
	out, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != bench.ExitUsage {
		t.Errorf("exit code %d", code)
	}
	for _, name := range names {
		if !strings.Contains(string(out), name+": no server answers at "+at+": connection refused; ") {
			t.Errorf("nothing is said of %s in\n%s", name, out)
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("there is a run folder")
	}
}

// TestSomeMembers: of a cluster of which one member answers the others are warned of, at the beginning and with each
// sample.
func TestSomeMembers(t *testing.T) {
	there, start := serve(t, "etcd")
	start()
	nobody := servertest.Addresses(t, 1)[0]
	dir := filepath.Join(t.TempDir(), "run")
	out, err := program("sweep", "--service", "etcd", "--address", "etcd="+there+",http://"+nobody, "--clients", "1", "--count", "1", "--no-report", "--out", dir).CombinedOutput()
	want := "etcd: no server answers at " + nobody + ": connection refused"
	if err != nil || !strings.Contains(string(out), "warning: "+want) {
		t.Fatalf("%v\n%s", err, out)
	}
	set, err := sample.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Samples) != 1 || !strings.Contains(fmt.Sprint(set.Samples[0].Warnings), want) {
		t.Errorf("samples %+v", set.Samples)
	}
}

// TestAnotherProtocol: a server that is no etcd is said to be none, and no keys are said to be left in it.
func TestAnotherProtocol(t *testing.T) {
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	cmd := program("sweep", "--service", "etcd", "--address", "etcd="+web.URL, "--clients", "1", "--count", "1", "--no-report", "--out", filepath.Join(t.TempDir(), "run"))
	out, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != bench.ExitInvalid || !strings.Contains(string(out), "client 0: no session with etcd: ") || strings.Contains(string(out), "may be left") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

// TestGivenDatabase: a run in somebody's PostgreSQL works in a schema of its own, and
// as the user that the address says; nothing is left of it, not even the transactions
// in doubt of a client that was killed.
func TestGivenDatabase(t *testing.T) {
	lacks(t, "pg-2pc")
	addr, start := serve(t, "pg-2pc")
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
	names := []string{"pg-row", "pg-table", "pg-lease", "pg-cycle", "pg-insert", "pg-queue", "pg-2pc", "pg-saga"}
	at := "pg-advisory=" + addr
	for _, name := range names {
		at += "," + name + "=" + url
	}
	_, set := sweep(t, "--service pg-advisory,"+strings.Join(names, ",")+" --fault none,kill-holder --clients 2 --ttl 500ms --count 1 --address "+at)
	if len(set.Samples) != 18 {
		t.Errorf("%d samples", len(set.Samples))
	}
	theirs, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close(ctx)
	for _, db := range []*pgx.Conn{c, theirs} {
		left := -1
		const ours = "SELECT (SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'contend%') + (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory') + (SELECT count(*) FROM pg_prepared_xacts)"
		if err := db.QueryRow(ctx, ours).Scan(&left); err != nil || left != 0 {
			t.Errorf("%d schemas, locks and prepared transactions are left: %v", left, err)
		}
	}
}

// TestGivenStores: in ZooKeeper, DynamoDB's stand-in and NATS nothing is left either.
func TestGivenStores(t *testing.T) {
	ctx := context.Background()
	lacks(t, "zk")
	lacks(t, "dynamo")
	z, start := serve(t, "zk")
	start()
	d, start := serve(t, "dynamo")
	start()
	n, start := serve(t, "natslog-never")
	start()
	_, set := sweep(t, "--service zk,dynamo,natslog-never,nats-queue --clients 2 --count 1 --address zk="+z+",dynamo="+d+",natslog-never="+n+",nats-queue="+n)
	if len(set.Samples) != 4 {
		t.Errorf("%d samples", len(set.Samples))
	}
	k, _, err := zk.Connect([]string{z}, time.Minute, zk.WithLogInfo(false))
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	if nodes, _, err := k.Children("/"); err != nil || len(nodes) != 1 { // the server's own
		t.Errorf("left in ZooKeeper: %q, %v", nodes, err)
	}
	store := dynamodb.New(dynamodb.Options{BaseEndpoint: aws.String("http://" + d), Region: "local", Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
	})})
	tables, err := store.ListTables(ctx, &dynamodb.ListTablesInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range tables.TableNames { // to delete one takes a while
		about, err := store.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
		if err == nil && about.Table.TableStatus != types.TableStatusDeleting {
			t.Errorf("left in DynamoDB: table %s", name)
		}
	}
	c, err := nats.Connect("nats://" + n)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	js, err := c.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	for name := range js.StreamNames() {
		t.Errorf("left in NATS: %s", name)
	}
}
