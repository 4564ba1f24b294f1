package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/gotest"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/compare"
)

func newTest() *cobra.Command {
	var o gotest.Options
	g := gate{Options: compare.Default}
	g.CPU = true
	format := "text"
	c := &cobra.Command{
		Use:   "test [PACKAGES] [flags] [-- FLAGS OF GO TEST]",
		Short: "Measure any package's Go benchmarks over values of GOMAXPROCS",
		Long: `Build a package's test binary once, and measure each of its benchmarks at each
GOMAXPROCS, each time in a process of its own, in random blocks. The package
needs no change. CPU time is that of the benchmark's timed window.

With --against, the benchmarks of another revision are measured beside those of
the working tree, in the same blocks. The verdict is that of contend compare, on
wall time and CPU time; exit code 1 is a regression.`,
		Example: `  contend test ./pkg --bench Map
  contend test sync --bench Mutex --procs 1,2,4 --quick
  contend test ./pkg --bench Foo --trace cells -- -tags integration -short
  contend test ./pkg --against HEAD~1`,
		RunE: func(c *cobra.Command, args []string) error {
			for _, flag := range []string{"unit", "min-effect", "alpha", "allow-lost", "format"} {
				if c.Flags().Changed(flag) && o.Against == "" && o.Packed == "" {
					return fmt.Errorf("--%s: what is gated is asked with --against REVISION; samples hold all units", flag)
				}
			}
			setPackages(&o, c, args)
			if err := g.check(); err != nil {
				return err
			}
			o.SetDefaults(c.Flags().Changed)
			return test(c.Context(), &o, &g, format)
		},
	}
	o.Bind(c.Flags())
	g.bind(c.Flags())
	c.Flags().StringVar(&format, "format", format, "of the verdict: "+strings.Join(compare.Formats, ", "))
	completeList(c, "format", func() []string { return compare.Formats })
	completeGoTest(c)
	return c
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

func test(ctx context.Context, o *gotest.Options, g *gate, format string) (err error) {
	facts := host.Read()
	dir := filepath.Join(o.Out, buildFolder)
	if o.DryRun {
		if dir, err = os.MkdirTemp("", "contend-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	suite, err := build(ctx, o, &facts, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, suite.Close()) }()
	plan, err := suite.Plan(o, &facts)
	if err != nil {
		return err
	}
	if suite.Against != "" {
		g.base, g.head = suite.Against, "working tree"
		plan.Records = append(plan.Records, g.record())
	}
	if o.DryRun {
		plan.Describe(os.Stdout, o.PricePerHour)
		return nil
	}
	opt := o.Options(&facts)
	if err := suite.Prepare(&opt); err != nil {
		return err
	}
	measured := measure(ctx, plan, &o.SweepOptions, opt)
	var code exitError
	if suite.Against == "" && measured == nil && len(suite.Broken) > 0 {
		return exit(bench.ExitInvalid, brokenError(suite))
	}
	if suite.Against == "" || measured != nil && !(errors.As(measured, &code) && code.code == bench.ExitInvalid && code.err == nil) {
		return measured
	}
	set, err := sample.Load(o.Out)
	if err != nil {
		return err
	}
	old := compare.Side{Label: g.base, Set: set, Variant: gotest.Base}
	new := compare.Side{Label: g.head, Set: set, Variant: gotest.Head}
	c, err := compare.Compare(old, new, g.Options)
	if err != nil {
		return err
	}
	if err := g.verdict(c, plan.Records, format, o.Strict); err != nil {
		return err
	}
	if len(suite.Broken) > 0 {
		return exit(bench.ExitInvalid, brokenError(suite))
	}
	if c.Count(compare.Unclear) > 0 {
		fmt.Fprintf(os.Stderr, "undecided: give --count %d: it goes on from these samples; a quieter host needs fewer\n", max(c.Needed(), o.Count+compare.MinN))
	}
	return measured // some samples may be invalid
}

// build compiles the suite, or loads a packed one.
func build(ctx context.Context, o *gotest.Options, facts *host.Facts, dir string) (*gotest.Suite, error) {
	if o.Packed != "" {
		return gotest.Load(o.Packed)
	}
	return gotest.Build(ctx, o, facts, dir, os.Stderr)
}
