package compare

import (
	"cmp"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/contend-go/contend/bench/sample"
)

// cellKey tells cells apart: `go test ./...` prints one name in many packages.
type cellKey struct{ pkg, name string }

func (k cellKey) String() string {
	if k.pkg == "" {
		return k.name
	}
	return k.name + " (" + k.pkg + ")"
}

// cells are the samples of one side that are compared.
type cells struct {
	label   string
	order   []cellKey
	byKey   map[cellKey]*cell
	invalid map[cellKey]string // the last reason, of cells without a valid sample

	failing  []cellKey // keys of failures, in the order of the samples
	failures map[cellKey]*failures
	config   map[string][]string
}

// cell is what one side measured of one cell.
type cell struct {
	name           *sample.Name
	pkg            string
	samples        []*sample.Sample
	oversubscribed bool
	few            bool // iterations
	spans          int  // blocks up to the last one in which it was measured, validly or not
}

// collect takes the samples of a side that can be compared, and notes in c
// what it leaves out.
func collect(side Side, c *Comparison, which int) *cells {
	s := &cells{label: side.Label, byKey: map[cellKey]*cell{}, invalid: map[cellKey]string{}, failures: map[cellKey]*failures{}, config: map[string][]string{}}
	part := lastPart(side)
	kinds, machines := kindsOf(side)
	if len(kinds) > 0 { // its machines are parts that belong together
		part = ""
	}
	if machines > 1 {
		if note := "each pair or value is the median of one machine of the fleet"; !slices.Contains(c.Notes, note) {
			c.Notes = append(c.Notes, note)
		}
	}
	keys := map[*sample.Name]cellKey{} // of names within a package
	spans := map[cellKey]int{}
	var config map[string]string
	for _, smp := range side.Set.Samples {
		if side.Variant != "" && smp.Variant != side.Variant {
			continue
		}
		if _, traced := smp.Name.Get("probe"); traced {
			c.Traced++
			continue
		}
		if part != "" && (smp.Run == nil || smp.Run.ID != part) {
			c.OtherParts[which]++
			continue
		}
		if look := c.Sequential.look; look > 0 && smp.Block >= look {
			continue
		}
		key, ok := keys[smp.Name]
		if !ok || key.pkg != smp.Config["pkg"] {
			key = cellKey{smp.Config["pkg"], smp.Name.String()}
			keys[smp.Name] = key
		}
		name := smp.Name
		if len(kinds) > 1 {
			name = named(smp.Name, smp.Run.Kind())
			key.name = name.String()
		}
		spans[key] = max(spans[key], smp.Block+1)
		if !smp.Valid() {
			c.Invalid[which]++
			s.invalid[key], c.reasons[which] = smp.Invalid, smp.Invalid
			if smp.Failed {
				s.failed(key, smp.Block, smp.Invalid)
			}
			continue
		}
		if f := s.failures[key]; f != nil { // it was tried again
			delete(f.blocks, smp.Block)
		}
		if reflect.ValueOf(config).Pointer() != reflect.ValueOf(smp.Config).Pointer() {
			config = smp.Config
			of := ""
			if len(kinds) > 1 {
				of = smp.Run.Kind()
			}
			s.configure(config, of)
		}
		x := s.byKey[key]
		if x == nil {
			x = &cell{name: name, pkg: key.pkg}
			s.byKey[key] = x
			s.order = append(s.order, key)
		}
		x.samples = append(x.samples, smp)
		for _, w := range smp.Warnings {
			x.oversubscribed = x.oversubscribed || strings.HasPrefix(w, "oversubscribed")
			x.few = x.few || strings.HasPrefix(w, sample.FewIterations)
		}
	}
	for key, x := range s.byKey {
		x.spans = spans[key]
	}
	return s
}

// lastPart is the run of the side's last sample if the side holds more than
// one: a run that was continued on another host, or with another build, begins
// a new part, and parts are never pooled.
func lastPart(side Side) string {
	last, several := "", false
	for _, smp := range side.Set.Samples {
		if smp.Run == nil || side.Variant != "" && smp.Variant != side.Variant {
			continue
		}
		several = several || last != "" && last != smp.Run.ID
		last = smp.Run.ID
	}
	if !several {
		return ""
	}
	return last
}

// own are configuration keys that are part of a cell's identity, or that name
// what is compared.
var own = map[string]bool{"pkg": true, "commit": true, "branch": true, "date": true}

