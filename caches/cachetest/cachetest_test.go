package cachetest

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestCorrectCachePasses runs the whole suite on the cache without a fault, or
// with the one that TestRerun asks for.
func TestCorrectCachePasses(t *testing.T) { Run(t, faultySpec(fault(os.Getenv("CACHETEST_FAULT")))) }

var faultRuns = flag.Int("faults.runs", 0, "how many quick runs TestFaultsAreCaught makes for each fault, of which nine in ten must find it; 0: up to three, of which one must")

// TestFaultsAreCaught is the mutation check: the correct cache with one fault
// at a time, and the check that has to catch it in a quick run.
func TestFaultsAreCaught(t *testing.T) {
	for _, c := range []struct {
		fault fault
		by    string // the check
		says  string // part of what it observed
	}{
		{"nil cache", "capacities", "neither a cache nor an error"},
		{"refuses at random", "capacities", "refused capacity 64"},
		{"capacity of one", "capacities", "faulty_test.go:"},

		{"another key's value", "identity", "stored for key"},
		{"torn value", "identity", "torn value"},
		{"copied value", "identity", "a copy of the value"},
		{"miss with a value", "identity", "a miss with a value"},
		{"hit without a value", "identity", "a hit without a value"},
		{"dropped Set", "presence", "missed right after their Set"},
		{"evicts without need", "presence", "keys missed though all fit"},
		{"late Set", "overwrite", "missed, want a hit"},
		{"overwrite ignored", "overwrite", "want that of write"},
		{"stale in place", "sequence", "want that of write"},
		{"lost Delete", "delete", "hit, want a miss"},
		{"Delete at times lost", "sequence", "want "},
		{"front cache outlives Delete", "delete", "hit, want a miss"},
		{"Len never zero", "len", "a new cache has Len 1"},
		{"Len one too many", "len", "but Get finds"},
		{"Len counts the deleted", "sequence", "Len is"},

		{"zero key unknown", "empty-key", "missed, want a hit"},
		{"high bits ignored", "empty-key", "stored for key"},
		{"key ends at a zero byte", "empty-key", "stored for key"},
		{"long key cut", "long-keys", "stored for key"},
		{"middle of the key unread", "long-keys", "stored for key"},
		{"hash collision", "colliding-keys", "stored for key"},

		{"one too many", "capacity", "at most 1 allowed"},
		{"capacity rounded up", "capacity", "at most 3 allowed"},
		{"memory leak", "memory", "still referenced"},

		{"try-lock in Get", "readers", "missed, though it was set"},
		{"lost wake-up", "concurrent-identity", "faulty_test.go:"},
		{"room made afterwards", "concurrent-bound", "in flight"},
		{"counter", "concurrent-bound", "allowed"},
		{"grave reopened", "freshness", "after the Delete"},
		{"touch resurrects", "freshness", "had returned"},
		{"overwrite leaves a gap", "freshness", "missed, though version"},
		{"victim cache outlives Set", "freshness-evicting", "had returned"},
		{"overwrite race", "linearizable", "no order of calls explains"},
		{"touch resurrects", "linearizable", "no order of calls explains"},
		{"victim cache outlives Set", "linearizable-evicting", "no order of calls explains"},

		{"Update not atomic", "update", "updates were lost"},
		{"Update of none", "update", "did not call its function"},
		{"Update returns the old", "update", "another value"},
		{"Update not atomic", "update-linearizable", "no order of calls explains"},
		{"Update sees the deleted", "update-linearizable", "no order of calls explains"},

		{"another key's value, seldom", "identity", "stored for key"},
		{"a tenth of the capacity kept free", "fit", "keys missed at capacity"},
		{"one in a thousand too few", "fit", "1 of 1000 keys missed"},
		{"shards of equal share", "fit", "keys missed at capacity"},
		{"less room after evictions", "fit", "after it had been full"},
		{"Set evicts its own key", "own-key", "right after its Set"},
		{"Update sees the evicted", "update-evicted", "saw a value, though"},
		{"Update sees the deleted", "update-evicted", "saw a value, though"},
		{"Update lost when full", "own-key", "right after its Set or Update"},
		{"Update sees the evicted", "update-linearizable-evicting", "no order of calls explains"},
		{"Update stores its first", "update", "another value"},
		{"expires", "expiry", "keys are gone"},
		{"Get removes, seldom", "sequence", "want "},
		{"Delete takes another", "sequence", "want "},
		{"overwritten values kept", "overwritten-memory", "still referenced"},
		{"keys kept", "key-memory", "still referenced"},
		{"stale while growing", "growing", "had returned"},
		{"overwrite leaves a gap", "growing", "missed, though version"},
		{"Len drifts", "concurrent-len", "but Get finds"},
		{"Close returns early", "close-waits", "still at work"},
		{"goroutine by the first eviction", "goroutines", "outlive their caches"},

		{"second Close panics", "close", "panic: close of closed channel"},
		{"concurrent Close panics", "close", "panic: close of closed channel"},
		{"second Close hangs", "close", "faulty_test.go:"},
		{"Close fails", "close", "still busy"},
		{"goroutine leak", "goroutines", "outlive their caches, one of them started by"},
		{"grandchild goroutine leak", "goroutines", "outlive"},
	} {
		t.Run(string(c.fault)+"/"+c.by, func(t *testing.T) {
			o := Options{Quick: true, Patience: 10 * time.Second}
			if c.fault == "lost wake-up" || c.fault == "second Close hangs" {
				o.Patience = 2 * time.Second
			}
			if *faultRuns > 0 {
				found := 0
				for range *faultRuns {
					if newSession(faultySpec(c.fault), o).do(t.Context(), named(t, c.by)).Verdict == Broken {
						found++
					}
				}
				t.Logf("found by %d of %d quick runs", found, *faultRuns)
				if 10*found < 9**faultRuns {
					t.Errorf("found by %d of %d quick runs, want nine in ten", found, *faultRuns)
				}
				return
			}
			// A quick run finds each nearly always; that three miss it is no
			// matter of chance.
			var res Result
			for try := range 3 {
				s := newSession(faultySpec(c.fault), o)
				res = s.do(t.Context(), named(t, c.by))
				if res.Verdict == Broken {
					break
				}
				t.Logf("missed by try %d, with seed %d", try+1, s.Seed)
			}
			if res.Verdict != Broken || !strings.Contains(res.Observed, c.says) {
				t.Errorf("%s says %s: %q, want it broken: %q", c.by, res.Verdict, res.Observed, c.says)
			}
			t.Log(res.Observed)
		})
	}
}

