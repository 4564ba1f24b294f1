package chart

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/contend-go/contend/report/internal/derive"
)

// log2 places values on a logarithmic axis. An unstated GOMAXPROCS, 0, stands
// where ½ does.
type log2 struct{ least float64 }

// Normalize implements plot.Normalizer.
func (l log2) Normalize(min, max, x float64) float64 {
	lo, hi := l.place(min), l.place(max)
	return (l.place(x) - lo) / (hi - lo)
}

func (l log2) place(x float64) float64 { return math.Log2(math.Max(x, l.least)) }

// scaleOf is the facet's x axis: its scale, and its ends with some room.
func scaleOf(a *derive.Axis) (scale plot.Normalizer, lo, hi float64) {
	lo, hi = a.Lowest(), math.Max(a.Highest(), a.Reach)
	if !a.Log {
		room := (hi - lo) * 0.04
		if room == 0 {
			room = math.Max(math.Abs(hi)*0.1, 0.5)
		}
		return plot.LinearScale{}, lo - room, hi + room
	}
	l := log2{0}
	if a.Procs() {
		l.least = 0.5
	}
	lo, hi = math.Max(lo, l.least), math.Max(hi, l.least)
	room := 1.12
	if !a.Procs() {
		room = math.Max(math.Pow(hi/lo, 0.03), room)
	}
	return l, lo / room, hi * room
}

// axisTicks labels the values that were measured, as many as have room.
type axisTicks struct {
	axis  *derive.Axis
	width vg.Length // of the axis, about
}

// Ticks implements plot.Ticker.
func (t axisTicks) Ticks(min, max float64) []plot.Tick {
	sty := tickStyle(draw.XCenter, draw.YTop)
	scale, _, _ := scaleOf(t.axis)
	at := func(x float64) vg.Length { return vg.Length(scale.Normalize(min, max, x)) * t.width }
	// Powers of two first, then from the right: the largest values matter.
	order := slices.Clone(t.axis.Values)
	slices.SortStableFunc(order, func(a, b float64) int {
		if pa, pb := power(a), power(b); pa != pb {
			return pb - pa
		}
		return cmp.Compare(b, a)
	})
	labelled := map[float64]bool{}
	for _, x := range order {
		room := true
		for q := range labelled {
			need := (sty.Width(t.axis.Label(x))+sty.Width(t.axis.Label(q)))/2 + 4
			room = room && vg.Length(math.Abs(float64(at(x)-at(q)))) >= need
		}
		if room {
			labelled[x] = true
		}
	}
	var ticks []plot.Tick
	for _, x := range t.axis.Values {
		tick := plot.Tick{Value: x}
		if t.axis.Procs() {
			tick.Value = math.Max(x, 0.5)
		}
		if labelled[x] {
			tick.Label = printable(t.axis.Label(x))
		}
		ticks = append(ticks, tick)
	}
	return ticks
}

// power is 1 for powers of two.
func power(x float64) int {
	if mantissa, _ := math.Frexp(x); mantissa == 0.5 {
		return 1
	}
	return 0
}

// steps are round numbers on a linear axis: about n of them.
func steps(min, max float64, n int) []float64 {
	if !(max > min) {
		return nil
	}
	raw := (max - min) / float64(n)
	mag := math.Pow(10, math.Floor(math.Log10(raw)))
	step := 10 * mag
	for _, m := range []float64{1, 2, 2.5, 5} {
		if m*mag >= raw {
			step = m * mag
			break
		}
	}
	var at []float64
	for i := math.Ceil(min/step - 1e-9); i*step <= max*(1+1e-9); i++ {
		at = append(at, i*step+0) // no negative zero
	}
	return at
}

