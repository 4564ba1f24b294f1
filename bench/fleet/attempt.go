package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/sample"
)

// attempt is what one machine left of a shard.
type attempt struct {
	dir    string
	name   string // of the attempt
	done   *Done  // nil if it was cut short
	plan   *bench.Plan
	header []byte // the last part's: another machine would have begun another attempt
	run    *sample.Run
	blocks map[int]*block
}

// block is what an attempt has of a block.
type block struct {
	text  []byte // groups of samples, as they stand in the file
	cells map[string]bool
	files []string // attachments
	valid int
}

// readAttempt reads an attempt's folder. What stands after the last whole group of a
// file that was cut short is left out.
func readAttempt(dir string) (*attempt, error) {
	a := &attempt{dir: dir, name: filepath.Base(dir), blocks: map[int]*block{}}
	var err error
	if a.done, err = readDone(dir); err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Join(dir, sample.FileName))
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil // refused before it measured
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if a.plan, err = bench.LoadPlan(filepath.Join(dir, bench.PlanFile)); err != nil {
		return nil, err
	}
	_, err = sample.Groups(f, func(g sample.Group) error {
		if g.Run != nil {
			if a.run != nil {
				return errors.New("its samples are of several programs or machines")
			}
			a.header, a.run = g.Text, g.Run
			return nil
		}
		if g.Sample.Verb != "" {
			return a.add(g)
		}
		return nil
	})
	return a, err
}

