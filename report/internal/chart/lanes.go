package chart

import (
	"image/color"
	"time"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/contend-go/contend/report/internal/derive"
	"github.com/contend-go/contend/report/internal/strip"
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

const (
	believingText  = "believes that it holds the lock"
	overlappedText = "while another does"
	acceptedText   = "stale write accepted"
	refusedText    = "refused: its token is too old"
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
	zero := l.zero()
	ticks := label(textSize, faint, draw.XCenter, draw.YTop)
	step := int64(strip.RoundStep(time.Duration(l.To-l.From), 8))
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
	}{{believing, believingText}, {overlapped, overlappedText}} {
		c.SetColor(s.color)
		c.Fill(vg.Rectangle{Min: vg.Point{X: x, Y: y - swatch/2}, Max: vg.Point{X: x + swatch, Y: y + swatch/2}}.Path())
		c.FillText(words, vg.Point{X: x + swatch + 4, Y: y}, s.text)
		x += swatch + 18 + words.Width(s.text)
	}
	for _, s := range []struct {
		shape draw.GlyphDrawer
		text  string
	}{{thick{draw.CrossGlyph{}}, acceptedText}, {hollow{draw.RingGlyph{}}, refusedText}} {
		c.DrawGlyphNoClip(draw.GlyphStyle{Color: ink, Radius: glyph * 1.4, Shape: s.shape}, vg.Point{X: x + swatch/2, Y: y})
		c.FillText(words, vg.Point{X: x + swatch + 4, Y: y}, s.text)
		x += swatch + 18 + words.Width(s.text)
	}
}

// zero is the time from which the axis counts: that of the fault.
func (l *Lanes) zero() int64 {
	if len(l.Moments) > 0 {
		return l.Moments[0].T
	}
	return l.From
}

// Measures of the lanes on a page.
const (
	lanesColumns = 4000
	lanesRows    = 10 // of each lane
	lanesBar     = 6  // of them the bar
	lanesPixels  = 22 // of each lane
)

// Strip is the lanes as a page shows them.
func (l *Lanes) Strip() strip.Strip {
	rows := lanesRows * len(l.Names)
	s := strip.Strip{
		Title: l.Title, About: l.Conditions, From: time.Duration(l.From), To: time.Duration(l.To), Zero: time.Duration(l.zero()),
		Columns: lanesColumns, Rows: rows, Height: lanesPixels * len(l.Names),
		Legend: []strip.Key{
			{Class: "t-believes", Name: believingText}, {Class: "t-overlap", Name: overlappedText},
			{Text: acceptedSign, Name: acceptedText}, {Text: refusedSign, Name: refusedText},
		},
	}
	s.Ticks = s.TimeTicks(5, func(d time.Duration) string {
		if d == 0 {
			return "0"
		}
		return derive.Format("x-ns", float64(d))
	})
	share := func(t int64) float64 {
		return float64(min(max(t, l.From), l.To)-l.From) / float64(max(1, l.To-l.From))
	}
	bar := func(from, to int64, base, rise int) (strip.Area, bool) {
		x := int(share(from) * lanesColumns)
		run := max(1, int(share(to)*lanesColumns)-x)
		return strip.Area{X: x, Base: base, Steps: []strip.Step{{Run: run, Rise: rise}}}, to >= l.From && from <= l.To
	}
	bed, believes, overlap := strip.Layer{Class: "t-bed"}, strip.Layer{Class: "t-believes"}, strip.Layer{Class: "t-overlap"}
	base := func(lane int) int { return lane*lanesRows + (lanesRows+lanesBar)/2 }
	for _, b := range l.Beliefs {
		if a, ok := bar(b.From, b.To, base(b.Lane), lanesBar); ok {
			believes.Areas = append(believes.Areas, a)
		}
	}
	for _, o := range l.Overlaps {
		if a, ok := bar(o.From, o.To, rows, rows); ok {
			bed.Areas = append(bed.Areas, a)
		}
		for _, b := range l.Beliefs {
			from, to := max(o.From, b.From), min(o.To, b.To)
			if a, ok := bar(from, to, base(b.Lane), lanesBar); ok && from < to {
				overlap.Areas = append(overlap.Areas, a)
			}
		}
	}
	s.Layers = []strip.Layer{bed, believes, overlap}
	y := func(lane int) float64 { return strip.Percent(float64(lane)+0.5, float64(len(l.Names))) }
	for i, name := range l.Names {
		s.Names = append(s.Names, strip.Name{Y: y(i), Text: name})
	}
	for _, m := range l.Moments {
		s.Moments = append(s.Moments, strip.Tick{X: strip.Percent(share(m.T), 1), Text: m.Text})
	}
	for _, w := range l.Writes {
		sign := strip.Sign{X: strip.Percent(share(w.T), 1), Y: y(w.Lane), Text: refusedSign, Title: refusedText}
		if w.Accepted {
			sign.Text, sign.Title = acceptedSign, acceptedText
		}
		s.Signs = append(s.Signs, sign)
	}
	return s
}

// The signs of writes that came too late.
const (
	acceptedSign = "✕"
	refusedSign  = "○"
)
