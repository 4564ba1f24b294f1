// Package cachetest holds a cache to what its [caches.Spec] promises.
//
// [Run] does it as a test, one subtest for each check; [Check] does the same
// without a test and returns what was promised beside what was observed. A
// user's own cache is held to it in one call; see the package example.
//
// Exactly what the Spec promises is demanded, with the contract of
// [caches.Cache] and [caches.Updater]. What it does not promise is observed
// all the same, as far as that is safe, and said.
//
// Checks set GOMAXPROCS and put it back; only one Check or Run works at a time,
// others wait for it. Run nothing beside them that depends on GOMAXPROCS.
package cachetest

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/contend-go/contend/caches"
)

// Verdict is the answer of one check.
type Verdict string

// The verdicts.
const (
	Kept        Verdict = "kept"         // promised, and no violation found
	Broken      Verdict = "broken"       // promised, and violated as Observed says
	NotPromised Verdict = "not promised" // Observed says what it does all the same
	CannotTell  Verdict = "cannot tell"  // cancelled, or undecided in the time allowed
)

// Result is what one check promised and found.
type Result struct {
	Check    string // the check's name: lower-case letters and hyphens
	Promised string // what the Spec promises here; "" for nothing
	Observed string // what was seen: how much was tried, or the violation
	Verdict  Verdict
}

// Report is what all checks of one backend found, in the order of [Names].
type Report struct {
	Backend string
	Seed    uint64 // give it as Options.Seed to draw the same choices again
	Results []Result
}

// Err joins the broken promises, one error each; nil if there are none.
func (r Report) Err() error {
	var errs []error
	for _, res := range r.Results {
		if res.Verdict == Broken {
			errs = append(errs, fmt.Errorf("%s: %s: promised %q, but %s", r.Backend, res.Check, res.Promised, res.Observed))
		}
	}
	return errors.Join(errs...)
}

// Options say how a Spec is checked. The zero value is the full check.
type Options struct {
	Seed     uint64        // of every random choice; 0 draws one, found in Report.Seed
	Procs    []int         // GOMAXPROCS of the concurrent checks; nil is 1, 2, 8 and 32
	Quick    bool          // about an eighth of the work
	Patience time.Duration // after which a check that has not ended counts as hung; 0 is one minute
}

// A check demands one promise. It is one row of the table in checks.
type check struct {
	name string
	// promise says what spec promises here, "" for nothing.
	promise func(spec caches.Spec) string
	// unsafe says why the check cannot even be tried, "" if it can. Nil: it
	// always can.
	unsafe func(spec caches.Spec) string
	// run returns how much was tried, or the violation.
	run func(t *trial) (string, error)
}

// Names lists the checks in the order they run.
func Names() []string {
	var names []string
	for _, c := range checks {
		names = append(names, c.name)
	}
	return names
}

// errUndecided is wrapped by a check that found no violation but could not
// look to the end.
var errUndecided = errors.New("undecided")

// errNoUpdate is returned by the checks of [caches.Updater] where the cache is
// none: a Spec does not say, and need not.
var errNoUpdate = errors.New("not run: the cache has no Update")

// working is held while a Spec is checked, for GOMAXPROCS is the process's.
var working sync.Mutex

// Check holds spec to its promises. It never fails as a whole: a cache that
// panics or hangs has broken a promise. Cancelling ctx leaves the remaining
// checks at [CannotTell].
//
// A check that hangs leaves its goroutines behind, and those after it are not
// run.
func Check(ctx context.Context, spec caches.Spec, o Options) Report {
	working.Lock()
	defer working.Unlock()
	s := newSession(spec, o)
	report := Report{Backend: spec.Name, Seed: s.Seed}
	for _, c := range checks {
		report.Results = append(report.Results, s.do(ctx, c))
	}
	return report
}

// session is one Spec being checked.
type session struct {
	Options
	spec caches.Spec
	hung bool // a check did not end; its goroutines are still there
}

func newSession(spec caches.Spec, o Options) *session {
	for o.Seed == 0 {
		o.Seed = rand.Uint64()
	}
	if o.Procs == nil {
		o.Procs = []int{1, 2, 8, 32}
	}
	if o.Patience == 0 {
		o.Patience = time.Minute
	}
	return &session{Options: o, spec: spec}
}

