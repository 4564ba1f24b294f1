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
//   - A P's time from before the trace is none: time begins with the first event.
//   - What Ps lose is charged at every instant. If a goroutine is runnable, idle Ps are charged to wake-up, to all
//     runnable goroutines equally, each at the place where it had been blocked, had yielded or been preempted, or was created. If none
//     is, idle Ps and those that look for work are charged to all blocked goroutines equally; joins
//     ([WaitGroup]), and goroutines that are blocked throughout the trace in what may be waited for by design, only get a share if nobody else is
//     blocked, and the runtime's own and those that measure none. A P that a goroutine left, and that is held while others are runnable, is
//     charged to the place of the one that left, unless it takes longer than a switch can: then the thread had no CPU. A system call, and a
//     stop-the-world, is charged to its line. As all of that holds at an instant, the causes of windows add up to those of the whole.
//   - A wait is a goroutine's stay in the blocked state. Its time is split between the
//     windows it overlaps; it is counted in the window in which it ends. Waits that are open at the trace's end
//     count with their time, and are counted apart.
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

	// Causes asks what lost time is to be charged to, and who held what others waited for. That takes a second pass, which follows
	// all events in the order of time.
	Causes bool

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
	// GuessedProcs: the trace does not tell GOMAXPROCS at its start, as before Go 1.22, or where the part that tells it is lost. It is
	// taken to be one more than the highest P.
	GuessedProcs bool
	// OpenWaits is goroutines that the trace's end leaves blocked, longest first, at most 100; OpenCount is
	// how many there are.
	OpenWaits []OpenWait
	OpenCount int
	// SkippedHolds is how many waits were not followed to who they were for, as that would have taken too long.
	SkippedHolds int64
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
	// Causes is what lost time is charged to, most first, if Options.Causes asks for it; it sums up to Lost.
	Causes []Cause
	// Serial is when a single P was busy, most first, the same condition.
	Serial []Serial
	// CPU is CPU-profile samples by kind, empty without samples.
	CPU []CPU

	// unexplained is lost time that no rule of charging accounts for. It is in Causes as NoWork, and is nothing but for fractions of a ns and
	// clocks that differ, by no more than skew, unless events contradict each other. Tests look at both.
	unexplained, skew time.Duration
}

// Wall is the window's length.
func (w *Window) Wall() time.Duration { return w.End - w.Start }

// Lost is the time of Ps that did not work: idle, held without a goroutine, in a system call, or stopped.
func (w *Window) Lost() time.Duration {
	return w.Parts[Idle] + w.Parts[Held] + w.Parts[Syscall] + w.Parts[STW]
}

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

// The reasons.
const (
	Mutex        Reason = "mutex"
	RWReader     Reason = "rwmutex reader" // waits for a writer
	RWWriter     Reason = "rwmutex writer" // waits for readers, or another writer
	Once         Reason = "once"
	WaitGroup    Reason = "waitgroup"
	Singleflight Reason = "singleflight"
	OtherSync    Reason = "sync" // semaphores of the runtime, of no kind that is known
	Cond         Reason = "cond"
	Semaphore    Reason = "semaphore" // golang.org/x/sync's, and the limit of its errgroup
	Pool         Reason = "pool"      // for one of a pool's connections
	FileLock     Reason = "file lock" // of a file or connection that others read or write
	ChanSend     Reason = "chan send"
	ChanRecv     Reason = "chan receive"
	Select       Reason = "select"
	Network      Reason = "network"
	Sleep        Reason = "sleep"
	SyscallOut   Reason = "syscall"   // in a system call or cgo
	GCAssist     Reason = "gc assist" // an allocation helps the collector, or waits for credit
	GCWait       Reason = "gc"        // for the collector to begin or end
	StopWait     Reason = "waiting to stop the world"
	System       Reason = "system" // the runtime's own goroutines
	Coroutine    Reason = "coroutine"
	Forever      Reason = "forever"
	Created      Reason = "new goroutine" // runnable since it was created
	Yield        Reason = "yield"         // runtime.Gosched
	Preempted    Reason = "preempted"     // suspended by the runtime
	StopWorld    Reason = "stop-the-world"
	StopGC       Reason = "gc stop-the-world"
	Measuring    Reason = "measurement" // the world is stopped for a trace or profile
	OtherWait    Reason = "other"
	UnknownWait  Reason = "unknown" // blocked since before the trace, or in a lost part of it
)

