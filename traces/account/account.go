// Package account says where the time of every P went in a Go execution
// trace: per window and per P, one list of disjoint parts that add up to
// GOMAXPROCS(t) × wall; what idle Ps are to be charged to; and who waits where,
// for whom, and for how long.
//
// The definitions:
//
//   - A P's time is in exactly one [State] at a time. The parts of a window add
//     up to ∫GOMAXPROCS dt over the window; [Window.Residual] is what is missing
//     to that, and is printed.
//   - A stop-the-world takes the time of Ps that are idle or held without a
//     goroutine during it, and of the P of the goroutine that stops the world.
//     Ps that still run a goroutine, or sit in a syscall, on their way to the
//     stop keep those states.
//   - GC is the time of mark workers, mark assists and sweeping.
//   - Before a P's first event in a trace it was in the state that this event
//     says it was in: had it changed there would have been an earlier event. A P
//     that never appears was idle. A P exists while its number is below
//     GOMAXPROCS.
//   - Idle is charged in slices of 2²⁰ ns (1.05 ms). In a slice, idle P-time up to the
//     slice's runnable goroutine-time is charged to wake-up latency; the rest to
//     what goroutines blocked in that slice wait for, by reason and stack, in
//     proportion to their blocked time. Goroutines blocked throughout the window
//     are left out, and those that measure, see [Site.Apparatus]. So that memory stays bounded, a window longer than 3 s is
//     charged in stretches of about that length, each with its own "throughout".
//     Being in a system call that lost its P is being blocked, too.
//   - A wait is a goroutine's stay in the blocked state. Its time is split between the
//     windows it overlaps; it is counted in the window in which it ends.
package account

import "time"

// State is what a P does at an instant.
type State uint8

// The states of a P, in the order in which capacity is stacked: useful first.
const (
	// OnCPU: a goroutine runs and its thread is on a CPU. Needs switch records.
	OnCPU State = iota
	// Running: a goroutine runs; whether its thread is on a CPU is not known.
	// With switch records this is only the time they do not cover.
	Running
	// Descheduled: a goroutine runs as far as the Go scheduler knows, but the
	// operating system has taken its thread off the CPU. Needs switch records.
	Descheduled
	// GC: mark workers, mark assists, sweeping.
	GC
	// Syscall: the P's goroutine is in a system call and the P was not yet
	// taken away from it.
	Syscall
	// Held: a thread holds the P without a goroutine: scheduling or spinning.
	Held
	// STW: stopped for, or busy with, a stop-the-world.
	STW
	// Idle: no thread holds the P.
	Idle
	// Unknown: the trace cannot tell, as part of it was lost.
	Unknown
	// NumStates is the number of states.
	NumStates
)

var stateNames = [NumStates]string{
	"on-cpu", "running", "descheduled", "gc", "syscall", "held", "stw", "idle", "unknown",
}

// String is the state's name, as it stands in JSON and legends.
func (s State) String() string {
	if s < NumStates {
		return stateNames[s]
	}
	return "invalid"
}

// Parts is time by state. Indexed by State.
type Parts [NumStates]time.Duration

// Total is the sum of all parts.
func (p *Parts) Total() time.Duration {
	var sum time.Duration
	for _, d := range p {
		sum += d
	}
	return sum
}

// Goroutine is the time in which a goroutine ran, on a CPU or not.
func (p *Parts) Goroutine() time.Duration { return p[OnCPU] + p[Running] + p[Descheduled] }

// Options say what to account and how. The zero value accounts a whole trace
// with automatic windows on all CPUs.
type Options struct {
	Windows WindowSpec

	// Switches tells goroutines on a CPU from goroutines descheduled by the
	// operating system; nil where there are no records.
	Switches *SwitchLog

	// Timeline asks for a timeline of that many columns; 0 for none. From and
	// To bound it, as offsets from the trace's start; both zero is the whole trace.
	Timeline struct {
		Columns  int
		From, To time.Duration
	}

	// Parallel is the number of generations decoded at the same time, which
	// bounds memory; 0 is GOMAXPROCS.
	Parallel int

	// Progress, if not nil, is called from one goroutine at a time with the
	// bytes accounted so far and the trace's size.
	Progress func(done, total int64)
}

// WindowMode is what splits a trace into windows.
type WindowMode uint8

const (
	// Auto is Marks if the trace has marks, otherwise ProcsChanges.
	Auto WindowMode = iota
	// Marks are trace.Log events of category MarkCategory: "begin NAME", "end",
	// or just "NAME" (as "gomaxprocs=8"), which ends the window before it. Time
	// outside of marked windows is a window with an empty label.
	Marks
	// ProcsChanges starts a window, labelled "gomaxprocs=N", where GOMAXPROCS changes.
	ProcsChanges
	// Slices are windows of WindowSpec.Every from the trace's start.
	Slices
	// Whole is one window.
	Whole
)

