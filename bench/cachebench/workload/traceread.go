package workload

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"

	"github.com/klauspost/compress/zstd"
)

// Format is how a trace file holds its requests, after decompression.
type Format string

// The formats.
const (
	// Auto tells the format by the file's beginning.
	Auto Format = "auto"
	// Lines has one number per line (the LIRS authors' traces).
	Lines Format = "lines"
	// LIS has four numbers per line: the first block, how many blocks are
	// requested from there on, and two that are ignored (Megiddo and Modha,
	// ARC, FAST 2003). Each block is a request.
	LIS Format = "lis"
	// OracleGeneral has records of 24 bytes, little endian: uint32 time,
	// uint64 object, uint32 size, int64 place of the object's next request,
	// -1 for none (libCacheSim). Every object counts as one entry.
	OracleGeneral Format = "oracleGeneral"
)

const (
	// maxRequests bounds a trace's memory: 1 GiB of requests.
	maxRequests = 1 << 28
	// maxLine bounds a line, and is how much is looked at to tell the format.
	maxLine    = 1 << 16
	recordSize = 24
)

// OpenTrace reads a trace file, plain or compressed with gzip or zstd, which
// its first bytes tell. An error names the file, the line or record, and what
// to do.
func OpenTrace(path string, format Format) (*Trace, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("trace file: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, fmt.Errorf("%s: is a directory; name a trace file", path)
	}
	return readTrace(path, f, format, maxRequests)
}

// readTrace reads a trace of at most limit requests; name is for errors.
func readTrace(name string, from io.Reader, format Format, limit int) (*Trace, error) {
	plain, closePlain, err := decompress(from)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	defer closePlain()
	r := &traceReader{
		name: name, in: bufio.NewReaderSize(plain, maxLine), limit: limit,
		trace: &Trace{}, index: make(map[uint64]Op),
	}
	if err := r.read(format); err != nil {
		return nil, err
	}
	return r.trace, nil
}

// decompress returns what the file holds, and what ends the reading.
func decompress(from io.Reader) (plain io.Reader, stop func(), err error) {
	in := bufio.NewReaderSize(from, maxLine)
	magic, _ := in.Peek(4) // a shorter file is not compressed; other errors come back later
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, nil, damaged(err)
		}
		return z, func() { z.Close() }, nil
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		// One decoder on the caller's goroutine, with the window that the
		// zstd command accepts by default.
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(1<<27))
		if err != nil {
			return nil, nil, damaged(err)
		}
		return z, z.Close, nil
	}
	return in, func() {}, nil
}

// damaged explains an error of a decompressor.
func damaged(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the compressed data end early; the file is cut off: fetch it again")
	}
	return fmt.Errorf("cannot be read (%w); if it is compressed it is damaged: fetch it again", err)
}

// traceReader is one reading of one file.
type traceReader struct {
	name  string
	in    *bufio.Reader
	limit int
	line  int // number of the line being read, from 1

	trace *Trace
	index map[uint64]Op // by id
}

func (r *traceReader) read(format Format) (err error) {
	if format == Auto || format == "" {
		if format, err = r.detect(); err != nil {
			return err
		}
	}
	r.trace.Format = format
	switch format {
	case Lines, LIS:
		err = r.readText()
	case OracleGeneral:
		err = r.readRecords()
	default:
		return fmt.Errorf("trace format %q unknown; there are %s, %s, %s and %s", format, Auto, Lines, LIS, OracleGeneral)
	}
	if err == nil && len(r.trace.Requests) == 0 {
		err = fmt.Errorf("%s: holds no requests; name a file with at least one", r.name)
	}
	return err
}

// detect tells the format by the first line, or the first records. An error
// behind them is left to the reading, which knows the line.
func (r *traceReader) detect() (Format, error) {
	head, err := r.in.Peek(maxLine)
	if len(head) == 0 && err != io.EOF {
		return "", fmt.Errorf("%s: %w", r.name, damaged(err))
	}
	if isText(head) {
		first, _, _ := bytes.Cut(bytes.TrimLeft(head, " \t\r\n"), []byte("\n"))
		switch columns := len(bytes.Fields(first)); columns {
		case 0, 1: // none: an empty file, which readText reports
			return Lines, nil
		case 4:
			return LIS, nil
		default:
			return "", fmt.Errorf("%s: first line %.40q has %d columns; a trace has 1 (%s) or 4 (%s)", r.name, first, columns, Lines, LIS)
		}
	}
	if isOracleGeneral(head) {
		return OracleGeneral, nil
	}
	return "", fmt.Errorf("%s: neither lines of numbers nor %s records; give a trace in one of the formats %s, %s, %s, plain or compressed with gzip or zstd",
		r.name, OracleGeneral, Lines, LIS, OracleGeneral)
}

