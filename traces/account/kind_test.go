package account

import (
	"strings"
	"testing"
)

// TestKinds tells kinds by stacks as Go 1.21 to 1.27 write them: those of goroutines that block without the runtime's inner frames, those that are found
// blocked with all of them.
func TestKinds(t *testing.T) {
	for _, c := range []struct {
		want   Reason
		reason string
		funcs  string
	}{
		{Mutex, "sync", "sync.(*Mutex).Lock main.f main.main"},
		{Mutex, "sync", "sync.(*Mutex).lockSlow sync.(*Mutex).Lock main.f"},
		{Mutex, "", "runtime.gopark runtime.goparkunlock runtime.semacquire1 sync.runtime_SemacquireMutex sync.(*Mutex).lockSlow sync.(*Mutex).Lock main.f"},
		{Mutex, "", "runtime.gopark runtime.goparkunlock runtime.semacquire1 internal/sync.runtime_SemacquireMutex internal/sync.(*Mutex).lockSlow internal/sync.(*Mutex).Lock sync.(*Mutex).Lock main.f"},
		{RWReader, "sync", "sync.(*RWMutex).RLock main.f"},
		{RWReader, "", "runtime.gopark runtime.goparkunlock runtime.semacquire1 sync.runtime_SemacquireRWMutexR sync.(*RWMutex).RLock main.f"},
		{RWWriter, "sync", "sync.(*RWMutex).Lock main.f"},
		{RWWriter, "sync", "sync.(*Mutex).Lock sync.(*RWMutex).Lock main.f"},
		{Once, "sync", "sync.(*Mutex).Lock sync.(*Once).doSlow sync.(*Once).Do main.f"},
		{Once, "", "runtime.semacquire1 internal/sync.runtime_SemacquireMutex internal/sync.(*Mutex).lockSlow internal/sync.(*Mutex).Lock sync.(*Mutex).Lock sync.(*Once).doSlow sync.(*Once).Do main.f"},
		{Mutex, "sync", "sync.(*Mutex).Lock main.initialise sync.(*Once).doSlow sync.(*Once).Do main.f"},
		{Cond, "sync.(*Cond).Wait", "sync.(*Cond).Wait main.f"},
		{Cond, "", "runtime.gopark runtime.goparkunlock sync.runtime_notifyListWait sync.(*Cond).Wait main.f"},
		{WaitGroup, "sync", "sync.(*WaitGroup).Wait main.f"},
		{Singleflight, "sync", "sync.(*WaitGroup).Wait golang.org/x/sync/singleflight.(*Group).Do main.f"},
		{Singleflight, "sync", "sync.(*WaitGroup).Wait example.com/app/vendor/golang.org/x/sync/singleflight.(*Group).Do main.f"},
		{Semaphore, "select", "runtime.selectgo golang.org/x/sync/semaphore.(*Weighted).Acquire main.f"},
		{Semaphore, "chan send", "runtime.chansend1 golang.org/x/sync/errgroup.(*Group).Go main.f"},
		{Pool, "select", "runtime.selectgo database/sql.(*DB).conn database/sql.(*DB).query main.f"},
		{Pool, "select", "runtime.selectgo net/http.(*Transport).getConn net/http.(*Transport).roundTrip main.f"},
		{Select, "select", "runtime.selectgo net/http.(*persistConn).roundTrip net/http.(*Transport).roundTrip main.f"},
		{FileLock, "sync", "internal/poll.runtime_Semacquire internal/poll.(*fdMutex).rwlock internal/poll.(*FD).writeLock internal/poll.(*FD).Write os.(*File).Write main.f"},
		{GCAssist, "sync", "runtime.gcMarkDone runtime.gcAssistAlloc runtime.mallocgc main.f"},
		{GCAssist, "GC mark assist wait for work", "runtime.gcParkAssist runtime.gcAssistAlloc runtime.mallocgc main.f"},
		{GCWait, "sync", "runtime.gcStart runtime.mallocgc main.f"},
		{GCWait, "wait until GC ends", "runtime.gcWaitOnMark runtime.GC main.f"},
		{GCWait, "GC weak to strong wait", "main.f"},
		{StopWait, "sync", "runtime.stopTheWorld runtime.ReadMemStats main.f"},
		{ChanRecv, "chan receive", "runtime.chanrecv1 main.f"},
		{ChanRecv, "", "runtime.gopark runtime.chanrecv runtime.chanrecv1 main.f"},
		{ChanSend, "", "runtime.gopark runtime.chansend runtime.chansend1 main.f"},
		{Select, "", "runtime.gopark runtime.selectgo main.f"},
		{Sleep, "", "runtime.gopark time.Sleep main.f"},
		{Network, "", "runtime.gopark runtime.netpollblock internal/poll.runtime_pollWait internal/poll.(*pollDesc).wait internal/poll.(*FD).Read net.(*conn).Read main.f"},
		{Network, "network", "internal/poll.(*FD).Accept net.(*netFD).accept main.f"},
		{Yield, "runtime.Gosched", "runtime.Gosched main.f"},
		{Preempted, "preempted", "runtime.asyncPreempt main.f"},
		{System, "system goroutine wait", "runtime.gcBgMarkWorker"},
		{System, "", "runtime.gcBgMarkWorker"}, // Go 1.21
		{System, "GC sweep wait", "runtime.bgsweep runtime.gcenable.gowrap1"},
		{UnknownWait, "", ""},
		{OtherSync, "sync", "runtime.semacquire main.f"},
	} {
		var stack Stack
		for f := range strings.FieldsSeq(c.funcs) {
			stack = append(stack, Frame{Func: f})
		}
		if got := reasonOf(siteKey{}, c.reason, stack); got != c.want {
			t.Errorf("%q at %s: %s, want %s", c.reason, c.funcs, got, c.want)
		}
	}
}

