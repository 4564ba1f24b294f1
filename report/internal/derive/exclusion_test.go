package derive

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// lockRun is a run of lock services with these rates, of which a lock is held by two in one sample of those that broke. Their names
// say what is no lock: log and saga do without, none is a floor.
func lockRun(rates map[string]int, broke ...string) string {
	var b strings.Builder
	b.WriteString("# contend protocol=1\n# run id=a\n# axis name=Lock key=clients series=service\n")
	for name := range rates {
		class := "lock"
		switch {
		case strings.HasPrefix(name, "log") || strings.HasPrefix(name, "saga"):
			class = "without-lock"
		case strings.HasPrefix(name, "none"):
			class = "floor"
		}
		fmt.Fprintf(&b, "# service name=%s class=%s excludes=none\n", name, class)
	}
	b.WriteString("usable-cpus: 2\n# begin\n")
	for block := range 6 {
		for name, rate := range rates {
			overlaps := 0
			for _, bad := range broke {
				if bad == name && block == 3 {
					overlaps = 1
				}
			}
			fmt.Fprintf(&b, "# sample cell=%s block=%d\nBenchmarkLock/fault=pause-holder/fence=on/clients=4/service=%s/gomaxprocs=2 10 %d ops/s %d overlaps\n", name, block, name, rate+block, overlaps)
		}
	}
	return b.String()
}

// TestBrokenLocksDoNotLead: a lock that two clients held at once is never the fastest, however few samples show it, and
// the views say so.
func TestBrokenLocksDoNotLead(t *testing.T) {
	v := New(read(t, lockRun(map[string]int{"lease": 8000, "redis": 5000, "owner": 3000}, "lease")))
	answer := v.Answers()[0]
	row := strings.Join(answer.Rows[0], "|")
	if !strings.HasPrefix(row, "clients=4|redis|5003|1.67× owner|") || !strings.HasSuffix(row, "|lease ✗") || answer.Columns[3] != "÷ next ranked" || !strings.Contains(answer.About, BrokenNote) {
		t.Errorf("%q: %s", row, answer.About)
	}
	if got := v.Facets[0].Findings[0].String(); !strings.Contains(got, "redis leads") || !strings.Contains(got, "lease did not exclude and does not compete") {
		t.Error(got)
	}
	if last := v.Facets[0].Contests[0].Ranks[2]; last.Name != "lease" || last.Standing != Broken {
		t.Errorf("%s stands as %d", last.Name, last.Standing)
	}
}

// TestOneLockExcluded: the only lock that excluded has nobody to be compared with; where none did, none leads.
func TestOneLockExcluded(t *testing.T) {
	rates := map[string]int{"lease": 8000, "redis": 5000}
	for _, c := range []struct {
		broke     []string
		row, what string
	}{
		{[]string{"lease"}, "clients=4|redis|5003|lease ✗", "only redis excluded"},
		{[]string{"lease", "redis"}, "clients=4|no lock excluded|lease ✗, redis ✗", "no lock that was measured here excluded, so none leads, lease and redis"},
	} {
		v := New(read(t, lockRun(rates, c.broke...)))
		if got := strings.Join(v.Answers()[0].Rows[0], "|"); got != c.row {
			t.Errorf("%v: %q, want %q", c.broke, got, c.row)
		}
		if got := v.Facets[0].Findings[0].String(); !strings.Contains(got, c.what) {
			t.Errorf("%v: %s", c.broke, got)
		}
	}
}

// TestBrokenLockDoesNotWaitLeast: nor is it the one whose callers wait least.
func TestBrokenLockDoesNotWaitLeast(t *testing.T) {
	var b strings.Builder
	b.WriteString("# contend protocol=1\n# run id=a\n# axis name=Lock key=rate series=service\nusable-cpus: 2\n# begin\n")
	for block := range 6 {
		for i, name := range []string{"lease", "owner", "redis"} {
			fmt.Fprintf(&b, "# sample cell=%s block=%d\nBenchmarkLock/fault=none/fence=on/rate=100/service=%s/gomaxprocs=2 10 100 offered/s 100 achieved/s %d p50-ns %d p99-ns %d overlaps\n", name, block, name, 1000*(i+1), 2000*(i+1), max(0, 1-i))
		}
	}
	v := New(read(t, b.String()))
	if fd := v.Facets[0].Findings[0]; fd.What != "callers of owner wait least" || !strings.HasPrefix(fd.More[0], "lease ✗") {
		t.Errorf("%+v", fd)
	}
	if answer := v.Answers()[0]; answer.Rows[0][0] != "lease ✗" || !strings.Contains(answer.About, BrokenNote) {
		t.Errorf("%+v", answer)
	}
}

// TestConditionsThatLackAKey: conditions without a key that others have say so, instead of nothing.
func TestConditionsThatLackAKey(t *testing.T) {
	v := New(read(t, "BenchmarkX/backend=a-2 1 10 ns/op\nBenchmarkX/processes=16/backend=a-2 1 10 ns/op\n"))
	var labels []string
	for _, f := range v.Facets {
		labels = append(labels, f.Label())
	}
	if got := strings.Join(labels, "|"); got != "without processes|processes=16" {
		t.Error(got)
	}
}

