package chart

import (
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/internal/derive"
)

// pick takes from a point the estimate that a panel shows.
type pick func(*derive.Point) derive.Estimate

func untraced(unit string) pick {
	return func(p *derive.Point) derive.Estimate { return p.Units[unit] }
}

func rate(p *derive.Point) derive.Estimate    { return p.Rate }
func ceiling(p *derive.Point) derive.Estimate { return p.Ceiling }

// has reports whether any point of the facet has the estimate.
func has(f *derive.Facet, of pick) bool {
	for _, s := range f.Series {
		for _, p := range s.Points {
			if of(p).N > 0 {
				return true
			}
		}
	}
	return false
}

// data are a series' estimates, in order of the axis.
func data(s *derive.Series, of pick) (xs []float64, es []derive.Estimate) {
	for _, p := range s.Points {
		if e := of(p); e.N > 0 {
			xs, es = append(xs, p.X), append(es, e)
		}
	}
	return xs, es
}

// reach is how far beyond the medians an axis goes for the sake of intervals.
// Wider ones leave the picture, with an arrowhead: they would press the
// medians together.
const reach = 1.5

// extremes are the range of the medians and, within reach, their intervals.
func extremes(f *derive.Facet, ofs ...pick) (lo, hi float64) {
	var low, high float64 // of the intervals
	for _, s := range f.Series {
		for _, p := range s.Points {
			for _, of := range ofs {
				e := of(p)
				if e.N == 0 {
					continue
				}
				lo, hi = math.Min(lo, e.Median), math.Max(hi, e.Median)
				for _, m := range e.Machines {
					lo, hi = math.Min(lo, m.Median), math.Max(hi, m.Median)
				}
				if e.Interval() {
					low, high = math.Min(low, e.Lo), math.Max(high, e.Hi)
				}
			}
		}
	}
	span := (hi - lo) * (reach - 1)
	if span == 0 {
		return math.Min(lo, low), math.Max(hi, high)
	}
	return math.Min(lo, math.Max(low, lo-span)), math.Max(hi, math.Min(high, hi+span))
}

// spread is the range of the series' largest medians.
func spread(f *derive.Facet, of pick) (least, most float64) {
	for _, s := range f.Series {
		best := 0.0
		_, es := data(s, of)
		for _, e := range es {
			best = math.Max(best, e.Median)
		}
		if best > 0 && (least == 0 || best < least) {
			least = best
		}
		most = math.Max(most, best)
	}
	if !f.X.Procs() { // along a size, one series alone can fall by orders of magnitude
		least = lowest(f, of)
	}
	return least, most
}

// lowest is the smallest positive median.
func lowest(f *derive.Facet, of pick) float64 {
	least := math.Inf(1)
	for _, s := range f.Series {
		_, es := data(s, of)
		for _, e := range es {
			if e.Median > 0 {
				least = math.Min(least, e.Median)
			}
		}
	}
	return least
}

// ranked are the facet's series that have the estimate, the highest at the
// largest value first: a legend in the order of the lines' right ends.
func ranked(f *derive.Facet, of pick) []*derive.Series {
	var ss []*derive.Series
	for _, s := range f.Series {
		if _, es := data(s, of); len(es) > 0 {
			ss = append(ss, s)
		}
	}
	end := func(s *derive.Series) float64 {
		_, es := data(s, of)
		return es[len(es)-1].Median
	}
	slices.SortStableFunc(ss, func(a, b *derive.Series) int {
		switch ea, eb := end(a), end(b); {
		case ea > eb:
			return -1
		case ea < eb:
			return 1
		}
		return 0
	})
	return ss
}

func styleFor(v *derive.View, s *derive.Series) style {
	m := v.Marks[s.Name]
	if m.Old {
		return style{Colors[m.Color], open{markers[m.Shape]}, []vg.Length{1.5, 2.5}}
	}
	return style{color: Colors[m.Color], marker: markers[m.Shape]}
}

// seriesEntries are the legend of the series.
func seriesEntries(v *derive.View, ss []*derive.Series, of pick) []entry {
	var es []entry
	intervals, machines := false, false
	for _, s := range ss {
		es = append(es, styleFor(v, s).entry(s.Name))
		for _, p := range s.Points {
			intervals = intervals || of(p).Interval()
			machines = machines || len(of(p).Machines) > 0
		}
	}
	if intervals {
		es = append(es, intervalEntry())
	}
	if machines {
		es = append(es, entry{"a machine of the kind", func(c *draw.Canvas, l, r vg.Point) {
			c.DrawGlyph(draw.GlyphStyle{Color: faint, Radius: 1.6, Shape: draw.RingGlyph{}}, vg.Point{X: (l.X + r.X) / 2, Y: l.Y})
		}})
	}
	return es
}

