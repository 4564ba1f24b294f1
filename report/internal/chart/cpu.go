package chart

import (
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/contend-go/contend/report/internal/derive"
)

func cpuPerOp(p *derive.Point) derive.Estimate { return p.Units["cpu-ns/op"] }

// cpu is the CPU time per operation, split into the control's and the overhead
// of sharing: a small chart per series, cheapest first, those of a row on one
// scale. Below it are capacity not used, idle Ps and threads waiting for a
// CPU, each a quantity of its own.
func cpu(v *derive.View, f *derive.Facet) *Picture {
	return barsPicture(v, f, "CPU time per operation, and capacity not used", stack{
		of: cpuPerOp, unit: "ns/op", entries: cpuEntries(f.HasControl), parts: cpuParts, interval: cpuInterval,
	}, []linesPanel{
		{heading: "Capacity not used", unit: "% of min(P, CPUs)", percent: true, of: untraced("cpu-unused")},
		{heading: "Idle Ps", unit: "% of P", percent: true, of: untraced("p-idle")},
		{heading: "Threads waiting for a CPU", unit: "mean number", of: untraced("os-wait")},
	})
}

func cpuEntries(control bool) []entry {
	if !control {
		return []entry{swatchEntry("CPU per operation", solid(controlBar))}
	}
	return []entry{
		swatchEntry("share-nothing ceiling", solid(controlBar)),
		swatchEntry("overhead of sharing", solid(sharingBar)),
		swatchEntry("negative overhead", outline),
		{"95% interval of overhead", intervalEntry().draw},
	}
}

// cpuParts are the control's CPU time and the overhead, which may be negative:
// then the part of the control above the total is what sharing saves.
func cpuParts(p *derive.Point) []part {
	if p.Overhead.N == 0 {
		return []part{{0, p.Units["cpu-ns/op"].Median, solid(controlBar)}}
	}
	base := p.Control["cpu-ns/op"].Median
	top := base + p.Overhead.Median
	if top < base {
		return []part{{0, math.Max(top, 0), solid(controlBar)}, {top, base, outline}}
	}
	return []part{{0, base, solid(controlBar)}, {base, top, solid(sharingBar)}}
}

// outline marks what sharing saves.
func outline(c *draw.Canvas, r vg.Rectangle) {
	c.SetColor(white)
	c.Fill(r.Path())
	c.SetLineStyle(draw.LineStyle{Color: sharingBar, Width: 0.8})
	c.Stroke(r.Path())
}

// cpuInterval is that of the overhead, above the control.
func cpuInterval(p *derive.Point) derive.Estimate {
	e, base := p.Overhead, p.Control["cpu-ns/op"].Median
	e.Median, e.Lo, e.Hi = base+e.Median, base+e.Lo, base+e.Hi
	return e
}
