package lockbench

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"

	"github.com/contend-go/contend/bench/lockbench/history"
)

// resource is what the locks guard: one number for each lock, which critical
// sections read and write back increased by one. It can refuse accesses under a
// token that is older than one that it has seen. It lives in the process that
// controls the cell, which no fault stops.
type resource struct {
	fence    bool
	listener net.Listener

	mu    sync.Mutex
	items map[int]*item
	log   []history.Event // guarded by mu, as are the items

	watch *watch
}

// item is the number that one lock guards.
type item struct {
	value int64
	seen  uint64 // highest ordered token
}

// watch waits for an access to a lock by another than a client.
type watch struct {
	lock, client int
	seen         chan struct{}
}

// request is one access, as it travels.
type request struct {
	what   history.What // Read or Write
	client int
	op     int
	lock   int
	token  history.Token
	value  int64
}

const (
	requestSize  = 1 + 8 + 8 + 8 + 1 + 8 + 8
	responseSize = 1 + 8
)

func newResource(fence bool) (*resource, error) {
	network, addr := "tcp", "127.0.0.1:0"
	if runtime.GOOS == "linux" { // an abstract socket: half of the time of TCP, and no file is left
		network, addr = "unix", fmt.Sprintf("@contend-locks-%d-%x", os.Getpid(), rand.Uint64())
	}
	l, err := net.Listen(network, addr)
	if err != nil {
		return nil, fmt.Errorf("the shared resource: %w", err)
	}
	r := &resource{fence: fence, listener: l, items: map[int]*item{}}
	go r.accept()
	return r, nil
}

// addr is where clients reach it: network and address.
func (r *resource) addr() string {
	return r.listener.Addr().Network() + " " + r.listener.Addr().String()
}

func (r *resource) close() { _ = r.listener.Close() }

func (r *resource) accept() {
	for {
		c, err := r.listener.Accept()
		if err != nil {
			return // closed
		}
		go r.serve(c)
	}
}

// serve answers one client until its connection ends.
func (r *resource) serve(c net.Conn) {
	defer c.Close()
	var in [requestSize]byte
	var out [responseSize]byte
	for {
		if _, err := io.ReadFull(c, in[:]); err != nil {
			return
		}
		value, ok := r.access(decodeRequest(&in))
		out[0] = 0
		if ok {
			out[0] = 1
		}
		binary.LittleEndian.PutUint64(out[1:], uint64(value))
		if _, err := c.Write(out[:]); err != nil {
			return
		}
	}
}

// access reads or writes a number; ok is false if the token is too old. Reading
// counts as having been seen, so that an old holder cannot write between a new
// one's reading and writing.
func (r *resource) access(q request) (value int64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	it := r.items[q.lock]
	if it == nil {
		it = new(item)
		r.items[q.lock] = it
	}
	e := history.Event{T: history.Now(), Client: q.client, Op: q.op, What: q.what, Lock: q.lock, Token: q.token, Value: q.value}
	ok = !r.fence || q.token.Kind != history.Ordered || q.token.Value >= it.seen
	switch {
	case !ok:
		e.What = history.Rejected
	case q.what == history.Write:
		it.value = q.value
	default:
		e.Value = it.value
	}
	if ok && q.token.Kind == history.Ordered {
		it.seen = max(it.seen, q.token.Value)
	}
	r.log = append(r.log, e)
	if w := r.watch; w != nil && w.lock == q.lock && w.client != q.client {
		close(w.seen)
		r.watch = nil
	}
	return it.value, ok
}

// await returns a channel that is closed at the next access to a lock by another
// client than the given one.
func (r *resource) await(lock, client int) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watch = &watch{lock, client, make(chan struct{})}
	return r.watch.seen
}

// events are all accesses so far.
func (r *resource) events() []history.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]history.Event(nil), r.log...)
}

// resourceConn is a client's connection to the resource.
type resourceConn struct {
	net.Conn
	in  [responseSize]byte
	out [requestSize]byte
}

func dialResource(addr string) (*resourceConn, error) {
	network, address, _ := strings.Cut(addr, " ")
	c, err := net.Dial(network, address)
	if err != nil {
		return nil, fmt.Errorf("the shared resource: %w", err)
	}
	return &resourceConn{Conn: c}, nil
}

func (c *resourceConn) do(q request) (value int64, ok bool, err error) {
	q.encode(&c.out)
	if _, err := c.Write(c.out[:]); err != nil {
		return 0, false, err
	}
	if _, err := io.ReadFull(c, c.in[:]); err != nil {
		return 0, false, err
	}
	return int64(binary.LittleEndian.Uint64(c.in[1:])), c.in[0] == 1, nil
}

func (q *request) encode(b *[requestSize]byte) {
	b[0] = 'r'
	if q.what == history.Write {
		b[0] = 'w'
	}
	put := binary.LittleEndian.PutUint64
	put(b[1:], uint64(q.client))
	put(b[9:], uint64(q.op))
	put(b[17:], uint64(q.lock))
	b[25] = byte(q.token.Kind)
	put(b[26:], q.token.Value)
	put(b[34:], uint64(q.value))
}

func decodeRequest(b *[requestSize]byte) request {
	get := binary.LittleEndian.Uint64
	q := request{
		what: history.Read, client: int(get(b[1:])), op: int(get(b[9:])), lock: int(get(b[17:])),
		token: history.Token{Kind: history.Kind(b[25]), Value: get(b[26:])}, value: int64(get(b[34:])),
	}
	if b[0] == 'w' {
		q.what = history.Write
	}
	return q
}
