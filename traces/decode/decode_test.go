package decode

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
)

func TestUvarint(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range 100_000 {
		want := rnd.Uint64() >> rnd.IntN(64)
		if i == 0 {
			want = math.MaxUint64
		}
		buf := binary.AppendUvarint(nil, want)
		n := len(buf)
		buf = append(buf, 0xff, 0x80, 0x01) // what follows must not matter
		buf = append(buf, make([]byte, pad)...)
		if got, next := uvarint(buf, 0); got != want || next != n {
			t.Fatalf("%x: %d after %d bytes, want %d after %d", buf[:n], got, next, want, n)
		}
		if got, next := short(buf, 0); n <= 3 && (got != want || next != n) || n > 3 && next <= len(buf)-pad {
			t.Fatalf("%x: short is %d after %d bytes, want %d after %d", buf[:n], got, next, want, n)
		}
	}
	long := bytes.Repeat([]byte{0xff}, 2*pad)
	if _, next := uvarint(long, 0); next <= len(long) {
		t.Errorf("a varint without an end ends at %d", next)
	}
}

// maker writes traces.
type maker struct{ bytes.Buffer }

func newMaker() *maker {
	m := new(maker)
	m.WriteString("go 1.26 trace\x00\x00\x00")
	return m
}

// batch writes a batch of a thread: gen, thread, time and its bytes.
func (m *maker) batch(gen, thread, time uint64, data ...byte) {
	b := []byte{byte(eventBatch)}
	for _, v := range []uint64{gen, thread, time, uint64(len(data))} {
		b = binary.AppendUvarint(b, v)
	}
	m.Write(append(b, data...))
}

func (m *maker) end() { m.WriteByte(byte(endOfGeneration)) }

// sync writes the clock, at 1 ns a tick.
func (m *maker) sync(gen uint64) {
	data := binary.AppendUvarint([]byte{byte(syncTable), byte(frequencyEvent)}, 1e9)
	m.batch(gen, math.MaxUint64, 1, data...)
}

