package chart

import (
	"bytes"
	"fmt"
	"regexp"
)

// hex matches the colours of an SVG.
var hex = regexp.MustCompile(`#[0-9A-F]{6}`)

// variables are the names that the theme's colours have in the style of a page, so
// that a picture in it is dark where the page is.
var variables = func() map[string]string {
	m := map[string]string{}
	for name, c := range map[string]interface{ RGBA() (r, g, b, a uint32) }{
		"--panel": white, "--ink": ink, "--faint": faint, "--line": rule, "--grid": grid, "--shade": shade,
	} {
		r, g, b, _ := c.RGBA()
		m[fmt.Sprintf("#%02X%02X%02X", r>>8, g>>8, b>>8)] = "var(" + name + ")"
	}
	for i, c := range Colors {
		m[fmt.Sprintf("#%02X%02X%02X", c.R, c.G, c.B)] = fmt.Sprintf("var(--s%d)", i)
	}
	return m
}()

// Inline is the picture as SVG that stands in a page, in its colours.
func (p *Picture) Inline() (string, error) {
	var b bytes.Buffer
	if err := p.Encode(&b, "svg", 0); err != nil {
		return "", err
	}
	svg := b.Bytes()
	svg = svg[bytes.Index(svg, []byte("<svg")):]
	svg = hex.ReplaceAllFunc(svg, func(c []byte) []byte {
		if v, ok := variables[string(c)]; ok {
			return []byte(v)
		}
		return c
	})
	return string(svg), nil
}
