package fleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// ssh runs each shard on its host, those of different hosts at once. A host needs sh
// and tar. What a shard leaves lies in a folder of the fleet until it was fetched.
type ssh struct {
	client
	command []string
}

// sshCommand is ssh, or what CONTEND_SSH names: "ssh -p 2222".
func sshCommand() []string {
	if words := strings.Fields(os.Getenv("CONTEND_SSH")); len(words) > 0 {
		return words
	}
	return []string{"ssh"}
}

func (e *ssh) Files() map[string][]byte { return nil }

// folder is the fleet's on a host.
func (e *ssh) folder() string { return ".contend-" + e.fleet.ID }

// errLink is a connection that broke: the shard is continued by running it again.
var errLink = errors.New("the connection broke")

// on runs a script on a host.
func (e *ssh) on(ctx context.Context, host, script string, in io.Reader, out io.Writer, log io.Writer) error {
	args := append(append([]string{}, e.command[1:]...), host, script)
	c := exec.CommandContext(ctx, e.command[0], args...)
	var stderr bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = in, out, &stderr
	if log != nil {
		c.Stderr = io.MultiWriter(log, &stderr)
	}
	err := c.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit) && exit.ExitCode() == 255: // ssh's own
		return fmt.Errorf("%s: %w: %s", host, errLink, lastLines(stderr.String(), 1))
	case log != nil:
		return fmt.Errorf("%s: %w", host, err) // the log has the reason
	}
	return fmt.Errorf("%s: %w: %s", host, err, lastLines(stderr.String(), 3))
}

func (e *ssh) Run(ctx context.Context, shards []*Shard, _ bool) error {
	byHost := map[string][]*Shard{}
	var hosts []string
	for _, s := range shards {
		if byHost[s.Host] == nil {
			hosts = append(hosts, s.Host)
		}
		byHost[s.Host] = append(byHost[s.Host], s)
	}
	var wg sync.WaitGroup
	errs := make([]error, len(hosts))
	for i, host := range hosts {
		wg.Go(func() {
			for _, s := range byHost[host] {
				if err := e.shard(ctx, s); err != nil {
					errs[i] = errors.Join(errs[i], fmt.Errorf("shard %s: %w", s.ID, err))
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// shard uploads what a shard needs, measures, and fetches what came of it, also of a
// machine that was refused.
func (e *ssh) shard(ctx context.Context, s *Shard) error {
	if err := e.upload(ctx, s); err != nil {
		return err
	}
	k := e.fleet.Kind(s.Kind)
	root := bundleRoot(k.Bundle)
	measure := fmt.Sprintf("cd %s && ./%s/contend fleet measure %s --fleet fleet.json --shard %s --to %s --name %s", e.folder(), root, root, s.ID, Delivered, quoted(s.Host))
	measured := e.on(ctx, s.Host, measure, nil, io.Discard, e.progress.of(s.ID))
	if errors.Is(measured, errLink) || ctx.Err() != nil {
		return measured
	}
	return errors.Join(measured, e.fetch(ctx, s))
}

// bundleRoot is the folder that a bundle unpacks to.
func bundleRoot(file string) string { return strings.TrimSuffix(file, ".tar.gz") }

func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// upload brings plan and bundle to the host, the bundle unless it is there.
func (e *ssh) upload(ctx context.Context, s *Shard) error {
	k := e.fleet.Kind(s.Kind)
	ready := k.Digest + ".ready"
	var state bytes.Buffer
	if err := e.on(ctx, s.Host, fmt.Sprintf("mkdir -p %s && cd %s && if [ -f %s ]; then echo ready; fi", e.folder(), e.folder(), ready), nil, &state, nil); err != nil {
		return err
	}
	if !strings.Contains(state.String(), "ready") {
		f, err := os.Open(filepath.Join(e.dir, k.Bundle))
		if err != nil {
			return err
		}
		defer f.Close()
		if err := e.on(ctx, s.Host, fmt.Sprintf("cd %s && rm -rf %s && tar xzf - && touch %s", e.folder(), bundleRoot(k.Bundle), ready), f, io.Discard, nil); err != nil {
			return err
		}
	}
	f, err := os.Open(filepath.Join(e.dir, FileName))
	if err != nil {
		return err
	}
	defer f.Close()
	return e.on(ctx, s.Host, fmt.Sprintf("cat >%s/fleet.json", e.folder()), f, io.Discard, nil)
}

// fetch brings the attempts at a shard home. They stay on the host, for collect to be
// repeated, until Stop.
func (e *ssh) fetch(ctx context.Context, s *Shard) error {
	k := e.fleet.Kind(s.Kind)
	var packed bytes.Buffer
	send := fmt.Sprintf("cd %s && ./%s/contend fleet send %s/%s", e.folder(), bundleRoot(k.Bundle), Delivered, s.ID)
	if err := e.on(ctx, s.Host, send, nil, &packed, nil); err != nil {
		return err
	}
	return unpack(&packed, filepath.Join(e.dir, Delivered, s.ID))
}

func (e *ssh) Fetch(ctx context.Context) error {
	var errs []error
	for _, s := range e.fleet.Shards {
		var there bytes.Buffer
		err := e.on(ctx, s.Host, fmt.Sprintf("if [ -d %s/%s/%s ]; then echo there; fi", e.folder(), Delivered, s.ID), nil, &there, nil)
		if err == nil && strings.Contains(there.String(), "there") {
			err = e.fetch(ctx, s)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("shard %s: %w", s.ID, err))
		}
	}
	return errors.Join(errs...)
}

// Status asks each host whether the fleet's program runs there.
func (e *ssh) Status(ctx context.Context) (map[string]string, error) {
	states := map[string]string{}
	var errs []error
	for _, s := range e.fleet.Shards {
		var out bytes.Buffer
		script := fmt.Sprintf("if [ -d %s ]; then n=$(cat %s/%s/%s/*/samples.txt 2>/dev/null | grep -c '^# sample'); echo \"$n processes measured\"; fi", e.folder(), e.folder(), Delivered, s.ID)
		if err := e.on(ctx, s.Host, script, nil, &out, nil); err != nil {
			errs = append(errs, err)
			continue
		}
		if text := strings.TrimSpace(out.String()); text != "" {
			states[s.ID] = text + " on " + s.Host
		}
	}
	return states, errors.Join(errs...)
}

// Stop ends what measures, and leaves the hosts clean.
func (e *ssh) Stop(ctx context.Context) error {
	var errs []error
	cleaned := map[string]bool{}
	for _, s := range e.fleet.Shards {
		if !cleaned[s.Host] {
			cleaned[s.Host] = true
			errs = append(errs, e.on(ctx, s.Host, fmt.Sprintf("cat %s/%s/*/%s 2>/dev/null | while read pid; do kill $pid 2>/dev/null; while kill -0 $pid 2>/dev/null; do sleep 0.1; done; done; rm -rf %s", e.folder(), Delivered, pidName, e.folder()), nil, io.Discard, nil))
		}
	}
	return errors.Join(errs...)
}
