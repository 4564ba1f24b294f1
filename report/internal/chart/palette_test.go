package chart

import (
	"image"
	"image/color"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgimg"
)

// TestIndexed: a picture of few colours stays as it is; one of many keeps the most
// frequent ones as they are, and the others change less than an eye sees at an edge.
func TestIndexed(t *testing.T) {
	few := image.NewRGBA(image.Rect(0, 0, 32, 16))
	rng := rand.New(rand.NewPCG(8, 8))
	for i := range 32 * 16 {
		few.SetRGBA(i%32, i/32, color.RGBA{uint8(rng.IntN(16) * 17), uint8(rng.IntN(16) * 17), 0, 255})
	}
	for y := range 16 {
		for x := range 32 {
			if got := color.RGBAModel.Convert(indexed(few).At(x, y)); got != few.At(x, y) {
				t.Fatalf("%d,%d is %v, was %v", x, y, got, few.At(x, y))
			}
		}
	}

	for _, p := range Pictures(view(t, large.Text())) {
		canvas := vgimg.NewWith(vgimg.UseWH(p.width, p.height), vgimg.UseDPI(96))
		p.drawOn(vg.CanvasSizer(canvas))
		was := canvas.Image().(*image.RGBA)
		colors := counted(was)
		if len(colors) <= 256 {
			t.Errorf("%s has %d colours: the case does not show anything", p.Name, len(colors))
		}
		frequent := map[rgba]bool{}
		for _, c := range colors[:128] {
			frequent[c] = true
		}
		got := indexed(was)
		far, pixels := 0, 0
		for i := range got.Pix {
			before := rgba(was.Pix[4*i : 4*i+4])
			after := color.RGBAModel.Convert(got.Palette[got.Pix[i]]).(color.RGBA)
			d := distance(before, rgba{after.R, after.G, after.B, after.A})
			if d > 0 && frequent[before] {
				t.Fatalf("%s: %v has become %v", p.Name, before, after)
			}
			if pixels++; d > 40*40 {
				far++
			}
		}
		if far > 0 {
			t.Errorf("%s: %d of %d pixels have changed a lot", p.Name, far, pixels)
		}
	}
}
