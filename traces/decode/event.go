package decode

// Type is the type of an event, as its byte on the wire.
type Type uint8

// The event types that carry a time, with their arguments after it, and Gap. Where a stack is
// listed it is a stack id for [Tables.Stack]; reason, kind, label, name, key and value are string ids.
const (
	// Gap is not on the wire: from here on the thread's events are lost, up to
	// its next event.
	Gap Type = 0

	ProcsChange Type = 9  // GOMAXPROCS, stack
	ProcStart   Type = 10 // P, P's sequence number
	ProcStop    Type = 11
	ProcSteal   Type = 12 // P, P's sequence number, thread it is taken from
	ProcStatus  Type = 13 // P, status

	GoCreate            Type = 14 // new goroutine, its start stack, stack
	GoCreateSyscall     Type = 15 // new goroutine
	GoStart             Type = 16 // goroutine, its sequence number
	GoDestroy           Type = 17
	GoDestroySyscall    Type = 18
	GoStop              Type = 19 // reason, stack
	GoBlock             Type = 20 // reason, stack
	GoUnblock           Type = 21 // goroutine, its sequence number, stack
	GoSyscallBegin      Type = 22 // P's sequence number, stack
	GoSyscallEnd        Type = 23
	GoSyscallEndBlocked Type = 24
	GoStatus            Type = 25 // goroutine, thread, status

	STWBegin Type = 26 // kind, stack
	STWEnd   Type = 27

	GCActive           Type = 28 // sequence number
	GCBegin            Type = 29 // sequence number, stack
	GCEnd              Type = 30 // sequence number
	GCSweepActive      Type = 31 // P
	GCSweepBegin       Type = 32 // stack
	GCSweepEnd         Type = 33 // bytes swept, bytes reclaimed
	GCMarkAssistActive Type = 34 // goroutine
	GCMarkAssistBegin  Type = 35 // stack
	GCMarkAssistEnd    Type = 36
	HeapAlloc          Type = 37 // bytes
	HeapGoal           Type = 38 // bytes

	GoLabel         Type = 39 // label
	UserTaskBegin   Type = 40 // task, parent task, name, stack
	UserTaskEnd     Type = 41 // task, stack
	UserRegionBegin Type = 42 // task, name, stack
	UserRegionEnd   Type = 43 // task, name, stack
	UserLog         Type = 44 // task, key, value, stack

	GoSwitch          Type = 45 // goroutine, its sequence number
	GoSwitchDestroy   Type = 46 // goroutine, its sequence number
	GoCreateBlocked   Type = 47 // new goroutine, its start stack, stack
	GoStatusStack     Type = 48 // goroutine, thread, status, stack
	clockSnapshotType Type = 51 // monotonic clock, seconds, nanoseconds
)

// The structural types: batches and the tables within them.
const (
	eventBatch        Type = 1
	stacksTable       Type = 2
	stackEntry        Type = 3
	stringsTable      Type = 4
	stringEntry       Type = 5
	samplesTable      Type = 6
	sampleEntry       Type = 7
	frequencyEvent    Type = 8
	experimentalBatch Type = 49
	syncTable         Type = 50
	endOfGeneration   Type = 52
)

// Limits that the format guarantees.
const (
	maxBatch  = 64 << 10
	maxFrames = 128
	maxString = 1 << 10
	maxArgs   = 4
)

// untimed is the argCount of bytes that start no timed event.
const untimed = 255

// argCount is the number of arguments after the time by event type.
var argCount = func() (n [256]uint8) {
	for i := range n {
		n[i] = untimed
	}
	for args, types := range [][]Type{
		0: {ProcStop, GoDestroy, GoDestroySyscall, GoSyscallEnd, GoSyscallEndBlocked, STWEnd, GCMarkAssistEnd},
		1: {GoCreateSyscall, GCActive, GCEnd, GCSweepActive, GCSweepBegin, GCMarkAssistActive, GCMarkAssistBegin,
			HeapAlloc, HeapGoal, GoLabel},
		2: {ProcsChange, ProcStart, ProcStatus, GoStart, GoStop, GoBlock, GoSyscallBegin, STWBegin, GCBegin, GCSweepEnd,
			UserTaskEnd, GoSwitch, GoSwitchDestroy},
		3: {ProcSteal, GoCreate, GoUnblock, GoStatus, UserRegionBegin, UserRegionEnd, GoCreateBlocked},
		4: {UserTaskBegin, UserLog, GoStatusStack},
	} {
		for _, t := range types {
			n[t] = uint8(args)
		}
	}
	// Allocation events, with GODEBUG=traceallocfree=1: spans, objects and stacks; each
	// exists, alloc, free.
	for i, args := range []uint8{3, 3, 1, 2, 2, 1, 2, 2, 1} {
		n[128+i] = args
	}
	return n
}()

// Global reports whether events of a type come in the order of time among those of all threads. Some concern all
// threads: those that stop the world and start it again, change GOMAXPROCS, or log
// what may be a mark. Others have no sequence number for what they depend on: a P may be stolen
// from a thread that left Go, and a goroutine's number be that of a thread of C that left before.
func Global(t Type) bool {
	switch t {
	case ProcsChange, STWBegin, STWEnd, UserLog, ProcSteal, GoCreateSyscall:
		return true
	}
	return false
}

// quickCount is argCount but for global events, which it has like untimed ones.
var quickCount = func() (n [256]uint8) {
	for i := range n {
		if n[i] = argCount[i]; Global(Type(i)) {
			n[i] = untimed
		}
	}
	return n
}()

// GoState is the status of a goroutine in GoStatus and GoStatusStack events.
type GoState uint8

// The statuses of goroutines.
const (
	GoRunnable GoState = 1
	GoRunning  GoState = 2
	GoSyscall  GoState = 3
	GoWaiting  GoState = 4
)

// ProcState is the status of a P in ProcStatus events.
type ProcState uint8

// The statuses of Ps.
const (
	ProcRunning ProcState = 1
	ProcIdle    ProcState = 2
	ProcSyscall ProcState = 3
	// ProcSyscallAbandoned: in a syscall whose thread is not known, about to be stolen.
	ProcSyscallAbandoned ProcState = 4
)

// Event is one event of a thread.
type Event struct {
	Type Type
	Time int64 // ns on the trace's clock
	Args [maxArgs]uint64
}
