package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

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
	return lockbench.Poll(ctx, func() (*lockbench.Timed, error) {
		file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, os.ErrExist) {
			return nil, nil // somebody else's
		}
		if err != nil {
			return nil, err
		}
		held := &lockbench.Timed{
			Fence: history.Token{Kind: history.NoToken},
			LetGo: func(context.Context) error { return os.Remove(path) },
		}
		return held, file.Close()
	})
}
