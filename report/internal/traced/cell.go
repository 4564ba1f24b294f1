package traced

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/traces/account"
	"github.com/contend-go/contend/traces/blame"
	"github.com/contend-go/contend/traces/record"
	"github.com/contend-go/contend/traces/show"
)

// maxCells bounds how many traces of cells are opened for one report.
const maxCells = 24

// cell is what the traces of a traced cell tell together: of all its
// repetitions, and all windows of each.
type cell struct {
	title  string
	sample *sample.Sample // the first of them
	window *account.Window
	// verdicts are of one trace each.
	verdicts []*blame.Verdict

	whole     time.Duration // capacity of the traces in full, not of the timed windows alone
	contended []contended   // by their mutex profiles
}

// openCells are a set's traced cells, as a report shows them: of each series the one
// at the highest GOMAXPROCS that the host has CPUs for. Traces that cannot be
// read, and how many are not shown, are in notes, one line each.
func openCells(set *sample.Set, open opener) (cells []*cell, notes []string) {
	best := map[string][]*sample.Sample{} // repetitions
	var order []string
	for _, s := range set.Samples {
		if probe, _ := s.Name.Get("probe"); probe != "trace" || !s.Valid() || len(s.Attachments) == 0 {
			continue
		}
		key := s.Name.Without(sample.GOMAXPROCS) + " " + s.Variant
		old := best[key]
		switch {
		case old == nil:
			order = append(order, key)
			fallthrough
		case better(s, old[0]):
			best[key] = []*sample.Sample{s}
		case s.Name.Procs() == old[0].Name.Procs():
			best[key] = append(old, s)
		}
	}
	if len(order) > maxCells {
		notes = append(notes, fmt.Sprintf("lock sites are of %d of the %d lines of the charts that were traced; see contend trace for the others", maxCells, len(order)))
		order = order[:maxCells]
	}
	var firsts []*sample.Sample
	for _, key := range order {
		firsts = append(firsts, best[key][0])
	}
	differ := differing(firsts)
	for _, key := range order {
		c := &cell{title: title(best[key][0], differ), sample: best[key][0], window: new(account.Window)}
		for _, s := range best[key] {
			notes = append(notes, c.add(s, open)...)
		}
		notes = append(notes, c.contention(best[key])...)
		if c.window.Capacity > 0 {
			cells = append(cells, c)
		}
	}
	return cells, notes
}

// opener opens the trace that a sample has as an attachment.
type opener func(*sample.Sample, sample.Attachment) (*show.Trace, error)

// openOnce returns an opener that keeps what it opened.
func openOnce() opener {
	type result struct {
		trace *show.Trace
		err   error
	}
	opened := map[string]result{}
	return func(s *sample.Sample, a sample.Attachment) (*show.Trace, error) {
		path := filepath.Join(filepath.Dir(s.File), filepath.FromSlash(a.Path))
		r, ok := opened[path]
		if !ok {
			r.trace, r.err = show.Open(path, show.Options{})
			opened[path] = r
		}
		return r.trace, r.err
	}
}

// differing are the keys in which the names of samples differ, or that some lack.
func differing(ss []*sample.Sample) (keys []string) {
	for _, s := range ss {
		for _, f := range s.Name.Keys {
			if slices.Contains(keys, f.Key) {
				continue
			}
			if slices.ContainsFunc(ss, func(o *sample.Sample) bool { v, ok := o.Name.Get(f.Key); return !ok || v != f.Value }) {
				keys = append(keys, f.Key)
			}
		}
	}
	return keys
}

// all opens the traces of a sample; those that cannot be read are in notes, one line each.
func (open opener) all(s *sample.Sample) (traces []*show.Trace, notes []string) {
	for _, a := range s.Attachments {
		if a.Kind != record.KindTrace {
			continue
		}
		if t, err := open(s, a); err != nil {
			notes = append(notes, err.Error())
		} else {
			traces = append(traces, t)
		}
	}
	return traces, notes
}

// title names a cell by its backend, if it has one, and by those of its other keys in
// which cells differ.
func title(s *sample.Sample, differ []string) string {
	t := strings.TrimPrefix(s.Name.Without("probe"), "Benchmark")
	if backend, ok := s.Name.Get("backend"); ok {
		t = backend
		var others []string
		for _, f := range s.Name.Keys {
			if f.Key != "backend" && f.Key != sample.GOMAXPROCS && slices.Contains(differ, f.Key) {
				others = append(others, f.Key+"="+f.Value)
			}
		}
		if len(others) > 0 {
			t += fmt.Sprintf(" (%s)", strings.Join(others, ", "))
		}
		t += fmt.Sprintf(", gomaxprocs=%d", s.Name.Procs())
	}
	if s.Variant != "" {
		t += " (" + s.Variant + ")"
	}
	return t
}

// add adds the traces of one repetition.
func (c *cell) add(s *sample.Sample, open opener) (notes []string) {
	traces, notes := open.all(s)
	for _, t := range traces {
		w := measured(t.Account)
		c.merge(w)
		c.whole += t.Account.Total.Capacity
		c.verdicts = append(c.verdicts, verdict(t.Account, w))
	}
	return notes
}

// merge adds what the rows are made of.
func (c *cell) merge(w *account.Window) {
	sum := c.window
	sum.Capacity += w.Capacity
	for s, d := range w.Parts {
		sum.Parts[s] += d
	}
	sum.Sites = append(sum.Sites, w.Sites...) // show.SiteRows merges equal ones
	sum.CPU = mergeCPU(sum.CPU, w.CPU)
}

func mergeCPU(a, b []account.CPU) (sum []account.CPU) {
	var samples [account.NumCPUKinds]int64
	all := int64(0)
	for _, c := range slices.Concat(a, b) {
		samples[c.Kind] += c.Samples
		all += c.Samples
	}
	for kind, n := range samples {
		if n > 0 {
			sum = append(sum, account.CPU{Kind: account.CPUKind(kind), Samples: n, Share: float64(n) / float64(all)})
		}
	}
	return sum
}

// measured is the part of a trace that the sample is of: the marked windows of
// a probe; the longest of the windows N=…, with which a benchmark's runs are
// marked, without its set-up and the search for N. A trace without either is of
// the timed window alone.
func measured(a *account.Account) *account.Window {
	all := &a.Total
	w := all
	for i := range a.Windows {
		x := &a.Windows[i]
		if x.Label != "" && (w == all || x.End-x.Start > w.End-w.Start) {
			w = x
		}
	}
	return w
}

// better reports whether s tells more of its series than old: more Ps, as long
// as there are CPUs for them.
func better(s, old *sample.Sample) bool {
	usable := s.UsableCPUs()
	fits := func(s *sample.Sample) bool { return usable == 0 || float64(s.Name.Procs()) <= usable }
	if fits(s) != fits(old) {
		return fits(s)
	}
	return s.Name.Procs() > old.Name.Procs()
}
