package commands

import (
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/report/claims"
)

// What claims says of itself: about the study of caches, and about lock services.
const (
	aboutStudy = `Judge the claims of a published study by what was measured. The study is Gubernator's
comparison of its caches:
https://github.com/gubernator-io/gubernator/tree/thrawn/lock-free-perf/bench

Each claim is judged twice: by the test that the study used, and by a test without
what was unfair in that one. The limits were fixed before anything was measured, and
a claim is confirmed or refuted only if a whole 95% interval lies on one side of its
limit. Otherwise, or where CPUs, cells or samples are missing, the answer is "cannot
tell", with what is needed. Points with more Ps than CPUs (oversubscribed) are no
evidence.

A run of lock services is judged by the claims about lock services instead.

A refuted claim is an answer, so the exit code is 0.`
	aboutServices = `Judge claims about lock services by what was measured: which of them let a second
holder in under which fault, and what makes them fast. A claim that something never
happens is confirmed only by several samples of every cell that it is about, and a
claim about speed only if a whole 95% interval lies beyond a limit that was fixed
before anything was measured. Otherwise, or where cells or samples are missing, the
answer is "cannot tell", with what is needed.

A refuted claim is an answer, so the exit code is 0.`
)

func newClaims(families []family.Family) *cobra.Command {
	first := "contend claims contend-run"
	if slices.Contains(family.Names(families), "study") { // what the claims need
		first = "contend sweep --suite study --out contend-run && " + first
	}
	in := input{like: families[0]}
	var aliases []string
	cpus, asJSON := 0.0, false
	services := families[0].Subject == "service"
	long, examples := aboutStudy, "\n  contend claims --cpus 10 --name "+in.rule()+" laptop.txt"
	if services {
		long, examples = aboutServices, ""
	}
	c := &cobra.Command{
		Use:     "claims DIR|FILE…",
		Short:   "Judge published claims by a run: confirmed, refuted or cannot tell",
		Long:    long,
		Example: "  " + first + "\n  contend claims --json contend-run" + examples,
		Args:    cobra.MinimumNArgs(1),
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
	if !services {
		c.Flags().Float64Var(&cpus, "cpus", 0, "how many CPUs were usable, for texts that do not state it (usable-cpus:)")
		c.Flags().StringArrayVar(&aliases, "alias", nil, "what a name of another program is called here, e.g. MutexRead=backend=mutexlru,workload=walk; repeatable (the names of the study are known)")
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
