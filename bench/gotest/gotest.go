// Package gotest sweeps the Go benchmarks of any package over GOMAXPROCS, with
// no change to that package: [Build] compiles its test binary once and finds its
// benchmarks, [Suite.Plan] makes cells of them, and each cell is a process of
// the test binary that measures one benchmark at one GOMAXPROCS.
//
// CPU time is that of the benchmark's timed window: the test binary is built
// with a testing package that notes it where the timer starts and stops (see
// overlay). Where the toolchain's testing package is not understood, the unit is
// [UnitProcess] instead.
package gotest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
)

// Options are what to measure, as a person writes it.
type Options struct {
	bench.SweepOptions

	Packages []string // patterns as for go test
	Packed   string   // a packed suite to measure instead of building one; see Load
	Bench    string   // regular expression as for go test -bench
	Against  string   // a git revision to compare with; empty for none
	// Plain builds with the toolchain's own testing package.
	Plain   bool
	GoFlags []string // as for go test
}

// Bind adds the options as flags, with their defaults; package and flags of go
// test are arguments.
func (o *Options) Bind(f *pflag.FlagSet) {
	o.SweepOptions.Bind(f)
	f.StringVar(&o.Bench, "bench", ".", "benchmarks to measure: a regular expression as for go test -bench, e.g. Mutex or Map/size=1")
	f.StringVar(&o.Against, "against", "", "measure this git `REVISION` beside the working tree, and compare; e.g. HEAD~1")
	f.StringVar(&o.Packed, "packed", "", "measure the test binaries of this packed suite")
	f.BoolVar(&o.Plain, "plain-testing", false, "build with the toolchain's own testing package: CPU time is then the whole process's")
	for flag, usage := range map[string]string{
		"trace": "none, or cells: traced repetitions of each benchmark",
		"time":  fmt.Sprintf("length of each timed window, as go test -benchtime; %v with --against", pairTime),
		"count": fmt.Sprintf("blocks: how often each cell is measured; %d with --against", pairCount),
	} {
		f.Lookup(flag).Usage = usage
	}
	_ = f.MarkHidden("variant") // there is --against
	_ = f.MarkHidden("packed")  // contend run gives it
}

// What --against measures where nothing else is asked for: the noise of a host
// comes in stretches, so that many short pairs tell more than few long ones.
// Twenty find a change of 5% under noise of 2% in a family of 200.
const (
	pairCount = 20
	pairTime  = 200 * time.Millisecond
)

// SetDefaults sets what depends on other options, and was not given as a flag.
func (o *Options) SetDefaults(given func(flag string) bool) {
	if o.Against == "" {
		return
	}
	if !given("count") {
		o.Count = pairCount
	}
	if !given("time") {
		o.Time = pairTime
	}
}

// Check refuses options that nothing can be built from.
func (o *Options) Check() error {
	if err := o.SweepOptions.Check(); err != nil {
		return err
	}
	if o.TraceTour() {
		return errors.New("--trace: a benchmark has no tour: it cannot change GOMAXPROCS under one trace; write --trace cells")
	}
	if len(o.Variants) > 0 {
		return errors.New("--variant: for contend sweep; write --against REVISION")
	}
	if _, err := regexp.Compile(o.Bench); err != nil || o.Bench == "" {
		return fmt.Errorf("--bench: %q is no regular expression: %v", o.Bench, err)
	}
	return nil
}

// The variants of a comparison: the other revision, and the working tree.
const (
	Base = "base"
	Head = "head"
)

// Suite is compiled test binaries and what is in them. It is used by one
// goroutine.
type Suite struct {
	Programs []*Program `json:"programs"`
	Bench    string     `json:"bench"`
	Against  string     `json:"against,omitempty"` // the revision of variant Base; empty without variants

	// Broken are packages that do not compile or do not start, where others do.
	Broken []Broken `json:"broken,omitempty"`
	// Lost are benchmarks that only the base has, or that end badly in the head;
	// Added those that only the head has.
	Lost  []Absence `json:"lost,omitempty"`
	Added []string  `json:"added,omitempty"`
	// Changed are benchmarks that are not the same on both sides: what they
	// measure cannot be compared.
	Changed []Absence `json:"changed,omitempty"`

	raw     map[string]string // the benchmark's own name, by the cell's
	traced  bool              // some cells leave traces
	cleanup []func() error
}

