package sample

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Log is a samples file open for appending. One process at a time may hold it.
type Log struct {
	f    *os.File
	path string
	end  int64 // length of the file up to its last complete group

	// Dropped says what Open removed from the end of the file: a group of
	// lines that a crash had left half written. Empty if there was nothing.
	Dropped string
}

// Open opens the samples file of a run folder, making it if there is none. A
// half-written group at the end is removed; whatever stands before it is never
// touched.
func Open(dir string) (*Log, error) {
	path := filepath.Join(dir, FileName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	l := &Log{f: f, path: path}
	if err := l.dropTail(); err != nil {
		f.Close()
		return nil, err
	}
	return l, nil
}

// dropTail cuts the file at the end of its last whole group.
func (l *Log) dropTail() error {
	rest, err := Groups(l.f, func(g Group) error {
		l.end += int64(len(g.Text))
		return nil
	})
	if err != nil {
		return err
	}
	if rest > 0 {
		l.Dropped = fmt.Sprintf("%s: the last %d bytes were half written and are dropped", l.path, rest)
		if err := l.f.Truncate(l.end); err != nil {
			return err
		}
	}
	_, err = l.f.Seek(l.end, io.SeekStart)
	return err
}

// Close closes the file.
func (l *Log) Close() error { return l.f.Close() }

// Header is what a part of a run begins with.
type Header struct {
	Run     Run
	Config  []Field  // configuration lines: lower-case keys without spaces
	Records []Record // promises, topology boundaries, cells that do not apply
}

// Begin appends the header of a new part of the run.
func (l *Log) Begin(h Header) error {
	var b bytes.Buffer
	fmt.Fprintln(&b, Record{Verb: "contend", Fields: []Field{{"protocol", fmt.Sprint(Protocol)}}})
	fmt.Fprintln(&b, Record{Verb: "run", Fields: append([]Field{{"id", h.Run.ID}}, h.Run.Fields...)})
	for _, r := range h.Records {
		fmt.Fprintln(&b, r)
	}
	for _, f := range h.Config {
		fmt.Fprintf(&b, "%s: %s\n", f.Key, oneLine(f.Value))
	}
	for _, u := range Units {
		if u.Better != Neither {
			fmt.Fprintf(&b, "Unit %s better=%s\n", u.Name, u.Better)
		}
	}
	fmt.Fprintln(&b, Record{Verb: "begin"})
	return l.write(b.Bytes())
}

// Record appends a record to the part of the run that stands last.
func (l *Log) Record(r Record) error { return l.write([]byte(r.String() + "\n")) }

// oneLine makes a value fit for a configuration line.
func oneLine(v string) string {
	v = strings.Join(strings.Fields(v), " ")
	if len(v) > 1000 {
		v = strings.ToValidUTF8(v[:1000], "") + "…"
	}
	return v
}

// Entry is a sample to be appended. Line is the result as the cell printed it,
// beginning with the benchmark's name. For an invalid sample it may be the name
// alone.
type Entry struct {
	Identity
	Line string
}

// Add appends what one process measured, in one write: for each entry its
// identity, warnings and attachments, and its result.
func (l *Log) Add(entries ...Entry) error {
	var b bytes.Buffer
	for i, e := range entries {
		e.format(&b, i < len(entries)-1)
	}
	return l.write(b.Bytes())
}

// format writes one entry. more is set when another of the same process
// follows: the group is complete only with the last.
func (e Entry) format(b io.Writer, more bool) {
	id := []Field{{"cell", e.Cell}, {"block", fmt.Sprint(e.Block)}}
	if e.Variant != "" {
		id = append(id, Field{"variant", e.Variant})
	}
	if more {
		id = append(id, Field{"more", "1"})
	}
	if e.Invalid != "" {
		id = append(id, Field{"invalid", e.Invalid})
	}
	if e.Failed {
		id = append(id, Field{"failed", "1"})
	}
	fmt.Fprintln(b, Record{Verb: "sample", Fields: id})
	for _, w := range e.Warnings {
		fmt.Fprintln(b, Record{Verb: "warn", Fields: []Field{{"text", w}}})
	}
	for _, a := range e.Attachments {
		fmt.Fprintln(b, Record{Verb: "attach", Fields: []Field{{"kind", a.Kind}, {"path", a.Path}, {"sha256", a.SHA256}}})
	}
	if e.Invalid != "" {
		fmt.Fprint(b, "# result ")
	}
	fmt.Fprintln(b, e.Line)
}

// write appends a group durably, or leaves the file as it was.
func (l *Log) write(group []byte) error {
	n, err := l.f.Write(group)
	if err == nil {
		err = l.f.Sync()
	}
	if err != nil {
		undo := l.f.Truncate(l.end)
		_, seek := l.f.Seek(l.end, io.SeekStart)
		return errors.Join(fmt.Errorf("%s: %w; the %d bytes before it are safe", l.path, err, l.end), undo, seek)
	}
	l.end += int64(n)
	return nil
}

// FormatResult is a result line: name, operations, and values with units, as
// `go test -bench` prints them, to six significant digits.
func FormatResult(name string, iters int, values []Value) string {
	return formatResult(name, iters, values, formatValue)
}

// ExactResult is a result line with every digit of its values.
func ExactResult(name string, iters int, values []Value) string {
	return formatResult(name, iters, values, exact)
}

func formatResult(name string, iters int, values []Value, format func(float64) string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d", name, iters)
	for _, v := range values {
		fmt.Fprintf(&b, " %s %s", format(v.V), v.Unit)
	}
	return b.String()
}

// formatValue prints six significant digits, and numbers above them in full.
func formatValue(x float64) string {
	if a := math.Abs(x); a >= 1e5 && a < 1e15 || x == math.Trunc(x) && a < 1e15 {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'g', 6, 64)
}
