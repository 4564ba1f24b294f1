// Package show turns execution traces into what a person or a program reads: a
// table that fits a screen, JSON, an off-CPU profile, and the difference
// between two traces. The numbers are those of package account.
package show

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/traces/account"
	"github.com/contend-go/contend/traces/blame"
	"github.com/contend-go/contend/traces/record"
)

// Trace is one trace, accounted, with what was recorded beside it.
type Trace struct {
	Name    string // the file, "-" for standard input
	Account *account.Account

	// Usable is the number of CPUs that the traced process could use, 0 if
	// nothing tells.
	Usable int
	// CPU is the process's CPU time by window, from its threads' clocks; nil
	// where they were not recorded, −1 for a window without a reading near
	// its ends.
	CPU []time.Duration
	// Notes are what a reader of the numbers must know, one line each.
	Notes []string

	blamed *blame.Verdict // once asked for
}

// Options say how traces are read.
type Options struct {
	Windows  Windows
	Switches string // the switches file; empty: look beside the trace
	Columns  int    // of the timeline; 0 for none
	Progress func(done, total int64)
}

// Windows is how a trace is split. The zero value splits at marks, and where
// there are none at changes of GOMAXPROCS.
type Windows struct {
	account.WindowSpec
	Equal int // that many equal parts, if not 0
}

// ParseWindows reads "marks", "procs", "whole", a duration, or a number of
// equal parts.
func ParseWindows(s string) (w Windows, err error) {
	switch s {
	case "", "auto":
		return w, nil
	case "marks":
		w.Mode = account.Marks
	case "procs":
		w.Mode = account.ProcsChanges
	case "whole":
		w.Mode = account.Whole
	default:
		if n, err := strconv.Atoi(s); err == nil {
			if n < 1 || n > 100_000 {
				return w, fmt.Errorf("%d windows: want 1 to 100000", n)
			}
			w.Mode, w.Equal = account.Whole, n
			return w, nil
		}
		d, err := time.ParseDuration(s)
		if err != nil {
			return w, fmt.Errorf("%q: want marks, procs, whole, a duration such as 10ms, or a number of equal parts", s)
		}
		if d < time.Millisecond {
			return w, fmt.Errorf("windows of %v: want 1ms or more", d)
		}
		w.Mode, w.Every = account.Slices, d
	}
	return w, nil
}

// Open reads and accounts a trace, "-" being standard input. The error says
// that nothing could be read; what is missing of a readable trace is in
// Account.Lost.
func Open(name string, o Options) (*Trace, error) {
	t := &Trace{Name: name}
	opt := account.Options{Windows: o.Windows.WindowSpec, Progress: o.Progress, Causes: true}
	opt.Timeline.Columns = o.Columns
	switches, err := t.findSwitches(o.Switches)
	if err != nil {
		return nil, err
	}
	if switches != nil {
		opt.Switches = switches.Log
	}
	if t.Account, err = read(name, o.Windows.Equal, opt); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if switches != nil {
		t.join(switches)
	}
	return t, nil
}

