// Planted waits for one kind of thing after the other, each for a marked time, so that what a trace must say of every window is known from
// construction: the window's name is the kind, the line is in the function of that name.
//
//	planted FILE PROCS MILLISECONDS [KIND…]
package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"io"
	"net"
	"os"
	"runtime"
	"runtime/trace"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"
)

// A phase has goroutines that run until stop is set.
type phase struct {
	name string
	n    int // goroutines for each P
	run  func(i int)
}

var stop atomic.Bool

//go:noinline
func work(d time.Duration) {
	for start := time.Now(); time.Since(start) < d; {
	}
}

var (
	mu     sync.Mutex
	rw     sync.RWMutex
	cond   = sync.NewCond(&sync.Mutex{})
	turn   int
	queue  = make(chan int)
	items  = make(chan int)
	done   = make(chan int)
	weight = semaphore.NewWeighted(1)
	flight singleflight.Group
	db     *sql.DB
	file   *os.File
	spin   atomic.Int32
	conns  [2]net.Conn
	pipe   [2]*os.File
	buffer [8192]byte
	drain  [1024]byte
)

func lockMutex(int) { // mutex
	mu.Lock()
	work(20 * time.Microsecond)
	mu.Unlock()
}

func lockReader(i int) { // rwmutex reader
	if i == 0 {
		rw.Lock()
		time.Sleep(200 * time.Microsecond)
		rw.Unlock()
		return
	}
	readLock()
	time.Sleep(10 * time.Microsecond)
}

//go:noinline
func readLock() {
	rw.RLock()
	work(time.Microsecond)
	rw.RUnlock()
}

func lockWriter(i int) { // rwmutex writer
	if i == 0 {
		rw.RLock()
		time.Sleep(200 * time.Microsecond)
		rw.RUnlock()
		runtime.Gosched()
		return
	}
	writeLock()
	time.Sleep(10 * time.Microsecond)
}

//go:noinline
func writeLock() {
	rw.Lock()
	work(time.Microsecond)
	rw.Unlock()
}

func waitCond(i int) { // cond: goroutines take turns
	cond.L.Lock()
	for turn != i && !stop.Load() {
		cond.Wait()
	}
	turn = (i + 1) % 4
	cond.Broadcast()
	cond.L.Unlock()
}

func send(i int) { // chan send
	if i == 0 {
		select {
		case <-queue:
		case <-time.After(time.Millisecond):
		}
		time.Sleep(50 * time.Microsecond)
		return
	}
	sendOne()
}

//go:noinline
func sendOne() { queue <- 1 }

func receive(i int) { // chan receive
	if i == 0 {
		time.Sleep(50 * time.Microsecond)
		select {
		case items <- 1:
		default:
		}
		return
	}
	receiveOne()
}

//go:noinline
func receiveOne() { <-items }

func choose(i int) { // select
	if i == 0 {
		time.Sleep(50 * time.Microsecond)
		select {
		case done <- 1:
		default:
		}
		return
	}
	chooseOne()
}

//go:noinline
func chooseOne() {
	select {
	case <-done:
	case <-context.Background().Done():
	case <-items:
	}
}

func limited(int) { // semaphore
	weight.Acquire(context.Background(), 1)
	time.Sleep(100 * time.Microsecond)
	weight.Release(1)
}

func share(int) { // singleflight
	flight.Do("key", func() (any, error) { time.Sleep(200 * time.Microsecond); return nil, nil })
}

func limit(i int) { // errgroup's limit
	var g errgroup.Group
	g.SetLimit(1)
	for k := 0; k < 8; k++ {
		limitGo(&g)
	}
	g.Wait()
}

//go:noinline
func limitGo(g *errgroup.Group) {
	g.Go(func() error { time.Sleep(200 * time.Microsecond); return nil })
}

func pool(int) { // a pool of one connection
	var v int
	db.QueryRowContext(context.Background(), "q").Scan(&v)
}

func fileLock(i int) { // all write to one pipe
	if i == 0 {
		pipe[0].Read(drain[:])
		time.Sleep(50 * time.Microsecond)
		return
	}
	pipe[1].Write(buffer[:])
}

func fsync(i int) { // a system call under a lock
	mu.Lock()
	file.WriteAt([]byte{1}, 0)
	file.Sync()
	mu.Unlock()
}

func readMemStats(i int) { // stop-the-world
	if i == 0 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return
	}
	work(50 * time.Microsecond)
}

func gosched(int) { // a spin lock that yields
	spinLock()
	work(20 * time.Microsecond)
	spin.Store(0)
}

//go:noinline
func spinLock() {
	for !spin.CompareAndSwap(0, 1) {
		runtime.Gosched()
	}
}

