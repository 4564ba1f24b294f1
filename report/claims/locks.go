package claims

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/internal/derive"
)

// lockClaim is a statement about distributed locks, and what must have been seen
// for it: all of its observations and gains.
type lockClaim struct {
	statement string
	seen      []observation
	gains     []gain
}

// observation is a count of cells of lock services: it must be above 0 in some
// sample, or in none.
type observation struct {
	service, fault, fence string // an empty fence is either
	unit                  string
	some                  bool
}

// gain is how a unit of a service without a fault changes when one key of its cells
// does: the whole interval of the ratio must lie beyond the limit.
type gain struct {
	unit          quantity
	service, at   string // at: other flags and their values, "clients=8 hold=0s"; service: empty if it is the key
	key, from, to string
	beyond        limit
	below         bool // it has to lie below the limit, not above
}

// fewSamples is how many samples it takes to say that something was never seen.
const fewSamples = 3

// lockClaims is the one list of them.
var lockClaims = []lockClaim{
	{statement: "A reservation server that keeps its locks in memory lets a second holder in when it is restarted.", seen: []observation{
		{"lease", "lose-memory", "", "overlaps", true},
	}},
	{statement: "One that stores each grant before it answers does not, and its tokens go on.", seen: []observation{
		{"lease-bbolt", "restart-server", "", "overlaps", false},
		{"lease-bbolt", "kill-server", "", "overlaps", false},
		{"lease-bbolt", "kill-server", "", "tokens-fell", false},
	}},
	{statement: "When its time has passed, a lock of a dead client is free for others.", seen: []observation{
		{"lease", "kill-holder", "", "waiting", false},
		{"lease", "kill-holder", "", "overlaps", false},
	}},
	{statement: "A client that was stopped after it had made sure of its lease writes all the same, whatever service it locked with.", seen: []observation{
		{"lease", "pause-holder", "off", "stale-accepted", true},
		{"miniredis", "pause-holder", "off", "stale-accepted", true},
		{"etcd", "pause-holder", "off", "stale-accepted", true},
	}},
	{statement: "A resource that refuses old tokens keeps such writes out.", seen: []observation{
		{"lease", "pause-holder", "on", "stale-accepted", false},
		{"miniredis", "pause-holder", "on", "stale-accepted", false},
		{"etcd", "pause-holder", "on", "stale-accepted", false},
	}},
	{statement: "A lock service tells a holder that is cut off of its loss before it lets another in.", seen: []observation{
		{"etcd", "partition", "", "overlaps", false},
	}},
	{statement: "A lock in a replicated log without a lease has one holder under a partition, and a dead client locks all others out.", seen: []observation{
		{"raft", "partition", "", "overlaps", false},
		{"raft", "kill-holder", "", "waiting", true},
	}},
	{statement: "Who puts the change itself into the log needs no lock: the majority goes on under a partition, and no change is lost.", seen: []observation{
		{"raft", "partition", "", "granted-in-fault", false},
		{"raft-log", "partition", "", "granted-in-fault", true},
		{"raft-log", "partition", "", "lost/op", false},
		{"raft-log", "kill-holder", "", "waiting", false},
	}},
	{statement: "With a lease nobody is locked out, at the price of a second holder when the first is stopped.", seen: []observation{
		{"raft-lease", "kill-holder", "", "waiting", false},
		{"raft-lease", "pause-holder", "", "overlaps", true},
	}},
	{statement: "A key added to memcached excludes by chance only: it is gone after a restart, when room is needed, and when its time is over.", seen: []observation{
		{"memcached", "restart-server", "", "overlaps", true},
		{"memcached", "evict", "", "overlaps", true},
		{"memcached", "pause-holder", "", "overlaps", true},
	}},
	{statement: "A lock in Redis that stores nothing lets a second holder in when Redis is restarted.", seen: []observation{
		{"redis", "restart-server", "", "overlaps", true},
	}},
	{statement: "Five independent Redis servers (redsync) bear that one of them loses what it holds, which one server does not; they do not bear it of all.", seen: []observation{
		{"redsync-1", "restart-server", "", "overlaps", true},
		{"redsync-5", "restart-server", "", "overlaps", false},
		{"redsync-5", "lose-memory", "", "overlaps", true},
	}},
	{statement: "A lock that ends with a database's connection cannot be taken from a holder that is stopped or cut off: the others stand still.", seen: []observation{
		{"pg-advisory", "pause-holder", "", "granted-in-fault", false},
		{"pg-row", "pause-holder", "", "granted-in-fault", false},
		{"pg-table", "pause-holder", "", "granted-in-fault", false},
		{"pg-advisory", "partition", "", "granted-in-fault", false},
	}},
	{statement: "Such a lock is gone when the database is restarted, and its holder is not told.", seen: []observation{
		{"pg-advisory", "restart-server", "", "overlaps", true},
		{"pg-row", "restart-server", "", "overlaps", true},
		{"pg-table", "restart-server", "", "overlaps", true},
	}},
	{statement: "A lease in a row survives that, and others go on when its holder is cut off; who was stopped does not know of it.", seen: []observation{
		{"pg-lease", "restart-server", "", "overlaps", false},
		{"pg-lease", "kill-server", "", "overlaps", false},
		{"pg-lease", "partition", "", "overlaps", false},
		{"pg-lease", "partition", "", "granted-in-fault", true},
		{"pg-lease", "pause-holder", "", "overlaps", true},
	}},
	{statement: "Transactions that read and write several tables fail because of each other; under a lock taken before they begin, none does.", seen: []observation{
		{"pg-cycle", "none", "", "refused/op", true},
		{"pg-cycle", "none", "", "lost/op", false},
		{"pg-cycle-locked", "none", "", "refused/op", false},
		{"pg-cycle-locked", "none", "", "lost/op", false},
	}},
	{statement: "Writes that are spread over more tables go faster where each takes its table's lock, and no faster where rows are only added.", gains: []gain{
		{rate, "pg-table", "clients=8", "locks", "1", "16", small, false},
		{rate, "pg-insert", "clients=8", "locks", "1", "16", small, true},
	}},
	{statement: "A queue whose items are reserved goes faster with more clients, and a lock does not.", gains: []gain{
		{rate, "pg-queue", "locks=1", "clients", "1", "8", small, false},
		{rate, "pg-row", "locks=1", "clients", "1", "8", small, true},
	}},
	{statement: "Of such a queue no item is handed out twice, unless its time is over: then a stopped client and another have it, and the item's token keeps the first one out.", seen: []observation{
		{"pg-queue", "none", "", "twice", false},
		{"pg-queue", "pause-holder", "", "twice", true},
		{"pg-queue", "pause-holder", "off", "stale-accepted", true},
		{"pg-queue", "pause-holder", "on", "stale-accepted", false},
	}},
	{statement: "Two-phase commit blocks all others when its coordinator dies; a saga goes on, and others work on what is between its steps.", seen: []observation{
		{"pg-2pc", "none", "", "overlaps", false},
		{"pg-2pc", "kill-holder", "", "granted-in-fault", false},
		{"pg-2pc", "kill-holder", "", "waiting", true},
		{"pg-saga", "kill-holder", "", "granted-in-fault", true},
		{"pg-saga", "kill-holder", "", "waiting", false},
		{"pg-saga", "none", "", "overlaps", true},
	}},
	{statement: "A client that ends its session by its own clock, as ours of ZooKeeper does, is out before another is let in when the network is cut.", seen: []observation{
		{"zk", "partition", "", "overlaps", false},
		{"zk", "partition", "", "granted-in-fault", true},
	}},
	{statement: "Where each part of a divided group goes on (JGroups), each has a holder, and when it is one group again some who wait are forgotten.", seen: []observation{
		{"jgroups", "partition", "", "overlaps", true},
		{"jgroups", "partition", "", "waiting", true},
	}},
	{statement: "A store with conditional writes is enough for a lease, and a dead client locks nobody out: who waits watches a version, and no clocks are compared.", seen: []observation{
		{"dynamo", "kill-holder", "", "waiting", false},
		{"dynamo", "kill-holder", "", "overlaps", false},
		{"dynamo", "partition", "", "overlaps", false},
	}},
	{statement: "To sync a log before each answer costs an order of magnitude at eight clients; to sync it at intervals costs little.", gains: []gain{
		{rate, "", "clients=8", "service", "natslog-always", "natslog-never", order, false},
		{rate, "", "clients=8", "service", "natslog-interval", "natslog-never", small, true},
	}},
	{statement: "An item of a work queue (NATS) is handed out twice when its time is over, and at once when the server is restarted; its token keeps the late one out.", seen: []observation{
		{"nats-queue", "none", "", "twice", false},
		{"nats-queue", "pause-holder", "", "twice", true},
		{"nats-queue", "restart-server", "", "overlaps", true},
		{"nats-queue", "pause-holder", "off", "stale-accepted", true},
		{"nats-queue", "pause-holder", "on", "stale-accepted", false},
	}},
	{statement: "Offered twice what it can carry, a service behind a queue without a bound answers most too late, for the queue only grows; behind a bounded one it refuses what is too much, goes on, and does the rest in time.",
		seen: []observation{
			{"nats-unbounded", "none", "", "refused/op", false},
			{"nats-bounded", "none", "", "refused/op", true},
			{"nats-bounded", "none", "", "lost/op", false},
			{"nats-bounded", "none", "", "waiting", false},
		},
		gains: []gain{
			{timely, "", "clients=16 ttl=100ms hold=0s load=open rate=200%", "service", "nats-bounded", "nats-unbounded", half, true},
			{carried, "", "clients=16 ttl=100ms hold=0s load=open rate=200%", "service", "nats-bounded", "nats-unbounded", order, false},
		}},
	{statement: "Work that may be done twice needs no lock where its result is stored by a key: nothing is lost or counted twice, also when a worker dies, and eight clients get more done than under a lock of the same database.",
		seen: []observation{
			{"pg-idempotent", "none", "", "lost/op", false},
			{"pg-idempotent", "kill-holder", "", "lost/op", false},
			{"pg-idempotent", "kill-holder", "", "waiting", false},
			{"pg-idempotent", "restart-server", "", "lost/op", false},
		},
		gains: []gain{{rate, "", "clients=8 hold=0s", "service", "pg-row", "pg-idempotent", small, false}}},
	{statement: "Additions need no lock where each node counts its own and a reader merges: none is lost, who is cut off or stopped holds nobody up, and it goes faster than under a lock in memory, and far faster than under one in a database.",
		seen: []observation{
			{"merge", "none", "", "lost/op", false},
			{"merge", "partition", "", "lost/op", false},
			{"merge", "partition", "", "granted-in-fault", true},
			{"merge", "pause-holder", "", "granted-in-fault", true},
			{"merge", "kill-server", "", "lost/op", false},
		},
		gains: []gain{
			{rate, "", "clients=8 hold=0s", "service", "lease", "merge", small, false},
			{rate, "", "clients=8 hold=0s", "service", "pg-row", "merge", order, false},
		}},
}