// read accounts the file, twice where equal parts need its length first.
func read(name string, equal int, opt account.Options) (*account.Account, error) {
	if name == "-" {
		if equal > 1 {
			return nil, errors.New("equal parts need a file: the length of a stream is not known before its end")
		}
		return account.ReadStream(os.Stdin, opt)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, withoutPath(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, withoutPath(err)
	}
	if !info.Mode().IsRegular() {
		if info.IsDir() {
			return nil, errors.New("is a folder; name its trace files")
		}
		return account.ReadStream(f, opt)
	}
	a, err := account.Read(f, info.Size(), opt)
	if err != nil || equal <= 1 {
		return a, err
	}
	opt.Windows = account.WindowSpec{Mode: account.Slices, Every: max((a.Duration+time.Duration(equal)-1)/time.Duration(equal), time.Millisecond)}
	return account.Read(f, info.Size(), opt)
}

// withoutPath is err without the path, which the caller names.
func withoutPath(err error) error {
	if p := (*os.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	return err
}

// window matches the end of the names that package record gives to the traces
// of short windows, which share a switches file.
var window = regexp.MustCompile(`-\d+$`)

// besides are the names that a trace's switches file may have.
func besides(name string) (names []string) {
	stem, ok := strings.CutSuffix(strings.TrimSuffix(name, bench.Partial), ".trace")
	if !ok {
		return nil
	}
	for _, s := range []string{stem, window.ReplaceAllString(stem, "")} {
		names = append(names, s+".switches", s+".switches"+bench.Partial)
	}
	return names
}

// findSwitches reads the switches file that was named, or the one beside the
// trace if there is one.
func (t *Trace) findSwitches(name string) (*record.Switches, error) {
	if name != "" {
		s, err := readSwitches(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		t.noteBroken(name, s)
		return s, nil
	}
	for _, beside := range besides(t.Name) {
		s, err := readSwitches(beside)
		switch {
		case errors.Is(err, os.ErrNotExist):
			continue
		case err != nil: // it was not asked for: the trace alone is worth showing
			t.Notes = append(t.Notes, fmt.Sprintf("%s: %v; on-CPU time is not known", beside, err))
			return nil, nil
		}
		t.noteBroken(beside, s)
		return s, nil
	}
	return nil, nil
}

func (t *Trace) noteBroken(name string, s *record.Switches) {
	if s.Broken != nil {
		t.Notes = append(t.Notes, fmt.Sprintf("%s: %v; used up to there", name, s.Broken))
	}
}

func readSwitches(name string) (*record.Switches, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, withoutPath(err)
	}
	defer f.Close()
	return record.ReadSwitches(f)
}

// join adds what the switches file tells beyond the switches.
func (t *Trace) join(s *record.Switches) {
	a := t.Account
	start, end := a.Origin, a.Origin+int64(a.Duration)
	if s.End < start || s.Start > end {
		t.Notes = append(t.Notes, "the switches file is of another time than the trace: it was not used")
		return
	}
	t.Usable = s.CPUs
	if s.Refused != "" {
		t.Notes = append(t.Notes, "no switch records, only the threads' CPU time: "+s.Refused,
			fmt.Sprintf("in %s, threads were runnable without a CPU for %s together (schedstat)", short(time.Duration(s.End-s.Start)), short(time.Duration(s.Waited))))
	}
	for _, w := range a.Windows {
		t.CPU = append(t.CPU, cpuBetween(s.Clocks, a.Origin+int64(w.Start), a.Origin+int64(w.End)))
	}
}

// cpuBetween is the threads' CPU time in a window, from the readings nearest
// to its ends: their rate × the window's length. It is −1 where a reading is
// further away than a tenth of the window.
func cpuBetween(clocks []record.Clocks, from, to int64) time.Duration {
	nearest := func(at int64) *record.Clocks {
		var best *record.Clocks
		for i := range clocks {
			if t := &clocks[i]; best == nil || distance(t.Time, at) < distance(best.Time, at) {
				best = t
			}
		}
		return best
	}
	a, b := nearest(from), nearest(to)
	if a == nil || b.Time <= a.Time || max(distance(a.Time, from), distance(b.Time, to)) > (to-from)/10 {
		return -1
	}
	return time.Duration(float64(b.Since(a)) / float64(b.Time-a.Time) * float64(to-from))
}

func distance(a, b int64) int64 { return max(a-b, b-a) }

// Partial reports whether a part of the trace could not be read.
func (t *Trace) Partial() bool { return t.Account.Lost.Any() }

// places finds lines in the stacks of a window.
type places struct{ blame.Locator }

func placesOf(w *account.Window) places { return places{blame.NewLocator(w)} }

// line is where a goroutine waits in the user's terms.
func (l places) line(s account.Stack) account.Frame {
	if p := l.Place(s); p.Line.Func != "" {
		return p.Line
	}
	return account.Frame{Func: unknown}
}

// spot is that line for the eye.
func (l places) spot(s account.Stack) string { return blame.Spot(l.line(s)) }

const unknown = "unknown" // a stack that the trace does not have

// short prints a duration with three digits: "1.23s", "45.6ms", "789µs".
func short(d time.Duration) string {
	if d < 0 {
		return "-" + short(-d)
	}
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{time.Second, "s"}, {time.Millisecond, "ms"}, {time.Microsecond, "µs"}, {time.Nanosecond, "ns"}} {
		switch v := float64(d) / float64(u.unit); {
		case v >= 99.95:
			return strconv.FormatFloat(v, 'f', 0, 64) + u.name
		case v >= 1:
			return strconv.FormatFloat(v, 'g', 3, 64) + u.name
		}
	}
	return "0"
}

// ratio is a÷b, 0 where b is 0.
func ratio(a, b time.Duration) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

func percent(share float64) string { return fmt.Sprintf("%.1f%%", 100*share) }

// lost is a window's capacity in which Ps did not work: idle, held without a
// goroutine, in a system call, or stopped.
func lost(w *account.Window) time.Duration {
	return w.Capacity - w.Parts.Goroutine() - w.Parts[account.GC]
}

// printer collects the first error of many writes.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) f(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}
