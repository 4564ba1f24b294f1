package commands

import (
	"encoding/json"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/host"
)

func newDoctor() *cobra.Command {
	asJSON, out, look := false, ".", 500*time.Millisecond
	c := &cobra.Command{
		Use:     "doctor",
		Short:   "Is this host fit to measure?",
		Long:    "Look at the host, at rest and under a short load, and say what will spoil results here,\nhow to mend it, and which flags matter. Exit 1 if there is a problem.",
		Example: "  contend doctor\n  contend doctor --json --out /data/run",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			checkup := host.Doctor(out, look)
			if asJSON {
				e := json.NewEncoder(os.Stdout)
				e.SetIndent("", "  ")
				if err := e.Encode(checkup); err != nil {
					return err
				}
			} else if err := checkup.WriteText(os.Stdout); err != nil {
				return err
			}
			if checkup.Worst() == host.Problem {
				return exit(bench.ExitFailed, nil)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().StringVar(&out, "out", out, "folder that runs will be written to")
	c.Flags().DurationVar(&look, "look", look, "how long to watch the host")
	return c
}
