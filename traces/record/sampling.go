package record

import (
	"io"
	"runtime"
	"runtime/pprof"
	"unsafe" // for go:linkname too
)

// CPU-profile samples per second of CPU time: what pprof takes, and in short windows more, of which
// the kernel gives as many as it has timer ticks (often 250 a second).
const (
	wholeSamples  = 100
	windowSamples = 500
)

func (o Options) samples() int {
	if o.Whole {
		return wholeSamples
	}
	return windowSamples
}

// mayTakeSamples fails where a CPU profile is taken already. Its samples are in our traces then.
func mayTakeSamples() error {
	err := pprof.StartCPUProfile(io.Discard)
	if err == nil {
		pprof.StopCPUProfile()
	}
	return err
}

// takeSamples has the runtime take CPU-profile samples, for the trace that is recorded meanwhile,
// until stop is called.
//
// The runtime is asked directly, as pprof reads the samples while they are taken: each one
// wakes its goroutine, which takes a P from a worker, and the beginning and end of a profile
// take 6 ms of a CPU. It also has one rate.
func takeSamples(perSecond int) (stop func()) {
	runtime.SetCPUProfileRate(perSecond)
	return func() {
		runtime.SetCPUProfileRate(0)
		for eof := false; !eof; { // the runtime begins no other profile before this one is read
			_, _, eof = readProfile()
		}
	}
}

// readProfile returns samples that were taken. The runtime promises not to change it
// (go.dev/issue/67401).
//
//go:linkname readProfile runtime/pprof.readProfile
func readProfile() (data []uint64, tags []unsafe.Pointer, eof bool)
