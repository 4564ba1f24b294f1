package account

import (
	"sort"
	"time"
)

// lane is one P. It settles the P's time into books and, if asked for, a
// timeline. A machine owns the lanes of its generation, the stitcher its own.
type lane struct {
	p int
	w *world

	base  State // what the P does
	eff   State // what it counts as: base, or STW
	since int64 // from then on; before it, everything is settled
	epoch int   // of w.epochs, the one that holds since
	book  int   // of w.books, the same
	edge  int64 // acc holds no time beyond it: the end of a column
	// until is edge, or before it the end of the epoch or book; or 0 if there is more to settling than to add to acc: a head, a new epoch or
	// book, a stop-the-world, switch records, somebody who watches.
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
	books  books
	epochs []epoch
	grid   *grid      // of the timeline, or nil
	heads  []laneHead // by P
	watch  *charger   // or nil

	entries int // of parts in all books
	full    bool
}

// epoch is a stretch of time in which what all Ps share stays the same, up to the next epoch. Lanes notice
// when their time is settled, not when an epoch begins.
type epoch struct {
	at      int64
	procs   int // GOMAXPROCS; 0 if not known yet
	stw     bool
	stopper *goroutine // that stops the world
}

// now is the epoch that lasts.
func (w *world) now() *epoch { return &w.epochs[len(w.epochs)-1] }

// epochAt is the index of the epoch that holds t.
func (w *world) epochAt(t int64) int {
	return max(sort.Search(len(w.epochs), func(i int) bool { return w.epochs[i].at > t })-1, 0)
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
	if w := l.w.watch; w != nil {
		w.proc(l.p, base, t)
	}
}

// recompute tells what the P counts as.
func (l *lane) recompute() {
	l.eff, l.until = l.base, min(l.edge, l.ends())
	e := &l.w.epochs[l.epoch]
	if e.stw {
		l.stopped(e.stopper)
	}
	if e.stw || l.cpu != nil || l.head || l.w.watch != nil {
		l.until = 0
	}
}

// ends is when the lane's epoch or book ends, as far as is known.
func (l *lane) ends() int64 {
	t := int64(1<<63 - 1)
	if next := l.epoch + 1; next < len(l.w.epochs) {
		t = l.w.epochs[next].at
	}
	if next := l.book + 1; next < len(l.w.books) {
		t = min(t, l.w.books[next].start)
	}
	return t
}

// enter makes the lane's epoch and book those that hold t, where it is known to begin.
func (l *lane) enter(t int64) { l.epoch, l.book = l.w.epochAt(t), l.w.books.at(t) }

// endHead ends what is known of the P from before the generation.
func (l *lane) endHead(t int64) {
	l.w.heads = grow(l.w.heads, l.p)
	l.w.heads[l.p] = laneHead{seen: true, until: t, state: l.base, thread: l.thread}
	l.head, l.since, l.edge = false, t, t
	l.enter(t)
}

// stopped applies a stop-the-world to what the P does.
func (l *lane) stopped(stopper *goroutine) {
	switch l.base {
	case Idle, Held:
		l.eff = STW
	case Running, GC:
		if l.g != nil && l.g == stopper {
			l.eff = STW
		}
	}
}

// settle accounts the time up to t.
func (l *lane) settle(t int64) {
	if l.head {
		return
	}
	for {
		if next := l.epoch + 1; next < len(l.w.epochs) && l.w.epochs[next].at <= l.since {
			l.flush()
			l.epoch = next
			l.recompute()
			continue
		}
		if next := l.book + 1; next < len(l.w.books) && l.w.books[next].start <= l.since {
			l.flush()
			l.book = next
			continue
		}
		if l.since >= t {
			return
		}
		if l.since >= l.edge {
			l.flush()
			l.turn()
		}
		state, to := l.eff, min(t, l.edge, l.ends())
		if state == Running && l.cpu != nil {
			state, to = l.cpu.at(l.since, to)
		}
		l.acc[state] += to - l.since
		l.since = to
	}
}

// turn goes over to the next column.
func (l *lane) turn() {
	l.edge = 1<<63 - 1
	if l.w.grid != nil {
		l.edge = l.w.grid.seek(&l.cells, l.since)
	}
}

// flush moves what was accumulated, all of one column and epoch, to where it belongs.
func (l *lane) flush() {
	for s, d := range l.acc {
		if d != 0 {
			l.give(State(s), d)
		}
	}
	clear(l.acc[:])
}

// give adds a time to the P's parts and column, unless the P does not exist: beyond GOMAXPROCS
// there is none.
func (l *lane) give(s State, d int64) {
	e := &l.w.epochs[l.epoch]
	if e.procs > 0 && l.p >= e.procs && (s == Idle || s == STW || s == Unknown) {
		return
	}
	b := l.w.bookOf(l.book, max(l.p, e.procs-1)) // at once: the other Ps follow
	b.parts[l.p][s] += time.Duration(d)
	if l.w.grid != nil {
		l.cells.add(s, time.Duration(d))
	}
}

// bookOf is a book that has parts of so many Ps. Where there would be too many in all, as only a damaged trace has, it is the first book.
func (w *world) bookOf(i, p int) *book {
	b := w.books[i]
	if w.full {
		b = w.books[0]
	}
	if more := p + 1 - len(b.parts); more > 0 {
		if w.entries += more; w.entries > maxParts && !w.full {
			w.full = true
			b = w.books[0]
		}
		b.parts = grow(b.parts, p)
	}
	return b
}

// open begins a book.
func (w *world) open(b *book, lanes []*lane) {
	w.books[len(w.books)-1].end = b.start
	w.books = append(w.books, b)
	for _, l := range lanes {
		if l != nil {
			l.until = 0
		}
	}
}

// slice makes the books of slices up to a time: equal parts of the time since origin. It returns false if there are too many.
func (w *world) slice(origin, every, to int64, most int) bool {
	last := w.books[len(w.books)-1]
	for at := origin + max((last.start-origin)/every+1, 1)*every; at < to; at += every {
		if len(w.books) >= most {
			return false
		}
		w.open(newBook(at), nil)
	}
	return true
}

// close settles the time up to t and flushes it.
func (l *lane) close(t int64) {
	l.settle(t)
	l.flush()
	l.edge, l.until = l.since, 0
}

// begin begins an epoch. Only the stopper's P is settled at once, as what it counts as depends on what runs on it now.
func (w *world) begin(e epoch, lanes []*lane) {
	for _, l := range lanes {
		if l != nil && l.g != nil && (l.g == e.stopper || l.g == w.now().stopper) {
			l.settle(e.at)
		}
	}
	w.epochs = append(w.epochs, e)
	for _, l := range lanes {
		if l == nil {
			continue
		}
		l.until = 0
		if l.g != nil && !l.head && (l.g == e.stopper || l.g == w.epochs[len(w.epochs)-2].stopper) {
			l.settle(e.at)
		}
	}
}
