package derive

import (
	"slices"
	"strconv"
	"strings"

	"github.com/contend-go/contend/bench/sample"
)

// The name keys with a meaning of their own. All others tell lines or facets
// apart.
const (
	keyBackend = "backend"
	keyService = "service"
	keyImpl    = "impl"    // of a row of primitives: what a backend is to a cache
	keySharing = "sharing" // "none" is the share-nothing ceiling
	keyFile    = "file"    // lifted from where a sample was read
	keyVariant = "variant" // lifted from the build of a sample
	keyProbe   = "probe"   // "trace" on traced samples
	keyBase    = sample.BaseKey
)

// nounOf is what a reader calls the lines that a key tells apart.
var nounOf = map[string]string{keyBackend: "backend", keyService: "service", keyImpl: "implementation", keyBase: "benchmark"}

// kinds are what the lines of the charts are, as the facets have them.
func (v *View) kinds() (nouns []string) {
	for _, f := range v.Facets {
		for _, key := range f.Keys {
			if noun := nounOf[key]; noun != "" && !slices.Contains(nouns, noun) {
				nouns = append(nouns, noun)
			}
		}
	}
	if len(nouns) == 0 {
		return []string{"series"}
	}
	return nouns
}

// Noun is what a line of the charts is: "backend", "backend or implementation"; "series" where their keys
// have no word.
func (v *View) Noun() string { return strings.Join(v.kinds(), " or ") }

// Nouns are several of them: "backends and implementations".
func (v *View) Nouns() string {
	kinds := v.kinds()
	for i, noun := range kinds {
		kinds[i] = strings.TrimSuffix(noun, "s") + "s"
	}
	return list(kinds)
}

// maxSeries is how many lines one chart bears. An automatically chosen key
// with more values than that becomes a facet instead.
const maxSeries = 24

// identity is a sample's name, split by role.
type identity struct {
	fields  []sample.Field // in printed order, without the roles below
	axis    sample.Axis
	x       float64 // the value of the axis's key, and as it is printed
	label   string
	series  string // the name without the axis and the roles below: what is one line
	sharing string
	probe   string

	labelling labelling
}

// labelling is how much of a name stands in the label of its line.
type labelling int

const (
	valuesOnly labelling = iota // "ring"
	withKeys                    // "backend=ring"
	wholeName                   // "BenchmarkCache/workload=zipf/backend=ring"
)

// identify splits a name. Parts without "=" get the pseudo-keys "/1", "/2" ….
func identify(n *sample.Name, axis sample.Axis) identity {
	id := identity{axis: axis, series: n.Without(axis.Key, keySharing, keyProbe), fields: []sample.Field{{Key: keyBase, Value: n.Base}}}
	positional := 0
	for _, f := range n.Keys {
		switch f.Key {
		case axis.Key:
			id.x, _ = sample.ParseNumber(f.Value)
			id.label = f.Value
		case keySharing:
			id.sharing = f.Value
		case keyProbe:
			id.probe = f.Value
		case "":
			positional++
			id.fields = append(id.fields, sample.Field{Key: "/" + strconv.Itoa(positional), Value: f.Value})
		default:
			id.fields = append(id.fields, f)
		}
	}
	return id
}

// signature is the list of an identity's keys: names with the same signature
// are laid out alike.
func (id identity) signature() string {
	var b strings.Builder
	b.WriteString(id.axis.Key)
	for _, f := range id.fields {
		b.WriteByte(0)
		b.WriteString(f.Key)
	}
	return b.String()
}

// keyValues are the distinct values of one key.
type keyValues struct {
	key    string
	values map[string]bool
}

// distinct are the values of every key of names with the same signature.
func distinct(ids []identity) []keyValues {
	keys := make([]keyValues, len(ids[0].fields))
	for i, f := range ids[0].fields {
		keys[i] = keyValues{f.Key, map[string]bool{}}
	}
	for _, id := range ids {
		for i, f := range id.fields {
			keys[i].values[f.Value] = true
		}
	}
	return keys
}

// seriesKeys chooses the keys that tell lines apart: the one that the run states,
// or the backend where names have one. Otherwise the parts of the name without a key, if they differ
// between samples; else the first key that varies, text before numbers.
// Keys that were lifted into the names, such as a host, join the one that is stated, so that one
// chart shows all hosts, as long as it bears the lines.
func seriesKeys(keys []keyValues, stated string, lifted []string) []string {
	series := ownKeys(keys, stated)
	lines := 1
	for _, k := range keys {
		if slices.Contains(series, k.key) {
			lines *= len(k.values)
		}
	}
	for _, k := range keys {
		if slices.Contains(lifted, k.key) && !slices.Contains(series, k.key) && len(k.values) > 1 && lines*len(k.values) <= maxSeries {
			series = append(series, k.key)
			lines *= len(k.values)
		}
	}
	return series
}

// ownKeys are the keys without those that were lifted.
func ownKeys(keys []keyValues, stated string) []string {
	var unnamed, text, numeric []keyValues
	for _, k := range keys {
		switch {
		case k.key == stated, stated == "" && (k.key == keyBackend || k.key == keyImpl):
			return []string{k.key}
		case len(k.values) < 2:
		case k.key == keyBase || k.key[0] == '/':
			unnamed = append(unnamed, k)
		case len(k.values) > maxSeries:
		case k.numeric():
			numeric = append(numeric, k)
		default:
			text = append(text, k)
		}
	}
	// The outermost parts of a name with too many values become facets.
	lines := 1
	for i := len(unnamed) - 1; i >= 0; i-- {
		if lines *= len(unnamed[i].values); lines > maxSeries && i < len(unnamed)-1 {
			unnamed = unnamed[i+1:]
			break
		}
	}
	var names []string
	for _, k := range unnamed {
		names = append(names, k.key)
	}
	if len(names) > 0 {
		return names
	}
	if by := append(text, numeric...); len(by) > 0 {
		return []string{by[0].key}
	}
	return []string{keyBase}
}

func (k keyValues) numeric() bool {
	for v := range k.values {
		if _, err := strconv.ParseFloat(v, 64); err != nil {
			return false
		}
	}
	return true
}

// labelled are the fields that stand in the label of an identity's line.
func (id identity) labelled(series []string) []sample.Field {
	return slices.DeleteFunc(slices.Clone(id.fields), func(f sample.Field) bool { return !slices.Contains(series, f.Key) })
}

// split separates an identity's fields into the label of its line, the values
// of the series keys, and the fields of its facet.
func (id identity) split(series []string) (label string, facet []sample.Field) {
	var parts []string
	for _, f := range id.fields {
		switch {
		case !slices.Contains(series, f.Key):
			facet = append(facet, f)
		case id.labelling == withKeys && f.Key != keyBase && f.Key[0] != '/':
			parts = append(parts, f.Key+"="+f.Value)
		default:
			parts = append(parts, f.Value)
		}
	}
	if id.labelling == wholeName {
		return strings.TrimPrefix(id.series, "Benchmark"), facet
	}
	return strings.Join(parts, "/"), facet
}
