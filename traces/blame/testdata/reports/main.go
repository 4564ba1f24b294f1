// Reports does one thing that a verdict must not misread, for a while, and records a trace of it: the goroutines, and what each waits for, are
// few enough that the right sentence is known from construction.
//
//	reports FILE NAME
package main

import (
	"context"
	"io"
	"log"
	"net"
	"os"
	"runtime"
	"runtime/trace"
	"sync"
	"time"
)

// programs are what is recorded, by name.
var programs = map[string]func(){
	"network":   network,
	"limit":     limited,
	"context":   limitedOrDone,
	"signal":    signalled,
	"children":  children,
	"yields":    yields,
	"waitgroup": waitGroup,
	"closure":   closure,
}

const long = 150 * time.Millisecond

//go:noinline
func work(d time.Duration) {
	for start := time.Now(); time.Since(start) < d; {
	}
}

//go:noinline
func slow() { time.Sleep(2 * time.Millisecond) }

// network: servers wait for requests, of which at most two are under way, also when the trace ends.
func network() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	limit := make(chan struct{}, 2)
	for range 6 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			log.Fatal(err)
		}
		s, err := l.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go serve(s)
		go request(c, limit)
	}
	time.Sleep(long)
}

func serve(c net.Conn) {
	buf := make([]byte, 8)
	for {
		if _, err := io.ReadFull(c, buf); err != nil {
			return
		}
		slow()
		c.Write(buf)
	}
}

func request(c net.Conn, limit chan struct{}) {
	buf := make([]byte, 8)
	for {
		limit <- struct{}{}
		c.Write(buf)
		io.ReadFull(c, buf)
		<-limit
	}
}

var sem = make(chan struct{}, 2)

// limited: a channel that the same goroutines send to and receive from.
func limited() {
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 10 {
				useLimited()
			}
		})
	}
	all.Wait()
}

//go:noinline
func useLimited() {
	sem <- struct{}{}
	defer func() { <-sem }()
	slow()
}

// limitedOrDone: the same in a select, as of callers that may give up.
func limitedOrDone() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 10 {
				useOrGiveUp(ctx)
			}
		})
	}
	all.Wait()
}

//go:noinline
func useOrGiveUp(ctx context.Context) {
	select {
	case sem <- struct{}{}:
	case <-ctx.Done():
		return
	}
	slow()
	<-sem
}

// signalled: one wait for one message.
func signalled() {
	for range 3 {
		done := make(chan bool)
		go finish(done)
		<-done
	}
}

func finish(done chan bool) {
	time.Sleep(long / 3)
	done <- true
}

// children: each of many goroutines, one at a time, works for a millisecond.
func children() {
	for range 100 {
		var all sync.WaitGroup
		for range 3 {
			all.Add(1)
			go child(&all)
		}
		all.Wait()
	}
}

func child(all *sync.WaitGroup) {
	work(time.Millisecond)
	all.Done()
}

// yields: a few calls of Gosched in between.
func yields() {
	var all sync.WaitGroup
	for range 3 {
		all.Add(1)
		go yieldNow(&all)
	}
	all.Wait()
}

func yieldNow(all *sync.WaitGroup) {
	for range 3 {
		work(10 * time.Millisecond)
		runtime.Gosched()
	}
	all.Done()
}

// waitGroup: all wait for the slowest part, which is not preempted.
func waitGroup() {
	for range 10 {
		var all sync.WaitGroup
		for i := range 4 {
			all.Add(1)
			go part(i, &all)
		}
		all.Wait()
	}
}

//go:noinline
func part(i int, all *sync.WaitGroup) {
	defer all.Done()
	if i == 3 {
		straggle()
	}
}

//go:noinline
func straggle() { work(5 * time.Millisecond) }

// closure: the same with a function literal that runs on from its beginning.
func closure() {
	for range 10 {
		var all sync.WaitGroup
		for i := range 4 {
			all.Add(1)
			go func() {
				defer all.Done()
				if i == 3 {
					straggle()
				}
			}()
		}
		all.Wait()
	}
}

// Locks that were taken in the wrong order before the trace began.
var left, right sync.Mutex

func takeLeft() {
	left.Lock()
	time.Sleep(long / 10)
	right.Lock()
}

func takeRight() {
	right.Lock()
	time.Sleep(long / 10)
	left.Lock()
}

func main() {
	log.SetFlags(0)
	file, name := os.Args[1], os.Args[2]
	runtime.GOMAXPROCS(2)
	run := programs[name]
	if name == "deadlock" {
		go takeLeft()
		go takeRight()
		time.Sleep(long)
		run = func() { time.Sleep(long) }
	}
	if run == nil {
		log.Fatalf("no program %q", name)
	}
	f, err := os.Create(file)
	if err != nil {
		log.Fatal(err)
	}
	if err := trace.Start(f); err != nil {
		log.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { run(); close(ended) }()
	<-ended
	trace.Stop()
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}
}
