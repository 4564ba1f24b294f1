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

// markSalt stands before a name when it is hashed. Of four million numbers it is the one by
// which names that often share a chart (the default caches, those of the published study,
// the usual lock services) ask for different colours, of which no two are green and
// purple, both grey to some colour-blind; and all backends most evenly.
const markSalt = "893555"

// asks is what a name asks for, whatever else a report shows: a colour and a number
// that chooses the shape.
func asks(name string) (color, shape int) {
	h := fnv.New32a()
	h.Write([]byte(markSalt + name))
	ask := int(h.Sum32() >> 3)
	return ask % Colors, ask / Colors
}

// marks gives each name its mark. Which names there are decides, never their order.
//
// A name has the colour that it asks for, so that it keeps it from one report to the
// next. Where several ask for the same, the first of them by the alphabet has it, and
// the others move: to a colour that nobody asked for while there is one, then back to
// their own. So with up to seven names no colour comes twice and as few names as
// possible move; with more, all colours are used. Shapes, of so many kinds, are given
// in the same way, but that no name has the colour and the shape of another while there
// is another pair.
func marks(names []string, kinds int) map[string]Mark {
	names = slices.Sorted(slices.Values(names))
	colors := colorsOf(names)
	given := map[string]Mark{}
	shapes := make([]int, kinds)
	pairs := map[Mark]int{}
	take := func(name string, m Mark) {
		given[name] = m
		shapes[m.Shape]++
		pairs[m]++
	}
	for _, name := range names {
		if _, shape := asks(name); shapes[shape%kinds] == 0 {
			take(name, Mark{Color: colors[name], Shape: shape % kinds})
		}
	}
	for _, name := range names {
		if _, ok := given[name]; ok {
			continue
		}
		_, shape := asks(name)
		best, least := Mark{}, 1<<60
		for i := range kinds {
			m := Mark{Color: colors[name], Shape: (shape + i) % kinds}
			if cost := pairs[m]<<30 + shapes[m.Shape]; cost < least {
				best, least = m, cost
			}
		}
		take(name, best)
	}
	return given
}

// colorsOf gives each of the names, which are sorted, its colour.
func colorsOf(names []string) map[string]int {
	given := map[string]int{}
	var used [Colors]int
	take := func(name string, color int) {
		given[name] = color
		used[color]++
	}
	for _, name := range names {
		if color, _ := asks(name); used[color] == 0 {
			take(name, color)
		}
	}
	most := (len(names) + Colors - 1) / Colors // of one colour
	free := Colors - len(given)
	for i := len(names) - 1; i >= 0; i-- { // the last gives way first
		name := names[i]
		if _, ok := given[name]; ok {
			continue
		}
		color, _ := asks(name)
		if free > 0 || used[color] == most {
			for k := range Colors { // the nearest of the least used
				if next := (color + k) % Colors; used[next] < used[color] {
					color = next
				}
			}
			free--
		}
		take(name, color)
	}
	return given
}
