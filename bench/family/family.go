// Package family says what a family of subjects is: caches, primitives, locks,
// whatever a sweep can measure. A family is one value, a [Family]. The commands
// know nothing else of it: its flags, its plan, its child process, its entries
// in `contend list` and what a pack must carry all follow from that value.
//
// Most families are a table of axes and a function that measures one cell; a
// [Definition] makes a Family of those.
package family

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/vocabulary"
)

// Family is one kind of subject that sweeps measure.
type Family struct {
	Name  string // as --suite takes it
	About string // one line, no full stop
	// Question is what a sweep answers: "How does a cache behave as GOMAXPROCS rises?"; help begins with that of the first family.
	Question string
	// Subject is the name key that tells apart what is compared, and the word for one of it: "backend". X is the key of the axis.
	Subject, X string
	Axes       []Axis // its flags, beside those of every sweep
	Lists      []List // what there is to choose from
	// Examples are flags of sweeps that are worth showing, the best one first.
	Examples []string

	// Plan crosses the axes into cells. Its errors name the flag.
	Plan func(*Sweep) (*bench.Plan, error)

	// Ready says before anything is measured what would fail in every process of the plan, with warnings of what may;
	// nil where nothing can.
	Ready func(ctx context.Context, plan *bench.Plan) (warnings []string, err error)

	// Variable is the environment variable in which a child process finds its
	// cell, and Child measures that cell and prints what [bench.Cell] asks for.
	// A family that only plans the cells of others has neither.
	Variable string
	Child    func(cell string, probes bench.Probes, out io.Writer) error
}

// Axis is one flag of a family: a list of words separated by commas, or a single
// text. Families may share a flag; each reads it by its own rules.
type Axis struct {
	Flag    string
	Usage   string
	Default []string
	// DefaultText is what help says of a default that is too long to be listed.
	DefaultText string
	// Words lists what the axis takes, where that is a fixed set: shells complete
	// them, others are refused with the nearest, and "all" stands for every one.
	Words func() []string
	// Single marks a flag that is one text, with its commas.
	Single bool
	// File marks a Single flag that names a file, which a pack carries along.
	File bool
}

// List is a part of what `contend list` prints.
type List struct {
	Name    string   // as the command takes it: "backends"
	Columns []string // heads
	Rows    [][]string
	// Check, if there is one, checks what the rows promise, prints promised
	// against observed, and returns how many promises are broken.
	Check func(ctx context.Context, w io.Writer) (broken int, err error)
}

// Values are the words of each flag that was given.
type Values map[string][]string

// or is v, and for flags that were not given those of other.
func (v Values) or(other Values) Values {
	both := maps.Clone(other)
	if both == nil {
		both = Values{}
	}
	maps.Copy(both, v)
	return both
}

// Sweep is what is to be planned, and where.
type Sweep struct {
	*bench.SweepOptions
	Values Values
	Host   *host.Facts
}

// RunCell measures a cell and ends the process, if the harness started this
// process for that; otherwise it returns at once. A program that sweeps calls it
// first thing in main.
func RunCell(families []Family, probes bench.Probes) {
	for _, f := range families {
		cell, ok := os.LookupEnv(f.Variable)
		if f.Variable == "" || !ok {
			continue
		}
		if err := f.Child(cell, probes, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

// Flags binds the axes of families, each flag once. Defaults differ by family
// where they share a flag: help shows the first's.
func Flags(families []Family, f *pflag.FlagSet) {
	for _, fam := range families {
		for _, a := range fam.Axes {
			if f.Lookup(a.Flag) != nil {
				continue
			}
			if a.Single {
				f.String(a.Flag, "", a.Usage)
			} else {
				f.StringSlice(a.Flag, nil, a.Usage)
			}
			f.Lookup(a.Flag).DefValue = cmp.Or(a.DefaultText, strings.Join(a.Default, ","))
		}
	}
}

// Given reads what was given of the family's flags, and refuses flags of other
// families: they would change nothing.
func (fam *Family) Given(families []Family, f *pflag.FlagSet) (Values, error) {
	v := Values{}
	var foreign error
	f.Visit(func(flag *pflag.Flag) {
		owner := slices.IndexFunc(families, func(o Family) bool { return o.has(flag.Name) })
		switch {
		case fam.has(flag.Name):
			v[flag.Name] = words(flag)
		case owner >= 0 && foreign == nil:
			foreign = fmt.Errorf("--%s: belongs to --suite %s, not to %s", flag.Name, families[owner].Name, fam.Name)
		}
	})
	return v, foreign
}

func (fam *Family) has(flag string) bool {
	return slices.ContainsFunc(fam.Axes, func(a Axis) bool { return a.Flag == flag })
}

func words(flag *pflag.Flag) []string {
	if list, ok := flag.Value.(pflag.SliceValue); ok {
		return list.GetSlice()
	}
	return []string{flag.Value.String()}
}

// Find returns the family of that name.
func Find(families []Family, name string) (*Family, error) {
	i := slices.IndexFunc(families, func(f Family) bool { return f.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("--suite: %w", vocabulary.Unknown("suite", name, Names(families)))
	}
	return &families[i], nil
}

// Names are the families' names, in their order.
func Names(families []Family) []string {
	var names []string
	for _, f := range families {
		names = append(names, f.Name)
	}
	return names
}
