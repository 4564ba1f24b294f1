package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

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

// Idempotent is work that may be done twice, as each piece has a key under which its
// result is stored once. Two workers do each piece here, at the same time.
func Idempotent() lockbench.Service {
	s := changes("pg-idempotent", "PostgreSQL, no lock: two workers do each piece of work at the same time, and its result is stored once, by its key", "", nil)
	s.Promises.Adds, s.Promises.Token = true, history.NoToken
	s.Connect = connectWorkers
	return s
}

// workers are the two of a session.
type workers struct {
	first, second *session
	run           uint64 // begins the keys of this session, like no other's
	pieces        int
}

// results are by name and key of a piece of work.
const results = "CREATE TABLE IF NOT EXISTS %[1]s.results (name text, key text, result int, PRIMARY KEY (name, key))"

func connectWorkers(ctx context.Context, t lockbench.Target) (lockbench.Session, error) {
	first, err := open(ctx, t, results)
	if err != nil {
		return nil, err
	}
	second, err := open(ctx, t, results)
	if err != nil {
		return nil, errors.Join(err, first.Close())
	}
	return &workers{first: first, second: second, run: rand.Uint64()}, nil
}

func (w *workers) Close() error { return errors.Join(w.first.Close(), w.second.Close()) }

// Acquire is never called: there is no lock.
func (w *workers) Acquire(context.Context, string) (lockbench.Lease, error) {
	return nil, errors.ErrUnsupported
}

// Change has both workers do the next piece of work.
func (w *workers) Change(ctx context.Context, name string) (int64, history.Token, error) {
	w.pieces++
	key := fmt.Sprintf("%x-%d", w.run, w.pieces)
	other := make(chan error, 1)
	go func() { other <- w.second.store(ctx, name, key, w.pieces) }()
	err := w.first.store(ctx, name, key, w.pieces)
	return 0, history.Token{Kind: history.NoToken}, errors.Join(err, <-other)
}

// store stores the result of a piece of work, unless it is there.
func (s *session) store(ctx context.Context, name, key string, result int) error {
	_, err := s.conn.Exec(ctx, "INSERT INTO "+object(s.target, "results")+" VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", name, key, result)
	return err
}

// Count is how many pieces of work have a result.
func (w *workers) Count(ctx context.Context, name string) (n int64, err error) {
	err = w.first.conn.QueryRow(ctx, "SELECT count(*) FROM "+object(w.first.target, "results")+" WHERE name = $1", name).Scan(&n)
	return n, err
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