// What an open load has, beside rate.
const (
	timely  quantity = "timely/s"
	carried quantity = "carried-p99-ns"
)

// LockAnswer is the judgement of one claim about locks.
type LockAnswer struct {
	Number    int      `json:"claim"`
	Statement string   `json:"statement"`
	Verdict   Verdict  `json:"verdict"`
	Evidence  []string `json:"evidence"`
	Again     string   `json:"again"` // the command that measures it
}

// What such a cell has where a claim does not say: clients, a lease, of which a cell with a fault takes
// several, and, where rates are compared, how long locks are held. A cell with a fault is repeated in a third of the
// blocks, and three samples tell that something was never seen.
const (
	studyClients = "4"
	studyTTL     = "1s"
	studyHold    = "1ms"
	studyCount   = 8
)

// LockCells are the cells that the claims about locks need, each as values of the flags of a sweep.
func LockCells() (list []map[string]string) {
	for i := range lockClaims {
		list = append(list, lockClaims[i].cells()...)
	}
	return list
}

func (c *lockClaim) cells() (list []map[string]string) {
	for _, o := range c.seen {
		cell := map[string]string{"service": o.service, "fault": o.fault, "clients": studyClients, "ttl": studyTTL}
		if o.fence != "" {
			cell["fence"] = o.fence
		}
		list = append(list, cell)
	}
	for _, g := range c.gains {
		for _, v := range []string{g.from, g.to} {
			cell := map[string]string{"service": g.service, "fault": "none", "hold": studyHold}
			maps.Copy(cell, g.keys())
			cell[g.key] = v
			list = append(list, cell)
		}
	}
	return list
}

