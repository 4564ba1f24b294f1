package derive

import (
	"hash/fnv"
	"slices"
)

// Mark is how a series is drawn in every picture and on the page: indices of a
// colour and of a shape. The old side of an overlay is hollow and dotted.
type Mark struct {
	Color, Shape int
	Old          bool
}

// The numbers of colours and of shapes that there are. They share no factor, so
// that their product tells as many series apart.
const (
	Colors = 7
	Shapes = 9
	// FilledShapes are the first of the shapes, which can be drawn hollow too.
	FilledShapes = 4
)

// marks gives each name its mark: the one that the name itself asks for, as long as no
// other has taken it. Which names there are decides, never their order: a backend
// keeps its colour from one report to the next. No colour comes twice before all are
// used, nor does one of so many kinds of shape, and none twice with the same shape as far as that is possible.
func marks(names []string, kinds int) map[string]Mark {
	given := map[string]Mark{}
	var colors [Colors]int
	shapes := make([]int, kinds)
	pairs := map[Mark]int{}
	for _, name := range slices.Sorted(slices.Values(names)) {
		h := fnv.New32a()
		h.Write([]byte(name))
		ask := int(h.Sum32() >> 1)
		best, least := Mark{}, 1<<60
		for i := range Colors * kinds {
			m := Mark{Color: (ask + i) % Colors, Shape: (ask/Colors + i) % kinds}
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
