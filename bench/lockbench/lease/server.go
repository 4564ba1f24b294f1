// Package lease is a small reservation server: locks by name, granted in the
// order in which they were asked for, for a time. It is what a team writes in a
// day, and what the other services are compared with. It forgets all when it
// ends, unless it is given a [Store].
//
// Clients speak lines over TCP, one request at a time:
//
//	acquire NAME TTL     → granted TOKEN
//	renew NAME TOKEN TTL → renewed, or: over
//	release NAME TOKEN   → released, or: over
//
// A connection that ends takes its waiting request along; locks that were granted
// over it stay until they are released, or expire.
package lease

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/contend-go/contend/bench/lockbench"
)

// Server answers requests out of one table.
type Server struct {
	table *table
	store Store
	// More answers requests that are not of this package; ok is false for those
	// that it does not know either. It may be nil.
	More func(words []string) (answer string, ok bool)
}

// NewServer is a server of the locks in a store, or in memory if it is nil.
func NewServer(store Store) (*Server, error) {
	if store == nil {
		store = memory{}
	}
	t, err := newTable(store)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return &Server{table: t, store: store}, nil
}

// Serve answers until ctx ends, and closes the store.
func (s *Server) Serve(ctx context.Context, m lockbench.Member) error {
	return errors.Join(serve(ctx, m, s.handle), s.store.Close())
}

// serve listens until ctx ends.
func serve(ctx context.Context, m lockbench.Member, handle func(net.Conn)) error {
	l, err := net.Listen("tcp", m.Addr)
	if err != nil {
		return err
	}
	m.Ready()
	return lockbench.Accept(ctx, l, handle)
}

// handle answers one connection. It reads ahead, to see it end while a request
// waits.
func (s *Server) handle(c net.Conn) {
	requests := make(chan string)
	over := make(chan struct{})
	defer close(over)
	go func() {
		defer close(requests)
		for r := bufio.NewScanner(c); r.Scan(); {
			select {
			case requests <- r.Text():
			case <-over:
				return
			}
		}
	}()
	for line := range requests {
		answer, ok := s.answer(line, requests)
		if !ok {
			return
		}
		if _, err := io.WriteString(c, answer+"\n"); err != nil {
			return
		}
	}
}

// answer carries out a request; ok is false if the connection ended meanwhile.
func (s *Server) answer(line string, ended <-chan string) (answer string, ok bool) {
	f := strings.Fields(line)
	switch {
	case len(f) == 3 && f[0] == "acquire":
		ttl, err := time.ParseDuration(f[2])
		if err != nil || ttl <= 0 {
			return "error no time: " + f[2], true
		}
		w, err := s.table.ask(f[1], ttl)
		if err != nil {
			return "error " + err.Error(), true
		}
		select {
		case token := <-w.granted:
			return "granted " + strconv.FormatUint(token, 10), true
		case <-ended: // or a second request, which is against the rules
			s.table.leave(f[1], w)
			return "", false
		}
	case len(f) == 4 && f[0] == "renew":
		token, err := strconv.ParseUint(f[2], 10, 64)
		ttl, err2 := time.ParseDuration(f[3])
		if err := errors.Join(err, err2); err != nil {
			return "error " + err.Error(), true
		}
		if s.table.renew(f[1], token, ttl) {
			return "renewed", true
		}
		return "over", true
	case len(f) == 3 && f[0] == "release":
		token, err := strconv.ParseUint(f[2], 10, 64)
		if err != nil {
			return "error no token: " + f[2], true
		}
		was, err := s.table.release(f[1], token)
		switch {
		case err != nil:
			return "error " + err.Error(), true
		case was:
			return "released", true
		}
		return "over", true
	}
	if s.More != nil {
		if answer, ok := s.More(f); ok {
			return answer, true
		}
	}
	return fmt.Sprintf("error unknown request: %q", line), true
}
