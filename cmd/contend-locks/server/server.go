// Package server runs the programs of lock services that are not embedded: found on
// PATH or where their packages put them, in a folder of their own, ended with the
// process that runs them.
package server

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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
	Places  []string // where the package puts it, if that is not on PATH; patterns, of which the last match counts
	Files   []string // of the package, which the executable is to run

	// Try is nil if the program answers at an address; nil itself if it does as soon as it
	// takes connections.
	Try func(ctx context.Context, addr string) error

	Home *Home          // whose owner runs it; nil: this process's user
	End  syscall.Signal // that ends it in an orderly way; 0: SIGTERM
}

// Find is the path of the executable.
func (p *Program) Find() (string, error) {
	path, err := exec.LookPath(p.Name)
	for _, place := range p.Places {
		found, _ := filepath.Glob(place)
		if err != nil && len(found) > 0 {
			path, err = exec.LookPath(found[len(found)-1])
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

func (p *Program) lacks(what string) error { return fmt.Errorf("no %s here: %s", what, p.source()) }

// source is how to get it.
func (p *Program) source() string { return cmp.Or(p.Install, "apt-get install "+p.Package) }

// Needs names the programs, and how to get them, for [lockbench.Service].
func Needs(programs ...*Program) string {
	var all []string
	for _, p := range programs {
		all = append(all, fmt.Sprintf("%s (%s)", p.Name, p.source()))
	}
	return strings.Join(all, ", ")
}

// Missing is for [lockbench.Service].
func (p *Program) Missing() string {
	if _, err := p.Find(); err != nil {
		return err.Error()
	}
	return ""
}

// Serve runs the program in the member's folder until ctx ends. It is ready when it
// answers at the member's address. If it ends by itself, that is an error;
// what it prints is this process's.
func (p *Program) Serve(ctx context.Context, m lockbench.Member, args ...string) error {
	path, err := p.Find()
	if err != nil {
		return err
	}
	if err := free(m.Addr); err != nil {
		return err
	}
	cmd := p.command(path, m, args)
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	err = p.await(ctx, m.Addr, ended)
	if err == nil && ctx.Err() == nil {
		m.Ready()
		select {
		case err := <-ended:
			return fmt.Errorf("%s ended: %v", p.Name, err)
		case <-ctx.Done():
		}
	}
	if errors.Is(err, ErrEnded) {
		return err
	}
	_ = cmd.Process.Signal(cmp.Or(p.End, syscall.SIGTERM))
	<-ended
	return err
}

// Run runs a program that ends by itself, in the member's folder. What it prints is
// told if it fails.
func (p *Program) Run(ctx context.Context, m lockbench.Member, args ...string) error {
	path, err := p.Find()
	if err != nil {
		return err
	}
	cmd := p.command(path, m, args)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })()
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w: %s", p.Name, err, bytes.TrimSpace(out.Bytes()))
	}
	return nil
}

func (p *Program) command(path string, m lockbench.Member, args []string) *exec.Cmd {
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = m.Dir, os.Stderr, os.Stderr
	process.Attach(cmd)
	if p.Home != nil {
		p.Home.lend(cmd)
	}
	return cmd
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

// ErrEnded says that a program ended by itself when it was to start.
var ErrEnded = errors.New("ended before it answered")

func dial(_ context.Context, addr string) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	return c.Close()
}

// tryEvery is how often a program that starts is tried.
const tryEvery = 5 * time.Millisecond

// await waits until the program answers, or ctx ends.
func (p *Program) await(ctx context.Context, addr string, ended <-chan error) error {
	try := p.Try
	if try == nil {
		try = dial
	}
	for {
		if try(ctx, addr) == nil {
			return nil
		}
		select {
		case err := <-ended:
			return fmt.Errorf("%s %w: %v", p.Name, ErrEnded, err)
		case <-ctx.Done():
			return nil
		case <-time.After(tryEvery):
		}
	}
}