// Program is one package's test binary.
type Program struct {
	Variant string   `json:"variant,omitempty"`
	Package string   `json:"package"`         // import path
	Key     string   `json:"key,omitempty"`   // value of the name key pkg, where a suite has several packages
	Path    string   `json:"path"`            // of the executable
	Dir     string   `json:"dir"`             // working directory: the package's folder
	Root    string   `json:"root"`            // the module's folder
	Go      string   `json:"go"`              // version of the toolchain
	Plain   string   `json:"plain,omitempty"` // why CPU time is the whole process's; empty if it is not
	Args    []string `json:"args,omitempty"`

	Benchmarks []Benchmark `json:"benchmarks"`
	Absent     []Absence   `json:"absent,omitempty"`

	key     string            // what Key is where a suite has several packages
	sources map[string]string // see [sources]; nil without --against
}

// Broken is a package of which nothing can be measured, with the reason.
type Broken struct {
	Variant string `json:"variant,omitempty"`
	Package string `json:"package"`
	Reason  string `json:"reason"`
}

// Benchmark is one that can be measured.
type Benchmark struct {
	Name string `json:"name"` // as testing names it, without a -N suffix
	// Whole is how long its top-level benchmark took to run once, set-up and all
	// sub-benchmarks included: what stands before B.Run is done in the process of
	// each. Once is its own share.
	Whole time.Duration `json:"whole"`
	Once  time.Duration `json:"once"`
	// First is its first iteration, by its own timer.
	First time.Duration `json:"first"`
}

// Absence is a benchmark that cannot be measured, with the reason.
type Absence struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// id is the program's key in bench.Options.Exe, unique in its suite.
func (p *Program) id() string {
	if p.Key == "" {
		return p.Variant
	}
	return p.Variant + ":" + p.Key
}

// cellName is the sample's name of a benchmark.
func (p *Program) cellName(benchmark, probe string, procs int) string {
	name := benchmark
	if p.Key != "" {
		name += "/pkg=" + p.Key
	}
	if probe != "" {
		name += "/probe=" + probe
	}
	return fmt.Sprintf("%s/%s=%d", name, sample.GOMAXPROCS, procs)
}

// Close removes what Build left outside of its folder.
func (s *Suite) Close() error {
	var errs []error
	for _, f := range s.cleanup {
		errs = append(errs, f())
	}
	s.cleanup = nil
	return errors.Join(errs...)
}

// Build compiles the test binaries into dir and finds their benchmarks by
// running each once. Progress gets a line for what takes long. The error is for
// what stops everything: a package that does not compile, a pattern that
// matches nothing; a benchmark that fails is an Absence.
func Build(ctx context.Context, o *Options, facts *host.Facts, dir string, progress io.Writer) (_ *Suite, err error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	flags, err := sortFlags(o.GoFlags)
	if err != nil {
		return nil, err
	}
	procs, err := bench.ParseProcs(o.Procs, facts)
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	s := &Suite{Bench: o.Bench, Against: o.Against}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	b := builder{ctx: ctx, flags: flags, dir: dir, plain: o.Plain, progress: progress}
	err = b.add(s, o.Packages, o.Against)
	if err == nil {
		err = s.discover(ctx, o.Bench, slices.Max(procs), dir, progress)
	}
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%w while looking for benchmarks: nothing was measured yet; the same command begins again, and what was compiled is kept", bench.ErrInterrupted)
	case err != nil:
		return nil, err
	}
	s.match()
	return s, s.empty()
}

