//go:build ignore

// This file joins the testing package of the benchmark's own toolchain, by
// `go test -overlay`, when contend builds a test binary; benchmark.go there gets
// the calls of the methods below. It counts what the process used while the
// benchmark's timer ran, and prints each benchmark's end on lines of their own,
// behind a mark that keeps them apart from whatever the benchmark prints.
//
// It is compiled by toolchains from Go 1.18 on, as part of their own testing
// package, whose language and standard library are all that it may use. min and
// max are functions of that package before Go 1.21, and of int64 alone.

package testing

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"runtime/trace"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// contendUsage is what the process has used.
type contendUsage struct {
	cpu              int64 // user + system, ns
	switches, forced int64
	mutexWait        float64 // s
}

// contendTimer belongs to one benchmark, and to the goroutine that starts and
// stops its timer.
type contendTimer struct {
	began     contendUsage // when the timer was started last
	used      contendUsage // while it ran, since it was reset
	stretches int64        // how often it was started since
	procs     int          // a GOMAXPROCS that is not the process's, 0 if none was seen
	ps        contendPs    // at the collection before the run

	warm  bool          // the first call was made, and is not in what is timed
	first time.Duration // what it took
}

var (
	contendProcs  = runtime.GOMAXPROCS(0)
	contendRusage syscall.Rusage
	contendMetric = []metrics.Sample{{Name: "/sync/mutex/wait/total:seconds"}}
	contendTotal  = []metrics.Sample{{Name: "/cpu/classes/total:cpu-seconds"}}
	contendGCs    debug.GCStats

	contendSampled bool
	contendFirst   = contendMutexWait() + contendReadPs().total // so that later ones allocate nothing
)

// contendMarks bounds the marks that one timed run leaves in a trace.
const contendMarks = 16

// contendLost is the verdict on a benchmark whose goroutine is gone.
const contendLost = "ended without returning"

// contendRead reads what the process has used but for the wait for locks.
func contendRead() contendUsage {
	r := &contendRusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, r) != nil {
		*r = syscall.Rusage{}
	}
	return contendUsage{
		cpu:      r.Utime.Nano() + r.Stime.Nano(),
		switches: int64(r.Nvcsw) + int64(r.Nivcsw),
		forced:   int64(r.Nivcsw),
	}
}

// contendMutexWait is 0 where the runtime does not count it (before Go 1.20).
func contendMutexWait() float64 {
	metrics.Read(contendMetric)
	if contendMetric[0].Value.Kind() != metrics.KindFloat64 {
		return 0
	}
	return contendMetric[0].Value.Float64()
}

// contendPs is how long the process's Ps have been there together, in P-seconds,
// up to its last collection, and when that was: the runtime counts it then.
type contendPs struct {
	total float64 // 0 where the runtime does not count it (before Go 1.20)
	at    time.Time
}

func contendReadPs() (p contendPs) {
	metrics.Read(contendTotal)
	debug.ReadGCStats(&contendGCs)
	if contendTotal[0].Value.Kind() == metrics.KindFloat64 {
		p.total = contendTotal[0].Value.Float64()
	}
	p.at = contendGCs.LastGC
	return p
}

// start is called right before the timer's clock is read, stop right after: the
// wall time is what it would be without them.
func (t *contendTimer) start(b *B) {
	t.see()
	if t.stretches == 0 { // testing has just collected garbage
		t.ps = contendReadPs()
	}
	t.stretches++
	if trace.IsEnabled() && t.stretches <= contendMarks {
		contendSample()
		trace.Log(context.Background(), "contend", "begin N="+strconv.Itoa(b.N))
	}
	wait := contendMutexWait()
	t.began = contendRead() // last, and first in stop: little of our own is counted
	t.began.mutexWait = wait
}

// contendSample has the runtime take CPU samples for the trace, from the first timed
// run on, of which the kernel gives as many as it has timer ticks (often 250 a second of CPU
// time). Nobody reads the profile itself, and this process ends with its benchmark.
func contendSample() {
	if !contendSampled {
		contendSampled = true
		runtime.SetCPUProfileRate(500)
	}
}

func (t *contendTimer) stop() {
	u := contendRead()
	u.mutexWait = contendMutexWait()
	t.used.cpu += u.cpu - t.began.cpu
	t.used.switches += u.switches - t.began.switches
	t.used.forced += u.forced - t.began.forced
	t.used.mutexWait += u.mutexWait - t.began.mutexWait
	if trace.IsEnabled() && t.stretches < contendMarks {
		trace.Log(context.Background(), "contend", "end")
	}
	t.see()
}

// reset follows the timer's: a timer that is running starts its first stretch.
func (t *contendTimer) reset(running bool) {
	t.used, t.stretches = contendUsage{}, 0
	if running {
		t.stretches = 1
	}
}

func (t *contendTimer) see() {
	if p := runtime.GOMAXPROCS(0); p != contendProcs {
		t.procs = p
	}
}

