package claims

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/contend-go/contend/bench/sample"
)

// lockClaim is a statement about distributed locks, and what must have been seen
// for it: all of its observations.
type lockClaim struct {
	statement string
	seen      []observation
}

// observation is a count of cells of lock services: it must be above 0 in some
// sample, or in none.
type observation struct {
	service, fault, fence string // an empty fence is either
	unit                  string
	some                  bool
}

// fewSamples is how many samples it takes to say that something was never seen.
const fewSamples = 3

// lockClaims is the one list of them.
var lockClaims = []lockClaim{
	{"A reservation server that keeps its locks in memory lets a second holder in when it is restarted.", []observation{
		{"lease", "lose-memory", "", "overlaps", true},
	}},
	{"One that stores each grant before it answers does not, and its tokens go on.", []observation{
		{"lease-bbolt", "restart-server", "", "overlaps", false},
		{"lease-bbolt", "kill-server", "", "overlaps", false},
		{"lease-bbolt", "kill-server", "", "tokens-fell", false},
	}},
	{"When its time has passed, a lock of a dead client is free for others.", []observation{
		{"lease", "kill-holder", "", "waiting", false},
		{"lease", "kill-holder", "", "overlaps", false},
	}},
	{"A client that was stopped after it had made sure of its lease writes all the same, whatever service it locked with.", []observation{
		{"lease", "pause-holder", "off", "stale-accepted", true},
		{"miniredis", "pause-holder", "off", "stale-accepted", true},
		{"etcd", "pause-holder", "off", "stale-accepted", true},
	}},
	{"A resource that refuses old tokens keeps such writes out.", []observation{
		{"lease", "pause-holder", "on", "stale-accepted", false},
		{"miniredis", "pause-holder", "on", "stale-accepted", false},
		{"etcd", "pause-holder", "on", "stale-accepted", false},
	}},
	{"A lock service tells a holder that is cut off of its loss before it lets another in.", []observation{
		{"etcd", "partition", "", "overlaps", false},
	}},
	{"A lock in a replicated log without a lease has one holder under a partition, and a dead client locks all others out.", []observation{
		{"raft", "partition", "", "overlaps", false},
		{"raft", "kill-holder", "", "waiting", true},
	}},
	{"Who puts the change itself into the log needs no lock: the majority goes on under a partition, and no change is lost.", []observation{
		{"raft", "partition", "", "granted-in-fault", false},
		{"raft-log", "partition", "", "granted-in-fault", true},
		{"raft-log", "partition", "", "lost/op", false},
		{"raft-log", "kill-holder", "", "waiting", false},
	}},
	{"With a lease nobody is locked out, at the price of a second holder when the first is stopped.", []observation{
		{"raft-lease", "kill-holder", "", "waiting", false},
		{"raft-lease", "pause-holder", "", "overlaps", true},
	}},
	{"A key added to memcached excludes by chance only: it is gone after a restart, when room is needed, and when its time is over.", []observation{
		{"memcached", "restart-server", "", "overlaps", true},
		{"memcached", "evict", "", "overlaps", true},
		{"memcached", "pause-holder", "", "overlaps", true},
	}},
	{"A lock in Redis that stores nothing lets a second holder in when Redis is restarted.", []observation{
		{"redis", "restart-server", "", "overlaps", true},
	}},
	{"Five independent Redis servers (redsync) bear that one of them loses what it holds, which one server does not; they do not bear it of all.", []observation{
		{"redsync-1", "restart-server", "", "overlaps", true},
		{"redsync-5", "restart-server", "", "overlaps", false},
		{"redsync-5", "lose-memory", "", "overlaps", true},
	}},
	{"A client that ends its session by its own clock, as ours of ZooKeeper does, is out before another is let in when the network is cut.", []observation{
		{"zk", "partition", "", "overlaps", false},
		{"zk", "partition", "", "granted-in-fault", true},
	}},
	{"Where each part of a divided group goes on (JGroups), each has a holder.", []observation{
		{"jgroups", "partition", "", "overlaps", true},
	}},
	{"A store with conditional writes is enough for a lease, and a dead client locks nobody out: who waits watches a version, and no clocks are compared.", []observation{
		{"dynamo", "kill-holder", "", "waiting", false},
		{"dynamo", "kill-holder", "", "overlaps", false},
		{"dynamo", "partition", "", "overlaps", false},
	}},
}

// LockAnswer is the judgement of one claim about locks.
type LockAnswer struct {
	Number    int      `json:"claim"`
	Statement string   `json:"statement"`
	Verdict   Verdict  `json:"verdict"`
	Evidence  []string `json:"evidence"`
}

// JudgeLocks judges the claims about lock services; none if the set has no samples
// of such.
func JudgeLocks(set *sample.Set) (answers []LockAnswer) {
	any := false
	for i, c := range lockClaims {
		a := LockAnswer{Number: i + 1, Statement: c.statement, Verdict: Confirmed}
		for _, o := range c.seen {
			v, evidence, measured := o.judge(set)
			any = any || measured
			a.Evidence = append(a.Evidence, evidence)
			switch {
			case v == Refuted:
				a.Verdict = Refuted
			case v == CannotTell && a.Verdict == Confirmed:
				a.Verdict = CannotTell
			}
		}
		answers = append(answers, a)
	}
	if !any {
		return nil
	}
	return answers
}

// judge counts the samples of the observation's cells.
func (o observation) judge(set *sample.Set) (v Verdict, evidence string, measured bool) {
	n, seen := 0, 0
	for _, s := range set.Samples {
		if s.Name.Base != "Lock" || !s.Valid() || !o.fits(s.Name) {
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
	evidence = fmt.Sprintf("%s: %s in %d of %d samples", what, o.unit, seen, n)
	switch {
	case n == 0:
		return CannotTell, what + ": not measured", false
	case o.some && seen > 0, !o.some && seen == 0 && n >= fewSamples:
		return Confirmed, evidence, true
	case !o.some && seen > 0, o.some && n >= fewSamples:
		return Refuted, evidence, true
	}
	return CannotTell, fmt.Sprintf("%s; that something never happens takes %d", evidence, fewSamples), true
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