func named(t *testing.T, name string) check {
	for _, c := range checks {
		if c.name == name {
			return c
		}
	}
	t.Fatalf("there is no check %q", name)
	return check{}
}

// TestRerun follows the command that a failing Run prints: it has to name this
// package and test, and with its seed the same violation shows again.
func TestRerun(t *testing.T) {
	fail := func(run, seed string) string {
		cmd := exec.Command(os.Args[0], "-test.run="+run, "-test.short")
		cmd.Env = append(os.Environ(), "CACHETEST_FAULT=stale in place", seed)
		out, err := cmd.CombinedOutput()
		if err == nil {
			t.Fatalf("a faulty cache passed:\n%s", out)
		}
		return string(out)
	}
	failure := regexp.MustCompile(`(?s)observed: ([^\n]*).*?rerun: (CACHETEST_SEED=\d+) go test -count=1 -short (?:-race )?-run '(\S+)' github.com/contend-go/contend/caches/cachetest\n`)
	const sequence = "^TestCorrectCachePasses$/^sequence$"
	first := failure.FindStringSubmatch(fail(sequence, ""))
	if first == nil || first[3] != sequence {
		t.Fatalf("no command to rerun %s: %q", sequence, first)
	}
	again := failure.FindStringSubmatch(fail(first[3], first[2]))
	if again == nil || again[1] != first[1] {
		t.Errorf("rerun shows %q, want %q", again, first[1])
	}
}

