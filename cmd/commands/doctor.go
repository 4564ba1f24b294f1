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
		Short:   "Find what will spoil measurements on this host, and how to fix it",
		Long:    "Examine the host, idle and under a short load. Say what will spoil measurements here,\nhow to fix it, and which flags of contend sweep help. Exit 1 if there is a problem.",
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
	c.Flags().DurationVar(&look, "look", look, "how long to observe the host")
	return c
}
