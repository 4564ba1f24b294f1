package locktest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/lockbench/history"
)

// check is one promise, and how it is tried.
type check struct {
	name    string
	applies func(*lockbench.Promises) bool // nil: to all locks, but not to what does without
	do      func(*trial)
}

// fits reports whether a service that promises p is to be held to it.
func (c *check) fits(p *lockbench.Promises) bool {
	if c.applies == nil {
		return lock(p)
	}
	return c.applies(p)
}

func lock(p *lockbench.Promises) bool { return !p.Changes && !p.Queue }

func queue(p *lockbench.Promises) bool { return p.Queue }

func changes(p *lockbench.Promises) bool { return p.Changes && !p.Adds }

func adds(p *lockbench.Promises) bool { return p.Adds }

func excludes(fault string) func(*lockbench.Promises) bool {
	return func(p *lockbench.Promises) bool { return lock(p) && slices.Contains(p.Excludes, fault) }
}

// checks is the one list of them.
var checks = []check{
	{"exclusion", excludes(lockbench.NoFault), exclusion},
	{"release", excludes(lockbench.NoFault), releaseLetsIn},
	{"withdrawn", excludes(lockbench.NoFault), withdrawn},
	{"names", nil, names},
	{"reentrance", excludes(lockbench.NoFault), reentrance},
	{"order", func(p *lockbench.Promises) bool { return p.FIFO }, order},
	{"tokens", func(p *lockbench.Promises) bool { return lock(p) && p.Token == history.Ordered }, tokens},
	{"deadline", func(p *lockbench.Promises) bool { return p.Expiry == lockbench.ByLease }, deadline},
	{"expiry", func(p *lockbench.Promises) bool { return lock(p) && p.Expiry == lockbench.ByLease }, expiry},
	{"late-release", func(p *lockbench.Promises) bool { return lock(p) && p.Expiry == lockbench.ByLease }, lateRelease},
	{"session", func(p *lockbench.Promises) bool { return p.Expiry == lockbench.BySession }, sessionEnds},
	{"lost", nil, lostIsThere},
	{"restart", excludes("restart-server"), restart},
	{"changes", changes, everyChange},
	{"additions", adds, everyAddition},
	{"items", queue, items},
	{"overdue", queue, overdue},
}

// item is that of a grant; -1 if it does not say.
func (t *trial) item(g grant) int {
	r, ok := g.Lease.(lockbench.Reservation)
	if !ok {
		t.broken("a queue's lease is a %T, which does not say of which item", g.Lease)
		return -1
	}
	return r.Item()
}

// items: what was reserved nobody gets once more, the same client included, whether it
// is still reserved or finished, unless its time is over.
func items(t *trial) {
	const clients, times, together = 4, 5, 4
	var mu sync.Mutex            // guards what was found, too
	taken := map[int]time.Time{} // items, and until when nobody must get them
	reserve := func(s lockbench.Session) (g grant, ok bool) {
		g = t.try(t.ctx, s, "x")
		mu.Lock()
		defer mu.Unlock()
		if g.err != nil {
			t.broken("a reservation: %v", g.err)
			return g, false
		}
		item := t.item(g)
		if g.at.Before(taken[item]) {
			t.broken("item %d was handed out twice", item)
		}
		taken[item] = t.holdsUntil(g)
		return g, true
	}
	finish := func(g grant) {
		err := g.Release(t.ctx)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			t.broken("finishing an item: %v", err)
		}
		if item := t.item(g); time.Now().Before(taken[item]) {
			taken[item] = g.at.Add(time.Hour) // it is finished
		}
	}
	var all sync.WaitGroup
	for range clients {
		s := t.session()
		all.Go(func() {
			defer s.Close()
			for range times {
				var has []grant
				for range together {
					if g, ok := reserve(s); ok {
						has = append(has, g)
					}
				}
				for _, g := range has {
					finish(g)
				}
			}
		})
	}
	all.Wait()
}

// overdue: the item of a silent client is handed to another, with a higher token and
// not before its deadline; that the first one finishes it late then changes nothing.
func overdue(t *trial) {
	a, b, c := t.session(), t.session(), t.session()
	defer a.Close()
	defer b.Close()
	defer c.Close()
	again := func(s lockbench.Session, before grant) grant {
		for began := time.Now(); time.Since(began) < t.hung(); {
			g := t.acquire(s, "x")
			if t.item(g) == t.item(before) {
				if until := t.holdsUntil(before); g.at.Before(until) {
					t.broken("an item was handed to another client %v before the deadline of the first", until.Sub(g.at))
				}
				if g.Token().Kind == history.Ordered && g.Token().Value <= before.Token().Value {
					t.broken("token %v after %v for the same item", g.Token(), before.Token())
				}
				return g
			}
			t.release(g.Lease)
		}
		t.fatal("the item of a silent client was not handed to another")
		return grant{}
	}
	first := t.acquire(a, "x")
	second := again(b, first)
	if err := first.Release(t.ctx); err != nil {
		t.broken("finishing an item too late: %v", err)
	}
	again(c, second) // so it is still in the queue
}

