package sample

import (
	"fmt"
	"regexp"
	"strings"
)

// numbered matches the part of a name that ends in a number of its own: "MutexRead_10".
var numbered = regexp.MustCompile(`^(.*?[A-Za-z])([_.:-]?)(\d+)$`)

// Hint says which rule would read names that seem to hold the values of an axis in an
// odd place; it is empty where there are none. Only text of others has such names.
func (s *Set) Hint() string {
	procs := map[int]bool{}
	for _, smp := range s.Samples {
		if smp.Run != nil {
			return ""
		}
		procs[smp.Name.Procs()] = true
	}
	if len(procs) > 1 { // along GOMAXPROCS, as go test prints it
		return ""
	}
	type group struct{ number, first string }
	groups := map[string]group{}
	for _, smp := range s.Samples {
		rest, part := numberedPart(smp.Name)
		m := numbered.FindStringSubmatch(part)
		if m == nil {
			continue
		}
		stem := rest + m[1] + m[2]
		name := smp.Name.Without(GOMAXPROCS)
		g, known := groups[stem]
		if !known {
			groups[stem] = group{m[3], name}
			continue
		}
		if g.number == m[3] {
			continue
		}
		rule := stem + "{gomaxprocs}"
		if rest != "" && m[2] != "" {
			rule = rest + "{backend}" + m[2] + "{gomaxprocs}"
		}
		return fmt.Sprintf("names such as %s and %s differ by the number at their end: --name '%s' reads it as GOMAXPROCS, and a key of another name with --x as any other axis", g.first, name, rule)
	}
	return ""
}

// numberedPart is the last part of a name, and what stands before it.
func numberedPart(n *Name) (rest, part string) {
	text := n.Without(GOMAXPROCS)
	i := strings.LastIndexByte(text, '/')
	if i < 0 {
		return "", text
	}
	return text[:i+1], text[i+1:]
}
