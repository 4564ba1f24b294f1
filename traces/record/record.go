// Package record watches a running program from inside, as a [bench.Probe]: Go
// execution traces with CPU-profile samples in them and, beside them, which
// thread was on a CPU when. Green in a trace is not CPU: a P that runs a
// goroutine needs a CPU under it, and only the kernel knows.
//
// A probe with prefix 0017 leaves, in the run folder,
//
//	traces/0017.trace                       one trace of the whole window, or
//	traces/0017-1.trace, -2.trace …         one per short window
//	traces/0017.switches                    see [ReadSwitches]
//
// All of them grow under a name that ends in [bench.Partial] and are renamed when
// they are complete. The runtime hands over trace data about once a second, and
// at a panic: what a killed process leaves is readable but for its last second, or
// but for the short window that it was in.
package record

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/trace"
	"slices"
	"strings"
	"time"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/traces/account"
)

// Kinds of attachments.
const (
	KindTrace    = "trace"
	KindSwitches = "switches"
)

// Options say what is recorded. The zero value is a good default.
type Options struct {
	// Whole traces everything from Start to Stop, as a tour needs. Otherwise a
	// few short windows are traced, spread over the planned time, each to a
	// file of its own: a trace costs up to a third of the throughput while it
	// is recorded, and windows that are a hundredth of the time cost a
	// hundredth of that.
	Whole bool
	// Windows is how many there are at most (0: 4), Length how long each is at
	// most (0: 50 ms). Together they take at most a hundredth of the time, but
	// no less than 5 ms.
	Windows int
	Length  time.Duration
	// MaxBytes bounds all files of the probe together (0: 1 GiB). Tracing
	// stops before it is exceeded, with a warning.
	MaxBytes int64
}

// Defaults of Options, and the shortest window worth its start and stop.
const (
	defaultWindows  = 4
	defaultLength   = 50 * time.Millisecond
	defaultMaxBytes = 1 << 30
	minLength       = 5 * time.Millisecond
	tracedShare     = 100 // one part in 100 of the time
)

func (o Options) withDefaults() Options {
	if o.Windows <= 0 {
		o.Windows = defaultWindows
	}
	if o.Length <= 0 {
		o.Length = defaultLength
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = defaultMaxBytes
	}
	return o
}

// span is a window to trace, from the start of the observation.
type span struct{ start, length time.Duration }

// plan is where the short windows go: each in the middle of an equal part of
// the planned time. First there are fewer of them, then shorter ones, to stay
// within the share.
func (o Options) plan(planned time.Duration) []span {
	allowed := planned / tracedShare
	n := max(min(o.Windows, int(allowed/o.Length)), 1)
	length := max(min(o.Length, allowed/time.Duration(n)), minLength)
	spans := make([]span, n)
	for i := range spans {
		middle := planned * time.Duration(2*i+1) / time.Duration(2*n)
		spans[i] = span{max(middle-length/2, 0), length}
	}
	return spans
}

// Estimate is how many bytes one probe may leave on disk, for announcements
// before a run: what a program leaves that does nothing but hand goroutines
// over, which fills traces the fastest. Most leave a hundredth.
func (o Options) Estimate(procs int, planned time.Duration) int64 {
	o = o.withDefaults()
	traced := planned
	if !o.Whole {
		traced = 0
		for _, s := range o.plan(planned) {
			traced += s.length
		}
	}
	cpus := float64(min(procs, runtime.NumCPU()))
	bytes := cpus * (traced.Seconds()*traceRate + planned.Seconds()*switchRate)
	return min(int64(bytes), o.MaxBytes)
}

// Bytes per second and CPU: of the trace of a worker pool behind channels
// (5.7 bytes an event), and of 100,000 switches.
const (
	traceRate  = 20e6
	switchRate = 0.5e6
)

// New returns a probe that records what the options say.
func New(o Options) bench.Probe { return &probe{opts: o.withDefaults()} }

