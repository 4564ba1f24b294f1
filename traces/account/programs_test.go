package account

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"runtime/trace"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Every program is run by a process of its own, this test binary, and writes its trace to a file.
const (
	programEnv = "CONTEND_TEST_PROGRAM"
	outputEnv  = "CONTEND_TEST_OUTPUT"
	secondsEnv = "CONTEND_TEST_SECONDS" // how long "sweep" runs
)

func TestMain(m *testing.M) {
	if name := os.Getenv(programEnv); name != "" {
		runProgram(name)
		return
	}
	os.Exit(m.Run())
}

func runProgram(name string) {
	f, err := os.Create(os.Getenv(outputEnv))
	if err != nil {
		panic(err)
	}
	programs[name](f)
}

// record runs a program and returns its trace's path.
func record(t testing.TB, name string) string {
	path := filepath.Join(t.TempDir(), name+".trace")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), programEnv+"="+name, outputEnv+"="+path)
	if out, err := cmd.CombinedOutput(); err != nil && name != "killed" {
		t.Fatalf("program %s: %v\n%s", name, err, out)
	}
	return path
}

// traced returns a program that traces all of f.
func traced(f func()) func(*os.File) {
	return func(w *os.File) {
		if err := trace.Start(w); err != nil {
			panic(err)
		}
		defer w.Close()
		defer trace.Stop()
		f()
	}
}

// together runs f in n goroutines and waits for them.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

// until calls f until d has passed.
func until(d time.Duration, f func(i int)) {
	for i, start := 0, time.Now(); time.Since(start) < d; i++ {
		f(i)
	}
}

var programs = map[string]func(*os.File){
	"mutex":    traced(mutex),
	"starving": traced(starving),
	"pingpong": traced(func() {
		a, b := make(chan int), make(chan int)
		go func() {
			for v := range a {
				b <- v
			}
		}()
		until(30*time.Millisecond, func(i int) { a <- i; <-b })
	}),
	"pool": traced(pool(30 * time.Millisecond)),
	"http": traced(func() {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") })}
		go srv.Serve(l)
		together(4, func(int) {
			until(100*time.Millisecond, func(int) {
				resp, err := http.Get("http://" + l.Addr().String())
				if err != nil {
					panic(err)
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			})
		})
		srv.Close()
	}),
	"syscalls": traced(func() {
		together(4, func(i int) {
			f, err := os.CreateTemp("", "contend")
			if err != nil {
				panic(err)
			}
			defer os.Remove(f.Name())
			defer f.Close()
			buf := make([]byte, 4096)
			until(100*time.Millisecond, func(k int) {
				f.WriteAt(buf, 0)
				f.ReadAt(buf, 0)
				if k%50 == 0 {
					f.Sync()
					blockingRead(100 * time.Microsecond)
				}
			})
		})
	}),
	"gc": traced(func() {
		debug.SetGCPercent(20)
		together(4, func(int) {
			var keep [64][]*int
			until(150*time.Millisecond, func(i int) {
				s := make([]*int, 512)
				for k := range s {
					s[k] = new(int)
				}
				keep[i%len(keep)] = s
			})
			runtime.KeepAlive(keep)
		})
		runtime.GC()
	}),
	"timers": traced(func() {
		together(8, func(i int) {
			tick := time.NewTicker(time.Duration(i+1) * time.Millisecond)
			defer tick.Stop()
			until(100*time.Millisecond, func(int) {
				select {
				case <-tick.C:
				case <-time.After(2 * time.Millisecond):
				}
				time.Sleep(100 * time.Microsecond)
			})
		})
	}),
	"panic": func(w *os.File) {
		defer func() { recover() }()
		traced(func() {
			together(4, func(i int) { time.Sleep(time.Millisecond) })
			panic("as expected")
		})(w)
	},
	"spawn": traced(func() {
		var mu sync.Mutex
		n := 0
		for range 20 {
			together(500, func(i int) {
				mu.Lock()
				n++
				mu.Unlock()
				if i%10 == 0 {
					time.Sleep(time.Duration(i) * time.Microsecond)
				}
			})
		}
	}),
	"procs": traced(func() {
		done := make(chan struct{})
		go func() {
			defer close(done)
			for _, n := range []int{1, 6, 2, 12, 3, 1, 4} {
				runtime.GOMAXPROCS(n)
				time.Sleep(20 * time.Millisecond)
			}
		}()
		together(8, func(i int) {
			until(150*time.Millisecond, func(int) { runtime.Gosched(); time.Sleep(10 * time.Microsecond) })
		})
		<-done
	}),
	"late": func(w *os.File) {
		stop := make(chan struct{})
		var wg sync.WaitGroup
		var mu sync.Mutex
		for range 4 {
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						mu.Lock()
						mu.Unlock()
					}
				}
			})
		}
		for range 50 {
			wg.Go(func() { <-stop })
		}
		time.Sleep(50 * time.Millisecond)
		traced(func() {
			time.Sleep(50 * time.Millisecond)
			close(stop)
			wg.Wait()
		})(w)
	},
	// parked has goroutines that wait for work all the time, by design, beside a lock.
	"parked": func(w *os.File) {
		work := make(chan int)
		for range 200 {
			go func() { <-work }()
		}
		time.Sleep(10 * time.Millisecond)
		traced(func() { trickle(60 * time.Millisecond) })(w)
	},
	"flight": func(w *os.File) {
		fr := trace.NewFlightRecorder(trace.FlightRecorderConfig{MinAge: 100 * time.Millisecond})
		if err := fr.Start(); err != nil {
			panic(err)
		}
		trickle(1500 * time.Millisecond)
		if _, err := fr.WriteTo(w); err != nil {
			panic(err)
		}
		w.Close()
	},
	// generations crosses the ends of generations, with goroutines that wait for long.
	"generations": traced(func() {
		blocked := make(chan struct{})
		for range 20 {
			go func() { <-blocked }()
		}
		trickle(2200 * time.Millisecond)
		close(blocked)
		time.Sleep(time.Millisecond)
	}),
	// small is what testdata/small.trace was made with.
	"small": traced(func() {
		runtime.GOMAXPROCS(4)
		trace.Log(context.Background(), MarkCategory, "begin all")
		var mu sync.Mutex
		together(8, func(i int) {
			for range 3 {
				mu.Lock()
				time.Sleep(time.Microsecond)
				mu.Unlock()
			}
		})
		c := make(chan int)
		together(2, func(i int) {
			for k := range 20 {
				if i == 0 {
					c <- k
				} else {
					<-c
				}
			}
		})
		runtime.GC()
		blockingRead(200 * time.Microsecond)
		trace.Log(context.Background(), MarkCategory, "end")
		runtime.GOMAXPROCS(2)
	}),
	"samples": func(w *os.File) {
		pprof.StartCPUProfile(io.Discard)
		defer pprof.StopCPUProfile()
		traced(mutex)(w)
	},
	// killed leaves without stopping the trace, once part of a second generation is written.
	"killed": func(w *os.File) {
		trace.Start(w)
		pool(1300 * time.Millisecond)()
		for {
			if data, err := os.ReadFile(w.Name()); err == nil {
				if a, err := readBytes(data, Options{}); err == nil && a.Generations > 1 {
					os.Exit(1)
				}
			}
			pool(100 * time.Millisecond)()
		}
	},
	// sweep is the trace that the speed is measured with: a contended sweep of GOMAXPROCS.
	"sweep": traced(func() {
		seconds, err := strconv.ParseFloat(os.Getenv(secondsEnv), 64)
		if err != nil {
			panic(err)
		}
		for _, procs := range []int{1, 2, 4, 8, 16, 32} {
			runtime.GOMAXPROCS(procs)
			trace.Logf(context.Background(), MarkCategory, "gomaxprocs=%d", procs)
			pool(time.Duration(seconds / 6 * 1e9))()
		}
	}),
}

