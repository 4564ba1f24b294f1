package gotest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/sample"
)

// discoverBound is when a test binary that runs each benchmark once counts as
// hung: so long after it has printed anything last.
const discoverBound = 5 * time.Minute

// discover finds the benchmarks that a pattern selects, sub-benchmarks
// included, by running each once. Those that come to no end, or to a bad one,
// become absences.
func (p *Program) discover(ctx context.Context, pattern string, procs int, progress io.Writer) error {
	say := p.newTeller(progress)
	ended, reason, err := p.once(ctx, pattern, "", procs, say)
	if err != nil {
		return err
	}
	if ended {
		return nil
	}
	// A benchmark took the process down, and with it those after it: each
	// gets a process of its own. Those before the last that was heard of are done.
	all, err := p.list(ctx, procs)
	if err != nil {
		return errors.New(reason)
	}
	left := all
	for i, name := range all {
		if p.heard(name) {
			left = all[i:]
		}
	}
	p.forget(left)
	for _, name := range left {
		pattern, skip := p.alone(pattern, name, all)
		ended, reason, err := p.once(ctx, pattern, skip, procs, say)
		if err != nil {
			return err
		}
		if !ended {
			p.Absent = append(p.Absent, Absence{name, reason})
		}
	}
	return nil
}

// alone is how to ask for what the pattern selects of one of the benchmarks.
func (p *Program) alone(pattern, name string, all []string) (bench, skip string) {
	if !older(p.Go, "go1.20") {
		return pattern, exactly(slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == name })...)
	}
	// There is no -test.skip yet, and a pattern is no list of several.
	first, rest, _ := strings.Cut(pattern, "/")
	if re, err := regexp.Compile(first); err == nil && !re.MatchString(name) {
		return "^$", ""
	}
	return strings.TrimSuffix(exactly(name)+"/"+rest, "/"), ""
}

// once runs the benchmarks that the pattern selects once, and takes in what they
// printed. ended reports whether the process came to its regular end; if not,
// reason says how it ended.
func (p *Program) once(ctx context.Context, pattern, skip string, procs int, say func(name string)) (ended bool, reason string, err error) {
	args := []string{"-test.run=^$", "-test.paniconexit0", "-test.bench=" + pattern, "-test.benchtime=1x"}
	args = append(args, p.Args...)
	if skip != "" {
		for i, a := range args { // the user's own stays in force
			if own, ok := strings.CutPrefix(a, "-test.skip="); ok {
				skip = own + "|" + skip
				args = slices.Delete(args, i, i+1)
				break
			}
		}
		args = append([]string{"-test.skip=" + skip}, args...)
	}
	pace := newPace()
	pace.say = say
	out, stderr, failed, err := p.execute(ctx, pace, procs, args...)
	if err != nil {
		return false, "", err
	}
	if p.Start == 0 {
		p.Start = pace.start
	}
	o := parse(out, p.Plain != "", procs)
	subs := map[string]int{}
	for _, r := range o.results {
		subs[top(r.name)]++
	}
	for _, r := range o.results {
		switch {
		case p.has(r.name):
		case hasProcs(r.name):
			p.Absent = append(p.Absent, Absence{r.name, "its name has a key " + sample.GOMAXPROCS + " of its own: it sets GOMAXPROCS itself, or would be mislabelled"})
		default:
			took := pace.took[top(r.name)]
			p.Benchmarks = append(p.Benchmarks, Benchmark{Name: r.name, Whole: took, Once: took / time.Duration(subs[top(r.name)]), First: r.first()})
		}
	}
	for _, e := range o.ends {
		if !p.has(e.name) {
			p.Absent = append(p.Absent, Absence{e.name, e.reason()})
		}
	}
	switch {
	case o.complete:
		return true, "", nil
	case failed == "":
		return false, "TestMain ended the process, with exit status 0, before the benchmarks were run: " + tail(out, stderr), nil
	}
	return false, bench.Output{Stderr: stderr, Failed: failed}.Reason(), nil
}

// first is how long the one iteration of a result took, by the benchmark's timer.
func (r result) first() time.Duration {
	if ns, ok := r.sample.Value("ns/op"); ok && r.wall == 0 {
		return time.Duration(ns)
	}
	return r.wall
}

// heard reports whether a top-level benchmark has printed anything of itself.
func (p *Program) heard(name string) bool {
	return slices.ContainsFunc(p.Benchmarks, func(b Benchmark) bool { return top(b.Name) == name }) ||
		slices.ContainsFunc(p.Absent, func(a Absence) bool { return top(a.Name) == name })
}

// forget takes out the benchmarks of these top-level names.
func (p *Program) forget(names []string) {
	p.Benchmarks = slices.DeleteFunc(p.Benchmarks, func(b Benchmark) bool { return slices.Contains(names, top(b.Name)) })
	p.Absent = slices.DeleteFunc(p.Absent, func(a Absence) bool { return slices.Contains(names, top(a.Name)) })
}