// discover finds the benchmarks of every program. A program that does not start
// is broken, which is an error only where it is the only one.
func (s *Suite) discover(ctx context.Context, pattern string, procs int, dir string, progress io.Writer) error {
	known := loadFound(dir)
	var works []*Program
	for _, p := range s.Programs {
		id, err := p.fingerprint(pattern, procs)
		if err != nil {
			return err
		}
		if f, ok := known[id]; ok {
			p.Benchmarks, p.Absent = f.Benchmarks, f.Absent
			fmt.Fprintf(progress, "%s: %s, as found before\n", p.Package, p.found())
			works = append(works, p)
			continue
		}
		fmt.Fprintf(progress, "%s: looking for benchmarks: each runs once\n", p.Package)
		switch err := p.discover(ctx, pattern, procs, progress); {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && len(s.Programs)+len(s.Broken) == 1:
			return fmt.Errorf("%s: %w", p.Package, err)
		case err != nil:
			fmt.Fprintf(progress, "%s: %v\n", p.Package, err)
			s.Broken = append(s.Broken, Broken{p.Variant, p.Package, err.Error()})
			continue
		}
		fmt.Fprintf(progress, "%s: %s\n", p.Package, p.found())
		works = append(works, p)
		known[id] = found{p.Benchmarks, p.Absent}
		if err := known.save(dir); err != nil {
			return err
		}
	}
	s.Programs = works
	return nil
}

// found says how many benchmarks there are.
func (p *Program) found() string {
	text := fmt.Sprintf("%d benchmarks", len(p.Benchmarks))
	if len(p.Benchmarks) == 1 {
		text = "1 benchmark"
	}
	if n := len(p.Absent); n > 0 {
		text += fmt.Sprintf(", and %d that cannot be measured: %s: %s", n, p.Absent[0].Name, p.Absent[0].Reason)
		if n > 1 {
			text += " …"
		}
	}
	if len(p.Benchmarks) == 0 {
		return text
	}
	slowest := slices.MaxFunc(p.Benchmarks, func(a, b Benchmark) int { return cmp.Compare(a.Whole, b.Whole) })
	if slowest.Whole > slow {
		name := top(slowest.Name)
		text += fmt.Sprintf("; %s took %v to run once, which its processes may do too: -- -skip='^%s$' leaves it out", name, slowest.Whole.Round(time.Second), name)
	}
	return text
}

// slow is a set-up that is worth a word: most benchmarks have none that is felt.
const slow = 10 * time.Second

// match takes out what only one variant has: it cannot be compared. What the head
// lacks is lost.
func (s *Suite) match() {
	if s.Against == "" {
		return
	}
	has, source := map[string]int{}, map[string]string{}
	for _, p := range s.Programs {
		for name, digest := range p.sources {
			if p.Variant == Base {
				source[p.Key+" "+name] = digest
			}
		}
		for _, b := range p.Benchmarks {
			has[p.Key+" "+b.Name]++
		}
	}
	changed := map[string]bool{}
	for _, p := range s.Programs {
		for _, b := range p.Benchmarks {
			if was := source[p.Key+" "+top(b.Name)]; p.Variant == Head && was != "" && was != p.sources[top(b.Name)] && has[p.Key+" "+b.Name] == 2 {
				changed[p.Key+" "+b.Name] = true
				s.Changed = append(s.Changed, Absence{b.Name, differs})
			}
		}
	}
	for _, p := range s.Programs {
		p.Benchmarks = slices.DeleteFunc(p.Benchmarks, func(b Benchmark) bool {
			if changed[p.Key+" "+b.Name] {
				p.Absent = append(p.Absent, Absence{b.Name, differs})
			}
			return changed[p.Key+" "+b.Name]
		})
		p.Benchmarks = slices.DeleteFunc(p.Benchmarks, func(b Benchmark) bool {
			if has[p.Key+" "+b.Name] == 2 {
				return false
			}
			if p.Variant == Base {
				reason := s.missing(p.Key, p.Package, b.Name)
				s.Lost = append(s.Lost, Absence{b.Name, reason})
				p.Absent = append(p.Absent, Absence{b.Name, reason})
			} else {
				s.Added = append(s.Added, b.Name)
				p.Absent = append(p.Absent, Absence{b.Name, "only in " + p.Variant + ": nothing to compare it with"})
			}
			return true
		})
	}
}

