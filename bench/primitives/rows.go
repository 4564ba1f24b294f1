package primitives

// row is one comparison: the same operations on several structures.
type row struct {
	name  string
	about string // one line, no full stop
	// holds marks rows with something to hold: a lock, or a received item.
	holds     bool
	impls     []impl
	published []published // what others printed for it
}

// impl is one of the structures that a row compares. job prepares n operations
// on a fresh one.
type impl struct {
	name string
	job  func(c conditions, n int) *job
}

func alone(conditions) int { return 1 }

// rows is the one list of them, in the order in which they are printed.
var rows = []row{
	{
		name: "1p1c-2", about: "one producer, one consumer, room for 2 items", holds: true,
		impls: passing(1, 1, 2, "channel", "ring", "ring-spin"), published: smallQueue,
	},
	{
		name: "1p1c", about: "one producer, one consumer, room for 1024 items", holds: true,
		impls: passing(1, 1, 1024, "channel", "ring", "ring-spin"), published: correctedQueue("139", "84"),
	},
	{
		name: "read-contention", about: "one producer, 8 consumers, room for 1024 items", holds: true,
		impls: passing(1, 8, 1024, "channel", "ring", "ring-spin"), published: append(readContention, correctedQueue("411", "111")...),
	},
	{
		name: "write-contention", about: "8 producers, one consumer, room for 1024 items", holds: true,
		impls: passing(8, 1, 1024, "channel", "ring", "ring-spin"), published: correctedQueue("212", "117"),
	},
	{
		name: "contention", about: "8 producers, 8 consumers, room for 1024 items", holds: true,
		impls: passing(8, 8, 1024, "channel", "ring", "ring-spin"), published: correctedQueue("220", "108"),
	},
	{
		name: "crowd", about: "1000 producers, 1000 consumers, room for 128 items", holds: true,
		impls: passing(1000, 1000, 128, "channel", "ring", "ring-spin"), published: crowded,
	},
	{
		name: "false-sharing", about: "a goroutine for each P, and at least 2, each counting for itself, counters a cache line apart or next to each other",
		impls: countingApart(),
	},
	{
		name: "padding-1p1c", about: "one producer, one consumer, 1024 items, the ring with and without padding", holds: true,
		impls: passing(1, 1, 1024, "padded", "unpadded"), published: paddingSingle,
	},
	{
		name: "padding-10p10c", about: "10 producers, 10 consumers, 1024 items, the ring with and without padding", holds: true,
		impls: passing(10, 10, 1024, "padded", "unpadded", "channel"), published: paddingMany,
	},
	{
		name: "defer", about: "one goroutine locks, counts and unlocks, with defer or without", holds: true,
		impls: unlocking(), published: deferring,
	},
	{
		name: "lock", about: "one goroutine counts under a lock", holds: true,
		impls: locking(alone),
	},
	{
		name: "lock-contended", about: "8 goroutines, or one for each P, count under one lock", holds: true,
		impls: locking(crowd),
	},
	{
		name: "flag", about: "one goroutine flips a flag",
		impls: flipping(alone),
	},
	{
		name: "flag-contended", about: "8 goroutines, or one for each P, flip one flag",
		impls: flipping(crowd),
	},
	{
		name: "flag-read", about: "one goroutine reads a flag",
		impls: flagReading(alone), published: flagAlone,
	},
	{
		name: "flag-read-contended", about: "8 goroutines, or one for each P, read one flag",
		impls: flagReading(crowd), published: flagCrowded,
	},
	{
		name: "set", about: "one goroutine adds keys to a set, under a mutex or by sending them to its keeper",
		impls: adding(alone), published: setAlone,
	},
	{
		name: "set-contended", about: "8 goroutines, or one for each P, add keys to one set",
		impls: adding(crowd), published: setCrowded,
	},
	{
		name: "read", about: "8 goroutines, or one for each P, read a map of 1024 keys", holds: true,
		impls: reading(0), published: distributed,
	},
	{
		name: "read-mostly", about: "the same with one write in 1000 operations", holds: true,
		impls: reading(1000), published: distributed,
	},
	{
		name: "alloc", about: "10 goroutines take, fill and drop a message of 256 bytes: a new one, or one from a sync.Pool", holds: true,
		impls: allocating(), published: allocation,
	},
	{
		name: "snapshot", about: "8 goroutines, or one for each P, take snapshots of a map of 1000 keys and read all of each",
		impls: snapping(readBack), published: snapshotting,
	},
	{
		name: "snapshot-update", about: "the same map, but write before and after each snapshot and read one key of it",
		impls: snapping(writeBack),
	},
	{
		name: "snapshot-rare", about: "the same map, but write to it, with a snapshot read back in one of 1000 operations",
		impls: snapping(writeMostly),
	},
	{
		name: "subscribe-1-1", about: "8 goroutines, or one for each P, change and look up subscriptions to topics, 1:1",
		impls: subscribing(2), published: append(subscriptions, subscriptionsTimed...),
	},
	{
		name: "subscribe-1-3", about: "the same, 1:3",
		impls: subscribing(4), published: subscriptions,
	},
}

// lookup returns the row of that name, and whether there is one.
func lookup(name string) (row, bool) {
	for _, r := range rows {
		if r.name == name {
			return r, true
		}
	}
	return row{}, false
}

func (r row) impl(name string) (impl, bool) {
	for _, i := range r.impls {
		if i.name == name {
			return i, true
		}
	}
	return impl{}, false
}

// names lists the rows.
func names() []string {
	var names []string
	for _, r := range rows {
		names = append(names, r.name)
	}
	return names
}
