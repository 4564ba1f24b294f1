package chart

import (
	"errors"
	"fmt"
	"image/color"
	"strconv"
	"strings"
	"time"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/contend-go/contend/report/internal/derive"
	"github.com/contend-go/contend/report/internal/strip"
	"github.com/contend-go/contend/traces/account"
)

// TimelineColumns is how many columns of an account's timeline make a picture:
// one per pixel at DefaultDPI.
const TimelineColumns = 1920

// Timeline is what the timeline picture shows.
type Timeline struct {
	Title      string // "mutexlru"
	Conditions string // a second line, may be empty
	// Account has a Timeline of TimelineColumns columns.
	Account *account.Account
	// CPU is, by window, the CPU time of the process where it was read from
	// the threads' clocks, for traces without switch records; nil or negative
	// where it is not known.
	CPU []time.Duration
	// Cost is, by window, the throughput while traced ÷ untraced; nil, or 0 for a
	// window, where it is not known.
	Cost []float64
	// Usable is how many CPUs the traced process could use, 0 if that is not
	// known. Windows with more Ps are marked as oversubscribed.
	Usable int
}

// stateStyles are the colours of a P's states and their order in a lane, from
// its bottom. Work is the only green, waiting is the ground. The colours are those
// of Okabe and Ito, which remain apart for the colour-blind.
var stateStyles = []struct {
	state account.State
	color color.RGBA
	class string // on a page
	name  string
}{
	{account.OnCPU, color.RGBA{0, 158, 115, 255}, "t-cpu", "goroutine on a CPU"},
	{account.Running, color.RGBA{128, 207, 185, 255}, "t-running", "goroutine running, CPU not known"},
	{account.GC, color.RGBA{0, 114, 178, 255}, "t-gc", "GC"},
	{account.Syscall, color.RGBA{86, 180, 233, 255}, "t-syscall", "syscall"},
	{account.Descheduled, color.RGBA{240, 200, 60, 255}, "t-descheduled", "goroutine, but the OS runs something else"},
	{account.Held, color.RGBA{213, 94, 0, 255}, "t-held", "held without a goroutine: scheduling, spinning"},
	{account.STW, color.RGBA{40, 40, 40, 255}, "t-stw", "stop-the-world"},
	{account.Unknown, color.RGBA{204, 121, 167, 255}, "t-unknown", "unknown"},
	{account.Idle, idle, "t-idle", "idle: waiting"},
}

// The ground of a lane is the colour of waiting. Where a P is not in use it is not drawn.
var (
	idle = grid
	noP  = white
)

const (
	idleClass = "t-idle"
	noPClass  = "t-none"
)

// pixel is one pixel at DefaultDPI.
const pixel = vg.Inch / DefaultDPI

// Measures of the timeline picture.
const (
	timelineLeft   = vg.Length(74) // for the names of rows and lanes
	timelineRow    = vg.Length(11) // of the table above the lanes
	timelineBar    = vg.Length(9)  // of a window's stacked bar
	timelineFoot   = vg.Length(46) // time axis and note
	timelineHeader = vg.Length(40) // what headings takes
	swatchRow      = vg.Length(12) // of the legend
	textSize       = vg.Length(8)
)

// mostCells is how many columns of lanes a picture shows; of more it merges some.
const mostCells = 40_000

// Picture lays the timeline out. It fails where the account has no timeline.
func (t *Timeline) Picture() (*Picture, error) {
	l, err := t.layout()
	if err != nil {
		return nil, err
	}
	l.legend = l.legendLines(l.width())
	l.layers = l.areas(mostCells)
	return &Picture{
		Kind:   "timeline",
		Name:   "timeline",
		Title:  t.Title,
		width:  snap(2*margin + timelineLeft + l.width()),
		height: snap(2*margin + timelineHeader + vg.Length(len(l.legend))*swatchRow + vg.Length(len(l.rows)+1)*timelineRow + timelineBar + 9 + l.height() + timelineFoot),
		draw:   l.draw,
	}, nil
}

func (t *Timeline) layout() (*timelineLayout, error) {
	tl := t.Account.Timeline
	if tl == nil || len(tl.Lanes) == 0 || len(tl.Lanes[0]) == 0 {
		return nil, errors.New("timeline: the account has none")
	}
	l := &timelineLayout{Timeline: t, tl: tl}
	for _, w := range t.Account.Windows {
		l.marked = l.marked || w.Label != ""
	}
	l.rows = l.table()
	l.segments = l.split()
	return l, nil
}

// snap rounds up to whole pixels, so that a lane's columns fall on pixels.
func snap(l vg.Length) vg.Length {
	n := int(l / pixel)
	if vg.Length(n)*pixel < l {
		n++
	}
	return vg.Length(n) * pixel
}

