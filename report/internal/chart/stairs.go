package chart

import (
	"fmt"
	"image/color"
	"strconv"
	"strings"

	"gonum.org/v1/plot/vg"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/internal/strip"
	"github.com/contend-go/contend/traces/account"
)

// classColors are the colours of layers in pictures. Pages have their own in their style.
var classColors = func() map[string]color.RGBA {
	m := map[string]color.RGBA{noPClass: noP}
	for _, s := range stateStyles {
		m[s.class] = s.color
	}
	return m
}()

// segment is columns in which the number of Ps does not change: they share the
// height, so that those which do not exist take no room.
type segment struct{ from, to, lanes int }

// split finds the segments: in each column the Ps that exist for most of it.
func (l *timelineLayout) split() (segments []segment) {
	for x := range l.tl.Lanes[0] {
		lanes := 0
		for lane, columns := range l.tl.Lanes {
			exists := float32(0)
			for _, share := range columns[x] {
				exists += share
			}
			if exists > 0.5 {
				lanes = lane + 1
			}
		}
		last := len(segments) - 1
		switch {
		case last >= 0 && (segments[last].lanes == lanes || lanes == 0): // of a part that is lost nothing is known
			segments[last].to++
		default:
			segments = append(segments, segment{x, x + 1, max(lanes, 1)})
		}
	}
	return segments
}

// Measures of lanes on a page, in pixels.
const (
	laneTall     = 28  // of a few Ps
	lanesHighest = 480 // all together
	rowsPerPixel = 4
)

func heightOf(lanes int) int { return min(max(2, lanes)*laneTall, lanesHighest) }

// rowsOf is the rows of the grid: enough for lanes that are thinner than a pixel.
func rowsOf(lanes int) int { return max(heightOf(lanes)*rowsPerPixel, lanes*8) }

// height is that of the lanes in a picture, in which a page's pixel is two.
func (l *timelineLayout) height() vg.Length {
	return vg.Length(2*heightOf(len(l.tl.Lanes))) * pixel
}

func (l *timelineLayout) width() vg.Length { return vg.Length(len(l.tl.Lanes[0])) * pixel }

// place is a lane's top and bottom row. A gap parts it from the next where there is room.
func (s segment) place(lane, rows int) (top, bottom int) {
	top, bottom = lane*rows/s.lanes, (lane+1)*rows/s.lanes
	switch tall := bottom - top; {
	case lane == s.lanes-1:
	case tall >= 32:
		bottom -= 6
	case tall >= 8:
		bottom -= 2
	}
	return top, bottom
}

// areas are the lanes as layers: in every column of a lane the states are stacked
// in proportion, from its bottom. Columns are merged so that lanes × columns
// are at most that many cells.
func (l *timelineLayout) areas(cells int) []strip.Layer {
	all := 0
	for _, s := range l.segments {
		all += (s.to - s.from) * s.lanes
	}
	merge := (all + cells - 1) / cells
	rows := rowsOf(len(l.tl.Lanes))
	ground, none := strip.Layer{Class: idleClass}, strip.Layer{Class: noPClass}
	states := make([]strip.Layer, len(stateStyles)-1) // without idle, which is the ground
	for _, s := range l.segments {
		for lane := range s.lanes {
			top, bottom := s.place(lane, rows)
			absent, stack := l.stack(s, lane, merge, top, bottom)
			ground.Areas = append(ground.Areas, strip.Area{X: s.from, Base: bottom, Steps: []strip.Step{{Run: s.to - s.from, Rise: bottom - top}}})
			if !absent.Flat() {
				none.Areas = append(none.Areas, absent)
			}
			for i := range stack {
				if !stack[i].Flat() {
					states[i].Areas = append(states[i].Areas, stack[i])
				}
			}
		}
	}
	layers := []strip.Layer{ground, none}
	for i := len(states) - 1; i >= 0; i-- { // each covers what is above the ones below it
		states[i].Class = stateStyles[i].class
		layers = append(layers, states[i])
	}
	visible := layers[:0]
	for _, layer := range layers {
		if len(layer.Areas) > 0 {
			visible = append(visible, layer)
		}
	}
	return visible
}

// stack makes the areas of one lane: that of each state reaches from the bottom to
// the top of its part, where it has one; that without a P hangs from the top.
func (l *timelineLayout) stack(s segment, lane, merge, top, bottom int) (absent strip.Area, stack []strip.Area) {
	absent = strip.Area{X: s.from, Base: top}
	stack = make([]strip.Area, len(stateStyles)-1)
	for i := range stack {
		stack[i] = strip.Area{X: s.from, Base: bottom}
	}
	tall := float32(bottom - top)
	for x := s.from; x < s.to; x += merge {
		run := min(merge, s.to-x)
		var col account.Column
		for _, c := range l.tl.Lanes[lane][x : x+run] {
			for state, share := range c {
				col[state] += share / float32(run)
			}
		}
		sum, before := float32(0), 0
		for i := range stack {
			sum += col[stateStyles[i].state]
			rise := min(int(sum*tall+0.5), bottom-top)
			if rise == before {
				stack[i].Add(run, 0)
				continue
			}
			stack[i].Add(run, rise)
			before = rise
		}
		absent.Add(run, -max(0, int((1-sum-col[account.Idle])*tall+0.5)))
	}
	return absent, stack
}

