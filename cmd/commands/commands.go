// Package commands is Contend's command line, for any main: it binds flags to the
// options of the packages that do the work, and wires those together.
package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/cachebench"
	"github.com/contend-go/contend/bench/primitives"
	"github.com/contend-go/contend/caches/catalog"
)

// Main runs the command that the process was started with, and ends it.
func Main() {
	cachebench.RunCell(catalog.All(), probes)
	primitives.RunCell(probes)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newRoot().ExecuteContext(ctx)
	stop()
	var exit exitError
	switch {
	case errors.As(err, &exit):
		if exit.err != nil {
			fmt.Fprintln(os.Stderr, "contend:", exit.err)
		}
		os.Exit(exit.code)
	case err != nil:
		fmt.Fprintln(os.Stderr, "contend:", err)
		os.Exit(bench.ExitUsage)
	}
}

// exitError ends a command with an exit code of its own. Every other error of
// a command is wrong usage, or nothing readable.
type exitError struct {
	code int
	err  error // printed if not nil
}

func (e exitError) Error() string { return fmt.Sprintf("exit %d: %v", e.code, e.err) }

// exit is the error of a command that ends with code; nil for a good one.
func exit(code int, err error) error {
	if code == bench.ExitGood {
		return nil
	}
	return exitError{code, err}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "contend",
		Short: "How does this lock, cache or benchmark behave as GOMAXPROCS rises?",
		Long: `Contend measures how a Go lock, cache or benchmark behaves as GOMAXPROCS rises,
where the CPUs wait, and on which line.

Exit codes: 0 good, 1 a regression or a failed check, 2 wrong usage or nothing
readable, 3 measured, but not all valid.`,
		Example: `  contend sweep --quick                    a first look at real caches, in a minute
  contend sweep --backend mutexlru,ring --workload zipf,evict --reads 100,75
  contend trace trace.out                  account an execution trace
  contend test ./pkg --bench Foo           the same for any Go benchmark, unchanged
  contend report contend-run               draw the run again
  contend claims study-run                 what of the published study holds here?
  contend doctor                           is this host fit to measure?`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newSweep(), newTest(), newPack(), newRun(), newTrace(), newReport(), newCompare(), newClaims(), newDoctor(), newList())
	return root
}