// Site is a place where goroutines block: a reason and a stack. A lock has no
// address in a trace, so the call site is its identity.
type Site struct {
	Reason  Reason
	Stack   Stack
	Wait    time.Duration // blocked here in the window, goroutines blocked throughout left out
	Waits   int64         // that ended in the window
	MaxWait time.Duration // longest of them, its time before the window included
	Ready   time.Duration // of goroutines that could run, and did not yet, since they left this place
	Parked  int64         // goroutines blocked here throughout the window
	Open    int64         // waits that the trace's end leaves open; in the last window and in Total
	MaxOpen time.Duration // the longest of them so far
	// Detail is the trace's own name for a stop-the-world.
	Detail string

	Charged time.Duration // lost P time that is charged to this site, if Options.Causes asks for it
	By      Charge        // and to what there
	Assist  time.Duration // that goroutines helped the collector here, which an allocation made them do; it is not lost, but GC

	// Ended are the goroutines created here that ended in the window, after they had run for Ran in all; Yields are the calls of runtime.Gosched
	// here. Both need Options.Causes.
	Ended  int64
	Ran    time.Duration
	Yields int64

	// Apparatus: those that blocked here measure: they record the trace, or direct
	// Contend's load. No idle time is charged to them.
	Apparatus bool

	// ByDesign: those that blocked here wait for something to do, or for others to end. They get a share of idle time only where nobody else is
	// blocked.
	ByDesign bool

	// Handoffs are the waits that ended with an unlocker in starvation mode
	// yielding its P to the waiter; mutexes only.
	Handoffs int64
	// Barging are the other waits on a mutex: the woken goroutine had to
	// compete for the lock with running ones.
	Barging int64

	Releasers []Releaser // who unblocked, most frequent first

	// Holds is what stood in the way of those who waited here, longest first; in Total only.
	Holds []Hold
	Held  time.Duration // the waits of which that was found out
}

// OpenWait is a goroutine that is blocked when the trace ends.
type OpenWait struct {
	Goroutine uint64
	Reason    Reason
	Stack     Stack
	Age       time.Duration // at most the trace's duration, if Through
	Through   bool          // it was blocked before the trace began
	System    bool          // it is the runtime's, or measures
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

// Charge is lost P time by what goroutines at a site did meanwhile.
type Charge struct {
	Blocked   time.Duration // they were blocked
	WakeUp    time.Duration // they were runnable, and Ps stood idle
	Switching time.Duration // they had left the P, and the next one did not run yet
	Syscall   time.Duration // they kept the P in a system call
	Stopped   time.Duration // they stopped the world
	Inferred  time.Duration // of Blocked: that it was here is told by who woke them
}

func (c *Charge) total() time.Duration {
	return c.Blocked + c.WakeUp + c.Switching + c.Syscall + c.Stopped
}

// Cause is what lost time is charged to.
type Cause struct {
	Kind   CauseKind
	Reason Reason // not of NoCPU and NoWork
	Stack  Stack
	Time   time.Duration
}

// CauseKind is a kind of cause for Ps that do not work.
type CauseKind uint8

const (
	// Blocked: Ps were idle, or looked for work, while goroutines were blocked at a site.
	Blocked CauseKind = iota
	// WakeUp: a goroutine was runnable, yet the P was idle.
	WakeUp
	// Switching: a goroutine had left the P, and the next one did not run yet.
	Switching
	// InSyscall: a goroutine kept the P in a system call.
	InSyscall
	// Stopped: the world was stopped.
	Stopped
	// NoCPU: switching took longer than a scheduler does: most likely the thread had no CPU.
	NoCPU
	// NoWork: no goroutine was runnable or blocked, but for the runtime's own and those that measure.
	NoWork
)

// String is the kind's name.
func (k CauseKind) String() string {
	return [...]string{"blocked", "wake-up", "switching", "syscall", "stop-the-world", "no cpu", "no work"}[k]
}

// Serial is time in which a single P was busy, the others had nothing to do, and none was runnable.
type Serial struct {
	Time      time.Duration
	Syscall   bool   // it was in a system call, at Stack
	Stack     Stack  // otherwise where the goroutine that ran had stood last
	Reason    Reason // why it stood there
	Start     Stack  // of a goroutine that ran on from its creation: the function it began with, if the trace tells
	Goroutine uint64
}

// Hold is what stood in the way of those who waited at a site.
type Hold struct {
	Activity Activity
	Time     time.Duration
	At       Stack  // of the system call or blocking
	Reason   Reason // of the blocking
	Release  Stack  // with which the holder woke the one that waited
}

// CPU is the CPU-profile samples of one kind.
type CPU struct {
	Kind    CPUKind
	Samples int64
	Share   float64      // of all samples in the window
	Stacks  []StackCount // most frequent first, at most 1000
}

// StackCount is a stack and how often it was seen.
type StackCount struct {
	Stack Stack
	Count int64
}

// CPUKind is a kind of work, told by the functions of a sample's stack.
type CPUKind uint8

const (
	User        CPUKind = iota // none of the below
	LockFast                   // Lock, Unlock and atomics of sync on their fast path
	LockSlow                   // the slow paths of sync and the runtime's semaphores
	Spinning                   // active spinning for a lock
	Scheduler                  // finding, starting, parking goroutines, system calls of the scheduler
	Collector                  // the garbage collector
	Tracer                     // the execution tracer and the profiler themselves
	Atomic                     // atomic operations of the program's own
	RuntimeLock                // the runtime's own locks, of a channel or timer, called by the program
	StackGrowth                // copying stacks that grow
	Channels                   // channel operations and select
	NumCPUKinds
)

// String is the kind's name.
func (k CPUKind) String() string {
	return [...]string{"user", "lock fast path", "lock slow path", "spinning", "scheduler", "gc work", "tracer", "atomic", "runtime lock", "stack growth", "channels"}[k]
}

// Timeline is the exact share of every state in every column, per P: nothing
// is sampled. A P's shares in a column add up to 1 while it exists.
type Timeline struct {
	From, To time.Duration // from the trace's origin
	Lanes    [][]Column    // by P number, then by column
}

// Column is the share of a column's time by state.
type Column [NumStates]float32
