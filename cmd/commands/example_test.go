package commands

import (
	"compress/gzip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/contend-go/contend/bench/cachebench"
	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/lockbench/lease"
)

// TestExamples: what the help of any program shows is a command of that program,
// whose flags it has, and a sweep that it can plan.
func TestExamples(t *testing.T) {
	t.Chdir(t.TempDir())
	f, err := os.Create("oltp.gz") // which an example replays
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	z.Write([]byte("1\n2\n1\n"))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, families := range map[string][]family.Family{
		"contend": everyFamily(),
		"own":     {cachebench.Family()},
		"locks":   {lockbench.Family([]lockbench.Service{lease.Service(), lease.None()}, lockbench.Quick{Services: []string{"lease", "none"}, Faults: []string{lockbench.NoFault, "pause-holder"}})},
		"toys":    {toys},
	} {
		t.Run(name, func(t *testing.T) {
			seen := 0
			var visit func(c *cobra.Command)
			visit = func(c *cobra.Command) {
				for _, line := range strings.Split(strings.ReplaceAll(c.Example, "\\\n", " "), "\n") {
					for _, command := range strings.FieldsFunc(line, func(r rune) bool { return r == '|' || r == '>' || r == '&' }) {
						if words := typed(command); len(words) > 0 {
							seen++
							try(t, families, words)
						}
					}
				}
				for _, sub := range c.Commands() {
					visit(sub)
				}
			}
			visit(newRoot(families))
			if seen < 30 {
				t.Errorf("%d examples", seen)
			}
		})
	}
}

// typed are the words behind the program's name in an example, without the remark that
// three spaces keep apart; nil where another program is started.
func typed(command string) (words []string) {
	command, _, _ = strings.Cut(strings.TrimSpace(command), "   ")
	fields := strings.Fields(command)
	at := slices.Index(fields, program())
	if at < 0 {
		return nil
	}
	open := false
	for _, w := range fields[at+1:] { // quotes hold words together
		text := strings.ReplaceAll(w, "'", "")
		if open {
			words[len(words)-1] += " " + text
		} else {
			words = append(words, text)
		}
		if strings.Count(w, "'")%2 == 1 {
			open = !open
		}
	}
	return words
}

// try finds the command of an example, parses its flags, and plans its sweep.
func try(t *testing.T, families []family.Family, words []string) {
	t.Helper()
	c, args, err := newRoot(families).Find(words)
	if err == nil && !c.DisableFlagParsing {
		err = c.ParseFlags(args)
		if args = c.Flags().Args(); err == nil && c.Args != nil {
			err = c.ValidateArgs(args)
		}
	}
	if err != nil {
		t.Errorf("%s: %v", strings.Join(words, " "), err)
		return
	}
	at := slices.Index(words, "sweep")
	if at < 0 {
		return
	}
	facts := host.Read()
	s := sweep{families: families}
	line := &cobra.Command{}
	s.bind(line)
	line.Flags().String("output", "", "of pack")
	if err := line.ParseFlags(words[at+1:]); err != nil {
		t.Errorf("%s: %v", strings.Join(words, " "), err)
		return
	}
	if _, _, err := s.plan(line, &facts); err != nil {
		t.Errorf("%s: %v", strings.Join(words, " "), err)
	}
}