// fewLines is up to how many series each draw their own ceiling; beyond, one
// line shows the highest.
const fewLines = 6

// throughput is a line per series, the share-nothing ceiling dashed.
func throughput(v *derive.View, f *derive.Facet) *Picture {
	if !has(f, rate) {
		return nil
	}
	ss := ranked(f, rate)
	entries := seriesEntries(v, ss, rate)
	if has(f, ceiling) {
		entries = append(entries, dashedEntry(ceilingName(ss), ceilingStyle(v, ss[0], len(ss))))
	}
	unit := "operations per second"
	if f.DerivedRate {
		unit = "operations per second (1e9 ÷ ns/op)"
	}
	return linesPicture(v, f, "Throughput by "+printable(f.X.Title()), entries, 340, []linesPanel{{
		heading: "", unit: unit, of: rate, extra: ceiling,
	}})
}

func ceilingName(ss []*derive.Series) string {
	if len(ss) > fewLines {
		return "share-nothing ceiling, highest"
	}
	return "share-nothing ceiling"
}

func ceilingStyle(v *derive.View, s *derive.Series, n int) style {
	if n > fewLines {
		return style{color: faint}
	}
	if n == 1 {
		return styleFor(v, s)
	}
	return style{color: faint}
}

// highest is the pointwise maximum of a pick over the series.
func highest(f *derive.Facet, of pick) (xs []float64, es []derive.Estimate) {
	for _, x := range f.X.Values {
		var best derive.Estimate
		for _, s := range f.Series {
			if p := s.Point(x); p != nil {
				if e := of(p); e.N > 0 && (best.N == 0 || e.Median > best.Median) {
					best = e
				}
			}
		}
		if best.N > 0 {
			xs, es = append(xs, x), append(es, best)
		}
	}
	return xs, es
}

// linesPanel is one set of axes with a line per series.
type linesPanel struct {
	heading, unit string
	percent       bool
	of            pick
	extra         pick // the dashed line, nil if there is none
	log           bool // times on a logarithmic axis, however near they are
}

// wide is the ratio between the highest and the lowest value beyond which a
// linear axis would press the lower lines together.
const wide = 25

// stripHeight is the room that a facet's annotations need above the data.
func stripHeight(f *derive.Facet) vg.Length {
	_, over := overFrom(f)
	switch {
	case len(f.Boundaries) > 0:
		return 2*9.5 + 2
	case over:
		return 9.5 + 2
	}
	return 0
}

func (lp linesPanel) panel(v *derive.View, f *derive.Facet, width vg.Length) *panel {
	p := newPanel(lp.heading)
	p.axis(f, width)
	ofs := []pick{lp.of}
	if lp.extra != nil {
		ofs = append(ofs, lp.extra)
	}
	least, most := spread(f, lp.of)
	_, hi := extremes(f, ofs...)
	switch {
	case lp.log:
		p.logAxis(lp.unit, min(lowest(f, lp.of), lowest(f, lp.extra)), hi)
		p.Y.Tick.Marker, p.unit = durations{}, lp.unit+", logarithmic"
	case lp.extra != nil && most > wide*least:
		p.logAxis(lp.unit, lowest(f, lp.of), hi)
	default:
		lo, hi := extremes(f, ofs...)
		p.valueAxis(lp.unit, lp.percent, lo, hi)
	}
	p.strip = stripHeight(f)
	p.Add(region(f), plotFunc(gridlines), annotations(f, 2))
	ss := ranked(f, lp.of)
	if lp.extra != nil {
		p.addCeilings(v, f, ss, lp.extra)
	}
	for i, s := range slices.Backward(ss) {
		xs, es := data(s, lp.of)
		p.Add(curve(styleFor(v, s), xs, es, dodge(i, len(ss))))
	}
	if lp.log {
		for i, s := range f.Series {
			p.Add(unstable(styleFor(v, s), s, dodge(i, len(f.Series))))
		}
	}
	return p
}

