package account

import "time"

// WaitKinds are the parts of p-wait, in the order of [Window.WaitBy]: what Ps
// stood still for. Idle time counts by what it is charged to.
var WaitKinds = [...]string{
	"lock",    // nothing to do, while goroutines were blocked on a lock
	"chan",    // nothing to do, while they were blocked on channels or in a select
	"wakeup",  // idle, though a goroutine was runnable
	"held",    // held by a thread that switches from one goroutine to the next
	"syscall", // kept in a system call, or nothing to do while goroutines were in one
	"stw",     // stopped for, or busy with, a stop-the-world
	"other",   // nothing to do for any other reason or none, and what the trace cannot tell
}

// WaitBy splits p-wait by [WaitKinds], as shares of capacity. They add up to
// [Window.PWait]. It needs Options.Causes.
func (w *Window) WaitBy() (shares [len(WaitKinds)]float64) {
	const lock, channel, wakeup, held, syscall, stw, other = 0, 1, 2, 3, 4, 5, 6
	if w.Capacity <= 0 {
		return shares
	}
	var by [len(WaitKinds)]time.Duration
	for _, c := range w.Causes {
		switch {
		case c.Kind == WakeUp:
			by[wakeup] += c.Time
		case c.Kind == Switching, c.Kind == NoCPU:
			by[held] += c.Time
		case c.Kind == InSyscall:
			by[syscall] += c.Time
		case c.Kind == Stopped:
			by[stw] += c.Time
		case c.Kind == NoWork:
		case isLock(c.Reason):
			by[lock] += c.Time
		case c.Reason == ChanSend || c.Reason == ChanRecv || c.Reason == Select:
			by[channel] += c.Time
		case c.Reason == SyscallOut:
			by[syscall] += c.Time
		}
	}
	by[other] = w.Capacity - w.Parts.Goroutine() - w.Parts[GC]
	for _, d := range by[:other] {
		by[other] -= d
	}
	for i, d := range by {
		shares[i] = float64(d) / float64(w.Capacity)
	}
	return shares
}
