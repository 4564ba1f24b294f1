package claims

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/contend-go/contend/bench/sample"
)

// lockSet is samples of locks: each line is "service fault fence" and then the
// values.
func lockSet(t *testing.T, lines ...string) *sample.Set {
	t.Helper()
	text := ""
	for _, l := range lines {
		f := strings.SplitN(l, " ", 4)
		text += "BenchmarkLock/fault=" + f[1] + "/fence=" + f[2] + "/clients=4/service=" + f[0] + " 10 1 ns/op " + f[3] + "\n"
	}
	set := new(sample.Set)
	if err := set.Read(strings.NewReader(text), "locks"); err != nil || len(set.Samples) != len(lines) {
		t.Fatal(err, len(set.Samples))
	}
	return set
}

// TestJudgeLocks: what must happen needs one sample, what must not needs several,
// and one that contradicts is enough.
func TestJudgeLocks(t *testing.T) {
	verdicts := func(lines ...string) []Verdict {
		var v []Verdict
		for _, a := range JudgeLocks(lockSet(t, lines...)) {
			v = append(v, a.Verdict)
		}
		return v
	}
	const etcd = "etcd partition on 0 overlaps"
	for name, c := range map[string]struct {
		lines []string
		claim int
		want  Verdict
	}{
		"seen once":               {[]string{"lease lose-memory on 0 overlaps", "lease lose-memory off 3 overlaps"}, 1, Confirmed},
		"not seen in one":         {[]string{"lease lose-memory on 0 overlaps"}, 1, CannotTell},
		"never seen in three":     {[]string{"lease lose-memory on 0 overlaps", "lease lose-memory on 0 overlaps", "lease lose-memory on 0 overlaps"}, 1, Refuted},
		"must not, three without": {[]string{etcd, etcd, etcd}, 6, Confirmed},
		"must not, one without":   {[]string{etcd}, 6, CannotTell},
		"must not, one with":      {[]string{etcd, etcd, etcd, "etcd partition on 1 overlaps"}, 6, Refuted},
		"other fence":             {[]string{"lease pause-holder on 0 stale-accepted"}, 4, CannotTell},
		"one part is missing":     {[]string{"raft kill-holder on 1 waiting"}, 7, CannotTell},
	} {
		if got := verdicts(c.lines...); len(got) != len(lockClaims) || got[c.claim-1] != c.want {
			t.Errorf("%s: %q, want claim %d %s", name, got, c.claim, c.want)
		}
	}
	if got := JudgeLocks(new(sample.Set)); got != nil {
		t.Errorf("answers from nothing: %v", got)
	}
	var b bytes.Buffer
	if err := WriteLocks(&b, JudgeLocks(lockSet(t, etcd, etcd, etcd))); err != nil || !strings.Contains(b.String(), "6. A lock service tells") || !strings.Contains(b.String(), "overlaps in 0 of 3 samples") || !strings.Contains(b.String(), fmt.Sprintf("1 confirmed, 0 refuted, %d cannot tell.", len(lockClaims)-1)) {
		t.Errorf("%v\n%s", err, &b)
	}
}

