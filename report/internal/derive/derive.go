// Package derive computes what follows from samples alone: curves with their
// intervals, speed-up, efficiency and overhead against the share-nothing
// control, validity, and the sentences at the head of a report. It reads any
// Go benchmark text, and invents nothing: where samples are too few for an
// interval, or lack a control, it says so.
package derive

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/contend-go/contend/bench/sample"
)

// View is everything a report shows of a set of samples.
type View struct {
	Facets []*Facet
	Names  []string        // labels of all series, in the plan's order
	Sides  [2]string       // of an overlay of two builds or runs, the old one first; else empty
	Marks  map[string]Mark // of the names
	Common []sample.Field
	Units  []sample.Unit // of all values, Contend's own first
	Notes  []string      // what was left out, and why

	Backends []Backend

	builds  bool // the sides are two builds or runs, one before the other
	Foreign bool // some samples did not come from Contend

	Totals
	Warnings []Warning // by kind
	Findings []Finding // of the whole set
}

// Facet is one chart's worth of samples: all that were measured under the same
// conditions but for the series and the value of the axis.
type Facet struct {
	Fields []sample.Field    // what tells it from the other facets
	Slug   string            // the same for file names and links; empty for the only facet
	Config map[string]string // of its first sample; all agree but for unknown keys
	Series []*Series
	Keys   []string // name keys whose values label the series: "backend"
	X      Axis
	Usable float64 // CPUs usable by the measured processes, the most of several hosts; 0 is not stated

	Boundaries  []Boundary
	HasControl  bool
	HasTraced   bool
	Toured      bool       // Point.Wait is of tours, as no cell was traced on its own
	Paced       bool       // an open load: operations were due at a rate that others set
	DerivedRate bool       // ops/s were computed from the wall time per operation
	Contests    []*Contest // one, or that of locks and that of what does without
	Findings    []Finding

	lacks  []string       // keys of the fields that other facets have, where this one has none
	mixed  bool           // several hosts, with different numbers of usable CPUs
	stated bool           // the run says which key tells the series apart
	names  []sample.Field // the fields that stand in benchmark names
	probed bool           // the set has samples under a probe
	locks  bool           // they are of lock services
	served bool           // of which some have servers that ran beside the clients

	sharing bool // its names say what is shared
}

// Series is one line of a chart.
type Series struct {
	Name      string
	Pair      string   // in an overlay: its name without the side
	Old       bool     // it is the old side of an overlay
	Reference bool     // promises no synchronisation: a floor or a ceiling, no competitor
	Broke     bool     // of a lock service: it did not exclude, under the facet's fault and fence
	Lockless  bool     // of a lock service: it does without a lock
	Points    []*Point // by ascending X

	fields []sample.Field // of its label
}

// Point is one series at one value of the axis. Estimates are zero (N is 0) where
// nothing was measured.
type Point struct {
	X              float64
	Oversubscribed bool // its GOMAXPROCS is above the usable CPUs

	Units   map[string]Estimate // untraced samples
	Control map[string]Estimate // the share-nothing control
	Traced  map[string]Estimate // samples under a probe

	// Wait is p-wait and its parts, see [WaitParts]: of traced samples or, where
	// the facet has none, of tours. Cost is the throughput of the same samples ÷
	// that of untraced ones.
	Wait map[string]Estimate
	Cost Estimate

	Rate       Estimate // operations per second
	Ceiling    Estimate // the control's
	Speedup    Estimate // rate ÷ rate at the lowest value of the axis
	Efficiency Estimate // rate ÷ ceiling
	PerPrice   Estimate // operations for one unit of the price of a machine-hour, where a fleet states it
	Overhead   Estimate // cpu-ns/op − the control's; negative within noise is shown

	Unstable int // samples of an open load that was not carried, and so tells no quantiles

	Warnings []Count // of its samples, the control's included
	Invalid  []Count // reasons of samples left out of all estimates

	shared, control, traced, toured []*sample.Sample
}

// Count is a text and how many samples it concerns.
type Count struct {
	Text string
	N    int
}

// Label is the facet's fields as text, or those of others that it lacks; empty for the only facet.
func (f *Facet) Label() string {
	if len(f.Fields) == 0 && len(f.lacks) > 0 {
		return "without " + strings.Join(f.lacks, ", ")
	}
	parts := make([]string, len(f.Fields))
	for i, fd := range f.Fields {
		parts[i] = FieldText(fd)
	}
	return strings.Join(parts, " · ")
}

