package postgres

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/cmd/contend-locks/server/servertest"
)

// started is a server for a service, and where it is.
func started(t *testing.T, s lockbench.Service) lockbench.Target {
	t.Helper()
	if why := s.Missing(); why != "" {
		t.Skip(why)
	}
	addr, _ := servertest.Run(t, s.Serve)
	return lockbench.Target{Addrs: []string{addr}, Prefix: "test-", Client: "client", TTL: 300 * time.Millisecond}
}

// dial connects without a session.
func dial(t *testing.T, target lockbench.Target) *pgx.Conn {
	t.Helper()
	c, err := connect(context.Background(), target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

// number is what a query answers.
func number(t *testing.T, c *pgx.Conn, query string) (n int) {
	t.Helper()
	if err := c.QueryRow(context.Background(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// balance is of all accounts, as others see them: 0 before and after a transfer.
const balance = `SELECT ((SELECT sum(n) FROM "test-".here) + (SELECT sum(n) FROM "test-".there))::int`

func acquire(t *testing.T, s lockbench.Session) lockbench.Lease {
	t.Helper()
	l, err := s.Acquire(context.Background(), "test-x")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func client(t *testing.T, s lockbench.Service, target lockbench.Target) lockbench.Session {
	t.Helper()
	opened, err := s.Connect(context.Background(), target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	return opened
}

// TestSaga: others see what is between the halves of a transfer, and are not kept
// waiting. What is not finished in time is undone, once, whoever looks for it, and is
// then not finished any more.
func TestSaga(t *testing.T) {
	target := started(t, Saga())
	target.TTL = time.Hour
	ctx := context.Background()
	c := dial(t, target)
	late := acquire(t, client(t, Saga(), target))
	if n := number(t, c, balance); n != -1 {
		t.Errorf("balance %d between the halves of a transfer", n)
	}
	if err := acquire(t, client(t, Saga(), target)).Release(ctx); err != nil {
		t.Error(err)
	}
	if n := number(t, c, balance); n != -1 {
		t.Errorf("balance %d after another transfer", n)
	}
	target.TTL = time.Microsecond // by now it is long ago that it began
	var all sync.WaitGroup
	for range 4 {
		s := client(t, Saga(), target)
		all.Go(func() {
			l, err := s.Acquire(ctx, "test-x")
			if err == nil {
				err = l.Release(ctx)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	acquire(t, client(t, Saga(), target)) // undoes what is left
	const finished = `SELECT sum(n)::int FROM "test-".there`
	before := number(t, c, finished)
	if err := late.Release(ctx); err != nil {
		t.Error(err)
	}
	if n := number(t, c, finished); n != before {
		t.Error("a transfer was finished that had been undone")
	}
	if n := number(t, c, balance); n != -1 {
		t.Errorf("balance %d; one transfer is neither finished nor undone", n)
	}
}

// TestTwoPhase: others see nothing of a transfer that is prepared, and wait for as long
// as nobody decides, also when its client is gone; and somebody else can decide.
func TestTwoPhase(t *testing.T) {
	target := started(t, TwoPhase())
	ctx := context.Background()
	c := dial(t, target)
	gone := client(t, TwoPhase(), target)
	acquire(t, gone)
	_ = gone.Close()
	if n := number(t, c, `SELECT count(*) FROM "test-".here WHERE n <> 0`) + number(t, c, balance); n != 0 {
		t.Error("a transfer that is only prepared is seen by others")
	}
	next := client(t, TwoPhase(), target)
	granted := make(chan lockbench.Lease, 1)
	go func() {
		l, err := next.Acquire(ctx, "test-x")
		if err != nil {
			t.Error(err)
		}
		granted <- l
	}()
	const waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
	for number(t, c, waiting) == 0 {
		select {
		case <-granted:
			t.Fatal("another transfer went on while one was in doubt")
		default:
		}
	}
	if n := number(t, c, "SELECT count(*) FROM pg_prepared_xacts"); n != 2 {
		t.Errorf("%d transactions in doubt, of the 2 of a client that is gone", n)
	}
	if err := rollBack(ctx, c, target.Prefix); err != nil {
		t.Fatal(err)
	}
	l := <-granted
	if l == nil {
		t.FailNow()
	}
	if err := l.Release(ctx); err != nil {
		t.Error(err)
	}
	if n := number(t, c, `SELECT sum(n)::int FROM "test-".there`); n != 1 {
		t.Errorf("%d transfers were committed, not 1", n)
	}
	if n := number(t, c, balance); n != 0 {
		t.Errorf("balance %d", n)
	}
}

// TestRemovePrepared: what a run leaves is removed with the transactions in doubt that
// hold locks in it.
func TestRemovePrepared(t *testing.T) {
	target := started(t, TwoPhase())
	acquire(t, client(t, TwoPhase(), target))
	if err := remove(context.Background(), target); err != nil {
		t.Fatal(err)
	}
	c := dial(t, target)
	if n := number(t, c, "SELECT (SELECT count(*) FROM pg_prepared_xacts) + (SELECT count(*) FROM pg_namespace WHERE nspname = 'test-')"); n != 0 {
		t.Errorf("%d things are left", n)
	}
}

// TestNoTwoPhase: a server where nothing can be prepared says so before anything is
// measured.
func TestNoTwoPhase(t *testing.T) {
	if s, err := TwoPhase().Connect(context.Background(), started(t, Row())); err == nil {
		t.Error(s)
	}
}

// TestLateFinish: who finishes an item too late deletes no row.
func TestLateFinish(t *testing.T) {
	target := started(t, Queue())
	c := dial(t, target)
	late := acquire(t, client(t, Queue(), target)).(lockbench.Reservation)
	other := client(t, Queue(), target)
	for acquire(t, other).(lockbench.Reservation).Item() != late.Item() {
	}
	if err := late.Release(context.Background()); err != nil {
		t.Error(err)
	}
	if n := number(t, c, fmt.Sprintf(`SELECT count(*) FROM "test-".items WHERE id = %d`, late.Item())); n != 1 {
		t.Error("a client that was too late finished the item of another")
	}
}

// TestBadAddress: what cannot become right is an error at once.
func TestBadAddress(t *testing.T) {
	for _, addrs := range [][]string{{"mysql://db.example/test"}, {"postgres://db.example:port/"}, {"db1.example:5432", "db2.example:5432"}} {
		if s, err := open(context.Background(), lockbench.Target{Addrs: addrs}, ""); err == nil {
			t.Errorf("%q: %v", addrs, s)
		}
	}
}

// TestDisown: the next server takes the lock file of one that was killed for its
// parent's, and finds all else in it.
func TestDisown(t *testing.T) {
	path := filepath.Join(t.TempDir(), "postmaster.pid")
	if err := disown(path); err != nil {
		t.Errorf("without a file: %v", err)
	}
	const rest = "/data\n1764000000\n5432\n\n127.0.0.1\n  1234567         3\nready\n"
	if err := os.WriteFile(path, []byte("4711\n"+rest), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := disown(path); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != strconv.Itoa(os.Getpid())+"\n"+rest {
		t.Errorf("%q, %v", text, err)
	}
}

// TestMakeTogether: clients that make the same tables at the same time all have them
// afterwards, whatever the server tells who comes second.
func TestMakeTogether(t *testing.T) {
	target := started(t, Row())
	const clients, rounds = 16, 200
	var sessions []*session
	for range clients {
		sessions = append(sessions, &session{conn: dial(t, target), target: target})
	}
	if err := sessions[0].prepare(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	for round := range rounds {
		table := "CREATE TABLE IF NOT EXISTS " + object(target, fmt.Sprintf("t%d", round)) + " (n bigint GENERATED ALWAYS AS IDENTITY)"
		var all sync.WaitGroup
		for _, s := range sessions {
			all.Go(func() {
				if err := s.insist(t.Context(), table); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
}

// TestConnections: the server takes as many connections as 64 clients have, of whom each may
// have three.
func TestConnections(t *testing.T) {
	target := started(t, TwoPhase())
	for range 3 * 64 {
		dial(t, target)
	}
}