const differs = "the benchmark itself, or a helper or testdata that it uses, is not the same in base and head: not comparable"

// missing is why the head does not have a benchmark of the base.
func (s *Suite) missing(key, pkg, name string) string {
	for _, b := range s.Broken {
		if b.Variant == Head && b.Package == pkg {
			return "its package is broken in head: " + b.Reason
		}
	}
	for _, p := range s.Programs {
		if p.Variant != Head || p.Key != key {
			continue
		}
		for _, a := range p.Absent {
			if a.Name == name || a.Name == top(name) {
				return "in head: " + a.Reason
			}
		}
	}
	return "is not in head: deleted, renamed, or not selected there"
}

// empty is the error of a suite without benchmarks.
func (s *Suite) empty() error {
	for _, p := range s.Programs {
		if len(p.Benchmarks) > 0 {
			return nil
		}
	}
	if len(s.Broken) > 0 {
		return fmt.Errorf("nothing can be measured: %s: %s (%d packages in all)", s.Broken[0].Package, s.Broken[0].Reason, len(s.Broken))
	}
	for _, p := range s.Programs {
		if len(p.Absent) > 0 {
			a := p.Absent[0]
			return fmt.Errorf("no benchmark can be measured: %s: %s (%d in all)", a.Name, a.Reason, len(p.Absent))
		}
	}
	return fmt.Errorf("--bench %s: no such benchmark; contend test PACKAGE --bench . --dry-run lists all", s.Bench)
}

// Plan crosses the benchmarks with GOMAXPROCS.
func (s *Suite) Plan(o *Options, facts *host.Facts) (*bench.Plan, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	procs, err := bench.ParseProcs(o.Procs, facts)
	if err != nil {
		return nil, err
	}
	s.raw, s.traced = map[string]string{}, o.TraceCells()
	return o.Fit(func() (*bench.Plan, error) {
		plan := o.NewPlan()
		if a, b := s.Toolchains(Base), s.Toolchains(Head); s.Against != "" && !slices.Equal(a, b) {
			text := fmt.Sprintf("not the same conditions: %s was built by %s, %s by %s", Base, strings.Join(a, " and "), Head, strings.Join(b, " and "))
			plan.Records = append(plan.Records, sample.Record{Verb: "note", Fields: []sample.Field{{Key: "text", Value: text}}})
		}
		for _, l := range s.Lost {
			plan.Records = append(plan.Records, sample.Record{Verb: "lost", Fields: []sample.Field{{Key: "name", Value: l.Name}, {Key: "reason", Value: l.Reason}}})
		}
		for _, c := range s.Changed {
			plan.Records = append(plan.Records, sample.Record{Verb: "changed", Fields: []sample.Field{{Key: "name", Value: c.Name}, {Key: "reason", Value: c.Reason}}})
		}
		for _, name := range s.Added {
			plan.Records = append(plan.Records, sample.Record{Verb: "added", Fields: []sample.Field{{Key: "name", Value: name}}})
		}
		for _, b := range s.Broken {
			plan.Records = append(plan.Records, sample.Record{Verb: "absent", Fields: []sample.Field{{Key: "name", Value: b.Package}, {Key: "reason", Value: b.Reason}}})
		}
		for _, p := range s.Programs {
			if p.Variant == s.Programs[0].Variant {
				s.cells(plan, o, p, procs)
				plan.Records = append(plan.Records, sample.Record{Verb: sample.VerbPackage, Fields: []sample.Field{{Key: "path", Value: p.Package}}})
			}
			plan.Records = append(plan.Records, p.records()...)
		}
		return plan, nil
	})
}

