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
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
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
var errLink = errors.New("no connection, or it broke")

// on runs a script on a host.
func (e *ssh) on(ctx context.Context, host, script string, in io.Reader, out io.Writer) error {
	var log bytes.Buffer
	c := e.session(ctx, host, script)
	c.Stdin, c.Stdout, c.Stderr = in, out, &log
	return said(host, c.Run(), lastLines(log.String(), 3))
}

func (e *ssh) session(ctx context.Context, host, script string) *exec.Cmd {
	return exec.CommandContext(ctx, e.command[0], append(append([]string{}, e.command[1:]...), host, script)...)
}

// said is how a script on a host ended, with what it said last.
func said(host string, err error, last string) error {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit) && (exit.ExitCode() == 255 || exit.ExitCode() < 0): // ssh's own, or it was killed
		return fmt.Errorf("%s: %w: %s: ssh %s must work without a question (CONTEND_SSH is another ssh command)", host, errLink, last, host)
	case errors.As(err, &exit) && exit.ExitCode() > 128: // as a shell tells it
		return fmt.Errorf("%s: killed by signal %d", host, exit.ExitCode()-128)
	case last == "":
		return fmt.Errorf("%s: %w, for the reason that it gave above", host, err)
	}
	return fmt.Errorf("%s: %w: %s", host, err, last)
}

// measure measures a shard on its host for as long as this process lives and asks for
// it: what measures there watches its standard input, which the kernel closes with this
// process, however that ends. A link that is lost without a word is noticed by the
// silence on it.
func (e *ssh) measure(ctx context.Context, s *Shard) error {
	k := e.fleet.Kind(s.Kind)
	script := fmt.Sprintf("%sfleet measure $b --fleet %s --shard %s --to %s --name %s --attended; exit $?", // the shell tells signals as exit codes
		e.contend(k), quoted(e.fleet.part(k, s)), s.ID, Delivered, quoted(s.Host))
	in, attend, err := os.Pipe()
	if err != nil {
		return err
	}
	defer in.Close()
	defer attend.Close()
	c := e.session(ctx, s.Host, script)
	c.Stdin, c.Stderr = in, e.progress.of(s.ID) // which has the reasons
	c.Cancel = attend.Close                     // the host ends it, and says so
	c.WaitDelay = 20 * time.Second
	go attendTo(attend)
	return said(s.Host, c.Run(), "")
}

