package cachebench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/vocabulary"
	"github.com/contend-go/contend/caches"
	"github.com/contend-go/contend/caches/catalog"
)

// Main sweeps a user's own caches, beside those of the catalogue, and ends the
// process: it is all that the user's main has to call. The flags are those of
// `contend sweep`; --backend takes the names of the given specs, which are the
// default, and those of the catalogue. The run folder it leaves is what
// `contend report` and `contend compare` read.
func Main(specs ...caches.Spec) {
	all := append(specs, catalog.All()...)
	RunCell(all, nil)
	os.Exit(sweepMain(specs, all))
}

func sweepMain(own, all []caches.Spec) int {
	var o Options
	f := pflag.NewFlagSet(os.Args[0], pflag.ContinueOnError)
	o.Bind(f)
	var names []string
	for _, s := range own {
		names = append(names, s.Name)
	}
	f.Lookup("backend").DefValue = strings.Join(names, ",")
	o.Backends = names
	if err := f.Parse(os.Args[1:]); errors.Is(err, pflag.ErrHelp) {
		return bench.ExitGood
	} else if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return bench.ExitUsage
	}
	facts := host.Read()
	plan, err := o.Plan(all, &facts)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return bench.ExitUsage
	}
	if o.DryRun {
		plan.Describe(os.Stdout, o.PricePerHour)
		return bench.ExitGood
	}
	opt := o.Options(&facts)
	opt.Provenance = bench.Provenance()
	opt.Progress, opt.Terminal = os.Stderr, term.IsTerminal(int(os.Stderr.Fd()))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	sum, err := bench.Run(ctx, plan, opt)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		sum.Describe(os.Stderr)
		fmt.Println(o.Out)
	}
	return bench.ExitCode(sum, err, o.Strict)
}

// pick returns the backends of those names; "all" stands for every one.
func pick(specs []caches.Spec, names []string) ([]caches.Spec, error) {
	var found []caches.Spec
	seen := map[string]bool{}
	for _, name := range names {
		some := specs
		if name != "all" {
			s, err := find(specs, name)
			if err != nil {
				return nil, err
			}
			some = []caches.Spec{s}
		}
		for _, s := range some {
			if !seen[s.Name] {
				seen[s.Name] = true
				found = append(found, s)
			}
		}
	}
	return found, nil
}

func find(specs []caches.Spec, name string) (caches.Spec, error) {
	var names []string
	for _, s := range specs {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return caches.Spec{}, vocabulary.Unknown("backend", name, names)
}
