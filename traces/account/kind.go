package account

import (
	"slices"
	"strconv"
	"strings"
)

// kinds tells what a goroutine waits for by the functions of its stack: the first row applies of which a function is among the
// first frames and the others follow it, further out. Stacks of goroutines that a trace finds blocked have the
// runtime's inner frames, those that it sees block do not. Names hold for Go 1.21 to 1.27; a name that ends in * is a
// prefix, one that begins with * a suffix, as packages may be vendored.
var kinds = []struct {
	funcs  []string
	next   bool // the second function calls the first directly, but for those of package sync
	reason Reason
}{
	{[]string{"runtime.gcMarkDone", "runtime.gcAssistAlloc*"}, false, GCAssist},
	{[]string{"runtime.gcParkAssist"}, false, GCAssist},
	{[]string{"runtime.gcAssistAlloc*"}, false, GCAssist},
	{[]string{"runtime.gcMarkDone"}, false, GCWait},
	{[]string{"runtime.gcStart"}, false, GCWait},
	{[]string{"runtime.gcWaitOnMark"}, false, GCWait},
	{[]string{"runtime.stopTheWorld*"}, false, StopWait},
	{[]string{"internal/poll.(*fdMutex).rwlock"}, false, FileLock},
	{[]string{"sync.(*Mutex).Lock", "sync.(*Once).doSlow"}, true, Once},
	{[]string{"internal/sync.(*Mutex).*", "sync.(*Once).doSlow"}, true, Once},
	{[]string{"sync.(*Cond).Wait"}, false, Cond},
	{[]string{"sync.(*WaitGroup).Wait", "*golang.org/x/sync/singleflight.(*Group).Do"}, true, Singleflight},
	{[]string{"sync.(*WaitGroup).Wait"}, false, WaitGroup},
	{[]string{"sync.(*RWMutex).RLock"}, false, RWReader},
	{[]string{"sync.(*RWMutex).Lock"}, false, RWWriter},
	{[]string{"sync.(*Mutex).*"}, false, Mutex},
	{[]string{"internal/sync.(*Mutex).*"}, false, Mutex},
	{[]string{"*golang.org/x/sync/semaphore.(*Weighted).Acquire"}, false, Semaphore},
	{[]string{"*golang.org/x/sync/errgroup.(*Group).Go"}, false, Semaphore},
	{[]string{"database/sql.(*DB).conn"}, false, Pool},
	{[]string{"net/http.(*Transport).getConn"}, false, Pool},
}

// bare tells what goroutines wait for that a trace finds blocked, and gives no reason for: by frames of the runtime.
var bare = []struct {
	fn     string
	reason Reason
}{
	{"runtime.chanrecv*", ChanRecv}, {"runtime.chansend*", ChanSend}, {"runtime.selectgo", Select}, {"runtime.block", Forever},
	{"time.Sleep", Sleep}, {"internal/poll.runtime_pollWait", Network}, {"internal/poll.(*FD).*", Network},
}

// inner is how many frames tell the kind. The runtime's are at most eight, and database/sql has four more.
const inner = 14

// reasonOf tells what a goroutine waits for from the trace's reason and the functions at the top of its stack.
func reasonOf(key siteKey, reason string, stack Stack) Reason {
	switch key.reason {
	case reasonSyscall:
		return SyscallOut
	case reasonCoroutine:
		return Coroutine
	case reasonCreated:
		return Created
	}
	switch reason {
	case "runtime.Gosched", "runtime.GoSched":
		return Yield
	case "preempted":
		return Preempted
	}
	if isSystem(stack) {
		return System
	}
	if r := kindOf(stack); r != "" {
		return r
	}
	switch reason {
	case "sync":
		return OtherSync
	case "sync.(*Cond).Wait":
		return Cond
	case "chan send":
		return ChanSend
	case "chan receive":
		return ChanRecv
	case "select":
		return Select
	case "network":
		return Network
	case "sleep":
		return Sleep
	case "forever":
		return Forever
	case "system goroutine wait":
		return System
	case "":
		top := stack[:min(len(stack), inner)]
		for _, b := range bare {
			if slices.ContainsFunc(top, func(f Frame) bool { return matches(f.Func, b.fn) }) {
				return b.reason
			}
		}
		return UnknownWait
	}
	if strings.HasPrefix(reason, "GC ") || reason == "wait until GC ends" {
		return GCWait
	}
	return OtherWait
}

