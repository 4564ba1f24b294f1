// Package strip is what pictures and pages draw a timeline from: areas over a
// grid of columns and rows, and texts that are placed beside them.
package strip

import (
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/contend-go/contend/report/internal/derive"
)

// Strip is a timeline as a page shows it. Its areas stretch with time; its texts
// are placed by shares of its length or height, in percent, and keep their size.
type Strip struct {
	Title, About string
	Note         string

	From, To, Zero time.Duration // of the time axis; Zero is the time that is printed as 0

	Columns, Rows int // of the grid
	Height        int // of the lanes, in pixels of a page
	Layers        []Layer

	Heading string // what the windows' texts are: "GOMAXPROCS"
	Windows []Window
	Names   []Name // of lanes
	Ticks   []Tick
	Moments []Tick // lines from top to bottom
	Signs   []Sign

	Legend []Key
	Table  derive.Table // a row for each window
}

// Layer is areas of one class. Layers are painted in their order, later ones over
// earlier ones.
type Layer struct {
	Class string
	Areas []Area
}

// Area is stairs on a base line, which is Base rows below the top, from column X on.
type Area struct {
	X, Base int
	Steps   []Step
}

// Step is Run columns that are Rise rows high; a negative Rise hangs down.
type Step struct{ Run, Rise int }

// Window is a part of the time with a name.
type Window struct {
	From, Width float64 // percent of the length
	Text        string
	Over        bool // it has more Ps than CPUs
}

// Name is the name of a lane, at its middle.
type Name struct {
	Y    float64 // percent of the height
	Text string
}

// Tick is a text at a time.
type Tick struct {
	X    float64 // percent of the length
	Text string
}

// Sign is a character in a lane.
type Sign struct {
	X, Y        float64 // percent
	Text, Title string
}

// Key explains a class of areas or, with a Text, a sign.
type Key struct{ Class, Text, Name string }

// Add appends columns to the area; equal ones in a row are one step.
func (a *Area) Add(run, rise int) {
	if last := len(a.Steps) - 1; last >= 0 && a.Steps[last].Rise == rise {
		a.Steps[last].Run += run
		return
	}
	a.Steps = append(a.Steps, Step{run, rise})
}

// Flat reports whether nothing of the area can be seen.
func (a *Area) Flat() bool {
	for _, s := range a.Steps {
		if s.Rise != 0 {
			return false
		}
	}
	return true
}

// Path is the layer as the d attribute of an SVG path, in columns and rows.
func (l Layer) Path() string {
	var b []byte
	move := func(c byte, by int) {
		if by != 0 {
			b = strconv.AppendInt(append(b, c), int64(by), 10)
		}
	}
	for _, a := range l.Areas {
		b = strconv.AppendInt(append(b, 'M'), int64(a.X), 10)
		b = strconv.AppendInt(append(b, ' '), int64(a.Base), 10)
		rise := 0
		for _, s := range a.Steps {
			move('v', rise-s.Rise)
			move('h', s.Run)
			rise = s.Rise
		}
		move('v', rise)
		b = append(b, 'z')
	}
	return string(b)
}

// Room is the room that the text of a moment has, in percent of the length.
func (s Strip) Room(moment int) float64 {
	end := 100.0
	if moment+1 < len(s.Moments) {
		end = s.Moments[moment+1].X
	}
	return Percent(end-s.Moments[moment].X, 100)
}

// NameWidth is the width of the lanes' names, in characters.
func (s Strip) NameWidth() int {
	width := 0
	for _, n := range s.Names {
		width = max(width, utf8.RuneCountInString(n.Text)+2)
	}
	return width
}

// Percent is a part of a whole in percent, with the digits that a screen can show.
func Percent(part, whole float64) float64 {
	v, _ := strconv.ParseFloat(strconv.FormatFloat(100*part/max(whole, 1), 'f', 3, 64), 64)
	return v
}

// RoundStep is a round step that divides a length of time into at most that many parts.
func RoundStep(length time.Duration, parts int64) time.Duration {
	for step := time.Duration(1); ; step *= 10 {
		for _, m := range []time.Duration{1, 2, 5} {
			if int64(length/(m*step)) <= parts {
				return m * step
			}
		}
	}
}

// TimeTicks are ticks at round times, about that many.
func (s Strip) TimeTicks(parts int64, text func(time.Duration) string) (ticks []Tick) {
	step := RoundStep(s.To-s.From, parts)
	for d := s.Zero - (s.Zero-s.From)/step*step; d <= s.To; d += step {
		if d >= s.From && d < s.To-(s.To-s.From)/16 { // its text needs room
			ticks = append(ticks, Tick{Percent(float64(d-s.From), float64(s.To-s.From)), text(d - s.Zero)})
		}
	}
	return ticks
}
