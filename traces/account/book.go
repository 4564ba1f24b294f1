package account

import "sort"

// book is what one window adds up to, or a machine's part of one. All times are ns on the trace's
// clock.
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
	sites   []siteBook // by the owner's site index
	samples map[sampleKey]int64
	charges *charges // nil unless asked for
}

// span64 is a least and a greatest value.
type span64 struct{ min, max int }

func (s *span64) add(n int) {
	if s.max == 0 {
		s.min, s.max = n, n
	}
	s.min, s.max = min(s.min, n), max(s.max, n)
}

type sampleKey struct {
	kind  CPUKind
	stack uint64 // as the owner numbers stacks
}

// siteBook is what happened at one site.
type siteBook struct {
	wait     int64 // time blocked
	ready    int64 // time runnable after it
	waits    int64 // that ended
	maxWait  int64
	parked   int64 // goroutines blocked from the window's start to its end
	open     int64 // goroutines still blocked at the end of the trace
	maxOpen  int64 // for how long at most
	handoffs int64

	// The first few releasers have a fast place, the others a map.
	rel     [4]releaser
	relMore map[uint64]int64
}

type releaser struct {
	stack uint64 // as the owner numbers stacks
	count int64
}

func newBook(start int64) *book { return &book{start: start, end: 1<<63 - 1} }

// grow makes a slice long enough for index i.
func grow[T any](s []T, i int) []T {
	if i < len(s) {
		return s
	}
	return append(s, make([]T, i+1-len(s))...)
}

// site returns the book of a site.
func (b *book) site(i int32) *siteBook {
	if int(i) >= len(b.sites) {
		b.sites = append(b.sites, make([]siteBook, int(i)+1-len(b.sites))...)
	}
	return &b.sites[i]
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

// books are windows in the order of time, without gaps.
type books []*book

// at is the index of the window that holds t: the first if t is before all.
func (bs books) at(t int64) int {
	if n := len(bs) - 1; n < 0 || bs[n].start <= t {
		return n
	}
	return max(sort.Search(len(bs), func(i int) bool { return bs[i].start > t })-1, 0)
}

// spread calls add with every window that [from, to) overlaps, and by how much; whole says
// that it is all of the window.
func (bs books) spread(from, to int64, add func(b *book, d int64, whole bool)) {
	for i := bs.at(from); from < to; i++ {
		b := bs[i]
		end := to
		if i+1 < len(bs) {
			end = min(to, bs[i+1].start)
		}
		if d := end - from; d > 0 {
			add(b, d, from <= b.start && i+1 < len(bs) && end == bs[i+1].start)
			from = end
		}
	}
}

// goroutine adds a stay of a goroutine in a state; site is where it is blocked or became runnable, less than 0 for
// nowhere.
func (bs books) goroutine(state gState, site int32, from, to int64) {
	if from >= to {
		return
	}
	if b := bs[len(bs)-1]; b.start <= from {
		b.goroutine(state, site, to-from)
		return
	}
	bs.spread(from, to, func(b *book, d int64, whole bool) {
		b.goroutine(state, site, d)
		if whole && (state == gWaiting || state == gSyscallOut) {
			b.site(site).parked++
		}
	})
}

func (b *book) goroutine(state gState, site int32, d int64) {
	b.g[state] += d
	switch state {
	case gWaiting, gSyscallOut:
		b.site(site).wait += d
	case gRunnable:
		if site >= 0 {
			b.site(site).ready += d
		}
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
	for i := range o.sites {
		from := &o.sites[i]
		if from.empty() {
			continue
		}
		to := b.site(site(int32(i)))
		to.wait += from.wait
		to.ready += from.ready
		to.waits += from.waits
		to.maxWait = max(to.maxWait, from.maxWait)
		to.parked += from.parked
		to.open += from.open
		to.maxOpen = max(to.maxOpen, from.maxOpen)
		to.handoffs += from.handoffs
		from.eachReleaser(func(s uint64, n int64) { to.released(stack(s), n) })
	}
	if len(o.samples) > 0 && b.samples == nil {
		b.samples = make(map[sampleKey]int64)
	}
	for k, n := range o.samples {
		b.samples[sampleKey{k.kind, stack(k.stack)}] += n
	}
}

func (s *siteBook) empty() bool {
	return s.waits == 0 && s.wait == 0 && s.ready == 0 && s.parked == 0 && s.open == 0
}