// kindOf tells what the table does, "" if nothing.
func kindOf(stack Stack) Reason {
	top := stack[:min(len(stack), inner)]
	for i := range kinds {
		k := &kinds[i]
		at := slices.IndexFunc(top, func(f Frame) bool { return matches(f.Func, k.funcs[0]) })
		if at < 0 {
			continue
		}
		if len(k.funcs) == 1 {
			return k.reason
		}
		rest := stack[at+1:]
		if k.next {
			for len(rest) > 0 && strings.HasPrefix(rest[0].Func, "sync.(*Mutex)") {
				rest = rest[1:]
			}
			rest = rest[:min(len(rest), 1)]
		}
		if slices.ContainsFunc(rest, func(f Frame) bool { return matches(f.Func, k.funcs[1]) }) {
			return k.reason
		}
	}
	return ""
}

// matches reports whether a function is that of a name, or pattern.
func matches(fn, name string) bool {
	if suffix, ok := strings.CutPrefix(name, "*"); ok {
		return strings.HasSuffix(fn, suffix)
	}
	if prefix, ok := strings.CutSuffix(name, "*"); ok {
		return strings.HasPrefix(fn, prefix)
	}
	return fn == name
}

// isSystem reports whether a stack is that of a goroutine of the runtime. Its collector waits for work, and its
// finalizers for garbage: they are no reason for an idle P.
func isSystem(stack Stack) bool {
	if len(stack) == 0 {
		return false
	}
	fn := stack[len(stack)-1].Func
	if fn == "runtime.goexit" && len(stack) > 1 {
		fn = stack[len(stack)-2].Func
	}
	return strings.HasPrefix(fn, "runtime.") && fn != "runtime.main" && fn != "runtime.goexit" && !strings.HasPrefix(fn, "runtime.cgocallback")
}

// stopReason is the kind of a stop-the-world that gives its reason.
func stopReason(name string, stack Stack) Reason {
	switch {
	case name == "start trace", strings.HasPrefix(name, "goroutine profile"), strings.HasPrefix(name, "all goroutine"),
		slices.ContainsFunc(stack, func(f Frame) bool { return isMeasuring(f.Func) }):
		return Measuring
	case strings.HasPrefix(name, "GC "):
		return StopGC
	}
	return StopWorld
}

// patient reports whether goroutines that wait for that may do so all the time, by design: servers for connections, workers
// for work.
func (r Reason) patient() bool {
	switch r {
	case ChanRecv, Select, Network, Sleep, Cond, Forever, SyscallOut, UnknownWait, Coroutine:
		return true
	}
	return false
}

// isSync reports whether a function belongs to the implementation of package sync.
func isSync(fn string) bool {
	return strings.HasPrefix(fn, "sync.") || strings.HasPrefix(fn, "internal/sync.") || strings.HasPrefix(fn, "runtime.")
}

// recorderFuncs are what the goroutines run that record a trace: the runtime's, the
// profiler's beside it, and those of package record. controllerFuncs are where
// Contend's load is directed, with the workers elsewhere, and harnessFuncs where a test or benchmark is.
// measuringFuncs are called to begin and end a recording.
var (
	recorderFuncs   = []string{"runtime.trace", "runtime.(*trace", "runtime/trace.", "runtime/pprof.", "github.com/contend-go/contend/traces/record."}
	controllerFuncs = []string{"github.com/contend-go/contend/bench/cachebench.(*crew[", "github.com/contend-go/contend/traces/record."}
	harnessFuncs    = []string{"testing."}
	measuringFuncs  = []string{
		"runtime/trace.Start", "runtime/trace.Stop", "runtime/trace.(*traceMultiplexer).", "runtime/trace.(*FlightRecorder).",
		"runtime.StartTrace", "runtime.StopTrace", "runtime.ReadTrace", "runtime.(*wakeableSleep).sleep", "runtime.(*profBuf).read",
		"runtime/pprof.StartCPUProfile", "runtime/pprof.StopCPUProfile", "runtime/pprof.profileWriter", "runtime/pprof.(*Profile).", "net/http/pprof.",
	}
)

func begins(fn string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(fn, p) })
}

func isMeasuring(fn string) bool { return begins(fn, measuringFuncs) }

// measures reports whether a goroutine in that stack is of the
// measuring apparatus: a recorder by the function that it was started with or called, the
// controller and the harness by the one that waits.
func measures(stack Stack) bool {
	if len(stack) == 0 {
		return false
	}
	waits := slices.IndexFunc(stack, func(f Frame) bool { return !isSync(f.Func) && f.Func != "time.Sleep" })
	return begins(stack[len(stack)-1].Func, recorderFuncs) ||
		waits >= 0 && (begins(stack[waits].Func, controllerFuncs) || begins(stack[waits].Func, harnessFuncs)) ||
		slices.ContainsFunc(stack, func(f Frame) bool { return isMeasuring(f.Func) })
}

