package bench

import (
	"fmt"
	"io"
	"time"

	"github.com/contend-go/contend/bench/sample"
)

// progress tells a person how far the run is, between cells only: writing
// during a cell would disturb it.
type progress struct {
	w       io.Writer
	columns int // of the terminal, 0 if it is none

	total, done    int
	expected, left time.Duration // of the cells measured so far; of those to come
	spent          time.Duration
	last           time.Time
}

// plainEvery is the least time between lines where they cannot be rewritten.
const plainEvery = 10 * time.Second

func newProgress(p *Plan, done map[sampleKey]int, opt Options) *progress {
	g := &progress{w: opt.Progress, columns: opt.Columns, last: time.Now()}
	if g.w == nil {
		g.w = io.Discard
	}
	for _, c := range p.Cells {
		for block := range c.blocks(p) {
			g.total++
			if done[sampleKey{c.ID(), c.Variant, p.First + block}] > 0 {
				g.done++
			} else {
				g.left += c.Expect
			}
		}
	}
	return g
}

// cell notes that a process of a cell has ended after d; again, that another follows
// in its place.
func (g *progress) cell(c Cell, e sample.Entry, d time.Duration, again bool) {
	if again {
		g.clear()
		fmt.Fprintf(g.w, "again: %s: %s\n", c.Name, e.Invalid)
		return
	}
	g.done++
	g.left -= c.Expect
	g.expected += c.Expect
	g.spent += d
	if e.Invalid != "" {
		g.clear()
		fmt.Fprintf(g.w, "invalid: %s: %s\n", c.Name, e.Invalid)
	}
	switch {
	case g.columns > 0:
		line := fmt.Sprintf("%d/%d  %s left  ", g.done, g.total, g.remaining())
		fmt.Fprint(g.w, "\r\x1b[K"+lastPart(line+lastPart(c.Name, g.columns-1-len(line)), g.columns-1))
	case g.done == g.total, time.Since(g.last) >= plainEvery:
		fmt.Fprintf(g.w, "%d of %s measured, %s left\n", g.done, Count(g.total, "process", "processes"), g.remaining())
		g.last = time.Now()
	}
}

// leave notes that a process of a cell will not be started.
func (g *progress) leave(c Cell) {
	g.total--
	g.left -= c.Expect
}

// lastPart is the end of a text, where the name of a cell has what is varied, in
// at most that many characters: a line that wraps cannot be rewritten.
func lastPart(text string, most int) string {
	runes := []rune(text)
	switch {
	case len(runes) <= most:
		return text
	case most < 2:
		return ""
	}
	return "…" + string(runes[len(runes)-most+1:])
}

// clear takes the rewritten line away.
func (g *progress) clear() {
	if g.columns > 0 {
		fmt.Fprint(g.w, "\r\x1b[K")
	}
}

// remaining corrects the expectation by how it has held so far.
func (g *progress) remaining() time.Duration {
	left := g.left
	if g.expected > 0 {
		left = time.Duration(float64(left) * float64(g.spent) / float64(g.expected))
	}
	return left.Round(time.Second)
}
