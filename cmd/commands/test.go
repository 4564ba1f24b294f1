package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/gotest"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/compare"
)

// tester is contend test, as its flags ask for it.
type tester struct {
	gotest.Options
	gate     gate
	format   string // of the verdict
	outGiven bool   // the run folder was named
	config   string // its path; empty to look for it

	window time.Duration // as asked for, before a budget cut it
}

func newTest() *cobra.Command {
	t := tester{gate: gate{Options: compare.Default}, format: "text"}
	t.gate.CPU, t.gate.Now = true, time.Now()
	c := &cobra.Command{
		Use:   "test [PACKAGES] [flags] [-- FLAGS OF GO TEST]",
		Short: "Measure the Go benchmarks of any package at several values of GOMAXPROCS",
		Long: `Build the test binary of each package once, and run each of its benchmarks at each
value of GOMAXPROCS, each time in a fresh process and in random order. The packages
need no change. CPU time is that of the timed part of the benchmark only.

With --against, the benchmarks of a git revision (the old side, called base) are
measured together with those of the working tree (the new side, called head), and both
are compared as contend compare does, in wall time and CPU time. Exit code 1 is a
regression.`,
		Example: `  contend test ./pkg --bench Map
  contend test sync --bench Mutex --procs 1,2,4 --quick
  contend test ./pkg --bench Foo --trace cells -- -tags integration -short
  contend test ./pkg --against HEAD~1`,
		RunE: func(c *cobra.Command, args []string) error {
			for _, flag := range []string{"unit", "min-effect", "alpha", "allow-lost", "format", "config"} {
				if c.Flags().Changed(flag) && !t.Compares() && t.Packed == "" {
					return fmt.Errorf("--%s: what is gated is asked with --against REVISION; samples hold all units", flag)
				}
			}
			setPackages(&t.Options, c, args)
			if err := t.configure(c.Flags().Changed); err != nil {
				return err
			}
			if err := t.gate.check(); err != nil {
				return err
			}
			if err := checkUnits("--unit", t.gate.Units); err != nil {
				return err
			}
			t.SetDefaults(c.Flags().Changed)
			if t.Compares() && !c.Flags().Changed("first-block") { // machines of a fleet measure whole blocks
				t.Sequential = compare.LeastSequential
			}
			t.outGiven = c.Flags().Changed("out")
			return t.run(c.Context())
		},
	}
	t.Bind(c.Flags())
	t.gate.bind(c.Flags())
	c.Flags().StringVar(&t.config, "config", "", "with --against: file that says which changes count and which are allowed (default "+gotest.GateFile+" in this folder or in one above it, within the repository)")
	c.Flags().StringVar(&t.format, "format", t.format, "with --against: format of the verdict: "+strings.Join(compare.Formats, ", "))
	completeList(c, "format", func() []string { return compare.Formats })
	completeGoTest(c)
	return c
}

// configure reads the project's file, if it has one.
func (t *tester) configure(given func(flag string) bool) (err error) {
	if !t.Compares() {
		return nil
	}
	path := t.config
	if path == "" {
		dir, err := t.Dir()
		if err != nil {
			return err
		}
		if path, err = findConfig(dir); err != nil || path == "" {
			return err
		}
	}
	return t.gate.configure(path, given)
}

// brokenError lists the packages of which nothing was measured.
func brokenError(s *gotest.Suite) error {
	text := fmt.Sprintf("%d packages could not be measured:", len(s.Broken))
	if len(s.Broken) == 1 {
		text = "1 package could not be measured:"
	}
	for _, b := range s.Broken {
		text += fmt.Sprintf("\n  %s: %s", b.Package, firstLines(b.Reason, 3))
	}
	return errors.New(text)
}

// firstLines are the first n lines of a text.
func firstLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) > n {
		lines = append(lines[:n], "…")
	}
	return strings.Join(lines, "\n    ")
}

// completeGoTest is what test and pack have in common: shells offer folders and
// values, and flags of go test that stand in the wrong place get the right one.
func completeGoTest(c *cobra.Command) {
	c.DisableFlagsInUseLine = true // Use has them in their place
	c.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	completeList(c, "trace", func() []string { return []string{"none", "cells"} })
	completeList(c, "affinity", func() []string { return bench.Affinities })
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		if iterations.MatchString(err.Error()) {
			return errors.New("--time: a window is a time, such as 100ms, and testing finds the iterations that fill it: a fixed number makes windows of a length that nobody chose")
		}
		if hint := gotest.Misplaced(os.Args[1:]); hint != "" {
			return fmt.Errorf("%w: %s", err, hint)
		}
		return nearFlag(c, err)
	})
}