func sleep(int) { time.Sleep(200 * time.Microsecond) } // sleep

func network(i int) { // network: one echoes late
	if i%2 == 0 {
		time.Sleep(100 * time.Microsecond)
		conns[0].Write([]byte{1})
		return
	}
	var b [1]byte
	conns[1].SetReadDeadline(time.Now().Add(5 * time.Millisecond))
	io.ReadFull(conns[1], b[:])
}

func blockingRead(int) { // a system call that keeps no P
	var ts syscall.Timespec
	ts.Nsec = 300_000
	syscall.Nanosleep(&ts, nil)
}

func create(int) { // short goroutines
	var wg sync.WaitGroup
	wg.Add(1)
	go wg.Done()
	wg.Wait()
}

var phases = []phase{
	{"mutex", 4, lockMutex}, {"reader", 1, lockReader}, {"writer", 1, lockWriter}, {"cond", 2, waitCond}, {"send", 2, send}, {"receive", 2, receive},
	{"select", 2, choose}, {"semaphore", 4, limited}, {"singleflight", 4, share}, {"limit", 1, limit}, {"pool", 4, pool}, {"filelock", 2, fileLock},
	{"fsync", 2, fsync}, {"readmemstats", 1, readMemStats}, {"gosched", 4, gosched}, {"sleep", 1, sleep}, {"network", 1, network},
	{"syscall", 1, blockingRead}, {"create", 2, create},
}

type drv struct{}
type conn struct{}
type stmt struct{}
type rows struct{ n int }

func (drv) Open(string) (driver.Conn, error)            { return conn{}, nil }
func (conn) Prepare(string) (driver.Stmt, error)        { return stmt{}, nil }
func (conn) Close() error                               { return nil }
func (conn) Begin() (driver.Tx, error)                  { return nil, io.EOF }
func (stmt) Close() error                               { return nil }
func (stmt) NumInput() int                              { return 0 }
func (stmt) Exec([]driver.Value) (driver.Result, error) { return driver.RowsAffected(1), nil }
func (stmt) Query([]driver.Value) (driver.Rows, error) {
	time.Sleep(200 * time.Microsecond)
	return &rows{}, nil
}
func (*rows) Columns() []string { return []string{"a"} }
func (*rows) Close() error      { return nil }
func (r *rows) Next(d []driver.Value) error {
	if r.n++; r.n > 1 {
		return io.EOF
	}
	d[0] = int64(1)
	return nil
}

func prepare(procs int) {
	runtime.GOMAXPROCS(procs)
	sql.Register("fake", drv{})
	db, _ = sql.Open("fake", "")
	db.SetMaxOpenConns(1)
	file, _ = os.CreateTemp(".", "planted")
	os.Remove(file.Name())
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	conns[0], _ = net.Dial("tcp", l.Addr().String())
	conns[1], _ = l.Accept()
	pipe[0], pipe[1], _ = os.Pipe()
}

func (p *phase) last(procs int, d time.Duration) {
	stop.Store(false)
	var wg sync.WaitGroup
	n := p.n * procs
	if p.name == "cond" {
		n = 4
	}
	wg.Add(n)
	trace.Log(context.Background(), "contend", "begin "+p.name)
	for i := 0; i < n; i++ {
		i := i
		go func() {
			for !stop.Load() {
				p.run(i)
			}
			wg.Done()
		}()
	}
	time.Sleep(d)
	trace.Log(context.Background(), "contend", "end")
	stop.Store(true)
	ended := make(chan bool)
	go func() { wg.Wait(); close(ended) }()
	for open := true; open; { // whoever waits to send or receive is let go
		select {
		case <-queue:
		case items <- 1:
		case done <- 1:
		case <-ended:
			open = false
		case <-time.After(time.Millisecond):
			cond.Broadcast()
			if p.name == "filelock" {
				pipe[0].SetReadDeadline(time.Now())
				pipe[1].SetWriteDeadline(time.Now())
			}
		}
	}
}

func main() {
	procs, _ := strconv.Atoi(os.Args[2])
	ms, _ := strconv.Atoi(os.Args[3])
	prepare(procs)
	f, err := os.Create(os.Args[1])
	if err != nil {
		panic(err)
	}
	if err := trace.Start(f); err != nil {
		panic(err)
	}
	for i := range phases {
		p := &phases[i]
		wanted := len(os.Args) < 5
		for _, name := range os.Args[min(4, len(os.Args)):] {
			wanted = wanted || name == p.name
		}
		if wanted {
			p.last(procs, time.Duration(ms)*time.Millisecond)
		}
	}
	trace.Stop()
	f.Close()
}
