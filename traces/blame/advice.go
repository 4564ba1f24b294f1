package blame

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/contend-go/contend/traces/account"
)

// A goroutine that ran for less than shortRun costs about as much to begin as it does: a start that waits for an idle P to wake takes up to that.
const shortRun = 100 * time.Microsecond

// isShort reports whether the goroutines created at a group's sites end soon after they begin.
func (g *group) isShort() bool { return g.ended > 0 && g.ran/time.Duration(g.ended) < shortRun }

// A loop that spins by runtime.Gosched calls it that often, at the least.
const (
	manyYields   = 100
	yieldsPerSec = 1000
)

// spins reports whether a group's calls of runtime.Gosched are as many as those of a loop that waits for something.
func (g *group) spins(wall time.Duration) bool {
	return g.yields >= manyYields && float64(g.yields) >= yieldsPerSec*wall.Seconds()
}

// switches reports whether more was lost to goroutines that wake and switch than to those that were blocked.
func (g *group) switches() bool { return g.by.WakeUp+g.by.Switching > g.by.Blocked }

// isLimit reports whether a channel that goroutines wait to send to, perhaps in a select, is a limit on how many of them go on at once: the
// function that sends is, further down, the one that receives, for most of the receives that let a goroutine go on.
func (g *group) isLimit() bool {
	if g.reason != account.ChanSend && g.reason != account.Select {
		return false
	}
	line := g.rows[0].Line
	var own, all int64
	for _, r := range g.releasers {
		all += r.Count
		if g.reason == account.Select && !slices.ContainsFunc(r.Stack, isReceive) {
			continue // who waits in a select may be there to receive
		}
		if slices.ContainsFunc(r.Stack, func(f account.Frame) bool {
			return f.File == line.File && f.Line > line.Line && isOf(f.Func, line.Func)
		}) {
			own += r.Count
		}
	}
	return 2*own > all
}

// isReceive reports whether a frame is a receive outside of a select.
func isReceive(f account.Frame) bool {
	return strings.HasPrefix(f.Func, "runtime.chanrecv") || f.Func == "runtime.selectnbrecv"
}

// isOf reports whether a function is another, or a function literal in it.
func isOf(fn, outer string) bool {
	rest, ok := strings.CutPrefix(fn, outer)
	return ok && (rest == "" || strings.HasPrefix(rest, ".func") || strings.HasPrefix(rest, ".deferwrap"))
}

// isUnreleased reports whether goroutines are blocked for a lock all of the trace, in which nobody released it to anybody.
func (g *group) isUnreleased() bool { return isShared(g.reason) && g.waits == 0 && g.parked > 0 }

// note is what else is known, empty if nothing.
func (g *group) note(h *Holder) string {
	switch {
	case g.isUnreleased() && h == nil:
		return "blocked for the whole trace: whoever holds it took it before the trace began and does not release it, so the trace cannot name the holder"
	case g.reason == account.Created && g.ended > 0 && !g.isShort():
		mean := g.ran / time.Duration(g.ended)
		return fmt.Sprintf("%s created there ended, after %v of running on average", goroutines(g.ended), mean.Round(10*time.Microsecond))
	}
	return ""
}

// advice is what to try about a group, of which h holds what others wait for, nil if that is not known.
func (g *group) advice(h *Holder, wall time.Duration) string {
	switch {
	case g.isUnreleased() && h == nil:
		return next["deadlock"]
	case g.reason == account.Pool:
		return next["pool"]
	case h != nil && h.Lock && h.Activity == account.HoldSyscall:
		return "make that call after the lock is released, or do more with each call"
	case h != nil && h.Lock && h.Activity == account.HoldBlocked:
		return "do not wait while it is held"
	case g.isLimit():
		return next["limit"]
	case g.reason == account.ChanSend && !g.switches():
		return next["slow receiver"]
	case g.reason == account.ChanRecv && !g.switches():
		return next["slow sender"]
	case g.reason == account.Yield && !g.spins(wall):
		return fmt.Sprintf("%d calls in the whole trace: each lets other goroutines run first; leave the call out where that is not needed", g.yields)
	}
	if s := next[g.kind]; s != "" {
		return s
	}
	return next[string(g.reason)]
}
