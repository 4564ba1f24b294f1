package chart

import (
	"cmp"
	"encoding/binary"
	"image"
	"image/color"
	"slices"
)

// indexed is the picture with at most 256 colours, which a PNG holds and writes in a
// quarter of the bytes and the time. The theme's own colours are few; what is more than
// 256 are edges of lines and letters, and a colour of these that has no place becomes
// the nearest that has one.
func indexed(img *image.RGBA) *image.Paletted {
	list := counted(img)
	palette := chosen(list)
	out := image.NewPaletted(img.Bounds(), make(color.Palette, len(palette)))
	for i, c := range palette {
		out.Palette[i] = color.RGBA{c[0], c[1], c[2], c[3]}
	}
	index := make(map[uint32]uint8, len(list))
	for _, c := range list {
		index[c.packed()] = uint8(nearest(palette, c))
	}
	last, at := uint32(0), index[0]
	for i := range out.Pix { // both pictures have their rows one after the other
		if c := binary.LittleEndian.Uint32(img.Pix[4*i:]); c != last {
			last, at = c, index[c]
		}
		out.Pix[i] = at
	}
	return out
}

// rgba is a pixel as images hold it.
type rgba [4]uint8

func (c rgba) packed() uint32 { return binary.LittleEndian.Uint32(c[:]) }

// counted are the colours of a picture, the most frequent first.
func counted(img *image.RGBA) (list []rgba) {
	count := map[uint32]int{}
	last, run := uint32(0), 0
	for i := 0; i < len(img.Pix); i += 4 {
		c := binary.LittleEndian.Uint32(img.Pix[i:])
		if c != last {
			count[last] += run
			last, run = c, 0
		}
		run++
	}
	count[last] += run
	for c, n := range count {
		if n > 0 {
			list = append(list, rgba(binary.LittleEndian.AppendUint32(nil, c)))
		}
	}
	slices.SortFunc(list, func(a, b rgba) int {
		return cmp.Or(count[b.packed()]-count[a.packed()], cmp.Compare(a.packed(), b.packed()))
	})
	return list
}

// chosen are the colours of the palette: all, or half of them the most frequent ones, and
// the other half those that are as far from each other as lets them cover the rest.
func chosen(list []rgba) (palette []rgba) {
	const most, exact, step = 256, 128, 6
	if len(list) <= most {
		return list
	}
	for apart := step; ; apart += step {
		palette = slices.Clone(list[:exact])
		for _, c := range list[exact:] {
			if distance(palette[nearest(palette, c)], c) > apart*apart {
				if palette = append(palette, c); len(palette) > most {
					break
				}
			}
		}
		if len(palette) <= most {
			return palette
		}
	}
}

// nearest is the index of the colour that is nearest.
func nearest(palette []rgba, c rgba) (at int) {
	least := distance(palette[0], c)
	for i := 1; i < len(palette) && least > 0; i++ {
		if d := distance(palette[i], c); d < least {
			at, least = i, d
		}
	}
	return at
}

// distance is the square of how far two colours are from each other.
func distance(a, b rgba) int {
	r, g, bl, al := int(a[0])-int(b[0]), int(a[1])-int(b[1]), int(a[2])-int(b[2]), int(a[3])-int(b[3])
	return r*r + g*g + bl*bl + al*al
}
