package cachetest

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/contend-go/contend/caches"
)

// seedVariable is the environment variable that Run takes its seed from.
const seedVariable = "CACHETEST_SEED"

// Known is a promise that is known to be broken, and why: a library's defect
// that its adapter cannot mend.
type Known struct {
	Check string // the name of a check
	Why   string
}

// Run holds spec to its promises, one subtest for each check. What the Spec
// does not promise is a skipped subtest that says what was observed. A check
// that is among known is skipped and not run. Under -short each check does
// about an eighth of its work.
//
// A failure prints the seed and the command that draws the same choices again;
// the environment variable CACHETEST_SEED sets the seed.
func Run(t *testing.T, spec caches.Spec, known ...Known) {
	t.Helper()
	pkg := callerPackage()
	working.Lock()
	t.Cleanup(working.Unlock)
	// A check that hangs does so for ever: on a busy machine the others need time.
	o := Options{Quick: testing.Short(), Patience: 5 * time.Minute}
	if env := os.Getenv(seedVariable); env != "" {
		seed, err := strconv.ParseUint(env, 0, 64)
		if err != nil {
			t.Fatalf("%s=%q: want a number from 1 to 2^64-1", seedVariable, env)
		}
		o.Seed = seed
	}
	for _, k := range known {
		if !slices.Contains(Names(), k.Check) {
			t.Fatalf("there is no check %q to be known as broken; there are %s", k.Check, strings.Join(Names(), ", "))
		}
	}
	s := newSession(spec, o)
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			for _, k := range known {
				if k.Check == c.name {
					t.Skipf("known to be broken, not run: %s", k.Why)
				}
			}
			res := s.do(t.Context(), c)
			switch res.Verdict {
			case Broken:
				t.Errorf("%s promises: %s\nobserved: %s\nrerun: %s", spec.Name, res.Promised, res.Observed, rerun(t.Name(), pkg, s.Seed))
			case Kept:
				t.Logf("promised: %s; observed: %s", res.Promised, res.Observed)
			default:
				t.Skipf("%s: %s", res.Verdict, res.Observed)
			}
		})
	}
}

// rerun is the shell command that runs the test again with the same seed.
func rerun(test, pkg string, seed uint64) string {
	levels := strings.Split(test, "/")
	for i, level := range levels {
		levels[i] = "^" + regexp.QuoteMeta(level) + "$"
	}
	flags := ""
	if testing.Short() {
		flags += "-short "
	}
	if raceEnabled() {
		flags += "-race "
	}
	return fmt.Sprintf("%s=%d go test -count=1 %s-run '%s' %s", seedVariable, seed, flags, strings.Join(levels, "/"), pkg)
}

// raceEnabled tells whether this binary was built with -race.
func raceEnabled() bool {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return false
	}
	for _, s := range info.Settings {
		if s.Key == "-race" {
			return s.Value == "true"
		}
	}
	return false
}

// callerPackage is the import path of the package whose test called Run.
func callerPackage() string {
	pc, _, _, ok := runtime.Caller(2)
	if !ok {
		return "."
	}
	name := runtime.FuncForPC(pc).Name() // example.com/dir/pkg_test.TestX.func1
	slash := strings.LastIndexByte(name, '/') + 1
	if dot := strings.IndexByte(name[slash:], '.'); dot >= 0 {
		name = name[:slash+dot]
	}
	return strings.TrimSuffix(name, "_test")
}