// probe is used by one goroutine at a time; beside it runs the schedule of the
// short windows. What both use is handed over by closing stop and by done.
type probe struct {
	opts    Options
	window  bench.Window
	budget  *budget
	oncpu   *switchRecorder
	samples int // CPU samples that a trace has per second of CPU time; 0 is none of our own
	start   time.Time
	stop    chan struct{} // closed by Stop
	done    chan struct{} // closed when the schedule has ended

	// Owned by the schedule until done is closed, then by Stop.
	outs        []*output // of all traces that are planned
	begun       int       // how many of them were begun
	tracing     bool      // the last one of those is under way
	stopSamples func()    // nil if none are taken
	attachments []sample.Attachment
	warnings    []string
	errs        []error
}

func (p *probe) Start(w bench.Window) error {
	if p.stop != nil {
		return errors.New("record: a probe can be used once")
	}
	if w.Prefix == "" || !filepath.IsAbs(w.Dir) {
		return fmt.Errorf("record: a window needs a prefix and an absolute run folder, not %q and %q", w.Prefix, w.Dir)
	}
	p.window, p.budget = w, newBudget(p.opts.MaxBytes)
	p.stop, p.done = make(chan struct{}), make(chan struct{})
	p.start = time.Now()

	out, err := create(w.Dir, "traces/"+w.Prefix+".switches", KindSwitches, p.budget)
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	var warning string
	if p.oncpu, warning = startSwitches(out); warning != "" {
		p.warnings = append(p.warnings, warning)
	}
	if err := mayTakeSamples(); err != nil {
		p.warnings = append(p.warnings, "no CPU samples of our own in the trace: "+err.Error())
	} else {
		p.samples = p.opts.samples()
	}
	if p.opts.Whole {
		p.create("", 0)
		p.begin() // here, so that what follows is in the trace
		go p.whole()
		return nil
	}
	plan := p.opts.plan(w.Planned)
	for i := range plan {
		p.create(fmt.Sprintf("-%d", i+1), windowBuffer)
	}
	go p.schedule(plan)
	return nil
}

// windowBuffer is what of a short window's trace is in memory until the window
// ends: some 25 ms of two busy CPUs. A write that lasts has a worker change its
// thread, and may leave it on a CPU that another one has.
const windowBuffer = 1 << 20

// create makes the file of one trace, with a buffer of that many bytes.
func (p *probe) create(suffix string, buffer int) {
	out, err := create(p.window.Dir, "traces/"+p.window.Prefix+suffix+".trace", KindTrace, p.budget)
	if err != nil {
		p.errs = append(p.errs, err)
		return
	}
	if buffer > 0 {
		out.buffer(buffer)
	}
	p.outs = append(p.outs, out)
}

// whole ends the one trace that Start began.
func (p *probe) whole() {
	defer close(p.done)
	select {
	case <-p.stop:
	case <-p.budget.nearly:
		p.full()
	}
	p.end()
}

// schedule traces the short windows.
func (p *probe) schedule(plan []span) {
	defer close(p.done)
	for _, s := range plan {
		if !p.sleep(s.start - time.Since(p.start)) {
			return
		}
		p.begin()
		mark(within)
		more := p.sleep(s.length)
		mark("end")
		p.end()
		if !more {
			return
		}
	}
}

// within marks a short window between the stops of the world that start and end
// its trace, which are not the program's.
const within = "traced"

func mark(label string) { trace.Log(context.Background(), account.MarkCategory, label) }

// sleep reports whether it slept its time: the end of the observation and of
// the budget cut it short.
func (p *probe) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-p.stop:
		return false
	case <-p.budget.nearly:
		p.full()
		return false
	}
}

func (p *probe) full() {
	p.warnings = append(p.warnings, fmt.Sprintf("tracing stopped after %v: %d bytes are the limit on disk",
		time.Since(p.start).Round(time.Millisecond), p.opts.MaxBytes))
}

