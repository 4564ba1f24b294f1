package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/internal/derive"
)

func reportOf(t *testing.T, text string) *Report {
	t.Helper()
	set := new(sample.Set)
	if err := set.Read(strings.NewReader(text), "samples.txt"); err != nil {
		t.Fatal(err)
	}
	r, err := New(set)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestTextFits: no line is wider than the terminal, but for single words that are; and
// nothing is lost by that.
func TestTextFits(t *testing.T) {
	r := reportOf(t, typical.Text())
	r.traces.Findings = []derive.Finding{{Kind: derive.Blame, Where: "ring, gomaxprocs=8", What: "96% of the time lost: mutex at " + strings.Repeat("long.", 30) + "Get map.go:7", More: []string{"39% of capacity: blocked 7%, wake-up 80%"}, Next: "hold it for less"}}
	words := func(columns int) string {
		var out strings.Builder
		if err := r.Text(&out, columns); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			line = strings.TrimRight(line, "\n")
			if n := utf8.RuneCountInString(line); columns > 0 && n > columns && strings.Contains(strings.TrimSpace(line), " ") {
				t.Errorf("%d characters in %d columns: %q", n, columns, line)
			}
		}
		return out.String()
	}
	for _, columns := range []int{0, 40, 60, 80, 200} {
		got := strings.Join(strings.Fields(words(columns)), " ")
		for _, want := range []string{"workload=evict", "s3fifo", "mutex at long.", "wake-up 80%", "→ hold it for less", "What these samples cannot tell", "carry a warning"} {
			if !strings.Contains(got, want) {
				t.Errorf("%d columns: no %q in %s", columns, want, got)
			}
		}
	}
}

// TestNotesStandLast: a text begins with the answer, and not with what was left out of the pictures.
func TestNotesStandLast(t *testing.T) {
	text := "# contend protocol=1\n# run id=a\n# axis name=Lock key=clients series=service\nBenchmarkLock/fault=evict/clients=2/service=a 10 1 ns/op 3 overlaps\n"
	r := reportOf(t, text)
	if len(r.Notes) != 1 {
		t.Fatalf("notes %q", r.Notes)
	}
	var out strings.Builder
	if err := r.Text(&out, 0); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if lines[0] != "1 sample" || lines[len(lines)-1] != "note: "+r.Notes[0] {
		t.Errorf("%s", out.String())
	}
}

// TestViewsAgree: terminal, Markdown and JSON say the same findings in the same words.
func TestViewsAgree(t *testing.T) {
	r := reportOf(t, typical.Text())
	var text, md, js bytes.Buffer
	for _, err := range []error{r.Text(&text, 0), r.Markdown(&md), r.JSON(&js)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	var got struct {
		Findings []derive.Finding
		Answers  []derive.Table
	}
	if err := json.Unmarshal(js.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Findings) != len(r.Findings()) || len(got.Answers) != 1 || len(got.Answers[0].Rows) != 2 {
		t.Fatalf("%d findings and %d tables in JSON", len(got.Findings), len(got.Answers))
	}
	unescape := strings.NewReplacer(`\`, "")
	for i, f := range r.Findings() {
		if fmt.Sprint(got.Findings[i]) != fmt.Sprint(f) {
			t.Errorf("JSON has %v, want %v", got.Findings[i], f)
		}
		if !strings.Contains(unescape.Replace(md.String()), f.String()) {
			t.Errorf("Markdown lacks %q", f)
		}
		if f.Kind != derive.Leader && !strings.Contains(text.String(), f.String()) {
			t.Errorf("the terminal lacks %q", f)
		}
	}
}

// TestStart: a page about locks opens on the conditions under which most of them
// broke, any other one on the first.
func TestStart(t *testing.T) {
	for overlaps, want := range map[string]string{"0": "none", "3": "pause-holder"} {
		text := "# contend protocol=1\n# run id=a\n# axis name=Lock key=clients series=service\n"
		for _, line := range []string{"none/clients=2/service=a 10 1 ns/op 0", "pause-holder/clients=2/service=a 10 1 ns/op " + overlaps, "partition/clients=2/service=a 10 1 ns/op 0"} {
			text += "BenchmarkLock/fault=" + line + " overlaps\n"
		}
		dir := t.TempDir()
		if _, err := reportOf(t, text).Write(dir, Options{}); err != nil {
			t.Fatal(err)
		}
		page, err := os.ReadFile(filepath.Join(dir, "report.html"))
		if err != nil {
			t.Fatal(err)
		}
		var data struct {
			Start  int `json:"start"`
			Facets []struct {
				Slug string `json:"slug"`
			} `json:"facets"`
		}
		if err := json.Unmarshal([]byte(between(t, string(page), `id="data">`, "</script>")), &data); err != nil || len(data.Facets) != 3 || !strings.Contains(data.Facets[data.Start].Slug, want) {
			t.Errorf("%s overlaps: %v, opens on %d of %v", overlaps, err, data.Start, data.Facets)
		}
	}
}