// again is the command that measures what the claim needs.
func (c *lockClaim) again() string {
	values := map[string][]string{}
	for _, cell := range c.cells() {
		for flag, v := range cell {
			if !slices.Contains(values[flag], v) {
				values[flag] = append(values[flag], v)
			}
		}
	}
	b := strings.Builder{}
	b.WriteString("contend-locks sweep")
	for _, flag := range []string{"service", "fault", "fence", "clients", "locks", "hold", "ttl", "load", "rate"} {
		if v := values[flag]; len(v) > 0 {
			fmt.Fprintf(&b, " --%s %s", flag, strings.Join(v, ","))
		}
	}
	fmt.Fprintf(&b, " --count %d", studyCount)
	return b.String()
}

// JudgeLocks judges the claims about lock services; none if the set has no samples
// of such.
func JudgeLocks(set *sample.Set) (answers []LockAnswer) {
	if !slices.ContainsFunc(set.Samples, func(s *sample.Sample) bool { return s.Name.Base == lockName }) {
		return nil
	}
	for i, c := range lockClaims {
		a := LockAnswer{Number: i + 1, Statement: c.statement, Verdict: Confirmed, Again: c.again()}
		for _, o := range c.seen {
			a.take(o.judge(set))
		}
		for _, g := range c.gains {
			a.take(g.judge(set))
		}
		answers = append(answers, a)
	}
	return answers
}

