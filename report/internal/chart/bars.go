package chart

import (
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/contend-go/contend/report/internal/derive"
)

// stack is a kind of stacked bars: a small chart per series, a bar for every
// GOMAXPROCS.
type stack struct {
	of      pick // the value that the parts are of; series without it are left out
	unit    string
	entries []entry // of the parts, for the legend
	// parts are stacked in this order, the lowest first.
	parts    func(*derive.Point) []part
	interval pick // of the last part's end
	// share: of one whole, in percent. All series are on one scale, and the value is
	// marked by a line, as medians of parts need not add up to it.
	share bool
}

// part is one part of a bar.
type part struct {
	from, to float64
	fill     func(c *draw.Canvas, r vg.Rectangle)
}

func solid(col color.Color) func(c *draw.Canvas, r vg.Rectangle) {
	return func(c *draw.Canvas, r vg.Rectangle) {
		c.SetColor(col)
		c.Fill(r.Path())
	}
}

// barsPicture has the bars above, and below them those panels that there are
// estimates for.
func barsPicture(v *derive.View, f *derive.Facet, title string, k stack, panels []linesPanel) *Picture {
	if !has(f, k.of) {
		return nil
	}
	bars := ranked(f, k.of)
	slices.Reverse(bars)
	cols := min(len(bars), columns(len(bars), len(f.X.Values)))
	rows := (len(bars) + cols - 1) / cols
	panels = slices.DeleteFunc(panels, func(lp linesPanel) bool { return !has(f, lp.of) })
	entries := seriesEntries(v, bars, k.of)
	lw := max(legendWidth(entries), legendWidth(k.entries))
	const rowHeight, rowGap, colGap = 112, 12, 14
	barsHeight := max(vg.Length(rows)*(rowHeight+rowGap)+12, vg.Length(len(k.entries))*legendRow+headingHeight+24)
	linesHeight := vg.Length(0)
	if len(panels) > 0 {
		linesHeight = max(210, vg.Length(len(entries))*legendRow+headingHeight+stripHeight(f)+20)
	}
	return &Picture{
		width:  760,
		height: 2*margin + 40 + barsHeight + linesHeight,
		draw: func(c draw.Canvas) {
			c = headings(c, title, conditions(v, f))
			legend(draw.Crop(c, c.Max.X-c.Min.X-lw, 0, 0, -headingHeight), k.entries)
			area := draw.Crop(c, 0, -lw-14, c.Max.Y-c.Min.Y-barsHeight, 0)
			h := (area.Max.Y - area.Min.Y - 12) / vg.Length(rows)
			w := (area.Max.X - area.Min.X + colGap) / vg.Length(cols)
			for r := range rows {
				row := bars[r*cols : min((r+1)*cols, len(bars))]
				scaled := row
				if k.share {
					scaled = bars
				}
				lo, hi := k.extremes(scaled)
				for i, s := range row {
					x, top := area.Min.X+vg.Length(i)*w, area.Max.Y-vg.Length(r)*h
					cell := draw.Canvas{Canvas: area.Canvas, Rectangle: vg.Rectangle{
						Min: vg.Point{X: x, Y: top - h + rowGap}, Max: vg.Point{X: x + w - colGap, Y: top}}}
					k.panel(f, s, lo, hi, i == 0, r == rows-1).drawOn(cell)
				}
			}
			if len(panels) == 0 {
				return
			}
			c = draw.Crop(c, 0, 0, 0, -barsHeight)
			legend(draw.Crop(c, c.Max.X-c.Min.X-lw, 0, 0, -headingHeight-stripHeight(f)), entries)
			c = draw.Crop(c, 0, -lw-14, 0, 0)
			tiles := draw.Tiles{Cols: len(panels), Rows: 1, PadX: 16}
			for i, lp := range panels {
				t := tiles.At(c, i, 0)
				lp.panel(v, f, t.Max.X-t.Min.X-30).drawOn(t)
			}
		},
	}
}

