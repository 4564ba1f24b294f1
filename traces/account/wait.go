package account

import "time"

// WaitKinds are the parts of p-wait, in the order of [Window.WaitBy]: what Ps
// stood still for. Idle time counts by what it is charged to.
var WaitKinds = [...]string{
	"lock",    // idle, while goroutines were blocked on a Mutex or RWMutex
	"chan",    // idle, while they were blocked on channels or in a select
	"wakeup",  // idle, though a goroutine was runnable
	"held",    // held by a thread without a goroutine: scheduling, spinning
	"syscall", // kept in a system call, or idle while goroutines were in one
	"stw",     // stopped for, or busy with, a stop-the-world
	"other",   // idle for any other reason or none, and what the trace cannot tell
}

// WaitBy splits p-wait by [WaitKinds], as shares of capacity. They add up to
// [Window.PWait].
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
		case c.Kind == NoWork:
		case isLock(c.Reason):
			by[lock] += c.Time
		case c.Reason == ChanSend || c.Reason == ChanRecv || c.Reason == Select:
			by[channel] += c.Time
		case c.Reason == SyscallOut:
			by[syscall] += c.Time
		}
	}
	by[held] += w.Parts[Held]
	by[syscall] += w.Parts[Syscall]
	by[stw] += w.Parts[STW]
	by[other] = w.Capacity - w.Parts.Goroutine() - w.Parts[GC]
	for _, d := range by[:other] {
		by[other] -= d
	}
	for i, d := range by {
		shares[i] = float64(d) / float64(w.Capacity)
	}
	return shares
}
