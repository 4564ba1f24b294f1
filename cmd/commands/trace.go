package commands

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/whole"
	"github.com/contend-go/contend/report"
	"github.com/contend-go/contend/traces/show"
)

// traceFlags are the options of contend trace.
type traceFlags struct {
	top      int
	json     bool
	png      string
	pprof    string
	window   string
	diff     string
	switches string
	cpus     int
}

func newTrace() *cobra.Command {
	var f traceFlags
	c := &cobra.Command{
		Use:   "trace FILE…",
		Short: "Find the lines at which a program loses CPU time, from a Go execution trace",
		Long: `Say where the time of all Ps went in a Go execution trace. First come the findings: the
lines at which CPU time is lost, who called them, who held what others waited for,
and what to try. Then a table says what every P did, and another where goroutines
waited. "-" is standard input.

If there is a file of switch records (FILE.switches, which contend sweep writes
next to its traces), time in which the operating system had taken a goroutine's thread
off its CPU is shown apart from time on a CPU.

Exit codes: 0 done, 2 wrong usage or nothing that can be read, 3 a part of a trace could not
be read.`,
		Example: `  contend trace trace.out
  contend trace tour.trace --png timeline.png
  contend trace trace.out --pprof waits.pb.gz && go tool pprof -http=: waits.pb.gz
  contend trace mutex.trace --diff lockfree.trace
  curl -s localhost:6060/debug/pprof/trace?seconds=2 | contend trace -`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return f.run(args, os.Stdout)
		},
	}
	fl := c.Flags()
	fl.IntVar(&f.top, "top", 5, "how many of the lines at which goroutines waited longest to list; 0 is all")
	fl.BoolVar(&f.json, "json", false, "print JSON (traces/README.md explains it)")
	fl.StringVar(&f.png, "png", "", "draw the timeline to this `FILE`, .png or .svg")
	fl.StringVar(&f.pprof, "pprof", "", "write lost and waiting time as a profile for go tool pprof to this `FILE`; - is standard output")
	fl.StringVar(&f.window, "window", "auto", "how to divide the trace: marks (logged by the program), procs (where GOMAXPROCS changes), whole (not at all), a duration, or a number of equal parts")
	fl.StringVar(&f.diff, "diff", "", "compare FILE with this other `TRACE`")
	fl.StringVar(&f.switches, "switches", "", "file of switch records (default FILE.switches, if there is one)")
	fl.IntVar(&f.cpus, "cpus", 0, "how many CPUs the traced process could use, if no switch records say it")
	completeList(c, "window", func() []string { return []string{"auto", "marks", "procs", "whole"} })
	return c
}

func (f *traceFlags) run(files []string, out io.Writer) error {
	o, err := f.options(files)
	if err != nil {
		return err
	}
	if f.diff != "" {
		files = append(files, f.diff)
	}
	traces, partial := f.open(files, o)
	if len(traces) == 0 || f.diff != "" && len(traces) < 2 {
		return errors.New("nothing to show")
	}
	if err := f.write(traces, out); err != nil {
		return err
	}
	if partial {
		return exit(bench.ExitInvalid, errors.New("not all could be read: see above"))
	}
	return nil
}

// options checks the flags against each other before anything is read.
func (f *traceFlags) options(files []string) (o show.Options, err error) {
	if o.Windows, err = show.ParseWindows(f.window); err != nil {
		return o, fmt.Errorf("--window: %w", err)
	}
	for flag, set := range map[string]bool{"--png": f.png != "", "--diff": f.diff != "", "--switches": f.switches != ""} {
		if set && len(files) > 1 {
			return o, fmt.Errorf("%s takes one trace, not %d", flag, len(files))
		}
	}
	if f.json && f.diff != "" {
		return o, errors.New("--diff writes a table: give both traces to --json instead")
	}
	if f.top < 0 || f.cpus < 0 {
		return o, errors.New("--top and --cpus: want 0 or more")
	}
	if f.png != "" {
		if _, err := report.PictureFormat(f.png); err != nil {
			return o, fmt.Errorf("--png: %w", err)
		}
		o.Columns = report.TimelineColumns
	}
	o.Switches = f.switches
	return o, nil
}

// open reads the traces. What cannot be read is said at once; partial reports
// whether there was any such thing.
func (f *traceFlags) open(files []string, o show.Options) (traces []*show.Trace, partial bool) {
	for _, name := range files {
		p := &progress{name: name, terminal: term.IsTerminal(int(os.Stderr.Fd()))}
		o.Progress = p.show
		t, err := show.Open(name, o)
		p.end()
		if err != nil {
			fmt.Fprintln(os.Stderr, program()+":", err)
			partial = true
			continue
		}
		if f.cpus > 0 {
			t.Usable = f.cpus
		}
		partial = partial || t.Partial()
		traces = append(traces, t)
	}
	return traces, partial
}

func (f *traceFlags) write(traces []*show.Trace, out io.Writer) error {
	if f.png != "" {
		if err := report.WriteTimeline(f.png, traces[0]); err != nil {
			return err
		}
	}
	if f.pprof == "-" {
		return show.Profile(out, traces)
	}
	if f.pprof != "" {
		if err := whole.Write(f.pprof, func(w io.Writer) error { return show.Profile(w, traces) }); err != nil {
			return err
		}
	}
	switch {
	case f.json:
		return show.JSON(out, traces, f.top)
	case f.diff != "":
		return show.Diff(out, traces[0], traces[1], f.top)
	}
	for i, t := range traces {
		if i > 0 {
			fmt.Fprintln(out)
		}
		if err := t.Table(out, f.top); err != nil {
			return err
		}
	}
	return nil
}

// progress tells on stderr how far a large trace is read.
type progress struct {
	name     string
	terminal bool
	shown    int64 // percent
	any      bool
}

// largeTrace is the size from which reading takes long enough to tell.
const largeTrace = 64 << 20

func (p *progress) show(done, total int64) {
	if total < largeTrace {
		return
	}
	percent := 100 * done / total
	switch {
	case p.terminal && percent > p.shown:
		fmt.Fprintf(os.Stderr, "\r%s: %d%%", p.name, percent)
		p.any = true
	case !p.terminal && percent/10 > p.shown/10:
		fmt.Fprintf(os.Stderr, "%s: %d%% of %d MB\n", p.name, percent, total/1e6)
	}
	p.shown = max(p.shown, percent)
}

func (p *progress) end() {
	if p.any {
		fmt.Fprint(os.Stderr, "\r\033[K")
	}
}