func (e *ssh) Run(ctx context.Context, shards []*Shard, _ bool) (started int, err error) {
	byHost := map[string][]*Shard{}
	var hosts []string
	for _, s := range shards {
		if byHost[s.Host] == nil {
			hosts = append(hosts, s.Host)
		}
		byHost[s.Host] = append(byHost[s.Host], s)
	}
	var wg sync.WaitGroup
	var count atomic.Int64
	errs := make([]error, len(hosts))
	for i, host := range hosts {
		wg.Go(func() {
			for _, s := range byHost[host] {
				err := e.upload(ctx, s)
				if err == nil {
					count.Add(1)
					err = e.shard(ctx, s)
				}
				if err != nil {
					errs[i] = errors.Join(errs[i], fmt.Errorf("shard %s: %w", s.ID, err))
				}
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return int(count.Load()), errors.New("interrupted: the hosts end what they measure, and keep what is complete; the same command continues")
	}
	return int(count.Load()), errors.Join(errs...)
}

// shard measures, and fetches what came of it, also of a machine that was refused.
func (e *ssh) shard(ctx context.Context, s *Shard) error {
	measured := e.measure(ctx, s)
	if errors.Is(measured, errLink) || ctx.Err() != nil {
		return measured
	}
	return errors.Join(measured, e.fetch(ctx, s))
}

// bundleRoot is the folder that a bundle unpacks to.
func bundleRoot(file string) string { return strings.TrimSuffix(file, ".tar.gz") }

func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// ready is the file, in the fleet's folder on a host, that names the folder of a
// kind's unpacked bundle.
func ready(k *Kind) string { return k.Digest + ".ready" }

// contend begins a script that calls the kind's program, in the fleet's folder; b is
// its bundle there.
func (e *ssh) contend(k *Kind) string {
	return fmt.Sprintf("cd %s && b=$(cat %s) && ./$b/contend ", e.folder(), ready(k))
}

// upload brings the bundle to the host, unless it is there and whole. Hosts may share
// their home folder, and upload at the same time: each unpacks into a folder of its own,
// which nobody else touches, and the last to rename its note into place wins.
func (e *ssh) upload(ctx context.Context, s *Shard) error {
	k := e.fleet.Kind(s.Kind)
	digest := "$(./$b/contend fleet digest $b)"
	var state bytes.Buffer
	look := fmt.Sprintf(`mkdir -p %s && cd %[1]s
if [ -f %[2]s ] && b=$(cat %[2]s) && [ "%[3]s" = %[4]s ]; then echo ready; fi`, e.folder(), ready(k), digest, k.Digest)
	if err := e.on(ctx, s.Host, look, nil, &state); err != nil {
		return err
	}
	if strings.Contains(state.String(), "ready") {
		return nil
	}
	f, err := os.Open(filepath.Join(e.dir, k.Bundle))
	if err != nil {
		return err
	}
	defer f.Close()
	unpack := fmt.Sprintf(`cd %s && t=$(mktemp -d bundle-XXXXXX) && b=$t/%s || exit 1
fail() { rm -rf $t; echo "$1" >&2; exit 1; }
tar xzf - -C $t || fail 'what arrived of %[3]s is not what was sent'
digest=%[4]s || fail "contend does not run there: it is built for %[5]s, and this is $(uname -m); or the home folder is mounted noexec"
[ "$digest" = %[6]s ] || fail 'what arrived of %[3]s is not what was sent'
echo $b >$t/note && mv -f $t/note %[7]s`, e.folder(), bundleRoot(k.Bundle), k.Bundle, digest, k.Arch, k.Digest, ready(k))
	return e.on(ctx, s.Host, unpack, f, io.Discard)
}

// fetch brings the attempts at a shard home. They stay on the host, for collect to be
// repeated, until Stop.
func (e *ssh) fetch(ctx context.Context, s *Shard) error {
	var packed bytes.Buffer
	send := fmt.Sprintf("%sfleet send %s/%s", e.contend(e.fleet.Kind(s.Kind)), Delivered, s.ID)
	if err := e.on(ctx, s.Host, send, nil, &packed); err != nil {
		return err
	}
	return unpack(&packed, filepath.Join(e.dir, Delivered, s.ID))
}

func (e *ssh) Fetch(ctx context.Context) error {
	var errs []error
	for _, s := range e.fleet.Shards {
		var there bytes.Buffer
		err := e.on(ctx, s.Host, fmt.Sprintf("if [ -d %s/%s/%s ]; then echo there; fi", e.folder(), Delivered, s.ID), nil, &there)
		if err == nil && strings.Contains(there.String(), "there") {
			err = e.fetch(ctx, s)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("shard %s: %w", s.ID, err))
		}
	}
	return errors.Join(errs...)
}

// Status asks each host what measures there, and how many processes it has measured.
func (e *ssh) Status(ctx context.Context) (map[string]Seen, error) {
	seen := map[string]Seen{}
	var errs []error
	for _, s := range e.fleet.Shards {
		var out bytes.Buffer
		script := fmt.Sprintf("if [ -d %s/%s/%s ]; then cd %[1]s/%[2]s/%[3]s; cat */samples.txt 2>/dev/null | grep -c '^# sample'; if %s; then echo measuring; else echo idle; fi; fi",
			e.folder(), Delivered, s.ID, alive)
		if err := e.on(ctx, s.Host, script, nil, &out); err != nil {
			errs = append(errs, err)
			continue
		}
		if count, state, ok := strings.Cut(strings.TrimSpace(out.String()), "\n"); ok {
			n, err := strconv.Atoi(count)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %q is no number of processes", s.Host, count))
				continue
			}
			seen[s.ID] = Seen{State: state + " on " + s.Host, Processes: n, Active: state == "measuring"}
		}
	}
	return seen, errors.Join(errs...)
}

// alive asks, in a shard's folder, whether what measures it lives, and sets pid. The
// number may be that of another process by now.
const alive = "pid=$(cat " + pidName + " 2>/dev/null) && tr '\\0' ' ' </proc/$pid/cmdline 2>/dev/null | grep -q 'fleet measure'"

// Stop ends what measures, and then leaves the hosts clean: they may share a folder.
func (e *ssh) Stop(ctx context.Context) error {
	var errs []error
	for _, s := range e.fleet.Shards {
		errs = append(errs, e.on(ctx, s.Host, fmt.Sprintf("if cd %s/%s/%s 2>/dev/null && %s; then kill $pid; while kill -0 $pid 2>/dev/null; do sleep 0.1; done; fi",
			e.folder(), Delivered, s.ID, alive), nil, io.Discard))
	}
	if err := errors.Join(errs...); err != nil {
		return err // what is removed under a process that measures is lost
	}
	cleaned := map[string]bool{}
	for _, s := range e.fleet.Shards {
		if !cleaned[s.Host] {
			cleaned[s.Host] = true
			errs = append(errs, e.on(ctx, s.Host, "rm -rf "+e.folder(), nil, io.Discard))
		}
	}
	return errors.Join(errs...)
}
