package fleet

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/bench/whole"
)

// State is how far a shard has come.
type State struct {
	Shard    *Shard
	Machines []string // nodes whose blocks count
	Complete int      // blocks
	Samples  int      // processes of them
	Missing  []int
	Invalid  int      // processes of complete blocks without a valid sample
	Again    int      // complete blocks that another attempt had delivered already
	Refused  []string // attempts that count for nothing, and why
	Cut      []string // attempts that ended before their delivery
	Exits    []int    // of the attempts that delivered
}

// OK reports a shard of which everything was measured.
func (s *State) OK() bool { return len(s.Missing) == 0 && s.Invalid == 0 }

// Merged is what collect made of the deliveries.
type Merged struct {
	States  []*State
	Samples int    // processes that count
	Dir     string // the run folder
	Notes   []string

	plan  *bench.Plan // nil if nothing was delivered that counts
	text  []byte
	files map[string]string // attachments, by path in the run folder
}

// Exit is the exit code that says how complete a fleet's run is.
func (m *Merged) Exit() int {
	if m.plan == nil {
		return bench.ExitUsage
	}
	for _, s := range m.States {
		if !s.OK() {
			return bench.ExitInvalid
		}
	}
	return bench.ExitGood
}

// Merge joins what was delivered into a fleet's folder: of each block the first
// attempt that completed it, byte for byte. Attempts are in the order of their names,
// as no clock orders machines. The same deliveries give the same bytes.
func Merge(dir string, f *Fleet) (*Merged, error) {
	m := &Merged{Dir: filepath.Join(dir, RunFolder), files: map[string]string{}}
	var text bytes.Buffer
	machines := map[string][]string{}
	taken, by, err := f.judge(dir, m)
	if err != nil {
		return nil, err
	}
	for _, st := range m.States {
		k, have := f.Kind(st.Shard.Kind), map[int]bool{}
		for _, a := range taken[st] {
			if other := by[a]; other != nil {
				st.Refused = append(st.Refused, fmt.Sprintf("%s: disturbed: %s was measured on the same machine (%s) at the same time; to measure both anew: contend fleet stop, remove both folders from %s, contend fleet run",
					a.name, other.called(), a.node(), Delivered))
				continue
			}
			if m.plan == nil {
				m.plan = a.plan
			}
			st.take(a, k, have, &text, m.files)
			if n := a.node(); n != "" && len(a.blocks) > 0 && !slices.Contains(machines[n], st.Shard.ID) {
				machines[n] = append(machines[n], st.Shard.ID)
			}
		}
		for n := st.Shard.First; n < st.Shard.First+st.Shard.Blocks; n++ {
			if !have[n] {
				st.Missing = append(st.Missing, n)
			}
		}
		st.Complete = len(have)
	}
	for _, n := range slices.Sorted(maps.Keys(machines)) {
		if len(machines[n]) > 1 {
			m.Notes = append(m.Notes, fmt.Sprintf("shards %s were measured by one machine (%s): it counts as one", strings.Join(machines[n], " and "), n))
		}
	}
	m.Samples = bytes.Count(text.Bytes(), []byte("# sample "))
	f.planned(m, &text)
	f.missing(m, &text)
	m.text = text.Bytes()
	return m, nil
}

// judge reads all deliveries, and notes what counts for nothing and why. It returns the
// attempts of each shard that could count, and which of them disturbed each other.
func (f *Fleet) judge(dir string, m *Merged) (taken map[*State][]*attempt, by map[*attempt]*attempt, err error) {
	taken = map[*State][]*attempt{}
	var every []*attempt
	for _, k := range f.Kinds {
		var first *attempt
		for _, s := range f.Of(k) {
			st := &State{Shard: s}
			m.States = append(m.States, st)
			all, unreadable, err := attempts(dir, s)
			if err != nil {
				return nil, nil, err
			}
			for _, name := range slices.Sorted(maps.Keys(unreadable)) {
				st.Refused = append(st.Refused, name+": "+unreadable[name])
			}
			for _, a := range all {
				if a.idle() {
					continue
				}
				if wrong := a.wrong(f, s, first); wrong != "" {
					st.Refused = append(st.Refused, a.name+": "+wrong)
					continue
				}
				if first == nil {
					first = a
				}
				taken[st] = append(taken[st], a)
				every = append(every, a)
			}
		}
	}
	return taken, disturbed(every), nil
}

// Left are the shards of which blocks are missing.
func (m *Merged) Left() (left []*Shard) {
	for _, st := range m.States {
		if len(st.Missing) > 0 {
			left = append(left, st.Shard)
		}
	}
	return left
}

