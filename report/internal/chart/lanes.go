package chart

import (
	"image/color"
	"time"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/contend-go/contend/report/internal/derive"
)

// Lanes is a picture of who believed when to hold a lock: a lane for each client,
// time across.
type Lanes struct {
	Title, Conditions string
	From, To          int64 // nanoseconds
	Names             []string
	Beliefs           []Belief
	Overlaps          []Belief // the same of times at which two or more believed; Lane is not used
	Moments           []Moment // the fault, and its end
	Writes            []Write
}

// Belief is a bar.
type Belief struct {
	Lane     int
	From, To int64
}

// Moment is a line from top to bottom.
type Moment struct {
	T    int64
	Text string
}

// Write is a write that came too late.
type Write struct {
	Lane     int
	T        int64
	Accepted bool
}

// The colours of the lanes: what is wrong is vermilion.
var (
	believing  = color.RGBA{0, 114, 178, 255}
	overlapped = color.RGBA{213, 94, 0, 255}
	overlapBed = color.RGBA{251, 228, 213, 255}
)

// Measures of the picture.
const (
	lanesWidth = vg.Length(720)
	laneHeight = vg.Length(18)
	laneBar    = vg.Length(10)
	lanesFoot  = vg.Length(52)
	leastBar   = vg.Length(0.8) // so that a short belief is seen
)

// Picture lays the lanes out.
func (l *Lanes) Picture() *Picture {
	return &Picture{
		Kind: "lanes", Name: "lanes", Title: l.Title,
		width: lanesWidth, height: 2*margin + 40 + laneHeight*vg.Length(len(l.Names)) + 14 + lanesFoot,
		draw: l.draw,
	}
}

func (l *Lanes) draw(whole draw.Canvas) {
	c := headings(whole, l.Title, l.Conditions)
	names := label(textSize, ink, draw.XRight, draw.YCenter)
	x0, x1 := c.Min.X+timelineLeft, c.Max.X
	top := c.Max.Y - 14
	bottom := top - laneHeight*vg.Length(len(l.Names))
	at := func(t int64) vg.Length {
		t = min(max(t, l.From), l.To)
		return x0 + (x1-x0)*vg.Length(float64(t-l.From)/float64(max(1, l.To-l.From)))
	}
	middle := func(lane int) vg.Length { return top - laneHeight*(vg.Length(lane)+0.5) }
	fill := func(col color.Color, from, to int64, low, high vg.Length) {
		if to < l.From || from > l.To {
			return
		}
		a, b := at(from), at(to)
		c.SetColor(col)
		c.Fill(vg.Rectangle{Min: vg.Point{X: a, Y: low}, Max: vg.Point{X: max(b, a+leastBar), Y: high}}.Path())
	}
	for _, o := range l.Overlaps {
		fill(overlapBed, o.From, o.To, bottom, top)
	}
	for i, name := range l.Names {
		c.FillText(names, vg.Point{X: x0 - 6, Y: middle(i)}, fit(names, name, timelineLeft-8))
		c.StrokeLine2(draw.LineStyle{Color: grid, Width: hairline}, x0, middle(i), x1, middle(i))
	}
	for _, b := range l.Beliefs {
		fill(believing, b.From, b.To, middle(b.Lane)-laneBar/2, middle(b.Lane)+laneBar/2)
	}
	for _, o := range l.Overlaps {
		for _, b := range l.Beliefs {
			if from, to := max(o.From, b.From), min(o.To, b.To); from < to {
				fill(overlapped, from, to, middle(b.Lane)-laneBar/2, middle(b.Lane)+laneBar/2)
			}
		}
	}
	for _, w := range l.Writes {
		p := vg.Point{X: at(w.T), Y: middle(w.Lane)}
		var shape draw.GlyphDrawer = hollow{draw.RingGlyph{}}
		if w.Accepted {
			shape = thick{draw.CrossGlyph{}}
		}
		c.DrawGlyphNoClip(draw.GlyphStyle{Color: ink, Radius: glyph * 1.4, Shape: shape}, p)
	}
	l.drawMoments(c, at, top, bottom)
	l.drawFoot(c, at, x0, x1, bottom)
}

// drawMoments draws the fault and its end, with their names above the lanes.
func (l *Lanes) drawMoments(c draw.Canvas, at func(int64) vg.Length, top, bottom vg.Length) {
	for _, m := range l.Moments {
		x := at(m.T)
		c.StrokeLine2(draw.LineStyle{Color: ink, Width: lineWidth / 1.5, Dashes: []vg.Length{3, 2}}, x, bottom, x, top+3)
		c.FillText(label(textSize, ink, draw.XLeft, draw.YBottom), vg.Point{X: x, Y: top + 3}, printable(m.Text))
	}
}

// drawFoot draws the time axis, from the fault on, and the legend.
func (l *Lanes) drawFoot(c draw.Canvas, at func(int64) vg.Length, x0, x1, bottom vg.Length) {
	c.StrokeLine2(draw.LineStyle{Color: rule, Width: hairline}, x0, bottom, x1, bottom)
	zero := l.From
	if len(l.Moments) > 0 {
		zero = l.Moments[0].T
	}
	ticks := label(textSize, faint, draw.XCenter, draw.YTop)
	step := lanesStep(l.To - l.From)
	for t := zero - (zero-l.From)/step*step; t <= l.To; t += step {
		c.StrokeLine2(draw.LineStyle{Color: rule, Width: hairline}, at(t), bottom, at(t), bottom-3)
		text := "0"
		if t != zero {
			text = derive.Format("x-ns", float64(t-zero))
		}
		c.FillText(ticks, vg.Point{X: at(t), Y: bottom - 5}, text)
	}
	y := bottom - 28
	x := x0
	words := label(textSize, ink, draw.XLeft, draw.YCenter)
	for _, s := range []struct {
		color color.Color
		text  string
	}{{believing, "believes that it holds the lock"}, {overlapped, "while another does"}} {
		c.SetColor(s.color)
		c.Fill(vg.Rectangle{Min: vg.Point{X: x, Y: y - swatch/2}, Max: vg.Point{X: x + swatch, Y: y + swatch/2}}.Path())
		c.FillText(words, vg.Point{X: x + swatch + 4, Y: y}, s.text)
		x += swatch + 18 + words.Width(s.text)
	}
	for _, s := range []struct {
		shape draw.GlyphDrawer
		text  string
	}{{thick{draw.CrossGlyph{}}, "stale write accepted"}, {hollow{draw.RingGlyph{}}, "refused: its token is too old"}} {
		c.DrawGlyphNoClip(draw.GlyphStyle{Color: ink, Radius: glyph * 1.4, Shape: s.shape}, vg.Point{X: x + swatch/2, Y: y})
		c.FillText(words, vg.Point{X: x + swatch + 4, Y: y}, s.text)
		x += swatch + 18 + words.Width(s.text)
	}
}

// lanesStep is a round step that gives an axis of the length 4 to 10 ticks.
func lanesStep(length int64) int64 {
	for step := int64(time.Microsecond); ; step *= 10 {
		for _, m := range []int64{1, 2, 5} {
			if length/(m*step) <= 8 {
				return m * step
			}
		}
	}
}
