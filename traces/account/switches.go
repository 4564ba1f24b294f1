package account

import "sort"

// threadCPU is when a thread was on a CPU. Several machines read it at the same time, each
// through its own copy, which remembers the place.
type threadCPU struct {
	on       []interval // disjoint, in time order
	from, to int64      // what the records cover
	next     int        // on[:next] ended before the last time asked for
}

type interval struct{ from, to int64 }

// at says whether the thread was on a CPU from time from on, and up to when that holds, at most
// to. Times asked for should not decrease.
func (c *threadCPU) at(from, to int64) (State, int64) {
	if from >= c.to {
		return Running, to
	}
	if from < c.from {
		return Running, min(to, c.from)
	}
	for c.next > 0 && c.on[c.next-1].to > from {
		c.next--
	}
	for c.next < len(c.on) && c.on[c.next].to <= from {
		c.next++
	}
	to = min(to, c.to)
	if c.next == len(c.on) || c.on[c.next].from >= to {
		return Descheduled, to
	}
	if iv := c.on[c.next]; iv.from <= from {
		return OnCPU, min(to, iv.to)
	}
	return Descheduled, min(to, c.on[c.next].from)
}

// threads sorts the records by thread.
func (l *SwitchLog) threads() map[int32]*threadCPU {
	if l == nil {
		return nil
	}
	out := make(map[int32]*threadCPU)
	last := make(map[int32]Switch)
	for _, r := range l.Records {
		c := out[r.TID]
		if c == nil {
			c = &threadCPU{from: l.From, to: l.To}
			out[r.TID] = c
		}
		prev, seen := last[r.TID]
		if !r.In {
			from := l.From // it was on the CPU from the start
			if seen {
				from = prev.At
			}
			if (!seen || prev.In) && r.At > from {
				c.on = append(c.on, interval{from, r.At})
			}
		}
		last[r.TID] = r
	}
	for tid, r := range last {
		if c := out[tid]; r.In && r.At < l.To {
			c.on = append(c.on, interval{r.At, l.To})
		}
	}
	return out
}

// overlap is how much of [from, to) the thread was on a CPU.
func (c *threadCPU) overlap(from, to int64) (sum int64) {
	i := sort.Search(len(c.on), func(i int) bool { return c.on[i].to > from })
	for ; i < len(c.on) && c.on[i].from < to; i++ {
		sum += min(c.on[i].to, to) - max(c.on[i].from, from)
	}
	return sum
}