// top is the benchmark that a sub-benchmark belongs to.
func top(name string) string {
	name, _, _ = strings.Cut(name, "/")
	return name
}

func (p *Program) has(name string) bool {
	return slices.ContainsFunc(p.Benchmarks, func(b Benchmark) bool { return b.Name == name })
}

func hasProcs(name string) bool {
	n, _ := sample.ParseName(name + "/end")
	_, ok := n.Get(sample.GOMAXPROCS)
	return ok
}

// list is the top-level benchmarks of the binary.
func (p *Program) list(ctx context.Context, procs int) ([]string, error) {
	out, stderr, failed, err := p.execute(ctx, newPace(), procs, append([]string{"-test.list=^Benchmark"}, p.Args...)...)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, line := range strings.Split(string(out), "\n") {
		if benchmarkName.MatchString(line) {
			names = append(names, line)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("it lists no benchmarks either (%s)", bench.Output{Stderr: stderr, Failed: failed}.Reason())
	}
	return names, nil
}

var benchmarkName = regexp.MustCompile(`^Benchmark[\pL\pN_]*$`)

// pace is how long each top-level benchmark took, by when it was heard of.
type pace struct {
	last  time.Time
	start time.Duration // until the process printed anything
	took  map[string]time.Duration
	say   func(name string) // what has run; nil for silence
}

func newPace() *pace { return &pace{last: time.Now(), took: map[string]time.Duration{}} }

// newTeller tells now and then which benchmark has run: some packages take minutes.
func (p *Program) newTeller(progress io.Writer) func(name string) {
	last, n := time.Now(), 0
	return func(name string) {
		n++
		if time.Since(last) >= tellEvery {
			last = time.Now()
			fmt.Fprintf(progress, "%s: %d so far, the last is %s\n", p.Package, n, name)
		}
	}
}

const tellEvery = 10 * time.Second

// tail is the end of what a process printed, in one line.
func tail(stdout, stderr []byte) string {
	text := strings.Join(strings.Fields(string(stdout)+" "+string(stderr)), " ")
	const most = 200
	if len(text) > most {
		text = "…" + strings.ToValidUTF8(text[len(text)-most:], "")
	}
	if text == "" {
		return "it printed nothing"
	}
	return text
}

var heardOf = regexp.MustCompile(`(?m)^(?:` + mark + `)?(Benchmark[\pL\pN_]*)`)

// hear takes in what the process has just printed.
func (p *pace) hear(text []byte) {
	if p.start == 0 {
		now := time.Now()
		p.start, p.last = now.Sub(p.last), now
	}
	if m := heardOf.FindSubmatch(text); m != nil {
		now := time.Now()
		p.took[string(m[1])] += now.Sub(p.last)
		p.last = now
		if p.say != nil {
			p.say(string(m[1]))
		}
	}
}

// execute runs the test binary to its end. failed is its exit, empty if good.
func (p *Program) execute(ctx context.Context, pace *pace, procs int, args ...string) (stdout, stderr []byte, failed string, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	hung := time.AfterFunc(discoverBound, func() { cancel(errHung) })
	defer hung.Stop()
	c := exec.CommandContext(ctx, p.Path, args...)
	c.Dir = p.Dir
	c.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(procs))
	c.WaitDelay = 2 * time.Second
	c.Cancel = func() error { return stop(c) }
	var out, diag bytes.Buffer
	c.Stdout, c.Stderr = writerFunc(func(text []byte) (int, error) {
		hung.Reset(discoverBound)
		pace.hear(text)
		return out.Write(text)
	}), &diag
	runErr := c.Run()
	var exit *exec.ExitError
	switch {
	case context.Cause(ctx) == errHung:
		failed = errHung.Error()
	case ctx.Err() != nil:
		return nil, nil, "", ctx.Err()
	case errors.As(runErr, &exit), errors.Is(runErr, exec.ErrWaitDelay):
		failed = runErr.Error()
	case runErr != nil:
		return nil, nil, "", runErr
	}
	return out.Bytes(), diag.Bytes(), failed, nil
}

var errHung = fmt.Errorf("printed nothing for %v: killed", discoverBound)

type writerFunc func(text []byte) (int, error)

func (f writerFunc) Write(text []byte) (int, error) { return f(text) }

// exactly is the pattern that selects the benchmarks of these names, and no
// others: for -test.bench and -test.skip, which match each part between
// slashes by itself.
func exactly(names ...string) string {
	var alternatives []string
	for _, name := range names {
		parts := strings.Split(name, "/")
		for i, part := range parts {
			parts[i] = "^" + regexp.QuoteMeta(part) + "$"
		}
		alternatives = append(alternatives, strings.Join(parts, "/"))
	}
	return strings.Join(alternatives, "|")
}
