package commands

import (
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/contend-go/contend/bench/family"
)

// everyCommand is a program's commands, its root first.
func everyCommand(c *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{c}
	for _, sub := range c.Commands() {
		all = append(all, everyCommand(sub)...)
	}
	return all
}

// TestOneDefault: a flag's text says its default once, at its end.
func TestOneDefault(t *testing.T) {
	twice := regexp.MustCompile(`\(default.*\(default|\bunless given\b`)
	for _, c := range everyCommand(newRoot([]family.Family{toys})) {
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			one := pflag.NewFlagSet("", pflag.ContinueOnError)
			one.AddFlag(f)
			if text := one.FlagUsages(); twice.MatchString(text) {
				t.Errorf("%s: %s", c.CommandPath(), text)
			}
		})
	}
}

// TestDefaultsOfTest: contend test says its two defaults of --count and --time in one place.
func TestDefaultsOfTest(t *testing.T) {
	c, _, err := newRoot([]family.Family{toys}).Find([]string{"test"})
	if err != nil {
		t.Fatal(err)
	}
	for flag, want := range map[string]string{"count": "(default 10, or 30 with --against)", "time": "(default 500ms, or 200ms with --against)"} {
		one := pflag.NewFlagSet("", pflag.ContinueOnError)
		one.AddFlag(c.Flags().Lookup(flag))
		if text := strings.TrimSpace(one.FlagUsages()); !strings.HasSuffix(text, want) || strings.Count(text, "200ms")+strings.Count(text, "30") > 1 {
			t.Errorf("%s", text)
		}
	}
}

// TestFlagsMeanOneThing: a flag that several commands have means the same in each, or says which sense it has there.
func TestFlagsMeanOneThing(t *testing.T) {
	root := newRoot([]family.Family{toys})
	usages := map[string]map[string]string{}
	for _, c := range everyCommand(root) {
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if usages[f.Name] == nil {
				usages[f.Name] = map[string]string{}
			}
			usages[f.Name][c.CommandPath()] = f.Usage
		})
	}
	for flag, sense := range map[string]string{"against": "REVISION", "head": "revision", "base": "revision"} {
		for command, usage := range usages[flag] {
			if !strings.Contains(strings.ToLower(usage), strings.ToLower(sense)) {
				t.Errorf("%s --%s does not say whether it takes a revision: %s", command, flag, usage)
			}
		}
	}
	if _, ok := usages["against"][root.CommandPath()+" report"]; ok {
		t.Error("report has an --against of its own")
	}
}