// isText reports whether all of head is ASCII without control characters other
// than blanks and ends of lines.
func isText(head []byte) bool {
	for _, b := range head {
		if b >= 0x7f || b < ' ' && b != '\t' && b != '\n' && b != '\r' {
			return false
		}
	}
	return true
}

// isOracleGeneral reports whether every record in head names a later place, or
// none, as the object's next request.
func isOracleGeneral(head []byte) bool {
	for i := int64(0); len(head) >= recordSize; i++ {
		next := nextRequest(head)
		if next != -1 && next != math.MaxInt64 && (next <= i || next > 1<<40) {
			return false
		}
		head = head[recordSize:]
	}
	return true
}

// object and nextRequest are fields of an oracleGeneral record.
func object(record []byte) uint64     { return binary.LittleEndian.Uint64(record[4:]) }
func nextRequest(record []byte) int64 { return int64(binary.LittleEndian.Uint64(record[16:])) }

// add appends the requests of count objects, the first being id.
func (r *traceReader) add(id, count uint64) error {
	if free := uint64(r.limit - len(r.trace.Requests)); count > free {
		return fmt.Errorf("more than %d requests; cut the trace to fewer", r.limit)
	}
	for end := id + count; id != end; id++ {
		op, known := r.index[id]
		if !known {
			op = Op(len(r.trace.IDs))
			r.index[id] = op
			r.trace.IDs = append(r.trace.IDs, id)
		}
		r.trace.Requests = append(r.trace.Requests, op)
	}
	return nil
}

// readText reads Lines and LIS. Blank lines are allowed at the end only: in
// between they are a sign of damage.
func (r *traceReader) readText() error {
	blank := 0 // number of the first blank line, 0 before there is one
	for {
		text, err := r.in.ReadSlice('\n')
		r.line++
		switch {
		case err == bufio.ErrBufferFull:
			return r.atLine(fmt.Errorf("line longer than %d bytes; this is no trace of lines", maxLine))
		case err != nil && err != io.EOF:
			return r.atLine(damaged(err))
		}
		if text = bytes.TrimSpace(text); len(text) == 0 {
			if blank == 0 {
				blank = r.line
			}
		} else if blank != 0 {
			return fmt.Errorf("%s:%d: blank line before another request; remove it", r.name, blank)
		} else if parseErr := r.addLine(text); parseErr != nil {
			return r.atLine(parseErr)
		}
		if err == io.EOF {
			return nil
		}
	}
}

func (r *traceReader) atLine(err error) error {
	return fmt.Errorf("%s:%d: %w", r.name, r.line, err)
}

// addLine adds the requests of one line.
func (r *traceReader) addLine(text []byte) error {
	want := 1
	if r.trace.Format == LIS {
		want = 4
	}
	var numbers [4]uint64
	columns := 0
	for field := range bytes.FieldsSeq(text) {
		if columns == want {
			columns++
			break
		}
		n, err := parseNumber(field)
		if err != nil {
			return err
		}
		numbers[columns] = n
		columns++
	}
	if columns != want {
		return fmt.Errorf("line %.40q; want %d numbers (format %s)", text, want, r.trace.Format)
	}
	if r.trace.Format == Lines {
		return r.add(numbers[0], 1)
	}
	first, count := numbers[0], numbers[1]
	if count == 0 || first+count-1 < first {
		return fmt.Errorf("%d blocks from block %d on; want at least 1, and none beyond %d", count, first, uint64(math.MaxUint64))
	}
	return r.add(first, count)
}

// parseNumber reads an unsigned decimal number.
func parseNumber(field []byte) (uint64, error) {
	n, err := strconv.ParseUint(string(field), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%.40q is not a whole number from 0 to %d", field, uint64(math.MaxUint64))
	}
	return n, nil
}

// readRecords reads OracleGeneral.
func (r *traceReader) readRecords() error {
	for n := 0; ; n++ {
		record, err := r.in.Peek(recordSize)
		switch {
		case len(record) == recordSize:
			err = r.add(object(record), 1)
			r.in.Discard(recordSize)
		case err == io.EOF && len(record) == 0:
			return nil
		case err == io.EOF:
			err = fmt.Errorf("only %d of its %d bytes are there; the file is cut off: fetch it again", len(record), recordSize)
		default:
			err = damaged(err)
		}
		if err != nil {
			return fmt.Errorf("%s: record %d, at byte %d: %w", r.name, n+1, n*recordSize, err)
		}
	}
}
