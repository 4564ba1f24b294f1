package commands

import (
	"context"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/cachebench/workload"
	"github.com/contend-go/contend/bench/primitives"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/caches/cachetest"
	"github.com/contend-go/contend/caches/catalog"
)

func newList() *cobra.Command {
	verbose := false
	c := &cobra.Command{
		Use:       "list [backends|workloads|primitives|units]",
		Short:     "Backends, workloads, rows of primitives and units",
		Example:   "  contend list\n  contend list backends --verbose     what each backend promises, and whether it keeps it",
		ValidArgs: []string{"backends", "workloads", "primitives", "units"},
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		RunE: func(cmd *cobra.Command, args []string) error {
			what := ""
			if len(args) > 0 {
				what = args[0]
			}
			return list(cmd.Context(), os.Stdout, what, verbose)
		},
	}
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "check every backend's promises, and print promised against observed")
	return c
}

func list(ctx context.Context, w io.Writer, what string, verbose bool) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	defer t.Flush()
	if what == "" || what == "backends" {
		fmt.Fprintln(t, "BACKEND\tSYNCHRONISATION\tPOLICY\tSTRICT\t")
		for _, s := range catalog.All() {
			fmt.Fprintf(t, "%s\t%s\t%s\t%v\t%s\n", s.Name, s.Sync, s.Policy, s.Strict, s.About)
		}
		fmt.Fprintln(t)
	}
	if what == "" || what == "workloads" {
		fmt.Fprintln(t, "WORKLOAD\t")
		for _, s := range workload.All() {
			fmt.Fprintf(t, "%s\t%s\n", s.Name, s.About)
		}
		fmt.Fprintln(t)
	}
	if what == "" || what == "primitives" {
		fmt.Fprintln(t, "ROW OF PRIMITIVES\t")
		for _, name := range primitives.Names() {
			fmt.Fprintf(t, "%s\t%s\n", name, primitives.About(name))
		}
		fmt.Fprintln(t)
	}
	if what == "" || what == "units" {
		fmt.Fprintln(t, "UNIT\tBETTER\t")
		for _, u := range sample.Units {
			fmt.Fprintf(t, "%s\t%s\t%s\n", u.Name, u.Better, u.About)
		}
	}
	if verbose && (what == "" || what == "backends") {
		t.Flush()
		return listPromises(ctx, w)
	}
	return nil
}

// listPromises checks every backend. A promise that is broken fails the
// command: exit 1.
func listPromises(ctx context.Context, w io.Writer) error {
	broken := 0
	for _, s := range catalog.All() {
		r := cachetest.Check(ctx, s, cachetest.Options{Quick: true})
		fmt.Fprintf(w, "%s (seed %d)\n", s.Name, r.Seed)
		t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
		for _, res := range r.Results {
			fmt.Fprintf(t, "  %s\t%s\t%s\t%s\n", res.Check, res.Verdict, res.Promised, res.Observed)
			if res.Verdict == cachetest.Broken {
				broken++
			}
		}
		t.Flush()
	}
	if broken > 0 {
		return exit(bench.ExitFailed, fmt.Errorf("%d promises broken", broken))
	}
	return nil
}

// completeList completes a flag that takes a list of names.
func completeList(c *cobra.Command, flag string, names func() []string) {
	err := c.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return names(), cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil {
		panic(err) // the flag was bound a line before
	}
}
