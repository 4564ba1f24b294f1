package report

import (
	"bytes"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/contend-go/contend/report/internal/chart"
	"github.com/contend-go/contend/report/internal/derive"
	page "github.com/contend-go/contend/report/internal/html"
	"github.com/contend-go/contend/report/internal/strip"
	"github.com/contend-go/contend/report/internal/synthetic"
)

// pageOf writes the report of a text and returns its page.
func pageOf(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if _, err := reportOf(t, text).Write(dir, Options{DPI: 24}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, PageName))
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

// TestTitleIsOfTheWhole: an end of the axis stands in the title if all conditions have it.
func TestTitleIsOfTheWhole(t *testing.T) {
	for _, c := range []struct {
		clients map[string][]int
		want    string
	}{
		{map[string][]int{"none": {1, 4, 8}, "evict": {1, 8}}, "Lock: 2 services, clients 1 to 8"},
		{map[string][]int{"none": {1, 4, 8}, "evict": {8}}, "Lock: 2 services, clients up to 8"},
		{map[string][]int{"none": {1, 8}, "evict": {4}}, "Lock: 2 services"},
		{map[string][]int{"none": {8}, "evict": {8}}, "Lock: 2 services, clients 8"},
	} {
		text := "# run id=a\n# axis name=Lock key=clients series=service\nusable-cpus: 2\n"
		for fault, values := range c.clients {
			for _, n := range values {
				text += fmt.Sprintf("BenchmarkLock/fault=%[1]s/clients=%[2]d/service=a 10 1 ops/s\nBenchmarkLock/fault=%[1]s/clients=%[2]d/service=b 10 1 ops/s\n", fault, n)
			}
		}
		if got := between(t, pageOf(t, text), "<h1>", "</h1>"); got != c.want {
			t.Errorf("%v: %q, want %q", c.clients, got, c.want)
		}
	}
}

// TestSaidOnce: what holds for many rows, sections or findings stands once on the page.
func TestSaidOnce(t *testing.T) {
	text := strings.Replace(typical.Text(), "# absent", "# absent name=BenchmarkA reason=\"no room for it\"\n# absent name=BenchmarkB reason=\"no room for it\"\n# absent", 1)
	got := visible(pageOf(t, text))
	for _, what := range []string{"no room for it", "BenchmarkA; BenchmarkB", "over 8 samples where nothing else is said"} {
		if n := strings.Count(got, what); n != 1 {
			t.Errorf("%q stands %d times", what, n)
		}
	}
}

// visible is the page without its script, data, styles and what stands for readers without scripts.
func visible(page string) string {
	for _, tag := range []string{"script", "style", "noscript"} {
		page = regexp.MustCompile(`(?s)<`+tag+`.*?</`+tag+`>`).ReplaceAllString(page, "")
	}
	return html.UnescapeString(page)
}

// TestTimelinesShareANote: what all timelines of tours say stands once, before them.
func TestTimelinesShareANote(t *testing.T) {
	_, set := folder(t, typical.Text())
	var strips []strip.Strip
	for _, name := range []string{"mutexlru", "ring", "otter2"} {
		s, err := (&chart.Timeline{Title: name, Account: ps(4), Usable: 2}).Strip(1000)
		if err != nil {
			t.Fatal(err)
		}
		strips = append(strips, s)
	}
	other := strips[0]
	other.Title, other.Note = "other", "A note of its own."
	var out bytes.Buffer
	if err := (&page.Page{View: derive.New(set), Set: set, Timelines: append(strips, other)}).Write(&out); err != nil {
		t.Fatal(err)
	}
	got := visible(out.String())
	for _, note := range []string{strips[0].Note, other.Note} {
		if n := strings.Count(got, note); n != 1 || note == "" {
			t.Errorf("%q stands %d times", note, n)
		}
	}
	if n := strings.Count(got, `<figure class="timeline"`); n != 4 {
		t.Errorf("%d timelines", n)
	}
}

// TestNextOnce: what to do stands behind the last of several findings that ask for the same; JSON has it at each.
func TestNextOnce(t *testing.T) {
	r := reportOf(t, typical.Text())
	for _, name := range []string{"ring", "otter2", "mutexlru"} {
		next := "take a profile"
		if name == "mutexlru" {
			next = "split the lock"
		}
		r.traces.Findings = append(r.traces.Findings, derive.Finding{Kind: derive.Blame, Where: name, What: "nothing waits", Next: next})
	}
	var text, md, js bytes.Buffer
	for _, err := range []error{r.Text(&text, 0), r.Markdown(&md), r.JSON(&js)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		out  string
		want int
	}{"text": {text.String(), 1}, "Markdown": {md.String(), 1}, "JSON": {js.String(), 2}} {
		if n := strings.Count(c.out, "take a profile"); n != c.want || !strings.Contains(c.out, "split the lock") {
			t.Errorf("%s says it %d times, want %d: %s", name, n, c.want, c.out)
		}
	}
}