// columns is how many small bar charts stand side by side.
func columns(series, procs int) int {
	if procs > 8 {
		return 3
	}
	if series > 8 {
		return 5
	}
	return 4
}

// extremes are the range of the bars and, within reach, their intervals.
func (k *stack) extremes(ss []*derive.Series) (lo, hi float64) {
	var low, high float64
	for _, s := range ss {
		for _, p := range s.Points {
			for _, part := range k.parts(p) {
				lo, hi = math.Min(lo, part.from), math.Max(hi, part.to)
			}
			if e := k.interval(p); e.Interval() {
				low, high = math.Min(low, e.Lo), math.Max(high, e.Hi)
			}
		}
	}
	span := (hi - lo) * (reach - 1)
	return math.Min(lo, math.Max(low, -span/2)), math.Max(hi, math.Min(high, hi+span))
}

// slots are the axis's values at equal distances, as bars need them.
type slots struct {
	axis  *derive.Axis
	width vg.Length
}

// Ticks implements plot.Ticker.
func (s slots) Ticks(_, _ float64) []plot.Tick {
	sty := tickStyle(draw.XCenter, draw.YTop)
	values := s.axis.Values
	widest := vg.Length(0)
	for _, x := range values {
		widest = max(widest, sty.Width(s.axis.Label(x))+3)
	}
	every := 1
	for every < len(values) && s.width/vg.Length(len(values))*vg.Length(every) < widest {
		every++
	}
	var ticks []plot.Tick
	for i, x := range values {
		t := plot.Tick{Value: float64(i)}
		if (len(values)-1-i)%every == 0 {
			t.Label = printable(s.axis.Label(x))
		}
		ticks = append(ticks, t)
	}
	return ticks
}

func (k *stack) panel(f *derive.Facet, s *derive.Series, lo, hi float64, left, bottom bool) *panel {
	p := newPanel(s.Name)
	p.X.Min, p.X.Max = -0.6, float64(len(f.X.Values))-0.4
	p.X.Tick.Marker = slots{&f.X, 120}
	p.X.Tick.Length = 0
	p.valueAxis(k.unit, k.share, lo, hi)
	if !left {
		p.unit = ""
	}
	if bottom {
		p.X.Label.Text = printable(f.X.Title())
		p.X.Label.Padding = 2
	}
	p.Add(plotFunc(func(c draw.Canvas, pl *plot.Plot) {
		for i, x := range f.X.Values {
			if f.X.Procs() && f.Oversubscribed(x) {
				left := c.X(pl.X.Norm(float64(i) - 0.5))
				c.SetColor(shade)
				c.Fill(vg.Rectangle{Min: vg.Point{X: left, Y: c.Min.Y}, Max: c.Max}.Path())
				break
			}
		}
	}), plotFunc(gridlines), plotFunc(func(c draw.Canvas, pl *plot.Plot) {
		for i, x := range f.X.Values {
			if pt := s.Point(x); pt != nil && k.of(pt).N > 0 {
				k.bar(c, pl, float64(i), pt)
			}
		}
	}))
	return p
}

func (k *stack) bar(c draw.Canvas, pl *plot.Plot, at float64, pt *derive.Point) {
	left, right := c.X(pl.X.Norm(at-0.36)), c.X(pl.X.Norm(at+0.36))
	for _, part := range k.parts(pt) {
		if part.to > part.from {
			part.fill(&c, vg.Rectangle{
				Min: vg.Point{X: left, Y: c.Y(pl.Y.Norm(part.from))},
				Max: vg.Point{X: right, Y: c.Y(pl.Y.Norm(part.to))},
			})
		}
	}
	sty := draw.LineStyle{Color: ink, Width: 0.6}
	if k.share {
		y := c.Y(pl.Y.Norm(k.of(pt).Median))
		c.StrokeLine2(sty, left, y, right, y)
	}
	if e := k.interval(pt); e.Interval() {
		whisker(c, pl, sty, c.X(pl.X.Norm(at)), e.Lo, e.Hi)
	}
}
