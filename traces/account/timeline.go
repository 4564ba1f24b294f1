package account

import "time"

// grid is the columns of a timeline: column i is [edge(i), edge(i+1)) on the trace's clock.
type grid struct {
	from, to int64
	columns  int
}

// edge is where column i begins.
func (g *grid) edge(i int) int64 {
	// In two steps, as length × columns may overflow.
	length, n := g.to-g.from, int64(g.columns)
	return g.from + length/n*int64(i) + length%n*int64(i)/n
}

// column is the column that holds t, which is within the grid.
func (g *grid) column(t int64) int {
	i := int(float64(t-g.from) / float64(g.to-g.from) * float64(g.columns))
	i = min(max(i, 0), g.columns-1)
	for i > 0 && g.edge(i) > t {
		i--
	}
	for i < g.columns-1 && g.edge(i+1) <= t {
		i++
	}
	return i
}

// cells are the columns of one P, from column first on. cur is the one that time
// is added to, nil outside of the grid.
type cells struct {
	first int
	list  []Parts
	cur   *Parts
}

// seek makes the column that holds t the current one, and returns its end.
func (g *grid) seek(c *cells, t int64) int64 {
	c.cur = nil
	if t < g.from {
		return g.from
	}
	if t >= g.to {
		return 1<<63 - 1
	}
	i := g.column(t)
	c.cur = c.at(i)
	return g.edge(i + 1)
}

// at returns column i.
func (c *cells) at(i int) *Parts {
	if len(c.list) == 0 {
		c.first = i
	}
	if i < c.first {
		c.list = append(make([]Parts, c.first-i), c.list...)
		c.first = i
	}
	c.list = grow(c.list, i-c.first)
	return &c.list[i-c.first]
}

func (c *cells) add(s State, d time.Duration) {
	if c.cur != nil {
		c.cur[s] += d
	}
}

// merge adds the columns of o.
func (c *cells) merge(o *cells) {
	for i := range o.list {
		to := c.at(o.first + i)
		for s, d := range o.list[i] {
			to[s] += d
		}
	}
}

// timeline makes the shares of each column.
func (g *grid) timeline(origin int64, lanes []*lane) *Timeline {
	tl := &Timeline{
		From: time.Duration(g.from - origin), To: time.Duration(g.to - origin),
		Lanes: make([][]Column, len(lanes)),
	}
	for p, l := range lanes {
		tl.Lanes[p] = make([]Column, g.columns)
		for i := range l.cells.list {
			at := l.cells.first + i
			width := g.edge(at+1) - g.edge(at)
			for s, d := range l.cells.list[i] {
				tl.Lanes[p][at][s] = float32(float64(d) / float64(max(width, 1)))
			}
		}
	}
	return tl
}
