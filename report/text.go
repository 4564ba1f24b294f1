package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/contend-go/contend/report/internal/derive"
)

// How much of a report a terminal gets; the page has all.
const (
	mostAnswers = 16 // rows of a table
	mostBlamed  = 3  // series
	mostLines   = 6  // of one finding
)

// Text writes what the report says first, for a terminal of that many columns; 0
// is for a file, whose lines have any length. Notes stand last: they are no answer.
func (r *Report) Text(w io.Writer, columns int) error {
	t := &text{columns: columns}
	blamed, answered := 0, false
	shown := slices.DeleteFunc(r.Findings(), func(f derive.Finding) bool {
		if f.Kind == derive.Blame {
			blamed++
		}
		return f.Kind == derive.Leader || // they are the rows of the answers
			f.Kind == derive.Blame && blamed > mostBlamed
	})
	for _, f := range derive.NextOnce(shown) {
		if f.Kind != derive.State && !answered {
			for _, a := range r.answers() {
				t.table(a)
			}
			answered = true
		}
		t.finding(f)
	}
	for _, n := range r.Notes {
		t.line(0, "note: "+n)
	}
	_, err := io.WriteString(w, t.b.String())
	return err
}

// JSON writes the findings and the answers for programs.
func (r *Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	return e.Encode(struct {
		Findings []derive.Finding `json:"findings"`
		Answers  []derive.Table   `json:"answers"`
	}{r.Findings(), r.answers()})
}

// text is lines for a terminal.
type text struct {
	b       strings.Builder
	columns int
}

// line writes a paragraph that is indented, and further where it goes on.
func (t *text) line(indent int, s string) {
	at := indent
	t.b.WriteString(strings.Repeat(" ", indent))
	for i, word := range strings.Fields(s) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case t.columns > 0 && at+1+n > t.columns:
			t.b.WriteString("\n" + strings.Repeat(" ", indent+2))
			at = indent + 2
		default:
			t.b.WriteByte(' ')
			at++
		}
		t.b.WriteString(word)
		at += n
	}
	t.b.WriteByte('\n')
}

func (t *text) finding(f derive.Finding) {
	t.line(0, f.String())
	for i, more := range f.More {
		if i == mostLines && len(f.More) > mostLines+1 { // the note takes a line too
			t.line(2, fmt.Sprintf("… %d of %d; the page has all", i, len(f.More)))
			break
		}
		t.line(2, more)
	}
	if f.Next != "" {
		t.line(2, "→ "+f.Next)
	}
}

// table writes aligned columns, or a paragraph for each row where they are wider than the
// terminal.
func (t *text) table(table derive.Table) {
	rows := table.Rows
	if len(rows) == 0 {
		if table.About != "" {
			t.line(2, table.About)
		}
		return
	}
	more := len(rows) - mostAnswers
	if more > 0 {
		rows = rows[:mostAnswers]
	}
	widths := make([]int, len(table.Columns))
	total := 2
	for i, c := range table.Columns {
		widths[i] = utf8.RuneCountInString(c)
		for _, row := range rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
		total += widths[i] + 2
	}
	if t.columns > 0 && total-2 > t.columns {
		t.stacked(table.Columns, rows)
	} else {
		t.row(table.Columns, widths, table.Numeric)
		for _, row := range rows {
			t.row(row, widths, table.Numeric)
		}
	}
	if more > 0 {
		t.line(2, fmt.Sprintf("… %d of %d rows; the page has all", mostAnswers, len(table.Rows)))
	}
	if table.About != "" {
		t.line(2, table.About)
	}
}

func (t *text) row(cells []string, widths []int, numeric []bool) {
	line := ""
	for i, c := range cells {
		pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c))
		if numeric[i] {
			c = pad + c
		} else {
			c += pad
		}
		line += "  " + c
	}
	t.b.WriteString(strings.TrimRight(line, " ") + "\n")
}

// stacked writes each row as a paragraph, with the heads beside its cells.
func (t *text) stacked(columns []string, rows [][]string) {
	for _, row := range rows {
		var parts []string
		for i, c := range row {
			if c != "" {
				parts = append(parts, columns[i]+" "+c)
			}
		}
		t.line(2, strings.Join(parts, "; "))
	}
}
