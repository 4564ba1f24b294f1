// Package chart draws a report's pictures, in one theme, as PNG and SVG.
package chart

import (
	"fmt"
	"image"
	"image/png"
	"io"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/contend-go/contend/report/internal/derive"
)

// Formats are the formats that [Picture.Encode] knows.
var Formats = []string{"png", "svg"}

// DefaultDPI gives PNGs with two pixels for one of a usual screen.
const DefaultDPI = 192

// Picture is one picture, not yet drawn.
type Picture struct {
	Kind  string // "throughput", "cpu" …
	Name  string // file name without extension: the kind, and the facet's name where there are several
	Facet *derive.Facet
	Title string

	width, height vg.Length
	draw          func(c draw.Canvas)
}

// Encode draws the picture. dpi is for PNG, in pixels per inch.
func (p *Picture) Encode(w io.Writer, format string, dpi int) error {
	switch format {
	case "png":
		if dpi < 24 || dpi > 1200 {
			return fmt.Errorf("%d dpi: want 24 to 1200", dpi)
		}
		canvas := vgimg.NewWith(vgimg.UseWH(p.width, p.height), vgimg.UseDPI(dpi))
		p.drawOn(canvas)
		return png.Encode(w, indexed(canvas.Image().(*image.RGBA))) // as NewWith makes it
	case "svg":
		canvas := vgsvg.New(p.width, p.height)
		p.drawOn(canvas)
		_, err := canvas.WriteTo(w)
		return err
	}
	return fmt.Errorf("picture format %q unknown: want png or svg", format)
}

// drawOn draws the picture on white.
func (p *Picture) drawOn(canvas vg.CanvasSizer) {
	c := draw.New(canvas)
	c.SetColor(white)
	c.Fill(c.Rectangle.Path())
	p.draw(c)
}

// Pictures are the pictures of a view: for each facet those whose units were
// measured.
func Pictures(v *derive.View) []*Picture {
	var ps []*Picture
	for _, f := range v.Facets {
		for _, kind := range kinds {
			p := kind.picture(v, f)
			if p == nil {
				continue
			}
			p.Kind, p.Name, p.Facet, p.Title = kind.name, kind.name, f, kind.title
			if f.Slug != "" {
				p.Name += "-" + f.Slug
			}
			ps = append(ps, p)
		}
	}
	return ps
}

// kinds is the one list of pictures. A picture is nil where its facet has
// nothing to show.
var kinds = []struct {
	name, title string
	picture     func(*derive.View, *derive.Facet) *Picture
}{
	{"throughput", "Throughput", throughput},
	{"latency", "What a caller waits", waits},
	{"cpu", "Where the CPU time goes", cpu},
	{"waiting", "What Ps wait for", waiting},
	{"hits", "Hit ratio", hits},
	{"fairness", "Fairness", lines("fairness")},
}

// conditions are a facet's name for a picture's second line.
func conditions(v *derive.View, f *derive.Facet) string {
	s := ""
	for _, fd := range append(f.Fields, v.Common...) {
		if t := derive.FieldText(fd); t != "" {
			if s != "" {
				s += " · "
			}
			s += t
		}
	}
	for _, series := range f.Series {
		if strings.Contains(printable(series.Name), missing) && !strings.Contains(series.Name, missing) {
			return s + " · " + missing + " stands for characters that the pictures' font lacks"
		}
	}
	return s
}