// iterations matches the error for a benchtime such as 100x.
var iterations = regexp.MustCompile(`invalid argument "\d+x" for "--time"`)

// setPackages takes the arguments: packages, and behind -- the flags of go test.
func setPackages(o *gotest.Options, c *cobra.Command, args []string) {
	at := c.ArgsLenAtDash()
	if at < 0 {
		at = len(args)
	}
	o.Packages, o.GoFlags = args[:at], args[at:]
	if at == 0 {
		o.Packages = []string{"."}
	}
}

// buildFolder holds the test binaries within a run folder. The go command skips
// folders that begin with an underscore: a run folder may lie in a module.
const buildFolder = "_build"

func (t *tester) run(ctx context.Context) (err error) {
	o, g, began := &t.Options, &t.gate, time.Now()
	facts := host.Read()
	dir := filepath.Join(o.Out, buildFolder)
	if o.DryRun {
		if dir, err = os.MkdirTemp("", "contend-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	} else if err := bench.MakeFolder(o.Out); err != nil {
		return err
	}
	suite, err := t.build(ctx, &facts, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, suite.Close()) }()
	o.Spent, t.window = time.Since(began), o.Time
	plan, err := suite.Plan(o, &facts)
	if err != nil {
		return err
	}
	if suite.Against != "" {
		if err := g.allow(suite.Trailers); err != nil {
			return err
		}
		if o.Sequential > 0 && o.Count >= o.Sequential {
			g.Sequential.End = o.Count
		}
		g.base, g.head = suite.Against, cmp.Or(suite.Head, "working tree")
		plan.Records = append(plan.Records, g.records()...)
		for _, path := range suite.Gates {
			text := gateChanged + path + " is not what it is in base: this verdict is by the rules of head"
			plan.Records = append(plan.Records, sample.Record{Verb: "note", Fields: []sample.Field{{Key: "text", Value: text}}})
		}
	}
	if len(plan.Cells) == 0 {
		return g.nothing(plan.Records, suite.Empty())
	}
	if o.DryRun {
		plan.Describe(os.Stdout, o.PricePerHour)
		return nil
	}
	if suite.Against != "" && !t.outGiven && errors.Is(plan.Fits(o.Out), bench.ErrOtherPlan) {
		if err := moveAside(o.Out); err != nil {
			return err
		}
	}
	opt := o.Options(&facts)
	if err := suite.Prepare(&opt); err != nil {
		return err
	}
	path := os.Stdout
	if suite.Against != "" && t.format != "text" { // there, the verdict alone: something reads it
		path = os.Stderr
	}
	if suite.Against != "" {
		opt.Settled = t.settled
	}
	sum, measured := measure(ctx, plan, &o.SweepOptions, opt, path)
	if suite.Against != "" {
		return t.judge(suite, plan, sum, measured)
	}
	if measured == nil && len(suite.Broken) > 0 {
		return exit(bench.ExitInvalid, brokenError(suite))
	}
	return measured
}

// judge compares what was measured; invalid samples do not keep it from that.
func (t *tester) judge(suite *gotest.Suite, plan *bench.Plan, sum bench.Summary, measured error) error {
	var code exitError
	if measured != nil && !(errors.As(measured, &code) && code.code == bench.ExitInvalid && code.err == nil) {
		return measured
	}
	set, err := sample.Load(t.Out)
	if err != nil {
		return err
	}
	g := &t.gate
	g.Sequential = design(set)
	old, new := t.sides(set)
	c, err := compare.Compare(old, new, g.Options)
	if err != nil {
		return err
	}
	records := plan.Records
	if sum.Cut != "" {
		records = append(records, sample.Record{Verb: "note", Fields: []sample.Field{{Key: "text", Value: fmt.Sprintf("--budget %v: %s", t.Budget, sum.Cut)}}})
	}
	if err := g.verdict(c, records, t.format, t.Strict); err != nil {
		return err
	}
	if len(suite.Broken) > 0 {
		return exit(bench.ExitInvalid, brokenError(suite))
	}
	if n := c.Count(compare.Unclear); n > 0 {
		fmt.Fprintln(os.Stderr, advice(n, c.Needs(), sum.Blocks, time.Duration(c.Open()*float64(blockTime(plan, sum))), t.goOn))
	}
	return measured // some samples may be invalid
}

