// Package sqlite locks with a row in a SQLite file that all clients open: a lease
// in the host's monotonic time, taken by an upsert that changes nothing while it
// is held by another.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/lockbench/history"
)

// Service has no server: clients of one host share a file.
func Service() lockbench.Service {
	return lockbench.Service{
		Name: "sqlite", About: "a row with a lease in a SQLite file that clients of one host share; waiters poll",
		Promises: lockbench.Promises{
			Excludes: []string{lockbench.NoFault, "kill-holder"},
			Token:    history.Ordered, Expiry: lockbench.ByLease,
		},
		Connect: connect,
	}
}

type session struct {
	db     *sql.DB
	client string
	n      int
	ttl    time.Duration
}

func connect(ctx context.Context, t lockbench.Target) (lockbench.Session, error) {
	path := filepath.Join(t.Dir, "locks.sqlite")
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(wal)&_pragma=busy_timeout(1000)&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	s := &session{db: db, client: t.Client + "-" + strconv.FormatUint(rand.Uint64(), 36), ttl: t.TTL}
	err = s.again(ctx, func() error {
		_, err := db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS locks (name TEXT PRIMARY KEY, owner TEXT NOT NULL, token INTEGER NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID`)
		return err
	})
	if err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

func (s *session) Close() error { return s.db.Close() }

// again repeats a statement while the file is locked by another: SQLite says so
// before it changes anything.
func (s *session) again(ctx context.Context, do func() error) error {
	for {
		err := do()
		var code *sqlite.Error
		if !errors.As(err, &code) || code.Code()&0xff != sqlite3.SQLITE_BUSY {
			return err
		}
		if err := lockbench.Pause(ctx); err != nil {
			return err
		}
	}
}

// take inserts the row or takes it over when it is free or expired. The token goes
// on with the row, which is never deleted.
const take = `INSERT INTO locks (name, owner, token, until) VALUES (?1, ?2, 1, ?4)
ON CONFLICT (name) DO UPDATE SET owner = ?2, token = token + 1, until = ?4 WHERE until <= ?3
RETURNING token`

func (s *session) Acquire(ctx context.Context, name string) (lockbench.Lease, error) {
	s.n++
	owner := s.client + "-" + strconv.Itoa(s.n)
	return lockbench.Poll(ctx, func() (*lockbench.Timed, error) {
		l := &lockbench.Timed{Fence: history.Token{Kind: history.Ordered}, LetGo: func(ctx context.Context) error { return s.release(ctx, name, owner) }}
		err := s.again(ctx, func() error {
			l.Until = time.Now().Add(s.ttl) // before the row's own
			now := history.Now()
			return s.db.QueryRowContext(ctx, take, name, owner, now, now+int64(s.ttl)).Scan(&l.Fence.Value)
		})
		if errors.Is(err, sql.ErrNoRows) {
			return nil, nil
		}
		return l, err
	})
}

func (s *session) release(ctx context.Context, name, owner string) error {
	return s.again(ctx, func() error {
		_, err := s.db.ExecContext(ctx, `UPDATE locks SET until = 0 WHERE name = ?1 AND owner = ?2`, name, owner)
		return err
	})
}
