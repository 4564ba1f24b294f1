package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/process"
	"github.com/contend-go/contend/bench/sample"
)

// Printed is what a cell's process said.
type Printed struct {
	Results []Result
	Procs   int // GOMAXPROCS as the process read it back; 0 if it did not say
}

// Result is one benchmark line that a process printed, and the warnings and
// attachments before it.
type Result struct {
	Name  *sample.Name
	Iters int // operations in the timed window
	// Line is the line as it was printed, which is what is kept; empty where the
	// result was put together from what the process printed.
	Line string

	Values      []sample.Value
	Warnings    []string
	Attachments []sample.Attachment
}

// line is what stands in the samples file.
func (r *Result) line() string {
	if r.Line != "" {
		return r.Line
	}
	return sample.ExactResult(r.Name.String(), r.Iters, r.Values)
}

// value returns the measurement in the given unit, 0 if there is none.
func (r *Result) value(unit string) float64 {
	for _, v := range r.Values {
		if v.Unit == unit {
			return v.V
		}
	}
	return 0
}

// Output is what one process of a cell left.
type Output struct {
	Stdout []byte
	Stderr []byte // the end of it, if it is long
	// Failed says why the sample is invalid whatever was printed: exit status,
	// signal, time-out. Empty if the process ended well.
	Failed string
	Wall   time.Duration // of the process's life
	CPU    time.Duration // user + system, in its life
	// Other is what the host's other tenants and the quota took in that time.
	Other host.Interference
	// Dir is the run folder, and Prefix what the process was told to begin the
	// names of its attachments with.
	Dir, Prefix string
	// Repeated is set the second time, after an [Again].
	Repeated bool

	began time.Time
}

// ReadProtocol reads the output of a cell that follows the protocol of [Cell].
func ReadProtocol(_ Cell, o Output) (Printed, error) {
	if o.Failed != "" {
		return Printed{}, errors.New(o.Reason())
	}
	var set sample.Set
	if err := set.Read(bytes.NewReader(o.Stdout), "standard output"); err != nil {
		return Printed{}, err
	}
	if len(set.Notes) > 0 {
		return Printed{}, errors.New(set.Notes[0].String())
	}
	var p Printed
	for _, r := range set.Records {
		if r.Verb != "cell" {
			continue
		}
		if v, err := strconv.Atoi(r.Get("protocol")); err != nil || v < 1 || v > sample.Protocol {
			return p, fmt.Errorf("the process speaks protocol %q, this contend 1 to %d", r.Get("protocol"), sample.Protocol)
		}
		p.Procs, _ = strconv.Atoi(r.Get("gomaxprocs"))
	}
	lines := strings.Split(string(o.Stdout), "\n")
	for _, s := range set.Samples {
		r := Result{Name: s.Name, Iters: s.Iters, Line: strings.TrimRight(lines[s.Line-1], "\r"), Attachments: s.Attachments, Warnings: s.Warnings}
		for i, v := range s.Values {
			r.Values = append(r.Values, sample.Value{Unit: s.Units[i], V: v})
		}
		p.Results = append(p.Results, r)
	}
	if p.Procs == 0 {
		return p, errors.New("the process did not say at which GOMAXPROCS it ran")
	}
	return p, nil
}

// Output that is kept of one process. A cell prints a few lines; the stacks of
// a crash can be long, and the last of them matter as little as the first.
const (
	maxStdout = 4 << 20
	maxStderr = 256 << 10
)

// interrupted waits for an interruption that may be under way: batch systems ask all
// processes of a job to end at once, and a cell can be gone before this process has
// seen its own signal. Such a cell has not failed.
func interrupted(ctx context.Context) bool {
	const underWay = 5 * time.Second
	select {
	case <-ctx.Done():
		return true
	case <-time.After(underWay):
		return false
	}
}

// runProcess runs one cell to its end. The error is for what stops the run: an
// executable that cannot be started, or an interruption.
func runProcess(ctx context.Context, c Cell, exe, dir string) (Output, error) {
	cmd := exec.Command(exe, c.Args...)
	cmd.Dir = dir
	if c.Dir != "" {
		cmd.Dir = c.Dir
	}
	cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(c.Procs))
	cmd.Env = append(cmd.Env, c.Env...)
	stdout, stderr := &process.Tail{Max: maxStdout}, &process.Tail{Max: maxStderr}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.WaitDelay = 2 * time.Second // a grandchild may hold the pipes open
	process.Isolate(cmd)
	if err := cmd.Start(); err != nil {
		return Output{}, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	hung := time.NewTimer(c.bound())
	defer hung.Stop()

	var o Output
	select {
	case err := <-ended:
		if err != nil {
			o.Failed = err.Error()
		}
		if process.AskedToEnd(cmd.ProcessState) && interrupted(ctx) {
			return Output{}, ctx.Err()
		}
	case <-hung.C:
		o.Failed = fmt.Sprintf("no result after %v: killed", c.bound())
		process.DumpStacks(cmd)
		select {
		case <-ended:
		case <-time.After(3 * time.Second):
			process.Kill(cmd)
			<-ended
		}
	case <-ctx.Done():
		process.Kill(cmd)
		<-ended
		return Output{}, ctx.Err()
	}
	process.Kill(cmd) // what the process may have left behind in its group
	o.Stdout, o.Stderr = stdout.Bytes(), stderr.Bytes()
	o.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if stdout.Lost() > 0 && o.Failed == "" {
		o.Failed = fmt.Sprintf("printed more than %d bytes", maxStdout)
	}
	return o, nil
}

// Reason is Failed with the line of standard error that says most: the panic, or
// the last one. Of the stacks of a hung process, none does. The whole is
// attached to the sample.
func (o Output) Reason() string {
	for _, line := range strings.Split(string(o.Stderr), "\n") {
		if strings.HasPrefix(line, "SIGQUIT:") {
			return o.Failed
		}
		if strings.HasPrefix(line, "panic:") || strings.HasPrefix(line, "fatal error:") {
			return o.Failed + ": " + line
		}
	}
	lines := strings.Split(strings.TrimSpace(string(o.Stderr)), "\n")
	if last := lines[len(lines)-1]; last != "" && !strings.HasPrefix(last, "\t") {
		return o.Failed + ": " + last
	}
	return o.Failed
}
