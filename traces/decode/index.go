package decode

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sort"
	"strconv"
)

// headerSize is the size of a trace's header, "go 1.26 trace\0\0\0".
const headerSize = 16

// Minor reads the Go version off a trace's header: 26 for go 1.26. Minors below
// OldestMinor are of the old format, which Open does not read.
func Minor(r io.ReaderAt, size int64) (int, error) {
	if size == 0 {
		return 0, &FormatError{"an empty file"}
	}
	var buf [headerSize]byte
	n, err := r.ReadAt(buf[:min(headerSize, size)], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	head := buf[:n]
	rest, ok := bytes.CutPrefix(head, []byte("go 1."))
	digits, tail, ok2 := bytes.Cut(rest, []byte(" trace\x00\x00"))
	minor, err := strconv.Atoi(string(digits))
	switch {
	case ok && ok2 && err == nil && minor > 0 && len(bytes.Trim(tail, "\x00")) == 0:
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return 0, &FormatError{"gzip data, as pprof profiles are; unpack it, or use go tool pprof"}
	case ok && bytes.Contains(head, []byte(" tr")) || bytes.HasPrefix([]byte("go 1."), head):
		return 0, &FormatError{fmt.Sprintf("the file ends or breaks off within its header %q", head)}
	default:
		return 0, &FormatError{fmt.Sprintf("it begins with %q", head)}
	}
	switch {
	case minor == 11 || minor == 19 || minor == 21, minor >= OldestMinor && minor <= NewestMinor:
		return minor, nil
	}
	return 0, &VersionError{minor}
}

// Trace is the index of a trace: where its generations and their batches are.
type Trace struct {
	Minor       int // Go version of the format: 26 for go 1.26
	Size        int64
	Generations []*Generation // in file order
	LostBytes   int64         // bytes that belong to no batch
	Lost        []string      // what was lost where, at most maxReasons

	r io.ReaderAt
}

// maxReasons bounds the list of what was lost, so that a file of garbage does
// not become a list of it.
const maxReasons = 16

// Generation is a stretch of about a second that can be decoded on its own.
type Generation struct {
	ID       uint64
	Threads  []Thread
	Bytes    int64
	Complete bool // nothing is missing, as far as the index can tell

	damaged     bool   // part of it was skipped
	first, last uint64 // least and greatest time of a batch, ticks
	limit       uint64 // no event is later than that, ticks
	strings     []batch
	stacks      []batch
	samples     []batch
	sync        []batch
	threadIndex map[uint64]int32
	trace       *Trace
}

// Thread is the events of one thread (M) in a generation.
type Thread struct {
	ID      uint64 // the operating system's thread id on Linux
	batches []batch
}

// batch is where a batch's data is.
type batch struct {
	off  int64
	time uint64 // ticks
	size int32
}

// header is a batch's header, decoded.
type header struct {
	kind         Type
	gen, m, time uint64
	size         uint64
	len          int64 // of the header
}

// maxHeader is the greatest length of a batch's header: two bytes and four varints.
const maxHeader = 2 + 4*binary.MaxVarintLen64

// parseHeader decodes the header at the start of b.
func parseHeader(b []byte) (h header, ok bool) {
	r := reader{data: b}
	switch h.kind = Type(r.byte()); h.kind {
	case endOfGeneration:
		h.len = 1
		return h, true
	case experimentalBatch:
		r.byte() // which experiment
	case eventBatch:
	default:
		return h, false
	}
	h.gen, h.m, h.time, h.size = r.uvarint(), r.uvarint(), r.uvarint(), r.uvarint()
	h.len = int64(len(b) - len(r.data))
	return h, !r.bad && h.gen != 0 && h.size <= maxBatch
}

// Open reads the index of a trace. Only a header that cannot be read is an error; damage
// further on is skipped and told in Lost.
func Open(r io.ReaderAt, size int64) (*Trace, error) {
	minor, err := Minor(r, size)
	if err != nil {
		return nil, err
	}
	if minor < OldestMinor {
		return nil, &VersionError{minor}
	}
	t := &Trace{Minor: minor, Size: size, r: r}
	x := indexer{Trace: t}
	if err := x.run(); err != nil {
		return nil, err
	}
	t.finish()
	return t, nil
}

// indexer walks the batches of a trace.
type indexer struct {
	*Trace
	cur  *Generation // nil between generations
	lost bool        // since the last batch: the next generation need not follow the last
	buf  [maxHeader + 1]byte
}

func (x *indexer) run() error {
	for off := int64(headerSize); off < x.Size; {
		b, err := x.read(off, x.buf[:])
		if err != nil {
			return err
		}
		h, ok := parseHeader(b)
		if ok && x.fits(h) {
			next, err := x.add(off, h)
			if err != nil {
				return err
			}
			off = next
			continue
		}
		next, err := x.resync(off + 1)
		if err != nil {
			return err
		}
		x.lose(off, next-off, "no batch begins where one must")
		if x.cur != nil {
			x.cur.damaged = true
		}
		x.lost = true
		off = next
	}
	return nil
}

// read reads up to len(buf) bytes at off.
func (t *Trace) read(off int64, buf []byte) ([]byte, error) {
	n, err := t.r.ReadAt(buf[:min(int64(len(buf)), t.Size-off)], off)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return buf[:n], nil
}

func (t *Trace) lose(off, n int64, why string) {
	t.LostBytes += n
	if len(t.Lost) < maxReasons {
		t.Lost = append(t.Lost, fmt.Sprintf("bytes %d to %d: %s", off, off+n, why))
	}
}

// maxSpread bounds how far the batches of a generation may lie apart, and two generations: 13 days in
// ticks of 64 ns. A generation lasts about a second of the program's life, but a process may be
// stopped within one, and a flight recorder started again after days. Behind damage, where any bytes may pass for a header,
// it is nearSpread, 73 minutes.
const (
	maxSpread  = 1 << 44
	nearSpread = 1 << 36
)

// maxTime bounds times, in ticks: 146 years of 64 ns. The clock of js/wasm counts from 1970. Below it times in
// ns cannot overflow.
const maxTime = 1 << 56

// fits reports whether a header can follow what was read so far.
func (x *indexer) fits(h header) bool {
	if h.time > maxTime {
		return false
	}
	if h.kind == endOfGeneration {
		return x.Minor >= 26 && x.cur != nil
	}
	spread := uint64(maxSpread)
	if x.lost {
		spread = nearSpread
	}
	if x.cur != nil && h.gen == x.cur.ID {
		return h.time+spread > x.cur.first && h.time < x.cur.first+spread
	}
	if len(x.Generations) == 0 {
		return true
	}
	before := x.Generations[len(x.Generations)-1]
	ahead := h.gen - before.ID
	return (ahead == 1 || x.lost && ahead < maxMissing) && h.time >= before.first && h.time < before.first+spread
}

// maxMissing bounds how many generations at once can be missing, so that not every
// garbage passes for the next one.
const maxMissing = 100

// add puts a batch into its generation and returns the offset after it.
func (x *indexer) add(off int64, h header) (int64, error) {
	x.lost = false
	if h.kind == endOfGeneration {
		x.cur.Complete = true
		x.cur = nil
		return off + 1, nil
	}
	if x.cur == nil || h.gen != x.cur.ID {
		x.begin(h)
	}
	g := x.cur
	g.first, g.last = min(g.first, h.time), max(g.last, h.time)
	b := batch{off: off + h.len, time: h.time, size: int32(h.size)}
	next := b.off + int64(h.size)
	if next > x.Size {
		x.lose(b.off, next-x.Size, "the file ends within a batch; missing")
		x.LostBytes -= next - x.Size // they were never there
		b.size = int32(x.Size - b.off)
		g.damaged = true
		x.lost = true
		next = x.Size
	}
	g.Bytes += next - off
	if b.size == 0 || h.kind == experimentalBatch {
		return next, nil
	}
	switch Type(x.buf[h.len]) { // its first event tells what it holds
	case stringsTable:
		g.strings = append(g.strings, b)
	case stacksTable:
		g.stacks = append(g.stacks, b)
	case samplesTable:
		g.samples = append(g.samples, b)
	case syncTable, frequencyEvent:
		g.sync = append(g.sync, b)
	default:
		g.addEvents(h.m, b)
	}
	return next, nil
}

func (x *indexer) begin(h header) {
	x.cur = &Generation{
		ID: h.gen, first: h.time, last: h.time, trace: x.Trace,
		threadIndex: make(map[uint64]int32),
	}
	x.Generations = append(x.Generations, x.cur)
}

// maxThreads bounds the threads of a generation; by default Go stops at 10000.
const maxThreads = 1 << 16

func (g *Generation) addEvents(m uint64, b batch) {
	i, ok := g.threadIndex[m]
	if !ok {
		if len(g.Threads) == maxThreads {
			g.damaged = true
			g.trace.lose(b.off, int64(b.size), "a generation of too many threads")
			return
		}
		i = int32(len(g.Threads))
		g.threadIndex[m] = i
		g.Threads = append(g.Threads, Thread{ID: m})
	}
	g.Threads[i].batches = append(g.Threads[i].batches, b)
}

// resync finds the next offset at which a batch begins, at or after off: one whose header fits, and
// after which another one begins, or the trace ends.
func (x *indexer) resync(off int64) (int64, error) {
	was := x.lost
	x.lost = true
	defer func() { x.lost = was }()
	buf := make([]byte, maxBatch)
	var second [maxHeader]byte
	for ; off < x.Size; off += int64(len(buf) - maxHeader) {
		b, err := x.read(off, buf)
		if err != nil {
			return 0, err
		}
		last := len(b) < len(buf)
		starts := b
		if !last {
			starts = b[:len(b)-maxHeader] // the others come with the next part
		}
		for i := range starts {
			if b[i] != byte(eventBatch) {
				continue
			}
			h, ok := parseHeader(b[i:])
			at := off + int64(i)
			if !ok || !x.fits(h) || at+h.len+int64(h.size) > x.Size {
				continue
			}
			nb, err := x.read(at+h.len+int64(h.size), second[:])
			if err != nil {
				return 0, err
			}
			if n, ok := parseHeader(nb); len(nb) == 0 || ok && (n.kind == endOfGeneration || n.gen-h.gen <= 1) {
				return at, nil
			}
		}
		if last {
			break
		}
	}
	return x.Size, nil
}

// slack is how much later than its last batch began a generation can end: 4.6
// minutes in ticks of 64 ns. A later time is damage.
const slack = 1 << 32

// finish completes what needs all generations.
func (t *Trace) finish() {
	for _, g := range t.Generations {
		// Until Go 1.25 nothing marks the end of a generation. Its tables
		// are written at its end.
		if t.Minor < 26 {
			g.Complete = len(g.stacks) > 0 && len(g.strings) > 0 && len(g.sync) > 0
		}
		g.Complete = g.Complete && !g.damaged
		g.limit = g.last + slack
		if !g.Complete && len(t.Lost) < maxReasons {
			t.Lost = append(t.Lost, fmt.Sprintf("generation %d is incomplete, as when the process was killed", g.ID))
		}
	}
}

// Bounds are the times of the generation's first and, nearly, of its last event, ns. It decodes no more than
// the first and the last batch of each thread. Batches themselves begin earlier: the runtime
// opens those of strings and stacks before it has stopped the world to begin the trace.
func (g *Generation) Bounds(c Clock) (first, last int64, err error) {
	s := newStream(g, c)
	first, last = 1<<63-1, -1<<63
	for i, th := range g.Threads {
		cur := &s.threads[i]
		if s.fill(cur) {
			first = min(first, cur.events[0].Time)
		}
		for cur.batch, cur.pos, cur.end = len(th.batches)-1, 0, 0; s.fill(cur); {
			last = max(last, cur.last)
		}
	}
	if last < first { // no events
		first = c.Nanoseconds(g.first)
		last = first
	}
	return first, last, s.err
}

// Bounds are the times of the trace's first and, nearly, of its last event, ns.
func (t *Trace) Bounds() (first, last int64, err error) {
	for i, g := range []*Generation{t.Generations[0], t.Generations[len(t.Generations)-1]} {
		tables, err := g.Tables()
		if err != nil {
			return 0, 0, err
		}
		from, to, err := g.Bounds(tables.Clock)
		if err != nil {
			return 0, 0, err
		}
		if i == 0 {
			first = from
		}
		last = max(to, first)
	}
	return first, last, nil
}

// Globals are the generation's [Global] events in a stretch of time, ends included, ordered by time. Only
// batches that may hold some are decoded.
func (g *Generation) Globals(c Clock, from, to int64) (found []Event, err error) {
	s := newStream(g, c)
	for i, th := range g.Threads {
		cur := &s.threads[i]
		n := len(th.batches)
		first := sort.Search(n, func(k int) bool { return k+1 == n || c.Nanoseconds(th.batches[k+1].time) >= from })
		for cur.batch = first; s.fill(cur) && cur.events[0].Time <= to; {
			for _, e := range cur.events {
				if Global(e.Type) && e.Time >= from && e.Time <= to {
					found = append(found, e)
				}
			}
		}
	}
	sort.SliceStable(found, func(i, k int) bool { return found[i].Time < found[k].Time })
	return found, s.err
}

// Logs reports whether the generation has a log event of a category.
func (g *Generation) Logs(category string) (bool, error) {
	mentioned, err := g.mentions(category)
	if !mentioned || err != nil {
		return false, err
	}
	t, err := g.Tables()
	if err != nil {
		return false, err
	}
	s := newStream(g, t.Clock)
	for i := range g.Threads {
		for cur := &s.threads[i]; s.fill(cur); {
			// A global event is the last of those that are decoded together.
			if e := &cur.events[len(cur.events)-1]; e.Type == UserLog && t.String(e.Args[1]) == category {
				return true, s.err
			}
		}
	}
	return false, s.err
}

// mentions reports whether a string of the generation contains s.
func (g *Generation) mentions(s string) (bool, error) {
	for _, b := range g.strings {
		data, err := g.trace.read(b.off, make([]byte, b.size))
		if err != nil || bytes.Contains(data, []byte(s)) {
			return err == nil, err
		}
	}
	return false, nil
}