// logAxis sets up a logarithmic y axis around positive values.
func (p *panel) logAxis(unit string, min, max float64) {
	p.Y.Min, p.Y.Max = min/1.15, max*1.15
	p.Y.Scale = plot.LogScale{}
	scale, prefix := axisScale(max)
	p.Y.Tick.Marker = decades{scale}
	p.unit = strings.TrimSpace(prefix+" "+unit) + ", logarithmic"
}

// decades are 1, 2 and 5 of every power of ten; with many of them, 1 only.
type decades struct{ scale float64 }

// Ticks implements plot.Ticker.
func (t decades) Ticks(min, max float64) []plot.Tick {
	digits := []float64{1, 2, 5}
	if max/min > 1000 {
		digits = digits[:1]
	}
	var ticks []plot.Tick
	for d := math.Floor(math.Log10(min)); d <= math.Log10(max); d++ {
		for _, m := range digits {
			if v := m * math.Pow(10, d); v >= min && v <= max {
				ticks = append(ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(round(v/t.scale), 'f', -1, 64)})
			}
		}
	}
	return ticks
}

// durations are decades of times in ns, each with its unit.
type durations struct{}

// Ticks implements plot.Ticker.
func (durations) Ticks(min, max float64) []plot.Tick {
	ticks := decades{1}.Ticks(min, max)
	for i := range ticks {
		ticks[i].Label = shortDuration(time.Duration(ticks[i].Value))
	}
	return ticks
}

// valueTicks are round numbers, printed in the axis's scale.
type valueTicks struct{ scale float64 }

// Ticks implements plot.Ticker.
func (t valueTicks) Ticks(min, max float64) []plot.Tick {
	var ticks []plot.Tick
	for _, v := range steps(min, max, 5) {
		ticks = append(ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(round(v/t.scale), 'f', -1, 64)})
	}
	return ticks
}

// round removes binary noise from a tick's label.
func round(v float64) float64 {
	r, _ := strconv.ParseFloat(fmt.Sprintf("%.6g", v), 64)
	return r
}

// axisScale is the decimal prefix for values up to max.
func axisScale(max float64) (scale float64, prefix string) {
	for _, s := range []struct {
		scale  float64
		prefix string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if max >= 2*s.scale {
			return s.scale, s.prefix
		}
	}
	return 1, ""
}

func tickStyle(x draw.XAlignment, y draw.YAlignment) draw.TextStyle { return label(8.5, ink, x, y) }

// panel is one set of axes with a heading above it.
type panel struct {
	*plot.Plot
	heading string // bold
	unit    string // of the y axis, printed beside the heading
	strip   vg.Length
}

// headingHeight is the room for a panel's heading.
const headingHeight = vg.Length(16)

func newPanel(heading string) *panel {
	p := &panel{Plot: plot.New(), heading: heading}
	p.BackgroundColor = nil
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.LineStyle = draw.LineStyle{Color: rule, Width: hairline}
		a.Tick.LineStyle = draw.LineStyle{Color: rule, Width: hairline}
		a.Tick.Length = 4
		a.Padding = 0
	}
	p.X.Tick.Label = tickStyle(draw.XCenter, draw.YTop)
	p.Y.Tick.Label = tickStyle(draw.XRight, draw.YCenter)
	p.Y.LineStyle.Width = 0
	p.Y.Tick.LineStyle.Width = 0
	p.X.Label.TextStyle = label(8.5, faint, draw.XCenter, draw.YBottom)
	return p
}

// axis sets up the x axis.
func (p *panel) axis(f *derive.Facet, width vg.Length) {
	p.X.Scale, p.X.Min, p.X.Max = scaleOf(&f.X)
	p.X.Tick.Marker = axisTicks{&f.X, width}
	p.X.Label.Text = printable(f.X.Title())
	p.X.Label.Padding = 2
}

