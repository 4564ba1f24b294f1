package commands

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report"
)

// sweep is the flags of a sweep over families.
type sweep struct {
	families []family.Family
	suite    string
	options  bench.SweepOptions
}

// bind adds the flags of every sweep and of all families.
func (s *sweep) bind(c *cobra.Command) {
	f := c.Flags()
	s.options.Bind(f)
	names := family.Names(s.families)
	f.StringVar(&s.suite, "suite", names[0], "what to measure: "+strings.Join(names, ", "))
	completeList(c, "suite", func() []string { return names })
	family.Flags(s.families, f)
	completed := map[string]bool{} // families share flags
	for _, fam := range s.families {
		for _, a := range fam.Axes {
			if a.Words != nil && !completed[a.Flag] {
				completed[a.Flag] = true
				completeList(c, a.Flag, a.Words)
			}
		}
	}
	completeList(c, "trace", func() []string { return bench.TraceModes })
	completeList(c, "affinity", func() []string { return bench.Affinities })
}

// plan is what the flags ask for, and the family that it is of.
func (s *sweep) plan(c *cobra.Command, facts *host.Facts) (*bench.Plan, *family.Family, error) {
	fam, err := family.Find(s.families, s.suite)
	if err != nil {
		return nil, nil, err
	}
	given, err := fam.Given(s.families, c.Flags())
	if err != nil {
		return nil, nil, err
	}
	plan, err := fam.Plan(&family.Sweep{SweepOptions: &s.options, Values: given, Host: facts})
	return plan, fam, err
}

func newSweep(families []family.Family) *cobra.Command {
	s := sweep{families: families}
	suites := ""
	for _, f := range families {
		suites += fmt.Sprintf("\n  %-12s %s", f.Name, f.About)
	}
	c := &cobra.Command{
		Use:   "sweep",
		Short: "Measure all combinations of what the flags list, and draw the report",
		Long: `Measure every combination of the values that the flags list (a cell), each in a fresh
process. Repetitions are measured in blocks: each block holds every cell once, in
random order. Then the report is drawn. If a run was interrupted, the same command
continues it.

The run folder holds samples.txt, which benchstat reads, the pictures and the page,
report.html. Suites:` + suites,
		Example: `  contend sweep --quick` + sweepExamples(families) + `
  contend sweep --procs 1-32 --dry-run --price-per-hour 1.53`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.run(cmd)
		},
	}
	s.bind(c)
	return c
}

func (s *sweep) run(c *cobra.Command) error {
	facts := host.Read()
	plan, fam, err := s.plan(c, &facts)
	if err != nil {
		return err
	}
	o := &s.options
	if o.DryRun {
		plan.Describe(os.Stdout, o.PricePerHour)
		announceTraces(os.Stdout, plan)
		return nil
	}
	if fam.Ready != nil {
		warnings, err := fam.Ready(c.Context(), plan)
		for _, w := range warnings {
			fmt.Fprintln(os.Stderr, "warning:", w)
		}
		if err != nil {
			return err
		}
	}
	_, err = measure(c.Context(), plan, o, o.Options(&facts), os.Stdout)
	return err
}

// columns is the width of a terminal, 0 for any other file.
func columns(f *os.File) int {
	if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
		return width
	}
	return 0
}

// measure carries out a plan and draws its report, whose path goes to out.
func measure(ctx context.Context, plan *bench.Plan, o *bench.SweepOptions, opt bench.Options, out io.Writer) (bench.Summary, error) {
	opt.Provenance = append(bench.Provenance(), opt.Provenance...)
	opt.Progress, opt.Columns = os.Stderr, columns(os.Stderr)
	fmt.Fprintln(os.Stderr, plan.Size())
	for _, reason := range plan.Lacking() {
		fmt.Fprintln(os.Stderr, "left out:", reason)
	}
	announceTraces(os.Stderr, plan)
	sum, err := bench.Run(ctx, plan, opt)
	if err != nil {
		if sum.Measured > 0 {
			err = fmt.Errorf("%w; %s safe in %s, the same command continues", err, bench.Count(sum.Measured+sum.Reused, "sample is", "samples are"), o.Out)
		}
		return sum, exit(bench.ExitCode(sum, err, o.Strict), err)
	}
	sum.Describe(os.Stderr)
	if o.NoReport {
		return sum, exit(bench.ExitCode(sum, nil, o.Strict), strictError(sum, o.Strict))
	}
	set, err := sample.Load(o.Out)
	if err == nil {
		printNotes(set.Notes)
		overlayVariants(set)
		err = writeReport(set, o.Out, report.Options{}, out)
	}
	if err != nil {
		return sum, exit(bench.ExitInvalid, err)
	}
	return sum, exit(bench.ExitCode(sum, nil, o.Strict), strictError(sum, o.Strict))
}

// strictError says why --strict fails a run whose samples are all valid.
func strictError(sum bench.Summary, strict bool) error {
	if !strict || len(sum.Invalid) > 0 || sum.Warned == 0 {
		return nil
	}
	return fmt.Errorf("--strict: %d of %s a warning, see above; without --strict that is exit 0", sum.Warned, bench.Count(sum.Measured+sum.Reused, "sample carries", "samples carry"))
}
