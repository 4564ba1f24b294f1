package host

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// affinity is the calling thread's mask, nil if the kernel does not tell.
func affinity() []int {
	set := unix.NewCPUSet(maxCPU)
	if err := unix.SchedGetaffinityDynamic(0, set); err != nil {
		return nil
	}
	var cpus []int
	for id := range maxCPU {
		if set.IsSet(id) {
			cpus = append(cpus, id)
		}
	}
	return cpus
}

// WithAffinity runs f on an OS thread that is restricted to the given CPUs, so
// that a process started by f (os/exec, in f's own goroutine) inherits the
// mask before its first instruction; no other thread of this process is
// affected. It returns f's error, or why the mask could not be set: then f was
// not run.
//
// f runs in a goroutine of its own, locked to its thread, and has to return
// (no runtime.Goexit). The thread lives on afterwards, so a child's Pdeathsig
// does not fire. Only if the old mask cannot be brought back does it end, so
// that no restricted thread serves other goroutines.
func WithAffinity(cpus []int, f func() error) error {
	want := unix.NewCPUSet(maxCPU)
	for _, id := range cpus {
		if id < 0 || id >= maxCPU {
			return fmt.Errorf("affinity to CPU %d: no such CPU", id)
		}
		want.Set(id)
	}
	if want.Count() == 0 {
		return fmt.Errorf("affinity to no CPU at all: name at least one")
	}
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		old := unix.NewCPUSet(maxCPU)
		if err := unix.SchedGetaffinityDynamic(0, old); err != nil {
			done <- fmt.Errorf("read the affinity mask: %w", err)
			return
		}
		if err := unix.SchedSetaffinityDynamic(0, want); err != nil {
			done <- fmt.Errorf("affinity to CPUs %s: %w (are they online and in this process's cpuset?)", formatList(cpus), err)
			return
		}
		err := f()
		if unix.SchedSetaffinityDynamic(0, old) == nil {
			runtime.UnlockOSThread()
		}
		done <- err
	}()
	return <-done
}

// tryPerfEvent opens, for a moment, the kind of event that records at which
// times a thread is on a CPU, and returns why that fails. Trying is the only
// honest check: besides kernel.perf_event_paranoid, capabilities, security
// modules and a container's system call filter decide.
func tryPerfEvent() error {
	fd, err := unix.PerfEventOpen(&unix.PerfEventAttr{
		Type:   unix.PERF_TYPE_SOFTWARE,
		Config: unix.PERF_COUNT_SW_DUMMY,
		Size:   unix.PERF_ATTR_SIZE_VER5,
		Bits:   unix.PerfBitDisabled | unix.PerfBitExcludeKernel | unix.PerfBitContextSwitch,
	}, 0, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}
