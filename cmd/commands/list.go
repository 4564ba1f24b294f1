package commands

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/bench/vocabulary"
)

func newList(families []family.Family) *cobra.Command {
	lists := everyList(families)
	var names []string
	for _, l := range lists {
		names = append(names, l.Name)
	}
	verbose := false
	c := &cobra.Command{
		Use:       "list [" + strings.Join(names, "|") + "]",
		Short:     "List what can be measured, and the units",
		Example:   "  contend list\n  contend list " + names[0] + " --verbose     what each promises, and whether it keeps it",
		ValidArgs: names,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("one list at a time: %s, or all without a word", strings.Join(names, ", "))
			}
			if len(args) == 1 && !slices.Contains(names, args[0]) {
				return vocabulary.Unknown("list", args[0], names)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			chosen := lists
			if len(args) > 0 {
				chosen = slices.DeleteFunc(slices.Clone(lists), func(l family.List) bool { return l.Name != args[0] })
			}
			return list(cmd.Context(), os.Stdout, chosen, verbose)
		},
	}
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "check every promise, and print what was promised and what was observed")
	return c
}

// everyList is the lists of all families, and the units.
func everyList(families []family.Family) (lists []family.List) {
	for _, f := range families {
		lists = append(lists, f.Lists...)
	}
	units := family.List{Name: "units", Columns: []string{"UNIT", "BETTER", ""}}
	for _, u := range sample.Units {
		units.Rows = append(units.Rows, []string{u.Name, fmt.Sprint(u.Better), u.About})
	}
	return append(lists, units)
}

// list prints the lists. A promise that is broken fails the command: exit 1.
func list(ctx context.Context, w io.Writer, lists []family.List, verbose bool) error {
	for i, l := range lists {
		if i > 0 {
			fmt.Fprintln(w)
		}
		t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
		fmt.Fprintln(t, strings.Join(l.Columns, "\t"))
		for _, row := range l.Rows {
			fmt.Fprintln(t, strings.Join(row, "\t"))
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	broken := 0
	for _, l := range lists {
		if !verbose || l.Check == nil {
			continue
		}
		n, err := l.Check(ctx, w)
		if err != nil {
			return err
		}
		broken += n
	}
	if broken > 0 {
		return exit(bench.ExitFailed, fmt.Errorf("%s broken", bench.Count(broken, "promise", "promises")))
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
