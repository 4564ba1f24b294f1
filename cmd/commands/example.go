package commands

import (
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/contend-go/contend/bench/family"
)

// sweepExamples are the sweeps that the families give as examples, as the program's
// lines.
func sweepExamples(families []family.Family) string {
	var lines []string
	for i, fam := range families {
		for _, flags := range fam.Examples {
			if i > 0 {
				flags = "--suite " + fam.Name + " " + flags
			}
			lines = append(lines, "\n  contend sweep "+flags)
		}
	}
	return strings.Join(lines, "")
}

// firstExample is the first family's best one, as words of a sweep.
func firstExample(families []family.Family) string {
	if len(families[0].Examples) == 0 {
		return "sweep"
	}
	return "sweep " + families[0].Examples[0]
}

// named puts the program's name into what a command and those below say of its
// commands, and leaves the other words alone.
func named(c *cobra.Command) {
	var names []string
	for _, sub := range c.Root().Commands() {
		names = append(names, sub.Name())
	}
	ours := regexp.MustCompile(`\bcontend (` + strings.Join(names, "|") + `)\b`)
	name := func(text *string) { *text = ours.ReplaceAllString(*text, program()+" $1") }
	for _, text := range []*string{&c.Short, &c.Long, &c.Example} {
		name(text)
	}
	c.LocalFlags().VisitAll(func(f *pflag.Flag) { name(&f.Usage) })
	for _, sub := range c.Commands() {
		named(sub)
	}
}
