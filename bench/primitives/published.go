package primitives

import "github.com/contend-go/contend/bench/sample"

// published is a figure that others printed. It stands beside ours, marked as
// theirs: another machine, another Go, and often another procedure. Sources:
// "So You Wanna Go Fast?" (February 2016; code tylertreat/go-benchmarks), and
// its author's corrections (2017; code tylertreat/go-fast).
type published struct {
	year      string
	procedure string
	procs     string // GOMAXPROCS; empty where it was not stated
	impl      string // of the row, or the published name where there is none such
	figure    string
}

const (
	original  = "2016"
	corrected = "2017"

	notStated = "chart only"
)

// pair is a figure at 1 and at 8 procs.
func pair(year, procedure, impl, one, eight string) []published {
	return []published{{year, procedure, "1", impl, one}, {year, procedure, "8", impl, eight}}
}

func join(lists ...[]published) (all []published) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

const (
	capacityOne = "capacity 1, consumer not awaited; a ring of capacity 1 never reports full, so nothing was delivered"
	thousandOne = "capacity 100 (ring 128), 1 producer, 1000 consumers of N/1000 each"
	thousands   = "capacity 100, 1000 producers and 1000 consumers of N each: an operation is 1000 items"
	eightEach   = "capacity 1024, 8 workers of N/8 each, consumers awaited"
	unequalMaps = "100 goroutines per operation, maps of 1,000 and of 20,000 entries, snapshots not read"
	paddedTwice = "ring of N, boxed int; both variants were the padded one"
)

var (
	smallQueue = join(
		pair(original, capacityOne, "channel", "512 ns/op", "542 ns/op"),
		pair(original, capacityOne, "ring", "80.9 ns/op", "182 ns/op"))
	readContention = join(
		pair(original, thousandOne, "channel", "148 ns/op", "3105 ns/op"),
		pair(original, thousandOne, "ring", "390195 ns/op", "411 ns/op"))
	crowded = join(
		pair(original, thousands, "channel", "160892 ns/op", "314428 ns/op"),
		pair(original, thousands, "ring", "806834344 ns/op", "182557 ns/op"))
	paddingSingle = []published{
		{original, paddedTwice, "8", "unpadded", "156 ns/op"},
		{original, paddedTwice, "8", "padded", "132 ns/op"},
	}
	paddingMany = []published{
		{original, paddedTwice + "; 100 + 100 goroutines of N each", "8", "unpadded", "27763 ns/op"},
		{original, paddedTwice + "; 100 + 100 goroutines of N each", "8", "padded", "17860 ns/op"},
		{corrected, "10 + 10 goroutines", "2", "padded", "54 ns/op"},
		{corrected, "10 + 10 goroutines", "2", "unpadded", "134 ns/op"},
		{corrected, "10 + 10 goroutines", "2", "channel", "267 ns/op"},
		{corrected, "10 + 10 goroutines", "16", "padded", "159 ns/op"},
		{corrected, "10 + 10 goroutines", "16", "unpadded", "188 ns/op"},
		{corrected, "10 + 10 goroutines", "16", "channel", "729 ns/op"},
	}
	deferring = []published{
		{original, "uncontended", "8", "defer", "96.6 ns/op"},
		{original, "uncontended", "8", "plain", "19.5 ns/op"},
	}
	allocation = []published{
		{original, "10 goroutines of N each; today's Go removes the allocation", "8", "new", "337 ns/op"},
		{original, "10 goroutines of N each", "8", "pool", "65.5 ns/op"},
	}
	snapshotting = []published{
		{original, unequalMaps, "8", "locked", "9941784 ns/op"},
		{original, unequalMaps, "8", "trie", "90412 ns/op"},
	}
	subscriptions = []published{
		{original, "inserts and lookups, 1 to 16 goroutines", "", "lock-free", notStated + ": it scales better"},
	}
	subscriptionsTimed = join(
		pair(corrected, "16 goroutines, 50:50, a whole run", "locked", "222 ms", "184 ms"),
		pair(corrected, "16 goroutines, 50:50, a whole run", "lock-free", "162 ms", "45 ms"))
	setAlone = []published{
		{corrected, "as a set, uncontended", "", "mutex", "17.7 ns/op"},
		{corrected, "as a set, uncontended", "", "channel", "91.3 ns/op"},
		{corrected, "as a set, uncontended", "", "unbuffered", "232 ns/op"},
	}
	setCrowded = []published{
		{corrected, "as a set, contended", "", "mutex", "103 ns/op"},
		{corrected, "as a set, contended", "", "channel", "236 ns/op"},
		{corrected, "as a set, contended", "", "unbuffered", "548 ns/op"},
	}
	flagAlone = []published{
		{corrected, "flag, uncontended", "", "mutex", "16.3 ns/op"},
		{corrected, "flag, uncontended", "", "atomic", "0.33 ns/op"},
	}
	flagCrowded = []published{
		{corrected, "flag, contended", "", "mutex", "77.8 ns/op"},
		{corrected, "flag, contended", "", "atomic", "10.8 ns/op"},
	}
	distributed = []published{
		{corrected, "RWMutex, distributed RWMutex, padded, atomic.Value, 1 to 64 cores", "", "rwmutex", notStated},
	}
)

// correctedQueue is what the corrected queue rows printed.
func correctedQueue(channel, ring string) []published {
	return []published{
		{corrected, eightEach, "", "channel", channel + " ns/op"},
		{corrected, eightEach, "", "ring", ring + " ns/op"},
	}
}

// record is a published figure as it travels in the samples file.
func (p published) record(row string) sample.Record {
	fields := []sample.Field{{Key: "row", Value: row}, {Key: "impl", Value: p.impl}}
	if p.procs != "" {
		fields = append(fields, sample.Field{Key: sample.GOMAXPROCS, Value: p.procs})
	}
	return sample.Record{Verb: "published", Fields: append(fields,
		sample.Field{Key: "year", Value: p.year}, sample.Field{Key: "figure", Value: p.figure}, sample.Field{Key: "procedure", Value: p.procedure})}
}
