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

// pollEvery is the mean pause between two tries of a waiter.
const pollEvery = 2 * time.Millisecond

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
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(rand.N(2 * pollEvery)):
		return nil
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
	for {
		l := &lease{session: s, name: name, owner: owner}
		err := s.again(ctx, func() error {
			l.deadline = time.Now().Add(s.ttl) // before the row's own
			now := history.Now()
			return s.db.QueryRowContext(ctx, take, name, owner, now, now+int64(s.ttl)).Scan(&l.token)
		})
		switch {
		case err == nil:
			return l, nil
		case !errors.Is(err, sql.ErrNoRows):
			return nil, err
		}
		if err := pause(ctx); err != nil {
			return nil, err
		}
	}
}

type lease struct {
	session     *session
	name, owner string
	token       uint64
	deadline    time.Time
}

func (l *lease) Token() history.Token {
	return history.Token{Kind: history.Ordered, Value: l.token}
}
func (l *lease) Deadline() (time.Time, bool) { return l.deadline, true }
func (l *lease) Lost() <-chan struct{}       { return lockbench.NeverLost }

func (l *lease) Release(ctx context.Context) error {
	return l.session.again(ctx, func() error {
		_, err := l.session.db.ExecContext(ctx, `UPDATE locks SET until = 0 WHERE name = ?1 AND owner = ?2`, l.name, l.owner)
		return err
	})
}
