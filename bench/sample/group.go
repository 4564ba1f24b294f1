package sample

import (
	"bufio"
	"bytes"
	"io"
	"strings"
)

// Group is lines of a samples file that a [Log] wrote at once, and that are whole
// or nothing.
type Group struct {
	Text []byte
	// Run is the run line of a part's header; nil for any other group.
	Run *Run
	// Sample is the identity line of the first of what one process measured; its
	// Verb is empty for any other group.
	Sample Record
}

// Groups reads a samples file group by group. What stands after the last whole group
// is no group: rest is its length, in bytes.
func Groups(r io.Reader, group func(Group) error) (rest int64, err error) {
	in := bufio.NewReader(r)
	var g Group
	var open, more bool // within a group; another result of it follows
	for {
		line, err := in.ReadBytes('\n')
		if err == io.EOF { // what is left has no newline
			return int64(len(g.Text) + len(line)), nil
		}
		if err != nil {
			return 0, err
		}
		g.Text = append(g.Text, line...)
		switch {
		case bytes.HasPrefix(line, []byte("# contend ")):
			open = true
		case bytes.HasPrefix(line, []byte("# run ")):
			open = true
			rec, _, _ := parseRecord(strings.TrimSpace(string(line)))
			g.Run = &Run{ID: rec.Get("id"), Fields: rec.Fields}
		case bytes.HasPrefix(line, []byte("# sample ")):
			open, more = true, bytes.Contains(line, []byte(" more=1"))
			if g.Sample.Verb == "" {
				g.Sample, _, _ = parseRecord(strings.TrimSpace(string(line)))
			}
		case bytes.HasPrefix(line, []byte("# begin")), bytes.HasPrefix(line, []byte("# result ")), bytes.HasPrefix(line, []byte("Benchmark")):
			open = more
		}
		if open {
			continue
		}
		if err := group(g); err != nil {
			return 0, err
		}
		g, more = Group{}, false
	}
}
