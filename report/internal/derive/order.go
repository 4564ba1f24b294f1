package derive

import (
	"cmp"
	"slices"
	"strings"

	"github.com/contend-go/contend/bench/sample"
)

// order sorts values of name keys as the plan has them. Random blocks lose that
// order, and with it every report of a longer run would look another way.
type order struct {
	places map[string]map[string]int // by key, then value
	ours   bool                      // the samples are of a run: their own order says nothing
}

func orderOf(set *sample.Set) order {
	o := order{places: map[string]map[string]int{}}
	place := func(key, value string) {
		if o.places[key] == nil {
			o.places[key] = map[string]int{}
		}
		if _, known := o.places[key][value]; !known {
			o.places[key][value] = len(o.places[key])
		}
	}
	for _, r := range set.Records {
		switch r.Verb {
		case sample.VerbOrder:
			for _, v := range strings.Fields(r.Get("values")) {
				place(r.Get("key"), v)
			}
		case "backend":
			place(keyBackend, r.Get("name"))
		}
	}
	if slices.Contains(set.Lifted, keyFile) {
		for _, s := range set.Samples { // as the reader gave them
			if file, ok := s.Name.Get(keyFile); ok {
				place(keyFile, file)
			}
		}
	}
	o.ours = slices.ContainsFunc(set.Samples, func(s *sample.Sample) bool { return s.Run != nil })
	return o
}

// values compares two values of a key.
func (o order) values(key, a, b string) int {
	if a == b {
		return 0
	}
	i, first := o.places[key][a]
	j, second := o.places[key][b]
	switch {
	case first && second:
		return cmp.Compare(i, j)
	case first:
		return -1
	case second:
		return 1
	case !o.ours:
		return 0 // as the text has them
	}
	x, number := sample.ParseNumber(a)
	y, too := sample.ParseNumber(b)
	if number && too {
		return cmp.Or(cmp.Compare(x, y), strings.Compare(a, b))
	}
	return strings.Compare(a, b)
}

// fields compares two lists of fields, the first that differs decides.
func (o order) fields(a, b []sample.Field) int {
	for i := range min(len(a), len(b)) {
		if a[i].Key != b[i].Key {
			return 0 // of different benchmarks
		}
		if c := o.values(a[i].Key, a[i].Value, b[i].Value); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

// sort brings facets, series and names into order, and gives names their marks.
func (v *View) sort(o order, lifted []string) {
	slices.SortStableFunc(v.Facets, func(a, b *Facet) int { return o.fields(a.Fields, b.Fields) })
	before := func(a, b *Series) int { return o.fields(a.fields, b.fields) }
	var all []*Series // of each name the first
	for _, f := range v.Facets {
		slices.SortStableFunc(f.Series, before)
		for _, s := range f.Series {
			if !slices.ContainsFunc(all, func(o *Series) bool { return o.Name == s.Name }) {
				all = append(all, s)
			}
		}
	}
	slices.SortStableFunc(all, before)
	for _, s := range all {
		v.Names = append(v.Names, s.Name)
	}
	v.pair(lifted, o, all)
	if v.Sides[0] != "" {
		v.Marks = pairMarks(all)
	} else {
		v.Marks = marks(v.Names, Shapes)
	}
}