// average finds a GOMAXPROCS that a benchmark sets and restores before it returns:
// the mean number of Ps from the run's start until now is then not the process's.
// Short windows tell nothing.
func (t *contendTimer) average() {
	const least = 20 * time.Millisecond
	if t.procs != 0 || t.ps.total == 0 || time.Since(t.ps.at) < least {
		return
	}
	runtime.GC() // refreshes the count
	now := contendReadPs()
	mean := (now.total - t.ps.total) / now.at.Sub(t.ps.at).Seconds()
	if off := mean - float64(contendProcs); off > 0.1*float64(contendProcs) || off < -0.1*float64(contendProcs) {
		t.procs = int(mean + 0.5)
	}
}

// overhead is the CPU time of our own reading in all stretches. It matters to
// benchmarks that stop their timer in each iteration.
func (t *contendTimer) overhead() int64 {
	const few, rounds = 8, 500
	if t.stretches <= few {
		return 0
	}
	before := contendRead()
	for i := 0; i < rounds; i++ {
		contendRead()
	}
	return (contendRead().cpu - before.cpu) * t.stretches / rounds
}

// contendWarm is called when the round of one iteration is over, in benchmarks that
// loop to b.N. What only a first call does (a sync.Once, a cold cache) must not be
// in the timed window, nor decide how long that is: another such round takes the
// place of the first one.
func (b *B) contendWarm() {
	b.contend.warm, b.contend.first = true, b.duration
	b.runN(1)
}

// contendAgain is called where b.Loop ends a stretch of iterations, or begins the
// first one. The first iteration by time is made again, as if the loop began with the second:
// see [B.contendWarm]. Benchmarks with b.Loop set up once, and so are not run anew.
func (b *B) contendAgain(begun bool) bool {
	if !begun || b.benchTime.n > 0 || b.contend.warm {
		return false
	}
	b.StopTimer()
	b.contend.warm, b.contend.first = true, b.duration
	extra := b.extra
	b.extra = nil
	b.ResetTimer()
	b.extra = extra // what the benchmark has reported stays
	b.StartTimer()
	return true
}

// contendResult prints the result of a benchmark that was measured. One that
// panics may come here too, while the process dies: it has ended no run.
func (b *B) contendResult() {
	if b.failed || b.previousN == 0 {
		return
	}
	b.contend.see()
	b.contend.average()
	procs := contendProcs
	if b.contend.procs != 0 {
		procs = b.contend.procs
	}
	r, used := b.result, b.contend.used
	if used.cpu -= b.contend.overhead(); used.cpu < 0 {
		used.cpu = 0
	}
	n := float64(r.N)
	if n < 1 {
		n = 1
	}
	var units []string
	values := map[string]float64{}
	add := func(unit string, v float64) {
		if _, own := r.Extra[unit]; own {
			return
		}
		units = append(units, unit)
		values[unit] = v
	}
	wall := float64(r.T.Nanoseconds())
	add("ns/op", wall/n)
	if _, own := r.Extra["ns/op"]; !own && wall > 0 {
		add("ops/s", n*1e9/wall)
	}
	if v := r.mbPerSec(); v > 0 {
		add("MB/s", v)
	}
	add("cpu-ns/op", float64(used.cpu)/n)
	if contendMetric[0].Value.Kind() == metrics.KindFloat64 {
		add("mutex-wait-ns/op", used.mutexWait*1e9/n)
	}
	add("ctxsw/op", float64(used.switches)/n)
	add("ctxsw-forced/op", float64(used.forced)/n)
	add("B/op", float64(r.MemBytes)/n)
	add("allocs/op", float64(r.MemAllocs)/n)
	if b.contend.warm {
		add("first-ns", float64(b.contend.first))
	}
	own := len(units)
	for unit, v := range r.Extra {
		if unit == "ns/op" && v == 0 { // the way to say that it means nothing here
			continue
		}
		units = append(units, unit)
		values[unit] = v
	}
	sort.Strings(units[own:])
	var line strings.Builder
	for _, unit := range units {
		fmt.Fprintf(&line, " %s %s", strconv.FormatFloat(values[unit], 'g', 8, 64), unit)
	}
	fmt.Fprintf(b.w, "\n#contend # cell protocol=1 gomaxprocs=%d wall-ns=%d cpu-ns=%d\n#contend %s/gomaxprocs=%d %d%s\n",
		procs, r.T.Nanoseconds(), used.cpu, b.name, procs, r.N, line.String())
}

// contendEnded prints why a benchmark has no result: it failed, was skipped, or
// its goroutine ended without returning. In a panic the deferred functions of
// testing let the rest go on, while the runtime is about to end the process:
// that gets the time to do so, and to say why.
func (b *B) contendEnded(returned, hasSub bool) {
	b.mu.RLock()
	verdict, output := "", strings.TrimSpace(string(b.output))
	switch {
	case b.failed && (output != "" || !hasSub):
		verdict = "failed"
	case b.skipped:
		verdict = "skipped"
	case !b.failed && !returned:
		verdict = contendLost
	}
	b.mu.RUnlock()
	if verdict == contendLost {
		time.Sleep(time.Second)
	}
	if verdict != "" {
		fmt.Fprintf(b.w, "\n#contend # absent name=%q reason=%q\n", b.name, verdict+": "+output)
	}
}

// contendComplete prints that all benchmarks were run.
func (b *B) contendComplete() { fmt.Fprint(b.w, "\n#contend # note text=complete\n") }
