// Package claims judges the claims of the published study by what was measured:
// confirmed, refuted, or cannot tell, and then what is missing. Beside each
// claim stands its fair variant, in which what the study did unequally is equal.
//
// It needs samples only. The cells that decide most claims are planned by
// `contend sweep --suite study`; results of any other origin do as well if their
// names say the same.
package claims

// claim is one statement of the study, and how it is tested.
type claim struct {
	statement string
	theirs    string // what the study showed for it
	study     test
	fair      test
}

// test is confirmed if all its checks hold, and refuted if one is contradicted.
type test struct {
	says   string
	checks []check
}

// check compares two cells, or looks at one, and holds if the whole interval
// lies beyond its limit; it is contradicted if the whole interval lies on the
// other side.
type check struct {
	quantity quantity
	how      relation
	a, b     cell
	beyond   limit
	below    bool // it has to lie below the limit, not above
	cpus     int  // that it takes to be evidence
}

// quantity is what is compared.
type quantity string

const (
	rate   quantity = "ops/s"
	perCPU quantity = "ops/s per CPU" // ops/s ÷ GOMAXPROCS
	idle   quantity = "p-idle"        // what the study's picture shows as gaps, untraced
)

// relation is how the quantities of a check's cells are related.
type relation string

const (
	ratioOf      relation = "÷"
	differenceOf relation = "−"
	valueOf      relation = "" // of a alone
)

// cell names what was measured by its keys, as far as they matter, and says at
// which GOMAXPROCS it is looked at.
type cell struct {
	keys  string // "backend=mutexlru workload=walk"
	procs procs
}

// procs chooses among the values of GOMAXPROCS at which both cells of a check
// were measured and that are no oversubscription. Positive is just that value.
type procs int

const (
	top procs = -iota - 1 // the highest
	few                   // the highest that is a laptop's
)

const (
	mutexWalk  = "backend=mutexlru workload=walk"
	poolWalk   = "backend=workerpool workload=walk"
	stripeWalk = "backend=stripedlru workload=walk"
	otterWalk  = "backend=otter1 workload=walk"
	ringWalk   = "backend=ring workload=walk"

	mutexLimit = "backend=mutexlru workload=ratelimit item-lock=on"
	poolLimit  = "backend=workerpool workload=ratelimit item-lock=on"
	ringLimit  = "backend=ring workload=ratelimit item-lock=on"

	mutexLock   = "impl=mutex row=lock-contended hold=200ns think=200ns"
	bargingLock = "impl=barging row=lock-contended hold=200ns think=200ns"

	worked = " work=5µs"
)

