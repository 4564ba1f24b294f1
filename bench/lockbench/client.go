package lockbench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/contend-go/contend/bench/load"
	"github.com/contend-go/contend/bench/lockbench/history"
)

// clientRole is a process of clients: each is a goroutine with a session of its
// own, that acquires, reads and writes what the lock guards, and releases, until
// it is told to stop.
type clientRole struct {
	Service  string        `json:"service"`
	Target   Target        `json:"target"`
	Clients  []int         `json:"clients"`
	Locks    int           `json:"locks"`
	Hold     time.Duration `json:"hold"`
	Think    time.Duration `json:"think"`
	Seed     uint64        `json:"seed"`
	Resource string        `json:"resource"` // file
	Dir      string        `json:"dir"`      // of the histories
	Patience time.Duration `json:"patience"` // with a service that does not answer at first
}

// What is said between the cell and a process of clients, a line each.
const (
	sayGo      = "go"
	sayHold    = "hold"    // client, and "blind" or "watch": stop in the next critical section, between the check and the write
	sayProceed = "proceed" // go on there
	sayPace    = "pace"    // a pacing as JSON: end the closed loop, and acquire when the plan says
	sayStop    = "stop"    // begin no other acquire
	sayAbort   = "abort"   // give up what still waits

	hearHolding = "holding" // client, number of the acquire, lock
	hearDone    = "done"

	blind    = "blind" // writes when it is told to, as a process that was stopped after its check
	watching = "watch" // leaves as soon as it can know that the lease is lost
)

// clients is such a process at work.
type clients struct {
	role    *clientRole
	service *Service
	memory  *sharedMemory

	begin   chan struct{}
	proceed chan struct{}
	loop    context.Context // until stop
	closed  context.Context // until pace or stop
	calls   context.Context // until abort

	pacing   *pacing // set before closed ends; nil without a plan
	schedule *load.Schedule

	unable atomic.Bool // a client has no session

	mu   sync.Mutex
	held map[int]string // client that is to hold: how
	out  io.Writer      // guarded by mu
}

func historyFile(dir string, client int) string {
	return filepath.Join(dir, strconv.Itoa(client)+".history")
}

func (r *clientRole) run(services []Service, in io.Reader, out io.Writer) (err error) {
	s, err := lookup(services, r.Service)
	if err != nil {
		return err
	}
	p := &clients{role: r, service: s, begin: make(chan struct{}), proceed: make(chan struct{}, len(r.Clients)), held: map[int]string{}, out: out}
	if p.memory, err = openMemory(r.Resource, guarded(s, r.Locks)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unmapShared(p.memory.bytes)) }()
	var stop, endClosed, abort context.CancelFunc
	p.loop, stop = context.WithCancel(context.Background())
	p.closed, endClosed = context.WithCancel(p.loop)
	p.calls, abort = context.WithCancel(context.Background())
	defer abort()
	defer endClosed()
	defer stop()
	go func() {
		p.listen(in, stop, endClosed, abort)
		stop()
		abort()
	}()
	var ready, done sync.WaitGroup
	failed := make(chan error, len(r.Clients))
	for _, id := range r.Clients {
		ready.Add(1)
		done.Go(func() { failed <- p.client(id, ready.Done) })
	}
	ready.Wait()
	if p.unable.Load() {
		stop()
		abort()
	} else {
		p.say(readyLine)
	}
	done.Wait()
	close(failed)
	for e := range failed {
		err = errors.Join(err, e)
	}
	if err == nil {
		p.say(hearDone)
	}
	return err
}

// listen does what the cell says, until it says no more.
func (p *clients) listen(in io.Reader, stop, endClosed, abort func()) {
	for s := bufio.NewScanner(in); s.Scan(); {
		words := strings.Fields(s.Text())
		switch {
		case len(words) > 1 && words[0] == sayPace:
			if err := p.pace(strings.TrimPrefix(s.Text(), sayPace)); err != nil {
				p.say("%s: %v", sayPace, err)
				return
			}
			endClosed()
		case len(words) == 1 && words[0] == sayGo:
			close(p.begin)
		case len(words) == 1 && words[0] == sayProceed:
			p.proceed <- struct{}{}
		case len(words) == 1 && words[0] == sayStop:
			stop()
		case len(words) == 1 && words[0] == sayAbort:
			abort()
		case len(words) == 3 && words[0] == sayHold:
			client, _ := strconv.Atoi(words[1])
			p.mu.Lock()
			p.held[client] = words[2]
			p.mu.Unlock()
		}
	}
}

func (p *clients) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, format+"\n", args...)
}

// client is one of them.
type client struct {
	*clients
	id, op   int
	session  Session
	resource *accessor
	log      *history.Writer
	random   *rand.Rand
	timer    *time.Timer
}

