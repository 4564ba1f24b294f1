package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/cmd/contend-locks/server"
)

// program is found where Debian and Ubuntu put it, if it is not on PATH: the newest
// version.
var program = server.Program{
	Name: "postgres", Package: "postgresql", Places: []string{"/usr/lib/postgresql/[1-9][0-9]/bin/postgres"},
	End: syscall.SIGINT, // does not wait for clients, as SIGTERM would
}

// mostConnections has room for 64 clients that have two or three each; the default is 100.
const mostConnections = 400

// serve is a server with its settings as they are by default, but for these and the given ones:
// a commit is on the disk when it is answered.
func serve(ctx context.Context, m lockbench.Member, settings ...string) (err error) {
	host, port, err := net.SplitHostPort(m.Addr)
	if err != nil {
		return err
	}
	home, err := server.NewHome(filepath.Join(m.Dir, "data"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, home.Close()) }()
	if m.Fresh {
		if err := initialise(ctx, m, home); err != nil || ctx.Err() != nil {
			return err
		}
	}
	if err := disown(filepath.Join(m.Dir, "data", "postmaster.pid")); err != nil {
		return err
	}
	p := program
	p.Home, p.Try = home, greet
	args := []string{"-D", home.Path, "-p", port}
	for _, set := range append(settings, "max_connections="+strconv.Itoa(mostConnections), "listen_addresses="+host, "unix_socket_directories=", "log_min_messages=fatal") {
		args = append(args, "-c", set)
	}
	for n := 0; ; n++ {
		err := p.Serve(ctx, m, args...)
		if n == mostTries || !errors.Is(err, server.ErrEnded) {
			return err
		}
		time.Sleep(tryEvery)
	}
}

// greet connects, and leaves.
func greet(ctx context.Context, addr string) error {
	conn, err := connect(ctx, lockbench.Target{Addrs: []string{addr}})
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// A server that was killed is followed by another only when the processes that it
// started have noticed, which takes a moment.
const (
	mostTries = 20
	tryEvery  = 100 * time.Millisecond
)

// disown makes the number in a lock file that of the server's parent, which the server
// knows not to be another server. Otherwise a server that was killed would keep the
// next one out as long as nobody has asked how it ended, as in many containers
// nobody does. The rest of the file, by which the server finds out whether anybody
// uses the data still, is left as it is.
func disown(path string) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil // it ended by itself
	}
	if err != nil {
		return err
	}
	_, rest, _ := bytes.Cut(text, []byte("\n"))
	return os.WriteFile(path, fmt.Appendf(nil, "%d\n%s", os.Getpid(), rest), 0o600)
}

// superuser is whom clients connect as.
const superuser = "postgres"

// initialise makes the files of a new server, by the program beside the server's.
func initialise(ctx context.Context, m lockbench.Member, home *server.Home) error {
	path, err := program.Find()
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		return err
	}
	initdb := server.Program{Name: filepath.Join(filepath.Dir(path), "initdb"), Package: program.Package, Home: home}
	return initdb.Run(ctx, m, "-D", home.Path, "-U", superuser, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
}
