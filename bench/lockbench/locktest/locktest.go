// Package locktest holds a lock service to what it promises. [Run] is for tests;
// [Check] returns what it found.
//
//	func TestMyLock(t *testing.T) { locktest.Run(t, mylock.Service()) }
//
// Servers run in the process of the test. Whether somebody was let in too early is
// judged by times that were taken, never by how long something took: a busy host
// breaks no promise.
package locktest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/port"
)

// Run checks every promise of the service, each in a test of its own.
func Run(t *testing.T, s lockbench.Service) {
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			if !c.fits(&s.Promises) {
				t.Skip("not promised")
			}
			for _, found := range run(c, s, t.TempDir()) {
				t.Error(found)
			}
		})
	}
}

// Check checks every promise, and returns what is broken: one line each, which
// begins with the name of the check.
func Check(s lockbench.Service, dir string) (broken []string) {
	for _, c := range checks {
		if !c.fits(&s.Promises) {
			continue
		}
		for _, found := range run(c, s, filepath.Join(dir, c.name)) {
			broken = append(broken, c.name+": "+found)
		}
	}
	return broken
}

// TTL is the lease that is asked for, or the shortest that the service grants if
// that is longer.
const TTL = 400 * time.Millisecond

// ttl is what a check asks for. No check waits for a session that has fallen silent, and
// on a busy host one with a short time to live ends though its client and its servers are
// well: so sessions get several times the least.
func ttl(p *lockbench.Promises) time.Duration {
	if p.Expiry == lockbench.BySession {
		return 8 * max(TTL, p.LeastTTL)
	}
	return max(TTL, p.LeastTTL)
}

// trial is one check at work.
type trial struct {
	service *lockbench.Service
	ttl     time.Duration
	dir     string
	ctx     context.Context
	found   []string

	members []lockbench.Member
	stop    func() error // the servers
	clients int
}

// errGaveUp ends a check that cannot go on; what was found says why.
var errGaveUp = errors.New("the check cannot go on")

// run runs one check with servers of its own.
func run(c check, s lockbench.Service, dir string) []string {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	t := &trial{service: &s, ttl: ttl(&s.Promises), dir: dir, ctx: ctx}
	release, err := t.prepare()
	if err != nil {
		return []string{err.Error()}
	}
	defer release()
	if err := t.start(true); err != nil {
		return []string{err.Error()}
	}
	defer func() {
		if r := recover(); r != nil && r != errGaveUp {
			panic(r)
		}
	}()
	func() {
		defer func() {
			if r := recover(); r != nil && r != errGaveUp {
				panic(r)
			}
		}()
		c.do(t)
	}()
	if err := t.stop(); err != nil {
		t.broken("the service did not end well: %v", err)
	}
	return t.found
}

func (t *trial) broken(format string, args ...any) {
	t.found = append(t.found, fmt.Sprintf(format, args...))
}

// fatal ends the check.
func (t *trial) fatal(format string, args ...any) {
	t.broken(format, args...)
	panic(errGaveUp)
}

// prepare makes folders and reserves ports, until release is called.
func (t *trial) prepare() (release func(), err error) {
	n := t.service.Members
	addrs, release, err := port.Reserve(2 * n)
	if err != nil {
		return nil, err
	}
	dirs := []string{"shared"}
	for i := range n {
		m := lockbench.Member{Index: i, Dir: filepath.Join(t.dir, "server"+strconv.Itoa(i)), Addr: addrs[i], Peers: addrs[n:], Dial: addrs[n:], TTL: t.ttl}
		t.members = append(t.members, m)
		dirs = append(dirs, filepath.Base(m.Dir))
	}
	for _, d := range dirs {
		if err := os.MkdirAll(filepath.Join(t.dir, d), 0o755); err != nil {
			release()
			return nil, err
		}
	}
	return release, nil
}

// start starts all servers, and waits until they answer.
func (t *trial) start(fresh bool) error {
	ctx, cancel := context.WithCancel(context.Background())
	type ended struct {
		member int
		err    error
	}
	over := make(chan ended, len(t.members))
	ready := make(chan int, len(t.members))
	for i, m := range t.members {
		m.Fresh = fresh
		m.Ready = func() { ready <- i }
		go func() { over <- ended{i, t.service.Serve(ctx, m)} }()
	}
	t.stop = func() (err error) {
		cancel()
		for range t.members {
			err = errors.Join(err, (<-over).err)
		}
		return err
	}
	for range t.members {
		select {
		case <-ready:
		case e := <-over:
			over <- e
			return fmt.Errorf("server %d ended before it was ready: %v", e.member, errors.Join(e.err, t.stop()))
		}
	}
	return nil
}

// restart ends all servers and starts them on the data that they have.
func (t *trial) restart() {
	if err := t.stop(); err != nil {
		t.fatal("a server did not end well: %v", err)
	}
	if err := t.start(false); err != nil {
		t.fatal("a server did not start again: %v", err)
	}
}

// session is one of another client.
func (t *trial) session() lockbench.Session {
	t.clients++
	n := t.clients
	target := lockbench.Target{Dir: filepath.Join(t.dir, "shared"), Prefix: "locktest-", Client: "client" + strconv.Itoa(n), TTL: t.ttl}
	for i := range t.members {
		target.Addrs = append(target.Addrs, t.members[(i+n)%len(t.members)].Addr)
	}
	s, err := t.service.Connect(t.ctx, target)
	if err != nil {
		t.fatal("no session: %v", err)
	}
	return s
}

// grant is a lock that a client was granted, with the times around it.
type grant struct {
	lockbench.Lease
	asked, at time.Time
	err       error
}

// acquire waits until a lock is granted.
func (t *trial) acquire(s lockbench.Session, name string) grant {
	g := t.try(t.ctx, s, name)
	if g.err != nil {
		t.fatal("a lock that is free, or becomes free, was not granted: %v", g.err)
	}
	return g
}

// try asks for a lock until ctx ends, or the check has waited long enough.
func (t *trial) try(ctx context.Context, s lockbench.Session, name string) grant {
	ctx, cancel := context.WithTimeout(ctx, t.hung())
	defer cancel()
	for {
		asked := time.Now()
		l, err := s.Acquire(ctx, "locktest-"+name)
		if errors.Is(err, lockbench.ErrBusy) && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
			continue
		}
		if err == nil && l == nil {
			t.fatal("neither a lease nor an error")
		}
		return grant{l, asked, time.Now(), err}
	}
}

// ask asks for a lock, and does not wait.
func (t *trial) ask(s lockbench.Session, name string) <-chan grant {
	ctx, c := t.ctx, make(chan grant, 1)
	go func() { c <- t.try(ctx, s, name) }()
	return c
}

func (t *trial) release(l lockbench.Lease) {
	if err := l.Release(t.ctx); err != nil {
		t.fatal("release: %v", err)
	}
}

// holdsUntil is until when a lease that is not renewed surely holds; far away
// where it does not expire.
func (t *trial) holdsUntil(g grant) time.Time {
	if until, ok := g.Deadline(); ok {
		return until
	}
	return g.at.Add(time.Hour)
}

// moment is how long to look for somebody who is let in too early. Longer looks
// find more, and none finds what is not there.
const moment = 100 * time.Millisecond

// hung is when something that must happen counts as never happening, on any host.
func (t *trial) hung() time.Duration { return t.service.Promises.LeastTTL*20 + Patience }

// Patience is how long a check waits for what must happen. Only a service that
// breaks its promise makes a check wait so long.
var Patience = time.Minute
