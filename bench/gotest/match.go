package gotest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/contend-go/contend/bench/vocabulary"
)

// rename is a benchmark that has another name in head.
type rename struct{ old, new string }

// renames reads Options.Renames. Names of benchmarks may hold "=": the new name
// begins behind the one that "Benchmark" follows.
func (o *Options) renames() ([]rename, error) {
	var list []rename
	for _, text := range o.Renames {
		old, new, ok := strings.Cut(text, "=Benchmark")
		if !ok || !strings.HasPrefix(old, "Benchmark") {
			return nil, fmt.Errorf("--rename %s: write BenchmarkOld=BenchmarkNew", text)
		}
		list = append(list, rename{old, "Benchmark" + new})
	}
	return list, nil
}

// apply gives the name in head, of the benchmark itself and of its
// sub-benchmarks; empty if another is meant.
func (r rename) apply(name string) string {
	if rest, ok := strings.CutPrefix(name, r.old); ok && (rest == "" || rest[0] == '/') {
		return r.new + rest
	}
	return ""
}

// match holds the sides against each other, and takes out what cannot be compared:
// what only one has, and what is not the same benchmark on both. What the head
// lacks is lost.
func (s *Suite) match(renames []rename) error {
	if s.Against == "" {
		return nil
	}
	for _, r := range renames {
		if err := s.rename(r); err != nil {
			return err
		}
	}
	all := map[string]map[string]source{Base: {}, Head: {}}
	for _, p := range s.Programs {
		for _, b := range p.Benchmarks {
			all[p.Variant][p.Key+" "+b.name()] = p.sources[top(b.Name)]
		}
	}
	for _, p := range s.Programs {
		selected := p.Benchmarks
		p.Benchmarks = nil
		for _, b := range selected {
			was, inBase := all[Base][p.Key+" "+b.name()]
			is, inHead := all[Head][p.Key+" "+b.name()]
			absence := Absence{Name: b.name()}
			switch {
			case inBase && inHead && (was.code == "" || is.code == "" || was.same(is)):
				p.Benchmarks = append(p.Benchmarks, b)
				continue
			case inBase && inHead:
				absence.Reason = differs
				if p.Variant == Head {
					s.Changed = append(s.Changed, absence)
				}
			case inBase:
				absence.Reason = s.missing(p, b.name(), all)
				s.Lost = append(s.Lost, absence)
			default:
				absence.Reason = "only in head: nothing to compare it with"
				s.Added = append(s.Added, b.name())
			}
			p.Absent = append(p.Absent, absence)
		}
	}
	return nil
}

const differs = "the benchmark itself, or a helper or a file that it uses, is not the same in base and head: not comparable; --bench-from head measures both sides with head's"

// rename gives the base's benchmarks the names that they have in head.
func (s *Suite) rename(r rename) error {
	old, new := false, false
	for _, p := range s.Programs {
		for i, b := range p.Benchmarks {
			switch name := r.apply(b.Name); {
			case p.Variant == Base && name != "":
				p.Benchmarks[i].As, old = name, true
			case p.Variant == Head:
				new = new || rename{r.new, r.new}.apply(b.Name) != ""
			}
		}
		new = new || p.Variant == Head && slices.ContainsFunc(p.Absent, func(a Absence) bool { return a.Name == r.new })
	}
	switch {
	case !old:
		return fmt.Errorf("--rename: no benchmark %s in base; --bench must select it there", r.old)
	case !new:
		return fmt.Errorf("--rename: no benchmark %s in head; --bench must select it there", r.new)
	}
	return nil
}

// missing is why the head does not have a benchmark of the base's program p.
func (s *Suite) missing(p *Program, name string, all map[string]map[string]source) string {
	for _, b := range s.Broken {
		if b.Variant == Head && b.Package == p.Package {
			return "its package is broken in head: " + b.Reason
		}
	}
	var new []string
	for _, h := range s.Programs {
		if h.Variant != Head || h.Key != p.Key {
			continue
		}
		for _, a := range h.Absent {
			if a.Name == name || a.Name == top(name) {
				return "in head: " + a.Reason
			}
		}
		for _, b := range h.Benchmarks {
			if _, ok := all[Base][h.Key+" "+b.name()]; !ok {
				new = append(new, b.name())
			}
		}
	}
	reason := "is not in head: deleted, renamed, or not selected there"
	if other := renamed(name, new, func(side, name string) string { return all[side][p.Key+" "+name].code }); other != "" {
		old := name
		if top(old) != top(other) {
			old, other = top(old), top(other)
		}
		reason += fmt.Sprintf("; if it is now %s, --rename %s=%[1]s compares them", other, old)
	}
	return reason
}

// renamed is the one of the new names that a lost benchmark may have now: that of
// the same source, or else the nearest; empty if none is near.
func renamed(lost string, new []string, digest func(side, name string) string) string {
	sub := strings.TrimPrefix(lost, top(lost))
	for _, n := range new {
		if was := digest(Base, lost); was != "" && was == digest(Head, n) && top(n) != top(lost) && strings.TrimPrefix(n, top(n)) == sub {
			return n
		}
	}
	bare := make([]string, len(new))
	for i, n := range new {
		bare[i] = strings.TrimPrefix(n, "Benchmark")
	}
	if near := vocabulary.Near(strings.TrimPrefix(lost, "Benchmark"), bare); len(near) > 0 {
		return "Benchmark" + near[0]
	}
	return ""
}
