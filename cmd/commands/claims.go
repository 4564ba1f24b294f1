package commands

import (
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/report/claims"
)

func newClaims(families []family.Family) *cobra.Command {
	first := "contend claims contend-run"
	if slices.Contains(family.Names(families), "study") { // what the claims need
		first = "contend sweep --suite study --out contend-run && " + first
	}
	var in input
	var aliases []string
	cpus, asJSON := 0.0, false
	c := &cobra.Command{
		Use:   "claims DIR|FILE…",
		Short: "Published claims about caches and locks: confirmed, refuted, cannot tell",
		Long: `Judge the claims of a published study, Gubernator's comparison of its caches, by
what was measured: each as the study tested it, and once more with what was unfair
in that test taken out. Answers rest on 95% intervals against limits that were
fixed beforehand. Where a host has too few CPUs, or cells or samples are missing,
the answer is "cannot tell", with what is needed. Points with more Ps than CPUs
(oversubscribed) are no evidence.

The study: https://github.com/gubernator-io/gubernator/tree/thrawn/lock-free-perf/bench

Runs of lock services are judged by the claims about distributed locks instead.

A refuted claim is an answer: the exit code is 0.`,
		Example: "  " + first + `
  contend claims --json contend-run
  contend claims --cpus 10 --name 'BenchmarkParallel/{backend}_{gomaxprocs}' laptop.txt`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if cpus < 0 {
				return fmt.Errorf("--cpus: %g; the number of CPUs that were usable", cpus)
			}
			known, err := claims.StudyAliases.With(aliases...)
			if err != nil {
				return err
			}
			set, err := in.load(args...)
			if err != nil {
				return err
			}
			if locks := claims.JudgeLocks(set); locks != nil {
				if asJSON {
					return claims.WriteLocksJSON(os.Stdout, locks)
				}
				return claims.WriteLocks(os.Stdout, locks)
			}
			known.Apply(set)
			hosts := claims.Judge(set, cpus)
			if asJSON {
				return claims.WriteJSON(os.Stdout, hosts)
			}
			return claims.Write(os.Stdout, hosts)
		},
	}
	in.bind(c.Flags())
	c.Flags().Float64Var(&cpus, "cpus", 0, "usable CPUs, for texts that do not state them (usable-cpus:)")
	c.Flags().StringArrayVar(&aliases, "alias", nil, "what a backend of another program is here, e.g. MutexRead=backend=mutexlru,workload=walk; repeatable (the study's own names are known)")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