// list is the study's claims, in its order.
var list = []claim{
	{
		statement: "Mutex: efficiency per CPU falls off from about 8 processors; adding processors stops helping.",
		theirs:    "32 vCPUs: a chart. 10-CPU laptop, expiring items: 2770 ns/op at 1, 1580 at 4, 1633 at 8, 1827 at 10: flat from 4 on, no collapse.",
		study: test{"The mutex LRU does less per CPU beyond 8, and no more in total.", []check{
			{perCPU, ratioOf, cell{mutexWalk, top}, cell{mutexWalk, knee}, falls, true, many},
			{rate, ratioOf, cell{mutexWalk, top}, cell{mutexWalk, knee}, flat, true, many},
		}},
		fair: test{"The fall begins at about 8, not before, held against share-nothing copies of the same LRU, which lose to hyperthreads and turbo as well.", []check{
			{rate, ratioOf, cell{mutexWalk, two}, cell{mutexWalk + " sharing=none", two}, falls, false, two},
			{rate, ratioOf, cell{mutexWalk, knee}, cell{mutexWalk + " sharing=none", knee}, falls, false, knee},
		}},
	},
	{
		statement: "S3-FIFO beats the worker pool (and the mutex) at high processor counts.",
		theirs:    "32 vCPUs: a chart. Its S3-FIFO rows changed the token bucket without a lock, so they did less work, and lost updates.",
		study: test{"Otter, which is S3-FIFO, is faster than worker pool and mutex on the study's walk.", []check{
			{rate, ratioOf, cell{otterWalk, top}, cell{poolWalk, top}, beats, false, many},
			{rate, ratioOf, cell{otterWalk, top}, cell{mutexWalk, top}, beats, false, many},
		}},
		fair: test{"An S3-FIFO is faster when each operation is a read-modify-write under the item's lock, as all rows have to do.", []check{
			{rate, ratioOf, cell{ringLimit, top}, cell{poolLimit, top}, beats, false, many},
			{rate, ratioOf, cell{ringLimit, top}, cell{mutexLimit, top}, beats, false, many},
		}},
	},
	{
		statement: "Sharding is not viable: hashing, queues and context switches cost more than the lock.",
		theirs:    "Tested as a hand-off to workers through channels only. 10-CPU laptop, expiring items, at 8: worker pool 2963 ns/op, mutex 1633.",
		study: test{"One mutex is faster than a pool of workers with a shard each.", []check{
			{rate, ratioOf, cell{mutexWalk, top}, cell{poolWalk, top}, beats, false, two},
		}},
		fair: test{"One mutex is faster than shards with a mutex each, which need no queue and no switch.", []check{
			{rate, ratioOf, cell{mutexWalk, top}, cell{stripeWalk, top}, beats, false, two},
		}},
	},
	{
		statement: "On a laptop the difference is small; it shows only on many CPUs.",
		theirs:    "10-CPU laptop at 8: Otter 1262 ns/op, mutex 1633; but every item expired after 1 ms, so reads were expire, delete and insert.",
		study: test{"S3-FIFO and mutex are within a quarter of each other on up to 10 CPUs, and further apart on 16 and more.", []check{
			{rate, ratioOf, cell{otterWalk, few}, cell{mutexWalk, few}, small, true, two},
			{rate, ratioOf, cell{otterWalk, few}, cell{mutexWalk, few}, slower, false, two},
			{rate, ratioOf, cell{otterWalk, top}, cell{mutexWalk, top}, small, false, many},
		}},
		fair: test{"It was the expiring items that made the difference small on the laptop: with them it is, without them it is not.", []check{
			{rate, ratioOf, cell{"backend=otter1 workload=expire", few}, cell{"backend=mutexlru workload=expire", few}, small, true, two},
			{rate, ratioOf, cell{otterWalk, few}, cell{mutexWalk, few}, small, false, two},
		}},
	},
	{
		statement: "Without a lock, work spreads more evenly over the CPUs.",
		theirs:    "32 vCPUs: one execution trace of the whole sweep, looked at.",
		study: test{"Ps are idle less with Otter than with the mutex.", []check{
			{idle, differenceOf, cell{mutexWalk, top}, cell{otterWalk, top}, gaps, false, knee},
		}},
		fair: test{"The same where both lock the item for a read-modify-write.", []check{
			{idle, differenceOf, cell{mutexLimit, top}, cell{ringLimit, top}, gaps, false, knee},
		}},
	},
	{
		statement: "The gaps are Go's mutex in starvation mode.",
		theirs:    "32 vCPUs: read off the same trace.",
		study: test{"With the mutex there are gaps, and at least half of them are gone with a mutex that has no starvation mode.", []check{
			{idle, valueOf, cell{mutexWalk, top}, cell{}, gaps, false, knee},
			{idle, ratioOf, cell{bargingLock, top}, cell{mutexLock, top}, half, true, knee},
		}},
		fair: test{"Starvation mode costs throughput: without it the same lock carries more.", []check{
			{rate, ratioOf, cell{bargingLock, top}, cell{mutexLock, top}, beats, false, knee},
		}},
	},
	{
		statement: "More CPU work per operation evens the distribution.",
		theirs:    "32 vCPUs: a second trace with more work, looked at.",
		study: test{"With 5 µs of work per operation, Ps are idle less with the mutex than with none.", []check{
			{idle, differenceOf, cell{mutexWalk, top}, cell{mutexWalk + worked, top}, gaps, false, knee},
		}},
		fair: test{"What the work dilutes is the lock: without one there is nothing to even out.", []check{
			{idle, differenceOf, cell{ringWalk, top}, cell{ringWalk + worked, top}, gaps, true, knee},
		}},
	},
	{
		statement: "One thread can win: context switching degrades as CPUs grow.",
		theirs:    "An explanation of why a single-threaded Redis is fast; no measurement.",
		study: test{"One thread on the mutex LRU does more than many on it, and more than many on the worker pool.", []check{
			{rate, ratioOf, cell{mutexWalk, 1}, cell{mutexWalk, top}, beats, false, knee},
			{rate, ratioOf, cell{mutexWalk, 1}, cell{poolWalk, top}, beats, false, knee},
		}},
		fair: test{"One thread does more than many on structures made for many: shards, and reads without a lock.", []check{
			{rate, ratioOf, cell{mutexWalk, 1}, cell{stripeWalk, top}, beats, false, knee},
			{rate, ratioOf, cell{mutexWalk, 1}, cell{ringWalk, top}, beats, false, knee},
		}},
	},
}