// begin starts the next trace.
func (p *probe) begin() {
	if p.begun == len(p.outs) {
		return // there is no file for it
	}
	if err := trace.Start(p.outs[p.begun]); err != nil {
		p.errs = append(p.errs, err)
		return
	}
	p.begun, p.tracing = p.begun+1, true
	if p.samples > 0 {
		p.stopSamples = takeSamples(p.samples)
	}
	p.oncpu.snapshot()
}

func (p *probe) end() {
	if !p.tracing {
		return
	}
	p.oncpu.snapshot()
	if p.stopSamples != nil {
		p.stopSamples()
	}
	trace.Stop() // returns after the last byte was written
	p.tracing = false
	p.outs[p.begun-1].flush()
}

func (p *probe) attach(a sample.Attachment, err error) {
	if err != nil {
		p.errs = append(p.errs, err)
		return
	}
	p.attachments = append(p.attachments, a)
}

// waits is p-wait and its parts: by mark, or under "" of all traces together
// where there are none.
func (p *probe) waits() map[string][]sample.Value {
	sums := map[string]*waitSum{}
	for _, a := range p.attachments {
		if a.Kind != KindTrace {
			continue
		}
		acc, err := accounted(filepath.Join(p.window.Dir, filepath.FromSlash(a.Path)))
		if err != nil {
			p.warnings = append(p.warnings, fmt.Sprintf("no p-wait: %s: %v", a.Path, err))
			return nil
		}
		for _, w := range marked(acc) {
			label := strings.TrimPrefix(w.Label, within)
			if sums[label] == nil {
				sums[label] = &waitSum{}
			}
			sums[label].add(&w)
		}
	}
	values := map[string][]sample.Value{}
	for label, s := range sums {
		values[label] = s.values()
	}
	return values
}

// waitSum is what Ps stood still for in several windows, in P·ns.
type waitSum struct {
	capacity, wait float64
	by             [len(account.WaitKinds)]float64
}

func (s *waitSum) add(w *account.Window) {
	c := float64(w.Capacity)
	s.capacity += c
	s.wait += w.PWait() * c
	for i, share := range w.WaitBy() {
		s.by[i] += share * c
	}
}

func (s *waitSum) values() []sample.Value {
	if s.capacity == 0 {
		return nil
	}
	values := []sample.Value{{Unit: "p-wait", V: s.wait / s.capacity}}
	for i, kind := range account.WaitKinds {
		values = append(values, sample.Value{Unit: "p-wait-" + kind, V: s.by[i] / s.capacity})
	}
	return values
}

// marked are the windows of an account that have a label, or all of it as one
// window where none has.
func marked(a *account.Account) []account.Window {
	ws := slices.DeleteFunc(slices.Clone(a.Windows), func(w account.Window) bool { return w.Label == "" })
	if len(ws) == 0 {
		return []account.Window{a.Total}
	}
	return ws
}

func accounted(path string) (*account.Account, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return account.Read(f, info.Size(), account.Options{Windows: account.WindowSpec{Mode: account.Marks}, Causes: true})
}

func (p *probe) Mark(label string) {
	mark(label)
	p.oncpu.snapshot()
}

func (p *probe) Stop() (bench.Observation, error) {
	if p.oncpu == nil { // Start failed
		return bench.Observation{}, errors.New("record: Stop without Start")
	}
	close(p.stop)
	<-p.done
	for i, out := range p.outs {
		if i >= p.begun {
			p.errs = append(p.errs, out.discard())
			continue
		}
		if out.err != nil {
			p.warnings = append(p.warnings, "the trace breaks off: "+out.err.Error())
		}
		p.attach(out.finish())
	}
	a, warnings, err := p.oncpu.finish()
	p.attach(a, err)
	p.warnings = append(p.warnings, warnings...)
	waits := p.waits()
	obs := bench.Observation{Values: waits[""], Marked: waits, Attachments: p.attachments, Warnings: p.warnings}
	delete(waits, "")
	if err := errors.Join(p.errs...); err != nil {
		return obs, fmt.Errorf("record: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return obs, nil
}
