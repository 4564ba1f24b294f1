package chart

import (
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/contend-go/contend/report/internal/derive"
)

// Spectrum is a picture of latencies by percentile, on the axis that HdrHistogram's
// plots have: each further nine takes as much room as the one before.
type Spectrum struct {
	Title, Conditions string
	Lines             []SpectrumLine
}

// SpectrumLine is one histogram.
type SpectrumLine struct {
	Name   string
	Mark   derive.Mark
	Kind   SpectrumKind
	Points []Quantile // ascending, the longest last
	// Told is how many of the points enough values lie beyond: the rest is
	// dotted, to the longest.
	Told int
}

// SpectrumKind is what was recorded.
type SpectrumKind int

// What a caller waits, what an operation takes, and what a closed loop shows.
const (
	Waits SpectrumKind = iota
	Serves
	Loops
)

// Quantile is a latency and how rare it is: one in so many operations takes longer.
type Quantile struct {
	OneIn float64
	NS    float64
}

// kindStyles draw a series' histograms: what callers wait is the thick line.
var kindStyles = map[SpectrumKind]draw.LineStyle{
	Waits:  {Width: 1.8},
	Serves: {Width: 0.7},
	Loops:  {Width: 1.1, Dashes: []vg.Length{5, 3}},
}

var told = []vg.Length{1, 2.5} // dashes of what too few values tell

// Picture lays the spectrum out.
func (s *Spectrum) Picture() *Picture {
	entries := s.entries()
	lw := legendWidth(entries)
	return &Picture{
		Kind: "spectrum", Name: "spectrum", Title: s.Title,
		width:  2*margin + 430 + 14 + lw,
		height: 2*margin + 40 + max(250, vg.Length(len(entries))*legendRow+headingHeight+20),
		draw: func(c draw.Canvas) {
			c = headings(c, s.Title, s.Conditions)
			legend(draw.Crop(c, c.Max.X-c.Min.X-lw, 0, 0, -headingHeight), entries)
			s.panel().drawOn(draw.Crop(c, 0, -lw-14, 0, 0))
		},
	}
}

func (s *Spectrum) entries() (es []entry) {
	seen := map[string]bool{}
	kinds := map[SpectrumKind]bool{}
	stroke := func(name string, sty draw.LineStyle) entry {
		return entry{name, func(c *draw.Canvas, l, r vg.Point) { c.StrokeLine2(sty, l.X, l.Y, r.X, r.Y) }}
	}
	for _, line := range s.Lines {
		if kinds[line.Kind] = true; !seen[line.Name] {
			seen[line.Name] = true
			es = append(es, stroke(line.Name, line.style()))
		}
	}
	for _, k := range []struct {
		kind SpectrumKind
		name string
	}{{Waits, "what a caller waits"}, {Serves, "the operation alone"}, {Loops, "what a closed loop shows"}} {
		if kinds[k.kind] {
			sty := kindStyles[k.kind]
			sty.Color = faint
			es = append(es, stroke(k.name, sty))
		}
	}
	return append(es, stroke("fewer than 10 beyond it", draw.LineStyle{Color: faint, Width: 1, Dashes: told}))
}

func (l *SpectrumLine) style() draw.LineStyle {
	sty := kindStyles[l.Kind]
	sty.Color = Colors[l.Mark.Color]
	return sty
}

func (s *Spectrum) panel() *panel {
	p := newPanel("")
	lo, hi, rare := math.Inf(1), 0.0, 100.0
	for _, l := range s.Lines {
		for _, q := range l.Points {
			if q.OneIn >= 2 { // what is below the median is on no axis of this kind
				lo, hi, rare = math.Min(lo, q.NS), math.Max(hi, q.NS), math.Max(rare, q.OneIn)
			}
		}
	}
	p.X.Scale, p.X.Min, p.X.Max = plot.LogScale{}, 2, rare*1.2
	p.X.Tick.Marker = nines{}
	p.X.Label.Text, p.X.Label.Padding = "percentile", 2
	p.logAxis("", lo, hi)
	p.Y.Tick.Marker, p.unit = durations{}, "latency, logarithmic"
	p.Add(plotFunc(gridlines))
	for _, l := range slices.Backward(s.Lines) {
		p.Add(spectrumLine(l))
	}
	return p
}

func spectrumLine(l SpectrumLine) plotFunc {
	return func(c draw.Canvas, p *plot.Plot) {
		var pts []vg.Point
		solid := 0
		for i, q := range l.Points {
			if q.OneIn < 2 {
				continue
			}
			pts = append(pts, vg.Point{X: c.X(p.X.Norm(q.OneIn)), Y: c.Y(p.Y.Norm(q.NS))})
			if i < l.Told {
				solid = len(pts)
			}
		}
		sty := l.style()
		if solid > 1 {
			c.StrokeLines(sty, pts[:solid])
		}
		if rest := pts[max(0, solid-1):]; len(rest) > 1 {
			sty.Dashes = told
			c.StrokeLines(sty, rest)
		}
	}
}

// nines are the percentiles 50, 90, 99, 99.9 …
type nines struct{}

// Ticks implements plot.Ticker.
func (nines) Ticks(_, max float64) []plot.Tick {
	ticks := []plot.Tick{{Value: 2, Label: "50%"}}
	for oneIn := 10.0; oneIn <= max; oneIn *= 10 {
		digits := int(math.Max(math.Round(math.Log10(oneIn))-2, 0))
		ticks = append(ticks, plot.Tick{Value: oneIn, Label: strconv.FormatFloat(100-100/oneIn, 'f', digits, 64) + "%"})
	}
	return ticks
}
