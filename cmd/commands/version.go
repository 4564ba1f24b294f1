package commands

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/contend-go/contend/bench/sample"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print which build this is",
		Long:    "Print the version and the commit that this program was built from, the version of its\nsample format, and the version of Go that built it.",
		Example: "  contend version",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			info, _ := debug.ReadBuildInfo()
			return writeVersion(os.Stdout, info)
		},
	}
}

// writeVersion prints what is known of a build; info is nil where nothing is.
func writeVersion(w io.Writer, info *debug.BuildInfo) error {
	version, commit := "unknown", ""
	if info != nil {
		version = cmp.Or(info.Main.Version, version)
		settings := map[string]string{}
		for _, s := range info.Settings {
			settings[s.Key] = s.Value
		}
		if commit = settings["vcs.revision"]; commit != "" {
			if settings["vcs.modified"] == "true" {
				commit += ", modified"
			}
			commit = ", commit " + commit
		}
	}
	_, err := fmt.Fprintf(w, "%s %s%s\nprotocol %d, %s, %s/%s\n", program(), version, commit, sample.Protocol, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