// FieldText is a field as a reader sees it: pseudo-keys are left out.
func FieldText(f sample.Field) string {
	if f.Key == keyBase || f.Key[0] == '/' {
		return f.Value
	}
	return f.Key + "=" + f.Value
}

// Point returns the series' point at x, nil if it has none.
func (s *Series) Point(x float64) *Point {
	for _, p := range s.Points {
		if p.X == x {
			return p
		}
	}
	return nil
}

// Valid are the values of the axis at which not everything is oversubscribed.
func (f *Facet) Valid() []float64 {
	var xs []float64
	for _, x := range f.X.Values {
		if !f.Oversubscribed(x) {
			xs = append(xs, x)
		}
	}
	return xs
}

// Oversubscribed reports whether GOMAXPROCS exceeds the usable CPUs at x, as far
// as they are stated: of every series, where the axis is another.
func (f *Facet) Oversubscribed(x float64) bool {
	if f.X.Procs() {
		return f.Usable > 0 && x > f.Usable
	}
	return !slices.ContainsFunc(f.Series, func(s *Series) bool {
		p := s.Point(x)
		return p != nil && !p.Oversubscribed
	})
}

// New computes the view of a set.
func New(set *sample.Set) *View {
	b := newBuilder(set)
	b.findOrigins()
	for _, s := range set.Samples {
		b.add(s)
	}
	return b.finish()
}

// builder sorts samples into facets, series and points.
type builder struct {
	set     *sample.Set
	view    *View
	ids     map[*sample.Name]identity
	keys    map[string][]string // series keys by signature
	shared  bool                // the set has samples that are no controls
	probed  bool                // the set has samples under a probe
	origins map[originKey]origin
	facets  map[string]*Facet
	points  map[pointKey]*Point
	control map[pointKey]*[]*sample.Sample
	lists   map[like]*[]*sample.Sample // where like samples go
	left    map[pointKey]bool          // points that are left out
	toured  map[pointKey]*[]*sample.Sample
	// controlOf maps each point to the key of its control, which lacks the
	// sharing field.
	controlOf map[*Point]pointKey
}

type pointKey struct {
	facet string
	name  string
	x     float64
}

func newBuilder(set *sample.Set) *builder {
	b := &builder{
		set:       set,
		view:      &View{},
		ids:       map[*sample.Name]identity{},
		keys:      map[string][]string{},
		origins:   map[originKey]origin{},
		facets:    map[string]*Facet{},
		points:    map[pointKey]*Point{},
		control:   map[pointKey]*[]*sample.Sample{},
		lists:     map[like]*[]*sample.Sample{},
		left:      map[pointKey]bool{},
		toured:    map[pointKey]*[]*sample.Sample{},
		controlOf: map[*Point]pointKey{},
	}
	groups := map[string][]identity{}
	for _, s := range set.Samples {
		if _, seen := b.ids[s.Name]; seen {
			continue
		}
		id := identify(s.Name, set.Axis(s.Name))
		b.ids[s.Name] = id
		b.shared = b.shared || id.sharing != "none"
		b.probed = b.probed || id.probe != ""
		sig := id.signature()
		groups[sig] = append(groups[sig], id)
	}
	for sig, ids := range groups {
		b.keys[sig] = seriesKeys(distinct(ids), ids[0].axis.Series, set.Lifted)
	}
	b.tellApart()
	return b
}

// tellApart gives series that would stand under one label in one facet a longer
// one: the keys beside the values, and the whole name where that is not enough.
// Different benchmarks are never one line.
func (b *builder) tellApart() {
	label := func(id identity, how labelling) string {
		id.labelling = how
		text, facet := id.split(b.keys[id.signature()])
		return fieldsKey(facet) + id.axis.Key + text
	}
	for how := valuesOnly; how < wholeName; how++ {
		under := map[string]map[string]bool{} // labels, and the series that have them
		for _, id := range b.ids {
			if id.labelling == how {
				l := label(id, how)
				if under[l] == nil {
					under[l] = map[string]bool{}
				}
				under[l][id.series] = true
			}
		}
		for n, id := range b.ids {
			if id.labelling == how && len(under[label(id, how)]) > 1 {
				id.labelling = how + 1
				b.ids[n] = id
			}
		}
	}
}

// like is what decides where a sample belongs.
type like struct {
	shared  *sample.Shared
	variant string
}