// valueAxis sets up the y axis from min to a little above max.
func (p *panel) valueAxis(unit string, percent bool, min, max float64) {
	if !(max > min) {
		max = min + 1
	}
	p.Y.Min, p.Y.Max = min, max+(max-min)*0.06
	if min < 0 {
		p.Y.Min = min - (max-min)*0.06
	}
	scale, prefix := axisScale(math.Max(math.Abs(min), max))
	if percent {
		scale, prefix = 0.01, ""
	}
	p.Y.Tick.Marker = valueTicks{scale}
	p.unit = strings.TrimSpace(prefix + " " + unit)
}

// draw draws the panel with its heading.
func (p *panel) drawOn(c draw.Canvas) {
	at := vg.Point{X: c.Min.X, Y: c.Max.Y}
	h := bold(9.5)
	heading := fit(h, p.heading, c.Max.X-c.Min.X)
	c.FillText(h, at, heading)
	u := label(8.5, faint, draw.XLeft, draw.YTop)
	if w := h.Width(heading); p.unit != "" && heading != "" {
		c.FillText(u, vg.Point{X: at.X + w + 6, Y: at.Y - 0.8}, fit(u, p.unit, max(0, c.Max.X-c.Min.X-w-6)))
	} else {
		c.FillText(u, at, p.unit)
	}
	p.Draw(draw.Crop(c, 0, 0, 0, -headingHeight-p.strip))
}

// plotFunc is a plotter without a data range.
type plotFunc func(c draw.Canvas, p *plot.Plot)

// Plot implements plot.Plotter.
func (f plotFunc) Plot(c draw.Canvas, p *plot.Plot) { f(c, p) }

// gridlines are horizontal.
func gridlines(c draw.Canvas, p *plot.Plot) {
	for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
		sty := draw.LineStyle{Color: grid, Width: hairline}
		if t.Value == 0 {
			sty.Color = rule
		}
		y := c.Y(p.Y.Norm(t.Value))
		c.StrokeLine2(sty, c.Min.X, y, c.Max.X, y)
	}
}

// region shades GOMAXPROCS above the usable CPUs.
func region(f *derive.Facet) plotFunc {
	return func(c draw.Canvas, p *plot.Plot) {
		from, ok := overFrom(f)
		if !ok {
			return
		}
		x := min(c.X(p.X.Norm(from))+clearance, c.Max.X)
		c.SetColor(shade)
		c.Fill(vg.Rectangle{Min: vg.Point{X: x, Y: c.Min.Y}, Max: c.Max}.Path())
	}
}

// clearance is between the usable CPUs and the shaded region, so that markers
// of the last valid GOMAXPROCS stand outside it.
const clearance = 9

// overFrom is the number of usable CPUs, above which Ps are oversubscribed, or
// the axis's left end if all are.
func overFrom(f *derive.Facet) (float64, bool) {
	if !f.X.Procs() || !f.Oversubscribed(f.X.Highest()) {
		return 0, false
	}
	return math.Max(f.Usable, f.X.Lowest()/1.12), true
}

// annotations are the texts above the data: topology boundaries with their
// lines, and the oversubscribed region's name. They share rows so that none
// overlaps another; boundaries without room for a text keep their line.
func annotations(f *derive.Facet, rows int) plotFunc {
	return func(c draw.Canvas, p *plot.Plot) {
		sty := label(7.5, faint, draw.XLeft, draw.YBottom)
		free := make([]vg.Length, rows) // right end of each row's last text
		for i := range free {
			free[i] = c.Min.X
		}
		put := func(x vg.Length, s string) bool {
			w := sty.Width(s)
			x = min(x, c.Max.X-w)
			for row := range free {
				if x >= free[row] {
					c.FillText(sty, vg.Point{X: x, Y: c.Max.Y + 2 + vg.Length(row)*9.5}, s)
					free[row] = x + w + 6
					return true
				}
			}
			return false
		}
		line := draw.LineStyle{Color: rule, Width: hairline, Dashes: []vg.Length{2, 2}}
		for _, b := range f.Boundaries {
			at := float64(b.After)
			if f.X.Procs() {
				at = between(f, b.After)
			}
			if at <= p.X.Min || at >= p.X.Max {
				continue
			}
			x := c.X(p.X.Norm(at))
			c.StrokeLine2(line, x, c.Min.Y, x, c.Max.Y)
			put(x, fit(sty, b.Label, 110))
		}
		if from, ok := overFrom(f); ok {
			x := c.X(p.X.Norm(from)) + clearance
			long := fmt.Sprintf("oversubscribed: above %s usable CPUs", strconv.FormatFloat(f.Usable, 'g', 4, 64))
			_ = put(x, long) || put(x, "oversubscribed")
		}
	}
}

