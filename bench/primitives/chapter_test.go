package primitives

import (
	"os"
	"strings"
	"testing"
	"unicode"
)

// TestChapter holds that the chapter has a line of figures for every structure
// of every row, each divided by the first, and quotes every published figure.
func TestChapter(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := map[[2]string]int{} // row and structure to the number of cells
	row, table := "", false
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		switch {
		case len(cells) < 4:
			table = false
		case strings.Contains(line, "÷ first"):
			table = true
		case table:
			if name := strings.TrimSpace(cells[1]); name != "" {
				row = name
			}
			lines[[2]string{row, strings.TrimSpace(cells[2])}] = len(cells) - 2
		}
	}
	words := map[string]bool{}
	for _, w := range strings.FieldsFunc(string(text), func(r rune) bool { return unicode.IsSpace(r) || r == ';' || r == ',' }) {
		words[strings.TrimSuffix(w, ".")] = true
	}
	for _, r := range rows {
		for _, i := range r.impls {
			if n := lines[[2]string{r.name, i.name}]; n != 6 {
				t.Errorf("%s %s: a line of %d cells, want 6", r.name, i.name, n)
			}
		}
		for _, p := range r.published {
			if figure, _, _ := strings.Cut(p.figure, " "); figure != "chart" && !words[figure] {
				t.Errorf("%s %s: the published figure %s is not quoted", r.name, p.impl, figure)
			}
		}
	}
}
