// Package server runs the programs of lock services that are not embedded: found on
// PATH or where their packages put them, in a folder of their own, ended with the
// process that runs them.
package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/process"
)

// Program is one of them.
type Program struct {
	Name    string   // of the executable
	Package string   // of Debian
	Install string   // how to get it, where no package of Debian brings it
	Places  []string // where the package puts it, if that is not on PATH
	Files   []string // of the package, which the executable is to run
	// Answers asks the program whether it serves, where taking connections does not
	// mean that it does.
	Answers func(c net.Conn) bool
}

// Find is the path of the executable.
func (p *Program) Find() (string, error) {
	path, err := exec.LookPath(p.Name)
	for _, place := range p.Places {
		if err != nil {
			path, err = exec.LookPath(place)
		}
	}
	if err != nil {
		return "", p.lacks(p.Name)
	}
	for _, f := range p.Files {
		if _, err := os.Stat(f); err != nil {
			return "", p.lacks(f)
		}
	}
	return path, nil
}

func (p *Program) lacks(what string) error {
	return fmt.Errorf("no %s here: %s", what, cmp.Or(p.Install, "apt-get install "+p.Package))
}

// Missing is for [lockbench.Service].
func (p *Program) Missing() string {
	if _, err := p.Find(); err != nil {
		return err.Error()
	}
	return ""
}

// Serve runs the program in the member's folder until ctx ends. It is ready when it
// takes connections at the member's address, and answers. If it ends by itself, that is an error;
// what it prints is this process's.
func (p *Program) Serve(ctx context.Context, m lockbench.Member, args ...string) error {
	path, err := p.Find()
	if err != nil {
		return err
	}
	if err := free(m.Addr); err != nil {
		return err
	}
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = m.Dir, os.Stderr, os.Stderr
	process.Attach(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	err = p.await(ctx, m.Addr, ended)
	if err == nil && ctx.Err() == nil {
		m.Ready(cmd.Process.Pid)
		select {
		case err := <-ended:
			return fmt.Errorf("%s ended: %v", p.Name, err)
		case <-ctx.Done():
		}
	}
	if errors.Is(err, errEnded) {
		return err
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	<-ended
	return err
}

// free is an error if somebody else is at the address: who answers there would be
// taken for the program.
func free(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	return l.Close()
}

var errEnded = errors.New("ended before it took connections")

// tryEvery is how often a program that starts is tried.
const tryEvery = 5 * time.Millisecond

// await waits until the program takes connections and answers, or ctx ends.
func (p *Program) await(ctx context.Context, addr string, ended <-chan error) error {
	for {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			serves := p.Answers == nil || p.Answers(c)
			_ = c.Close()
			if serves {
				return nil
			}
		}
		select {
		case err := <-ended:
			return fmt.Errorf("%s %w: %v", p.Name, errEnded, err)
		case <-ctx.Done():
			return nil
		case <-time.After(tryEvery):
		}
	}
}
