package commands

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/gotest"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/compare"
)

func newCompare(families []family.Family) *cobra.Command {
	g := gate{Options: compare.Default}
	g.Now = time.Now()
	in := input{like: families[0]}
	base, head, format, strict := "base", "head", "text", false
	c := &cobra.Command{
		Use:   "compare OLD NEW | DIR",
		Short: "Did it become slower? Compare two runs or two builds, with an exit code",
		Long: `Compare two runs or benchmark texts cell by cell, or two builds that were measured
together in one run (contend sweep --variant base=… --variant head=…). OLD is the
old side, called base; NEW is the new side, called head.

Exit codes: 0 no regression found, 1 a regression, 2 wrong usage or nothing to
compare, 3 only with --strict: the data are not good enough to decide.`,
		Example: `  contend compare old.txt new.txt
  contend compare contend-run                     the builds base and head of one run
  contend compare --unit cpu-ns/op,ctxsw/op old new
  contend compare --format markdown contend-run > comment.md`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := g.check(); err != nil {
				return err
			}
			old, new, err := sides(&in, args, base, head)
			if err != nil {
				return err
			}
			var records []sample.Record
			if len(args) == 1 { // one run, which says what it gates and what its sides are
				g.adopt(new.Set, cmd.Flags().Changed)
				records = new.Set.Last()
				if base == gotest.Base && head == gotest.Head && g.base != "" {
					old.Label, new.Label = g.base, g.head
				}
			}
			if !cmd.Flags().Changed("want") {
				g.Want = max(g.Want, g.MinEffect*5/3)
			}
			c, err := compare.Compare(old, new, g.Options)
			if err != nil {
				return err
			}
			return g.verdict(c, records, format, strict)
		},
	}
	f := c.Flags()
	in.bind(f)
	f.StringVar(&base, "base", base, "of one run: the build (variant) that is the old side; it is no git revision")
	f.StringVar(&head, "head", head, "of one run: the build (variant) that is the new side; it is no git revision")
	g.bind(f)
	f.Var((*share)(&g.Want), "want", "say how many samples it takes to find a change of this size; it must be larger than --min-effect")
	f.StringVar(&format, "format", format, strings.Join(compare.Formats, ", "))
	completeList(c, "format", func() []string { return compare.Formats })
	f.BoolVar(&strict, "strict", false, "exit 3 if the data are not good enough to decide: too few samples, different hosts, crashed cells")
	return c
}

// sides reads what is to be compared: two paths, or two variants in one.
func sides(in *input, args []string, base, head string) (old, new compare.Side, err error) {
	set, err := in.load(args[0])
	if err != nil {
		return old, new, err
	}
	if len(args) == 1 {
		for _, v := range []string{base, head} {
			if !hasVariant(set, v) {
				return old, new, fmt.Errorf("%s has no variant %q: name another with --base or --head, or give two runs to compare", args[0], v)
			}
		}
		return compare.Side{Label: base, Set: set, Variant: base}, compare.Side{Label: head, Set: set, Variant: head}, nil
	}
	other, err := in.load(args[1])
	return compare.Side{Label: args[0], Set: set}, compare.Side{Label: args[1], Set: other}, err
}

func hasVariant(set *sample.Set, variant string) bool {
	for _, s := range set.Samples {
		if s.Variant == variant {
			return true
		}
	}
	return false
}

// share is a flag in percent.
type share float64

func (s *share) Type() string   { return "percent" }
func (s *share) String() string { return strconv.FormatFloat(100*float64(*s), 'g', -1, 64) + "%" }
func (s *share) Set(text string) error {
	number, ok := strings.CutSuffix(text, "%")
	x, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil {
		return fmt.Errorf("%q is no percentage; write 3%%", text)
	}
	*s = share(x / 100)
	return nil
}