// cells adds the cells of one package, those of the variants side by side.
func (s *Suite) cells(plan *bench.Plan, o *Options, p *Program, procs []int) {
	for _, b := range p.Benchmarks {
		for _, n := range procs {
			for _, v := range s.Programs {
				if v.Key == p.Key {
					plan.Cells = append(plan.Cells, s.cell(o, v, b, "", n))
				}
			}
			if o.TraceCells() {
				for _, v := range s.Programs {
					if v.Key == p.Key {
						c := s.cell(o, v, b, "trace", n)
						c.Blocks = o.TraceBlocks
						plan.Cells = append(plan.Cells, c)
					}
				}
			}
		}
	}
}

func (s *Suite) cell(o *Options, p *Program, b Benchmark, probe string, procs int) bench.Cell {
	name := p.cellName(b.Name, probe, procs)
	s.raw[name] = b.Name
	window := b.window(o.Time)
	args := []string{"-test.run=^$", "-test.paniconexit0", "-test.bench=" + exactly(b.Name), "-test.benchtime=" + window.String()}
	if probe != "" {
		args = append(args, "-test.trace=${CONTEND_DIR}/"+tracePath("${CONTEND_PREFIX}")+bench.Partial)
	}
	return bench.Cell{
		Name: name, Variant: p.Variant, Program: p.id(), Procs: procs, Dir: p.Dir,
		Args: append(args, p.Args...), Expect: b.Once*rounds + window*3/2,
		Bound: time.Minute + 10*(b.Whole+b.Once*rounds+window*3/2),
	}
}

// window is the benchmark's timed window. The first call of a benchmark may do
// what later ones find done: in a window hardly longer than that call it would be
// all that is measured. So the window is several first calls long, up to a bound
// beyond which a call is dear by itself.
func (b Benchmark) window(asked time.Duration) time.Duration {
	const calls, dear = 6, 500 * time.Millisecond
	if b.First > dear {
		return asked
	}
	return max(asked, (calls * b.First).Round(time.Millisecond))
}

// rounds is about how often testing runs a benchmark until it knows how many
// iterations fill the time: 1, 100, 10⁴, 10⁶ …
const rounds = 4

// records say what is not measured, and how.
func (p *Program) records() []sample.Record {
	var list []sample.Record
	for _, a := range p.Absent {
		name := a.Name
		if p.Key != "" {
			name += "/pkg=" + p.Key
		}
		list = append(list, sample.Record{Verb: "absent", Fields: []sample.Field{{Key: "name", Value: name}, {Key: "reason", Value: a.Reason}}})
	}
	if p.Plain != "" {
		text := fmt.Sprintf("%s: CPU time is the whole process's (%s): %s", p.Package, UnitProcess, p.Plain)
		list = append(list, sample.Record{Verb: "note", Fields: []sample.Field{{Key: "text", Value: text}}})
	}
	return list
}

// Toolchains are the versions of Go that the programs of a variant were built by,
// each once; of all variants if it is empty.
func (s *Suite) Toolchains(variant string) (list []string) {
	for _, p := range s.Programs {
		if (variant == "" || p.Variant == variant) && !slices.Contains(list, p.Go) {
			list = append(list, p.Go)
		}
	}
	return list
}

// Prepare makes run options carry out the suite's plan. The error is that the
// run folder cannot be written to.
func (s *Suite) Prepare(opt *bench.Options) error {
	opt.Exe = map[string]string{}
	plain := map[string]bool{}
	for _, p := range s.Programs {
		opt.Exe[p.id()] = p.Path
		plain[p.id()] = p.Plain != ""
		opt.Provenance = append(opt.Provenance, sample.Field{Key: "package", Value: p.Package}, sample.Field{Key: "toolchain", Value: p.Go})
	}
	built := *opt.Host // the Go of the test binaries is what makes samples incomparable, not ours
	built.Go = strings.Join(s.Toolchains(""), ",")
	opt.Host = &built
	facts := opt.Host
	opt.Read = func(c bench.Cell, o bench.Output) (bench.Printed, error) {
		r := reader{facts: facts, cell: c, benchmark: s.raw[c.Name], plain: plain[c.Program]}
		return r.read(o)
	}
	if !s.traced {
		return nil
	}
	return os.MkdirAll(filepath.Join(opt.Dir, filepath.Dir(tracePath(""))), 0o755)
}
