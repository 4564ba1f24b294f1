package html

// Glossary are the words of a report that not every Go engineer knows.
var Glossary = [][2]string{
	{"GOMAXPROCS, P", "how many goroutines can run at once: the Go scheduler has that many Ps, and a goroutine runs on one of them"},
	{"cell", "one combination of what is varied, such as one backend at one GOMAXPROCS; each repetition is a process of its own"},
	{"block", "one repetition of all cells, in random order. What was measured in the same block is compared pair by pair, so that drift of the machine cancels"},
	{"95% interval", "the range that holds the true median with a probability of at least 95%; it takes 6 samples"},
	{"oversubscribed", "more Ps than CPUs: the curve shows queueing there, and nothing about scaling"},
	{"share-nothing ceiling", "the same load on a private copy for each goroutine. The gap below it is what sharing costs"},
	{"efficiency", "throughput ÷ the share-nothing ceiling: what sharing leaves of it. Above 100% is noise, or the private copies are slower than one that is shared, as together they need more memory; where the whole interval lies above 100%, the report says so"},
	{"p-wait", "the share of GOMAXPROCS × time in which Ps were stalled: idle, switching, or stopped while there was work to do; from a trace"},
	{"stalled", "a P that runs no goroutine, for whatever reason"},
	{"wake-up latency", "from the moment that a goroutine could run again until it ran"},
	{"held", "a P kept without running a goroutine: the scheduler looks for work, or spins"},
	{"broken (a lock)", "two clients had the same thing at once by their own clocks, or a change was lost, or a late one accepted"},
	{"stood still (a lock)", "at the end of the run a client that was alive still waited for it, and nothing happened any more"},
	{"granted to nobody", "the longest time without a grant of a lock, counted from the fault or, where the holder can go on, from when it let go; to the end of the run. Of a run that stood still it is cut off there, and says at least"},
	{"late (a write)", "after an access under a later lease; also called stale"},
	{"rising, unordered (a token)", "a lock's token rises if each is larger than all before it: only then can a fence tell a late write from one in time"},
	{"without a lock", "the service makes the change itself, or hands out items of a queue, or lets others see what is between two steps: nobody keeps anything that others wait for"},
	{"hand-off", "a lock or a channel given directly to a goroutine that waits for it, which must wake up first"},
	{"tour", "one traced process that goes through all values of GOMAXPROCS"},
	{"valid", "not oversubscribed, and not left out"},
}
