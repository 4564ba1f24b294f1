package chart

import (
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/contend-go/contend/report/derive"
)

func cpuPerOp(p *derive.Point) derive.Estimate { return p.Units["cpu-ns/op"] }

// cpu is the CPU time per operation, split into the control's and the overhead
// of sharing: a small chart per series, cheapest first, those of a row on one
// scale. Below it are capacity not used, idle Ps and threads waiting for a
// CPU, each a quantity of its own.
func cpu(v *derive.View, f *derive.Facet) *Picture {
	if !has(f, cpuPerOp) {
		return nil
	}
	bars := ranked(f, cpuPerOp)
	slices.Reverse(bars)
	cols := min(len(bars), columns(len(bars), len(f.Procs)))
	rows := (len(bars) + cols - 1) / cols
	var panels []linesPanel
	for _, lp := range []linesPanel{
		{heading: "Capacity not used", unit: "% of min(P, CPUs)", percent: true, of: untraced("cpu-unused")},
		{heading: "Idle Ps", unit: "% of P", percent: true, of: untraced("p-idle")},
		{heading: "Threads waiting for a CPU", unit: "mean number", of: untraced("os-wait")},
	} {
		if has(f, lp.of) {
			panels = append(panels, lp)
		}
	}
	entries := seriesEntries(v, bars, cpuPerOp)
	lw := max(legendWidth(entries), legendWidth(cpuEntries(true)))
	const rowHeight, rowGap, colGap = 112, 12, 14
	barsHeight := vg.Length(rows)*(rowHeight+rowGap) + 12
	linesHeight := vg.Length(0)
	if len(panels) > 0 {
		linesHeight = max(210, vg.Length(len(entries))*legendRow+headingHeight+stripHeight(f)+20)
	}
	return &Picture{
		width:  760,
		height: 2*margin + 40 + barsHeight + linesHeight,
		draw: func(c draw.Canvas) {
			c = headings(c, "CPU time per operation, and capacity not used", conditions(v, f))
			legend(draw.Crop(c, c.Max.X-c.Min.X-lw, 0, 0, -headingHeight), cpuEntries(f.HasControl))
			area := draw.Crop(c, 0, -lw-14, c.Max.Y-c.Min.Y-barsHeight, 0)
			h := (area.Max.Y - area.Min.Y - 12) / vg.Length(rows)
			w := (area.Max.X - area.Min.X + colGap) / vg.Length(cols)
			for r := range rows {
				row := bars[r*cols : min((r+1)*cols, len(bars))]
				lo, hi := barExtremes(row)
				for i, s := range row {
					x, top := area.Min.X+vg.Length(i)*w, area.Max.Y-vg.Length(r)*h
					cell := draw.Canvas{Canvas: area.Canvas, Rectangle: vg.Rectangle{
						Min: vg.Point{X: x, Y: top - h + rowGap}, Max: vg.Point{X: x + w - colGap, Y: top}}}
					barPanel(f, s, lo, hi, i == 0, r == rows-1).drawOn(cell)
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

func cpuEntries(control bool) []entry {
	fill := func(col func(c *draw.Canvas)) func(c *draw.Canvas, r vg.Rectangle) {
		return func(c *draw.Canvas, r vg.Rectangle) {
			col(c)
			c.Fill(r.Path())
		}
	}
	if !control {
		return []entry{swatchEntry("CPU per operation", fill(func(c *draw.Canvas) { c.SetColor(controlBar) }))}
	}
	return []entry{
		swatchEntry("share-nothing control", fill(func(c *draw.Canvas) { c.SetColor(controlBar) })),
		swatchEntry("overhead of sharing", fill(func(c *draw.Canvas) { c.SetColor(sharingBar) })),
		swatchEntry("negative overhead", func(c *draw.Canvas, r vg.Rectangle) { outline(c, r) }),
		entry{"95% interval of overhead", intervalEntry().draw},
	}
}

// outline marks what sharing saves: the part of the control above the total.
func outline(c *draw.Canvas, r vg.Rectangle) {
	c.SetColor(white)
	c.Fill(r.Path())
	c.SetLineStyle(draw.LineStyle{Color: sharingBar, Width: 0.8})
	c.Stroke(r.Path())
}

// split is a bar's parts: its base, and where the overhead takes it.
func split(p *derive.Point) (base, top float64) {
	if p.Overhead.N == 0 {
		e := p.Units["cpu-ns/op"]
		return e.Median, e.Median
	}
	base = p.Control["cpu-ns/op"].Median
	return base, base + p.Overhead.Median
}

// barExtremes are the range of a row's bars and, within reach, their intervals.
func barExtremes(ss []*derive.Series) (lo, hi float64) {
	var low, high float64
	for _, s := range ss {
		for _, p := range s.Points {
			base, top := split(p)
			lo, hi = math.Min(lo, top), math.Max(hi, math.Max(base, top))
			if e := p.Overhead; e.Interval() {
				low, high = math.Min(low, base+e.Lo), math.Max(high, base+e.Hi)
			}
		}
	}
	span := (hi - lo) * (reach - 1)
	return math.Min(lo, math.Max(low, -span/2)), math.Max(hi, math.Min(high, hi+span))
}

// slots are GOMAXPROCS values at equal distances, as bars need them.
type slots struct {
	procs  []int
	labels bool
	width  vg.Length
}

// Ticks implements plot.Ticker.
func (s slots) Ticks(min, max float64) []plot.Tick {
	sty := tickStyle(draw.XCenter, draw.YTop)
	every := 1
	for widest := sty.Width(strconv.Itoa(s.procs[len(s.procs)-1])) + 3; every < len(s.procs); every++ {
		if s.width/vg.Length(len(s.procs))*vg.Length(every) >= widest {
			break
		}
	}
	var ticks []plot.Tick
	for i, p := range s.procs {
		t := plot.Tick{Value: float64(i)}
		if s.labels && (len(s.procs)-1-i)%every == 0 {
			t.Label = strconv.Itoa(p)
		}
		ticks = append(ticks, t)
	}
	return ticks
}

func barPanel(f *derive.Facet, s *derive.Series, lo, hi float64, left, bottom bool) *panel {
	p := newPanel(s.Name)
	p.X.Min, p.X.Max = -0.6, float64(len(f.Procs))-0.4
	p.X.Tick.Marker = slots{f.Procs, true, 120}
	p.X.Tick.Length = 0
	p.valueAxis("ns/op", false, lo, hi)
	if !left {
		p.unit = ""
	}
	if bottom {
		p.X.Label.Text = "GOMAXPROCS"
		p.X.Label.Padding = 2
	}
	p.Add(plotFunc(func(c draw.Canvas, pl *plot.Plot) {
		for i, procs := range f.Procs {
			if f.Oversubscribed(procs) {
				x := c.X(pl.X.Norm(float64(i) - 0.5))
				c.SetColor(shade)
				c.Fill(vg.Rectangle{Min: vg.Point{X: x, Y: c.Min.Y}, Max: c.Max}.Path())
				break
			}
		}
	}), plotFunc(gridlines), plotFunc(func(c draw.Canvas, pl *plot.Plot) {
		for i, procs := range f.Procs {
			if pt := s.Point(procs); pt != nil && pt.Units["cpu-ns/op"].N > 0 {
				bar(c, pl, float64(i), pt)
			}
		}
	}))
	return p
}

func bar(c draw.Canvas, pl *plot.Plot, at float64, pt *derive.Point) {
	rect := func(from, to float64) vg.Rectangle {
		return vg.Rectangle{
			Min: vg.Point{X: c.X(pl.X.Norm(at - 0.36)), Y: c.Y(pl.Y.Norm(math.Min(from, to)))},
			Max: vg.Point{X: c.X(pl.X.Norm(at + 0.36)), Y: c.Y(pl.Y.Norm(math.Max(from, to)))},
		}
	}
	base, top := split(pt)
	c.SetColor(controlBar)
	c.Fill(rect(0, math.Min(base, math.Max(top, 0))).Path())
	switch {
	case top > base:
		c.SetColor(sharingBar)
		c.Fill(rect(base, top).Path())
	case top < base:
		outline(&c, rect(top, base))
	}
	if e := pt.Overhead; e.Interval() {
		whisker(c, pl, draw.LineStyle{Color: ink, Width: 0.6}, c.X(pl.X.Norm(at)), base+e.Lo, base+e.Hi)
	}
}
