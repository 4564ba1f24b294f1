package lockbench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/contend-go/contend/bench/process"
)

// variable is where a process of this family finds what it is to do: a cell, or
// a role in a cell.
const variable = "CONTEND_LOCKS"

// role is what a process does in a cell; one of the pointers is set.
type role struct {
	Guard  *guardRole  `json:"guard,omitempty"`
	Server *serverRole `json:"server,omitempty"`
	Client *clientRole `json:"client,omitempty"`
}

// serverRole is one member of a service.
type serverRole struct {
	Service string `json:"service"`
	Member  Member `json:"member"`
}

// play plays the role that text says; ok is false if it says none.
func play(services []Service, text string) (ok bool, err error) {
	var r role
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return false, nil // the family's own reader names what is wrong with a cell
	}
	switch {
	case r.Guard != nil:
		return true, r.Guard.run(os.Stdin)
	case r.Server != nil:
		return true, r.Server.run(services)
	case r.Client != nil:
		return true, r.Client.run(services, os.Stdin, os.Stdout)
	}
	return false, nil
}

func lookup(services []Service, name string) (*Service, error) {
	for i := range services {
		if services[i].Name == name {
			return &services[i], nil
		}
	}
	return nil, fmt.Errorf("service %q is not in this program", name)
}

// readyLine is how a process says that it can begin.
const readyLine = "ready"

// run serves until the process is told to end, or the one that started it ends.
func (r *serverRole) run(services []Service) error {
	s, err := lookup(services, r.Service)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	m := r.Member
	m.Ready = func() { fmt.Println(readyLine) }
	return s.Serve(ctx, m)
}

// Output of a process that is kept, for the reason why it failed.
const keptOutput = 16 << 10

// child is a process in a role: it has a group of its own and ends with this
// process, and the guard knows it.
type child struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	lines  chan string // what it prints; closed at its end
	stderr *process.Tail
	ended  chan struct{}
	err    error // of Wait; read after ended
	guard  *guard
}

func start(r role, g *guard, dir string) (*child, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	c := &child{lines: make(chan string, 64), stderr: &process.Tail{Max: keptOutput}, ended: make(chan struct{}), guard: g}
	c.cmd = exec.Command(exe)
	c.cmd.Env = append(os.Environ(), variable+"="+string(text))
	c.cmd.Dir, c.cmd.Stderr = dir, c.stderr
	if r.Guard == nil {
		process.Isolate(c.cmd)
	} else {
		process.Detach(c.cmd)
	}
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	if g != nil {
		g.add(c.cmd.Process.Pid)
	}
	go func() {
		for s := bufio.NewScanner(out); s.Scan(); {
			c.lines <- s.Text()
		}
		close(c.lines)
		c.err = c.cmd.Wait()
		if g != nil {
			g.drop(c.cmd.Process.Pid)
		}
		close(c.ended)
	}()
	return c, nil
}

// say sends the process a line. One that has ended hears nothing.
func (c *child) say(line string) { _, _ = io.WriteString(c.in, line+"\n") }

// longStart is when a process that does not begin counts as hung.
const longStart = 2 * time.Minute

// awaitReady waits until the process can begin.
func (c *child) awaitReady(what string) error {
	late := time.NewTimer(longStart)
	defer late.Stop()
	select {
	case line, ok := <-c.lines:
		if line == readyLine {
			return nil
		}
		if ok {
			return fmt.Errorf("%s printed %q instead of %q", what, line, readyLine)
		}
		<-c.ended
		return fmt.Errorf("%s did not start: %w", what, c.failure())
	case <-late.C:
		return fmt.Errorf("%s did not start in %v; its last lines: %s", what, longStart, c.kill().last())
	}
}

// failure is why a process that has ended did so, with its last lines.
func (c *child) failure() error {
	err := c.err
	if err == nil {
		err = errors.New("it ended")
	}
	if last := c.last(); last != "" {
		return fmt.Errorf("%w; its last lines: %s", err, last)
	}
	return err
}

// last is the last lines that the process printed, in one line.
func (c *child) last() string {
	lines := strings.Split(strings.TrimSpace(string(c.stderr.Bytes())), "\n")
	return strings.Join(lines[max(0, len(lines)-3):], " | ")
}

// kill ends the process with its group, and waits until it is gone.
func (c *child) kill() *child {
	process.Kill(c.cmd)
	go c.drain()
	<-c.ended
	return c
}

// stop asks the process to end, and waits; one that takes long is killed.
func (c *child) stop(patience time.Duration) {
	_ = process.Signal(c.cmd, process.End)
	_ = c.in.Close()
	go c.drain()
	select {
	case <-c.ended:
	case <-time.After(patience):
		c.kill()
	}
}

// drain reads what nobody waits for any more: a process that cannot print does
// not end.
func (c *child) drain() {
	for range c.lines {
	}
}

// guardRole is the process that cleans up after a cell, also if whoever runs
// the cell was killed: it ends all processes that the cell started, and removes
// its folder, which it made itself so that there is none without a guard. It is in
// no group that is killed with the cell.
type guardRole struct {
	Dir string `json:"dir"`
}

// run reads the numbers of processes that began and ended until the cell ends.
func (r *guardRole) run(in io.Reader) error {
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	if err := os.Mkdir(r.Dir, 0o755); err != nil {
		return err
	}
	fmt.Println(readyLine)
	live := map[int]bool{}
	for s := bufio.NewScanner(in); s.Scan(); {
		if pid, err := strconv.Atoi(strings.TrimPrefix(s.Text(), "-")); err == nil && pid != 0 {
			live[pid] = !strings.HasPrefix(s.Text(), "-")
		}
	}
	for pid, lives := range live {
		if lives {
			process.KillGroup(pid)
		}
	}
	// One that began as its parent was killed is not known here, and may make a folder again
	// before the kernel ends it.
	for range 5 {
		if err := remove(r.Dir); err != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}

// removePatience is how long processes that were killed may go on writing: on a busy
// host, long.
const removePatience = time.Minute

// remove removes a folder in which processes that were just killed may still
// write for a moment.
func remove(dir string) error {
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		err := os.RemoveAll(dir)
		if err == nil || time.Since(began) > removePatience {
			return err
		}
	}
}

// guard is the cell's side of it.
type guard struct {
	child *child
	mu    sync.Mutex
}

// newGuard starts the guard of a folder, and waits until it has made it.
func newGuard(dir string) (*guard, error) {
	c, err := start(role{Guard: &guardRole{Dir: dir}}, nil, "")
	if err == nil {
		err = c.awaitReady("the guard of the cell's processes")
	}
	if err != nil {
		return nil, err
	}
	return &guard{child: c}, nil
}

func (g *guard) add(pid int)  { g.tell(strconv.Itoa(pid)) }
func (g *guard) drop(pid int) { g.tell("-" + strconv.Itoa(pid)) }

func (g *guard) tell(line string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.child.say(line)
}

// close lets the guard clean up, and waits until it has.
func (g *guard) close() error {
	g.mu.Lock()
	_ = g.child.in.Close()
	g.mu.Unlock()
	<-g.child.ended
	if g.child.err != nil {
		return fmt.Errorf("the guard of the cell's processes: %w", g.child.failure())
	}
	return nil
}