// configure notes what the samples say of their host, which is of the kind of if there
// are several.
func (s *cells) configure(config map[string]string, of string) {
	for k, v := range config {
		known := own[k]
		if of != "" {
			k += " of " + of
		}
		if !known && !slices.Contains(s.config[k], v) {
			s.config[k] = append(s.config[k], v)
		}
	}
}

// configuration notes in what the hosts and settings of the sides differ.
func (c *Comparison) configuration(a, b *cells) {
	all := maps.Clone(a.config)
	maps.Copy(all, b.config)
	for _, k := range slices.Sorted(maps.Keys(all)) {
		x, y := a.config[k], b.config[k]
		switch {
		case len(x) == 0 || len(y) == 0:
			c.Unstated = append(c.Unstated, k)
		case !slices.Equal(x, y) || len(x) > 1:
			c.Differs = append(c.Differs, Difference{k, x, y})
		}
	}
	if y := b.config["go"]; len(y) == 1 {
		c.Toolchain = y[0]
	}
	if y := b.config[sample.UsableCPUs]; len(y) == 1 {
		c.UsableCPUs = y[0]
	}
}

// commonUnits are the units that both cells have, in the order of the new one.
func commonUnits(x, y *cell) []string {
	has := func(c *cell) []string {
		var units []string
		for _, s := range c.samples {
			for _, u := range s.Units {
				if !slices.Contains(units, u) {
					units = append(units, u)
				}
			}
		}
		return units
	}
	old := has(x)
	return slices.DeleteFunc(has(y), func(u string) bool { return !slices.Contains(old, u) })
}

// newRow gathers what both cells measured in the unit.
func newRow(x, y *cell, unit string, better sample.Better) *Row {
	nan := math.NaN()
	r := &Row{
		Name: y.name, Pkg: y.pkg, Unit: unit, Better: better, Oversubscribed: x.oversubscribed || y.oversubscribed, FewIterations: (x.few || y.few) && unit != unitFirst && !counted(unit),
		Ratio: nan, Lo: nan, Hi: nan, Level: nan, Shift: nan, P: nan, PHolm: nan,
	}
	old, new, blocks := pairs(x, y, unit)
	paired := len(blocks) > 0
	r.Counted = counted(unit)
	if !paired {
		old, new = values(x, unit), values(y, unit)
	}
	if r.Counted {
		old, new = floors(old), floors(new)
	}
	r.spans = max(x.spans, y.spans)
	r.blocks, r.Paired, r.NOld, r.NNew = blocks, paired, len(old), len(new)
	r.machines = fleetOf(x.samples) || !paired && fleetOf(y.samples)
	r.Old, r.New = median(old), median(new)
	r.measure(old, new)
	return r
}

func values(c *cell, unit string) []float64 {
	list := make([]float64, 0, len(c.samples))
	if fleetOf(c.samples) {
		return machineValues(c, unit)
	}
	for _, s := range c.samples {
		if v, ok := s.Value(unit); ok {
			list = append(list, v)
		}
	}
	return list
}

// blockKey is a moment at which both sides were measured.
type blockKey struct {
	run     string
	block   int
	machine string // of a fleet
}

func blockOf(s *sample.Sample) blockKey {
	return blockKey{s.File + " " + s.Run.ID, s.Block, s.Run.Machine()}
}

// pairs joins the samples of common blocks, in which both variants of one run
// were measured side by side. Samples without a partner (it was invalid) are
// left out, unless there is no common block at all.
func pairs(x, y *cell, unit string) (old, new []float64, blocks []blockKey) {
	at := map[blockKey]float64{}
	for _, s := range x.samples {
		if v, has := s.Value(unit); has && s.Run != nil && s.Block >= 0 {
			at[blockOf(s)] = v
		}
	}
	byBlock := slices.SortedStableFunc(slices.Values(y.samples), func(a, b *sample.Sample) int { return cmp.Compare(a.Block, b.Block) })
	for _, s := range byBlock { // one that was measured again stands later in the file
		if s.Run == nil || s.Block < 0 {
			continue
		}
		block := blockOf(s)
		a, both := at[block]
		if b, has := s.Value(unit); both && has {
			old, new, blocks = append(old, a), append(new, b), append(blocks, block)
		}
	}
	if fleetOf(x.samples) && len(blocks) > 0 {
		return machinePairs(old, new, blocks)
	}
	return old, new, blocks
}
