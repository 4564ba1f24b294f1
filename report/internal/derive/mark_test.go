package derive

import (
	"fmt"
	"slices"
	"testing"
)

// TestMarks: the same names have the same marks in any order, few names have each a
// colour and a shape of its own, and no mark comes twice while there are others.
func TestMarks(t *testing.T) {
	var names []string
	for i := range Colors * Shapes {
		names = append(names, fmt.Sprintf("backend%d", i))
	}
	for n := 1; n <= len(names); n++ {
		some := names[:n]
		given := marks(some, Shapes)
		backwards := slices.Clone(some)
		slices.Reverse(backwards)
		again := marks(backwards, Shapes)
		colors, shapes, pairs := map[int]bool{}, map[int]bool{}, map[Mark]bool{}
		for _, name := range some {
			m := given[name]
			if again[name] != m {
				t.Fatalf("%d names: %s is %v, and %v in another order", n, name, m, again[name])
			}
			colors[m.Color], shapes[m.Shape], pairs[m] = true, true, true
		}
		if len(colors) != min(n, Colors) || len(shapes) != min(n, Shapes) || len(pairs) != n {
			t.Errorf("%d names: %d colours, %d shapes, %d marks", n, len(colors), len(shapes), len(pairs))
		}
	}
}
