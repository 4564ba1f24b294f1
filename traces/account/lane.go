package account

import "time"

// lane is one P. It settles the P's time into a book and, if asked for, a
// timeline. A machine owns the lanes of its generation, the stitcher its own.
type lane struct {
	p int
	w *world

	base  State // what the P does
	eff   State // what it counts as: base, or STW
	since int64 // from then on; before it, everything is settled
	edge  int64 // acc holds no time beyond it: the end of a row or column
	// until is edge, or 0 if there is more to settling than to add to acc: a head, a
	// stop-the-world, switch records.
	until int64
	acc   [NumStates]int64
	cells cells

	thread int32      // that holds the P; -1 if none does or it is not known
	g      *goroutine // that runs on it, or is in its syscall
	seq    uint64
	sweep  bool
	// abandoned: the P is in a syscall whose thread is not known, and will be stolen.
	abandoned bool

	// head: nothing is known but that it is in base since before its first event.
	head bool
	cpu  *threadCPU // switch records of the thread, nil without
}

// world is what lanes share: where their time goes, and what holds for all.
type world struct {
	book    *book
	procs   int // GOMAXPROCS; 0 if not known yet
	stw     bool
	stopper *goroutine // that stops the world
	grid    *grid      // of the timeline, or nil
	heads   []laneHead // by P
}

// laneHead is a P's state from before a generation.
type laneHead struct {
	seen  bool
	until int64
	// state and thread are what the generation itself tells, if the one before does not.
	state  State
	thread int32
}

// set makes the P do something else from t on.
func (l *lane) set(base State, t int64) {
	if t > l.until {
		l.setSlow(base, t)
		return
	}
	l.acc[l.eff] += t - l.since
	l.since, l.base, l.eff = t, base, base
}

func (l *lane) setSlow(base State, t int64) {
	if l.head {
		l.endHead(t)
	}
	l.settle(t)
	l.base = base
	l.recompute()
}

// recompute tells what the P counts as.
func (l *lane) recompute() {
	l.eff, l.until = l.base, l.edge
	if l.w.stw {
		l.stopped()
	}
	if l.w.stw || l.cpu != nil || l.head {
		l.until = 0
	}
}

// endHead ends what is known of the P from before the generation.
func (l *lane) endHead(t int64) {
	l.w.heads = grow(l.w.heads, l.p)
	l.w.heads[l.p] = laneHead{seen: true, until: t, state: l.base, thread: l.thread}
	l.head, l.since, l.edge = false, t, t
}

// stopped applies a stop-the-world to what the P does.
func (l *lane) stopped() {
	switch l.base {
	case Idle, Held:
		l.eff = STW
	case Running, GC:
		if l.g != nil && l.g == l.w.stopper {
			l.eff = STW
		}
	}
}

// settle accounts the time up to t.
func (l *lane) settle(t int64) {
	if l.head {
		return
	}
	for l.since < t {
		if l.since >= l.edge {
			l.flush()
			l.turn(t)
			continue
		}
		state, to := l.eff, min(t, l.edge)
		if state == Running && l.cpu != nil {
			state, to = l.cpu.at(l.since, to)
		}
		l.acc[state] += to - l.since
		l.since = to
	}
}

// turn goes over to the next row and column. The rows of a P that does one thing
// throughout, up to t, are settled at once: a P may be idle for hours.
func (l *lane) turn(t int64) {
	b := l.w.book
	column := int64(1<<63 - 1)
	if l.w.grid != nil {
		column = l.w.grid.seek(&l.cells, l.since)
	}
	if to := b.wholeRows(l.since, min(t, column)); to > l.since && l.cpu == nil {
		if l.give(l.eff, to-l.since) && l.eff == Idle {
			b.addIdleRows(l.since, to)
		}
		l.since = to
	}
	l.edge = min(column, b.rowEnd(l.since))
}

// flush moves what was accumulated, all of one row and column, to where it belongs.
func (l *lane) flush() {
	for s, d := range l.acc {
		if d != 0 && l.give(State(s), d) && State(s) == Idle {
			l.w.book.addIdle(l.since-1, d)
		}
	}
	clear(l.acc[:])
}

// give adds a time to the P's parts and column, unless the P does not exist: beyond GOMAXPROCS
// there is none.
func (l *lane) give(s State, d int64) bool {
	w := l.w
	if w.procs > 0 && l.p >= w.procs && (s == Idle || s == STW || s == Unknown) {
		return false
	}
	w.book.parts = grow(w.book.parts, max(l.p, w.procs-1)) // at once: the other Ps follow
	w.book.parts[l.p][s] += time.Duration(d)
	if w.grid != nil {
		l.cells.add(s, time.Duration(d))
	}
	return true
}

// close settles the time up to t and flushes it, so that what lanes share may change.
func (l *lane) close(t int64) {
	l.settle(t)
	l.flush()
	l.edge, l.until = l.since, 0
}

// change calls f, which changes what lanes share, at time t.
func (w *world) change(lanes []*lane, t int64, f func()) {
	for _, l := range lanes {
		if l != nil {
			l.close(t)
		}
	}
	f()
	for _, l := range lanes {
		if l != nil {
			l.recompute()
		}
	}
}