// MarkCategory is the trace.Log category whose messages mark windows.
const MarkCategory = "contend"

// WindowSpec says how a trace is split into windows.
type WindowSpec struct {
	Mode  WindowMode
	Every time.Duration // Slices only; at least 1 ms
}

// Switch is one change of a thread on or off a CPU, as the kernel recorded it.
type Switch struct {
	At  int64 // CLOCK_MONOTONIC, ns
	TID int32 // the operating system's thread id, which is a trace's M id on Linux
	CPU int32 // -1 if not known
	In  bool  // on the CPU from now on
}

// SwitchLog is what was recorded of the threads of a traced process. Before
// its first record a thread was in the other state; a thread without a
// record is unknown.
type SwitchLog struct {
	Records  []Switch // ordered by At
	From, To int64    // the time covered, CLOCK_MONOTONIC ns
	Lost     uint64   // records the kernel dropped: the split is then a lower quality, and Account.Lost says so
}

// Account is the accounting of one trace.
type Account struct {
	// GoMinor is the trace format's Go version: 26 for "go 1.26". The program may be newer than its format.
	GoMinor int
	// Origin is the trace's start on its own clock, in ns. On Linux that is
	// CLOCK_MONOTONIC.
	Origin int64
	// Wall is the wall-clock time of the origin; zero before Go 1.25.
	Wall time.Time
	// Duration is from the first to the last event.
	Duration time.Duration
	// Events is the number of events accounted.
	Events int64
	// Size is the number of bytes of the trace.
	Size int64
	// Generations is the number of generations read, wholly or in part.
	Generations int
	// Split reports whether switch records told OnCPU from Descheduled.
	Split bool
	// Samples reports whether the trace has CPU-profile samples.
	Samples bool

	Windows []Window // in time order, without gaps
	Total   Window   // the sum over all windows
	// Timeline is nil unless asked for.
	Timeline *Timeline
	// Lost is what could not be read; its Reasons are empty when all was.
	Lost Lost
}

// Lost is what could not be read of a trace.
type Lost struct {
	Bytes       int64    // of the trace, not accounted
	Generations int      // damaged or incomplete, wholly or partly accounted as far as possible
	Events      int64    // that contradict others and were forced or dropped
	Reasons     []string // one line each, the first cause first; empty if nothing was lost
}

// Any reports whether anything was lost.
func (l *Lost) Any() bool { return len(l.Reasons) > 0 }

// Window is the accounting of a stretch of time.
type Window struct {
	Label      string        // the mark, "gomaxprocs=N"; empty outside of marked windows
	Start, End time.Duration // from the trace's origin
	MinProcs   int           // least and greatest GOMAXPROCS in the window
	MaxProcs   int
	Capacity   time.Duration // ∫GOMAXPROCS dt

	Parts    Parts         // summed over Ps
	PerP     []Parts       // by P number
	Residual time.Duration // Capacity − Parts.Total()

	// Threads is the on-CPU time of all threads of the process, with or without
	// a P, by the switch records; 0 without them.
	Threads time.Duration

	// Goroutines is goroutine-time by goroutine state.
	Goroutines Goroutines
	// WakeToRun are the times from being unblocked to running.
	WakeToRun Histogram
	// Waits is blocked time by what it waits for, longest first. Goroutines
	// blocked throughout are in Parked only.
	Waits []Wait
	// Sites are the places where goroutines blocked, by charged idle time,
	// then by wait.
	Sites []Site
	// Causes is what idle time is charged to, most first; it sums up to Parts[Idle].
	Causes []Cause
	// CPU is CPU-profile samples by kind, empty without samples.
	CPU []CPU
}

// Wall is the window's length.
func (w *Window) Wall() time.Duration { return w.End - w.Start }

// Procs is the mean GOMAXPROCS over the window.
func (w *Window) Procs() float64 {
	if w.End <= w.Start {
		return float64(w.MaxProcs)
	}
	return float64(w.Capacity) / float64(w.Wall())
}

// PWait is the unit p-wait: 1 − goroutine-running P·s ÷ (P × W), the share of
// capacity in which Ps stood still. GC work is work: it counts as running.
func (w *Window) PWait() float64 {
	if w.Capacity <= 0 {
		return 0
	}
	return 1 - float64(w.Parts.Goroutine()+w.Parts[GC])/float64(w.Capacity)
}

// Goroutines is goroutine-time by state: one goroutine runnable for one second
// is a second of Runnable.
type Goroutines struct {
	Running  time.Duration // including GC work, descheduled or not
	Runnable time.Duration // waiting for a P
	Syscall  time.Duration // in a system call or cgo, with or without a P
	Waiting  time.Duration // blocked, including those blocked throughout
	Created  int64
	Exited   int64
}

