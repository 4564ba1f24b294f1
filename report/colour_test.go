package report

import (
	"fmt"
	"image/color"
	"math"
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/contend-go/contend/report/internal/chart"
)

// seen are ways to see: as most people do, and the three kinds of colour blindness, as
// matrices on linear RGB (Machado, Oliveira and Fernandes, "A Physiologically-based Model
// for Simulation of Color Vision Deficiency", 2009, severity 1).
var seen = map[string][9]float64{
	"normal":       {1, 0, 0, 0, 1, 0, 0, 0, 1},
	"protanopia":   {0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998},
	"deuteranopia": {0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.011820, 0.042940, 0.968881},
	"tritanopia":   {1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.303900},
}

// lab is a colour in CIELAB (D65), as it is seen.
func lab(c color.RGBA, m [9]float64) [3]float64 {
	linear := func(v uint8) float64 {
		x := float64(v) / 255
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	rgb := [3]float64{linear(c.R), linear(c.G), linear(c.B)}
	var s [3]float64
	for i := range s {
		s[i] = min(1, max(0, m[3*i]*rgb[0]+m[3*i+1]*rgb[1]+m[3*i+2]*rgb[2]))
	}
	f := func(t float64) float64 {
		if t > 216.0/24389 {
			return math.Cbrt(t)
		}
		return (24389.0/27*t + 16) / 116
	}
	x := f((0.4124564*s[0] + 0.3575761*s[1] + 0.1804375*s[2]) / 0.95047)
	y := f(0.2126729*s[0] + 0.7151522*s[1] + 0.0721750*s[2])
	z := f((0.0193339*s[0] + 0.1191920*s[1] + 0.9503041*s[2]) / 1.08883)
	return [3]float64{116*y - 16, 500 * (x - y), 200 * (y - z)}
}

// apart is the difference of two colours (CIE 1976), as they are seen: 2.3 is just
// noticeable side by side.
func apart(a, b color.RGBA, m [9]float64) float64 {
	p, q := lab(a, m), lab(b, m)
	return math.Sqrt((p[0]-q[0])*(p[0]-q[0]) + (p[1]-q[1])*(p[1]-q[1]) + (p[2]-q[2])*(p[2]-q[2]))
}

// pageColors are the themes of the page: the colours of series, and the ground.
func pageColors(t *testing.T) (light, dark [len(chart.Colors)]color.RGBA, grounds [2]color.RGBA) {
	css, err := os.ReadFile("internal/html/style.css")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]color.RGBA{}
	for _, m := range regexp.MustCompile(`--(s\d|panel): #([0-9a-f]+);`).FindAllStringSubmatch(string(css), -1) {
		hex := m[2]
		if len(hex) == 3 {
			hex = fmt.Sprintf("%c%c%c%c%c%c", hex[0], hex[0], hex[1], hex[1], hex[2], hex[2])
		}
		v, _ := strconv.ParseUint(hex, 16, 32)
		found[m[1]] = append(found[m[1]], color.RGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), 255})
	}
	for i := range light {
		of := found[fmt.Sprintf("s%d", i)]
		if len(of) != 3 || of[1] != of[2] {
			t.Fatalf("colour %d stands %d times in the style: want light, dark by preference, dark by choice", i, len(of))
		}
		light[i], dark[i] = of[0], of[1]
	}
	return light, dark, [2]color.RGBA{found["panel"][0], found["panel"][1]}
}

// TestColours: a series has one colour in pictures and on the page, and lines can be
// told apart by it, from each other and from the ground, also by the colour-blind.
func TestColours(t *testing.T) {
	light, dark, grounds := pageColors(t)
	if light != chart.Colors {
		t.Errorf("the page has %v, pictures %v", light, chart.Colors)
	}
	for theme, colors := range [][len(chart.Colors)]color.RGBA{light, dark} {
		for kind, m := range seen {
			least, pair := math.Inf(1), [2]int{}
			for i, a := range colors {
				for j, b := range colors[:i] {
					if d := apart(a, b, m); d < least {
						least, pair = d, [2]int{j, i}
					}
				}
				if d := apart(a, grounds[theme], m); d < 25 {
					t.Errorf("theme %d, %s: colour %d is only %.1f from the ground", theme, kind, i, d)
				}
			}
			t.Logf("theme %d, %s: colours %v are nearest: %.1f", theme, kind, pair, least)
			if least < 10 {
				t.Errorf("theme %d, %s: colours %v are only %.1f apart", theme, kind, pair, least)
			}
		}
	}
}
