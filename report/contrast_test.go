package report

import (
	"fmt"
	"math"
	"path/filepath"
	"testing"
)

// TestContrast: in both themes texts stand out from their grounds by 4.5 to 1 and lines by 3 to 1, what WCAG 2.1 asks for (1.4.3, 1.4.11).
func TestContrast(t *testing.T) {
	dir, _ := folder(t, typical.Text())
	tb := openTab(t, 1000, 800)
	for _, theme := range []string{"light", "dark"} {
		tb.load(t, filepath.Join(dir, PageName), "#theme="+theme)
		// contrast is that of two colours, as expressions in JavaScript.
		contrast := func(a, b string) float64 {
			x, y := relativeLuminance(eval[[]float64](t, tb, "("+rgb+")("+a+")")), relativeLuminance(eval[[]float64](t, tb, "("+rgb+")("+b+")"))
			return (max(x, y) + 0.05) / (min(x, y) + 0.05)
		}
		variable := func(name string) string { return "'var(--" + name + ")'" }
		for _, c := range []struct {
			least         float64
			fore, grounds []string
		}{
			{4.5, []string{"ink", "faint", "accent", "bad", "warn"}, []string{"bg", "panel", "tip"}},
			{4.5, []string{"ink"}, []string{"notice", "shade", "grid"}},
			{3, []string{"lock", "over"}, []string{"panel"}},
		} {
			for _, fore := range c.fore {
				for _, ground := range c.grounds {
					if got := contrast(variable(fore), variable(ground)); got < c.least {
						t.Errorf("%s: %s on %s has a contrast of %.2f, want %g", theme, fore, ground, got, c.least)
					}
				}
			}
		}
		for i := range 7 {
			name := fmt.Sprintf(`(() => {
				const e = document.querySelector("svg .end");
				e.setAttribute("class", "end s%d");
				return getComputedStyle(e).fill;
			})()`, i)
			if got := contrast(name, variable("panel")); got < 4.5 {
				t.Errorf("%s: a line's name in colour %d has a contrast of %.2f", theme, i, got)
			}
		}
	}
	tb.noProblems(t)
}

// rgb is a function in JavaScript that takes a colour of CSS apart.
const rgb = `(colour) => {
	const context = new OffscreenCanvas(1, 1).getContext("2d");
	const e = document.body.appendChild(document.createElement("i"));
	e.style.color = colour;
	context.fillStyle = getComputedStyle(e).color;
	e.remove();
	context.fillRect(0, 0, 1, 1);
	return [...context.getImageData(0, 0, 1, 1).data];
}`

// relativeLuminance is that of WCAG 2.1, of red, green and blue up to 255.
func relativeLuminance(rgb []float64) float64 {
	linear := func(v float64) float64 {
		if v /= 255; v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(rgb[0]) + 0.7152*linear(rgb[1]) + 0.0722*linear(rgb[2])
}
