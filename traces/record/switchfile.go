package record

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"runtime"
	"slices"
)

// The switches file is a text line, switchMagic, and then frames until the
// end: one byte of kind, the payload's length as uvarint, the payload. All
// numbers in payloads are uvarints, "signed" ones zigzag varints; times are
// nanoseconds of CLOCK_MONOTONIC, the clock of Go's execution traces on Linux.
// Frames are written as they come, so a file that breaks off is readable up to
// there. A reader skips kinds that it does not know.
//
//	'H' header     pid, start, usable CPUs; then text: why the kernel gave no records, "" if it does
//	'S' switches   cpu, first time; then per record: (delta time ×4 + action), signed tid − pid
//	'T' clocks     time; then per thread: signed tid − pid, CPU ns
//	'Q' queue      time; then per thread: signed tid − pid, run-queue wait ns
//	'L' lost       cpu, number of records that found the kernel's ring full
//	'E' end        time; a file without it broke off
const switchMagic = "contend switches 1\n"

const (
	frameHeader   = 'H'
	frameSwitches = 'S'
	frameClocks   = 'T'
	frameQueue    = 'Q'
	frameLost     = 'L'
	frameEnd      = 'E'
)

// maxFrame bounds what a reader allocates for one frame. The writer's frames
// are bounded by the kernel's ring: below 1 MB.
const maxFrame = 16 << 20

// action is what happened to a thread.
type action uint8

const (
	switchedIn action = iota // got a CPU
	blocked                  // left its CPU to wait
	preempted                // was taken off its CPU while runnable
	exited                   // ended
)

// switchRecord is one change of a thread's state.
type switchRecord struct {
	time   int64 // ns, CLOCK_MONOTONIC
	tid    int32
	action action
}

// switchWriter encodes frames. It has one owner at a time.
type switchWriter struct {
	w   io.Writer
	pid int32
	buf []byte // the frame being built
	err error  // the first failure; later frames are dropped

	dropped uint64 // records that the kernel could not deliver
}

// newSwitchWriter writes the header. refused says why there will be no switch
// records, and is empty if there will.
func newSwitchWriter(w io.Writer, pid int, start int64, refused string) *switchWriter {
	s := &switchWriter{w: w, pid: int32(pid)}
	_, s.err = io.WriteString(w, switchMagic)
	s.uint(uint64(pid))
	s.uint(uint64(start))
	s.uint(uint64(runtime.NumCPU()))
	s.buf = append(s.buf, refused...)
	s.flush(frameHeader)
	return s
}

func (s *switchWriter) uint(v uint64)  { s.buf = binary.AppendUvarint(s.buf, v) }
func (s *switchWriter) tid(tid int32)  { s.buf = binary.AppendVarint(s.buf, int64(tid)-int64(s.pid)) }
func (s *switchWriter) nanos(ns int64) { s.uint(uint64(max(ns, 0))) }

func (s *switchWriter) flush(kind byte) {
	frame := binary.AppendUvarint([]byte{kind}, uint64(len(s.buf)))
	for _, b := range [][]byte{frame, s.buf} {
		if s.err == nil {
			_, s.err = s.w.Write(b)
		}
	}
	s.buf = s.buf[:0]
}

// switches writes what one CPU's ring held, in its order.
func (s *switchWriter) switches(cpu int, recs []switchRecord) {
	if len(recs) == 0 {
		return
	}
	s.uint(uint64(cpu))
	s.nanos(recs[0].time)
	last := recs[0].time
	for _, r := range recs {
		// A ring is in time order but for interrupts nesting within a record.
		r.time = max(r.time, last)
		s.uint(uint64(r.time-last)<<2 | uint64(r.action))
		s.tid(r.tid)
		last = r.time
	}
	s.flush(frameSwitches)
}

// threads writes a time of every thread, as a frame of the given kind.
func (s *switchWriter) threads(kind byte, at int64, ns map[int32]int64) {
	s.nanos(at)
	for _, tid := range slices.Sorted(maps.Keys(ns)) {
		s.tid(tid)
		s.nanos(ns[tid])
	}
	s.flush(kind)
}

func (s *switchWriter) lost(cpu int, n uint64) {
	s.uint(uint64(cpu))
	s.uint(n)
	s.flush(frameLost)
	s.dropped += n
}

func (s *switchWriter) end(at int64) {
	s.nanos(at)
	s.flush(frameEnd)
}

// frameReader takes numbers off a payload; err is set when it ends too soon.
type frameReader struct {
	b   []byte
	pid int32
	err error
}

func (f *frameReader) uint() uint64 {
	v, n := binary.Uvarint(f.b)
	if n <= 0 {
		f.fail()
		return 0
	}
	f.b = f.b[n:]
	return v
}

func (f *frameReader) nanos() int64 {
	v := f.uint()
	if v > math.MaxInt64/2 {
		f.fail()
		return 0
	}
	return int64(v)
}

func (f *frameReader) tid() int32 {
	v, n := binary.Varint(f.b)
	if n <= 0 {
		f.fail()
		return 0
	}
	f.b = f.b[n:]
	tid := v + int64(f.pid)
	if tid < 0 || tid > math.MaxInt32 {
		f.fail()
		return 0
	}
	return int32(tid)
}

// threads reads a time for every thread, to the end of the frame.
func (f *frameReader) threads() map[int32]int64 {
	ns := map[int32]int64{}
	for len(f.b) > 0 {
		tid := f.tid()
		ns[tid] = f.nanos()
	}
	return ns
}

func (f *frameReader) fail() { f.b, f.err = nil, errMalformed }

var errMalformed = errors.New("malformed frame")

// errTruncated marks a file that breaks off within a frame.
var errTruncated = errors.New("file breaks off")

// readFrame returns the next frame's kind and payload, io.EOF at a clean end.
func readFrame(r *bufio.Reader) (kind byte, payload []byte, err error) {
	if kind, err = r.ReadByte(); err != nil {
		return 0, nil, err
	}
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return 0, nil, errTruncated
	}
	if n > maxFrame {
		return 0, nil, fmt.Errorf("%w: frame of %d bytes", errMalformed, n)
	}
	var b bytes.Buffer // grows with what is there, not with what is promised
	if got, err := io.CopyN(&b, r, int64(n)); got < int64(n) {
		if err == io.EOF {
			err = errTruncated
		}
		return 0, nil, err
	}
	return kind, b.Bytes(), nil
}