// take adds the blocks that the attempt completed and no other before it.
func (st *State) take(a *attempt, k *Kind, taken map[int]bool, text *bytes.Buffer, files map[string]string) {
	if a.done == nil {
		st.Cut = append(st.Cut, a.name)
	} else {
		st.Exits = append(st.Exits, a.done.Exit)
	}
	complete := a.complete(k)
	begun := false
	for _, n := range slices.Sorted(maps.Keys(a.blocks)) {
		switch {
		case !complete[n]:
			continue // another attempt measures all of it
		case taken[n]:
			st.Again++
			continue
		}
		if !begun {
			text.Write(a.header)
			begun = true
			if !slices.Contains(st.Machines, a.node()) {
				st.Machines = append(st.Machines, a.node())
			}
		}
		taken[n] = true
		b := a.blocks[n]
		st.Samples += len(b.cells)
		text.Write(b.text)
		st.Invalid += len(a.plan.Of(n)) - b.valid
		for _, path := range b.files {
			files[path] = filepath.Join(a.dir, path)
		}
	}
}

// planned adds how many processes each kind was to measure: attempts say only what
// they were to measure themselves, and two of them may have begun the same.
func (f *Fleet) planned(m *Merged, text *bytes.Buffer) {
	if m.plan == nil {
		return
	}
	for _, k := range f.Kinds {
		n := 0
		for _, s := range f.Of(k) {
			p := *m.plan
			p.First, p.Blocks = s.First, s.Blocks
			n += p.Samples()
		}
		fmt.Fprintln(text, sample.Record{Verb: sample.VerbPlan, Fields: []sample.Field{{Key: sample.KindKey, Value: k.Name}, {Key: "processes", Value: fmt.Sprint(n)}}})
	}
}

// missing adds a record for each shard of which blocks are missing.
func (f *Fleet) missing(m *Merged, text *bytes.Buffer) {
	for _, st := range m.States {
		if len(st.Missing) > 0 {
			says := fmt.Sprintf("fleet %s: shard %s delivered %d of its %s", f.ID, st.Shard.ID, st.Complete, bench.Count(st.Shard.Blocks, "repetition", "repetitions"))
			if len(st.Refused) > 0 {
				says += "; refused: " + strings.Join(st.Refused, "; ")
			}
			fmt.Fprintln(text, sample.Record{Verb: "note", Fields: []sample.Field{{Key: "text", Value: says}}})
		}
	}
}

// Write makes the run folder anew. The samples of an earlier one stay in place until
// the new ones are whole.
func (m *Merged) Write() error {
	if m.plan == nil {
		return errors.New("nothing was delivered that counts")
	}
	if err := bench.MakeFolder(m.Dir); err != nil {
		return err
	}
	old, err := os.ReadDir(m.Dir)
	if err != nil {
		return err
	}
	for _, e := range old {
		if e.IsDir() { // attachments of an earlier collect
			if err := os.RemoveAll(filepath.Join(m.Dir, e.Name())); err != nil {
				return err
			}
		}
	}
	for _, path := range slices.Sorted(maps.Keys(m.files)) {
		if err := copyFile(filepath.Join(m.Dir, path), m.files[path]); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err // what did not travel is not there
		}
	}
	p := *m.plan
	p.First, p.Blocks = 0, 0
	for _, st := range m.States {
		p.Blocks = max(p.Blocks, st.Shard.First+st.Shard.Blocks)
	}
	planText, err := json.MarshalIndent(&p, "", " ")
	if err != nil {
		return err
	}
	if err := whole.WriteBytes(filepath.Join(m.Dir, bench.PlanFile), planText); err != nil {
		return err
	}
	return whole.WriteBytes(filepath.Join(m.Dir, sample.FileName), m.text)
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return whole.Write(to, func(w io.Writer) error {
		_, err := io.Copy(w, in)
		return err
	})
}

// Describe prints the shards, what is missing of them and why: a table with one unit
// in each column, and remarks below it. Where an engine was asked, what it has seen
// stands beside it.
func (m *Merged) Describe(w io.Writer, engine string, seen map[string]Seen) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	head := "shard\trepetitions delivered\tprocesses delivered\tfailed\tmachines"
	if engine != "" {
		head += "\tprocesses so far\t" + engine + " says"
	}
	fmt.Fprintln(t, head)
	for _, st := range m.States {
		machines := strings.Join(st.Machines, ", ")
		fmt.Fprintf(t, "%s\t%d of %d\t%d\t%d\t%s", st.Shard.ID, st.Complete, st.Shard.Blocks, st.Samples, st.Invalid, cmp.Or(machines, "-"))
		if engine != "" {
			fmt.Fprintf(t, "\t%s\t%s", seen[st.Shard.ID].so(), cmp.Or(seen[st.Shard.ID].State, "-"))
		}
		fmt.Fprintln(t)
	}
	t.Flush()
	for _, st := range m.States {
		if st.Again > 0 {
			fmt.Fprintf(w, "%s: %s once\n", st.Shard.ID, bench.Count(st.Again, "repetition was delivered twice and counts", "repetitions were delivered twice and count"))
		}
		for _, name := range st.Cut {
			fmt.Fprintf(w, "%s: %s ended without a list of what it delivered: the repetitions that it completed count\n", st.Shard.ID, name)
		}
		for _, why := range st.Refused {
			fmt.Fprintf(w, "%s: refused: %s\n", st.Shard.ID, why)
		}
	}
	for _, n := range m.Notes {
		fmt.Fprintln(w, n)
	}
}
