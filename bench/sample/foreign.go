package sample

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// decoded is the text as UTF-8 without compression: gzip and UTF-16, which
// PowerShell writes, are recognised by their first bytes.
func decoded(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	if head, _ := b.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, err
		}
		b = bufio.NewReader(z)
	}
	head, _ := b.Peek(4)
	switch {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), bytes.HasPrefix(head, []byte{0xfe, 0xff}), bytes.HasPrefix(head, []byte{0xef, 0xbb, 0xbf}):
		return transform.NewReader(b, unicode.BOMOverride(unicode.UTF8.NewDecoder())), nil
	case len(head) == 4 && head[1] == 0 && head[3] == 0:
		return transform.NewReader(b, unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewDecoder()), nil
	}
	return b, nil
}

// cleaner takes away what stands around benchmark lines in the texts that people
// have: colours, the time stamps of continuous integration, indentation, the JSON
// of go test -json, and log lines between a benchmark's name and its result. It
// is used line by line.
type cleaner struct {
	pending string            // the name that a log line has parted from its result
	pkg     string            // of the last JSON line that was passed on
	open    map[string][]byte // by package, the output whose line is not complete
	left    map[string]string // remark of the testing package, by the printed name
}

var (
	escapes = regexp.MustCompile(`\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])`)
	// "2026-11-02T10:15:00.1234567Z ", behind the job and the step in what the
	// command line of GitHub prints.
	stamps = regexp.MustCompile(`^(?:[^\t]*\t[^\t]*\t)?\x{feff}?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)\s`)
	indent = regexp.MustCompile(`^[ \t]+((?:Benchmark\S|goos:|goarch:|pkg:|cpu:|Unit ).*)`)
	// A name, what follows it where that is its result, and a result on a line of
	// its own.
	named  = regexp.MustCompile(`^(Benchmark\S*)[ \t]*(.*)`)
	counts = regexp.MustCompile(`^\d+(?:\s|$)`)
	result = regexp.MustCompile(`^[ \t]*\d+[ \t]+[-+.eE\d]+ [^\s\d]\S*`)
	set    = regexp.MustCompile(`testing: (Benchmark\S+) (left GOMAXPROCS set to \d+)`)
)

// clean returns the line, or lines, that stand for one line of the text, with
// their ends.
func (c *cleaner) clean(line []byte) []byte {
	if bytes.HasPrefix(line, []byte("# ")) { // ours, or a comment
		return line
	}
	if bytes.HasPrefix(line, []byte(`{"`)) && bytes.Contains(line, []byte(`"Action":`)) {
		return c.unwrap(line)
	}
	if bytes.IndexByte(line, 0x1b) >= 0 {
		line = escapes.ReplaceAll(line, nil)
	}
	line = visible(line)
	if at := stamps.FindIndex(line); at != nil {
		line = line[at[1]:]
	}
	if m := indent.FindSubmatch(line); m != nil {
		line = append(bytes.Clone(m[1]), '\n')
	}
	return c.join(line)
}

// unwrap is the output that a line of go test -json carries, in whole lines: each
// package's own, with its pkg: line where another package's stood before.
func (c *cleaner) unwrap(line []byte) []byte {
	var event struct{ Action, Package, Output string }
	if err := json.Unmarshal(line, &event); err != nil {
		return line
	}
	if event.Action != "output" {
		return []byte("\n")
	}
	if c.open == nil {
		c.open = map[string][]byte{}
	}
	text := append(c.open[event.Package], event.Output...)
	end := bytes.LastIndexByte(text, '\n') + 1
	c.open[event.Package] = bytes.Clone(text[end:])
	if end == 0 {
		return []byte("\n")
	}
	var out []byte
	if event.Package != c.pkg {
		c.pkg = event.Package
		out = fmt.Appendf(out, "pkg: %s\n", event.Package)
	}
	for whole := range bytes.Lines(text[:end]) {
		out = append(out, c.clean(whole)...)
	}
	return out
}

// join puts a result behind the name that it was parted from.
func (c *cleaner) join(line []byte) []byte {
	if m := set.FindSubmatch(line); m != nil {
		if c.left == nil {
			c.left = map[string]string{}
		}
		c.left[string(m[1])] = string(m[2])
	}
	if m := named.FindSubmatch(line); m != nil {
		c.pending = ""
		if counts.Match(m[2]) {
			return line
		}
		c.pending = string(m[1])
		return []byte("\n")
	}
	if c.pending != "" && result.Match(line) {
		joined := append([]byte(c.pending+" "), bytes.TrimLeft(line, " \t")...)
		c.pending = ""
		return joined
	}
	return line
}

// visible replaces control characters by their pictures: a name must not change
// the terminal that prints it.
func visible(line []byte) []byte {
	control := func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f || r >= 0x80 && r < 0xa0
	}
	if bytes.IndexFunc(line, control) < 0 {
		return line
	}
	return bytes.Map(func(r rune) rune {
		switch {
		case !control(r):
			return r
		case r == 0x7f:
			return '␡'
		case r >= 0x80:
			return utf8.RuneError
		}
		return '␀' + r
	}, line)
}

// unreadable is the error for paths that hold no benchmark line, with the first
// thing that was wrong where something was.
func unreadable(paths []string, notes []Note) error {
	where := strings.Join(paths, ", ")
	if len(notes) > 0 {
		return fmt.Errorf("%s: no benchmark line could be read: %s", where, notes[0])
	}
	return errors.New(where + ": no benchmark line (Benchmark… N value unit) in it")
}
