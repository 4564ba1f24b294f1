//go:build ignore

// This file joins the testing package of the benchmark's own toolchain, by
// `go test -overlay`, when contend builds a test binary; benchmark.go there gets
// the calls of the methods below. It counts what the process used while the
// benchmark's timer ran, and prints each benchmark's end on lines of their own,
// behind a mark that keeps them apart from whatever the benchmark prints.

package testing

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"runtime/trace"
	"slices"
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

func contendMutexWait() float64 {
	metrics.Read(contendMetric)
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
	for range rounds {
		contendRead()
	}
	return (contendRead().cpu - before.cpu) * t.stretches / rounds
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
	used.cpu = max(used.cpu-b.contend.overhead(), 0)
	n := float64(max(r.N, 1))
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
	add("mutex-wait-ns/op", used.mutexWait*1e9/n)
	add("ctxsw/op", float64(used.switches)/n)
	add("ctxsw-forced/op", float64(used.forced)/n)
	add("B/op", float64(r.MemBytes)/n)
	add("allocs/op", float64(r.MemAllocs)/n)
	own := len(units)
	for unit, v := range r.Extra {
		if unit == "ns/op" && v == 0 { // the way to say that it means nothing here
			continue
		}
		units = append(units, unit)
		values[unit] = v
	}
	slices.Sort(units[own:])
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
func (b *B) contendEnded(returned bool) {
	b.mu.RLock()
	verdict, output := "", strings.TrimSpace(string(b.output))
	switch {
	case b.failed && (output != "" || !b.hasSub.Load()):
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