type timelineLayout struct {
	*Timeline
	tl       *account.Timeline
	marked   bool // some windows have labels: only they are annotated
	rows     []tableRow
	segments []segment
	layers   []strip.Layer
	legend   [][]int // indices of stateStyles by line; -1 is noP

	x0, top vg.Length // of the lanes
}

// tableRow is a line of the table above the lanes: a value per window.
type tableRow struct {
	name  string
	value func(i int, w *account.Window) string
}

func (l *timelineLayout) table() []tableRow {
	share := func(part func(i int, w *account.Window) time.Duration) func(int, *account.Window) string {
		return func(i int, w *account.Window) string {
			if w.Capacity <= 0 {
				return ""
			}
			return fmt.Sprintf("%.0f%%", 100*float64(part(i, w))/float64(w.Capacity))
		}
	}
	rows := []tableRow{{"GOMAXPROCS", func(_ int, w *account.Window) string {
		if w.MinProcs != w.MaxProcs {
			return fmt.Sprintf("%d–%d", w.MinProcs, w.MaxProcs)
		}
		return strconv.Itoa(w.MaxProcs)
	}}}
	switch {
	case l.Account.Split:
		rows = append(rows,
			tableRow{"on a CPU", share(func(_ int, w *account.Window) time.Duration { return w.Parts[account.OnCPU] })},
			tableRow{"descheduled", share(func(_ int, w *account.Window) time.Duration { return w.Parts[account.Descheduled] })})
	default:
		rows = append(rows, tableRow{"running", share(func(_ int, w *account.Window) time.Duration { return w.Parts.Goroutine() })})
		if l.CPU != nil {
			rows = append(rows, tableRow{"CPU time", func(i int, w *account.Window) string {
				if l.CPU[i] < 0 {
					return "–"
				}
				return share(func(int, *account.Window) time.Duration { return l.CPU[i] })(i, w)
			}})
		}
	}
	rows = append(rows, tableRow{"waiting", func(_ int, w *account.Window) string {
		return fmt.Sprintf("%.0f%%", 100*w.PWait())
	}}, tableRow{"mostly", mostly})
	if l.Cost != nil {
		rows = append(rows, tableRow{"÷ untraced", func(i int, _ *account.Window) string {
			if l.Cost[i] == 0 {
				return "–"
			}
			return derive.Format("×", l.Cost[i])
		}})
	}
	return rows
}

// mostly is the largest part of what a window's Ps wait for, and its share of
// capacity.
func mostly(_ int, w *account.Window) string {
	by := w.WaitBy()
	most := 0
	for i, share := range by {
		if share > by[most] {
			most = i
		}
	}
	if by[most] < 0.005 {
		return "–"
	}
	return fmt.Sprintf("%s %.0f%%", account.WaitKinds[most], 100*by[most])
}

// visible is the share of a picture from which a state is seen.
const visible = 0.0005

// shown are the states that can be seen: the legend leaves the others out.
func (l *timelineLayout) shown() (out []int) {
	var sums account.Column
	var all, absent float32
	for _, s := range l.segments {
		for _, lane := range l.tl.Lanes[:s.lanes] {
			for _, col := range lane[s.from:s.to] {
				rest := float32(1)
				for state, share := range col {
					sums[state] += share
					all += share
					rest -= share
				}
				absent += rest
			}
		}
	}
	for i, s := range stateStyles {
		if sums[s.state] > visible*all {
			out = append(out, i)
		}
	}
	if absent > visible*all {
		out = append(out, -1)
	}
	return out
}

func swatchText(i int) (string, color.Color) {
	if i < 0 {
		return "P not in use", noP
	}
	return stateStyles[i].name, stateStyles[i].color
}

const swatch = vg.Length(9)

func swatchWidth(i int) vg.Length {
	name, _ := swatchText(i)
	return swatch + 4 + label(textSize, ink, draw.XLeft, draw.YCenter).Width(name) + 14
}

// legendLines breaks the legend into lines of the given width.
func (l *timelineLayout) legendLines(width vg.Length) (lines [][]int) {
	room := vg.Length(0)
	for _, i := range l.shown() {
		w := swatchWidth(i)
		if room < w || lines == nil {
			lines, room = append(lines, nil), width+timelineLeft
		}
		lines[len(lines)-1] = append(lines[len(lines)-1], i)
		room -= w
	}
	return lines
}

