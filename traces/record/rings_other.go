//go:build !linux

package record

import (
	"errors"
	"runtime"
	"time"
)

// rings would be the kernel's switch records; only Linux has them.
type rings struct{}

func openRings() (*rings, error) {
	return nil, errors.New("on-CPU records need Linux, this is " + runtime.GOOS)
}

func (*rings) wait(time.Duration)  {}
func (*rings) wake()               {}
func (*rings) drain(*switchWriter) {}
func (*rings) disable()            {}
func (*rings) close()              {}

func threadClocks() map[int32]int64 { return nil }
func threadQueues() map[int32]int64 { return nil }
func monotonic() int64              { return 0 }