// mutex is a sweep of GOMAXPROCS over a contended lock.
func mutex() {
	var mu sync.Mutex
	m := make(map[int]int)
	for _, procs := range []int{1, 2, 4, 8} {
		runtime.GOMAXPROCS(procs)
		trace.Logf(context.Background(), MarkCategory, "gomaxprocs=%d", procs)
		together(4*procs, func(g int) {
			until(50*time.Millisecond, func(i int) {
				mu.Lock()
				for k := range 50 {
					m[k] += g
				}
				mu.Unlock()
			})
		})
	}
}

// blockingRead is in a system call for d, which is long enough to lose the P.
func blockingRead(d time.Duration) {
	var p [2]int
	if err := syscall.Pipe(p[:]); err != nil {
		panic(err)
	}
	go func() {
		time.Sleep(d)
		syscall.Close(p[1])
	}()
	syscall.Read(p[0], make([]byte, 1))
	syscall.Close(p[0])
}

// starving keeps a lock so long that waiters starve.
func starving() {
	runtime.GOMAXPROCS(4)
	var mu sync.Mutex
	together(8, func(int) {
		until(60*time.Millisecond, func(int) {
			mu.Lock()
			until(300*time.Microsecond, func(int) {})
			mu.Unlock()
		})
	})
}

// trickle contends for a lock at a leisurely rate, for long traces that are small.
func trickle(d time.Duration) {
	var mu sync.Mutex
	together(4, func(int) {
		until(d, func(int) {
			mu.Lock()
			time.Sleep(50 * time.Microsecond)
			mu.Unlock()
		})
	})
}

// pool hands requests over unbuffered channels to workers that share a mutex.
func pool(d time.Duration) func() {
	type request struct {
		key   int
		reply chan int
	}
	return func() {
		procs := runtime.GOMAXPROCS(0)
		var mu sync.Mutex
		m := make(map[int]int)
		requests := make(chan request)
		for range procs {
			go func() {
				for r := range requests {
					mu.Lock()
					for k := range 5 {
						m[(r.key+k)%1024]++
					}
					v := m[r.key%1024]
					mu.Unlock()
					r.reply <- v
				}
			}()
		}
		together(4*procs, func(g int) {
			reply := make(chan int)
			start := time.Now()
			for i := 0; i%64 != 0 || time.Since(start) < d; i++ {
				requests <- request{i, reply}
				<-reply
			}
		})
		close(requests)
	}
}

// openTrace opens a trace for Read.
func openTrace(t testing.TB, path string) (*os.File, int64) {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	fi, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return f, fi.Size()
}