// add puts the sample where its like go.
func (b *builder) add(s *sample.Sample) {
	k := like{s.Shared, s.Variant}
	list, known := b.lists[k]
	if !known {
		list = b.list(s)
		b.lists[k] = list
	}
	if list != nil {
		*list = append(*list, s)
	}
}

// list is the list of a point, or of controls, to which the sample belongs; nil
// if it is not shown.
func (b *builder) list(s *sample.Sample) *[]*sample.Sample {
	id := b.ids[s.Name]
	keys := b.keys[id.signature()]
	label, names := id.split(keys)
	fields := append(slices.Clone(b.origins[keyOf(s)].fields), names...)
	control := pointKey{fieldsKey(fields) + id.axis.Key, label, id.x}
	if id.sharing == "none" && b.shared {
		return listAt(b.control, control)
	}
	if id.sharing != "" {
		fields = append(fields, sample.Field{Key: keySharing, Value: id.sharing})
	}
	key := pointKey{fieldsKey(fields) + id.axis.Key, label, id.x}
	if id.probe == "tour" { // of a process of another history: no point of a curve but that of waiting
		return listAt(b.toured, key)
	}
	p := b.points[key]
	if p == nil {
		if p = b.newPoint(key, fields, s, id); p == nil {
			return nil
		}
		f := b.facets[key.facet]
		f.Keys, f.names, f.probed = keys, nameFields(names, id.sharing), b.probed
		f.stated = f.stated || slices.Contains(keys, id.axis.Series)
		b.controlOf[p] = control
	}
	if id.probe != "" {
		return &p.traced
	}
	return &p.shared
}

// listAt is the list at key, made if there is none.
func listAt(m map[pointKey]*[]*sample.Sample, key pointKey) *[]*sample.Sample {
	if m[key] == nil {
		m[key] = new([]*sample.Sample)
	}
	return m[key]
}

// The most that a page can show, and that its reader can find: series of one
// chart, and points in all.
const (
	mostSeries = 200
	mostPoints = 10000
)

// newPoint makes the point of a sample; nil where the page is full.
func (b *builder) newPoint(key pointKey, fields []sample.Field, s *sample.Sample, id identity) *Point {
	f := b.facets[key.facet]
	full := len(b.points) >= mostPoints
	if f == nil && !full {
		f = &Facet{Fields: fields, Config: s.Config, Usable: s.UsableCPUs(), X: Axis{Key: id.axis.Key, stated: id.axis.Stated, labels: map[float64]string{}}}
		if f.X.Procs() {
			f.Boundaries = boundaries(b.set, s.Run)
		}
		b.facets[key.facet] = f
		b.view.Facets = append(b.view.Facets, f)
	}
	i := -1
	if f != nil {
		i = slices.IndexFunc(f.Series, func(sr *Series) bool { return sr.Name == key.name })
		full = full || i < 0 && len(f.Series) >= mostSeries
	}
	if full {
		b.left[key] = true
		return nil
	}
	if i < 0 {
		i = len(f.Series)
		f.Series = append(f.Series, &Series{Name: key.name, fields: id.labelled(b.keys[id.signature()])})
	}
	p := &Point{X: key.x, Oversubscribed: s.UsableCPUs() > 0 && float64(s.Name.Procs()) > s.UsableCPUs()}
	f.mixed = f.mixed || s.UsableCPUs() != f.Usable
	f.Usable = max(f.Usable, s.UsableCPUs())
	f.Series[i].Points = append(f.Series[i].Points, p)
	f.X.add(key.x, id.label)
	b.points[key] = p
	return p
}

func fieldsKey(fs []sample.Field) string {
	var b strings.Builder
	for _, f := range fs {
		b.WriteString(strconv.Quote(f.Key))
		b.WriteString(strconv.Quote(f.Value))
	}
	return b.String()
}

// origin is where samples come from: samples of different origins are never
// pooled. Its fields are the keys by which origins differ that have a sample
// of the same name, and the usable CPUs, on which validity depends.
type origin struct {
	all    map[string]string
	fields []sample.Field
}

// originKey identifies an origin cheaply: samples share their Config.
type originKey struct {
	config  uintptr
	run     *sample.Run
	variant string
}

func keyOf(s *sample.Sample) originKey {
	return originKey{reflect.ValueOf(s.Config).Pointer(), s.Run, s.Variant}
}

