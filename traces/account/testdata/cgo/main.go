// Command main traces calls into C, short and long, and threads of C that call Go.
package main

/*
#cgo LDFLAGS: -lpthread
#include <pthread.h>
#include <unistd.h>

extern void goCallback(int);

static void *run(void *arg) { for (int i = 0; i < 20; i++) { goCallback(i); usleep(200); } return arg; }
static int call(int n) { return n + 1; }
static void nap(void) { usleep(300); }
static void threads(void) {
	pthread_t t[4];
	for (int i = 0; i < 4; i++) pthread_create(&t[i], 0, run, 0);
	for (int i = 0; i < 4; i++) pthread_join(t[i], 0);
}
*/
import "C"

import (
	"os"
	"runtime/trace"
	"sync"
	"time"
)

var (
	mu    sync.Mutex
	calls int
)

//export goCallback
func goCallback(i C.int) {
	mu.Lock()
	calls += int(i)
	mu.Unlock()
	if i%5 == 0 {
		time.Sleep(time.Microsecond)
	}
}

func main() {
	f, err := os.Create(os.Args[1])
	if err != nil {
		panic(err)
	}
	if err := trace.Start(f); err != nil {
		panic(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for start, i := time.Now(), 0; time.Since(start) < 50*time.Millisecond; i++ {
				C.call(C.int(i))
				if i%100 == 0 {
					C.nap()
				}
			}
		})
	}
	wg.Go(func() { C.threads() })
	wg.Wait()
	C.threads()
	trace.Stop()
	if err := f.Close(); err != nil {
		panic(err)
	}
}
