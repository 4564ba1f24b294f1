package commands

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/spf13/pflag"

	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
)

// input is how commands read run folders and benchmark texts.
type input struct {
	names []string // rules that lift values out of names
	by    []string // what becomes a key of the names
	x     string   // the axis; empty for what the samples say
}

func (in *input) bind(f *pflag.FlagSet) {
	f.StringArrayVar(&in.names, "name", nil, "rule that takes values out of names, e.g. 'BenchmarkParallel/{backend}_{gomaxprocs}'; repeatable, the first that matches counts")
}

// tightMemory makes the collector spend CPU time rather than memory: 200 MB of
// text become some 500 MB of samples. What people have set is left alone.
func tightMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(40)
	}
	if facts := host.Read(); os.Getenv("GOMEMLIMIT") == "" && facts.Memory > 0 {
		debug.SetMemoryLimit(facts.Memory * 3 / 4)
	}
}

// load reads the paths into one set, and prints what could not be read.
func (in *input) load(paths ...string) (*sample.Set, error) {
	tightMemory()
	var rules []*sample.Rule
	for _, pattern := range in.names {
		r, err := sample.ParseRule(pattern)
		if err != nil {
			return nil, fmt.Errorf("--name: %w", err)
		}
		rules = append(rules, r)
	}
	set, err := sample.Load(paths...)
	if err != nil {
		return nil, err
	}
	if err := set.Rename(rules...); err != nil {
		return nil, fmt.Errorf("--name: %w", err)
	}
	if err := set.Lift(in.by...); err != nil {
		return nil, fmt.Errorf("--by: %w", err)
	}
	if in.x != "" {
		if err := set.Along(in.x); err != nil {
			return nil, fmt.Errorf("--x: %w", err)
		}
	}
	printNotes(set.Notes)
	return set, nil
}

func printNotes(notes []sample.Note) {
	const most = 10
	for i, n := range notes {
		if i == most {
			fmt.Fprintf(os.Stderr, "… and %d more lines that could not be read\n", len(notes)-most)
			return
		}
		fmt.Fprintln(os.Stderr, n)
	}
}
