package account

// rowShift is log₂ of the length, in ns, of a row: the slice of time by which
// idle time is charged.
const rowShift = 20

// maxRows bounds the rows of a book. It is the stretch after which idle time is charged
// even within a window (4096 rows, 4.3 s), and what lies further ahead, which only a
// damaged trace has, goes to the last row.
const maxRows = 4096

// book is what one stretch of time adds up to. A machine keeps one for
// each piece of its generation, the stitcher one for each window; all times are ns on
// the trace's clock.
type book struct {
	start, end int64
	label      string
	procs      span64 // of GOMAXPROCS
	capacity   int64

	parts   []Parts // by P
	created int64
	exited  int64
	g       [numGStates]int64
	wake    Histogram

	// rows[i] is the time from (base+i)<<rowShift.
	base    int64
	rows    []row
	sites   []siteBook // by the owner's site index
	samples map[sampleKey]int64

	charged [NoWork + 1]int64 // idle time already charged, of the kinds without a site
	charge0 int64             // rows before that time are charged
}

// span64 is a least and a greatest value.
type span64 struct{ min, max int }

func (s *span64) add(n int) {
	if s.max == 0 {
		s.min, s.max = n, n
	}
	s.min, s.max = min(s.min, n), max(s.max, n)
}

// row is what happened in one slice of time, in P·ns and goroutine·ns.
type row struct {
	idle, runnable int64
	through        int64 // Ps idle from this row on, less those up to the one before
}

type sampleKey struct {
	kind  CPUKind
	stack uint64 // as the owner numbers stacks
}

// siteBook is what happened at one site.
type siteBook struct {
	wait     int64
	waits    int64
	maxWait  int64
	parked   int64
	handoffs int64
	charged  int64
	rows     []int64 // blocked time by row, as long as needed

	// The first few releasers have a fast place, the others a map.
	rel     [4]releaser
	relMore map[uint64]int64
}

type releaser struct {
	stack uint64 // as the owner numbers stacks
	count int64
}

func newBook(start int64) *book {
	return &book{start: start, base: start >> rowShift}
}

// rowOf is the index of the row that holds t.
func (b *book) rowOf(t int64) int {
	return int(min(max(t>>rowShift-b.base, 0), maxRows-1))
}

// rowEnd is the end of the row that holds t.
func (b *book) rowEnd(t int64) int64 {
	if b.rowOf(t) == maxRows-1 {
		return 1<<63 - 1
	}
	return (max(t>>rowShift, b.base-1) + 1) << rowShift
}

// grow makes a slice of per-row values long enough for index i.
func grow[T any](rows []T, i int) []T {
	if i < len(rows) {
		return rows
	}
	return append(rows, make([]T, i+1-len(rows))...)
}

// spread calls add with every row that [from, to) overlaps, and by how much.
func (b *book) spread(from, to int64, add func(row int, d int64)) {
	for from < to {
		next := min(to, b.rowEnd(from))
		add(b.rowOf(from), next-from)
		from = next
	}
}

// wholeRows is how far whole rows follow each other from t on up to end; t if t is within a row.
func (b *book) wholeRows(t, end int64) int64 {
	if t&(1<<rowShift-1) != 0 || t>>rowShift < b.base {
		return t
	}
	return max(t, min(end>>rowShift, b.base+maxRows-1)<<rowShift)
}

// addIdleRows adds a P that is idle throughout whole rows.
func (b *book) addIdleRows(from, to int64) {
	b.rows = grow(b.rows, b.rowOf(to))
	b.rows[b.rowOf(from)].through++
	b.rows[b.rowOf(to)].through--
}

// eachRow calls f with every row, and the idle time in it.
func (b *book) eachRow(f func(i int, idle, runnable int64)) {
	var through int64
	for i := range b.rows {
		r := &b.rows[i]
		through += r.through
		f(i, r.idle+through<<rowShift, r.runnable)
	}
}

// addIdle adds the time of an idle P. It lies in a single row.
func (b *book) addIdle(t, d int64) {
	i := b.rowOf(t)
	b.rows = grow(b.rows, i)
	b.rows[i].idle += d
}

// addRunnable adds the time of a runnable goroutine.
func (b *book) addRunnable(from, to int64) {
	b.g[gRunnable] += to - from
	if i := to>>rowShift - b.base; i == from>>rowShift-b.base && uint64(i) < uint64(len(b.rows)) {
		b.rows[i].runnable += to - from
		return
	}
	b.spread(from, to, func(i int, d int64) {
		b.rows = grow(b.rows, i)
		b.rows[i].runnable += d
	})
}

// site returns the book of a site.
func (b *book) site(i int32) *siteBook {
	if int(i) >= len(b.sites) {
		b.sites = append(b.sites, make([]siteBook, int(i)+1-len(b.sites))...)
	}
	return &b.sites[i]
}