// facts are what makes a sample's number incomparable where it differs.
func facts(s *sample.Sample) map[string]string {
	all := maps.Clone(s.Config)
	if all == nil {
		all = map[string]string{}
	}
	if s.Run != nil {
		for _, f := range s.Run.Fields {
			// Machines of a fleet stand for their kind.
			if strings.HasPrefix(f.Key, "exe") || f.Key == sample.KindKey || f.Key == sample.NodeKey && s.Run.Machine() == "" {
				all[f.Key] = f.Value
			}
		}
	}
	if s.Variant != "" {
		all["variant"] = s.Variant
	}
	return all
}

func (b *builder) findOrigins() {
	var order []originKey
	byName := map[string]map[originKey]bool{}
	names := map[*sample.Name]string{}
	seen := map[like]bool{}
	for _, s := range b.set.Samples {
		of := like{s.Shared, s.Variant}
		if seen[of] {
			continue
		}
		seen[of] = true
		k := keyOf(s)
		if _, seen := b.origins[k]; !seen {
			b.origins[k] = origin{all: facts(s)}
			order = append(order, k)
		}
		name, ok := names[s.Name]
		if !ok {
			name = s.Name.String()
			names[s.Name] = name
		}
		if byName[name] == nil {
			byName[name] = map[originKey]bool{}
		}
		byName[name][k] = true
	}
	differ := map[string]bool{}
	if len(b.set.Lifted) == 0 { // else hosts share a chart, whose points know each its own CPUs
		b.differ(maps.Keys(b.origins), sample.UsableCPUs, differ)
	}
	for _, ks := range byName {
		if len(ks) > 1 {
			b.differ(maps.Keys(ks), "", differ)
		}
	}
	if differ[sample.KindKey] {
		b.impliedByKind(differ)
	}
	keys := slices.Sorted(maps.Keys(differ))
	for _, k := range order {
		o := b.origins[k]
		for _, key := range keys {
			o.fields = append(o.fields, sample.Field{Key: key, Value: o.all[key]})
		}
		b.origins[k] = o
	}
}

// impliedByKind leaves out the facts that kinds of machines differ in, and machines of a
// kind do not: the kind's name stands for them.
func (b *builder) impliedByKind(differ map[string]bool) {
	of := map[[2]string]string{} // value by kind and key
	varies := map[string]bool{}
	for _, o := range b.origins {
		kind := o.all[sample.KindKey]
		for key := range differ {
			at := [2]string{kind, key}
			if v, seen := of[at]; seen && v != o.all[key] || kind == "" {
				varies[key] = true
			}
			of[at] = o.all[key]
		}
	}
	maps.DeleteFunc(differ, func(key string, _ bool) bool { return key != sample.KindKey && !varies[key] })
}

// differ adds the facts (all, or only the named one) by which the origins
// differ.
func (b *builder) differ(ks iter.Seq[originKey], only string, into map[string]bool) {
	values := map[string]map[string]bool{}
	for k := range ks {
		for key, v := range b.origins[k].all {
			if only == "" || key == only {
				if values[key] == nil {
					values[key] = map[string]bool{}
				}
				values[key][v] = true
			}
		}
	}
	for key, vs := range values {
		missing := 0
		for k := range ks {
			if _, has := b.origins[k].all[key]; !has {
				missing = 1
			}
		}
		if len(vs)+missing > 1 {
			into[key] = true
		}
	}
}