// TestJudgeGains: a ratio of rates decides if its whole interval is on one side of the
// limit, and is of cells that are alike but for one key.
func TestJudgeGains(t *testing.T) {
	// spread are eight samples of one cell, with rates around the given one.
	spread := func(service, locks, hold string, rate float64) (text string) {
		for _, f := range []float64{.98, .985, .99, 1, 1, 1.01, 1.015, 1.02} {
			text += fmt.Sprintf("BenchmarkLock/fault=none/locks=%s/hold=%s/clients=8/service=%s 10 1 ns/op %g ops/s\n", locks, hold, service, rate*f)
		}
		return text
	}
	for name, c := range map[string]struct {
		text string
		want Verdict
		says string
	}{
		"as claimed":              {spread("pg-table", "1", "2ms", 100) + spread("pg-table", "16", "2ms", 400) + spread("pg-insert", "1", "2ms", 900) + spread("pg-insert", "16", "2ms", 910), Confirmed, "locks=16 ÷ locks=1, held 2ms: 4, 95% interval"},
		"no gain":                 {spread("pg-table", "1", "2ms", 100) + spread("pg-table", "16", "2ms", 100), Refuted, "held 2ms: 1,"},
		"gain where none must be": {spread("pg-insert", "1", "2ms", 100) + spread("pg-insert", "16", "2ms", 300), Refuted, "held 2ms: 3,"},
		"about the limit":         {spread("pg-table", "1", "2ms", 100) + spread("pg-table", "16", "2ms", 125), CannotTell, "needs above 1.25"},
		"one half is missing":     {spread("pg-table", "1", "2ms", 100) + spread("pg-table", "16", "1ms", 400) + spread("pg-insert", "1", "2ms", 1) + spread("pg-insert", "16", "2ms", 1), CannotTell, "pg-table at clients=8: locks=16 ÷ locks=1: not measured"},
		"the longest hold":        {spread("pg-table", "1", "10ms", 100) + spread("pg-table", "16", "10ms", 100) + spread("pg-table", "1", "9ms", 100) + spread("pg-table", "16", "9ms", 400), Refuted, "held 10ms"},
		"too few":                 {strings.Join(strings.SplitAfter(spread("pg-table", "1", "2ms", 100)+spread("pg-table", "16", "2ms", 400), "\n")[5:11], ""), CannotTell, "too few"},
	} {
		set := new(sample.Set)
		if err := set.Read(strings.NewReader(c.text), "locks"); err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(lockClaims, func(c lockClaim) bool { return len(c.gains) > 0 && c.gains[0].service == "pg-table" })
		a := LockAnswer{Verdict: CannotTell}
		if answers := JudgeLocks(set); answers != nil {
			a = answers[i]
		}
		if a.Verdict != c.want || !strings.Contains(strings.Join(a.Evidence, "\n"), c.says) {
			t.Errorf("%s: %s, want %s with %q:\n%s", name, a.Verdict, c.want, c.says, strings.Join(a.Evidence, "\n"))
		}
	}
}

// TestGainOfService: where the key is the service, two services are compared, and
// faults are left out.
func TestGainOfService(t *testing.T) {
	text := ""
	for block := range 8 {
		f := 1 + float64(block)/1000
		for service, rate := range map[string]float64{"natslog-always": 100, "natslog-interval": 1500, "natslog-never": 1600} {
			text += fmt.Sprintf("BenchmarkLock/fault=none/clients=8/service=%s 10 1 ns/op %g ops/s\n", service, rate*f)
			text += fmt.Sprintf("BenchmarkLock/fault=kill-holder/clients=8/service=%s 10 1 ns/op %g ops/s\n", service, f)
		}
	}
	set := new(sample.Set)
	if err := set.Read(strings.NewReader(text), "locks"); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(lockClaims, func(c lockClaim) bool { return len(c.gains) > 0 && c.gains[0].key == "service" })
	a := JudgeLocks(set)[i]
	if evidence := strings.Join(a.Evidence, "\n"); a.Verdict != Confirmed || !strings.Contains(evidence, "services at clients=8: service=natslog-never ÷ service=natslog-always, held 0s: 16, 95% interval") {
		t.Errorf("%s:\n%s", a.Verdict, evidence)
	}
}

// TestGainOfOpenLoad: what an open load tells is compared at its rate alone, and what a
// closed loop tells is not taken from one; locks that are held for longer are other cells
// where a claim says how long.
func TestGainOfOpenLoad(t *testing.T) {
	const overload = "/rate=200%/clients=16"
	for name, c := range map[string]struct {
		unbounded, bounded float64
		where              string
		want               Verdict
	}{
		"as claimed":   {60, 400, overload, Confirmed},
		"no collapse":  {390, 400, overload, Refuted},
		"another rate": {60, 400, "/rate=50%/clients=16", CannotTell},
		"closed":       {60, 400, "/clients=16", CannotTell},
		"held":         {60, 400, "/hold=1ms" + overload, CannotTell},
	} {
		text := ""
		for block := range 8 {
			f := 1 + float64(block)/1000
			for service, v := range map[string]float64{"nats-unbounded": c.unbounded, "nats-bounded": c.bounded} {
				text += fmt.Sprintf("BenchmarkLock/fault=none/ttl=100ms%s/service=%s 10 %g timely/s\n", c.where, service, v*f)
			}
		}
		set := new(sample.Set)
		if err := set.Read(strings.NewReader(text), "locks"); err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(lockClaims, func(c lockClaim) bool { return len(c.gains) > 0 && c.gains[0].unit == timely })
		if v, evidence := lockClaims[i].gains[0].judge(set); v != c.want {
			t.Errorf("%s: %s, want %s: %s", name, v, c.want, evidence)
		}
	}
}
