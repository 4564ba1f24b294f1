// Pool is a server whose 20 clients share a pool of two connections to a database that takes 4 ms for an answer. The
// recording pool.trace.gz beside it was made by
//
//	go run ./traces/blame/testdata/servers/pool &
//	curl -s 'localhost:6060/debug/pprof/trace?seconds=1' | gzip -9 > traces/blame/testdata/servers/pool.trace.gz
package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"log"
	"net/http"
	_ "net/http/pprof"
	"time"
)

type conn struct{}

func (conn) Prepare(string) (driver.Stmt, error) { return stmt{}, nil }
func (conn) Close() error                        { return nil }
func (conn) Begin() (driver.Tx, error)           { return nil, errors.New("no transactions") }

type stmt struct{}

func (stmt) Close() error                               { return nil }
func (stmt) NumInput() int                              { return 0 }
func (stmt) Exec([]driver.Value) (driver.Result, error) { return nil, errors.New("read only") }

func (stmt) Query([]driver.Value) (driver.Rows, error) {
	time.Sleep(4 * time.Millisecond) // the answer of the database
	return &rows{}, nil
}

type rows struct{ done bool }

func (r *rows) Columns() []string { return []string{"name"} }
func (r *rows) Close() error      { return nil }

func (r *rows) Next(dest []driver.Value) error {
	if r.done {
		return io.EOF
	}
	r.done, dest[0] = true, "x"
	return nil
}

type database struct{}

func (database) Connect(context.Context) (driver.Conn, error) { return conn{}, nil }
func (database) Driver() driver.Driver                        { return nil }

func user(db *sql.DB) (name string, err error) {
	err = db.QueryRow("SELECT name").Scan(&name)
	return name, err
}

func main() {
	db := sql.OpenDB(database{})
	db.SetMaxOpenConns(2)
	for range 20 {
		go func() {
			for {
				if _, err := user(db); err != nil {
					log.Fatal(err)
				}
			}
		}()
	}
	log.Fatal(http.ListenAndServe("localhost:6060", nil))
}