func (b *builder) finish() *View {
	b.pooled()
	for p, key := range b.controlOf {
		if list := b.control[key]; list != nil {
			p.control = *list
			delete(b.control, key)
		}
	}
	if n := len(b.left); n > 0 {
		b.view.Notes = append(b.view.Notes, fmt.Sprintf("%d of %d points are left out, those that come last in the text: a page shows at most %d lines in a chart and %d points. A rule (--name) can make few lines of many names; so does a report of a part of the text.", n, n+len(b.points), mostSeries, mostPoints))
	} else if n := len(b.control); n > 0 {
		b.view.Notes = append(b.view.Notes, Plural(n, "point")+" of the share-nothing ceiling without a shared sample beside them, not shown")
	}
	for key, p := range b.points {
		if list := b.toured[key]; list != nil {
			p.toured = *list
		}
	}
	b.view.sort(orderOf(b.set), b.set.Lifted)
	b.view.Units = unitsOf(b.set)
	b.view.Backends = backends(b.set)
	servers := served(b.set)
	references, without, broke := References(b.set), lockless(b.set), brokenLocks(b.set)
	for _, f := range b.view.Facets {
		f.X.settle()
		for _, s := range f.Series {
			s.Reference, s.Lockless = s.among(references), s.among(without)
			s.Broke = slices.ContainsFunc(s.Points, func(p *Point) bool { return slices.ContainsFunc(p.shared, broke.has) })
			f.locks = f.locks || slices.ContainsFunc(s.Points, func(p *Point) bool { return slices.ContainsFunc(p.shared, isLock) })
			f.served = f.served || s.among(servers) && slices.ContainsFunc(s.Points, func(p *Point) bool { return !slices.ContainsFunc(p.shared, given) })
			slices.SortFunc(s.Points, func(a, b *Point) int { return cmp.Compare(a.X, b.X) })
			for _, p := range s.Points {
				p.estimate(f)
			}
			s.speedup(f)
		}
		f.waits()
		f.markCapacity()
	}
	b.view.common()
	for _, s := range b.set.Samples {
		b.view.Foreign = b.view.Foreign || s.Run == nil
	}
	for _, f := range b.view.Facets {
		f.Contests = contests(f)
		f.Findings = findings(f)
		if b.view.Sides[0] != "" {
			f.Findings = slices.Replace(f.Findings, 0, len(f.Contests), b.view.changed(f))
		}
	}
	b.view.Totals, b.view.Warnings = totals(b.set), warningKinds(b.set, b.view)
	b.view.Findings = b.view.overview(b.set)
	return b.view
}

// among reports whether the series is of one of the named backends or services.
func (s *Series) among(names map[string]bool) bool {
	return names[s.Name] || slices.ContainsFunc(s.fields, func(fd sample.Field) bool {
		return (fd.Key == keyBackend || fd.Key == keyService) && names[fd.Value]
	})
}

// pooled notes points whose samples came from several files, of which nothing
// tells whether one machine measured them: their interval is then over machines
// too, however alike these are.
func (b *builder) pooled() {
	files := map[string]bool{}
	points := 0
	for _, p := range b.points {
		first, several := "", false
		for _, s := range p.shared {
			if s.Run.Node() != "" || s.File == first {
				continue
			}
			if first != "" {
				several = true
				files[s.File] = true
			}
			if first == "" {
				first = s.File
			}
		}
		if several {
			files[first] = true
			points++
		}
	}
	if points > 0 {
		b.view.Notes = append(b.view.Notes, fmt.Sprintf("%s the samples of several files (%s), and nothing tells whether one machine measured them: --by file keeps them apart", plural2(points, "point pools", "points pool"), list(slices.Sorted(maps.Keys(files)))))
	}
}

// common moves the fields that all facets agree on from the facets to the view.
func (v *View) common() {
	if len(v.Facets) == 0 {
		return
	}
	for _, fd := range v.Facets[0].Fields {
		if !slices.ContainsFunc(v.Facets, func(f *Facet) bool { return !slices.Contains(f.Fields, fd) }) {
			v.Common = append(v.Common, fd)
		}
	}
	for _, f := range v.Facets {
		f.Fields = slices.DeleteFunc(slices.Clone(f.Fields), func(fd sample.Field) bool { return slices.Contains(v.Common, fd) })
	}
	for _, f := range v.Facets {
		if len(f.Fields) > 0 {
			continue
		}
		for _, o := range v.Facets {
			for _, fd := range o.Fields {
				if !slices.Contains(f.lacks, fd.Key) && fd.Key != keyBase && fd.Key[0] != '/' {
					f.lacks = append(f.lacks, fd.Key)
				}
			}
		}
	}
	taken := map[string]bool{}
	for _, f := range v.Facets {
		slug := slugOf(f.Label())
		f.Slug = slug
		for n := 2; taken[f.Slug]; n++ {
			f.Slug = fmt.Sprintf("%s-%d", slug, n)
		}
		taken[f.Slug] = true
	}
}

// slugOf is a label as a part of file names and links.
func slugOf(label string) string {
	const most = 60
	words := strings.FieldsFunc(label, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_')
	})
	slug := strings.Join(words, "-")
	if len(slug) > most {
		slug = strings.TrimRight(slug[:most], "-.")
	}
	return slug
}

