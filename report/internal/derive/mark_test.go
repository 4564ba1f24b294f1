package derive

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/contend-go/contend/caches/catalog"
)

// TestMarks: the same names have the same marks in any order, few names have each a
// colour and a shape of its own, and no mark comes twice while there are others.
func TestMarks(t *testing.T) {
	names := catalog.Names()
	for i := len(names); i < Colors*Shapes; i++ {
		names = append(names, fmt.Sprintf("backend%d", i))
	}
	for n := 1; n <= len(names); n++ {
		some := names[:n]
		given := marks(some, Shapes)
		backwards := slices.Clone(some)
		slices.Reverse(backwards)
		again := marks(backwards, Shapes)
		colors, shapes, pairs := map[int]int{}, map[int]bool{}, map[Mark]bool{}
		for _, name := range some {
			m := given[name]
			if again[name] != m {
				t.Fatalf("%d names: %s is %v, and %v in another order", n, name, m, again[name])
			}
			colors[m.Color]++
			shapes[m.Shape], pairs[m] = true, true
			if most := (n + Colors - 1) / Colors; colors[m.Color] > most {
				t.Errorf("%d names: more than %d of colour %d", n, most, m.Color)
			}
		}
		if len(colors) != min(n, Colors) || len(shapes) != min(n, Shapes) || len(pairs) != n {
			t.Errorf("%d names: %d colours, %d shapes, %d marks", n, len(colors), len(shapes), len(pairs))
		}
	}
}

// TestColourStays: a name has the colour that it asks for, alone and among others, and
// only where others ask for the same do names move: all but one of each colour.
func TestColourStays(t *testing.T) {
	names := catalog.Names()
	check := func(some []string, kinds int) {
		t.Helper()
		asked, moved := map[int]int{}, 0
		given := marks(some, kinds)
		for _, name := range some {
			color, _ := asks(name)
			if asked[color]++; given[name].Color != color {
				moved++
			}
		}
		if want := len(some) - len(asked); moved > want || len(some) <= Colors && moved != want {
			t.Errorf("%d of %v have moved, want %d", moved, some, want)
		}
	}
	for i, a := range names {
		check([]string{a}, Shapes)
		for _, b := range names[:i] {
			check([]string{a, b}, Shapes)
			check([]string{a, b}, FilledShapes)
		}
	}
	rng := rand.New(rand.NewPCG(17, 17))
	for range 2000 {
		rng.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		check(names[:1+rng.IntN(len(names))], Shapes)
	}
	// What is often on one chart does not move at all.
	for _, some := range [][]string{
		{"plainmap", "mutexlru", "workerpool", "otter2", "ring"}, // cachebench.DefaultBackends
		{"mutexlru", "workerpool", "stripedlru", "otter1", "ring"},
		{"mutexlru", "otter2", "ring"}, {"mutexlru", "ring"}, {"lease", "lease-bbolt", "miniredis", "none"},
	} {
		for name, m := range marks(some, Shapes) {
			if color, _ := asks(name); m.Color != color {
				t.Errorf("of %v, %s has moved", some, name)
			}
		}
	}
}
