//go:build !linux

package load

import "time"

// threads knows nothing here.
type threads struct{}

func openThreads() *threads { return new(threads) }

func (*threads) close() {}

func (*threads) read() map[Cause]time.Duration { return map[Cause]time.Duration{} }
