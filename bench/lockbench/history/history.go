// Package history is what a run with a lock service leaves: one line for each
// call and its answer, for each fault, and for each access to what the lock
// guards; and what follows from those lines about mutual exclusion.
//
// Every process appends to a file of its own, one write for what must be known
// before the next request leaves, so that a kill loses nothing that was answered.
// Times are of the host's monotonic clock, which its processes share.
package history

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// What happened.
type What string

// The events. A lease is one acquire of one client: its number is the event's Op.
const (
	AcquireSent    What = "acq-sent"
	Acquired       What = "acq-ok"
	Busy           What = "acq-busy"    // the service said that it is held
	AcquireUnknown What = "acq-unknown" // no answer, or one that tells nothing
	Lost           What = "lost"        // the client knows that it may hold no longer
	ReleaseSent    What = "rel-sent"
	Released       What = "rel-ok"
	ReleaseUnknown What = "rel-unknown"

	Read     What = "read"      // of the resource, under a lease
	Write    What = "write"     // accepted by the resource
	Rejected What = "write-old" // refused: its token is older than one that was seen

	Changed What = "change" // made by the service, which answered the number that it led to
	Added   What = "add"    // made by the service, in no order with others
	Counted What = "count"  // what the service says that all additions come to, asked for at that time

	Killed What = "kill" // a client's process was ended
	Fault  What = "fault"
	Healed What = "heal"
	Window What = "window" // the timed window's edges: begin, end
)

var words = []What{
	AcquireSent, Acquired, Busy, AcquireUnknown, Lost, ReleaseSent, Released, ReleaseUnknown,
	Read, Write, Rejected, Changed, Added, Counted, Killed, Fault, Healed, Window,
}

// Token is what a service hands out with a lease, so that a resource can tell
// an old holder from a new one.
type Token struct {
	Kind  Kind
	Value uint64
}

// Kind says what can be concluded from a token.
type Kind byte

// The kinds of tokens: none at all, one that only tells leases apart, and one
// that rises with every lease of a lock.
const (
	NoToken   Kind = '-'
	Unordered Kind = 'u'
	Ordered   Kind = 'o'
)

func (t Token) String() string {
	if t.Kind != Unordered && t.Kind != Ordered {
		return string(NoToken)
	}
	return string(t.Kind) + strconv.FormatUint(t.Value, 10)
}

func parseToken(text string) (Token, error) {
	if text == string(NoToken) {
		return Token{Kind: NoToken}, nil
	}
	if text == "" || Kind(text[0]) != Unordered && Kind(text[0]) != Ordered {
		return Token{}, fmt.Errorf("%q is no token", text)
	}
	v, err := strconv.ParseUint(text[1:], 10, 64)
	return Token{Kind(text[0]), v}, err
}

// older reports whether t was surely handed out before u.
func (t Token) older(u Token) bool {
	return t.Kind == Ordered && u.Kind == Ordered && t.Value < u.Value
}

// Nobody is the client, and the lock, of events that concern none or all.
const Nobody = -1

// Event is one line.
type Event struct {
	T      int64 // nanoseconds of the host's monotonic clock
	Client int
	Op     int
	What   What
	Lock   int
	Token  Token
	Value  int64  // what was read or written
	Note   string // an error, the fault, the edge of the window
}

// append adds the event as a line.
func (e *Event) append(b []byte) []byte {
	b = strconv.AppendInt(b, e.T, 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(e.Client), 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(e.Op), 10)
	b = append(b, ' ')
	b = append(b, e.What...)
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(e.Lock), 10)
	b = append(b, ' ')
	b = append(b, e.Token.String()...)
	b = append(b, ' ')
	b = strconv.AppendInt(b, e.Value, 10)
	if e.Note != "" {
		b = append(b, ' ')
		b = strconv.AppendQuote(b, e.Note)
	}
	return append(b, '\n')
}

// parse reads a line without its end.
func parse(line string) (e Event, err error) {
	head, note, _ := strings.Cut(line, ` "`)
	f := strings.Fields(head)
	if len(f) != 7 {
		return e, fmt.Errorf("%d fields; an event has time, client, number, what, lock, token and value", len(f))
	}
	number := func(text string) int {
		n, failed := strconv.Atoi(text)
		err = cmp.Or(err, failed)
		return n
	}
	whole := func(text string) int64 {
		n, failed := strconv.ParseInt(text, 10, 64)
		err = cmp.Or(err, failed)
		return n
	}
	e.T, e.Client, e.Op, e.What, e.Lock, e.Value = whole(f[0]), number(f[1]), number(f[2]), What(f[3]), number(f[4]), whole(f[6])
	if err == nil {
		e.Token, err = parseToken(f[5])
	}
	if err == nil && !slices.Contains(words, e.What) {
		err = fmt.Errorf("%q is no event", e.What)
	}
	if err == nil && note != "" {
		e.Note, err = strconv.Unquote(`"` + note)
	}
	return e, err
}

// Writer appends the events of one process to a file. Those of several goroutines
// may be added at the same time if each has a Writer of its own on the same file:
// a write is a number of whole lines.
type Writer struct {
	f   *os.File
	buf []byte
}

// NewWriter returns a writer of lines to a file that is open for appending.
func NewWriter(f *os.File) *Writer { return &Writer{f: f} }

// Add keeps an event for the next Flush.
func (w *Writer) Add(e Event) { w.buf = e.append(w.buf) }

// Flush hands what was added to the system, where it outlives this process.
func (w *Writer) Flush() error {
	if len(w.buf) == 0 {
		return nil
	}
	_, err := w.f.Write(w.buf)
	w.buf = w.buf[:0]
	return err
}

// ReadAll reads lines; a torn last one, of a process that was killed, is dropped.
// Errors name the line.
func ReadAll(r io.Reader, name string) ([]Event, error) {
	var events []Event
	lines := bufio.NewReaderSize(r, 1<<16)
	for n := 1; ; n++ {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			return events, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
		e, err := parse(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
		events = append(events, e)
	}
}

// Sort brings the events of several processes into the order of time.
func Sort(events []Event) {
	slices.SortStableFunc(events, func(a, b Event) int { return cmp.Compare(a.T, b.T) })
}

// Text is the events as lines.
func Text(events []Event) []byte {
	var b bytes.Buffer
	b.Grow(48 * len(events))
	for i := range events {
		b.Write(events[i].append(b.AvailableBuffer()))
	}
	return b.Bytes()
}