// sides are what is compared of a set.
func (t *tester) sides(set *sample.Set) (old, new compare.Side) {
	return compare.Side{Label: t.gate.base, Set: set, Variant: gotest.Base}, compare.Side{Label: t.gate.head, Set: set, Variant: gotest.Head}
}

// settled reads what was measured so far, and names the cells that are clear by it.
func (t *tester) settled(blocks int) (map[string]bool, error) {
	set, err := sample.Load(t.Out)
	if err != nil {
		return nil, err
	}
	opt := t.gate.Options
	opt.Sequential = design(set)
	old, new := t.sides(set)
	return compare.Settled(old, new, opt, blocks), nil
}

// blockTime is how long a block of the plan takes on this host.
func blockTime(plan *bench.Plan, sum bench.Summary) time.Duration {
	if sum.Measured >= len(plan.Cells) {
		return sum.Took / time.Duration(sum.Measured) * time.Duration(len(plan.Cells))
	}
	return plan.Duration() / time.Duration(plan.Blocks)
}

// tooLong is a wait for an answer that nobody is advised to have.
const tooLong = time.Hour

// goOn is the command that measures on until there are n blocks.
func (t *tester) goOn(n int) string {
	command, flags := "the same command", ""
	if t.Budget > 0 {
		command += " without --budget"
		if t.Time != t.window {
			flags += fmt.Sprintf(" --time %v", t.Time)
		}
	}
	if n > t.Count {
		flags += fmt.Sprintf(" --count %d", n)
	}
	if flags != "" {
		command += " with" + flags
	}
	return command
}

// advice says what decides the unclear comparisons, in time: needs are the blocks
// that each takes, of those that tell, there are have, a block takes so long, and
// goOn is the command.
func advice(unclear int, needs []int, have int, block time.Duration, goOn func(n int) string) string {
	more := func(n int) time.Duration { return time.Duration(max(n-have, compare.MinN)) * block }
	k := 0
	for k < len(needs) && more(needs[k]) <= tooLong {
		k++
	}
	if k == 0 && len(needs) > 0 {
		return fmt.Sprintf("undecided: %d, which would take more than an hour: not on this host; a quieter one needs less, and so do fewer benchmarks", unclear)
	}
	n := have + compare.MinN
	if k > 0 {
		n = max(n, needs[k-1])
	}
	text := fmt.Sprintf("undecided: about %s more, by %s, would decide %d of %d", roughly(more(n)), goOn(n), max(k, unclear-len(needs)), unclear)
	if left := len(needs) - k; left > 0 {
		text += fmt.Sprintf("; %d would take more than an hour: not on this host", left)
	}
	return text
}

// roughly is a time as people say it.
func roughly(d time.Duration) string {
	switch n := int(d.Round(time.Minute) / time.Minute); {
	case n > 1:
		return fmt.Sprintf("%d minutes", n)
	case n == 1:
		return "a minute"
	}
	return bench.Count(max(1, int(d.Round(time.Second)/time.Second)), "second", "seconds")
}

// moveAside renames the run folder of an earlier comparison, of another plan, and
// keeps what was compiled for this one.
func moveAside(dir string) error {
	for n := 1; ; n++ {
		old := fmt.Sprintf("%s-%d", dir, n)
		if _, err := os.Lstat(old); err == nil {
			continue
		}
		if err := os.Rename(dir, old); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "%s held another comparison: it is %s now\n", dir, old)
		if err := bench.MakeFolder(dir); err != nil {
			return err
		}
		return os.Rename(filepath.Join(old, buildFolder), filepath.Join(dir, buildFolder))
	}
}

// build compiles the suite, or loads a packed one. When the budget is over, nothing
// could be measured any more.
func (t *tester) build(ctx context.Context, facts *host.Facts, dir string) (*gotest.Suite, error) {
	o := &t.Options
	if o.Packed != "" {
		return gotest.Load(o.Packed)
	}
	within := ctx
	if o.Budget > 0 && !o.DryRun {
		var cancel context.CancelFunc
		within, cancel = context.WithTimeout(ctx, o.Budget)
		defer cancel()
	}
	suite, err := gotest.Build(within, o, facts, dir, os.Stderr)
	if err != nil && ctx.Err() == nil && within.Err() != nil {
		return nil, fmt.Errorf("--budget %v: it was over while building and looking for benchmarks, which it counts: give more, or select less; what was compiled is kept for the same command", o.Budget)
	}
	return suite, err
}