func (p *clients) client(id int, ready func()) (err error) {
	told := sync.OnceFunc(ready)
	defer told()
	c := &client{clients: p, id: id, resource: &accessor{sharedMemory: p.memory}, random: rand.New(rand.NewPCG(p.role.Seed, uint64(id))), timer: time.NewTimer(time.Hour)}
	if err := c.connectFirst(); err != nil {
		p.unable.Store(true)
		return fmt.Errorf("client %d: no session with %s: %w", id, p.role.Service, err)
	}
	defer func() { _ = c.session.Close() }()
	// From here on the service may hold something of the client: its history says so by being there.
	f, err := os.OpenFile(historyFile(p.role.Dir, id), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		p.unable.Store(true)
		return err
	}
	defer f.Close()
	c.log = history.NewWriter(f)
	told()
	select {
	case <-p.begin:
	case <-p.loop.Done():
	}
	for p.closed.Err() == nil {
		if err := c.pair(0); err != nil {
			return fmt.Errorf("client %d: %w", id, err)
		}
		c.pause(p.role.Think)
	}
	if err := errors.Join(c.follow(), c.count()); err != nil {
		return fmt.Errorf("client %d: %w", id, err)
	}
	return c.log.Flush()
}

// count notes what a service of additions says that they come to, once the client has made its own.
func (c *client) count() error {
	for lock := 0; lock < c.role.Locks; {
		s, ok := c.session.(Adder)
		if !ok {
			return nil
		}
		asked := history.Now()
		n, err := s.Count(c.calls, c.role.Target.Prefix+strconv.Itoa(lock))
		if err != nil {
			if err := c.reconnect(); err != nil {
				return err
			}
			continue
		}
		c.log.Add(history.Event{T: asked, Client: c.id, Op: c.op, What: history.Counted, Lock: lock, Token: none, Value: n})
		lock++
	}
	return nil
}

// connectFirst is connect, but for a service that cannot be reached at all.
func (c *client) connectFirst() error {
	ctx, cancel := context.WithCancel(c.calls) // lives as long as the session
	late := time.AfterFunc(c.role.Patience, cancel)
	err := c.connect(ctx)
	if !late.Stop() {
		if err == nil || err == context.Canceled { // the end of the patience, which says nothing of the service
			err = fmt.Errorf("no answer that a client of %s understands", c.role.Service)
		}
		return fmt.Errorf("given up after %v at %s: %w", c.role.Patience, redactedList(c.role.Target.Addrs), err)
	}
	if err != nil {
		cancel()
	}
	return err
}

func (c *client) connect(ctx context.Context) (err error) {
	t := c.role.Target
	t.Client = "client" + strconv.Itoa(c.id)
	c.session, err = c.service.Connect(ctx, t)
	return err
}

// add notes an event of the present acquire.
func (c *client) add(what history.What, lock int, token history.Token, note string) {
	c.log.Add(history.Event{T: history.Now(), Client: c.id, Op: c.op, What: what, Lock: lock, Token: token, Note: note})
}

// lost notes that the lease may be lost. The client knew it from the deadline on:
// since then it has done nothing under the lock, and every check would have failed.
func (c *client) lost(lock int, lease Lease) {
	t := history.Now()
	if until, ok := lease.Deadline(); ok {
		t -= max(0, int64(time.Since(until)))
	}
	c.log.Add(history.Event{T: t, Client: c.id, Op: c.op, What: history.Lost, Lock: lock, Token: lease.Token()})
}

// retryPause is between two calls of which the first failed.
const retryPause = 5 * time.Millisecond

// pair acquires, works and releases; due is when it was to begin, 0 in a closed loop. Its
// errors are those of the benchmark; the service's are in the history.
func (c *client) pair(due int64) error {
	lock := c.random.IntN(c.role.Locks)
	c.op++
	c.log.Add(history.Event{T: history.Now(), Client: c.id, Op: c.op, What: history.AcquireSent, Lock: lock, Token: none, Value: due})
	if err := c.log.Flush(); err != nil {
		return err
	}
	name := c.role.Target.Prefix + strconv.Itoa(lock)
	if s, ok := c.session.(Changer); ok {
		return c.change(s, lock, name)
	}
	lease, err := c.session.Acquire(c.calls, name)
	switch {
	case errors.Is(err, ErrBusy):
		return c.refused(lock)
	case err != nil && c.calls.Err() != nil:
		return nil // still waiting: no answer
	case err != nil:
		return c.unknown(lock, err)
	}
	if c.service.Promises.Queue {
		r, ok := lease.(Reservation)
		if !ok {
			return fmt.Errorf("a lease of %s, a queue, does not say of which item", c.service.Name)
		}
		if lock = r.Item(); lock >= mostItems {
			return fmt.Errorf("a cell has room for %d items of a queue: take a shorter --time", mostItems)
		}
	}
	c.add(history.Acquired, lock, lease.Token(), "")
	if err := c.log.Flush(); err != nil {
		return err
	}
	if err := c.critical(lock, lease); err != nil {
		return err
	}
	return c.release(lock, lease)
}

