// Package vocabulary answers for words that are not in a list: a backend, a
// workload or a row of that name is unknown, and these are the nearest.
package vocabulary

import (
	"fmt"
	"slices"
	"strings"
)

// Unknown is the error for a word of the given kind that is not among the known
// ones. It offers those it may have been meant as, or all.
func Unknown(kind, word string, known []string) error {
	if near := Near(word, known); len(near) > 0 {
		return fmt.Errorf("%s %q unknown; did you mean %s?", kind, word, strings.Join(near, " or "))
	}
	return fmt.Errorf("%s %q unknown; there are %s", kind, word, strings.Join(known, ", "))
}

// most is how many words are offered.
const most = 3

// Near returns the known words that word may have been meant as, nearest
// first: those it is a part of or that are a part of it, and those at an edit
// distance of at most a third of its length (at least 1).
func Near(word string, known []string) []string {
	type candidate struct {
		word     string
		distance int
	}
	word = strings.ToLower(word)
	var near []candidate
	for _, k := range known {
		d := distance(word, strings.ToLower(k))
		contained := len(word) >= 2 && (strings.Contains(k, word) || strings.Contains(word, k))
		if contained || d <= max(1, len(word)/3) {
			near = append(near, candidate{k, d})
		}
	}
	slices.SortStableFunc(near, func(a, b candidate) int { return a.distance - b.distance })
	var words []string
	for _, c := range near[:min(most, len(near))] {
		words = append(words, c.word)
	}
	return words
}

// Slip reports whether word is a known one but for one letter.
func Slip(word string, known []string) bool {
	return slices.ContainsFunc(known, func(k string) bool { return distance(word, k) == 1 })
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
