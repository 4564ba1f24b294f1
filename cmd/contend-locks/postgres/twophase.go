package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/lockbench/history"
)

// Two ways to move something from one account to another when each is in a database of
// its own: to acquire is to begin, and to release is to finish what was begun. Here both
// accounts are in one database, in a table and reached over a connection each.

// TwoPhase prepares both halves of a transfer, and then commits both.
func TwoPhase() lockbench.Service {
	s := service("pg-2pc", "PostgreSQL: two-phase commit; both halves of a transfer are prepared, and then committed", "pause-holder", "partition", "kill-server", "restart-server")
	s.Promises.Expiry = lockbench.Never
	s.Connect = connectTwoPhase
	s.Serve = func(ctx context.Context, m lockbench.Member) error {
		return serve(ctx, m, "max_prepared_transactions="+strconv.Itoa(mostPrepared))
	}
	return s
}

// mostPrepared has room for two of each connection that a server takes.
const mostPrepared = 2 * mostConnections

// tables are where the accounts are.
var tables = []string{"here", "there"}

const makeAccounts = `CREATE TABLE IF NOT EXISTS %[1]s.here (name text PRIMARY KEY, n bigint NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS %[1]s.there (name text PRIMARY KEY, n bigint NOT NULL DEFAULT 0);`

// account makes sure that both accounts of a name are there.
func (s *session) account(ctx context.Context, name string) error {
	if s.known[name] {
		return nil
	}
	for _, table := range tables {
		if _, err := s.conn.Exec(ctx, "INSERT INTO "+object(s.target, table)+" VALUES ($1) ON CONFLICT DO NOTHING", name); err != nil {
			return err
		}
	}
	s.known[name] = true
	return nil
}

// coordinator is a client of both sides. It keeps no log of what it decided: when it
// dies, what is prepared stays so until a person decides.
type coordinator struct {
	sides []*session
	id    string // begins the names of its transactions, and of no other's
}

func connectTwoPhase(ctx context.Context, t lockbench.Target) (lockbench.Session, error) {
	c := new(coordinator)
	for range tables {
		s, err := open(ctx, t, makeAccounts)
		if err != nil {
			return nil, errors.Join(err, c.Close())
		}
		c.sides = append(c.sides, s)
	}
	first := c.sides[0]
	most := ""
	err := first.conn.QueryRow(ctx, "SHOW max_prepared_transactions").Scan(&most)
	if err == nil && most == "0" {
		err = errors.New("max_prepared_transactions of the server is 0, so there is no two-phase commit: set it")
	}
	number, failed := first.token(ctx, nextToken, first.tokens)
	if err = errors.Join(err, failed); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	c.id = fmt.Sprintf("%s%d-", t.Prefix, number.Value)
	return c, nil
}

func (c *coordinator) Close() (err error) {
	for _, s := range c.sides {
		err = errors.Join(err, s.Close())
	}
	return err
}

func (c *coordinator) Acquire(ctx context.Context, name string) (lockbench.Lease, error) {
	first := c.sides[0]
	if err := first.account(ctx, name); err != nil {
		return nil, err
	}
	first.changes++
	id := c.id + strconv.Itoa(first.changes)
	token, err := c.prepare(ctx, name, id)
	if err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), longDecision)
		defer cancel()
		return nil, errors.Join(err, c.decide(ctx, "ROLLBACK", id))
	}
	return &lockbench.Timed{Fence: token, LetGo: func(ctx context.Context) error { return c.decide(ctx, "COMMIT", id) }}, nil
}

// prepare does both halves, as far as they can still be undone.
func (c *coordinator) prepare(ctx context.Context, name, id string) (token history.Token, err error) {
	for i, step := range []string{"- 1", "+ 1"} {
		err := c.sides[i].prepareTransaction(ctx, "UPDATE "+object(c.sides[i].target, tables[i])+" SET n = n "+step+" WHERE name = $1", name, id+tables[i])
		if err != nil {
			return token, err
		}
	}
	return c.sides[0].token(ctx, nextToken, c.sides[0].tokens)
}