func (m *maker) open(t *testing.T) *Trace {
	t.Helper()
	tr, err := Open(bytes.NewReader(m.Bytes()), int64(m.Len()))
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// event is an event, and whether it was forced.
type event struct {
	Event
	Forced bool
}

// events are the events of a generation, those that accept refuses postponed.
func events(t *testing.T, g *Generation, accept func(Event) bool) (out []event, s *Stream) {
	t.Helper()
	tables, err := g.Tables()
	if err != nil {
		t.Fatal(err)
	}
	s = g.Events(tables.Clock)
	for s.Next(math.MaxInt64) {
		for i, e := range s.Events {
			if accept != nil && !accept(e) && !s.Forced {
				s.Postpone(i)
				break
			}
			out = append(out, event{e, s.Forced})
		}
	}
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
	return out, s
}

// TestOrder lets a thread run ahead of another one, but no thread past a global event or the
// time to stop at.
func TestOrder(t *testing.T) {
	m := newMaker()
	m.sync(1)
	m.batch(1, 7, 100, byte(ProcStop), 10, byte(ProcStop), 20)   // at 110, 130
	m.batch(1, 8, 100, byte(GoDestroy), 15, byte(GoDestroy), 20) // at 115, 135
	m.batch(1, 8, 140, byte(STWEnd), 0, byte(GoDestroy), 30)     // at 140, 170
	m.batch(1, 7, 145, byte(ProcStop), 5, byte(ProcStop), 50)    // at 150, 200
	m.end()
	tr := m.open(t)
	if len(tr.Generations) != 1 || !tr.Generations[0].Complete || tr.Lost != nil {
		t.Fatalf("%d generations, lost %q", len(tr.Generations), tr.Lost)
	}
	got, s := events(t, tr.Generations[0], nil)
	if s.Next(math.MaxInt64) {
		t.Error("events after the end")
	}
	want := []int64{110, 130, 115, 135, 140, 150, 170, 200}
	if len(got) != len(want) {
		t.Fatalf("%d events, want %d", len(got), len(want))
	}
	for i, e := range got {
		if e.Time != want[i] {
			t.Errorf("event %d at %d, want %d", i, e.Time, want[i])
		}
	}
	g := tr.Generations[0]
	tables, err := g.Tables()
	if err != nil {
		t.Fatal(err)
	}
	const stop = 160
	early := 0
	for s := g.Events(tables.Clock); s.Next(stop); {
		switch last := s.Events[len(s.Events)-1].Time; {
		case last < stop:
			early += len(s.Events)
		case len(s.Events) != 1 && s.Events[0].Time < stop:
			t.Errorf("a run passes the time to stop at: %+v", s.Events)
		case early != 6:
			t.Errorf("an event at %d after %d that are earlier", last, early)
		}
	}
	if first, last, err := tr.Bounds(); first != 110 || last != 200 || err != nil {
		t.Errorf("bounds %d to %d, %v", first, last, err)
	}
}

// TestPostpone lets a start come after the unblock it needs, whose clock is late.
func TestPostpone(t *testing.T) {
	m := newMaker()
	m.sync(1)
	m.batch(1, 7, 100, byte(GoStart), 10, 5, 2, byte(ProcStop), 1) // at 110, 111
	m.batch(1, 8, 100, byte(GoUnblock), 15, 5, 1, 0)               // at 115
	m.end()
	unblocked := false
	got, _ := events(t, m.open(t).Generations[0], func(e Event) bool {
		unblocked = unblocked || e.Type == GoUnblock
		return e.Type != GoStart || unblocked
	})
	var types []Type
	for i, e := range got {
		types = append(types, e.Type)
		if e.Forced {
			t.Errorf("event %d is forced", i)
		}
	}
	if len(types) != 3 || types[0] != GoUnblock || types[1] != GoStart || types[2] != ProcStop || got[1].Args[0] != 5 {
		t.Errorf("events %+v", got)
	}
}

// TestForced gives up waiting for an event that never comes.
func TestForced(t *testing.T) {
	m := newMaker()
	m.sync(1)
	m.batch(1, 7, 100, byte(GoStart), 10, 5, 2)
	m.batch(1, 8, 100, byte(ProcStop), 15)
	m.batch(1, 8, 100+4*maxSkew, byte(ProcStop), 0)
	m.end()
	got, _ := events(t, m.open(t).Generations[0], func(e Event) bool { return e.Type != GoStart })
	if len(got) != 3 || got[1].Type != GoStart || !got[1].Forced {
		t.Errorf("events %+v, want the start second, forced", got)
	}
}

func TestDamagedBatch(t *testing.T) {
	for name, bad := range map[string][]byte{
		"unknown type":     {byte(ProcStop), 1, 99, 1, 1},
		"ends in an event": {byte(ProcStop), 1, byte(GoStart), 1, 5},
		"endless varint":   append([]byte{byte(ProcStop), 1, byte(GoStart), 1}, bytes.Repeat([]byte{0xff}, 40)...),
		"time far ahead":   {byte(ProcStop), 1, byte(ProcStop), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
	} {
		m := newMaker()
		m.sync(1)
		m.batch(1, 7, 100, bad...)
		m.batch(1, 7, 200, byte(ProcStop), 5)
		m.end()
		got, s := events(t, m.open(t).Generations[0], nil)
		if len(got) != 3 || got[0].Time != 101 || got[1].Type != Gap || got[2].Time != 205 {
			t.Errorf("%s: events %+v, want one, a gap, and the next batch", name, got)
		}
		if s.Damaged != 1 || s.LostBytes == 0 {
			t.Errorf("%s: %d places, %d bytes", name, s.Damaged, s.LostBytes)
		}
	}
}

// TestResync finds the batches behind garbage.
func TestResync(t *testing.T) {
	m := newMaker()
	m.sync(1)
	m.batch(1, 7, 100, byte(ProcStop), 5)
	garbage := make([]byte, 3*maxBatch/2)
	rnd := rand.NewChaCha8([32]byte{1})
	rnd.Read(garbage)
	m.Write(garbage)
	m.batch(1, 7, 200, byte(ProcStop), 5)
	m.end()
	m.sync(2)
	m.batch(2, 7, 300, byte(ProcStop), 5)
	m.end()
	tr := m.open(t)
	if len(tr.Generations) != 2 || tr.Generations[0].Complete || !tr.Generations[1].Complete {
		t.Fatalf("generations %+v", tr.Generations)
	}
	if tr.LostBytes != int64(len(garbage)) || len(tr.Lost) != 2 {
		t.Errorf("lost %d bytes of %d: %q", tr.LostBytes, len(garbage), tr.Lost)
	}
	got, _ := events(t, tr.Generations[0], nil)
	if len(got) != 3 || got[1].Time != 205 || got[2].Type != Gap {
		t.Errorf("events %+v, want both and a gap, as more may be missing", got)
	}
}

// TestTables reads strings, stacks, samples and the clock.
func TestTables(t *testing.T) {
	m := newMaker()
	m.batch(1, math.MaxUint64, 1000, append(binary.AppendUvarint([]byte{byte(syncTable), byte(frequencyEvent)}, 500_000_000),
		byte(clockSnapshotType), 5, 42, 43, 44)...)
	m.batch(1, math.MaxUint64, 0, byte(stringsTable), byte(stringEntry), 1, 4, 'm', 'a', 'i', 'n', byte(stringEntry), 2, 1, 'f')
	m.batch(1, math.MaxUint64, 0, byte(stacksTable), byte(stackEntry), 9, 1, 100, 1, 2, 77)
	m.batch(1, math.MaxUint64, 0, byte(samplesTable), byte(sampleEntry), 30, 7, 2, 5, 9)
	m.end()
	tables, err := m.open(t).Generations[0].Tables()
	if err != nil || tables.Lost != nil {
		t.Fatal(err, tables.Lost)
	}
	if c := tables.Clock; c.Nanoseconds(3) != 6 || c.Time != 2010 || c.Mono != 42 || c.WallSec != 43 || c.WallNsec != 44 {
		t.Errorf("clock %+v", c)
	}
	if f := tables.Stack(9, nil); len(f) != 1 || f[0] != (Frame{PC: 100, Func: "main", File: "f", Line: 77}) {
		t.Errorf("stack %+v", f)
	}
	if tables.Stack(8, nil) != nil || tables.String(8) != "" {
		t.Error("something where nothing is")
	}
	if len(tables.Samples) != 1 || tables.Samples[0] != (Sample{Time: 60, Thread: 7, P: 2, G: 5, Stack: 9}) {
		t.Errorf("samples %+v", tables.Samples)
	}
}

// TestFarApart reads generations that are days apart, as of a flight recorder that was started again, and one that lasts for hours, as of a process that was
// stopped.
func TestFarApart(t *testing.T) {
	const hour = 3600 * 15625000 // ticks of 64 ns
	m := newMaker()
	for gen := uint64(1); gen <= 3; gen++ {
		at := gen * 24 * hour
		m.sync(gen)
		m.batch(gen, 7, at, byte(ProcStop), 10)
		m.batch(gen, 7, at+2*hour, byte(ProcStop), 20)
		m.end()
	}
	tr := m.open(t)
	if len(tr.Generations) != 3 || tr.LostBytes != 0 || tr.Lost != nil {
		t.Fatalf("%d generations, lost %d bytes, %q", len(tr.Generations), tr.LostBytes, tr.Lost)
	}
	for _, g := range tr.Generations {
		if got, _ := events(t, g, nil); len(got) != 2 {
			t.Errorf("generation %d: %d events", g.ID, len(got))
		}
	}
}

// TestOrdered asks for the order of time, of which threads otherwise run ahead.
func TestOrdered(t *testing.T) {
	m := newMaker()
	m.sync(1)
	m.batch(1, 7, 100, byte(ProcStop), 10, byte(ProcStop), 20, byte(ProcStop), 20) // at 110, 130, 150
	m.batch(1, 8, 100, byte(GoDestroy), 15, byte(GoDestroy), 20)                   // at 115, 135
	m.batch(1, 9, 100, byte(GoDestroy), 40)                                        // at 140
	m.end()
	g := m.open(t).Generations[0]
	tables, err := g.Tables()
	if err != nil {
		t.Fatal(err)
	}
	s := g.Events(tables.Clock)
	s.Ordered = true
	last, n := int64(0), 0
	for {
		next := s.Time()
		if !s.Next(math.MaxInt64) {
			break
		}
		if next != s.Events[0].Time {
			t.Errorf("the next event is said to be at %d, it is at %d", next, s.Events[0].Time)
		}
		for _, e := range s.Events {
			if e.Time < last {
				t.Errorf("%d after %d", e.Time, last)
			}
			last = e.Time
			n++
		}
	}
	if n != 6 {
		t.Errorf("%d events of 6", n)
	}
}

// TestGlobals finds the global events of a stretch of time without decoding the rest.
func TestGlobals(t *testing.T) {
	m := newMaker()
	m.sync(1)
	m.batch(1, 7, 100, byte(STWEnd), 10, byte(ProcStop), 20)
	m.batch(1, 8, 100, byte(GoDestroy), 15, byte(STWEnd), 20)
	m.batch(1, 7, 200, byte(STWEnd), 10)
	m.end()
	g := m.open(t).Generations[0]
	clock, err := g.Clock()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		from, to int64
		want     []int64
	}{{0, 1000, []int64{110, 135, 210}}, {111, 1000, []int64{135, 210}}, {110, 134, []int64{110}}, {136, 209, nil}} {
		got, err := g.Globals(clock, c.from, c.to)
		if err != nil || len(got) != len(c.want) {
			t.Fatalf("from %d to %d: %v, %v, want %v", c.from, c.to, got, err, c.want)
		}
		for i, e := range got {
			if e.Time != c.want[i] {
				t.Errorf("from %d to %d: at %d, want %d", c.from, c.to, e.Time, c.want[i])
			}
		}
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"main.(*T[...]).f": "main.(*T[...]).f", "größe/日本.go": "größe/日本.go",
		"\x1b]0;title\x07f": "�]0;title�f", "a\nb\r": "a�b�", "\u009b31m": "�31m", "\x9b31m": "�31m",
	} {
		if got := Printable(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