// TestClasses says who gets a share of idle Ps.
func TestClasses(t *testing.T) {
	for _, c := range []struct {
		reason    Reason
		apparatus bool
		want      class
		stack     Stack
	}{
		{Network, false, lesser, Stack{{Func: "net.(*conn).Read"}, {Func: "net/http.(*connReader).Read"}, {Func: "net/http.(*conn).serve"}}},
		{Network, false, ordinary, Stack{{Func: "net.(*conn).Read"}, {Func: "main.handler"}, {Func: "net/http.serverHandler.ServeHTTP"}, {Func: "net/http.(*conn).serve"}}},
		{Select, false, lesser, Stack{{Func: "net/http.(*persistConn).writeLoop"}}},
		{Mutex, false, ordinary, Stack{{Func: "sync.(*Mutex).Lock"}, {Func: "net.(*netFD).accept"}}},
		{Mutex, false, ordinary, nil}, {Singleflight, false, ordinary, nil}, {Semaphore, false, ordinary, nil}, {Network, false, ordinary, nil},
		{WaitGroup, false, lesser, nil}, {UnknownWait, false, lesser, nil}, {System, false, exempt, nil}, {Measuring, false, exempt, nil}, {Sleep, true, exempt, nil},
	} {
		if got := classOf(c.reason, c.stack, c.apparatus); got != c.want {
			t.Errorf("%s, measuring %v: class %d, want %d", c.reason, c.apparatus, got, c.want)
		}
	}
}

// TestStopReasons tells who stops the world.
func TestStopReasons(t *testing.T) {
	for name, want := range map[string]Reason{
		"GC mark termination": StopGC, "GC sweep termination": StopGC, "read mem stats": StopWorld, "GOMAXPROCS": StopWorld,
		"start trace": Measuring, "goroutine profile": Measuring, "goroutine profile cleanup": Measuring, "all goroutines stack trace": Measuring,
		"all goroutine stack trace": Measuring,
	} {
		if got := stopReason(name, nil); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if got := stopReason("read mem stats", Stack{{Func: "runtime.ReadMemStats"}, {Func: "runtime/pprof.(*Profile).WriteTo"}}); got != Measuring {
		t.Errorf("a heap profile's: %s", got)
	}
}

// TestMeasuring tells those that measure from those that are measured.
func TestMeasuring(t *testing.T) {
	for funcs, want := range map[string]bool{
		"runtime.selectgo net/http/pprof.sleep net/http/pprof.Trace net/http.HandlerFunc.ServeHTTP":      true,
		"sync.(*WaitGroup).Wait testing.(*B).RunParallel main.BenchmarkX testing.(*B).runN":              true,
		"runtime.chanrecv1 testing.(*B).run1 testing.(*B).Run main.BenchmarkX":                           true,
		"sync.(*Mutex).Lock main.BenchmarkX testing.(*B).runN testing.(*B).launch":                       false,
		"runtime.chanrecv1 main.work runtime/pprof.Do main.main":                                         false,
		"syscall.write os.(*File).Write runtime/trace.(*traceMultiplexer).startLocked.func1":             true,
		"runtime.(*profBuf).read runtime/pprof.readProfile runtime/pprof.profileWriter":                  true,
		"runtime.chanrecv1 runtime.(*wakeableSleep).sleep runtime.(*traceAdvancerState).start.func1":     true,
		"sync.(*Mutex).Lock main.Get main.handler net/http.HandlerFunc.ServeHTTP net/http.(*conn).serve": false,
	} {
		var stack Stack
		for f := range strings.FieldsSeq(funcs) {
			stack = append(stack, Frame{Func: f})
		}
		if got := measures(stack); got != want {
			t.Errorf("%s: %v", funcs, got)
		}
	}
}

// TestInference puts waits of an unknown place where others with the same releaser waited, in proportion, and not by what the collector wakes.
func TestInference(t *testing.T) {
	s := newStitcher(&job{})
	s.books = books{newBook(0)}
	stack := func(fs ...string) uint64 {
		i := uint64(len(s.names.stacks))
		var st Stack
		for k, f := range fs {
			st = append(st, Frame{Func: f, File: "f.go", Line: k})
		}
		s.names.stacks = append(s.names.stacks, st)
		return i
	}
	unlock := stack("sync.(*Mutex).Unlock", "main.put")
	collects := stack("runtime.gcStart", "runtime.mallocgc", "main.put")
	get, put := s.names.site(nameKey{Mutex, stack("sync.(*Mutex).Lock", "main.get")}), s.names.site(nameKey{Mutex, stack("sync.(*Mutex).Lock", "main.put")})
	gc := s.names.site(nameKey{GCAssist, stack("runtime.gcAssistAlloc", "main.make")})
	s.books[0].site(get).released(unlock, 30)
	s.books[0].site(put).released(unlock, 10)
	s.books[0].site(gc).released(collects, 100)
	inf := s.inference()
	got := map[int32]int{}
	for range 40 {
		site, ok := inf.site(&introduced{rel: unlock, site: -5})
		if !ok {
			t.Fatal("nothing inferred")
		}
		got[site]++
	}
	if got[get] != 30 || got[put] != 10 {
		t.Errorf("inferred %v, want 30 at %d and 10 at %d", got, get, put)
	}
	if site, ok := inf.site(&introduced{rel: collects, site: -5}); ok {
		t.Errorf("what the collector woke was at %d", site)
	}
	if site, ok := inf.site(&introduced{site: -5}); ok || site != -5 {
		t.Errorf("what a timer woke was at %d", site)
	}
}