// dodge moves the i-th of n series sideways, so that markers and intervals at
// the same value stand beside each other.
func dodge(i, n int) vg.Length {
	return (vg.Length(i) - vg.Length(n-1)/2) * min(2.4, 12/vg.Length(n))
}

// curve draws one series with its intervals.
func curve(s style, xs []float64, es []derive.Estimate, shift vg.Length) plotFunc {
	return func(c draw.Canvas, p *plot.Plot) {
		var pts []vg.Point
		for i, x := range xs {
			pts = append(pts, vg.Point{X: c.X(p.X.Norm(x)) + shift, Y: c.Y(p.Y.Norm(es[i].Median))})
		}
		if len(pts) > 1 {
			c.StrokeLines(s.line(), pts)
		}
		for i, pt := range pts {
			if es[i].Interval() {
				whisker(c, p, draw.LineStyle{Color: s.color, Width: 0.8}, pt.X, es[i].Lo, es[i].Hi)
			}
			for _, m := range es[i].Machines {
				c.DrawGlyph(draw.GlyphStyle{Color: s.color, Radius: 1.6, Shape: draw.RingGlyph{}}, vg.Point{X: pt.X, Y: c.Y(p.Y.Norm(m.Median))})
			}
			s.glyph(&c, pt)
		}
	}
}

// dashes draws a ceiling.
func dashes(s style, xs []float64, es []derive.Estimate) plotFunc {
	return func(c draw.Canvas, p *plot.Plot) {
		var pts []vg.Point
		for i, x := range xs {
			pts = append(pts, vg.Point{X: c.X(p.X.Norm(x)), Y: c.Y(p.Y.Norm(es[i].Median))})
		}
		if len(pts) == 1 { // a dash at its place
			at := pts[0]
			pts = []vg.Point{{X: at.X - 9, Y: at.Y}, {X: at.X + 9, Y: at.Y}}
		}
		if len(pts) > 1 {
			c.StrokeLines(draw.LineStyle{Color: s.color, Width: 1, Dashes: []vg.Length{4, 3}}, pts)
		}
	}
}

// whisker draws an interval: a bar at either end, an arrowhead where it leaves
// the axis.
func whisker(c draw.Canvas, p *plot.Plot, sty draw.LineStyle, x vg.Length, lo, hi float64) {
	ends := [2]vg.Length{}
	for i, v := range [2]float64{lo, hi} {
		inside := math.Max(p.Y.Min, math.Min(v, p.Y.Max))
		ends[i] = c.Y(p.Y.Norm(inside))
		tip := vg.Length(0)
		if inside != v {
			tip = 3 - 6*vg.Length(i) // below the top, above the bottom
		}
		c.StrokeLines(sty, []vg.Point{{X: x - 2, Y: ends[i] + tip}, {X: x, Y: ends[i]}, {X: x + 2, Y: ends[i] + tip}})
	}
	c.StrokeLine2(sty, x, ends[0], x, ends[1])
}

// entry is one line of a legend.
type entry struct {
	text string
	draw func(c *draw.Canvas, left, right vg.Point)
}

func (s style) entry(name string) entry {
	return entry{name, func(c *draw.Canvas, l, r vg.Point) {
		c.StrokeLine2(s.line(), l.X, l.Y, r.X, r.Y)
		s.glyph(c, vg.Point{X: (l.X + r.X) / 2, Y: l.Y})
	}}
}

