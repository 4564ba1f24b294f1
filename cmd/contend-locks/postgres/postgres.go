// Package postgres locks in PostgreSQL in the four ways that people do: with an
// advisory lock of the session, with a row or a table that a transaction locks, and
// with a lease in a row. The server is the real one.
//
// The first three end with the connection. So nobody has two of them while the server
// lives, however long a holder is stopped; but a holder does not learn that the server
// has given its connection up, and one that is cut off keeps the lock until TCP gives
// up: for hours, unless the server's tcp_keepalives settings say otherwise.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/lockbench/history"
	"github.com/contend-go/contend/cmd/contend-locks/server"
)

// Advisory is pg_advisory_lock.
func Advisory() lockbench.Service {
	s := bySession("pg-advisory", "PostgreSQL: pg_advisory_lock, held by the session; waiters queue in the server")
	s.Promises.Reentrant = true
	s.Connect = connectAdvisory
	return s
}

// Row is SELECT … FOR UPDATE.
func Row() lockbench.Service {
	s := bySession("pg-row", "PostgreSQL: SELECT … FOR UPDATE of a row, held by the transaction; waiters queue in the server")
	s.Connect = func(ctx context.Context, t lockbench.Target) (lockbench.Session, error) {
		s, err := open(ctx, t, "CREATE TABLE IF NOT EXISTS %[1]s.locks (name text PRIMARY KEY)")
		if err != nil {
			return nil, err
		}
		return &transaction{session: s, prepare: s.makeRow, take: s.takeRow}, nil
	}
	return s
}

// Table is LOCK TABLE.
func Table() lockbench.Service {
	s := bySession("pg-table", "PostgreSQL: LOCK TABLE … IN ACCESS EXCLUSIVE MODE, held by the transaction; waiters queue in the server")
	s.Connect = func(ctx context.Context, t lockbench.Target) (lockbench.Session, error) {
		s, err := open(ctx, t, "")
		if err != nil {
			return nil, err
		}
		return &transaction{session: s, prepare: s.makeTable, take: s.takeTable}, nil
	}
	return s
}

// Lease is a row that says who holds the lock, and until when by the server's clock.
func Lease() lockbench.Service {
	s := service("pg-lease", "PostgreSQL: a row with an owner, and until when by the server's clock; waiters poll", "partition", "kill-server", "restart-server")
	s.Promises.Expiry = lockbench.ByLease
	s.Connect = connectLease
	return s
}

func bySession(name, about string) lockbench.Service {
	s := service(name, about, "pause-holder")
	s.Promises.Expiry = lockbench.BySession
	return s
}

func service(name, about string, excludes ...string) lockbench.Service {
	return lockbench.Service{
		Name: name, About: about, Members: 1,
		Promises: lockbench.Promises{
			Excludes: append(excludes, lockbench.NoFault, "kill-holder", "slow-network"),
			Token:    history.Ordered,
		},
		Missing: program.Missing, Needs: server.Needs(&program), Remove: remove, Endpoint: endpoint,
		Serve: func(ctx context.Context, m lockbench.Member) error { return serve(ctx, m) },
	}
}

// advisory is a session whose locks are numbers; the name's hash is one.
type advisory struct{ *session }

func connectAdvisory(ctx context.Context, t lockbench.Target) (lockbench.Session, error) {
	s, err := open(ctx, t, "")
	if err != nil {
		return nil, err
	}
	return advisory{s}, nil
}

// The token is drawn when the lock is there: what WITH says comes first.
const lockAdvisory = `WITH l AS MATERIALIZED (SELECT pg_advisory_lock(hashtextextended($1, 0)))
SELECT nextval($2::text::regclass) FROM l`

func (s advisory) Acquire(ctx context.Context, name string) (lockbench.Lease, error) {
	token, err := s.token(ctx, lockAdvisory, name, s.tokens)
	if err != nil {
		return nil, err
	}
	return &lockbench.Timed{Fence: token, LetGo: func(ctx context.Context) error {
		held := false
		err := s.conn.QueryRow(ctx, "SELECT pg_advisory_unlock(hashtextextended($1, 0))", name).Scan(&held)
		if err == nil && !held {
			err = errors.New("the session did not hold the lock")
		}
		return err
	}}, nil
}

