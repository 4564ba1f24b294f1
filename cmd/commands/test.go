package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/gotest"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/compare"
)

func newTest() *cobra.Command {
	var o gotest.Options
	gate := compare.Default
	gate.CPU = true
	c := &cobra.Command{
		Use:   "test [PACKAGE] [flags] [-- FLAGS OF GO TEST]",
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
		Args: onePackage,
		RunE: func(c *cobra.Command, args []string) error {
			if c.Flags().Changed("unit") && o.Against == "" && o.Packed == "" {
				return errors.New("--unit: what is gated is asked with --against REVISION; samples hold all units")
			}
			setPackage(&o, c, args)
			o.SetDefaults(c.Flags().Changed)
			return test(c.Context(), &o, gate)
		},
	}
	o.Bind(c.Flags())
	c.Flags().StringSliceVar(&gate.Units, "unit", nil, "with --against: gated units, e.g. ops/s,cpu-ns/op (default ops/s, else ns/op; and cpu-ns/op)")
	completeGoTest(c)
	return c
}

// completeGoTest is what test and pack have in common: shells offer folders and
// values, and flags of go test that stand in the wrong place get the right one.
func completeGoTest(c *cobra.Command) {
	c.DisableFlagsInUseLine = true // Use has them in their place
	c.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	completeList(c, "trace", func() []string { return []string{"none", "cells"} })
	completeList(c, "affinity", func() []string { return []string{"none", "cores"} })
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		if hint := gotest.Misplaced(os.Args[1:]); hint != "" {
			return fmt.Errorf("%w: %s", err, hint)
		}
		return err
	})
}

// onePackage checks arguments of the form PACKAGE -- FLAGS, where both may be
// missing.
func onePackage(c *cobra.Command, args []string) error {
	packages := len(args)
	if at := c.ArgsLenAtDash(); at >= 0 {
		packages = at
	}
	if packages > 1 {
		return errors.New("one package, or one pattern such as ./...; flags of go test go behind --")
	}
	return nil
}

// setPackage takes over what onePackage checked.
func setPackage(o *gotest.Options, c *cobra.Command, args []string) {
	o.Package, o.GoFlags = ".", args
	if c.ArgsLenAtDash() != 0 && len(args) > 0 {
		o.Package, o.GoFlags = args[0], args[1:]
	}
}

// buildFolder holds the test binaries within a run folder. The go command skips
// folders that begin with an underscore: a run folder may lie in a module.
const buildFolder = "_build"

func test(ctx context.Context, o *gotest.Options, gate compare.Options) (err error) {
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
	if suite.Against == "" || measured != nil && !(errors.As(measured, &code) && code.code == bench.ExitInvalid && code.err == nil) {
		return measured
	}
	set, err := sample.Load(o.Out)
	if err != nil {
		return err
	}
	old := compare.Side{Label: suite.Against, Set: set, Variant: gotest.Base}
	new := compare.Side{Label: "working tree", Set: set, Variant: gotest.Head}
	c, err := compare.Compare(old, new, gate)
	if err != nil {
		return err
	}
	if err := verdict(c, "text", o.Strict); err != nil {
		return err
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
