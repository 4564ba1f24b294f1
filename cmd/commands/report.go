package commands

import (
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report"
)

func newReport(families []family.Family) *cobra.Command {
	var opt report.Options
	in := input{like: families[0]}
	var divideBy []string
	out, normalize, markdown, asJSON, cpus := "", false, false, false, 0.0
	c := &cobra.Command{
		Use:   "report DIR|FILE…",
		Short: "Draw a page, pictures and tables from run folders or any benchmark text",
		Long: `Draw a page (report.html) and pictures from run folders, or from any text in the Go
benchmark format, and print the findings. If benchmark names hold values without
their keys, as Map_64K and not Map/size=64K, a rule says where the values are (--name).
Several inputs are told apart by their file names, or by configuration keys such as cpu
(--by). The page explains its words at its end.`,
		Example: `  contend report contend-run
  contend report --name ` + in.rule() + ` bench.txt
  contend report --x size bench.txt                     a curve along /size=1K, /size=64K … in the names
  contend report --cpus 10 laptop.txt                   a text that does not say how many CPUs there were
  contend report before after                           two runs on one chart, the first one hollow and dotted
  contend report --by cpu laptop.txt server.txt         two kinds of CPU on one chart
  contend report --markdown contend-run > summary.md
  contend report --normalize bench.txt > normal.txt && benchstat -row /gomaxprocs normal.txt`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case !cmd.Flags().Changed("by") && len(args) > 1:
				in.by = []string{"file"}
			case slices.Equal(in.by, []string{"none"}):
				in.by = nil
			}
			if cpus < 0 {
				return fmt.Errorf("--cpus: %g; the number of CPUs that were usable", cpus)
			}
			set, err := in.load(args...)
			if err != nil {
				return err
			}
			if !cmd.Flags().Changed("by") {
				overlayVariants(set)
			}
			if cpus > 0 {
				set.AssumeCPUs(cpus)
			}
			if hint := set.Hint(); hint != "" {
				fmt.Fprintln(os.Stderr, "hint:", hint)
			}
			switch {
			case normalize:
				return set.WriteText(os.Stdout)
			case markdown, asJSON:
				r, err := report.New(set)
				if err != nil {
					return err
				}
				for _, n := range r.Notes {
					fmt.Fprintln(os.Stderr, program()+":", n)
				}
				if asJSON {
					return r.JSON(os.Stdout)
				}
				if err := r.Markdown(os.Stdout, divideBy...); err != nil {
					return fmt.Errorf("--divide-by: %w", err)
				}
				return nil
			}
			if out == "" {
				out = reportFolder(args)
			}
			return writeReport(set, out, opt, os.Stdout)
		},
	}
	in.bind(c.Flags())
	c.Flags().StringVar(&in.x, "x", "", "key of the names that is the x axis, e.g. size, clients (default what the run states, else gomaxprocs)")
	c.Flags().StringSliceVar(&in.by, "by", nil, "what tells samples of the same name apart: file, variant, or configuration keys such as cpu; none treats all as one (default file if there are several inputs, variant if a run holds several builds)")
	c.Flags().BoolVar(&normalize, "normalize", false, "print the samples as one text that benchstat reads, and draw nothing")
	c.Flags().BoolVar(&markdown, "markdown", false, "print the findings and a table of times per operation as Markdown, and draw nothing")
	c.Flags().BoolVar(&asJSON, "json", false, "print the findings as JSON, and draw nothing")
	c.Flags().StringSliceVar(&divideBy, "divide-by", nil, "with --markdown: print the ratio of each "+in.like.Subject+" to the one of this name; of several names, each chart uses the first that it has")
	c.Flags().StringVar(&out, "out", "", "folder to write to (default the run folder, or ./contend-report for texts and for several inputs)")
	c.Flags().Float64Var(&cpus, "cpus", 0, "how many CPUs were usable, for texts that do not state it (usable-cpus:)")
	c.Flags().IntVar(&opt.DPI, "dpi", report.DefaultDPI, "resolution of PNG pictures, in pixels per inch")
	c.Flags().StringSliceVar(&opt.Formats, "format", []string{"png"}, "picture formats: png, svg or both")
	completeList(c, "format", func() []string { return report.Formats })
	completeList(c, "by", func() []string { return []string{"file", "node", "machine-kind", "variant", "cpu", "none"} })
	return c
}

// overlayVariants puts the builds of a run, such as base and head, onto one chart.
func overlayVariants(set *sample.Set) {
	if len(set.Lifted) == 0 && slices.ContainsFunc(set.Samples, func(s *sample.Sample) bool { return s.Variant != set.Samples[0].Variant }) {
		set.Lift("variant")
	}
}

// reportFolder is where a report goes by default: into the run folder that it is of. A
// report of several would take the place of the first one's own.
func reportFolder(paths []string) string {
	if info, err := os.Stat(paths[0]); err == nil && info.IsDir() && len(paths) == 1 {
		return paths[0]
	}
	return "contend-report"
}

// writeReport writes a report, prints what it says first to standard error, and the path
// of its page to out.
func writeReport(set *sample.Set, dir string, opt report.Options, out io.Writer) error {
	r, err := report.New(set)
	if err != nil {
		return err
	}
	files, err := r.Write(dir, opt)
	if err != nil {
		return err
	}
	if err := r.Text(os.Stderr, columns(os.Stderr)); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, files[len(files)-1])
	return err
}