// prepareTransaction prepares a transaction of one statement. Once that is asked for,
// which takes a moment, it is not given up: it would be prepared after it was rolled
// back.
func (s *session) prepareTransaction(ctx context.Context, statement, name, id string) error {
	_, err := s.conn.Exec(ctx, "BEGIN")
	if err == nil {
		_, err = s.conn.Exec(ctx, statement, name)
	}
	if err == nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), longDecision)
		defer cancel()
		_, err = s.conn.Exec(ctx, "PREPARE TRANSACTION "+literal(id))
	}
	if err != nil {
		return errors.Join(err, s.Close()) // which ends the transaction
	}
	return nil
}

// longDecision is when an open outcome stays open.
const longDecision = 10 * time.Second

// decide carries out the coordinator's decision on both sides.
func (c *coordinator) decide(ctx context.Context, what, id string) (err error) {
	for i, s := range c.sides {
		err = errors.Join(err, s.decide(ctx, what, id+tables[i]))
	}
	return err
}

// decide insists until the server says that the transaction is not open any more: what
// is prepared outlives connections and servers.
func (s *session) decide(ctx context.Context, what, id string) error {
	for n := 0; ; n++ {
		_, err := s.conn.Exec(ctx, what+" PREPARED "+literal(id))
		if is(err, undefinedObject) && (n > 0 || what == "ROLLBACK") {
			return nil
		}
		if err == nil || !passing(err) {
			return err
		}
		_ = s.Close()
		if lockbench.Pause(ctx) != nil {
			return err
		}
		if conn, failed := connect(ctx, s.target); failed == nil {
			s.conn = conn
		}
	}
}

const undefinedObject = "42704"

// Saga commits the first half of a transfer, and then the second. Where the second does
// not come in time, somebody undoes the first.
func Saga() lockbench.Service {
	s := service("pg-saga", "PostgreSQL, no lock: a saga; the halves of a transfer are committed one after the other, or the first is undone")
	s.Promises.Excludes, s.Promises.Token, s.Promises.Expiry, s.Promises.Steps = nil, history.Unordered, lockbench.Never, true
	s.Connect = connectSaga
	return s
}

// sagas is a session that begins and finishes them.
type sagas struct {
	*session
	begin, finish, undo string
	undone              time.Time // when it last looked for those that nobody finishes
}

// What was begun is in a table until it is finished or undone, by one statement each:
// so neither is done twice, nor both.
const (
	makeSagas = makeAccounts + `CREATE TABLE IF NOT EXISTS %[1]s.sagas (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name text NOT NULL, began timestamptz NOT NULL DEFAULT clock_timestamp())`
	begin = `WITH s AS (INSERT INTO %[1]s.sagas (name) VALUES ($1) RETURNING id, name),
	here AS (UPDATE %[1]s.here SET n = n - 1 WHERE name = $1)
SELECT id FROM s`
	finishSaga = `WITH s AS (DELETE FROM %[1]s.sagas WHERE id = $1 RETURNING name)
UPDATE %[1]s.there AS t SET n = n + 1 FROM s WHERE t.name = s.name`
	undo = `WITH s AS (DELETE FROM %[1]s.sagas WHERE began < clock_timestamp() - $1::interval RETURNING name)
UPDATE %[1]s.here AS h SET n = n + (SELECT count(*) FROM s WHERE s.name = h.name) WHERE name IN (SELECT name FROM s)`
)

func connectSaga(ctx context.Context, t lockbench.Target) (lockbench.Session, error) {
	s, err := open(ctx, t, makeSagas)
	if err != nil {
		return nil, err
	}
	in := func(statement string) string { return fmt.Sprintf(statement, schema(t)) }
	return &sagas{session: s, begin: in(begin), finish: in(finishSaga), undo: in(undo)}, nil
}

func (s *sagas) Acquire(ctx context.Context, name string) (lockbench.Lease, error) {
	if err := s.account(ctx, name); err != nil {
		return nil, err
	}
	if time.Since(s.undone) > s.target.TTL/4 {
		if _, err := s.conn.Exec(ctx, s.undo, s.target.TTL); err != nil {
			return nil, err
		}
		s.undone = time.Now()
	}
	id, err := s.token(ctx, s.begin, name)
	if err != nil {
		return nil, err
	}
	id.Kind = history.Unordered
	return &lockbench.Timed{Fence: id, LetGo: func(ctx context.Context) error {
		_, err := s.conn.Exec(ctx, s.finish, id.Value) // changes nothing if it was undone
		return err
	}}, nil
}