// classOf tells of a site what share its goroutines get of idle Ps.
func classOf(reason Reason, stack Stack, apparatus bool) class {
	switch {
	case apparatus, reason == System, reason == Measuring:
		return exempt
	case reason == WaitGroup, reason == UnknownWait, reason.patient() && idles(stack):
		return lesser
	}
	return ordinary
}

// idlers are functions of servers and pools that wait for something to do: the next connection, request or signal. There may be one for each of 10,000
// connections.
var idlers = []string{
	"net.(*netFD).accept", "net/http.(*connReader).backgroundRead", "net/http.(*persistConn).readLoop", "net/http.(*persistConn).writeLoop",
	"net/http.(*http2clientConnReadLoop).run", "net/http.(*http2serverConn).serve", "net/http.(*http2serverConn).readFrames",
	"database/sql.(*DB).connectionOpener", "database/sql.(*DB).connectionCleaner", "database/sql.(*Tx).awaitDone", "database/sql.(*Rows).awaitDone",
	"os/signal.loop", "os/signal.signal_recv", "context.(*cancelCtx).propagateCancel.func2",
	"google.golang.org/grpc/internal/transport.(*controlBuffer).get", "google.golang.org/grpc/internal/transport.(*http2Client).reader",
	"google.golang.org/grpc/internal/transport.(*http2Server).HandleStreams", "google.golang.org/grpc/internal/transport.(*http2Client).keepalive",
	"google.golang.org/grpc/internal/transport.(*http2Server).keepalive",
}

// idles reports whether a goroutine in that stack waits for something to do. An HTTP connection does so where it does not run its handler.
func idles(stack Stack) bool {
	serves, handles := false, false
	for _, f := range stack {
		if slices.Contains(idlers, f.Func) {
			return true
		}
		serves = serves || f.Func == "net/http.(*conn).serve"
		handles = handles || f.Func == "net/http.serverHandler.ServeHTTP"
	}
	return serves && !handles
}

// userFunc is the innermost function of a stack that called into the standard library's tracer.
func userFunc(stack Stack) string {
	for _, f := range stack {
		if !strings.HasPrefix(f.Func, "runtime") {
			return f.Func
		}
	}
	return ""
}

// controls reports whether the goroutine that began the trace waits for its end at a site: in a sleep or select in the function that
// began it.
func (n *names) controls(site int32, begun string) bool {
	k := n.sites[site]
	if k.reason != Sleep && k.reason != Select && k.reason != ChanRecv || begun == "" {
		return false
	}
	for _, f := range n.stacks[k.stack] {
		if !isSync(f.Func) && f.Func != "time.Sleep" {
			return f.Func == begun
		}
	}
	return false
}

// inference tells where goroutines waited of which a trace does not know it, by who woke them.
type inference struct {
	n      *names
	places map[string][]inferred // by place of the release
}

type inferred struct {
	site  int32
	count int64
	given int64 // how many unknown waits were inferred to be there
}

// inference learns from the waits of which the place is known.
func (s *stitcher) inference() *inference {
	inf := &inference{&s.names, make(map[string][]inferred)}
	for _, b := range s.books {
		for i := range b.sites {
			if r := s.names.sites[i].reason; r == UnknownWait || s.names.classes[i] == exempt {
				continue
			}
			b.sites[i].eachReleaser(func(stack uint64, n int64) {
				at := inf.place(stack)
				if at == "" {
					return
				}
				list := inf.places[at]
				k := slices.IndexFunc(list, func(x inferred) bool { return x.site == int32(i) })
				if k < 0 {
					list = append(list, inferred{site: int32(i)})
					k = len(list) - 1
				}
				list[k].count += n
				inf.places[at] = list
			})
		}
	}
	return inf
}

// place is where a release is, "" for nowhere.
func (inf *inference) place(stack uint64) string {
	for _, f := range inf.n.stacks[stack] {
		if strings.HasPrefix(f.Func, "runtime.gc") || f.Func == "runtime.mallocgc" {
			return "" // the collector wakes its own, wherever it was begun
		}
		if !isSync(f.Func) {
			return f.Func + "\x00" + f.File + "\x00" + strconv.Itoa(f.Line)
		}
	}
	return ""
}

// site is where a goroutine was blocked, and whether that is inferred: in proportion to the
// known waits with the same releaser.
func (inf *inference) site(in *introduced) (int32, bool) {
	list := inf.places[inf.place(in.rel)]
	if len(list) == 0 {
		return in.site, false
	}
	best := 0
	for i := range list {
		if list[i].count*(list[best].given+1) > list[best].count*(list[i].given+1) {
			best = i
		}
	}
	list[best].given++
	return list[best].site, true
}
