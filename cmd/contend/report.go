package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report"
	"github.com/contend-go/contend/report/chart"
)

func newReport() *cobra.Command {
	var opt report.Options
	out := ""
	c := &cobra.Command{
		Use:   "report DIR|FILE…",
		Short: "Draw HTML, PNG and tables from run folders or any benchmark text",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			set, err := sample.Load(args...)
			if err != nil {
				return err
			}
			if out == "" {
				out = reportFolder(args[0])
			}
			return writeReport(set, out, opt)
		},
	}
	c.Flags().StringVar(&out, "out", "", "folder to write to (default the first run folder, for texts ./contend-report)")
	c.Flags().IntVar(&opt.DPI, "dpi", chart.DefaultDPI, "resolution of PNG pictures, in pixels per inch")
	c.Flags().StringSliceVar(&opt.Formats, "format", []string{"png"}, "picture formats: png, svg or both")
	return c
}

// reportFolder is where a report goes by default.
func reportFolder(path string) string {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return path
	}
	return "contend-report"
}

// writeReport writes a report and prints the path of its page.
func writeReport(set *sample.Set, dir string, opt report.Options) error {
	var err error
	if opt.Timelines, opt.Tables, err = timelines(set, dir); err != nil {
		return err
	}
	files, err := report.Write(set, dir, opt)
	if err != nil {
		return err
	}
	fmt.Println(files[len(files)-1])
	return nil
}
