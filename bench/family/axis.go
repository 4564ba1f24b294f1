package family

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/bench/vocabulary"
)

// Column is one axis of a family's table: a flag that gives it its values, a key
// in the names of the benchmarks, or both.
type Column[C any] struct {
	Axis

	// Read reads one word of the flag once, and returns what sets it in a cell.
	// It is nil for a column without a flag.
	Read func(word string) (set func(*C), err error)

	// Key is the name key, and Show the cell's value there; a cell for which it
	// is empty does not have the key. A column with no key is not shown.
	Key  string
	Show func(*C) string
}

// UsageError is a wrong flag.
func UsageError(flag, format string, args ...any) error {
	return fmt.Errorf("--%s: %w", flag, fmt.Errorf(format, args...))
}

// values are the setters of a column's words: those given, or else the default.
func (col *Column[C]) values(given Values) ([]func(*C), error) {
	words, ok := given[col.Flag]
	if !ok {
		words = col.Default
	}
	if len(words) == 0 || len(words) == 1 && words[0] == "" && !col.Single {
		return nil, UsageError(col.Flag, "give at least one value")
	}
	words, err := col.chosen(words)
	if err != nil {
		return nil, err
	}
	var sets []func(*C)
	for _, w := range words {
		set, err := col.Read(w)
		if err != nil {
			return nil, UsageError(col.Flag, "%w", err)
		}
		sets = append(sets, set)
	}
	return sets, nil
}

// chosen puts every word in the place of "all", each word once, and refuses
// those that are not in the list.
func (col *Column[C]) chosen(words []string) (chosen []string, err error) {
	if col.Words == nil {
		return words, nil
	}
	known := col.Words()
	for _, w := range words {
		some := []string{w}
		switch {
		case w == "all" && !slices.Contains(known, w):
			some = known
		case !slices.Contains(known, w):
			return nil, UsageError(col.Flag, "%w", vocabulary.Unknown(col.kind(), w, known))
		}
		for _, s := range some {
			if !slices.Contains(chosen, s) {
				chosen = append(chosen, s)
			}
		}
	}
	return chosen, nil
}

// kind is what a word of the column is called in errors.
func (col *Column[C]) kind() string { return strings.ReplaceAll(col.Flag, "-", " ") }

// cross is every combination of the columns' values, the first column varying
// slowest.
func cross[C any](columns []Column[C], given Values) ([]C, error) {
	cells := make([]C, 1)
	for i := range columns {
		col := &columns[i]
		if col.Read == nil {
			continue
		}
		sets, err := col.values(given)
		if err != nil {
			return nil, err
		}
		next := make([]C, 0, len(cells)*len(sets))
		for _, c := range cells {
			for _, set := range sets {
				c := c
				set(&c)
				next = append(next, c)
			}
		}
		cells = next
	}
	return cells, nil
}

// Word is the reader of a column whose words are taken as they are.
func Word[C any](set func(c *C, word string)) func(string) (func(*C), error) {
	return func(word string) (func(*C), error) { return func(c *C) { set(c, word) }, nil }
}

// Integer is the reader of whole numbers from least to most.
func Integer[C any](least, most int, set func(c *C, n int)) func(string) (func(*C), error) {
	return func(word string) (func(*C), error) {
		n, err := strconv.Atoi(word)
		if err != nil || n < least || n > most {
			return nil, fmt.Errorf("%q; it takes whole numbers from %d to %d", word, least, most)
		}
		return func(c *C) { set(c, n) }, nil
	}
}

// Count is the reader of counts up to most, in which K and M are 2^10 and 2^20.
func Count[C any](most int, set func(c *C, n int)) func(string) (func(*C), error) {
	return func(word string) (func(*C), error) {
		digits, unit := word, 1
		switch {
		case strings.HasSuffix(word, "K"):
			digits, unit = word[:len(word)-1], 1<<10
		case strings.HasSuffix(word, "M"):
			digits, unit = word[:len(word)-1], 1<<20
		}
		n, err := strconv.Atoi(digits)
		if err != nil || n < 1 || n > most/unit {
			return nil, fmt.Errorf("%q is no count; write 1000, 64K or 10M", word)
		}
		return func(c *C) { set(c, n*unit) }, nil
	}
}

// Percent is the reader of percentages; "75" is 75 percent.
func Percent[C any](set func(c *C, percent float64)) func(string) (func(*C), error) {
	return func(word string) (func(*C), error) {
		v, err := strconv.ParseFloat(strings.TrimSuffix(word, "%"), 64)
		if err != nil || !(v >= 0 && v <= 100) {
			return nil, fmt.Errorf("%q is no percentage from 0 to 100", word)
		}
		return func(c *C) { set(c, v) }, nil
	}
}

// Span is the reader of durations from 0 to most.
func Span[C any](most time.Duration, set func(c *C, d time.Duration)) func(string) (func(*C), error) {
	return func(word string) (func(*C), error) {
		d, err := time.ParseDuration(word)
		if err != nil {
			return nil, fmt.Errorf("%q is no duration; write 500ns, 5us or 1ms", word)
		}
		if d < 0 || d > most {
			return nil, fmt.Errorf("%v; it takes 0 to %v", d, most)
		}
		return func(c *C) { set(c, d) }, nil
	}
}

// Number prints a number without a needless fraction, as names show it.
func Number(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// SpanText prints a duration as names show it: nothing for none.
func SpanText(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

// nameOf is a cell's benchmark name: its base, and what each column shows.
func nameOf[C any](base string, columns []Column[C], c *C) *sample.Name {
	n := &sample.Name{Base: base}
	for _, col := range columns {
		if col.Key == "" {
			continue
		}
		if v := col.Show(c); v != "" {
			n.Keys = append(n.Keys, sample.Field{Key: col.Key, Value: v})
		}
	}
	return n
}