// change has the service make the change: nothing is held, and a client that is to
// hold only waits.
func (c *client) change(s Changer, lock int, name string) error {
	number, token, err := s.Change(c.calls, name)
	if errors.Is(err, ErrBusy) {
		return c.refused(lock)
	}
	if err != nil && c.calls.Err() != nil {
		return nil // still waiting: no answer
	}
	if err != nil {
		return c.unknown(lock, err)
	}
	t, changed := history.Now(), history.Changed
	if c.service.Promises.Adds {
		changed = history.Added
	}
	for _, what := range []history.What{history.Acquired, changed, history.ReleaseSent, history.Released} {
		c.log.Add(history.Event{T: t, Client: c.id, Op: c.op, What: what, Lock: lock, Token: token, Value: number})
	}
	if err := c.log.Flush(); err != nil {
		return err
	}
	if _, _, err := c.resource.do(request{readAccess, c.id, c.op, lock, none, 0}); err != nil { // for whoever waits for it
		return err
	}
	if how := c.told(); how != "" {
		c.say("%s %d %d %d", hearHolding, c.id, c.op, lock)
		select {
		case <-c.proceed:
		case <-c.calls.Done():
		}
	}
	return nil
}

// refused notes an acquire that was, and waits a moment.
func (c *client) refused(lock int) error {
	c.add(history.Busy, lock, none, "")
	c.pause(retryPause)
	return nil
}

// unknown notes an acquire that has no answer, and begins a new session.
func (c *client) unknown(lock int, err error) error {
	c.add(history.AcquireUnknown, lock, none, err.Error())
	return c.reconnect()
}

var none = history.Token{Kind: history.NoToken}

// reconnect opens a new session in the place of one that failed.
func (c *client) reconnect() error {
	_ = c.session.Close()
	for c.calls.Err() == nil {
		c.pause(retryPause)
		if c.connect(c.calls) == nil {
			return nil
		}
	}
	c.session = ended{}
	return nil
}

// ended is the session of a client that is not to begin another.
type ended struct{}

func (ended) Acquire(ctx context.Context, _ string) (Lease, error) { return nil, ctx.Err() }
func (ended) Close() error                                         { return nil }

// critical is what a careful client does under a lock: it reads, works, makes
// sure that the lease is not known to be lost, and writes.
func (c *client) critical(lock int, lease Lease) error {
	token := lease.Token()
	value, ok, err := c.resource.do(request{readAccess, c.id, c.op, lock, token, 0})
	if err != nil || !ok {
		return err
	}
	if c.role.Hold > 0 && !c.hold(lease, time.After(c.role.Hold)) || mayBeLost(lease) {
		c.lost(lock, lease)
		return nil
	}
	if how := c.told(); how != "" {
		c.say("%s %d %d %d", hearHolding, c.id, c.op, lock)
		if how == blind {
			select {
			case <-c.proceed:
			case <-c.calls.Done():
				return nil
			}
		} else if !c.holdUntilTold(lease) {
			c.lost(lock, lease)
			return c.log.Flush()
		}
	}
	_, _, err = c.resource.do(request{writeAccess, c.id, c.op, lock, token, value + 1})
	return err
}

// told is how this client is to hold, once; empty if it is not.
func (c *client) told() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	how := c.held[c.id]
	delete(c.held, c.id)
	return how
}

// mayBeLost reports whether a client can know that its lease may be lost.
func mayBeLost(lease Lease) bool {
	if until, ok := lease.Deadline(); ok && !time.Now().Before(until) {
		return true
	}
	select {
	case <-lease.Lost():
		return true
	default:
		return false
	}
}

// hold waits for done; false if the lease may be lost before.
func (c *client) hold(lease Lease, done <-chan time.Time) bool {
	var expired <-chan time.Time
	if until, ok := lease.Deadline(); ok {
		expired = c.after(time.Until(until))
	}
	select {
	case <-done:
		return true
	case <-lease.Lost():
	case <-expired:
	}
	return false
}

// holdUntilTold is hold, until the cell says that it may go on.
func (c *client) holdUntilTold(lease Lease) bool {
	told := make(chan time.Time)
	over := make(chan struct{})
	defer close(over)
	go func() {
		select {
		case <-c.proceed:
			close(told)
		case <-c.calls.Done():
			close(told)
		case <-over:
		}
	}()
	return c.hold(lease, told)
}

// longRelease is when the outcome of a release counts as unknown.
const longRelease = 10 * time.Second

func (c *client) release(lock int, lease Lease) error {
	c.add(history.ReleaseSent, lock, none, "")
	if err := c.log.Flush(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.calls, longRelease)
	defer cancel()
	if err := lease.Release(ctx); err != nil {
		c.add(history.ReleaseUnknown, lock, none, err.Error())
		return c.reconnect()
	}
	c.add(history.Released, lock, none, "")
	return nil
}

// after is the client's one timer, set anew.
func (c *client) after(d time.Duration) <-chan time.Time {
	c.timer.Reset(d)
	return c.timer.C
}

// pause sleeps, unless the process is told to stop.
func (c *client) pause(d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-c.after(d):
	case <-c.loop.Done():
	}
}
