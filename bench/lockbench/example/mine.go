package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/lockbench/history"
)

// mine is the oldest lock between processes: a file that only one can create. It
// has no lease: who dies with it locks all others out.
func mine() lockbench.Service {
	return lockbench.Service{
		Name: "lockfile", About: "a file that only one can create, in a folder that all share",
		Promises: lockbench.Promises{Excludes: []string{lockbench.NoFault, "pause-holder", "kill-holder"}, Token: history.NoToken, Expiry: lockbench.Never},
		Connect: func(_ context.Context, t lockbench.Target) (lockbench.Session, error) {
			return folder(t.Dir), nil
		},
	}
}

type folder string

func (folder) Close() error { return nil }

func (f folder) Acquire(ctx context.Context, name string) (lockbench.Lease, error) {
	path := filepath.Join(string(f), name)
	for {
		file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0o644)
		if err == nil {
			return held(path), file.Close()
		}
		if !errors.Is(err, os.ErrExist) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
}

// held is the path of a file that this client created.
type held string

func (held) Token() history.Token             { return history.Token{Kind: history.NoToken} }
func (held) Deadline() (t time.Time, ok bool) { return t, false }
func (held) Lost() <-chan struct{}            { return lockbench.NeverLost }
func (h held) Release(context.Context) error  { return os.Remove(string(h)) }
