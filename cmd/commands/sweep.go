package commands

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/cachebench"
	"github.com/contend-go/contend/bench/cachebench/workload"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/primitives"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/bench/study"
	"github.com/contend-go/contend/caches/catalog"
	"github.com/contend-go/contend/report"
)

// suites is what --suite may name, and which of its flags are whose.
type suites struct {
	caches     cachebench.Options // its SweepOptions are those of every suite
	primitives primitives.Options
	suite      string
}

func newSweep() *cobra.Command {
	var s suites
	c := &cobra.Command{
		Use:   "sweep",
		Short: "Measure caches, or primitives, over values of GOMAXPROCS",
		Long: `Measure every combination of the axes, each in a fresh process, in random blocks,
and draw the report. A run that was interrupted is continued by the same command.

The run folder holds samples.txt, which benchstat reads, the pictures, and
report.html. Suites: caches over workloads; primitives, the rows of
synchronisation primitives; study, what the published study's claims need
(see contend claims).`,
		Example: `  contend sweep --quick
  contend sweep --backend all --workload zipf,evict --reads 100,75 --procs 1,2,4
  contend sweep --workload replay --input oltp.gz --capacity 1000,2000 --backend mutexlru,ring
  contend sweep --procs 1-32 --budget 20m --dry-run --price-per-hour 1.53
  contend sweep --suite primitives --row lock-contended,read --hold 0,200ns
  contend sweep --suite study --quick`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.sweep(cmd)
		},
	}
	f := c.Flags()
	f.StringVar(&s.suite, "suite", "caches", "what to measure: caches, primitives or study")
	s.caches.Bind(f)
	s.primitives.Bind(f)
	completeList(c, "backend", catalog.Names)
	completeList(c, "workload", workload.Names)
	completeList(c, "row", primitives.Names)
	completeList(c, "suite", func() []string { return []string{"caches", "primitives", "study"} })
	return c
}

func (s *suites) sweep(c *cobra.Command) error {
	if err := s.foreign(c.Flags()); err != nil {
		return err
	}
	facts := host.Read()
	plan, err := s.plan(&facts)
	if err != nil {
		return err
	}
	o := &s.caches.SweepOptions
	if o.DryRun {
		plan.Describe(os.Stdout, o.PricePerHour)
		announceTraces(os.Stdout, plan)
		return nil
	}
	return measure(c.Context(), plan, o, o.Options(&facts))
}

func (s *suites) plan(facts *host.Facts) (*bench.Plan, error) {
	switch s.suite {
	case "caches":
		return s.caches.Plan(catalog.All(), facts)
	case "primitives":
		return s.primitives.Plan(&s.caches.SweepOptions, facts)
	case "study":
		return study.Plan(&s.caches.SweepOptions, facts)
	}
	return nil, fmt.Errorf("--suite: %q unknown; there are caches, primitives and study", s.suite)
}

// foreign refuses the axes of another suite: they would change nothing.
func (s *suites) foreign(given *pflag.FlagSet) (err error) {
	var every, rows pflag.FlagSet
	new(bench.SweepOptions).Bind(&every)
	new(primitives.Options).Bind(&rows)
	given.Visit(func(f *pflag.Flag) {
		owner := "caches"
		switch {
		case f.Name == "suite" || every.Lookup(f.Name) != nil:
			return
		case rows.Lookup(f.Name) != nil:
			owner = "primitives"
		}
		if owner != s.suite {
			err = fmt.Errorf("--%s: belongs to --suite %s, not to %s", f.Name, owner, s.suite)
		}
	})
	return err
}

// measure carries out a plan and draws its report.
func measure(ctx context.Context, plan *bench.Plan, o *bench.SweepOptions, opt bench.Options) error {
	opt.Provenance = append(bench.Provenance(), opt.Provenance...)
	opt.Progress, opt.Terminal = os.Stderr, term.IsTerminal(int(os.Stderr.Fd()))
	fmt.Fprintf(os.Stderr, "%d cells, %d processes, about %v\n", len(plan.Cells), plan.Samples(), plan.Duration().Round(1e9))
	announceTraces(os.Stderr, plan)
	sum, err := bench.Run(ctx, plan, opt)
	if err != nil {
		if sum.Measured > 0 {
			err = fmt.Errorf("%w; %d samples are safe in %s, the same command continues", err, sum.Measured+sum.Reused, o.Out)
		}
		return exit(bench.ExitCode(sum, err, o.Strict), err)
	}
	sum.Describe(os.Stderr)
	set, err := sample.Load(o.Out)
	if err == nil {
		printNotes(set.Notes)
		err = writeReport(set, o.Out, report.Options{})
	}
	if err != nil {
		return exit(bench.ExitInvalid, err)
	}
	return exit(bench.ExitCode(sum, nil, o.Strict), nil)
}
