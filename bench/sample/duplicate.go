package sample

import (
	"fmt"
	"slices"
)

// process is one process's result within a run: what can have been measured only
// once.
type process struct {
	run, cell, variant string
	block              int
	name               *Name
}

// dropDuplicates leaves out what stands in the set twice: the same folder given
// twice, or parts of a run that were copied and put together. Counted twice, a
// sample would make an interval out of nothing. A part is told from a copy of it
// by its run line; a process that was tried again, within a part or a later one of
// the same machine, is no duplicate unless the earlier sample was valid.
func (s *Set) dropDuplicates() {
	copied := s.copies()
	if len(copied) == 0 {
		return
	}
	first := map[process]*Sample{}
	type place struct{ file, before string }
	notes := map[place]int{} // index in s.Notes
	counts := map[place]int{}
	kept := s.Samples[:0]
	for _, smp := range s.Samples {
		if smp.Run == nil || smp.Cell == "" || !copied[smp.Run.ID] {
			kept = append(kept, smp)
			continue
		}
		key := process{smp.Run.ID, smp.Cell, smp.Variant, smp.Block, smp.Name}
		before, seen := first[key]
		if !seen || before.Run == smp.Run || !before.Valid() && smp.Valid() {
			first[key] = smp
			kept = append(kept, smp)
			continue
		}
		at := place{smp.File, before.File}
		if counts[at]++; counts[at] == 1 {
			notes[at] = len(s.Notes)
			s.Notes = append(s.Notes, Note{File: smp.File, Line: smp.Line})
		}
		s.Notes[notes[at]].Text = fmt.Sprintf("%s from here on stand in %s already, of the same run: each counts once", samples(counts[at]), before.File)
	}
	clear(s.Samples[len(kept):])
	s.Samples = kept
	s.dropEmptyCopies(copied)
}

func samples(n int) string {
	if n == 1 {
		return "1 sample"
	}
	return fmt.Sprintf("%d samples", n)
}

// copies are the identities of runs that have several run lines.
func (s *Set) copies() map[string]bool {
	seen, copied := map[string]bool{}, map[string]bool{}
	for _, r := range s.Runs {
		if r.ID != "" && seen[r.ID] {
			copied[r.ID] = true
		}
		seen[r.ID] = true
	}
	return copied
}

// dropEmptyCopies leaves out the run lines, and what they say, of parts of which
// no sample is left.
func (s *Set) dropEmptyCopies(copied map[string]bool) {
	used, first := map[*Run]bool{}, map[string]*Run{}
	for _, smp := range s.Samples {
		used[smp.Run] = true
	}
	for _, r := range s.Runs {
		if first[r.ID] == nil {
			first[r.ID] = r
		}
	}
	empty := func(r *Run) bool { return r != nil && copied[r.ID] && !used[r] && first[r.ID] != r }
	s.Runs = slices.DeleteFunc(s.Runs, empty)
	s.Records = slices.DeleteFunc(s.Records, func(rec Record) bool { return empty(rec.Run) })
}