// do runs one check and judges it.
func (s *session) do(ctx context.Context, c check) Result {
	res := Result{Check: c.name, Promised: c.promise(s.spec), Verdict: NotPromised}
	if s.spec.String == nil && s.spec.Uint64 == nil && c.name != "spec" {
		res.Promised, res.Observed = "", "not run: the Spec has no constructor"
		return res
	}
	if c.unsafe != nil {
		if why := c.unsafe(s.spec); why != "" {
			res.Promised, res.Observed = "", "not run: "+why
			return res
		}
	}
	if s.hung {
		res.Verdict, res.Observed = CannotTell, "not run: an earlier check still hangs"
		return res
	}
	observed, err := s.attempt(ctx, c)
	switch {
	case errors.Is(err, errUndecided):
		res.Verdict, res.Observed = CannotTell, err.Error()
	case errors.Is(err, errNoUpdate):
		res.Promised, res.Observed = "", errNoUpdate.Error()
	case errors.As(err, new(refusal)):
		// How small a cache may be is for the check of capacities to judge.
		res.Verdict, res.Observed = CannotTell, err.Error()
	case errors.As(err, new(crash)):
		if res.Promised == "" {
			res.Promised = "no panic, and every call returns"
		}
		res.Verdict, res.Observed = Broken, err.Error()
	case res.Promised == "" && err != nil:
		res.Observed = "not so: " + err.Error()
	case res.Promised == "":
		res.Observed = "held all the same: " + observed
	case err != nil:
		res.Verdict, res.Observed = Broken, err.Error()
	default:
		res.Verdict, res.Observed = Kept, observed
	}
	return res
}

// crash is a panic or a hang, which no Spec allows.
type crash string

func (c crash) Error() string { return string(c) }

// attempt runs the check, waiting at most the session's patience for its end.
func (s *session) attempt(ctx context.Context, c check) (string, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	h := fnv.New64a()
	h.Write([]byte(c.name)) // each check draws the same when run alone
	t := &trial{session: s, ctx: ctx, seed: s.Seed ^ h.Sum64()}

	type outcome struct {
		observed string
		err      error
	}
	_, before := goroutines()
	done := make(chan outcome, 1)
	go func() {
		var out outcome
		out.err = guard(func() error {
			var err error
			out.observed, err = c.run(t)
			return err
		})
		done <- out
	}()
	patience := time.NewTimer(s.Patience)
	defer patience.Stop()
	select {
	case out := <-done:
		if out.err == nil && ctx.Err() != nil {
			out.err = fmt.Errorf("%w: %w", errUndecided, ctx.Err())
		}
		return out.observed, out.err
	case <-patience.C:
		s.hung = true
		return "", crash(fmt.Sprintf("a call hangs: the check did not end within %v, and is at %s", s.Patience, hangSite(before)))
	}
}

// guard calls f and turns a panic into an error that names where it began.
func guard(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = crash(fmt.Sprintf("panic: %v at %s", r, panicSite(string(debug.Stack()))))
		}
	}()
	return f()
}

// panicSite finds, in the stack of a recovering goroutine, the line that
// panicked.
func panicSite(stack string) string {
	_, below, _ := strings.Cut(stack, "\npanic(")
	_, below, _ = strings.Cut(below, "\n\t") // package runtime's own line
	return site(below)
}

// hangSite finds a line where a call to the cache under test stands, in a
// goroutine that is not among before.
func hangSite(before map[string]goroutine) string {
	_, now := goroutines()
	for id, g := range now {
		if _, old := before[id]; !old && strings.Contains(g.stack, "/cachetest.keyed[") {
			return site(g.stack)
		}
	}
	return "an unknown place"
}

// site is the innermost line of a stack that is not the runtime's or sync's.
func site(stack string) string {
	lines := strings.Split(stack, "\n")
	for i, line := range lines[1:] {
		if file, ok := strings.CutPrefix(line, "\t"); ok {
			function := lines[i]
			if strings.Contains(file, ".go:") && !strings.HasPrefix(function, "runtime.") &&
				!strings.HasPrefix(function, "sync.") && !strings.HasPrefix(function, "internal/") {
				file, _, _ = strings.Cut(file, " +0x")
				return file
			}
		}
	}
	return "an unknown place"
}