func dashedEntry(name string, s style) entry {
	return entry{name, func(c *draw.Canvas, l, r vg.Point) {
		c.StrokeLine2(draw.LineStyle{Color: s.color, Width: 1, Dashes: []vg.Length{4, 3}}, l.X, l.Y, r.X, r.Y)
	}}
}

// intervalEntry explains the whiskers.
func intervalEntry() entry {
	return entry{"95% interval of the median", func(c *draw.Canvas, l, r vg.Point) {
		sty := draw.LineStyle{Color: ink, Width: 0.8}
		x := (l.X + r.X) / 2
		c.StrokeLine2(sty, x, l.Y-4.5, x, l.Y+4.5)
		c.StrokeLine2(sty, x-2, l.Y-4.5, x+2, l.Y-4.5)
		c.StrokeLine2(sty, x-2, l.Y+4.5, x+2, l.Y+4.5)
	}}
}

func swatchEntry(name string, fill func(c *draw.Canvas, r vg.Rectangle)) entry {
	return entry{name, func(c *draw.Canvas, l, r vg.Point) {
		fill(c, vg.Rectangle{Min: vg.Point{X: l.X, Y: l.Y - 3.5}, Max: vg.Point{X: r.X, Y: r.Y + 3.5}})
	}}
}

const legendRow = vg.Length(13)

// legend draws a box with the entries at the top of c, as high as they need.
func legend(c draw.Canvas, entries []entry) {
	const pad, thumb = 8, 22
	sty := label(9, ink, draw.XLeft, draw.YCenter)
	h := vg.Length(len(entries))*legendRow + 2*pad - 3
	box := vg.Rectangle{Min: vg.Point{X: c.Min.X, Y: c.Max.Y - h}, Max: c.Max}
	c.SetLineStyle(draw.LineStyle{Color: grid, Width: 1})
	c.Stroke(box.Path())
	y := c.Max.Y - pad - legendRow/2 + 1
	for _, e := range entries {
		l := vg.Point{X: c.Min.X + pad, Y: y}
		r := vg.Point{X: l.X + thumb, Y: y}
		e.draw(&c, l, r)
		c.FillText(sty, vg.Point{X: r.X + 6, Y: y}, fit(sty, e.text, c.Max.X-pad-r.X-6))
		y -= legendRow
	}
}

// legendWidth is the width of a legend box for the entries, within bounds.
func legendWidth(entries []entry) vg.Length {
	sty := label(9, ink, draw.XLeft, draw.YCenter)
	w := vg.Length(60)
	for _, e := range entries {
		w = max(w, sty.Width(fit(sty, e.text, 140)))
	}
	return w + 8 + 22 + 6 + 8
}

// headings draws a picture's title and conditions and returns what is left.
func headings(c draw.Canvas, title, subtitle string) draw.Canvas {
	c = draw.Crop(c, margin, -margin, margin, -margin)
	c.FillText(bold(14), vg.Point{X: c.Min.X, Y: c.Max.Y}, fit(bold(14), title, c.Max.X-c.Min.X))
	sub := label(9, faint, draw.XLeft, draw.YTop)
	c.FillText(sub, vg.Point{X: c.Min.X, Y: c.Max.Y - 19}, fit(sub, subtitle, c.Max.X-c.Min.X))
	return draw.Crop(c, 0, 0, 0, -40)
}

// between is where a boundary of the machine is drawn: right of the last GOMAXPROCS before it.
func between(f *derive.Facet, after int) float64 {
	at := float64(after) * math.Sqrt2
	if next := slices.IndexFunc(f.X.Values, func(x float64) bool { return x > float64(after) }); next >= 0 {
		at = math.Sqrt(float64(after) * f.X.Values[next])
	}
	return math.Min(at, float64(after)*1.06)
}