// addBlocked adds the time that a goroutine was blocked at a site, for charging; nothing where
// contradicting events have it end before it began.
func (b *book) addBlocked(s *siteBook, from, to int64) {
	if from > to {
		return
	}
	if i := to>>rowShift - b.base; i == from>>rowShift-b.base && uint64(i) < uint64(len(s.rows)) {
		s.rows[i] += to - from
		return
	}
	b.spread(from, to, func(i int, d int64) {
		s.rows = grow(s.rows, i)
		s.rows[i] += d
	})
}

// ended counts a wait that ended.
func (s *siteBook) ended(wait int64) {
	s.waits++
	s.maxWait = max(s.maxWait, wait)
}

// released counts who ended a wait.
func (s *siteBook) released(stack uint64, n int64) {
	for i := range s.rel {
		r := &s.rel[i]
		if r.stack == stack || r.count == 0 {
			r.stack = stack
			r.count += n
			return
		}
	}
	if s.relMore == nil {
		s.relMore = make(map[uint64]int64)
	}
	s.relMore[stack] += n
}

// eachReleaser calls f with every releaser.
func (s *siteBook) eachReleaser(f func(stack uint64, count int64)) {
	for _, r := range s.rel {
		if r.count > 0 {
			f(r.stack, r.count)
		}
	}
	for stack, n := range s.relMore {
		f(stack, n)
	}
}

// add merges what o has. site and stack translate o's numbers into b's.
func (b *book) add(o *book, site func(int32) int32, stack func(uint64) uint64) {
	b.created += o.created
	b.exited += o.exited
	for i, d := range o.g {
		b.g[i] += d
	}
	b.wake.merge(&o.wake)
	b.parts = grow(b.parts, len(o.parts)-1)
	for p := range o.parts {
		for s, d := range o.parts[p] {
			b.parts[p][s] += d
		}
	}
	o.eachRow(func(i int, idle, runnable int64) {
		if idle != 0 || runnable != 0 {
			j := b.rowOf((o.base + int64(i)) << rowShift)
			b.rows = grow(b.rows, j)
			b.rows[j].idle += idle
			b.rows[j].runnable += runnable
		}
	})
	for i := range o.sites {
		from := &o.sites[i]
		if from.waits == 0 && from.wait == 0 && from.parked == 0 {
			continue
		}
		to := b.site(site(int32(i)))
		to.wait += from.wait
		to.waits += from.waits
		to.maxWait = max(to.maxWait, from.maxWait)
		to.parked += from.parked
		to.handoffs += from.handoffs
		to.charged += from.charged
		for i, d := range from.rows {
			if d != 0 {
				j := b.rowOf((o.base + int64(i)) << rowShift)
				to.rows = grow(to.rows, j)
				to.rows[j] += d
			}
		}
		from.eachReleaser(func(s uint64, n int64) { to.released(stack(s), n) })
	}
	if len(o.samples) > 0 && b.samples == nil {
		b.samples = make(map[sampleKey]int64)
	}
	for k, n := range o.samples {
		b.samples[sampleKey{k.kind, stack(k.stack)}] += n
	}
}

// charge charges the idle time of all rows so far, and starts a new stretch at now.
// Sites of the measuring apparatus get none of it.
func (b *book) charge(now int64, apparatus []bool) {
	blocked := make([]int64, len(b.rows))
	for i := range b.sites {
		s := &b.sites[i]
		if apparatus[i] {
			s.rows = s.rows[:0]
			continue
		}
		for r := range s.rows[:min(len(s.rows), len(blocked))] {
			blocked[r] += s.rows[r]
		}
	}
	// share[r] is the idle time that a ns of blocked time in row r takes.
	share := make([]float64, len(b.rows))
	b.eachRow(func(r int, idle, runnable int64) {
		woken := min(idle, runnable)
		b.charged[WakeUp] += woken
		b.charged[Blocked] += idle - woken
		if blocked[r] > 0 {
			share[r] = float64(idle-woken) / float64(blocked[r])
		}
	})
	var toSites int64
	for i := range b.sites {
		s := &b.sites[i]
		var sum float64
		for r := range s.rows[:min(len(s.rows), len(share))] {
			sum += share[r] * float64(s.rows[r])
		}
		s.charged += int64(sum)
		toSites += int64(sum)
		s.rows = s.rows[:0]
	}
	// What no site took: rows without blocked goroutines, and fractions of a ns.
	b.charged[NoWork] += b.charged[Blocked] - toSites
	b.charged[Blocked] = 0
	b.rows = b.rows[:0]
	b.base = now >> rowShift
	b.charge0 = now
}