// readDone is the list that ends a delivery; nil if there is none.
func readDone(dir string) (*Done, error) {
	text, err := os.ReadFile(filepath.Join(dir, DoneName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d := new(Done)
	if err := json.Unmarshal(text, d); err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", DoneName, err)
	}
	return d, nil
}

func (a *attempt) add(g sample.Group) error {
	n, err := strconv.Atoi(g.Sample.Get("block"))
	if err != nil || a.run == nil {
		return fmt.Errorf("a sample without its block, or without its run: %s", g.Sample)
	}
	b := a.blocks[n]
	if b == nil {
		b = &block{cells: map[string]bool{}}
		a.blocks[n] = b
	}
	b.text = append(b.text, g.Text...)
	b.cells[g.Sample.Get("cell")+" "+g.Sample.Get("variant")] = true
	if g.Sample.Get("invalid") == "" {
		b.valid++
	}
	for line := range strings.Lines(string(g.Text)) {
		if rest, ok := strings.CutPrefix(line, "# attach "); ok {
			if path := attached(rest); path != "" {
				b.files = append(b.files, path)
			}
		}
	}
	return nil
}

// attached is the path of an attachment's record; empty if it leads out of the
// folder.
func attached(fields string) string {
	for _, w := range strings.Fields(fields) {
		if path, ok := strings.CutPrefix(w, "path="); ok && filepath.IsLocal(path) {
			return path
		}
	}
	return ""
}

// complete are the blocks of which every cell was measured, be the sample valid or
// not: what a machine could do for them is done.
func (a *attempt) complete(k *Kind) map[int]bool {
	done := map[int]bool{}
	if a.plan == nil {
		return done
	}
	for n, b := range a.blocks {
		all := true
		for _, c := range a.plan.Of(n) {
			all = all && b.cells[c.ID()+" "+c.Variant]
		}
		done[n] = all && len(b.cells) > 0
	}
	return done
}

// idle reports an attempt that found nothing left to measure.
func (a *attempt) idle() bool {
	return a.run == nil && a.done != nil && a.done.Exit == bench.ExitGood && a.done.Reason == ""
}

// node is the machine that measured.
func (a *attempt) node() string {
	if a.run != nil {
		return a.run.Node()
	}
	return a.done.Node
}

// wrong says why the attempt cannot be taken for one at the shard; empty if it can.
// first is an attempt of the same kind that was taken, or nil.
func (a *attempt) wrong(f *Fleet, s *Shard, first *attempt) string {
	if d := a.done; d != nil {
		switch {
		case d.Fleet != f.ID:
			return fmt.Sprintf("is of fleet %s, not of this one", d.Fleet)
		case d.Shard != s.ID:
			return fmt.Sprintf("is of shard %s", d.Shard)
		}
		if lost := a.damage(); lost != "" {
			return lost
		}
	}
	if a.run == nil {
		if a.done != nil && a.done.Reason != "" {
			return a.done.Reason
		}
		if a.done == nil {
			return "ended without a list of what it delivered, and without samples"
		}
		return "measured nothing"
	}
	field := func(key string) string { return fieldOf(a.run, key) }
	k := f.Kind(s.Kind)
	switch {
	case field("fleet") != f.ID:
		return fmt.Sprintf("its samples are of fleet %q, not of this one", field("fleet"))
	case field("shard") != s.ID:
		return fmt.Sprintf("its samples are of shard %q", field("shard"))
	case field("bundle") != k.Digest:
		return "was measured by another program than the fleet's plan has"
	case planned(a.plan) != k.Planned || a.plan.First < s.First || a.plan.First+a.plan.Blocks > s.First+s.Blocks:
		return "measured another plan than the fleet's"
	case first != nil && !maps.Equal(executables(a.run), executables(first.run)):
		return fmt.Sprintf("was measured by another program than %s", first.called())
	}
	for n := range a.blocks {
		if n < s.First || n >= s.First+s.Blocks {
			return fmt.Sprintf("holds block %d, which is not its own", n)
		}
	}
	return ""
}

// spans are when the attempt measured. Of one that was cut short only the beginning is
// known, to the second.
func (a *attempt) spans() []Span {
	if a.done != nil {
		return a.done.Spans
	}
	if began, err := time.Parse(time.RFC3339, fieldOf(a.run, "date")); err == nil {
		return []Span{{began, began.Add(time.Second)}}
	}
	return nil
}

// disturbed names, of attempts that measured on one machine at the same time, another
// one for each: what they measured is the two together.
func disturbed(all []*attempt) map[*attempt]*attempt {
	by := map[*attempt]*attempt{}
	for i, a := range all {
		for _, b := range all[:i] {
			if a.node() == b.node() && slices.ContainsFunc(a.spans(), func(s Span) bool { return slices.ContainsFunc(b.spans(), s.overlaps) }) {
				by[a], by[b] = b, a
			}
		}
	}
	return by
}

// called is how people find the attempt: its folder.
func (a *attempt) called() string { return filepath.Base(filepath.Dir(a.dir)) + "/" + a.name }

func fieldOf(r *sample.Run, key string) string {
	for _, f := range r.Fields {
		if f.Key == key {
			return f.Value
		}
	}
	return ""
}

// executables are the hashes of what measured, by field.
func executables(r *sample.Run) map[string]string {
	found := map[string]string{}
	for _, f := range r.Fields {
		if strings.HasPrefix(f.Key, "exe") {
			found[f.Key] = f.Value
		}
	}
	return found
}

// damage names the first delivered file that is not as it was; empty if all are.
func (a *attempt) damage() string {
	for _, f := range a.done.Files {
		if !filepath.IsLocal(f.Path) {
			return fmt.Sprintf("lists a file out of its folder: %s", f.Path)
		}
		sum, err := bench.HashFile(filepath.Join(a.dir, f.Path))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Sprintf("%s is missing from what was delivered", f.Path)
		case err != nil:
			return err.Error()
		case sum != f.SHA256:
			return fmt.Sprintf("%s is not what the machine delivered: collect it again", f.Path)
		}
	}
	return ""
}

// attempts reads the delivered attempts at a shard, in the order of their names.
func attempts(dir string, s *Shard) (found []*attempt, unreadable map[string]string, err error) {
	unreadable = map[string]string{}
	entries, err := os.ReadDir(filepath.Join(dir, Delivered, s.ID))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		a, err := readAttempt(filepath.Join(dir, Delivered, s.ID, e.Name()))
		if err != nil {
			unreadable[e.Name()] = err.Error()
			continue
		}
		found = append(found, a)
	}
	slices.SortFunc(found, func(a, b *attempt) int { return strings.Compare(a.name, b.name) })
	return found, unreadable, nil
}
