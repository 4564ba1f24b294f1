package bench

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/contend-go/contend/bench/sample"
)

// axes are the values that the plan's cells have of each key, in its order.
func (p *Plan) axes() (keys []string, values map[string][]string) {
	values = map[string][]string{}
	add := func(key, value string) {
		if values[key] == nil {
			keys = append(keys, key)
		}
		if !slices.Contains(values[key], value) {
			values[key] = append(values[key], value)
		}
	}
	for _, c := range p.Cells {
		name, _ := sample.ParseName(c.Name)
		add(sample.BaseKey, name.Base)
		for _, f := range name.Keys {
			add(f.Key, f.Value)
		}
		if c.Variant != "" {
			add("variant", c.Variant)
		}
	}
	return keys, values
}

// axisName is what people call an axis: a part of a name without a key tells
// sub-benchmarks apart.
func axisName(key string) string { return cmp.Or(strings.TrimPrefix(key, "."), "sub-benchmark") }

// differs says by which axes another plan of the same folder differs from this one.
func (p *Plan) differs(old *Plan) string {
	var parts []string
	if old.Seed != p.Seed {
		parts = append(parts, fmt.Sprintf("seed %d there, %d here", old.Seed, p.Seed))
	}
	keys, mine := p.axes()
	more, theirs := old.axes()
	for _, key := range more {
		if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	for _, key := range keys {
		if slices.Equal(slices.Sorted(slices.Values(mine[key])), slices.Sorted(slices.Values(theirs[key]))) {
			continue
		}
		parts = append(parts, fmt.Sprintf("%s %s there, %s here", axisName(key), some(theirs[key]), some(mine[key])))
	}
	if len(parts) == 0 {
		return "of the same names, with other windows, arguments or combinations"
	}
	return strings.Join(parts, "; ")
}

// some are the first of a list of values.
func some(values []string) string {
	const most = 5
	switch n := len(values); {
	case n == 0:
		return "none"
	case n > most:
		return fmt.Sprintf("%s and %d more", strings.Join(values[:most-1], ","), n-most+1)
	}
	return strings.Join(values, ",")
}

// longest says which axes have most values: where a plan that takes too long can be cut.
func (p *Plan) longest() string {
	keys, values := p.axes()
	keys = slices.DeleteFunc(keys, func(k string) bool { return len(values[k]) < 2 })
	slices.SortStableFunc(keys, func(a, b string) int { return len(values[b]) - len(values[a]) })
	var parts []string
	for _, key := range keys[:min(3, len(keys))] {
		parts = append(parts, fmt.Sprintf("%s has %d values (%s)", axisName(key), len(values[key]), some(values[key])))
	}
	return strings.Join(parts, ", ")
}
