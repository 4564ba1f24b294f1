package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/lockbench/history"
)

// Queue is items in a table, each reserved for a time by whoever comes first: what
// others are about to take is skipped, not waited for.
func Queue() lockbench.Service {
	s := service("pg-queue", "PostgreSQL, no lock: items of a queue, reserved with FOR UPDATE SKIP LOCKED until a time by the server's clock", "partition", "kill-server", "restart-server")
	s.Promises.Queue, s.Promises.Expiry = true, lockbench.ByLease
	s.Connect = connectQueue
	return s
}

// queue is a session that reserves items.
type queue struct {
	*session
	reserve, finish, fill string
}

// The number of attempts tells a client that finishes an item too late from the one
// that has it now: its DELETE finds no row.
const (
	makeItems = `CREATE TABLE IF NOT EXISTS %[1]s.items (id bigint GENERATED ALWAYS AS IDENTITY (MINVALUE 0) PRIMARY KEY,
	queue text NOT NULL, due timestamptz NOT NULL DEFAULT '-infinity', attempts bigint NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS items_queue ON %[1]s.items (queue, id)`
	reserve = `UPDATE %[1]s SET due = clock_timestamp() + $2, attempts = attempts + 1 WHERE id =
	(SELECT id FROM %[1]s WHERE queue = $1 AND due <= clock_timestamp() ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1)
RETURNING id, attempts`
	finish = `DELETE FROM %[1]s WHERE id = $1 AND attempts = $2`
	fill   = `INSERT INTO %[1]s (queue) SELECT $1 FROM generate_series(1, $2)`
)

// batch is how many items a client that finds none puts into the queue: there is
// nobody else who does.
const batch = 64

func connectQueue(ctx context.Context, t lockbench.Target) (lockbench.Session, error) {
	s, err := open(ctx, t, makeItems)
	if err != nil {
		return nil, err
	}
	items := object(t, "items")
	return &queue{session: s, reserve: fmt.Sprintf(reserve, items), finish: fmt.Sprintf(finish, items), fill: fmt.Sprintf(fill, items)}, nil
}

func (s *queue) Acquire(ctx context.Context, name string) (lockbench.Lease, error) {
	for {
		l := &lockbench.Timed{Fence: history.Token{Kind: history.Ordered}, Until: time.Now().Add(s.target.TTL)}
		l.LetGo = func(ctx context.Context) error {
			_, err := s.conn.Exec(ctx, s.finish, l.Which, l.Fence.Value)
			return err
		}
		err := s.conn.QueryRow(ctx, s.reserve, name, s.target.TTL).Scan(&l.Which, &l.Fence.Value)
		if !errors.Is(err, pgx.ErrNoRows) {
			return l, err
		}
		if _, err := s.conn.Exec(ctx, s.fill, name, batch); err != nil {
			return nil, err
		}
	}
}
