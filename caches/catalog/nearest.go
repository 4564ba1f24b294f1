package catalog

import (
	"slices"
	"strings"
)

// nearest returns the names that name may have been meant as, nearest first:
// those it is a part of or that are a part of it, and those at an edit
// distance of at most a third of its length (at least 1).
func nearest(name string, names []string) []string {
	type candidate struct {
		name     string
		distance int
	}
	var near []candidate
	for _, n := range names {
		d := distance(strings.ToLower(name), n)
		contained := len(name) >= 3 && (strings.Contains(n, name) || strings.Contains(name, n))
		if contained || d <= max(1, len(name)/3) {
			near = append(near, candidate{n, d})
		}
	}
	slices.SortStableFunc(near, func(a, b candidate) int { return a.distance - b.distance })
	var out []string
	for _, c := range near[:min(3, len(near))] {
		out = append(out, c.name)
	}
	return out
}

// distance is the Levenshtein distance in bytes: insertions, deletions and
// substitutions that turn a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1) // distances of a[:i] to every prefix of b
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitute := diagonal
			if a[i] != b[j] {
				substitute++
			}
			diagonal = row[j+1]
			row[j+1] = min(substitute, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