func TestVerdicts(t *testing.T) {
	spec := faultySpec("overwrite ignored")
	report := func(ctx context.Context) map[string]Result {
		r := Check(ctx, spec, Options{Quick: true, Procs: []int{2}, Patience: 10 * time.Second})
		byName := map[string]Result{}
		for i, res := range r.Results {
			if res.Check != Names()[i] {
				t.Fatalf("result %d is of %s, want %s", i, res.Check, Names()[i])
			}
			byName[res.Check] = res
			told := r.Err() != nil && strings.Contains(r.Err().Error(), "faulty: "+res.Check+": promised")
			if told != (res.Verdict == Broken) {
				t.Errorf("Err is %v with the result %+v", r.Err(), res)
			}
		}
		return byName
	}
	expect := func(got Result, v Verdict, promised bool, observed string) {
		t.Helper()
		if got.Verdict != v || (got.Promised != "") != promised || !strings.Contains(got.Observed, observed) {
			t.Errorf("%+v, want %s and %q", got, v, observed)
		}
	}
	all := report(t.Context())
	expect(all["overwrite"], Broken, true, "want that of write")
	expect(all["delete"], Kept, true, "256 keys deleted")
	expect(all["close"], Kept, true, "caches closed")

	spec.Strict = false
	all = report(t.Context())
	expect(all["overwrite"], NotPromised, false, "not so: ")
	expect(all["delete"], NotPromised, false, "held all the same: 256 keys")
	expect(all["presence"], Kept, true, "all found")

	spec.ReadOnly, spec.Bounded = true, false
	all = report(t.Context())
	expect(all["freshness"], NotPromised, false, "not run: nothing may be written beside a Get")
	expect(all["capacity"], NotPromised, false, "not run: nothing is evicted")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	expect(report(ctx)["close"], CannotTell, true, "context canceled")

	spec.String, spec.Uint64 = nil, nil
	all = report(t.Context())
	expect(all["spec"], Broken, true, "there is no constructor")
	expect(all["close"], NotPromised, false, "no constructor")
}

// TestOnlyOneKeyType: a Spec may construct one type of key only.
func TestOnlyOneKeyType(t *testing.T) {
	spec := faultySpec("")
	spec.Uint64 = nil
	if err := Check(t.Context(), spec, Options{Quick: true, Procs: []int{2}}).Err(); err != nil {
		t.Error(err)
	}
	spec = faultySpec("")
	spec.String = nil
	if err := Check(t.Context(), spec, Options{Quick: true, Procs: []int{2}}).Err(); err != nil {
		t.Error(err)
	}
}

// TestRefusals: a cache may refuse to be small, but must say so.
func TestRefusals(t *testing.T) {
	spec := faultySpec("refuses below 1000")
	spec.MinCapacity = 1000
	for name, want := range map[string]Verdict{"capacities": Kept, "capacity": Kept, "freshness": Kept, "freshness-evicting": CannotTell} {
		if res := newSession(spec, Options{Quick: true}).do(t.Context(), named(t, name)); res.Verdict != want {
			t.Errorf("%+v, want %s", res, want)
		}
	}
	for _, c := range []struct {
		fault fault
		least int
		says  string
	}{
		{"refuses below 1000", 0, "refused capacity 1: too small; promised from MinCapacity, 1"},
		{"refuses below 1000", 100, "refused capacity 100"},
		{"", 10, "capacity 1 is not refused, though MinCapacity is 10"},
	} {
		spec := faultySpec(c.fault)
		spec.MinCapacity = c.least
		if res := newSession(spec, Options{Quick: true}).do(t.Context(), named(t, "capacities")); res.Verdict != Broken || !strings.Contains(res.Observed, c.says) {
			t.Errorf("MinCapacity %d: %+v, want %q", c.least, res, c.says)
		}
	}
}
