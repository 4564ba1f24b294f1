package gotest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
// hung. It bounds each process: one for all benchmarks, or for one of those
// that the first could not finish.
const discoverBound = 5 * time.Minute

// discover finds the benchmarks that a pattern selects, sub-benchmarks
// included, by running each once. Those that come to no end, or to a bad one,
// become absences.
func (p *Program) discover(ctx context.Context, pattern string, procs int) error {
	ended, reason, err := p.once(ctx, pattern, "", procs)
	if err != nil {
		return err
	}
	if ended {
		return nil
	}
	// A benchmark took the process down, and with it those after it: each
	// gets a process of its own.
	p.Benchmarks, p.Absent = nil, nil
	all, err := p.list(ctx, procs)
	if err != nil {
		return fmt.Errorf("%s: %s; and %w", p.Package, reason, err)
	}
	for _, name := range all {
		others := slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == name })
		ended, reason, err := p.once(ctx, pattern, exactly(others...), procs)
		if err != nil {
			return err
		}
		if !ended {
			p.Absent = append(p.Absent, Absence{name, reason})
		}
	}
	return nil
}

// once runs the benchmarks that the pattern selects once, and takes in what they
// printed. ended reports whether the process came to its regular end; if not,
// reason says how it ended.
func (p *Program) once(ctx context.Context, pattern, skip string, procs int) (ended bool, reason string, err error) {
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
	out, stderr, failed, took, err := p.execute(ctx, procs, args...)
	if err != nil {
		return false, "", err
	}
	o := parse(out, p.Plain != "", procs)
	share := took / time.Duration(max(len(o.results), 1))
	for _, r := range o.results {
		switch {
		case p.has(r.name):
		case hasProcs(r.name):
			p.Absent = append(p.Absent, Absence{r.name, "its name has a key " + sample.GOMAXPROCS + " of its own: it sets GOMAXPROCS itself, or would be mislabelled"})
		default:
			p.Benchmarks = append(p.Benchmarks, Benchmark{r.name, share})
		}
	}
	for _, e := range o.ends {
		if !p.has(e.name) {
			p.Absent = append(p.Absent, Absence{e.name, e.reason()})
		}
	}
	if o.complete || failed == "" {
		return true, "", nil
	}
	return false, bench.Output{Stderr: stderr, Failed: failed}.Reason(), nil
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
	out, stderr, failed, _, err := p.execute(ctx, procs, append([]string{"-test.list=^Benchmark"}, p.Args...)...)
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

var benchmarkName = regexp.MustCompile(`^Benchmark\w*$`)

// execute runs the test binary to its end. failed is its exit, empty if good.
func (p *Program) execute(ctx context.Context, procs int, args ...string) (stdout, stderr []byte, failed string, took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, discoverBound)
	defer cancel()
	c := exec.CommandContext(ctx, p.Path, args...)
	c.Dir = p.Dir
	c.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(procs))
	c.WaitDelay = 2 * time.Second
	c.Cancel = func() error { return stop(c) }
	var out, diag bytes.Buffer
	c.Stdout, c.Stderr = &out, &diag
	began := time.Now()
	runErr := c.Run()
	took = time.Since(began)
	var exit *exec.ExitError
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		failed = fmt.Sprintf("no end after %v: killed", discoverBound)
	case ctx.Err() != nil:
		return nil, nil, "", 0, ctx.Err()
	case errors.As(runErr, &exit), errors.Is(runErr, exec.ErrWaitDelay):
		failed = runErr.Error()
	case runErr != nil:
		return nil, nil, "", 0, runErr
	}
	return out.Bytes(), diag.Bytes(), failed, took, nil
}

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
