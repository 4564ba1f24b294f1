package chart

import (
	"image/color"

	"github.com/contend-go/contend/report/internal/derive"
)

// waitColors are those of [derive.WaitParts]: purple where goroutines were blocked,
// else as in the timeline. All differ in lightness, too.
var waitColors = []color.RGBA{
	{106, 61, 154, 255},  // locks
	{204, 121, 167, 255}, // channels
	{232, 200, 64, 255},  // wake-up
	{213, 94, 0, 255},    // held
	{86, 180, 233, 255},  // system calls
	{40, 40, 40, 255},    // stop-the-world
	controlBar,           // other
}

// waiting shows what Ps wait for, from traces: a small chart per series. Below
// it are p-wait, for comparison, and what the tracer cost.
func waiting(v *derive.View, f *derive.Facet) *Picture {
	stand := func(p *derive.Point) derive.Estimate { return p.Wait[derive.WaitUnit] }
	k := stack{of: stand, unit: "% of P", parts: waitParts, interval: stand, share: true}
	for i, p := range derive.WaitParts {
		of := func(pt *derive.Point) derive.Estimate { return pt.Wait[p.Unit] }
		if _, most := spread(f, of); most >= 0.001 {
			k.entries = append(k.entries, swatchEntry(p.Label, solid(waitColors[i])))
		}
	}
	k.entries = append(k.entries, entry{"p-wait, 95% interval", intervalEntry().draw})
	title := "What Ps wait for, by " + printable(f.X.Title())
	if f.Toured {
		title += " (tours)"
	} else {
		title += " (traced runs)"
	}
	return barsPicture(v, f, title, k, []linesPanel{
		{heading: "Stalled Ps", unit: "p-wait, % of P", percent: true, of: stand},
		{heading: "Cost of tracing", unit: "traced ÷ untraced ops/s", of: func(p *derive.Point) derive.Estimate { return p.Cost }},
	})
}

func waitParts(pt *derive.Point) (ps []part) {
	at := 0.0
	for i, p := range derive.WaitParts {
		top := at + pt.Wait[p.Unit].Median
		ps = append(ps, part{at, top, solid(waitColors[i])})
		at = top
	}
	return ps
}
