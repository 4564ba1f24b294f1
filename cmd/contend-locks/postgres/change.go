package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/lockbench/history"
)

// Cycle is transactions that read two tables and write to one of them. Each can be
// put before or after another; but of two that ran at once and wrote to different
// tables, each must come before the other. The server ends one of them.
func Cycle() lockbench.Service {
	return changes("pg-cycle", "PostgreSQL, no lock: serializable transactions that read two tables and write to one", twoTables, cycle)
}

// CycleLocked is the same under a lock that is taken before the transaction begins.
// In the transaction would be too late: what it reads is as of its beginning.
func CycleLocked() lockbench.Service {
	return changes("pg-cycle-locked", "PostgreSQL: the transactions of pg-cycle, each under an advisory lock that is taken before it begins", twoTables, lockedCycle)
}

// Insert is a transaction that adds a row to the table of a name, which needs no lock.
func Insert() lockbench.Service {
	return changes("pg-insert", "PostgreSQL, no lock: a row is added to a table", "", insert)
}

// change makes one change of the named number in a session.
type change func(ctx context.Context, s *session, name string) (int64, error)

func changes(name, about, statements string, do change) lockbench.Service {
	s := service(name, about, "pause-holder", "partition", "kill-server", "restart-server")
	s.Promises.Changes, s.Promises.Expiry = true, lockbench.Never
	s.Connect = func(ctx context.Context, t lockbench.Target) (lockbench.Session, error) {
		s, err := open(ctx, t, statements)
		if err != nil {
			return nil, err
		}
		return &changer{session: s, do: do}, nil
	}
	return s
}

// changer is a session that makes changes; the number that a change leads to says
// which one it was.
type changer struct {
	*session
	do change
}

func (s *changer) Acquire(context.Context, string) (lockbench.Lease, error) {
	return nil, errors.New("there is no lock here, only changes")
}

func (s *changer) Change(ctx context.Context, name string) (int64, history.Token, error) {
	n, err := s.do(ctx, s.session, name)
	if is(err, serializationFailure) {
		err = lockbench.ErrBusy
	}
	return n, history.Token{Kind: history.Ordered, Value: uint64(n)}, err
}

const serializationFailure = "40001"

// twoTables have an index, so that transactions on different names have nothing to do
// with each other. The numbers of a name are in both tables, each in one.
const twoTables = `CREATE TABLE IF NOT EXISTS %[1]s.a (name text, n bigint);
CREATE TABLE IF NOT EXISTS %[1]s.b (name text, n bigint);
CREATE INDEX IF NOT EXISTS a_name ON %[1]s.a (name, n);
CREATE INDEX IF NOT EXISTS b_name ON %[1]s.b (name, n)`

func cycle(ctx context.Context, s *session, name string) (n int64, err error) {
	s.changes++
	to := []string{"a", "b"}[s.changes%2]
	err = pgx.BeginTxFunc(ctx, s.conn, pgx.TxOptions{IsoLevel: pgx.Serializable}, func(tx pgx.Tx) error {
		const highest = "SELECT greatest((SELECT max(n) FROM %s WHERE name = $1), (SELECT max(n) FROM %s WHERE name = $1), 0) + 1"
		err := tx.QueryRow(ctx, fmt.Sprintf(highest, object(s.target, "a"), object(s.target, "b")), name).Scan(&n)
		if err == nil {
			_, err = tx.Exec(ctx, "INSERT INTO "+object(s.target, to)+" VALUES ($1, $2)", name, n)
		}
		return err
	})
	return n, err
}

func lockedCycle(ctx context.Context, s *session, name string) (int64, error) {
	l, err := advisory{s}.Acquire(ctx, name)
	if err != nil {
		return 0, err
	}
	n, err := cycle(ctx, s, name)
	return n, errors.Join(err, l.Release(ctx))
}

func insert(ctx context.Context, s *session, name string) (n int64, err error) {
	if !s.known[name] {
		err := s.insist(ctx, "CREATE TABLE IF NOT EXISTS "+object(s.target, name)+" (n bigint GENERATED ALWAYS AS IDENTITY)")
		if err != nil {
			return 0, err
		}
		s.known[name] = true
	}
	err = s.conn.QueryRow(ctx, "INSERT INTO "+object(s.target, name)+" DEFAULT VALUES RETURNING n").Scan(&n)
	return n, err
}
