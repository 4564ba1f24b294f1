package chart

import (
	"image/color"
	"strings"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	stdfont "golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"

	"github.com/contend-go/contend/report/internal/derive"
)

// The theme: every picture of Contend has these colours, fonts and widths.
var (
	white      = color.RGBA{255, 255, 255, 255}
	ink        = color.RGBA{33, 37, 41, 255}    // text
	faint      = color.RGBA{108, 117, 125, 255} // secondary text, annotations
	rule       = color.RGBA{173, 181, 189, 255} // axes, boxes
	grid       = color.RGBA{233, 236, 239, 255}
	shade      = color.RGBA{246, 241, 234, 255} // the oversubscribed region
	controlBar = color.RGBA{158, 178, 199, 255}
	sharingBar = color.RGBA{213, 94, 0, 255}
)

const (
	margin    = vg.Length(16) // around every picture
	lineWidth = vg.Length(1.5)
	hairline  = vg.Length(0.6)
	glyph     = vg.Length(3)
)

// Colors tell series apart, with the markers, see [derive.Mark]: those of Okabe
// and Ito ("Color Universal Design", 2008) that stand out on white.
var Colors = [derive.Colors]color.RGBA{
	{0, 114, 178, 255},   // blue
	{213, 94, 0, 255},    // vermilion
	{0, 158, 115, 255},   // bluish green
	{204, 121, 167, 255}, // reddish purple
	{230, 159, 0, 255},   // orange
	{86, 180, 233, 255},  // sky blue
	{70, 70, 70, 255},    // near black
}

// markers are the shapes of a [derive.Mark].
var markers = [derive.Shapes]draw.GlyphDrawer{
	draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, diamond{},
	hollow{draw.RingGlyph{}}, hollow{draw.SquareGlyph{}}, hollow{draw.TriangleGlyph{}},
	thick{draw.CrossGlyph{}}, thick{draw.PlusGlyph{}},
}

// style is how a series is drawn.
type style struct {
	color  color.RGBA
	marker draw.GlyphDrawer
	dashes []vg.Length // of the line, none of a solid one
}

func (s style) glyph(c *draw.Canvas, at vg.Point) {
	c.DrawGlyphNoClip(draw.GlyphStyle{Color: s.color, Radius: glyph, Shape: s.marker}, at)
}

func (s style) line() draw.LineStyle {
	return draw.LineStyle{Color: s.color, Width: lineWidth, Dashes: s.dashes}
}

// open draws the shape with a hole, for the old side of an overlay.
type open struct{ draw.GlyphDrawer }

// DrawGlyph implements draw.GlyphDrawer.
func (o open) DrawGlyph(c *draw.Canvas, sty draw.GlyphStyle, at vg.Point) {
	sty.Radius *= 1.15
	o.GlyphDrawer.DrawGlyph(c, sty, at)
	sty.Color, sty.Radius = white, sty.Radius*0.55
	c.SetColor(white)
	o.GlyphDrawer.DrawGlyph(c, sty, at)
}

type diamond struct{}

// DrawGlyph implements draw.GlyphDrawer.
func (diamond) DrawGlyph(c *draw.Canvas, sty draw.GlyphStyle, at vg.Point) {
	r := sty.Radius * 1.3
	var p vg.Path
	p.Move(vg.Point{X: at.X, Y: at.Y + r})
	p.Line(vg.Point{X: at.X + r, Y: at.Y})
	p.Line(vg.Point{X: at.X, Y: at.Y - r})
	p.Line(vg.Point{X: at.X - r, Y: at.Y})
	p.Close()
	c.Fill(p)
}

// hollow draws an outline over a white disc, so that its line does not cross it.
type hollow struct{ outline draw.GlyphDrawer }

// DrawGlyph implements draw.GlyphDrawer.
func (h hollow) DrawGlyph(c *draw.Canvas, sty draw.GlyphStyle, at vg.Point) {
	var disc vg.Path
	disc.Move(vg.Point{X: at.X + sty.Radius, Y: at.Y})
	disc.Arc(at, sty.Radius, 0, 2*3.141592653589793)
	disc.Close()
	c.SetColor(white)
	c.Fill(disc)
	c.SetColor(sty.Color)
	thick{h.outline}.DrawGlyph(c, sty, at)
}

// thick draws gonum's half-point outlines twice as wide, by a second stroke.
type thick struct{ draw.GlyphDrawer }

// DrawGlyph implements draw.GlyphDrawer.
func (t thick) DrawGlyph(c *draw.Canvas, sty draw.GlyphStyle, at vg.Point) {
	for _, dr := range []vg.Length{-0.25, 0, 0.25} {
		s := sty
		s.Radius = sty.Radius*1.1 + dr
		t.GlyphDrawer.DrawGlyph(c, s, at)
	}
}

// fontOf is the theme's typeface.
func fontOf(size vg.Length, bold bool) font.Font {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
	if bold {
		f.Weight = stdfont.WeightBold
	}
	return f
}

var handler = text.Plain{Fonts: font.DefaultCache}

// label is a text style; the position says where the text's anchor is.
func label(size vg.Length, c color.Color, x draw.XAlignment, y draw.YAlignment) draw.TextStyle {
	return draw.TextStyle{Color: c, Font: fontOf(size, false), Handler: handler, XAlign: x, YAlign: y}
}

func bold(size vg.Length) draw.TextStyle {
	s := label(size, ink, draw.XLeft, draw.YTop)
	s.Font = fontOf(size, true)
	return s
}

// missing stands for characters without a glyph.
const missing = "□"

// printable replaces what the theme's font has no glyph for, since gonum would
// silently leave it out.
func printable(s string) string {
	face := font.DefaultCache.Lookup(fontOf(10, false), 10).Face
	var buf sfnt.Buffer
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		if i, err := face.GlyphIndex(&buf, r); err != nil || i == 0 {
			return []rune(missing)[0]
		}
		return r
	}, strings.ToValidUTF8(s, missing))
}

// fit makes text no wider than room, replacing what is too much of its end by
// an ellipsis.
func fit(sty draw.TextStyle, s string, room vg.Length) string {
	const most = 300 // runes; nothing that long fits
	runes := []rune(s)
	if len(runes) > most {
		runes = append(runes[:most:most], '…')
	}
	s = printable(string(runes))
	if sty.Width(s) <= room {
		return s
	}
	runes = []rune(s)
	for n := len(runes) - 1; n > 0; n-- {
		if cut := string(runes[:n]) + "…"; sty.Width(cut) <= room {
			return cut
		}
	}
	return "…"
}