func (l *timelineLayout) draw(whole draw.Canvas) {
	c := headings(whole, l.Title, l.Conditions)
	x, y := c.Min.X, c.Max.Y
	l.x0 = whole.Min.X + snap(margin+timelineLeft)
	for _, line := range l.legend {
		at := x
		for _, i := range line {
			l.drawSwatch(c, i, vg.Point{X: at, Y: y - swatchRow/2})
			at += swatchWidth(i)
		}
		y -= swatchRow
	}
	y -= 3 // between the legend and the bracket
	l.top = whole.Min.Y + snap(margin+timelineFoot+l.height())
	l.drawWindows(c, y)

	size := vg.Point{X: l.width(), Y: l.height()}
	at := vg.Point{X: l.x0, Y: l.top - size.Y}
	l.drawLayers(c)

	l.drawBorders(c, size)
	l.drawLaneNames(c)
	l.drawAxis(c, vg.Rectangle{Min: at, Max: at.Add(size)})
}

func (l *timelineLayout) drawSwatch(c draw.Canvas, i int, at vg.Point) {
	name, fill := swatchText(i)
	box := vg.Rectangle{Min: vg.Point{X: at.X, Y: at.Y - swatch/2}, Max: vg.Point{X: at.X + swatch, Y: at.Y + swatch/2}}
	c.SetColor(fill)
	c.Fill(box.Path())
	frame(c, box)
	c.FillText(label(textSize, ink, draw.XLeft, draw.YCenter), vg.Point{X: at.X + swatch + 4, Y: at.Y}, name)
}

// between reports whether a window is the time between marked ones.
func (l *timelineLayout) between(i int) bool {
	return l.marked && l.Account.Windows[i].Label == ""
}

// frame draws the thin line around a swatch or a bar.
func frame(c draw.Canvas, box vg.Rectangle) {
	c.SetLineStyle(draw.LineStyle{Color: rule, Width: hairline})
	c.Stroke(box.Path())
}

// at is the place of a time on the time axis, clipped to the lanes.
func (l *timelineLayout) at(d time.Duration) vg.Length {
	d = min(max(d, l.tl.From), l.tl.To)
	return l.x0 + l.width()*vg.Length(float64(d-l.tl.From)/float64(l.tl.To-l.tl.From))
}

// drawWindows draws the table above the lanes, its top at y: a column per
// window, where there is room for its values, half of the gaps beside it included.
func (l *timelineLayout) drawWindows(c draw.Canvas, y vg.Length) {
	names := label(textSize, faint, draw.XRight, draw.YCenter)
	values := label(textSize, ink, draw.XCenter, draw.YCenter)
	for i, r := range l.rows {
		c.FillText(names, vg.Point{X: l.x0 - 6, Y: y - timelineRow*(vg.Length(i)+1.5)}, r.name)
	}
	end := l.x0 // of the column before
	for i := range l.Account.Windows {
		if l.between(i) {
			continue
		}
		w := &l.Account.Windows[i]
		x0, x1 := l.at(w.Start), l.at(w.End)
		room := x1 - x0 + min(x0-end, l.columnAfter(i)-x1)
		end = x1
		for j, r := range l.rows {
			if text := r.value(i, w); values.Width(text) < room-2 {
				sty := values
				if j == 0 {
					sty.Font = fontOf(textSize, true)
				}
				c.FillText(sty, vg.Point{X: (x0 + x1) / 2, Y: y - timelineRow*(vg.Length(j)+1.5)}, text)
			}
		}
		l.drawBar(c, w, vg.Rectangle{Min: vg.Point{X: x0, Y: l.top + 3}, Max: vg.Point{X: x1, Y: l.top + 3 + timelineBar}})
	}
	l.drawOversubscribed(c, y-timelineRow/2)
}

// columnAfter is where the column after that of a window begins, or the picture's margin ends.
func (l *timelineLayout) columnAfter(i int) vg.Length {
	for i++; i < len(l.Account.Windows); i++ {
		if !l.between(i) {
			return l.at(l.Account.Windows[i].Start)
		}
	}
	return l.at(l.tl.To) + margin
}

// drawBar draws a window's capacity by state as one stacked bar.
func (l *timelineLayout) drawBar(c draw.Canvas, w *account.Window, box vg.Rectangle) {
	if w.Capacity <= 0 || box.Size().X < 3 {
		return
	}
	box.Min.X, box.Max.X = box.Min.X+1, box.Max.X-1
	x := box.Min.X
	for _, s := range stateStyles {
		width := box.Size().X * vg.Length(float64(w.Parts[s.state])/float64(w.Capacity))
		part := vg.Rectangle{Min: vg.Point{X: x, Y: box.Min.Y}, Max: vg.Point{X: min(x+width, box.Max.X), Y: box.Max.Y}}
		if width > 0 {
			c.SetColor(s.color)
			c.Fill(part.Path())
		}
		x += width
	}
	frame(c, box)
}