// Wait is blocked time of one kind.
type Wait struct {
	Reason Reason
	Time   time.Duration
	Count  int64 // waits that ended in the window
	Parked int64 // goroutines blocked throughout the window; their time is left out
}

// Reason is what a goroutine waits for, told by the trace's reason and by the
// functions at the top of the blocking stack.
type Reason string

// The reasons. The trace's own word "sync" covers the first five.
const (
	Mutex       Reason = "mutex"
	RWMutex     Reason = "rwmutex"
	WaitGroup   Reason = "waitgroup"
	OtherSync   Reason = "sync" // semaphores of the runtime: stop-the-world, GC start, …
	Cond        Reason = "cond"
	ChanSend    Reason = "chan send"
	ChanRecv    Reason = "chan receive"
	Select      Reason = "select"
	Network     Reason = "network"
	Sleep       Reason = "sleep"
	SyscallOut  Reason = "syscall" // in a system call or cgo that lost its P
	GCWait      Reason = "gc"      // assists waiting for credit, the sweeper, workers at rest
	System      Reason = "system"  // the runtime's own goroutines
	Coroutine   Reason = "coroutine"
	Forever     Reason = "forever"
	Preempted   Reason = "preempted" // suspended by the runtime
	OtherWait   Reason = "other"
	UnknownWait Reason = "unknown" // blocked since before the trace, or in a lost part of it
)

// Site is a place where goroutines block: a reason and a stack. A lock has no
// address in a trace, so the call site is its identity.
type Site struct {
	Reason  Reason
	Stack   Stack
	Wait    time.Duration // blocked here in the window, goroutines blocked throughout left out
	Waits   int64         // that ended in the window
	MaxWait time.Duration // longest of them, its time before the window included
	Parked  int64         // goroutines blocked here throughout the window
	Charged time.Duration // idle P-time charged to this site

	// Apparatus: those that blocked here measure: they record the trace, or direct
	// Contend's load. No idle time is charged to them.
	Apparatus bool

	// Handoffs are the waits that ended with an unlocker in starvation mode
	// yielding its P to the waiter; mutexes only.
	Handoffs int64
	// Barging are the other waits on a mutex: the woken goroutine had to
	// compete for the lock with running ones.
	Barging int64

	Releasers []Releaser // who unblocked, most frequent first
}

// Releaser is a place where goroutines blocked at a site were unblocked.
type Releaser struct {
	Stack Stack
	Count int64
}

// Stack is a call stack, innermost frame first; empty where the trace has
// none. Stacks with the same frames share memory: do not modify.
type Stack []Frame

// Frame is one frame of a stack.
type Frame struct {
	Func string
	File string
	Line int
	PC   uint64
}

// Cause is what idle time is charged to.
type Cause struct {
	Kind   CauseKind
	Reason Reason // Blocked only
	Stack  Stack  // Blocked only
	Time   time.Duration
}

// CauseKind is a kind of cause for idle Ps.
type CauseKind uint8

const (
	// Blocked: goroutines were blocked at a site.
	Blocked CauseKind = iota
	// WakeUp: a goroutine was runnable, yet the P was idle.
	WakeUp
	// NoWork: no goroutine was runnable or blocked, but for those blocked throughout.
	NoWork
)

// String is the kind's name.
func (k CauseKind) String() string { return [...]string{"blocked", "wake-up", "no work"}[k] }

// CPU is the CPU-profile samples of one kind.
type CPU struct {
	Kind    CPUKind
	Samples int64
	Share   float64      // of all samples in the window
	Stacks  []StackCount // most frequent first, at most 20
}

// StackCount is a stack and how often it was seen.
type StackCount struct {
	Stack Stack
	Count int64
}

// CPUKind is a kind of work, told by the functions of a sample's stack.
type CPUKind uint8

const (
	User      CPUKind = iota // none of the below
	LockFast                 // Lock, Unlock and atomics of sync on their fast path
	LockSlow                 // the slow paths of sync and the runtime's semaphores
	Spinning                 // active spinning for a lock
	Scheduler                // finding, starting, parking goroutines, system calls of the scheduler
	Collector                // the garbage collector
	Tracer                   // the execution tracer and the profiler themselves
	NumCPUKinds
)

// String is the kind's name.
func (k CPUKind) String() string {
	return [...]string{"user", "lock fast path", "lock slow path", "spinning", "scheduler", "gc", "tracer"}[k]
}

// Timeline is the exact share of every state in every column, per P: nothing
// is sampled. A P's shares in a column add up to 1 while it exists.
type Timeline struct {
	From, To time.Duration // from the trace's origin
	Lanes    [][]Column    // by P number, then by column
}

// Column is the share of a column's time by state.
type Column [NumStates]float32
