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
	"go/version"
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
	// AgainstToolchain is the version of Go that builds the base, such as go1.24.0:
	// of the revision Against, or of the same code; empty for what the module asks for.
	AgainstToolchain string
	Head             string // the git revision to compare; empty for the working tree
	Setup            string // a command that runs in the tree of each revision
	// BenchFrom is the side whose test files and testdata both sides get, Base or
	// Head; empty for each its own.
	BenchFrom string
	Renames   []string // "OLD=NEW": the base's benchmark OLD is the head's NEW
	// Plain builds with the toolchain's own testing package.
	Plain   bool
	GoFlags []string // as for go test
}

// Bind adds the options as flags, with their defaults; package and flags of go
// test are arguments.
func (o *Options) Bind(f *pflag.FlagSet) {
	o.SweepOptions.Bind(f)
	f.StringVar(&o.Bench, "bench", ".", "benchmarks to measure, as a regular expression like that of go test -bench, e.g. Mutex or Map/size=1")
	f.StringVar(&o.Against, "against", "", "the old side: a git `REVISION`, such as main or HEAD~1, that is measured together with the working tree and compared with it")
	f.StringVar(&o.AgainstToolchain, "against-toolchain", "", "the old side is built by this `VERSION` of Go, such as go1.24.0; its code is that of --against, or else the working tree")
	f.StringVar(&o.Head, "head", "", "with --against: the new side, a git `REVISION` instead of the working tree")
	f.StringVar(&o.Setup, "setup", "", "with --against: shell `COMMAND` to run in the files of each revision before they are compiled, e.g. 'go generate ./...'")
	f.StringVar(&o.BenchFrom, "bench-from", "", "with --against: base (old side) or head (new side): measure both sides with the test files and testdata of this one")
	f.StringArrayVar(&o.Renames, "rename", nil, "with --against: `OLD=NEW`: the benchmark OLD of the old side is called NEW on the new side; repeatable")
	f.StringVar(&o.Packed, "packed", "", "measure the test binaries of this packed suite")
	f.BoolVar(&o.Plain, "plain-testing", false, "build with the unchanged testing package of the toolchain; CPU time is then that of the whole process, not of the timed window")
	for flag, usage := range map[string]string{
		"trace": "record execution traces: none, or cells (some more repetitions of each benchmark, traced)",
		"time":  "how long each benchmark is measured in one process, like go test -benchtime",
		"count": "repetitions of each benchmark; with --against at most so many, as a benchmark is measured no further once its verdict is clear",
	} {
		f.Lookup(flag).Usage = usage
	}
	count, window := f.Lookup("count"), f.Lookup("time")
	count.DefValue = fmt.Sprintf("%s, or %d with --against", count.DefValue, pairCount)
	window.DefValue = fmt.Sprintf("%s, or %v with --against", window.DefValue, pairTime)
	_ = f.MarkHidden("variant") // there is --against
	_ = f.MarkHidden("packed")  // contend run gives it
}

// What --against measures where nothing else is asked for: the noise of a host
// comes in stretches, so that many short pairs tell more than few long ones.
// Cells that are clear are left before the end.
const (
	pairCount = 30
	pairTime  = 200 * time.Millisecond
)

// Compares reports whether two sides are measured.
func (o *Options) Compares() bool { return o.Against+o.AgainstToolchain != "" }

// Dir is the folder in which the go command is to run.
func (o *Options) Dir() (string, error) {
	flags, err := sortFlags(o.GoFlags)
	return cmp.Or(flags.dir, "."), err
}

