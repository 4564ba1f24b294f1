package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/cachebench"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/caches/catalog"
	"github.com/contend-go/contend/report"
)

func newSweep() *cobra.Command {
	var o cachebench.Options
	c := &cobra.Command{
		Use:   "sweep",
		Short: "Measure caches over workloads and values of GOMAXPROCS",
		Long: `Measure every combination of the axes, each in a fresh process, in random blocks,
and draw the report. A run that was interrupted is continued by the same command.

The run folder holds samples.txt, which benchstat reads, the pictures, and
report.html.`,
		Example: `  contend sweep --quick
  contend sweep --backend all --workload zipf,evict --reads 100,75 --procs 1,2,4
  contend sweep --workload replay --input oltp.gz --capacity 1000,2000 --backend mutexlru,ring
  contend sweep --procs 1-32 --budget 20m --dry-run --price-per-hour 1.53`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return sweep(cmd.Context(), &o)
		},
	}
	o.Bind(c.Flags())
	completeList(c, "backend", catalog.Names)
	completeList(c, "workload", workloadNames)
	return c
}

func sweep(ctx context.Context, o *cachebench.Options) error {
	facts := host.Read()
	plan, err := o.Plan(catalog.All(), &facts)
	if err != nil {
		return err
	}
	if o.DryRun {
		plan.Describe(os.Stdout, o.PricePerHour)
		announceTraces(os.Stdout, plan)
		return nil
	}
	return measure(ctx, plan, &o.SweepOptions, o.Options(&facts))
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
		err = writeReport(set, o.Out, report.Options{})
	}
	if err != nil {
		return exit(bench.ExitInvalid, err)
	}
	return exit(bench.ExitCode(sum, nil, o.Strict), nil)
}
