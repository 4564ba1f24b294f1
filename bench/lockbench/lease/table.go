package lease

import (
	"fmt"
	"sync"
	"time"
)

// Held is what a [Store] keeps of a lock that is held. There is no time in it:
// clocks do not outlive a process, so a lock that is found after a restart is
// held for its whole lease once more.
type Held struct {
	Token uint64
	TTL   time.Duration
}

// Store keeps what must outlive the server. Its methods are called by one
// goroutine at a time, and return when the data is safe.
type Store interface {
	// Load returns the locks that are held, and the highest token ever handed out.
	Load() (held map[string]Held, highest uint64, err error)
	// Grant stores that a lock is held under a new token, the highest.
	Grant(name string, h Held) error
	// Free stores that it is not held any more.
	Free(name string) error
	Close() error
}

// memory is the Store of a server that forgets.
type memory struct{}

func (memory) Load() (map[string]Held, uint64, error) { return nil, 0, nil }
func (memory) Grant(string, Held) error               { return nil }
func (memory) Free(string) error                      { return nil }
func (memory) Close() error                           { return nil }

// table is the locks of a server. A lock is granted to those that wait for it in
// the order in which they asked.
type table struct {
	mu      sync.Mutex
	store   Store // guarded by mu, as is all that follows
	highest uint64
	locks   map[string]*lock
}

type lock struct {
	token   uint64 // of the holder; 0 if there is none
	expiry  *time.Timer
	waiters []*waiter // in the order in which they asked
}

// waiter is a request that is not answered yet.
type waiter struct {
	ttl     time.Duration
	granted chan uint64 // has room for the one token
}

func newTable(s Store) (*table, error) {
	held, highest, err := s.Load()
	if err != nil {
		return nil, fmt.Errorf("what was stored: %w", err)
	}
	t := &table{store: s, highest: highest, locks: map[string]*lock{}}
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, h := range held {
		l := &lock{token: h.Token}
		t.locks[name] = l
		t.expire(name, l, h.TTL)
	}
	return t, nil
}

// ask queues a request, and grants it at once if the lock is free.
func (t *table) ask(name string, ttl time.Duration) (*waiter, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.locks[name]
	if l == nil {
		l = new(lock)
		t.locks[name] = l
	}
	w := &waiter{ttl: ttl, granted: make(chan uint64, 1)}
	l.waiters = append(l.waiters, w)
	return w, t.next(name, l)
}

// next grants a free lock to the first that waits for it. Nobody waits and
// nobody holds: the lock is forgotten.
func (t *table) next(name string, l *lock) error {
	if l.token != 0 || l.expiry != nil {
		return nil
	}
	if len(l.waiters) == 0 {
		delete(t.locks, name)
		return nil
	}
	w := l.waiters[0]
	if err := t.store.Grant(name, Held{t.highest + 1, w.ttl}); err != nil {
		return err
	}
	l.waiters = l.waiters[1:]
	t.highest++
	l.token = t.highest
	t.expire(name, l, w.ttl)
	w.granted <- l.token
	return nil
}

// expire ends the lease after its time.
func (t *table) expire(name string, l *lock, ttl time.Duration) {
	token := l.token
	l.expiry = time.AfterFunc(ttl, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if l.token == token {
			_ = t.free(name, l) // a store that fails keeps the lock closed, and the next request says so
		}
	})
}

// free opens a lock.
func (t *table) free(name string, l *lock) error {
	if err := t.store.Free(name); err != nil {
		return err
	}
	l.expiry.Stop()
	l.token, l.expiry = 0, nil
	return t.next(name, l)
}

// renew lets a lease begin anew; false if it was over.
func (t *table) renew(name string, token uint64, ttl time.Duration) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.locks[name]
	if l == nil || l.token != token || !l.expiry.Stop() {
		return false
	}
	t.expire(name, l, ttl)
	return true
}

// release ends a lease; ok is false if it was over before.
func (t *table) release(name string, token uint64) (ok bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.locks[name]
	if l == nil || l.token != token {
		return false, nil
	}
	return true, t.free(name, l)
}

// leave withdraws a request. One that was granted meanwhile is released.
func (t *table) leave(name string, w *waiter) {
	t.mu.Lock()
	if l := t.locks[name]; l != nil {
		for i, o := range l.waiters {
			if o == w {
				l.waiters = append(l.waiters[:i:i], l.waiters[i+1:]...)
				break
			}
		}
	}
	t.mu.Unlock()
	select {
	case token := <-w.granted:
		_, _ = t.release(name, token)
	default:
	}
}
