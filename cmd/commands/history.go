package commands

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report"
	"github.com/contend-go/contend/report/history"
)

// recordedRun is one run of a history.
type recordedRun struct {
	label string // commit or file, for people
	date  time.Time
	set   *sample.Set
}

func newHistory(families []family.Family) *cobra.Command {
	in := input{like: families[0]}
	o := history.Options{MinEffect: .03, Alpha: .05}
	out, notes := "contend-history", ""
	c := &cobra.Command{
		Use:   "history PATH…",
		Short: "Find the run from which on a benchmark is faster or slower than before",
		Long: `Read many recorded runs, draw one chart for each benchmark, and say from which run on
it is faster or slower than before. Each PATH is a run folder, a benchmark text, or a
folder of these. Runs that state a date are ordered by it, others by their paths.

With --git-notes REF the runs are notes of git commits, oldest first. To record one:
  contend report --normalize contend-run | git notes --ref REF add -F - HEAD

Each run is one point, however many samples it has. A change counts only if it lasts
for three runs: six runs are the fewest that can show one, and a small change takes about ten.
The exit code is 0 whatever is found. To refuse a change that makes something slower,
use contend test --against.`,
		Example: "  contend history runs/\n  contend history v1.txt v2.txt v3.txt v4.txt v5.txt v6.txt\n  contend history --git-notes benchmarks --unit cpu-ns/op",
		RunE: func(c *cobra.Command, args []string) error {
			if (notes == "") == (len(args) == 0) {
				return errors.New("which runs? Name run folders, texts or a folder of them, or --git-notes REF")
			}
			records, err := recorded(in, args, notes)
			if err != nil {
				return err
			}
			return writeHistory(records, o, out)
		},
	}
	in.bind(c.Flags())
	c.Flags().StringSliceVar(&o.Units, "unit", nil, "units in which to look for changes (default ns/op, or ops/s)")
	c.Flags().Var((*share)(&o.MinEffect), "min-effect", "smallest change that counts")
	c.Flags().Var((*share)(&o.Alpha), "alpha", "accepted probability of a false alarm: that a change is reported where there is none")
	c.Flags().StringVar(&out, "out", out, "folder to write the page to")
	c.Flags().StringVar(&notes, "git-notes", "", "read the runs from the git notes under this ref, such as benchmarks")
	return c
}

// recorded reads the runs of a history, in order.
func recorded(in input, paths []string, ref string) (records []recordedRun, err error) {
	if ref != "" {
		records, err = fromNotes(ref)
	} else {
		records, err = fromPaths(paths)
	}
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		if err := in.apply(r.set); err != nil {
			return nil, fmt.Errorf("%s: %w", r.label, err)
		}
	}
	slices.SortStableFunc(records, func(a, b recordedRun) int { return a.date.Compare(b.date) })
	return records, nil
}

func fromPaths(paths []string) (records []recordedRun, err error) {
	var files []string
	for _, p := range paths {
		found, err := runsBelow(p)
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	for _, f := range files {
		set, err := sample.Load(f)
		if err != nil {
			return nil, err
		}
		printNotes(set.Notes)
		records = append(records, newRecord(labelOf(f), set))
	}
	return records, nil
}

// runsBelow are the runs that a path stands for: itself, or those in it.
func runsBelow(path string) (found []string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(path, sample.FileName)); err == nil || !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		p := filepath.Join(path, e.Name())
		_, err := os.Stat(filepath.Join(p, sample.FileName))
		if err == nil || e.Type().IsRegular() && !strings.HasPrefix(e.Name(), ".") {
			found = append(found, p)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s: neither a run folder nor a folder of runs or texts", path)
	}
	return found, nil
}

func labelOf(path string) string {
	return strings.TrimSuffix(filepath.Base(filepath.Clean(path)), filepath.Ext(path))
}

// newRecord takes commit and date from what the run says.
func newRecord(label string, set *sample.Set) recordedRun {
	r := recordedRun{label: label, set: set}
	for _, run := range set.Runs {
		for _, f := range run.Fields {
			if at, err := time.Parse(time.RFC3339, f.Value); f.Key == "date" && err == nil && r.date.IsZero() {
				r.date = at
			}
		}
	}
	return r
}

