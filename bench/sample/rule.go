package sample

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Rule lifts values out of benchmark names that were not written as key=value.
// See [ParseRule].
type Rule struct {
	pattern string
	match   *regexp.Regexp
	base    string
	parts   []rulePart // of the name after its base
}

// rulePart is one slash-separated part of the pattern: the keys of its
// placeholders, or the literal field if it has none.
type rulePart struct {
	keys    []string
	literal Field
}

var placeholder = regexp.MustCompile(`\{([^{}]*)\}`)

// ParseRule reads a pattern such as
//
//	BenchmarkParallel/{backend}_{gomaxprocs}
//
// It stands for whole names, with or without the leading "Benchmark" and
// without the -N suffix of `go test`. Everything outside of braces must be
// there literally; {key} takes one or more characters other than "/", as many
// as it can, {gomaxprocs} digits only. A part of the name in which there are
// placeholders becomes a key=value for each; {gomaxprocs} comes last. Of the
// first part, what is literal stays as the benchmark's own name.
func ParseRule(pattern string) (*Rule, error) {
	bad := func(format string, args ...any) (*Rule, error) {
		return nil, fmt.Errorf("pattern %q: %s; write it as 'BenchmarkParallel/{backend}_{gomaxprocs}'", pattern, fmt.Sprintf(format, args...))
	}
	r := &Rule{pattern: pattern}
	var seen []string
	expr := "^"
	for i, part := range strings.Split(strings.TrimPrefix(pattern, "Benchmark"), "/") {
		p, partExpr, err := parsePart(part)
		if err != nil {
			return bad("%v", err)
		}
		for _, k := range p.keys {
			if slices.Contains(seen, k) {
				return bad("{%s} stands twice in it", k)
			}
			seen = append(seen, k)
		}
		if i == 0 {
			r.base = strings.Trim(placeholder.ReplaceAllString(part, ""), "_-.:")
			r.parts = append(r.parts, rulePart{keys: p.keys})
			expr += partExpr
			continue
		}
		r.parts = append(r.parts, p)
		expr += "/" + partExpr
	}
	if len(seen) == 0 {
		return bad("there is no {key} in it")
	}
	r.match = regexp.MustCompile(expr + "$")
	return r, nil
}

// parsePart reads one part of a pattern and gives the expression for it.
func parsePart(part string) (p rulePart, expr string, err error) {
	at := 0
	for _, m := range placeholder.FindAllStringSubmatchIndex(part, -1) {
		key := part[m[2]:m[3]]
		switch {
		case !plainKey(key):
			return p, "", fmt.Errorf("{%s} is no key: letters, digits, - and _ are", key)
		case m[0] == at && at > 0:
			return p, "", fmt.Errorf("{%s} follows another placeholder without anything between them", key)
		}
		expr += regexp.QuoteMeta(part[at:m[0]])
		if key == GOMAXPROCS {
			expr += "([1-9][0-9]*)"
		} else {
			expr += "([^/]+)"
		}
		p.keys = append(p.keys, key)
		at = m[1]
	}
	if strings.ContainsAny(placeholder.ReplaceAllString(part, ""), "{}") {
		return p, "", fmt.Errorf("braces do not match")
	}
	if len(p.keys) == 0 {
		p.literal = parseField(part)
	}
	return p, expr + regexp.QuoteMeta(part[at:]), nil
}

func plainKey(key string) bool {
	return key != "" && strings.Trim(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == ""
}

// apply gives the name that the rule makes of n; nil if it does not match.
// suffix says that the gomaxprocs of n may be a suffix of `go test`.
func (r *Rule) apply(n *Name, suffix bool) *Name {
	text := strings.TrimPrefix(n.String(), "Benchmark")
	procs, stated := n.Get(GOMAXPROCS)
	if !suffix || !stated {
		return r.expand(text)
	}
	bare := strings.TrimPrefix(n.Without(GOMAXPROCS), "Benchmark")
	if m := r.expand(bare); m != nil {
		if _, lifted := m.Get(GOMAXPROCS); !lifted {
			m = m.With(GOMAXPROCS, procs)
		}
		return m
	}
	if m := r.expand(text); m != nil {
		return m
	}
	return r.expand(bare + "-" + procs)
}

func (r *Rule) expand(text string) *Name {
	found := r.match.FindStringSubmatch(text)
	if found == nil {
		return nil
	}
	n := &Name{Base: r.base}
	procs, values := "", found[1:]
	for _, p := range r.parts {
		if len(p.keys) == 0 && p.literal != (Field{}) {
			n.Keys = append(n.Keys, p.literal)
		}
		for _, k := range p.keys {
			if k == GOMAXPROCS {
				procs = values[0]
			} else {
				n.Keys = append(n.Keys, Field{k, values[0]})
			}
			values = values[1:]
		}
	}
	if procs != "" {
		n.Keys = append(n.Keys, Field{GOMAXPROCS, procs})
	}
	return n
}

// Rename applies the first rule that matches to each name of the set. A rule
// that changes no name is an error, which shows names as they are; names that
// no rule matches stay, and become one note.
func (s *Set) Rename(rules ...*Rule) error {
	if len(rules) == 0 {
		return nil
	}
	used := make([]int, len(rules))
	renamed := map[*Name]*Name{}
	var left []string
	s.MapNames(func(smp *Sample) *Name {
		to, known := renamed[smp.Name]
		if known {
			return to
		}
		to = smp.Name
		i := slices.IndexFunc(rules, func(r *Rule) bool {
			n := r.apply(smp.Name, smp.OneProcess)
			if n != nil {
				to = n
			}
			return n != nil
		})
		if i < 0 {
			left = append(left, smp.Name.String())
		} else {
			used[i]++
		}
		renamed[smp.Name] = to
		return to
	})
	for _, smp := range s.Samples { // a name that now states what was left says at which it ran
		stated := leftWarning(fmt.Sprintf("left GOMAXPROCS set to %d", smp.Name.Procs()))
		if slices.Contains(smp.Warnings, stated) {
			id := *smp.Identity
			id.Warnings = slices.DeleteFunc(slices.Clone(id.Warnings), func(w string) bool { return w == stated })
			smp.Identity = &id
		}
	}
	for i, r := range rules {
		if used[i] == 0 {
			return fmt.Errorf("pattern %q matches none of the %d names, such as %s", r.pattern, len(renamed), examples(left))
		}
	}
	if len(left) > 0 {
		s.Notes = append(s.Notes, Note{Text: fmt.Sprintf("%d of %d names match no --name pattern and stay, such as %s", len(left), len(renamed), examples(left))})
	}
	return nil
}

// examples are the first few names, cut to what a person reads.
func examples(names []string) string {
	const most, width = 3, 100
	if len(names) == 0 {
		return "none: other patterns took them all"
	}
	var few []string
	for _, n := range names[:min(most, len(names))] {
		if utf8.RuneCountInString(n) > width {
			n = string([]rune(n)[:width]) + "…"
		}
		few = append(few, n)
	}
	return strings.Join(few, ", ")
}
