// Holders hold locks in known ways, and log when they want one, have it and free it, so that what others wait for at every instant
// is known by the same clock as that of the trace.
//
//	holders FILE PROCS MILLISECONDS
package main

import (
	"context"
	"os"
	"runtime"
	"runtime/trace"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

var (
	stop atomic.Bool
	ctx  = context.Background()
)

func log(lock, what string) { trace.Log(ctx, lock, what) }

//go:noinline
func compute(d time.Duration) {
	for start := time.Now(); time.Since(start) < d; {
	}
}

func sleepCall(d time.Duration) {
	ts := syscall.NsecToTimespec(int64(d))
	syscall.Nanosleep(&ts, nil)
}

// act holds in one of three ways.
func act(how string) {
	switch how {
	case "cpu":
		compute(80 * time.Microsecond)
	case "sleep":
		time.Sleep(300 * time.Microsecond)
	case "syscall":
		sleepCall(200 * time.Microsecond)
	}
}

var hows = []string{"cpu", "sleep", "syscall"}

// mix: one lock, three kinds of holders.
var mixed sync.Mutex

func mix(i int) {
	how := hows[i%3]
	log("mix", "want")
	mixed.Lock()
	log("mix", how)
	act(how)
	log("mix", "free")
	mixed.Unlock()
}

// behind: three hot locks behind one line.
var three [3]sync.Mutex

func behind(i int) {
	k := i % 3
	name := "behind" + strconv.Itoa(k)
	log(name, "want")
	lockOne(k)
	log(name, hows[k])
	act(hows[k])
	log(name, "free")
	three[k].Unlock()
}

//go:noinline
func lockOne(k int) { three[k].Lock() }

// nested: the lock is held while another one is waited for, whose holder sleeps or computes.
var outer, inner sync.Mutex

func nested(i int) {
	if i < 2 { // holds the inner one
		how := []string{"sleep", "syscall"}[i]
		inner.Lock()
		log("inner", how)
		act(how)
		log("inner", "free")
		inner.Unlock()
		return
	}
	log("nested", "want")
	outer.Lock()
	log("nested", "inner")
	inner.Lock()
	log("inner", "cpu")
	compute(20 * time.Microsecond)
	log("inner", "free")
	inner.Unlock()
	log("nested", "free")
	outer.Unlock()
}

func main() {
	procs, _ := strconv.Atoi(os.Args[2])
	ms, _ := strconv.Atoi(os.Args[3])
	runtime.GOMAXPROCS(procs)
	f, err := os.Create(os.Args[1])
	if err != nil {
		panic(err)
	}
	if err := trace.Start(f); err != nil {
		panic(err)
	}
	for _, run := range []func(int){mix, behind, nested} {
		stop.Store(false)
		var wg sync.WaitGroup
		for i := range 9 {
			wg.Go(func() {
				for !stop.Load() {
					run(i)
				}
			})
		}
		time.Sleep(time.Duration(ms) * time.Millisecond)
		stop.Store(true)
		wg.Wait()
	}
	trace.Stop()
	f.Close()
}