// fromNotes reads the notes of the commits that HEAD has, oldest first.
func fromNotes(ref string) (records []recordedRun, err error) {
	git := func(args ...string) ([]byte, error) {
		var stderr bytes.Buffer
		c := exec.Command("git", args...)
		c.Stderr = &stderr
		out, err := c.Output()
		if err != nil {
			return nil, fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
		}
		return out, nil
	}
	list, err := git("log", "--reverse", "--topo-order", "--first-parent", "--notes="+ref, "--format=%H %cI %h %N%x00")
	if err != nil {
		return nil, err
	}
	for _, entry := range strings.Split(string(list), "\x00") {
		fields := strings.SplitN(strings.TrimSpace(entry), " ", 4)
		if len(fields) < 4 || strings.TrimSpace(fields[3]) == "" {
			continue
		}
		set := new(sample.Set)
		if err := set.Read(strings.NewReader(fields[3]), "note of "+fields[2]); err != nil {
			return nil, err
		}
		if len(set.Samples) == 0 {
			continue // a note of another kind
		}
		records = append(records, recordedRun{label: fields[2], set: set}) // the order of commits is theirs
	}
	if len(records) == 0 {
		return nil, fmt.Errorf("--git-notes %s: no commit of HEAD's line has a benchmark text in a note: contend report --normalize RUN | git notes --ref %s add -F - HEAD", ref, ref)
	}
	return records, nil
}

// writeHistory prints what changed, and draws the page.
func writeHistory(records []recordedRun, o history.Options, out string) error {
	var sets []*sample.Set
	for _, r := range records {
		sets = append(sets, r.set)
	}
	all := history.Of(sets, o)
	if len(all) == 0 {
		return errors.New("no figure to look at: no sample has the units, or a unit with a direction")
	}
	printHistory(os.Stdout, all, records)
	set := joined(records, all)
	if len(records) > 1 {
		if err := set.Along("run"); err != nil {
			return err
		}
	}
	r, err := report.New(set)
	if err != nil {
		return err
	}
	files, err := r.Write(out, report.Options{})
	if err != nil {
		return err
	}
	fmt.Println(files[len(files)-1])
	return nil
}

// joined is one set of all runs, which are told apart by their number in the names.
func joined(records []recordedRun, all []*history.Series) *sample.Set {
	set := new(sample.Set)
	for i, r := range records {
		number := strconv.Itoa(i + 1)
		r.set.MapNames(func(s *sample.Sample) *sample.Name { return s.Name.With("run", number) })
		set.Samples = append(set.Samples, r.set.Samples...)
		set.Runs = append(set.Runs, r.set.Runs...)
		if set.Better == nil {
			set.Better = r.set.Better
		}
	}
	note := func(text string) {
		set.Records = append(set.Records, sample.Record{Verb: "note", Fields: []sample.Field{{Key: "text", Value: text}}})
	}
	for _, s := range all {
		for _, c := range s.Changes {
			text := changeText(s, c, records)
			set.Records = append(set.Records, sample.Record{Verb: sample.VerbChange, Fields: []sample.Field{{Key: "text", Value: text}}})
			note(text)
		}
	}
	for i, r := range records {
		note(fmt.Sprintf("run %d is %s", i+1, r))
	}
	return set
}

func (r recordedRun) String() string {
	if r.date.IsZero() {
		return r.label
	}
	return r.label + ", " + r.date.Format("2 January 2006 15:04 MST")
}

// changeText is a change as a sentence.
func changeText(s *history.Series, c history.Change, records []recordedRun) string {
	word := "higher"
	if c.Ratio < 1 {
		word = "lower"
	}
	if better := s.Better; better != sample.Neither {
		word = map[bool]string{true: "better", false: "worse"}[(c.Ratio > 1) == (better == sample.Higher)]
	}
	return fmt.Sprintf("%s in %s: %+.1f%% (%s) from run %d on, %s", strings.TrimPrefix(s.Name, "Benchmark"), s.Unit, 100*(c.Ratio-1), word, c.Run+1, records[c.Run].label)
}

// printHistory prints the changes, and a line for each benchmark.
func printHistory(w io.Writer, all []*history.Series, records []recordedRun) {
	few, changes := 0, 0
	for _, s := range all {
		if len(s.Points) < history.Least {
			few++
		}
		for _, c := range s.Changes {
			fmt.Fprintln(w, changeText(s, c, records))
			changes++
		}
	}
	if changes == 0 {
		fmt.Fprintf(w, "No change found in %s over %s\n", bench.Count(len(all), "figure", "figures"), bench.Count(len(records), "run", "runs"))
	}
	if few > 0 {
		fmt.Fprintf(w, "%d of %s fewer than %d runs: too few to tell a change\n", few, bench.Count(len(all), "figure has", "figures have"), history.Least)
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "benchmark\tunit\truns\tfirst\tlast\tlast ÷ first\tchanges from")
	for _, s := range all {
		first, last := s.Points[0], s.Points[len(s.Points)-1]
		var from []string
		for _, c := range s.Changes {
			from = append(from, records[c.Run].label)
		}
		fmt.Fprintf(tw, "%s\t%s\t%d\t%.4g\t%.4g\t%.3f\t%s\n", strings.TrimPrefix(s.Name, "Benchmark"), s.Unit, len(s.Points), first.Value, last.Value, last.Value/first.Value, cmp.Or(strings.Join(from, ", "), "none"))
	}
	tw.Flush()
}