// everyChange: changes of several clients at once, before and after a restart, each
// count once, and their tokens are in the order of the numbers that they led to.
func everyChange(t *trial) {
	const clients, times = 4, 20
	var mu sync.Mutex
	tokens := map[int64]history.Token{}
	for range 2 {
		var all sync.WaitGroup
		for range clients {
			s := t.session().(lockbench.Changer)
			all.Go(func() {
				defer s.Close()
				for range times {
					n, token, err := s.Change(t.ctx, "locktest-x")
					for errors.Is(err, lockbench.ErrBusy) {
						n, token, err = s.Change(t.ctx, "locktest-x")
					}
					mu.Lock()
					if err != nil {
						t.broken("a change: %v", err)
					}
					tokens[n] = token
					mu.Unlock()
				}
			})
		}
		all.Wait()
		t.restart()
	}
	for n := int64(1); n <= 2*clients*times; n++ {
		k, ok := tokens[n]
		if !ok {
			t.broken("no change of %d led to the number %d", 2*clients*times, n)
			return
		}
		if n > 1 && k.Value <= tokens[n-1].Value {
			t.broken("the change to %d has token %v, the one before it %v", n, k, tokens[n-1])
		}
	}
}

// everyAddition: whoever counts finds each addition once, whichever server it was made at,
// also after a restart where that is promised to keep them.
func everyAddition(t *trial) {
	const clients, times = 4, 20
	rounds := 1
	if slices.Contains(t.service.Promises.Excludes, "restart-server") {
		rounds = 2
	}
	for round := range rounds {
		if round > 0 {
			t.restart()
		}
		var sessions []lockbench.Adder
		for range clients {
			sessions = append(sessions, t.session().(lockbench.Adder))
		}
		failed := make(chan error, clients)
		for _, s := range sessions {
			go func() {
				var err error
				for n := 0; n < times && err == nil; n++ {
					_, _, err = s.Change(t.ctx, "locktest-x")
				}
				failed <- err
			}()
		}
		for range clients {
			if err := <-failed; err != nil {
				t.fatal("an addition: %v", err)
			}
		}
		for i, s := range sessions {
			want := int64((round + 1) * clients * times)
			if n, err := s.Count(t.ctx, "locktest-x"); err != nil || n != want {
				t.broken("client %d counts %d of %d additions: %v", i, n, want, err)
			}
			if n, err := s.Count(t.ctx, "locktest-y"); err != nil || n != 0 {
				t.broken("client %d counts %d additions to a number that nobody changed: %v", i, n, err)
			}
			_ = s.Close()
		}
	}
}