func (p *panel) addCeilings(v *derive.View, f *derive.Facet, ss []*derive.Series, of pick) {
	if len(ss) > fewLines {
		xs, es := highest(f, of)
		p.Add(dashes(style{color: faint}, xs, es))
		return
	}
	for _, s := range ss {
		xs, es := data(s, of)
		p.Add(dashes(styleFor(v, s), xs, es))
	}
}

// linesPicture sets panels side by side with the legend at their right.
func linesPicture(v *derive.View, f *derive.Facet, title string, entries []entry, panelWidth vg.Length, panels []linesPanel) *Picture {
	const gap = 22
	lw := legendWidth(entries)
	n := vg.Length(len(panels))
	body := max(250, vg.Length(len(entries))*legendRow+headingHeight+stripHeight(f)+20)
	width := 2*margin + n*panelWidth + (n-1)*gap + 14 + lw
	if len(panels) == 1 {
		width = max(width, 560)
	}
	return &Picture{
		width:  width,
		height: 2*margin + 40 + body,
		draw: func(c draw.Canvas) {
			c = headings(c, title, conditions(v, f))
			legend(draw.Crop(c, c.Max.X-c.Min.X-lw, 0, 0, -headingHeight-stripHeight(f)), entries)
			c = draw.Crop(c, 0, -lw-14, 0, 0)
			tiles := draw.Tiles{Cols: len(panels), Rows: 1, PadX: gap}
			for i, lp := range panels {
				t := tiles.At(c, i, 0)
				lp.panel(v, f, t.Max.X-t.Min.X-40).drawOn(t)
			}
		},
	}
}

// waits is what callers of an open load wait: the 99th percentile over the rate, with the
// operation alone dashed.
func waits(v *derive.View, f *derive.Facet) *Picture {
	p99, service := untraced("p99-ns"), untraced(derive.Service+"p99-ns")
	if !f.Paced || !has(f, p99) {
		return nil
	}
	ss := ranked(f, p99)
	entries := append(seriesEntries(v, ss, p99), dashedEntry("the operation alone", ceilingStyle(v, ss[0], len(ss))))
	for _, s := range f.Series {
		if slices.ContainsFunc(s.Points, func(p *derive.Point) bool { return p.Unstable > 0 && !p.Carried() }) {
			entries = append(entries, entry{"not carried: no end of waiting", func(c *draw.Canvas, l, r vg.Point) {
				style{color: faint, marker: hollow{draw.RingGlyph{}}}.glyph(c, vg.Point{X: (l.X + r.X) / 2, Y: l.Y})
			}})
			break
		}
	}
	return linesPicture(v, f, "What a caller waits, by "+printable(f.X.Title()), entries, 340,
		[]linesPanel{{unit: "99th percentile, from when an operation was due", of: p99, extra: service, log: true}})
}

// unstable marks rates that were not carried, at the top of the axes.
func unstable(sty style, s *derive.Series, shift vg.Length) plotFunc {
	return func(c draw.Canvas, p *plot.Plot) {
		for _, pt := range s.Points {
			if pt.Unstable > 0 && !pt.Carried() {
				style{color: sty.color, marker: hollow{draw.RingGlyph{}}}.glyph(&c, vg.Point{X: c.X(p.X.Norm(pt.X)) + shift, Y: c.Max.Y - 3})
			}
		}
	}
}

// lines is the picture of one unit.
func lines(unit string) func(*derive.View, *derive.Facet) *Picture {
	return func(v *derive.View, f *derive.Facet) *Picture {
		of := untraced(unit)
		if !has(f, of) {
			return nil
		}
		u, _ := sample.LookupUnit(unit)
		return linesPicture(v, f, unit+" by "+printable(f.X.Title()), seriesEntries(v, ranked(f, of), of), 340,
			[]linesPanel{{unit: u.About, of: of}})
	}
}

// hits is the hit ratio, where anything misses: flat lines at 100% say in a
// picture what a word says. Backends that synchronise nothing do not count:
// null, the floor, misses always.
func hits(v *derive.View, f *derive.Facet) *Picture {
	const all = 0.9995 // is printed as 100%
	for _, s := range f.Series {
		for _, p := range s.Points {
			if e := p.Units["hits/get"]; !s.Reference && e.N > 0 && e.Median < all {
				return lines("hits/get")(v, f)
			}
		}
	}
	return nil
}
