// Package commands is Contend's command line, for any main: it binds flags to the
// options of the packages that do the work, and wires those together.
package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/vocabulary"
)

// Main runs the command that the process was started with, and ends it. Sweeps
// measure the given families, the first by default: what differs between contend
// and the program of somebody's own cache or lock is that list.
func Main(families ...family.Family) {
	family.RunCell(families, probes)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newRoot(families).ExecuteContext(ctx)
	stop()
	var exit exitError
	switch {
	case errors.As(err, &exit):
		if exit.err != nil {
			fmt.Fprintln(os.Stderr, program()+":", exit.err)
		}
		os.Exit(exit.code)
	case err != nil:
		fmt.Fprintln(os.Stderr, program()+":", err)
		os.Exit(bench.ExitUsage)
	}
}

// program is the name that the process was started by.
func program() string {
	return strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
}

// unknownFlag matches the error for a flag that a command does not have.
var unknownFlag = regexp.MustCompile(`^unknown flag: --([^ =]+)`)

// nearFlag offers those flags that an unknown one may have been meant as.
func nearFlag(c *cobra.Command, err error) error {
	m := unknownFlag.FindStringSubmatch(err.Error())
	if m == nil {
		return err
	}
	var known []string
	c.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, "--"+f.Name) })
	near := vocabulary.Near("--"+m[1], known)
	if len(near) == 0 {
		return fmt.Errorf("%w; %s --help lists the flags", err, c.CommandPath())
	}
	return fmt.Errorf("%w; did you mean %s?", err, strings.Join(near, " or "))
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

func newRoot(families []family.Family) *cobra.Command {
	root := &cobra.Command{
		Use:   program(),
		Short: families[0].Question,
		Long: strings.TrimSpace(families[0].Question+`
Contend measures it in fresh processes, shows how sure each number is, and refuses
to answer what this host cannot tell.`) + `

Exit codes, the same for all commands:
  0  done
  1  a regression, or a check that failed
  2  wrong usage, or nothing that can be read
  3  done, but part of the data is missing or not good enough`,
		Example: `  contend sweep --quick                    a first look
  contend ` + firstExample(families) + `
  contend test ./pkg --bench Foo           measure any Go benchmark, unchanged
  contend test ./... --against main        is this branch slower than main?
  contend trace trace.out                  where do CPUs wait in this Go execution trace?
  contend report contend-run               draw the page of a run again
  contend claims contend-run               which published claims hold here?
  contend doctor                           what will spoil measurements on this host?`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newSweep(families), newTest(), newPack(families), newRun(families), newFleet(families), newTrace(), newReport(families), newCompare(families), newHistory(families), newClaims(families), newDoctor(), newList(families), newVersion())
	named(root)
	root.SetFlagErrorFunc(nearFlag)
	return root
}