// SetDefaults sets what depends on other options, and was not given as a flag.
func (o *Options) SetDefaults(given func(flag string) bool) {
	if !o.Compares() {
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
	if !o.Compares() && o.Packed == "" && o.Head+o.Setup+o.BenchFrom+strings.Join(o.Renames, "") != "" {
		return errors.New("--head, --setup, --bench-from, --rename: two sides are measured with --against REVISION")
	}
	if v := o.AgainstToolchain; v != "" && !version.IsValid(v) {
		return fmt.Errorf("--against-toolchain %s: a version of Go, such as go1.24.0", v)
	}
	if o.BenchFrom != "" && o.BenchFrom != Base && o.BenchFrom != Head {
		return fmt.Errorf("--bench-from %s: write %s or %s", o.BenchFrom, Base, Head)
	}
	if _, err := o.renames(); err != nil {
		return err
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

// other is the variant that is compared with this one.
func other(variant string) string {
	if variant == Base {
		return Head
	}
	return Base
}

// Suite is compiled test binaries and what is in them. It is used by one
// goroutine.
type Suite struct {
	Programs []*Program `json:"programs"`
	Bench    string     `json:"bench"`
	Against  string     `json:"against,omitempty"` // what variant Base is, a revision or a toolchain; empty without variants
	Head     string     `json:"head,omitempty"`    // that of variant Head; empty for the working tree

	// Broken are packages that do not compile or do not start, where others do.
	Broken []Broken `json:"broken,omitempty"`
	// Lost are benchmarks that only the base has, or that end badly in the head;
	// Added those that only the head has.
	Lost  []Absence `json:"lost,omitempty"`
	Added []string  `json:"added,omitempty"`
	// Trailers are what the messages of head's commits say behind [AllowTrailer].
	Trailers []string `json:"trailers,omitempty"`
	// Gates are the files named [GateFile] that head changes, by their paths in the
	// repository: a change that loosens its own gate must be seen.
	Gates []string `json:"gates,omitempty"`
	// Changed are benchmarks that are not the same on both sides: what they
	// measure cannot be compared.
	Changed []Absence `json:"changed,omitempty"`

	asked      map[string]asked // by the cell's variant and name
	traced     bool             // some cells leave traces
	toolchains bool             // they are what is compared
	cleanup    []func() error
}

// asked is what the process of a cell is to do.
type asked struct {
	benchmark string // its own name
	window    time.Duration
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
	// Start is how long the process takes until its first benchmark begins: what the
	// package's variables and init functions do is done in the process of each cell.
	Start time.Duration `json:"start"`

	key     string            // what Key is where a suite has several packages
	sources map[string]source // nil without --against
}

// Broken is a package of which nothing can be measured, with the reason.
type Broken struct {
	Variant string `json:"variant,omitempty"`
	Package string `json:"package"`
	Reason  string `json:"reason"`
}

// Benchmark is one that can be measured.
type Benchmark struct {
	Name string `json:"name"`         // as testing names it, without a -N suffix
	As   string `json:"as,omitempty"` // its name in samples, where that is the one it has in head
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
	s := &Suite{Bench: o.Bench, Against: strings.TrimSpace(o.Against + " " + o.AgainstToolchain), toolchains: o.AgainstToolchain != ""}
	_, s.Head = sides(o.Against, o.Head)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	b := builder{ctx: ctx, flags: flags, dir: dir, plain: o.Plain, setup: o.Setup, progress: progress}
	err = b.add(s, o)
	if err == nil {
		err = s.discover(ctx, o.Bench, slices.Max(procs), dir, progress)
	}
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%w while looking for benchmarks: nothing was measured yet; the same command begins again, and what was compiled is kept", bench.ErrInterrupted)
	case err != nil:
		return nil, err
	}
	if o.Compares() && o.DryRun {
		s.mirror()
		return s, s.Empty()
	}
	renames, _ := o.renames() // checked above
	if err := s.match(renames); err != nil {
		return nil, err
	}
	if len(s.Lost)+len(s.Changed) > 0 { // a verdict by itself
		return s, nil
	}
	return s, s.Empty()
}

// mirror lets a dry run take the base for what the head is: to build it, and to
// run each of its benchmarks, takes most of a dry run's time.
func (s *Suite) mirror() {
	heads := s.Programs
	s.Programs = nil
	for _, p := range heads {
		base := *p
		base.Variant, base.Absent = Base, nil
		s.Programs = append(s.Programs, &base)
	}
	s.Programs = append(s.Programs, heads...)
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
			p.Benchmarks, p.Absent, p.Start = f.Benchmarks, f.Absent, f.Start
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
		known[id] = found{p.Benchmarks, p.Absent, p.Start}
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

// Empty is the error of a suite without benchmarks to measure; nil if there are
// some.
func (s *Suite) Empty() error {
	for _, p := range s.Programs {
		if len(p.Benchmarks) > 0 {
			return nil
		}
	}
	if len(s.Broken) > 0 {
		return fmt.Errorf("nothing can be measured: %s: %s (%d packages in all)", s.Broken[0].Package, s.Broken[0].Reason, len(s.Broken))
	}
	if len(s.Lost)+len(s.Changed) == 0 && len(s.Added) > 0 {
		return fmt.Errorf("base has no benchmark: %s is only in head (%d in all)", s.Added[0], len(s.Added))
	}
	if len(s.Lost) > 0 && len(s.Added) > 0 {
		return fmt.Errorf("base and head have no benchmark in common: %s is only in base (%d in all), %s only in head (%d); --rename OLD=NEW compares two of different names", s.Lost[0].Name, len(s.Lost), s.Added[0], len(s.Added))
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
	s.asked, s.traced = map[string]asked{}, o.TraceCells()
	return o.Fit(func() (*bench.Plan, error) {
		plan := o.NewPlan()
		if a, b := s.Toolchains(Base), s.Toolchains(Head); s.Against != "" && len(a) > 0 && len(b) > 0 && !slices.Equal(a, b) {
			conditions := "not the same conditions: "
			if s.toolchains {
				conditions = ""
			}
			plan.Records = append(plan.Records, note("%s%s was built by %s, %s by %s", conditions, Base, strings.Join(a, " and "), Head, strings.Join(b, " and ")))
		}
		if s.Against != "" && o.DryRun {
			plan.Records = append(plan.Records, note("as in head: base is not looked at in a dry run"))
		}
		if o.BenchFrom != "" {
			plan.Records = append(plan.Records, note("both sides are measured with the test files and testdata of %s (--bench-from)", o.BenchFrom))
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
	probes := []string{""}
	if o.TraceCells() {
		probes = append(probes, "trace")
	}
	for _, b := range p.Benchmarks {
		for _, n := range procs {
			for _, probe := range probes {
				for _, v := range s.Programs {
					if v.Key != p.Key {
						continue
					}
					c := s.cell(o, v, v.benchmark(b.name()), probe, n)
					if probe != "" {
						c.Blocks = o.TraceBlocks
					}
					plan.Cells = append(plan.Cells, c)
				}
			}
		}
	}
}

// name is the benchmark's in samples.
func (b Benchmark) name() string { return cmp.Or(b.As, b.Name) }

// benchmark is the program's of that name in samples.
func (p *Program) benchmark(name string) Benchmark {
	i := slices.IndexFunc(p.Benchmarks, func(b Benchmark) bool { return b.name() == name })
	return p.Benchmarks[i] // match leaves those that both sides have
}

func (s *Suite) cell(o *Options, p *Program, b Benchmark, probe string, procs int) bench.Cell {
	name := p.cellName(b.name(), probe, procs)
	window := o.Time
	if p.Plain != "" {
		window = b.window(o.Time)
	}
	s.asked[p.Variant+" "+name] = asked{b.Name, window}
	args := []string{"-test.run=^$", "-test.paniconexit0", "-test.bench=" + exactly(b.Name), "-test.benchtime=" + window.String()}
	if probe != "" {
		args = append(args, "-test.trace=${CONTEND_DIR}/"+tracePath("${CONTEND_PREFIX}")+bench.Partial,
			"-test.mutexprofile=${CONTEND_DIR}/"+mutexPath("${CONTEND_PREFIX}")+bench.Partial, "-test.mutexprofilefraction=1")
	}
	expect := p.Start + b.Once*rounds + window*3/2
	return bench.Cell{
		Name: name, Variant: p.Variant, Program: p.id(), Procs: procs, Dir: p.Dir,
		Args: append(args, p.Args...), Expect: expect,
		Bound: time.Minute + 10*(b.Whole+expect),
	}
}

// window is the benchmark's timed window without our accounting, which keeps the
// first call out of it. That call may do what later ones find done: in a window
// hardly longer than it, it would be all that is measured. So the window is
// several first calls long, up to a bound beyond which a call is dear by itself.
func (b Benchmark) window(asked time.Duration) time.Duration {
	const calls, dear = 6, 500 * time.Millisecond
	if b.First > dear {
		return asked
	}
	return max(asked, (calls * b.First).Round(time.Millisecond))
}

// rounds is about how often testing runs a benchmark until it knows how many
// iterations fill the time: 1, 1 once warm, 100, 10⁴, 10⁶ …
const rounds = 5

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
		list = append(list, note("%s: CPU time is the whole process's (%s) and not gated: %s", p.Package, UnitProcess, p.Plain))
	}
	return list
}

func note(format string, args ...any) sample.Record {
	return sample.Record{Verb: "note", Fields: []sample.Field{{Key: "text", Value: fmt.Sprintf(format, args...)}}}
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
	facts, earlier := opt.Host, map[string]*[]int{}
	opt.Read = func(c bench.Cell, o bench.Output) (bench.Printed, error) {
		side := c.Variant + " " + c.Name
		if earlier[side] == nil {
			earlier[side] = new([]int)
		}
		r := reader{facts: facts, cell: c, benchmark: s.asked[side].benchmark, window: s.asked[side].window, plain: plain[c.Program], earlier: earlier[side]}
		return r.read(o)
	}
	if !s.traced {
		return nil
	}
	return os.MkdirAll(filepath.Join(opt.Dir, filepath.Dir(tracePath(""))), 0o755)
}
