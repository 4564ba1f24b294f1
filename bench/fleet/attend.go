package fleet

import (
	"context"
	"errors"
	"io"
	"time"
)

// What measures on a host hears from who asked for it every heartbeat, and takes the
// link for lost after a silence: one that is cut on the way is not closed for hours.
const (
	heartbeat = 15 * time.Second
	silence   = 2 * time.Minute
)

// errUnattended ends a measurement that nobody waits for any longer.
var errUnattended = errors.New("ended, as who asked for it has gone: contend fleet run continues")

// attendTo writes heartbeats until that fails.
func attendTo(w io.Writer) {
	for {
		if _, err := w.Write([]byte{'\n'}); err != nil {
			return
		}
		time.Sleep(heartbeat)
	}
}

// Attended is a context that ends when r does, or falls silent.
func Attended(ctx context.Context, r io.Reader) context.Context {
	ctx, end := context.WithCancelCause(ctx)
	heard := make(chan bool)
	go func() {
		defer close(heard)
		var b [64]byte
		for {
			if _, err := r.Read(b[:]); err != nil {
				return
			}
			select {
			case heard <- true:
			case <-ctx.Done():
				return
			}
		}
	}()
	go func() {
		defer end(errUnattended)
		for {
			select {
			case _, ok := <-heard:
				if !ok {
					return
				}
			case <-time.After(silence):
				return
			}
		}
	}()
	return ctx
}
