package blame

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/contend-go/contend/traces/account"
)

// The cases in full lie elsewhere: a folder for each, with its trace.
var cases = flag.String("cases", "", "score the `FOLDER`/CASE/mid.trace instead of the copies in testdata")

// expected is a line of testdata/cases/expected.txt.
type expected struct {
	name, kind   string
	lines        []string
	holder, does string
	at           string
	known        string
}

func readExpected(t *testing.T) (list []expected) {
	data, err := os.ReadFile("testdata/cases/expected.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		cols := strings.Split(line, "|")
		if len(cols) != 5 {
			t.Fatalf("%q: want 5 columns", line)
		}
		for i := range cols {
			cols[i] = strings.TrimSpace(cols[i])
		}
		e := expected{name: cols[0], kind: cols[1], lines: strings.Fields(cols[2]), known: cols[4]}
		if cols[3] != "-" {
			name, rest, _ := strings.Cut(cols[3], " (")
			e.holder = name
			e.does, e.at, _ = strings.Cut(rest, ")")
			e.at = strings.TrimSpace(e.at)
		}
		list = append(list, e)
	}
	return list
}

// at reports whether a frame is one of those lines.
func at(f account.Frame, lines ...string) bool {
	for _, l := range lines {
		if strings.HasSuffix(key(f), "/"+l) {
			return true
		}
	}
	return false
}

func (e *expected) rightLine(p *Place) bool {
	return at(p.Line, e.lines...) || at(p.Lock, e.lines...) || at(p.Caller, e.lines...)
}

func (e *expected) rightHolder(h *Holder) bool {
	if e.holder == "" {
		return true
	}
	does := h != nil && (h.Activity.String() == e.does || strings.Contains(h.Activity.String(), e.does) || string(h.Reason) == e.does)
	return does && strings.HasSuffix(h.Func, e.holder) && (e.at == "" || at(h.At, e.at))
}

// TestScore scores the verdict on public contention reports: kind, line and holder of what it says first. -v prints the table.
//
//	go test ./traces/blame -run TestScore -v -cases FOLDER
func TestScore(t *testing.T) {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "case\tsaid first\tshare\tkind\tline\tholder")
	list := readExpected(t)
	yes := map[bool]string{true: "right", false: "WRONG"}
	right := 0
	for i := range list {
		e := &list[i]
		path := filepath.Join("testdata", "cases", e.name+".trace.gz")
		if *cases != "" {
			path = filepath.Join(*cases, e.name, "mid.trace")
		}
		v := Of(read(t, path, account.Auto))
		if len(v.Findings) == 0 {
			t.Errorf("%s: nothing said", e.name)
			continue
		}
		f := &v.Findings[0]
		kind, line, holder := f.Kind == e.kind, e.rightLine(&f.Place), e.rightHolder(f.Holder)
		held := "–"
		if e.holder != "" {
			held = yes[holder]
		}
		fmt.Fprintf(w, "%s\t%s %s\t%s\t%s\t%s\t%s\n", e.name, f.Kind, fileLine(f.Line), percent(f.Share), yes[kind], yes[line], held)
		if kind && line && holder && f.Known.String() == e.known {
			right++
		} else if *cases == "" {
			t.Errorf("%s: %s at %s (%s), %v; want %+v", e.name, f.Kind, place(&f.Place), f.Known, f.Holder, *e)
		}
	}
	w.Flush()
	t.Logf("%d of %d right\n%s", right, len(list), b.String())
	if right*10 < len(list)*9 {
		t.Errorf("%d of %d right, want nine tenths", right, len(list))
	}
}
