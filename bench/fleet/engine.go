package fleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Engine places shards. Its methods can be repeated: all state is in the fleet's
// folder and in the engine.
type Engine interface {
	// Files are what people read and edit before it runs, by name.
	Files() map[string][]byte
	// Run starts the shards; with wait it returns once none is under way. Started is how
	// many the engine has taken, now or before: none is a fleet that could not be run.
	Run(ctx context.Context, shards []*Shard, wait bool) (started int, err error)
	// Status says of shards what the engine knows, by shard; nothing of those that it
	// does not know.
	Status(ctx context.Context) (map[string]Seen, error)
	// Fetch brings what there is into the folder delivered.
	Fetch(ctx context.Context) error
	// Stop ends what is under way.
	Stop(ctx context.Context) error
}

// Seen is what an engine knows of a shard.
type Seen struct {
	State     string // in its own words, and where
	Processes int    // measured so far; -1 if that is not known before the delivery
	Active    bool   // it measures, or will without being run again
}

// so is how many processes were measured, as a column has it.
func (s Seen) so() string {
	if s == (Seen{}) || s.Processes < 0 {
		return "-"
	}
	return strconv.Itoa(s.Processes)
}

// ErrNoAnswer is an engine that nothing is to be had from.
var ErrNoAnswer = errors.New("nothing was run")

// New is the engine of a fleet in a folder. Progress gets lines of the shards.
func New(dir string, f *Fleet, progress io.Writer) Engine {
	c := client{dir: dir, fleet: f, progress: &lines{w: progress}}
	switch f.Engine {
	case "slurm":
		return &slurm{c}
	case "kubernetes":
		return &kubernetes{c}
	}
	return &ssh{client: c, command: sshCommand()}
}

// client is what engines have in common.
type client struct {
	dir      string
	fleet    *Fleet
	progress *lines
}

// job is what the engine calls the work of a kind.
func (c *client) job(k *Kind) string { return "contend-" + c.fleet.ID + "-" + k.Name }

// files are a text of each kind.
func (c *client) files(name, text func(*Kind) string) map[string][]byte {
	files := map[string][]byte{}
	for _, k := range c.fleet.Kinds {
		files[name(k)] = []byte(text(k))
	}
	return files
}

// pollEvery is how often an engine is asked whether shards are under way.
const pollEvery = 2 * time.Second

// await returns once nothing is under way. Interrupted, it leaves what is.
func await(ctx context.Context, e Engine) error {
	for {
		under, err := e.Status(ctx)
		if err != nil || len(under) == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: what is under way goes on; the same command waits for it, contend fleet stop ends it", ctx.Err())
		case <-time.After(pollEvery):
		}
	}
}

// lastLines are the last n lines of a text, on one line.
func lastLines(text string, n int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-n):], "; ")
}

// lines writes whole lines of several shards, each with its name in front.
type lines struct {
	mu sync.Mutex // guards w
	w  io.Writer
}

func (l *lines) print(shard, line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.w, "%s: %s\n", shard, line)
}

// of is a writer for the output of one shard. It is used by one goroutine.
func (l *lines) of(shard string) *prefixed { return &prefixed{lines: l, shard: shard} }

type prefixed struct {
	lines *lines
	shard string
	rest  []byte
}

func (p *prefixed) Write(b []byte) (int, error) {
	p.rest = append(p.rest, b...)
	for {
		i := bytes.IndexByte(p.rest, '\n')
		if i < 0 {
			return len(b), nil
		}
		if line := strings.TrimSpace(string(p.rest[:i])); line != "" {
			p.lines.print(p.shard, line)
		}
		p.rest = p.rest[i+1:]
	}
}