// estimate fills in what the point's own samples say.
func (p *Point) estimate(f *Facet) {
	p.Invalid = invalid(p.shared, p.control, p.traced, p.toured)
	p.shared, p.control, p.traced, p.toured = valid(p.shared), valid(p.control), valid(p.traced), valid(p.toured)
	p.Warnings = warnings(p.shared, p.control, p.traced, p.toured)
	p.Units, p.Control, p.Traced = summaries(p.shared), summaries(p.control), summaries(p.traced)
	f.HasControl = f.HasControl || len(p.control) > 0
	if len(p.shared) > 0 {
		_, says := p.shared[0].Name.Get(keySharing)
		f.sharing = f.sharing || says
	}
	f.HasTraced = f.HasTraced || len(p.traced) > 0

	rates, derived := ratesOf(p.shared)
	f.DerivedRate = f.DerivedRate || derived
	ceiling, _ := ratesOf(p.control)
	p.Rate = estimate(rates, Confidence)
	p.Ceiling = estimate(ceiling, Confidence)
	p.PerPrice = estimate(perPrice(p.shared), Confidence)
	p.Efficiency = relate(rates, ceiling, ratio)
	p.pace(f)
	p.Overhead = relate(observe(p.shared, "cpu-ns/op"), observe(p.control, "cpu-ns/op"), difference)
}

func (s *Series) speedup(f *Facet) {
	if len(s.Points) == 0 || len(f.X.Values) < 2 || s.Points[0].X != f.X.Lowest() {
		return
	}
	base, _ := ratesOf(s.Points[0].shared)
	for _, p := range s.Points {
		rates, _ := ratesOf(p.shared)
		p.Speedup = relate(rates, base, ratio)
	}
}

func valid(ss []*sample.Sample) []*sample.Sample {
	return slices.DeleteFunc(ss, func(s *sample.Sample) bool { return !s.Valid() })
}

func invalid(parts ...[]*sample.Sample) []Count {
	var cs []Count
	for _, ss := range parts {
		for _, s := range ss {
			if !s.Valid() {
				cs = count(cs, s.Invalid)
			}
		}
	}
	return cs
}

func warnings(parts ...[]*sample.Sample) []Count {
	var cs []Count
	for _, ss := range parts {
		for _, s := range ss {
			for _, w := range s.Warnings {
				cs = count(cs, w)
			}
		}
	}
	return cs
}

func count(cs []Count, text string) []Count {
	for i := range cs {
		if cs[i].Text == text {
			cs[i].N++
			return cs
		}
	}
	return append(cs, Count{text, 1})
}

func summaries(ss []*sample.Sample) map[string]Estimate {
	byUnit := map[string][]obs{}
	for _, s := range ss {
		for i, u := range s.Units {
			byUnit[u] = append(byUnit[u], obs{s.Values[i], pairOf(s)})
		}
	}
	sums := make(map[string]Estimate, len(byUnit))
	for u, vs := range byUnit {
		sums[u] = estimate(vs, Confidence)
	}
	return sums
}

func observe(ss []*sample.Sample, unit string) []obs {
	var os []obs
	for _, s := range ss {
		if v, ok := s.Value(unit); ok {
			os = append(os, obs{v, pairOf(s)})
		}
	}
	return os
}

func ratesOf(ss []*sample.Sample) (os []obs, derived bool) {
	for _, s := range ss {
		r, d, ok := Rate(s)
		if ok {
			os = append(os, obs{r, pairOf(s)})
			derived = derived || d
		}
	}
	return os, derived
}

// perPrice is how many operations samples gave for one unit of price.
func perPrice(ss []*sample.Sample) (os []obs) {
	for _, s := range ss {
		price := s.Run.Price()
		if r, _, ok := Rate(s); ok && price > 0 {
			os = append(os, obs{r * time.Hour.Seconds() / price, pairOf(s)})
		}
	}
	return os
}

// unitsOf lists the set's units: Contend's own in their order, then others by
// first appearance.
func unitsOf(set *sample.Set) []sample.Unit {
	seen := map[string]bool{}
	var others []sample.Unit
	lists := map[*sample.Shared]bool{}
	for _, s := range set.Samples {
		if lists[s.Shared] {
			continue
		}
		lists[s.Shared] = true
		for _, u := range s.Units {
			if seen[u] {
				continue
			}
			seen[u] = true
			if _, ours := sample.LookupUnit(u); !ours {
				others = append(others, sample.Unit{Name: u, Better: set.Direction(u)})
			}
		}
	}
	var us []sample.Unit
	for _, u := range sample.Units {
		if seen[u.Name] {
			us = append(us, u)
		}
	}
	return append(us, others...)
}