// names are those of lanes, as many as have room; none where their number changes,
// as then each place is that of several Ps.
func (l *timelineLayout) names() (names []strip.Name) {
	if len(l.segments) > 1 {
		return nil
	}
	const room = 11 // pixels of a page
	lanes, every := l.segments[0].lanes, 1
	for every*heightOf(lanes) < room*lanes {
		every *= 2
	}
	rows := rowsOf(len(l.tl.Lanes))
	for lane := 0; lane < lanes; lane += every {
		top, bottom := l.segments[0].place(lane, rows)
		names = append(names, strip.Name{Y: strip.Percent(float64(top+bottom)/2, float64(rows)), Text: "P" + strconv.Itoa(lane)})
	}
	return names
}

// note is what a reader of the lanes must know, in two lines.
func (l *timelineLayout) note() []string {
	lanes := "Each column has the exact share of every state, from work at its bottom to waiting at its top."
	if len(l.segments) > 1 {
		lanes += " The Ps of a window share the height, P0 at the top."
	}
	shares := "Percentages are of capacity, GOMAXPROCS × time; waiting is p-wait: Ps that run no goroutine."
	if l.marked {
		shares += " Time between marked windows counts for none of them."
	}
	return []string{lanes, shares}
}

// Strip is the timeline as a page shows it, of at most that many cells: columns × Ps.
func (t *Timeline) Strip(cells int) (strip.Strip, error) {
	l, err := t.layout()
	if err != nil {
		return strip.Strip{}, err
	}
	s := strip.Strip{
		Title: t.Title, About: t.Conditions, Note: strings.Join(l.note(), " "),
		From: l.tl.From, To: l.tl.To,
		Columns: len(l.tl.Lanes[0]), Rows: rowsOf(len(l.tl.Lanes)), Height: heightOf(len(l.tl.Lanes)),
		Layers: l.areas(cells), Names: l.names(),
	}
	s.Ticks = s.TimeTicks(5, shortDuration)
	for _, i := range l.shown() {
		name, _ := swatchText(i)
		class := noPClass
		if i >= 0 {
			class = stateStyles[i].class
		}
		s.Legend = append(s.Legend, strip.Key{Class: class, Name: name})
	}
	l.describe(&s)
	return s, nil
}

// mostWindows is how many windows a page names.
const mostWindows = 200

// describe adds the windows and the table of their values.
func (l *timelineLayout) describe(s *strip.Strip) {
	length := float64(s.To - s.From)
	procs := true // each window is named by its GOMAXPROCS, which is a column of the table
	for i := range l.Account.Windows {
		procs = procs && (l.between(i) || l.Account.Windows[i].Label == procsLabel(&l.Account.Windows[i]))
	}
	if s.Heading = "window"; procs {
		s.Heading = l.rows[0].name
		s.Note = "The numbers above the lanes are GOMAXPROCS. " + s.Note
	}
	if !procs {
		s.Table.Columns, s.Table.Numeric = []string{"window"}, []bool{false}
	}
	for _, r := range l.rows {
		s.Table.Columns, s.Table.Numeric = append(s.Table.Columns, r.name), append(s.Table.Numeric, r.name != "mostly")
	}
	over := false
	for i := range l.Account.Windows {
		w := &l.Account.Windows[i]
		if l.between(i) || w.End <= s.From || w.Start >= s.To || len(s.Windows) == mostWindows {
			continue
		}
		var row []string
		text := w.Label
		if procs {
			text = l.rows[0].value(i, w)
		} else {
			row = append(row, text)
		}
		for _, r := range l.rows {
			row = append(row, r.value(i, w))
		}
		s.Table.Rows = append(s.Table.Rows, row)
		from, to := max(w.Start, s.From)-s.From, min(w.End, s.To)-s.From
		s.Windows = append(s.Windows, strip.Window{
			From: strip.Percent(float64(from), length), Width: strip.Percent(float64(to-from), length),
			Text: text, Over: l.Usable > 0 && w.MaxProcs > l.Usable,
		})
		over = over || s.Windows[len(s.Windows)-1].Over
	}
	if over {
		s.Legend = append(s.Legend, strip.Key{Class: "t-over", Name: fmt.Sprintf("oversubscribed: more Ps than the %d usable CPUs", l.Usable)})
	}
}

// procsLabel is how a window is named after its GOMAXPROCS.
func procsLabel(w *account.Window) string {
	return sample.GOMAXPROCS + "=" + strconv.Itoa(w.MaxProcs)
}
