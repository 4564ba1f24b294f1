package lockbench

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Link is a TCP proxy on loopback. It can be cut, which loses nothing: what is
// sent meanwhile arrives once it is healed, as over a network whose packets are
// sent again. And it can be slow.
type Link struct {
	target   string
	listener net.Listener
	carried  atomic.Int64 // bytes, both ways

	mu     sync.Mutex
	healed chan struct{} // nil while the link carries; closed when it does again
	slow   time.Duration // mean delay of each direction; uniform from 0 to twice that
	conns  map[net.Conn]bool
	closed bool
}

// NewLink is a proxy to the target, at a port of its own.
func NewLink(target string) (*Link, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("proxy to %s: %w", target, err)
	}
	k := &Link{target: target, listener: l, conns: map[net.Conn]bool{}}
	go k.accept()
	return k, nil
}

// Addr is where the proxy listens.
func (k *Link) Addr() string { return k.listener.Addr().String() }

// Cut stops all traffic, in both directions and of new connections too.
func (k *Link) Cut() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.healed == nil {
		k.healed = make(chan struct{})
	}
}

// Heal lets all through that was held back, and what follows.
func (k *Link) Heal() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.healed != nil {
		close(k.healed)
		k.healed = nil
	}
}

func (k *Link) delay(mean time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.slow = mean
}

// Close ends the proxy and its connections.
func (k *Link) Close() {
	k.Heal()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
	_ = k.listener.Close()
	for c := range k.conns {
		_ = c.Close()
	}
}

// wait waits while the link is cut.
func (k *Link) wait() {
	for {
		k.mu.Lock()
		healed := k.healed
		k.mu.Unlock()
		if healed == nil {
			return
		}
		<-healed
	}
}

func (k *Link) due() time.Time {
	k.mu.Lock()
	mean := k.slow
	k.mu.Unlock()
	if mean == 0 {
		return time.Time{}
	}
	return time.Now().Add(rand.N(2 * mean))
}

// keep remembers a connection until it ends; false if the link is closed.
func (k *Link) keep(c net.Conn) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		_ = c.Close()
		return false
	}
	k.conns[c] = true
	return true
}

func (k *Link) drop(c net.Conn) {
	_ = c.Close()
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.conns, c)
}

func (k *Link) accept() {
	for {
		c, err := k.listener.Accept()
		if err != nil {
			return // closed
		}
		if k.keep(c) {
			go k.connect(c)
		}
	}
}

// connect carries one connection until either side ends it.
func (k *Link) connect(c net.Conn) {
	defer k.drop(c)
	k.wait()
	s, err := net.Dial("tcp", k.target)
	if err != nil || !k.keep(s) {
		return
	}
	defer k.drop(s)
	done := make(chan struct{}, 2)
	pump := func(to, from net.Conn) {
		k.pump(to, from)
		done <- struct{}{}
	}
	go pump(s, c)
	go pump(c, s)
	<-done
}

// chunk is what was read at once, and when it is to be passed on.
type chunk struct {
	data []byte
	due  time.Time
}

// pump passes on what one side sends. Delays add nothing to each other: what
// was read in the meantime waits for its own.
func (k *Link) pump(to, from net.Conn) {
	queue := make(chan chunk, 1024)
	go func() {
		defer close(queue)
		for {
			b := make([]byte, 16<<10)
			n, err := from.Read(b)
			k.carried.Add(int64(n))
			if n > 0 {
				queue <- chunk{b[:n], k.due()}
			}
			if err != nil {
				return
			}
		}
	}()
	for c := range queue {
		time.Sleep(time.Until(c.due))
		k.wait()
		if _, err := to.Write(c.data); err != nil {
			_ = from.Close() // ends the reading above
			for range queue {
			}
			return
		}
	}
}