// lockName is the base of the names of all cells of lock services.
const lockName = "Lock"

// take adds the evidence of one part of the claim.
func (a *LockAnswer) take(v Verdict, evidence string) {
	a.Evidence = append(a.Evidence, evidence)
	switch {
	case v == Refuted:
		a.Verdict = Refuted
	case v == CannotTell && a.Verdict == Confirmed:
		a.Verdict = CannotTell
	}
}

// judge compares the two cells that are alike but for the key. Where there are several
// such pairs, it is the one whose locks are held longest.
func (g gain) judge(set *sample.Set) (v Verdict, evidence string) {
	what := fmt.Sprintf("%s of %s at %s: %s=%s ÷ %s=%s", g.unit, cmp.Or(g.service, "services"), g.at, g.key, g.to, g.key, g.from)
	cells := map[string]map[string][]*sample.Sample{} // by the rest of the name, and the key's value
	for _, s := range set.Samples {
		if s.Name.Base != lockName || !s.Valid() || !g.fits(s.Name) {
			continue
		}
		rest := s.Name.Without(g.key)
		if cells[rest] == nil {
			cells[rest] = map[string][]*sample.Sample{}
		}
		value, _ := s.Name.Get(g.key)
		cells[rest][value] = append(cells[rest][value], s)
	}
	var from, to []*sample.Sample
	longest := time.Duration(-1)
	for _, rest := range slices.Sorted(maps.Keys(cells)) {
		as, bs := cells[rest][g.to], cells[rest][g.from]
		if len(as) > 0 && len(bs) > 0 && hold(as[0].Name) > longest {
			to, from, longest = as, bs, hold(as[0].Name)
		}
	}
	if longest < 0 {
		return CannotTell, what + ": not measured"
	}
	e := derive.Ratio(to, from, g.unit.of)
	what += fmt.Sprintf(", held %v", longest)
	if !e.Interval() {
		return CannotTell, fmt.Sprintf("%s: %s of each cell, too few for an interval, which takes %d in the same blocks", what, derive.Plural(e.N, "sample"), derive.MinN)
	}
	side, yes, no := "above", e.Above(g.beyond.value), e.Below(g.beyond.value)
	if g.below {
		side, yes, no = "below", no, yes
	}
	evidence = fmt.Sprintf("%s: %.3g, 95%% interval %.3g to %.3g; needs %s %v", what, e.Median, e.Lo, e.Hi, side, g.beyond)
	switch {
	case yes:
		return Confirmed, evidence
	case no:
		return Refuted, evidence
	}
	return CannotTell, evidence
}

