package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/lockbench/history"
)

// session is one connection. What it makes in the database is in a schema that is
// named after the run.
type session struct {
	conn    *pgx.Conn
	target  lockbench.Target
	tokens  string          // the sequence that tokens are from
	known   map[string]bool // names for which something was made that is needed
	changes int             // so far
}

// open connects as soon as the server answers, and makes the schema with what the
// statements say, in which %s is its name.
func open(ctx context.Context, t lockbench.Target, statements string) (*session, error) {
	if len(t.Addrs) != 1 {
		return nil, fmt.Errorf("one server's address, not %d", len(t.Addrs))
	}
	for {
		conn, err := connect(ctx, t)
		if err == nil {
			s := &session{conn: conn, target: t, tokens: object(t, "tokens"), known: map[string]bool{}}
			if err = s.prepare(ctx, statements); err == nil {
				return s, nil
			}
			_ = s.Close()
		}
		if !passing(err) || lockbench.Pause(ctx) != nil {
			return nil, err
		}
	}
}

// connect opens a connection to the one address: host:port, or a URL with the user
// and the database. What it does not say, such as a password, is taken from the
// variables and files of PostgreSQL's own clients.
func connect(ctx context.Context, t lockbench.Target) (*pgx.Conn, error) {
	return pgx.Connect(ctx, url(t.Addrs[0]))
}

func url(addr string) string {
	if strings.Contains(addr, "://") {
		return addr
	}
	return "postgres://" + superuser + "@" + addr + "/postgres?sslmode=disable"
}

// endpoint is where connect dials first.
func endpoint(addr string) (network, address string, err error) {
	c, err := pgx.ParseConfig(url(addr))
	if err != nil {
		return "", "", err
	}
	network, address = pgconn.NetworkAddress(c.Host, c.Port)
	return network, address, nil
}

// passing reports whether it may help to connect again: the server is not there
// (yet), or has as many clients as it takes.
func passing(err error) bool {
	var wrong *pgconn.ParseConfigError
	var answer *pgconn.PgError
	if !errors.As(err, &answer) {
		return !errors.As(err, &wrong)
	}
	const connections, resources, intervention = "08", "53", "57" // classes of errors
	class := answer.Code[:2]
	return class == connections || class == resources || class == intervention
}

// object is the name of something in the run's schema, as statements have it.
func object(t lockbench.Target, name string) string {
	return pgx.Identifier{t.Prefix, name}.Sanitize()
}

func schema(t lockbench.Target) string { return pgx.Identifier{t.Prefix}.Sanitize() }

// prepare makes the schema, a sequence for tokens, and more. Whoever makes the same at
// the same time may be told that it is there.
func (s *session) prepare(ctx context.Context, statements string) error {
	all := "CREATE SCHEMA IF NOT EXISTS %[1]s; CREATE SEQUENCE IF NOT EXISTS %[1]s.tokens;" + statements
	return s.insist(ctx, fmt.Sprintf(all, schema(s.target)))
}

// insist repeats statements that make what is not there while others make the same:
// IF NOT EXISTS looks first, and then finds the name taken, its type's, or the catalogue's row of either.
func (s *session) insist(ctx context.Context, statements string) error {
	for {
		_, err := s.conn.Exec(ctx, statements)
		if !is(err, uniqueViolation) && !is(err, duplicateSchema) && !is(err, duplicateTable) && !is(err, duplicateType) {
			return err
		}
	}
}

// The codes of errors that are told apart.
const (
	uniqueViolation  = "23505"
	duplicateSchema  = "42P06"
	duplicateTable   = "42P07"
	duplicateType    = "42710" // or another object
	lockNotAvailable = "55P03"
)

func is(err error, code string) bool {
	var answer *pgconn.PgError
	return errors.As(err, &answer) && answer.Code == code
}

// goodbye is how long a server may take to close a connection.
const goodbye = time.Second

func (s *session) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	return s.conn.Close(ctx)
}

// nextToken takes the sequence.
const nextToken = "SELECT nextval($1::text::regclass)"

// token reads the one number that a statement answers.
func (s *session) token(ctx context.Context, statement string, args ...any) (history.Token, error) {
	t := history.Token{Kind: history.Ordered}
	err := s.conn.QueryRow(ctx, statement, args...).Scan(&t.Value)
	return t, err
}

// literal is a string as statements have it that take no parameters.
func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// remove removes the run's schema, and first the transactions that nobody decides any
// more and that hold locks in it. A server may still prepare one for a client that was
// killed, so it is looked again for them.
func remove(ctx context.Context, t lockbench.Target) error {
	conn, err := connect(ctx, t)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "SET lock_timeout = '1s'"); err != nil {
		return err
	}
	for {
		if err := rollBack(ctx, conn, t.Prefix); err != nil {
			return err
		}
		_, err := conn.Exec(ctx, "DROP SCHEMA IF EXISTS "+schema(t)+" CASCADE")
		if !is(err, lockNotAvailable) {
			return err
		}
	}
}

// rollBack ends the prepared transactions whose names begin with the prefix.
func rollBack(ctx context.Context, conn *pgx.Conn, prefix string) error {
	rows, err := conn.Query(ctx, "SELECT gid FROM pg_prepared_xacts WHERE database = current_database() AND starts_with(gid, $1)", prefix)
	if err != nil {
		return err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, err := conn.Exec(ctx, "ROLLBACK PREPARED "+literal(id)); err != nil {
			return err
		}
	}
	return nil
}
