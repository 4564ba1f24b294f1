package derive

import (
	"hash/fnv"
	"slices"
)

// Mark is how a series is drawn in every picture and on the page: indices of a
// colour and of a shape.
type Mark struct{ Color, Shape int }

// The numbers of colours and of shapes that there are. They share no factor, so
// that their product tells as many series apart.
const (
	Colors = 7
	Shapes = 9
)

// marks gives each name its mark: the one that the name itself asks for, as long as no
// other has taken it. Which names there are decides, never their order: a backend
// keeps its colour from one report to the next. No colour comes twice before all are
// used, nor does a shape, and none twice with the same shape as far as that is possible.
func marks(names []string) map[string]Mark {
	given := map[string]Mark{}
	var colors [Colors]int
	var shapes [Shapes]int
	pairs := map[Mark]int{}
	for _, name := range slices.Sorted(slices.Values(names)) {
		h := fnv.New32a()
		h.Write([]byte(name))
		ask := int(h.Sum32() >> 1)
		best, least := Mark{}, 1<<60
		for i := range Colors * Shapes {
			m := Mark{(ask + i) % Colors, (ask/Colors + i) % Shapes}
			cost := pairs[m]<<40 + colors[m.Color]<<20 + shapes[m.Shape]
			if cost < least {
				best, least = m, cost
			}
		}
		given[name] = best
		colors[best.Color]++
		shapes[best.Shape]++
		pairs[best]++
	}
	return given
}
