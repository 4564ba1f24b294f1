package sample

import (
	"fmt"
	"strconv"
	"strings"
)

// Record is one "# verb key=value …" comment line.
type Record struct {
	Verb   string
	Fields []Field
	Run    *Run   // in whose part of the text it stands; nil before any
	File   string // where it was read
	Line   int
}

// maxRecord keeps records below the 64 KiB at which benchfmt refuses a line.
const maxRecord = 60 << 10

// String formats the record as a line without its newline. Values that are not
// plain words are quoted as in Go; a record that would be too long for other
// readers is cut within its last value, with an ellipsis.
func (r Record) String() string {
	var b strings.Builder
	b.WriteString("# ")
	b.WriteString(r.Verb)
	for _, f := range r.Fields {
		b.WriteByte(' ')
		b.WriteString(f.Key)
		b.WriteByte('=')
		v := f.Value
		if room := (maxRecord - b.Len()) / 4; len(v) > room && len(v) > 64 { // quoting takes at most 4 bytes for one
			v = strings.ToValidUTF8(v[:max(room, 64)], "") + "…"
		}
		if !plain(v) {
			v = strconv.Quote(v)
		}
		b.WriteString(v)
	}
	return b.String()
}

// plain reports whether v stands in a record without quotes.
func plain(v string) bool {
	if v == "" {
		return false
	}
	for _, c := range v {
		if c <= ' ' || c == '"' || c == '\\' || c == 0x7f || c > 0x7e && !strconv.IsPrint(c) {
			return false
		}
	}
	return true
}

// Get returns the value of a field, empty if the record has none.
func (r Record) Get(key string) string {
	for _, f := range r.Fields {
		if f.Key == key {
			return f.Value
		}
	}
	return ""
}

// verbs are the records that Contend writes. Any other comment is left alone.
var verbs = map[string]bool{
	"contend": true, "run": true, "begin": true, "backend": true, "service": true,
	"absent": true, "note": true, "published": true, "boundary": true, VerbPlan: true, VerbOrder: true, VerbPackage: true, "cell": true, verbAxis: true, "gate": true, "rule": true, "allow": true, "lost": true, "added": true, "changed": true, "cut": true,
	"sample": true, "warn": true, "attach": true, "result": true,
}

// parseRecord reads a comment line. ok is false for comments that are not
// records; err says what is wrong with one that is.
func parseRecord(line string) (rec Record, ok bool, err error) {
	body, found := strings.CutPrefix(line, "# ")
	if !found {
		return rec, false, nil
	}
	verb, rest, _ := strings.Cut(body, " ")
	if !verbs[verb] {
		return rec, false, nil
	}
	rec.Verb = verb
	if verb == "result" {
		rec.Fields = []Field{{"line", rest}}
		return rec, true, nil
	}
	rec.Fields, err = parseFields(rest)
	return rec, true, err
}

func parseFields(s string) ([]Field, error) {
	var fields []Field
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimLeft(s, " ") {
		key, rest, ok := strings.Cut(s, "=")
		if !ok || key == "" || strings.ContainsAny(key, " \"") {
			return fields, fmt.Errorf("%q is no key=value", s)
		}
		if !strings.HasPrefix(rest, `"`) {
			v, next, _ := strings.Cut(rest, " ")
			fields, s = append(fields, Field{key, v}), next
			continue
		}
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			return fields, fmt.Errorf("value of %s: unfinished quotes", key)
		}
		v, err := strconv.Unquote(quoted)
		if err != nil {
			return fields, fmt.Errorf("value of %s: %v", key, err)
		}
		fields, s = append(fields, Field{key, v}), rest[len(quoted):]
	}
	return fields, nil
}