// exclusion lets clients contend for two locks, and judges their history.
func exclusion(t *trial) {
	const clients, pairs = 4, 40
	var mu sync.Mutex
	var events []history.Event
	value := map[int]int64{} // what the locks guard; accessed under mu, which excludes nobody for longer
	note := func(client, op, lock int, what history.What, token history.Token, v int64) {
		events = append(events, history.Event{T: history.Now(), Client: client, Op: op, What: what, Lock: lock, Token: token, Value: v})
	}
	var all sync.WaitGroup
	began := time.Now()
	for client := range clients {
		s := t.session()
		all.Go(func() {
			defer s.Close()
			r := rand.New(rand.NewPCG(uint64(client), 7))
			for op := 0; op < pairs && time.Since(began) < t.hung(); op++ {
				lock := r.IntN(2)
				mu.Lock()
				note(client, op, lock, history.AcquireSent, history.Token{}, 0)
				mu.Unlock()
				g := t.try(t.ctx, s, []string{"a", "b"}[lock])
				mu.Lock()
				if g.err != nil {
					t.broken("acquire: %v", g.err)
					mu.Unlock()
					return
				}
				note(client, op, lock, history.Acquired, g.Token(), 0)
				v := value[lock]
				note(client, op, lock, history.Read, g.Token(), v)
				mu.Unlock()
				time.Sleep(time.Duration(r.IntN(200)) * time.Microsecond)
				mu.Lock()
				if time.Now().Before(t.holdsUntil(g)) {
					value[lock] = v + 1
					note(client, op, lock, history.Write, g.Token(), v+1)
				}
				if !time.Now().Before(t.holdsUntil(g)) {
					note(client, op, lock, history.Lost, g.Token(), 0)
				}
				note(client, op, lock, history.ReleaseSent, g.Token(), 0)
				mu.Unlock()
				if err := g.Release(t.ctx); err != nil {
					mu.Lock()
					t.broken("release: %v", err)
					mu.Unlock()
					return
				}
				mu.Lock()
				note(client, op, lock, history.Released, g.Token(), 0)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	history.Sort(events)
	if v := history.Judge(events); v.Overlaps > 0 || v.LostUpdates > 0 {
		t.broken("%d times a lock was granted while another client held it, %v in all; %d updates lost", v.Overlaps, v.Overlap, v.LostUpdates)
	}
}

// releaseLetsIn: who holds keeps others out, and who releases lets one in, before
// the lease would have been over: at least one time of several, on a busy host.
func releaseLetsIn(t *trial) {
	a, b := t.session(), t.session()
	defer a.Close()
	defer b.Close()
	const times = 5
	for n := range times {
		held := t.acquire(a, "x")
		next := t.ask(b, "x")
		select {
		case g := <-next:
			t.early(held, g)
			return
		case <-time.After(moment):
		}
		t.release(held.Lease)
		g := <-next
		if g.err != nil {
			t.broken("a waiter got an error in the place of the lock: %v", g.err)
			return
		}
		t.release(g.Lease)
		if g.at.Before(t.holdsUntil(held)) {
			return
		}
		if n == times-1 {
			t.broken("a lock that was released became free only when its lease was over")
		}
	}
}

// early is what is wrong with a second grant, if the first was not over.
func (t *trial) early(held, g grant) {
	switch {
	case g.err != nil:
		t.broken("a waiter got an error: %v", g.err)
	case g.at.Before(t.holdsUntil(held)):
		t.broken("a lock was granted while another client held it, %v before that lease was over", t.holdsUntil(held).Sub(g.at).Round(time.Millisecond))
	}
}

// withdrawn: a client that gives up waiting leaves nothing behind.
func withdrawn(t *trial) {
	a, b := t.session(), t.session()
	defer a.Close()
	held := t.acquire(a, "x")
	ctx, cancel := context.WithTimeout(t.ctx, moment/2)
	defer cancel()
	g := t.try(ctx, b, "x")
	if g.err == nil {
		t.early(held, g)
		return
	}
	_ = b.Close()
	t.release(held.Lease)
	c := t.session()
	defer c.Close()
	ctx, cancel = context.WithTimeout(t.ctx, t.hung())
	defer cancel()
	g = t.try(ctx, c, "x")
	if g.err != nil {
		t.broken("after a client gave up waiting, and the holder released, the lock was free for nobody: %v", g.err)
		return
	}
	t.release(g.Lease)
}

// names: locks of different names have nothing to do with each other.
func names(t *trial) {
	a, b := t.session(), t.session()
	defer a.Close()
	defer b.Close()
	held := t.acquire(a, "one")
	other := t.ask(b, "other")
	until := t.holdsUntil(held)
	select {
	case g := <-other:
		if g.err != nil {
			t.broken("a free lock, while another is held: %v", g.err)
			return
		}
		if g.at.After(until) {
			t.broken("a free lock was granted only when the lease of another was over")
		}
		t.release(g.Lease)
	case <-time.After(t.hung()):
		t.broken("a free lock was not granted while another was held")
	}
	t.release(held.Lease)
}

// reentrance: a session that holds a lock gets it again only where that is
// promised.
func reentrance(t *trial) {
	s := t.session()
	defer s.Close()
	held := t.acquire(s, "x")
	ctx, cancel := context.WithTimeout(t.ctx, moment)
	defer cancel()
	g := t.try(ctx, s, "x")
	if g.err == nil && !t.service.Promises.Reentrant && g.at.Before(t.holdsUntil(held)) {
		t.broken("a session got a lock that it held already, and promises not to be reentrant")
	}
	if g.err != nil && t.service.Promises.Reentrant {
		t.broken("a session did not get a lock that it held already: %v", g.err)
	}
}

// order: waiters are served in the order in which they asked.
func order(t *trial) {
	const waiters = 4
	first := t.session()
	defer first.Close()
	held := t.acquire(first, "x")
	var mu sync.Mutex
	var served []int
	var all sync.WaitGroup
	for i := range waiters {
		s := t.session()
		defer s.Close()
		next := t.ask(s, "x")
		all.Go(func() {
			g := <-next
			mu.Lock()
			served = append(served, i)
			mu.Unlock()
			if g.err == nil {
				_ = g.Release(t.ctx)
			}
		})
		time.Sleep(moment / 5) // so that the requests arrive one after the other
	}
	if !time.Now().Before(t.holdsUntil(held)) {
		all.Wait() // the lease was over before all had asked: nothing can be said
		return
	}
	t.release(held.Lease)
	all.Wait()
	if !slices.IsSorted(served) {
		t.broken("waiters were served in the order %v", served)
	}
}

// tokens rise from lease to lease, also over sessions, and over a restart where
// the lock survives it.
func tokens(t *trial) {
	var last uint64
	next := func() {
		s := t.session()
		defer s.Close()
		for range 3 {
			g := t.acquire(s, "x")
			k := g.Token()
			if k.Kind != history.Ordered || k.Value <= last {
				t.broken("token %v after %d", k, last)
			}
			last = max(last, k.Value)
			t.release(g.Lease)
		}
	}
	next()
	next()
	if slices.Contains(t.service.Promises.Excludes, "restart-server") {
		t.restart()
		next()
	}
}

// deadline: it is no later than a lease after the answer.
func deadline(t *trial) {
	s := t.session()
	defer s.Close()
	g := t.acquire(s, "x")
	switch until, ok := g.Deadline(); {
	case !ok:
		t.broken("a lease without a deadline")
	case until.After(g.at.Add(t.ttl)):
		t.broken("the deadline is %v after the lock was granted, for a lease of %v", until.Sub(g.at), t.ttl)
	}
}

// expiry: the lock of a silent holder becomes free, and not before its deadline.
func expiry(t *trial) {
	a, b := t.session(), t.session()
	defer a.Close()
	defer b.Close()
	held := t.acquire(a, "x")
	until := t.holdsUntil(held)
	select {
	case g := <-t.ask(b, "x"):
		switch {
		case g.err != nil:
			t.broken("the lock of a silent holder: %v", g.err)
		case g.at.Before(until):
			t.broken("granted to another %v before the deadline of its holder", until.Sub(g.at))
		default:
			t.release(g.Lease)
		}
	case <-time.After(t.hung()):
		t.broken("the lock of a silent holder did not become free")
	}
}

// lateRelease: who releases a lease that is over does not release the next one.
func lateRelease(t *trial) {
	a, b, c := t.session(), t.session(), t.session()
	defer a.Close()
	defer b.Close()
	defer c.Close()
	old := t.acquire(a, "x")
	held := t.acquire(b, "x") // once it has expired
	_ = old.Release(t.ctx)
	next := t.ask(c, "x")
	select {
	case g := <-next:
		if g.err == nil && g.at.Before(t.holdsUntil(held)) {
			t.broken("a late release of an old lease let a third client in while the second held the lock")
		}
	case <-time.After(moment):
		_ = held.Release(t.ctx)
		<-next // its session is one goroutine's until then
	}
}

// sessionEnds: what a session holds is free when it is closed.
func sessionEnds(t *trial) {
	a, b := t.session(), t.session()
	defer b.Close()
	t.acquire(a, "x")
	_ = a.Close()
	select {
	case g := <-t.ask(b, "x"):
		if g.err != nil {
			t.broken("the lock of a closed session: %v", g.err)
		}
	case <-time.After(t.hung()):
		t.broken("the lock of a closed session did not become free")
	}
}

// lostIsThere: the channel exists, and is open while the lease is good.
func lostIsThere(t *trial) {
	s := t.session()
	defer s.Close()
	g := t.acquire(s, "x")
	if g.Lost() == nil {
		t.fatal("Lost is nil: a client that waits for it waits for ever")
	}
	select {
	case <-g.Lost():
		if time.Now().Before(t.holdsUntil(g)) {
			t.broken("a lease that was just granted is said to be lost")
		}
	default:
	}
	t.release(g.Lease)
}

// restart: a lock that is held is held after its servers were restarted.
func restart(t *trial) {
	a := t.session()
	defer a.Close()
	held := t.acquire(a, "x")
	t.restart()
	b := t.session()
	defer b.Close()
	next := t.ask(b, "x")
	select {
	case g := <-next:
		if g.err == nil && g.at.Before(t.holdsUntil(held)) {
			select {
			case <-held.Lost():
			default:
				t.broken("after a restart of the servers a second client was let in, %v before the first one's lease was over", t.holdsUntil(held).Sub(g.at).Round(time.Millisecond))
			}
		}
	case <-time.After(moment):
		_ = held.Release(t.ctx) // if it fails, the lease ends by itself
		<-next
	}
}