// transaction is a session whose transaction holds the lock.
type transaction struct {
	*session
	prepare func(ctx context.Context, name string) error
	take    func(ctx context.Context, tx pgx.Tx, name string) (history.Token, error)
	held    bool
}

func (s *transaction) Acquire(ctx context.Context, name string) (lockbench.Lease, error) {
	if s.held {
		return nil, errors.New("the session's transaction holds a lock already")
	}
	if !s.known[name] {
		if err := s.prepare(ctx, name); err != nil {
			return nil, err
		}
		s.known[name] = true
	}
	tx, err := s.conn.Begin(ctx)
	if err != nil {
		return nil, err
	}
	token, err := s.take(ctx, tx, name)
	if err != nil {
		return nil, errors.Join(err, tx.Rollback(ctx))
	}
	s.held = true
	return &lockbench.Timed{Fence: token, LetGo: func(ctx context.Context) error {
		s.held = false
		return tx.Commit(ctx)
	}}, nil
}

func (s *session) makeRow(ctx context.Context, name string) error {
	_, err := s.conn.Exec(ctx, "INSERT INTO "+object(s.target, "locks")+" VALUES ($1) ON CONFLICT DO NOTHING", name)
	return err
}

// takeRow draws the token from a sequence: a counter in the row would be set back
// with the transaction of a holder that dies, and be handed out twice. A server that
// crashes may still hand out once more what it drew in the last moment before, for
// nothing has made it write that: the transaction is open.
func (s *session) takeRow(ctx context.Context, tx pgx.Tx, name string) (history.Token, error) {
	return s.token(ctx, "WITH l AS MATERIALIZED (SELECT FROM "+object(s.target, "locks")+" WHERE name = $1 FOR UPDATE) SELECT nextval($2::text::regclass) FROM l", name, s.tokens)
}

func (s *session) makeTable(ctx context.Context, name string) error {
	return s.insist(ctx, "CREATE TABLE IF NOT EXISTS "+object(s.target, name)+" ()")
}

func (s *session) takeTable(ctx context.Context, tx pgx.Tx, name string) (history.Token, error) {
	if _, err := tx.Exec(ctx, "LOCK TABLE "+object(s.target, name)+" IN ACCESS EXCLUSIVE MODE"); err != nil {
		return history.Token{}, err
	}
	return s.token(ctx, nextToken, s.tokens)
}

// leases is a session that takes rows for a time.
type leases struct {
	*session
	take, letGo string
}

func connectLease(ctx context.Context, t lockbench.Target) (lockbench.Session, error) {
	s, err := open(ctx, t, `CREATE TABLE IF NOT EXISTS %[1]s.leases (name text PRIMARY KEY, owner text NOT NULL, until timestamptz NOT NULL, token bigint NOT NULL)`)
	if err != nil {
		return nil, err
	}
	return &leases{session: s, take: fmt.Sprintf(take, object(t, "leases")), letGo: fmt.Sprintf(letGo, object(t, "leases"))}, nil
}

// The row is taken over when its time is over, and stays when it is let go: its
// counter goes on.
const (
	take = `INSERT INTO %s AS l VALUES ($1, $2, clock_timestamp() + $3, 1)
ON CONFLICT (name) DO UPDATE SET owner = $2, until = clock_timestamp() + $3, token = l.token + 1 WHERE l.until <= clock_timestamp()
RETURNING token`
	letGo = `UPDATE %s SET until = '-infinity' WHERE name = $1 AND token = $2`
)

func (s *leases) Acquire(ctx context.Context, name string) (lockbench.Lease, error) {
	return lockbench.Poll(ctx, func() (*lockbench.Timed, error) {
		until := time.Now().Add(s.target.TTL)
		token, err := s.token(ctx, s.take, name, s.target.Client, s.target.TTL)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil, nil
		}
		return &lockbench.Timed{Fence: token, Until: until, LetGo: func(ctx context.Context) error {
			_, err := s.conn.Exec(ctx, s.letGo, name, token.Value)
			return err
		}}, err
	})
}