// TestNoun: readers are told of backends and services, and of series only where there is no better word.
func TestNoun(t *testing.T) {
	for text, want := range map[string]string{
		"BenchmarkX/backend=a-2 1 10 ns/op\n":                                                               "backend backends",
		"BenchmarkX/impl=a-2 1 10 ns/op\n":                                                                  "implementation implementations",
		"BenchmarkX-2 1 10 ns/op\nBenchmarkY-2 1 10 ns/op\n":                                                "benchmark benchmarks",
		"BenchmarkX/size=1-2 1 10 ns/op\nBenchmarkX/size=2-2 1 10 ns/op\n":                                  "series series",
		"BenchmarkX/backend=a-2 1 10 ns/op\nBenchmarkY/impl=a-2 1 10 ns/op\n":                               "backend or implementation backends and implementations",
		"# run id=a\n# axis name=L key=clients series=service\nBenchmarkL/clients=1/service=a 1 10 ns/op\n": "service services",
	} {
		v := New(read(t, text))
		if got := v.Noun() + " " + v.Nouns(); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// TestRankedApart: what does without a lock is never ranked beside locks, and neither leads the other's list.
func TestRankedApart(t *testing.T) {
	rates := map[string]int{"lease": 8000, "redis": 5000, "log": 30_000, "log2": 20_000, "none": 90_000}
	v := New(read(t, lockRun(rates)))
	answer := v.Answers()[0]
	var rows []string
	for _, row := range answer.Rows {
		rows = append(rows, strings.Join(row, "|"))
	}
	want := []string{"locks|clients=4|lease|8003|1.60× redis|1.60 to 1.60×|none (reference)", "without a lock|clients=4|log|30.0 k|1.50× log2|1.50 to 1.50×|"}
	if !slices.Equal(rows, want) || !strings.Contains(answer.About, aboutWithout) {
		t.Errorf("%q, want %q\n%s", rows, want, answer.About)
	}
	fs := v.Facets[0].Findings
	if fs[0].Kind != Leader || !strings.HasPrefix(fs[0].String(), "locks, clients=4: lease leads") || fs[1].Kind != Leader || !strings.HasPrefix(fs[1].String(), "without a lock, clients=4: log leads") {
		t.Errorf("%q, %q", fs[0].String(), fs[1].String())
	}
	leaders := 0
	for _, f := range v.Findings {
		if f.Kind == Leader {
			leaders++
		}
	}
	if leaders != 2 {
		t.Errorf("%d leaders among all findings", leaders)
	}
}

// TestSagaIsBroken: what does without a lock and lets two at the same thing is broken, and no reference.
func TestSagaIsBroken(t *testing.T) {
	v := New(read(t, lockRun(map[string]int{"lease": 8000, "redis": 5000, "log": 3000, "saga": 30_000}, "saga")))
	row := v.Answers()[0].Rows[1]
	if got := strings.Join(row, "|"); !strings.HasPrefix(got, "without a lock|clients=4|log|") || !strings.HasSuffix(got, "|saga ✗") {
		t.Error(got)
	}
	if got := v.Facets[0].Findings[1].String(); !strings.Contains(got, "saga did not exclude and does not compete") || strings.Contains(got, "synchronises nothing") {
		t.Error(got)
	}
}

// TestClassOfOldRuns: runs of before services recorded their class tell it by their promises.
func TestClassOfOldRuns(t *testing.T) {
	for text, want := range map[string]string{
		"excludes=none changes=false queue=false": "lock",
		"excludes=none changes=true queue=false":  "without-lock",
		"excludes=none changes=false queue=true":  "without-lock",
		"excludes=\"\" changes=false queue=false": "floor",
	} {
		set := read(t, "# run id=a\n# service name=x "+text+"\nBenchmarkLock/service=x 1 10 ns/op\n")
		if got := class(set.Records[0]); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// TestChanceIsNoWinner: where nobody can be told to be fastest, the column of the fastest says so.
func TestChanceIsNoWinner(t *testing.T) {
	var b strings.Builder
	b.WriteString("# contend protocol=1\n# run id=a\n# axis name=Lock key=clients series=service\nusable-cpus: 2\n# begin\n")
	for block := range 2 {
		fmt.Fprintf(&b, "# sample cell=a block=%d\nBenchmarkLock/clients=4/service=redsync-5/gomaxprocs=2 10 900 ops/s\n# sample cell=b block=%d\nBenchmarkLock/clients=4/service=zk/gomaxprocs=2 10 800 ops/s\n", block, block)
	}
	answer := New(read(t, b.String())).Answers()[0]
	if got := answer.Rows[0][1]; got != "cannot be told (highest median redsync-5)" || !strings.Contains(answer.About, aboutOpen) {
		t.Errorf("%q: %s", got, answer.About)
	}
}

// TestNotRankedByWait: nor are the callers of the two kinds held against each other.
func TestNotRankedByWait(t *testing.T) {
	var b strings.Builder
	b.WriteString("# contend protocol=1\n# run id=a\n# axis name=Lock key=rate series=service\n# service name=log class=without-lock\nusable-cpus: 2\n# begin\n")
	for block := range 6 {
		for i, name := range []string{"log", "owner", "redis"} {
			fmt.Fprintf(&b, "# sample cell=%s block=%d\nBenchmarkLock/rate=100/service=%s/gomaxprocs=2 10 100 offered/s 100 achieved/s %d p50-ns %d p99-ns\n", name, block, name, 1000*(i+1), 2000*(i+1))
		}
	}
	v := New(read(t, b.String()))
	if fs := v.Facets[0].Findings; fs[0].What != "callers of owner wait least" || fs[1].Where != groupWithout || strings.Contains(fs[1].What, "least") {
		t.Errorf("%+v", fs)
	}
	if rows := v.Answers()[0].Rows; rows[0][0] != groupLocks || rows[2][0] != groupWithout || rows[2][1] != "log" {
		t.Errorf("%q", rows)
	}
}
