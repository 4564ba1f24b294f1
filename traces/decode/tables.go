package decode

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Tables are what the events of a generation refer to, and its clock.
type Tables struct {
	Clock   Clock
	Samples []Sample
	Lost    []string // what could not be read

	strings map[uint64]string
	stacks  map[uint64][]byte // the encoded frames
}

// Clock converts a generation's ticks to ns.
type Clock struct {
	Frequency uint64 // ticks per second
	// Mono, WallSec and WallNsec are clock readings at Time, ns on the trace's
	// clock; all zero before Go 1.25.
	Time, Mono, WallSec, WallNsec int64

	whole uint64  // ns a tick where that is a whole number, otherwise 0
	ns    float64 // ns a tick
}

// defaultFrequency is the trace clock's on Linux: nanotime/64.
const defaultFrequency = 15625000

func (c *Clock) set(frequency uint64) {
	c.Frequency = frequency
	c.ns = 1e9 / float64(frequency)
	c.whole = 0
	if 1e9%frequency == 0 {
		c.whole = 1e9 / frequency
	}
}

// Nanoseconds is a time in ticks as ns.
func (c *Clock) Nanoseconds(ticks uint64) int64 {
	if c.whole != 0 {
		return int64(ticks * c.whole)
	}
	return int64(float64(ticks) * c.ns)
}

// Sample is a CPU-profile sample.
type Sample struct {
	Time   int64 // ns on the trace's clock
	Thread uint64
	P      uint64 // ^0 for none
	G      uint64 // 0 for none
	Stack  uint64
}

// Frame is one frame of a stack.
type Frame struct {
	PC   uint64
	Func string
	File string
	Line uint64
}

// maxTables and maxEntries bound the tables of one generation kept in memory. Real
// ones are a few MB at most.
const (
	maxTables  = 64 << 20
	maxEntries = 1 << 20 // in each table
)

// Tables reads a generation's tables.
func (g *Generation) Tables() (*Tables, error) {
	t := &Tables{strings: make(map[uint64]string), stacks: make(map[uint64][]byte)}
	budget := int64(maxTables)
	for _, kind := range []struct {
		batches []batch
		add     func(*reader)
		what    string
	}{
		{g.sync, t.addSync, "clock"},
		{g.strings, t.addStrings, "string"},
		{g.stacks, t.addStacks, "stack"},
		{g.samples, t.addSamples, "CPU sample"},
	} {
		for _, b := range kind.batches {
			if budget -= int64(b.size); budget < 0 {
				t.lose(g, "its tables are larger than %d MB", maxTables>>20)
				break
			}
			data, err := g.trace.read(b.off, make([]byte, b.size))
			if err != nil {
				return nil, err
			}
			r := reader{data: data}
			if kind.what == "clock" {
				t.Clock.Time = int64(b.time) // ticks, until the frequency is known
			}
			kind.add(&r)
			if r.bad {
				t.lose(g, "the %s table at byte %d is damaged", kind.what, b.off)
			}
		}
	}
	if max(len(t.strings), len(t.stacks), len(t.Samples)) == maxEntries {
		t.lose(g, "a table has more than %d entries", maxEntries)
	}
	if t.Clock.Frequency != 0 && float64(g.limit)*t.Clock.ns > 1<<62 {
		t.Clock.Frequency = 0 // times would overflow
	}
	if t.Clock.Frequency == 0 {
		t.Clock.set(defaultFrequency)
		t.lose(g, "it has no clock frequency; %d Hz assumed", defaultFrequency)
	}
	t.Clock.Time = t.Clock.Nanoseconds(uint64(t.Clock.Time))
	for i := range t.Samples {
		s := &t.Samples[i]
		s.Time = t.Clock.Nanoseconds(uint64(s.Time))
	}
	return t, nil
}

// Clock reads no more than the generation's clock.
func (g *Generation) Clock() (Clock, error) {
	only := *g
	only.strings, only.stacks, only.samples = nil, nil, nil
	t, err := only.Tables()
	if err != nil {
		return Clock{}, err
	}
	return t.Clock, nil
}

func (t *Tables) lose(g *Generation, format string, args ...any) {
	if len(t.Lost) < maxReasons {
		t.Lost = append(t.Lost, fmt.Sprintf("generation %d: ", g.ID)+fmt.Sprintf(format, args...))
	}
}

func (t *Tables) addSync(r *reader) {
	for r.more() {
		switch Type(r.byte()) {
		case syncTable:
		case frequencyEvent:
			if f := r.uvarint(); f >= 1e6 && f <= 1e12 { // real ones are about 1e7
				t.Clock.set(f)
			} else {
				r.bad = true
			}
		case clockSnapshotType:
			t.Clock.Time += int64(r.uvarint())
			t.Clock.Mono, t.Clock.WallSec, t.Clock.WallNsec = int64(r.uvarint()), int64(r.uvarint()), int64(r.uvarint())
		default:
			r.bad = true
		}
	}
}

func (t *Tables) addStrings(r *reader) {
	r.byte() // the table's type
	for r.more() {
		if Type(r.byte()) != stringEntry {
			r.bad = true
			return
		}
		id, n := r.uvarint(), r.uvarint()
		if n > maxString {
			r.bad = true
			return
		}
		if s := r.bytes(n); !r.bad && len(t.strings) < maxEntries {
			t.strings[id] = Printable(string(s))
		}
	}
}

// Printable is a string of a trace with its control characters replaced, as names and messages are whatever a file says, and end up on
// terminals.
func Printable(s string) string {
	control := func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }
	if strings.IndexFunc(s, control) < 0 && utf8.ValidString(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if control(r) {
			return '\ufffd'
		}
		return r
	}, s)
}

func (t *Tables) addStacks(r *reader) {
	r.byte() // the table's type
	for r.more() {
		if Type(r.byte()) != stackEntry {
			r.bad = true
			return
		}
		id := r.uvarint()
		start := r.data
		frames := r.uvarint()
		if frames > maxFrames {
			r.bad = true
			return
		}
		for range 4 * frames {
			r.uvarint()
		}
		if !r.bad && len(t.stacks) < maxEntries {
			t.stacks[id] = start[:len(start)-len(r.data)]
		}
	}
}

func (t *Tables) addSamples(r *reader) {
	r.byte() // the table's type
	for r.more() {
		if Type(r.byte()) != sampleEntry {
			r.bad = true
			return
		}
		s := Sample{Time: int64(r.uvarint()), Thread: r.uvarint(), P: r.uvarint(), G: r.uvarint(), Stack: r.uvarint()}
		if !r.bad && len(t.Samples) < maxEntries {
			t.Samples = append(t.Samples, s)
		}
	}
}

// String is the string of that id, empty if there is none.
func (t *Tables) String(id uint64) string { return t.strings[id] }

// Stack appends the frames of a stack to buf, innermost first. There are none
// for id 0 and for an unknown id.
func (t *Tables) Stack(id uint64, buf []Frame) []Frame {
	r := reader{data: t.stacks[id]}
	if len(r.data) == 0 {
		return buf
	}
	for range r.uvarint() {
		pc, fn, file, line := r.uvarint(), r.uvarint(), r.uvarint(), r.uvarint()
		buf = append(buf, Frame{PC: pc, Func: t.strings[fn], File: t.strings[file], Line: line})
	}
	return buf
}
