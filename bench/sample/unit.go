package sample

// Better is the direction in which a unit improves.
type Better int

// The directions of a unit. Neither marks units that only inform.
const (
	Neither Better = iota
	Higher
	Lower
)

// String is the word used in `Unit … better=` lines; empty for Neither.
func (b Better) String() string { return [...]string{"", "higher", "lower"}[b] }

// Unit is one unit of measurement, with its meaning.
type Unit struct {
	Name   string
	Better Better
	About  string
}

// Units is the one list of the units that Contend writes. W is wall time, P
// GOMAXPROCS, C the usable CPUs (affinity mask and cgroup quota).
var Units = []Unit{
	{"ns/op", Lower, "wall time per operation, all goroutines together"},
	{"ops/s", Higher, "operations per second, all goroutines together"},
	{"cpu-ns/op", Lower, "process CPU time (user + system) in the timed window ÷ operations"},
	{"proc-cpu-s", Neither, "CPU time of a benchmark's whole process, set-up and search for N included: where the timed window's cannot be had"},
	{"first-ns", Lower, "wall time of a Go benchmark's first call, which is in no other unit: what a call finds done later, it does there"},
	{"cpu-unused", Neither, "1 − process CPU ÷ (min(P, C) × W): capacity not used; negative when CPU runs outside Ps"},
	{"p-idle", Neither, "idle Ps ÷ (P × W), from runtime/metrics between two forced GCs around the window"},
	{"p-wait", Neither, "1 − goroutine-running P·s ÷ (P × W): stalled Ps; traced runs only"},
	{"p-wait-lock", Neither, "part of p-wait: idle Ps while goroutines were blocked on a Mutex or RWMutex"},
	{"p-wait-chan", Neither, "part of p-wait: idle Ps while goroutines were blocked on channels or in a select"},
	{"p-wait-wakeup", Neither, "part of p-wait: idle Ps though a goroutine was runnable"},
	{"p-wait-held", Neither, "part of p-wait: Ps held by a thread without a goroutine: scheduling, spinning"},
	{"p-wait-syscall", Neither, "part of p-wait: Ps kept in a system call, or idle while goroutines were in one"},
	{"p-wait-stw", Neither, "part of p-wait: Ps stopped for, or busy with, a stop-the-world"},
	{"p-wait-other", Neither, "part of p-wait: idle Ps for any other reason or none, and what the trace cannot tell"},
	{"os-wait", Neither, "threads runnable but not on a CPU, mean number over the window (schedstat)"},
	{"mutex-wait-ns/op", Lower, "time blocked on mutexes ÷ operations (runtime/metrics; sampled by the runtime)"},
	{"ctxsw/op", Lower, "context switches ÷ operations (rusage)"},
	{"ctxsw-forced/op", Lower, "involuntary context switches ÷ operations (rusage)"},
	{"hits/get", Higher, "Gets that found their key ÷ Gets"},
	{"reads/op", Neither, "achieved fraction of operations that read; fills after a miss do not count"},
	{"fairness", Higher, "operations of the slowest goroutine ÷ operations of the fastest"},
	{"jain", Higher, "Jain's fairness index of operations by goroutine, 1/n to 1"},
	{"lost/op", Lower, "updates lost in read-modify-write ÷ operations"},
	{"p50-acquire-ns", Lower, "half of the acquires of a lock service were granted within this time, from the call on; closed loop"},
	{"p99-acquire-ns", Lower, "99% of the acquires were granted within this time, from the call on; closed loop"},
	{"max-acquire-ns", Neither, "longest acquire, from the call on"},
	{"held-ns/op", Neither, "mean time from the grant of a lock to its release: reading and writing what it guards, and what was asked for with --hold"},
	{"harness-ns/op", Neither, "what the harness itself takes of a pair, without --hold and --think: its accesses under the lock, and its notes"},
	{"server-cpu-ns/op", Lower, "CPU time of the processes of a lock service ÷ pairs of acquire and release"},
	{"wire-B/op", Lower, "bytes between clients and servers of a lock service ÷ pairs of acquire and release"},
	{"overlaps", Lower, "grants of a lock while another client believed that it held it"},
	{"overlap-ms", Lower, "milliseconds during which two clients or more believed that they held a lock"},
	{"acted", Lower, "accesses to what a lock guards by one client while another believed that it held the lock"},
	{"stale-accepted", Lower, "writes that the resource accepted after it had been accessed under a later lease"},
	{"stale-rejected", Neither, "such writes that the resource refused, by their tokens"},
	{"fresh-rejected", Lower, "accesses that the resource refused though no later lease had been used: tokens that began anew"},
	{"tokens-fell", Lower, "leases whose token is not above those of earlier leases"},
	{"waiting", Lower, "clients that still waited for a lock when nothing happened any more"},
	{"refused/op", Lower, "acquires and changes that a service refused because of another client's ÷ pairs of acquire and release"},
	{"twice", Lower, "items of a queue that were handed out once more, after a reservation that was not kept"},
	{"granted-in-fault", Neither, "grants of the lock to other clients than the holder while a fault lasted"},
	{"unavailable-ms", Lower, "longest time after a fault in which a lock was granted to nobody, in milliseconds"},
	{"work-ns/op", Neither, "CPU work outside the cache per operation, as calibrated"},
	{"warmup-s", Neither, "seconds until the rate was steady, or the bound was reached"},
	{"p50-ns", Lower, "median of what a caller waits; in an open load from when the operation was due"},
	{"p90-ns", Lower, "what a caller waits at most in nine of ten operations"},
	{"p99-ns", Lower, "the same in 99 of 100"},
	{"p99.9-ns", Lower, "the same in 999 of 1,000"},
	{"p99.99-ns", Lower, "the same in 9,999 of 10,000"},
	{"service-p50-ns", Lower, "median from an operation's begin to its end, beside what a caller waits"},
	{"service-p90-ns", Lower, "the same in nine of ten operations"},
	{"service-p99-ns", Lower, "the same in 99 of 100"},
	{"service-p99.9-ns", Lower, "the same in 999 of 1,000"},
	{"service-p99.99-ns", Lower, "the same in 9,999 of 10,000"},
	{"closed-p50-ns", Neither, "median that a closed loop beside an open load shows"},
	{"closed-p90-ns", Neither, "the same in nine of ten operations"},
	{"closed-p99-ns", Neither, "the same in 99 of 100: what queues is not in it"},
	{"closed-p99.9-ns", Neither, "the same in 999 of 1,000"},
	{"closed-p99.99-ns", Neither, "the same in 9,999 of 10,000"},
	{"max-ns", Lower, "the longest that a caller waited"},
	{"lag-p99-ns", Lower, "how late the generator itself began operations that it had waited for, 99th percentile"},
	{"capacity/s", Higher, "operations per second of the closed loop beside an open load, by the same means"},
	{"offered/s", Neither, "operations per second that were due"},
	{"achieved/s", Neither, "operations per second that were due and carried out in the window"},
	{"timely/s", Higher, "operations of an open load that a lock service carried out within --ttl of when they were due, per second"},
	{"carried-p99-ns", Lower, "99% of the operations that it carried out had ended by this time after they were due, also where the load was more than it can carry"},
	{"group-ops", Neither, "operations that a generator begins at one reading of the clock, none before it is due"},
	{"B/op", Lower, "bytes allocated ÷ operations"},
	{"allocs/op", Lower, "heap allocations ÷ operations"},
	{"gc-cpu", Lower, "time of the garbage collector ÷ time that Ps were not idle"},
	{"bytes/entry", Lower, "heap growth by filling ÷ entries, keys' and values' own bytes excluded"},
	{"steal", Lower, "CPU time taken by the host's other tenants ÷ (C × W)"},
	{"throttled-ns", Lower, "time throttled by the CPU quota in the window; above 0 the sample is invalid"},
}

// LookupUnit returns the unit of that name, and whether it is in the list.
func LookupUnit(name string) (Unit, bool) {
	for _, u := range Units {
		if u.Name == name {
			return u, true
		}
	}
	return Unit{}, false
}