// TestConstantsInOneLine: charts of one and the same value are one sentence.
func TestConstantsInOneLine(t *testing.T) {
	text := "# run id=a\nusable-cpus: 2\n"
	for _, backend := range []string{"a", "b"} {
		for _, p := range []int{1, 2} {
			text += fmt.Sprintf("BenchmarkX/backend=%s/gomaxprocs=%d 10 %d ops/s 0 ctxsw/op 0 ctxsw-forced/op 0.5 p-idle\n", backend, p, 100*p)
		}
	}
	got := pageOf(t, text)
	for _, want := range []string{"Context switches (ctxsw/op), Involuntary switches (ctxsw-forced/op): 0 everywhere.", "Idle Ps (p-idle): 50.0% everywhere."} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q", want)
		}
	}
}

// TestBoxesThatScrollShowIt: a box that holds more than it shows has a shadow at the edge where it goes on, in light and dark,
// and says how many rows it has.
func TestBoxesThatScrollShowIt(t *testing.T) {
	var workloads, promises []string
	for i := range 40 {
		promises = append(promises, fmt.Sprintf("# backend name=b%d sync=mutex\n", i)) // a long table further down
		workloads = append(workloads, fmt.Sprintf("load%02d", i))
	}
	text := synthetic.Plan{Backends: synthetic.Names(3), Procs: []int{1, 2}, Blocks: 6, Usable: 2, Workloads: workloads, Control: true}.Text()
	dir, _ := folder(t, strings.Replace(text, "# absent", strings.Join(promises, "")+"# absent", 1))
	tb := openTab(t, 1440, 900)
	for _, theme := range []string{"light", "dark"} {
		tb.load(t, filepath.Join(dir, PageName), "#theme="+theme)
		const box = `document.querySelector("#findings .tall")`
		if !eval[bool](t, tb, box+`.scrollHeight > `+box+`.clientHeight`) {
			t.Fatal("the table of 40 rows does not scroll")
		}
		if got := eval[string](t, tb, box+`.previousElementSibling.textContent`); got != "40 rows in a box that scrolls." {
			t.Errorf("before the box: %q", got)
		}
		if n := eval[int](t, tb, `[...document.querySelectorAll(".rows")].filter(e => e.offsetParent && e.nextElementSibling.scrollHeight <= e.nextElementSibling.clientHeight).length`); n != 0 {
			t.Errorf("%d boxes are said to scroll and do not", n)
		}
		background := eval[string](t, tb, `getComputedStyle(`+box+`).background`)
		if n := strings.Count(background, "linear-gradient"); n != 8 {
			t.Errorf("%s: %d gradients: %s", theme, n, background)
		}
	}
	tb.noProblems(t)
}

// TestMixedKinds: lines of several kinds are called what they are, and the legend has room for that.
func TestMixedKinds(t *testing.T) {
	text := "# run id=a\nusable-cpus: 2\n"
	for i, name := range []string{"Cache/backend=a", "Cache/backend=b", "Primitive/row=x/impl=c", "Primitive/row=x/impl=d"} {
		text += fmt.Sprintf("Benchmark%s/gomaxprocs=2 1 10 ns/op %d cpu-ns/op\n", name, i+5)
	}
	dir, _ := folder(t, text)
	tb := openTab(t, 1440, 900)
	tb.load(t, filepath.Join(dir, PageName), "")
	if got := eval[string](t, tb, `document.body.innerText`); !strings.Contains(got, "4 backends and implementations") || strings.Contains(got, "series") {
		t.Errorf("%s", got)
	}
	if high := eval[float64](t, tb, `Math.max(...[...document.querySelectorAll(".legend-tools > *")].map(e => e.getBoundingClientRect().height))`); high > 42 {
		t.Errorf("the head of the legend is broken into letters: %.0f pixels", high)
	}
	// A chart says what it is once, also to those who hear it.
	cpu := `document.querySelector('.facet:not([hidden]) [data-section="cpu"]')`
	if got := eval[string](t, tb, cpu+`.querySelector("h3").textContent + "|" + `+cpu+`.querySelector("figcaption b").textContent + "|" + `+cpu+`.querySelector("svg").ariaLabel.split(",")[0]`); got != "CPU time per operation||CPU time per operation" {
		t.Errorf("%q", got)
	}
	tb.noProblems(t)
}