// drawOversubscribed brackets the runs of windows with more Ps than CPUs.
func (l *timelineLayout) drawOversubscribed(c draw.Canvas, y vg.Length) {
	if l.Usable <= 0 {
		return
	}
	var first, last *account.Window // of the run
	for i := range l.Account.Windows {
		w := &l.Account.Windows[i]
		switch {
		case l.between(i):
		case w.MaxProcs <= l.Usable:
			l.drawBracket(c, y, first, last)
			first = nil
		case first == nil:
			first, last = w, w
		default:
			last = w
		}
	}
	l.drawBracket(c, y, first, last)
}

// drawBracket draws the bracket above a run of windows; nil is none.
func (l *timelineLayout) drawBracket(c draw.Canvas, y vg.Length, first, last *account.Window) {
	if first == nil {
		return
	}
	from, to := l.at(first.Start)+1, l.at(last.End)-1
	sty := label(textSize, sharingBar, draw.XCenter, draw.YCenter)
	text := fmt.Sprintf("oversubscribed: more Ps than the %d usable CPUs", l.Usable)
	if sty.Width(text) > to-from-8 {
		text = fit(sty, "oversubscribed", to-from)
	}
	half := sty.Width(text)/2 + 3
	line := draw.LineStyle{Color: sharingBar, Width: hairline}
	middle := (from + to) / 2
	if from < middle-half {
		c.StrokeLine2(line, from, y, middle-half, y)
		c.StrokeLine2(line, middle+half, y, to, y)
	}
	c.StrokeLine2(line, from, y, from, y-3)
	c.StrokeLine2(line, to, y, to, y-3)
	c.FillText(sty, vg.Point{X: middle, Y: y}, text)
}

// drawLayers draws the lanes.
func (l *timelineLayout) drawLayers(c draw.Canvas) {
	row := l.height() / vg.Length(rowsOf(len(l.tl.Lanes)))
	for _, layer := range l.layers {
		var p vg.Path
		for _, a := range layer.Areas {
			x, base := l.x0+vg.Length(a.X)*pixel, l.top-vg.Length(a.Base)*row
			p.Move(vg.Point{X: x, Y: base})
			for _, s := range a.Steps {
				y := base + vg.Length(s.Rise)*row
				p.Line(vg.Point{X: x, Y: y})
				x += vg.Length(s.Run) * pixel
				p.Line(vg.Point{X: x, Y: y})
			}
			p.Line(vg.Point{X: x, Y: base})
			p.Close()
		}
		c.SetColor(classColors[layer.Class])
		c.Fill(p)
	}
}

// drawBorders draws a line at both ends of every window, and a tick above the
// lanes where one is too narrow for that.
func (l *timelineLayout) drawBorders(c draw.Canvas, size vg.Point) {
	sty := draw.LineStyle{Color: ink, Width: hairline}
	for i := range l.Account.Windows {
		x0, x1 := l.at(l.Account.Windows[i].Start), l.at(l.Account.Windows[i].End)
		if l.between(i) {
			continue
		}
		if x1-x0 < 3 {
			c.StrokeLine2(sty, (x0+x1)/2, l.top, (x0+x1)/2, l.top+3+timelineBar)
			continue
		}
		for _, x := range []vg.Length{x0, x1} {
			c.StrokeLine2(sty, x, l.top-size.Y, x, l.top+3+timelineBar)
		}
	}
}

// drawLaneNames names as many lanes as have room.
func (l *timelineLayout) drawLaneNames(c draw.Canvas) {
	sty := label(7, faint, draw.XRight, draw.YCenter)
	for _, n := range l.names() {
		c.FillText(sty, vg.Point{X: l.x0 - 6, Y: l.top - l.height()*vg.Length(n.Y/100)}, n.Text)
	}
}

// drawAxis draws the time axis below the lanes and the note on what is shown.
func (l *timelineLayout) drawAxis(c draw.Canvas, lanes vg.Rectangle) {
	sty := label(textSize, faint, draw.XCenter, draw.YTop)
	step := strip.RoundStep(l.tl.To-l.tl.From, 15)
	for d := (l.tl.From + step - 1) / step * step; d <= l.tl.To; d += step {
		x := l.at(d)
		c.StrokeLine2(draw.LineStyle{Color: rule, Width: hairline}, x, lanes.Min.Y, x, lanes.Min.Y-3)
		c.FillText(sty, vg.Point{X: x, Y: lanes.Min.Y - 5}, shortDuration(d))
	}
	small := label(7, faint, draw.XLeft, draw.YTop)
	for i, line := range l.note() {
		c.FillText(small, vg.Point{X: c.Min.X, Y: lanes.Min.Y - 22 - 10*vg.Length(i)}, fit(small, line, c.Max.X-c.Min.X))
	}
}

// shortDuration prints a duration without trailing zero units: "1.5s", "250ms", "1m".
func shortDuration(d time.Duration) string {
	s := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, zero) {
			s = s[:len(s)-2]
		}
	}
	return s
}
