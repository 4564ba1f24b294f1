package commands

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/spf13/pflag"

	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
)

// input is how commands read run folders and benchmark texts.
type input struct {
	names []string // rules that lift values out of names
	by    []string // what becomes a key of the names
	x     string   // the axis; empty for what the samples say

	like family.Family // whose keys the examples of help have
}

// rule is an example of a rule.
func (in *input) rule() string {
	return fmt.Sprintf("'BenchmarkParallel/{%s}_{%s}'", in.like.Subject, in.like.X)
}

func (in *input) bind(f *pflag.FlagSet) {
	f.StringArrayVar(&in.names, "name", nil, "rule that finds values in benchmark names, e.g. "+in.rule()+"; repeatable, the first rule that matches a name is used")
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
	if _, err := in.rules(); err != nil {
		return nil, err
	}
	set, err := sample.Load(paths...)
	if err != nil {
		return nil, err
	}
	if err := in.apply(set); err != nil {
		return nil, err
	}
	printNotes(set.Notes)
	return set, nil
}

// rules are those of --name.
func (in *input) rules() (rules []*sample.Rule, err error) {
	for _, pattern := range in.names {
		r, err := sample.ParseRule(pattern)
		if err != nil {
			return nil, fmt.Errorf("--name: %w", err)
		}
		rules = append(rules, r)
	}
	return rules, nil
}

// apply gives a set the names that the flags ask for.
func (in *input) apply(set *sample.Set) error {
	rules, err := in.rules()
	if err != nil {
		return err
	}
	if err := set.Rename(rules...); err != nil {
		return fmt.Errorf("--name: %w", err)
	}
	if err := set.Lift(in.by...); err != nil {
		return fmt.Errorf("--by: %w", err)
	}
	if in.x != "" {
		if err := set.Along(in.x); err != nil {
			return fmt.Errorf("--x: %w", err)
		}
	}
	return nil
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