// keys are the flags of at.
func (g gain) keys() map[string]string {
	m := map[string]string{}
	for word := range strings.FieldsSeq(g.at) {
		key, value, _ := strings.Cut(word, "=")
		m[key] = value
	}
	return m
}

// fits reports whether a cell is one of the two, or like one. Names say that a load is
// open by its rate, and nothing of locks that are not held any longer than it takes.
func (g gain) fits(n *sample.Name) bool {
	want := g.keys()
	delete(want, "load")
	if want["hold"] == "0s" {
		want["hold"] = ""
	}
	want["service"], want["fault"] = g.service, "none"
	if _, open := want["rate"]; !open {
		want["rate"] = "" // a closed loop has none
	}
	for k, v := range want {
		if got, _ := n.Get(k); got != v && k != g.key {
			return false
		}
	}
	return true
}

// hold is how long a cell's locks are held.
func hold(n *sample.Name) time.Duration {
	text, _ := n.Get("hold")
	d, _ := time.ParseDuration(text) // 0 where the name does not say it
	return d
}

// judge counts the samples of the observation's cells.
func (o observation) judge(set *sample.Set) (v Verdict, evidence string) {
	n, seen := 0, 0
	for _, s := range set.Samples {
		if s.Name.Base != lockName || !s.Valid() || !o.fits(s.Name) {
			continue
		}
		if x, ok := s.Value(o.unit); ok {
			n++
			if x > 0 {
				seen++
			}
		}
	}
	what := fmt.Sprintf("%s under %s", o.service, o.fault)
	if o.fence != "" {
		what += ", fence " + o.fence
	}
	evidence = fmt.Sprintf("%s: %s in %d of %s", what, o.unit, seen, derive.Plural(n, "sample"))
	switch {
	case n == 0:
		return CannotTell, what + ": not measured"
	case o.some && seen > 0, !o.some && seen == 0 && n >= fewSamples:
		return Confirmed, evidence
	case !o.some && seen > 0, o.some && n >= fewSamples:
		return Refuted, evidence
	}
	return CannotTell, fmt.Sprintf("%s; that something never happens takes %d", evidence, fewSamples)
}

func (o observation) fits(n *sample.Name) bool {
	for key, want := range map[string]string{"service": o.service, "fault": o.fault, "fence": o.fence} {
		if got, _ := n.Get(key); want != "" && got != want {
			return false
		}
	}
	return true
}

// WriteLocks prints the answers for a person.
func WriteLocks(w io.Writer, answers []LockAnswer) error {
	var b strings.Builder
	n := map[Verdict]int{}
	b.WriteString("Claims about distributed locks, by what was seen here:\n")
	for _, a := range answers {
		n[a.Verdict]++
		fmt.Fprintf(&b, "\n%d. %s\n   %s\n", a.Number, a.Statement, a.Verdict)
		for _, e := range a.Evidence {
			fmt.Fprintf(&b, "     %s\n", e)
		}
		fmt.Fprintf(&b, "     again: %s\n", a.Again)
	}
	fmt.Fprintf(&b, "\n%d confirmed, %d refuted, %d cannot tell.\n", n[Confirmed], n[Refuted], n[CannotTell])
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteLocksJSON prints them for a program.
func WriteLocksJSON(w io.Writer, answers []LockAnswer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(answers)
}
