package gotest

import (
	"fmt"
	"slices"
	"strings"
)

// goFlags are flags of go test, sorted by who takes them.
type goFlags struct {
	build   []string // go list and go test -c
	binary  []string // the test binary, with "test." before them, and the arguments after -args
	dir     string   // -C
	overlay string   // -overlay
}

// Why flags that come in families are refused.
const (
	coverage = "coverage counters are shared between CPUs: they would be what is measured"
	profile  = "profilers change what they measure; --trace cells keeps traced samples apart"
)

// What a flag of go test is to us. A flag in none of the lists is not known.
var (
	buildSwitches  = words("a asan linkshared modcacherw msan race trimpath work x")
	buildValues    = words("asmflags buildmode buildvcs compiler gccgoflags gcflags installsuffix ldflags mod modfile p pgo pkgdir tags toolexec")
	binarySwitches = words("benchmem fullpath short")
	binaryValues   = words("parallel run skip timeout")
	refused        = map[string]string{
		"bench":     "write --bench, before any --",
		"benchtime": "write --time, before any --",
		"count":     "write --count, before any --: each repetition is a process of its own",
		"cpu":       "write --procs, before any --: each GOMAXPROCS is a process of its own, as -cpu mislabels benchmarks with b.Loop",
		"trace":     "write --trace cells, before any --",
		"cover":     coverage, "covermode": coverage, "coverpkg": coverage, "coverprofile": coverage,
		"cpuprofile": profile, "memprofile": profile, "memprofilerate": profile, "blockprofile": profile, "blockprofilerate": profile,
		"mutexprofile": profile, "mutexprofilefraction": profile,
		"fuzz":      "fuzz targets are not run",
		"list":      "--dry-run lists benchmarks",
		"shuffle":   "benchmarks run in random order, each in a process of its own",
		"v":         "the samples file holds what is needed",
		"json":      "the samples file is in the Go benchmark format",
		"exec":      "the harness starts the test binary itself; see contend pack for other hosts",
		"failfast":  "each benchmark is a process of its own",
		"o":         "write --out, before any --",
		"c":         "this is how test binaries are built here",
		"i":         "it does nothing",
		"n":         "write --dry-run, before any --",
		"outputdir": "write --out, before any --",
		"vet":       "run go vet beside it",
	}
)

// Misplaced is what to do about the first flag of go test that stands among
// ours: -bench Foo, --race. It is empty if there is none.
func Misplaced(args []string) string {
	for _, arg := range args {
		if arg == "--" {
			return ""
		}
		dashless := strings.TrimLeft(arg, "-")
		if dashless == arg {
			continue
		}
		name, _, _ := strings.Cut(dashless, "=")
		switch known := slices.Concat(buildSwitches, buildValues, binarySwitches, binaryValues, words("C overlay args")); {
		case slices.Contains(words("bench count trace"), name):
			if !strings.HasPrefix(arg, "--") {
				return "flags of contend have two dashes: --" + name
			}
		case refused[name] != "":
			return refused[name]
		case name == "args":
			return "arguments of the test binary go last: contend test ./pkg -- -args ARGUMENTS"
		case slices.Contains(known, name):
			return "flags of go test go behind --: contend test ./pkg -- -" + name
		}
	}
	return ""
}

func words(s string) []string { return strings.Fields(s) }

// sortFlags reads what stands after -- on the command line.
func sortFlags(args []string) (f goFlags, err error) {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		name, value, hasValue := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-"), "=")
		name = strings.TrimPrefix(name, "test.")
		switch {
		case !strings.HasPrefix(arg, "-") || name == "":
			return f, fmt.Errorf("%q after --: only flags of go test stand there; arguments of the test binary go behind -args", arg)
		case name == "args":
			f.binary = append(f.binary, args[i+1:]...)
			return f, nil
		case refused[name] != "":
			return f, fmt.Errorf("-%s: %s", name, refused[name])
		}
		isSwitch := slices.Contains(buildSwitches, name) || slices.Contains(binarySwitches, name) || name == "buildvcs" && !hasValue
		known := isSwitch || slices.Contains(buildValues, name) || slices.Contains(binaryValues, name) || name == "C" || name == "overlay"
		if !known {
			return f, fmt.Errorf("-%s: no flag of go test that is known here; flags of contend stand before --", name)
		}
		if !isSwitch && !hasValue {
			if i++; i == len(args) {
				return f, fmt.Errorf("-%s: its value is missing", name)
			}
			value, hasValue = args[i], true
		}
		if name == "run" && value != "" { // '^$' selects no test, which is what is done here anyway
			if value != "^$" {
				return f, fmt.Errorf("-run=%s: tests are not run; -run='^$' says the same as leaving it out", value)
			}
			continue
		}
		text := "-" + name
		if hasValue {
			text += "=" + value
		}
		switch {
		case name == "C":
			f.dir = value
		case name == "overlay":
			f.overlay = value
		case slices.Contains(binarySwitches, name) || slices.Contains(binaryValues, name):
			f.binary = append(f.binary, "-test."+text[1:])
		default:
			f.build = append(f.build, text)
		}
	}
	return f, nil
}
