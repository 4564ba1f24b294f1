package report

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/bench/whole"
	"github.com/contend-go/contend/report/internal/chart"
	"github.com/contend-go/contend/report/internal/derive"
	"github.com/contend-go/contend/report/internal/html"
	"github.com/contend-go/contend/report/internal/strip"
	"github.com/contend-go/contend/report/internal/synthetic"
	"github.com/contend-go/contend/traces/account"
)

// chromium finds the browser; tests that need one are skipped without it.
func chromium(t testing.TB) string {
	t.Helper()
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome", "headless-shell"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path
		}
	}
	t.Skip("no Chromium found: install one, or set CHROMIUM to its path")
	return ""
}

// tab is a page in a browser, and what went wrong in it.
type tab struct {
	context.Context
	mu       sync.Mutex
	problems []string // console errors, exceptions, requests to anything but the page
}

// profile is a folder for a browser's state. The browser's last processes still
// write to it for a moment after it ended, so its removal is tried for a while.
func profile(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "contend-browser")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 50 {
			if os.RemoveAll(dir) == nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Logf("%s is left behind", dir)
	})
	return dir
}

// openTab starts a browser and a page in it, without loading anything.
func openTab(t testing.TB, width, height int) *tab {
	t.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium(t)), chromedp.UserDataDir(profile(t)),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-component-update", true), chromedp.WindowSize(width, height))
	ctx, stop := context.WithTimeout(context.Background(), 90*time.Second)
	t.Cleanup(stop)
	ctx, stopAlloc := chromedp.NewExecAllocator(ctx, opts...)
	t.Cleanup(stopAlloc)
	ctx, stopTab := chromedp.NewContext(ctx, chromedp.WithErrorf(func(string, ...any) {})) // it reports events newer than itself
	t.Cleanup(stopTab)
	tb := &tab{Context: ctx}
	chromedp.ListenTarget(ctx, func(ev any) {
		tb.mu.Lock()
		defer tb.mu.Unlock()
		switch ev := ev.(type) {
		case *runtime.EventConsoleAPICalled:
			tb.problems = append(tb.problems, fmt.Sprintf("console.%s: %s", ev.Type, ev.Args[0].Value))
		case *runtime.EventExceptionThrown:
			tb.problems = append(tb.problems, "exception: "+ev.ExceptionDetails.Error())
		case *log.EventEntryAdded:
			tb.problems = append(tb.problems, "log: "+ev.Entry.Text)
		case *network.EventRequestWillBeSent:
			if u := ev.Request.URL; !strings.HasPrefix(u, "file:") && !strings.HasPrefix(u, "data:") && !strings.HasPrefix(u, "blob:") {
				tb.problems = append(tb.problems, "request: "+u)
			}
		}
	})
	tb.run(t, network.Enable(), log.Enable(), runtime.Enable())
	return tb
}

func (tb *tab) run(t testing.TB, actions ...chromedp.Action) {
	t.Helper()
	if err := chromedp.Run(tb, actions...); err != nil {
		t.Fatal(err)
	}
}

// load opens the file and waits until its charts are drawn.
func (tb *tab) load(t testing.TB, file, hash string) {
	t.Helper()
	tb.run(t, chromedp.Navigate("about:blank"), chromedp.Navigate("file://"+file+hash), chromedp.WaitReady("#legend", chromedp.ByQuery))
	tb.wait(t, "the charts", `[...document.querySelectorAll(".facet:not([hidden]) .plot")].every(p => p.firstChild)`)
}

// eval evaluates an expression to a T.
func eval[T any](t testing.TB, tb *tab, js string) T {
	t.Helper()
	var v T
	tb.run(t, chromedp.Evaluate(js, &v))
	return v
}

// wait waits until the expression is true.
func (tb *tab) wait(t testing.TB, what, js string) {
	t.Helper()
	if err := chromedp.Run(tb, chromedp.Poll(js, nil, chromedp.WithPollingTimeout(30*time.Second))); err != nil {
		t.Fatalf("waiting for %s: %v", what, err)
	}
}

func (tb *tab) noProblems(t testing.TB) {
	t.Helper()
	tb.mu.Lock()
	defer tb.mu.Unlock()
	for _, p := range tb.problems {
		t.Error(p)
	}
}

// folder writes a run folder with its report.
func folder(t testing.TB, text string) (dir string, set *sample.Set) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, sample.FileName), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	set, err := sample.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	r, err := New(set)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Write(dir, Options{DPI: 48}); err != nil {
		t.Fatal(err)
	}
	return dir, set
}

var typical = synthetic.Plan{
	Backends: synthetic.Names(4), Procs: []int{1, 2, 4, 8}, Blocks: 8, Usable: 4, Control: true, Traced: true, Invalid: true,
	Workloads: []string{"zipf", "evict"}, Boundaries: []sample.Record{synthetic.Boundary(2, "socket 2")},
}

func TestPageInBrowser(t *testing.T) {
	dir, set := folder(t, typical.Text())
	tb := openTab(t, 1400, 1000)
	page := filepath.Join(dir, PageName)
	tb.load(t, page, "")
	view := derive.New(set)
	first := view.Facets[0]

	t.Run("hover", func(t *testing.T) {
		// The pointer on the marker of s3fifo at GOMAXPROCS=4.
		at := eval[[]float64](t, tb, markerAt("throughput", 0, 2))
		tb.run(t, chromedp.MouseEvent("mouseMoved", at[0], at[1]))
		got := eval[string](t, tb, `document.getElementById("tip").innerText`)
		e := first.Series[0].Point(4).Rate
		for _, want := range []string{"s3fifo", "GOMAXPROCS 4", derive.Format("ops/s", e.Median),
			derive.Format("ops/s", e.Lo) + " … " + derive.Format("ops/s", e.Hi), fmt.Sprintf(", %d samples", e.N)} {
			if !strings.Contains(got, want) {
				t.Errorf("tooltip lacks %q: %q", want, got)
			}
		}
		at = eval[[]float64](t, tb, markerAt("throughput", 0, 3))
		tb.run(t, chromedp.MouseEvent("mouseMoved", at[0], at[1]))
		if got := eval[string](t, tb, `document.getElementById("tip").innerText`); !strings.Contains(got, "Oversubscribed") {
			t.Errorf("tooltip above the usable CPUs does not say so: %q", got)
		}
		at = eval[[]float64](t, tb, markerAt("throughput", 0, 0))
		tb.run(t, chromedp.MouseEvent("mouseMoved", at[0], at[1]))
		if got := eval[string](t, tb, `document.getElementById("tip").innerText`); !strings.Contains(got, "1 left out: crashed") {
			t.Errorf("tooltip of a point with an invalid sample does not say so: %q", got)
		}
	})
	t.Run("waits", func(t *testing.T) {
		// A bar is the parts of p-wait, in proportion.
		const bars = `[...document.querySelectorAll('.facet:not([hidden]) [data-section=waiting] .bars [data-series="1"] `
		lock := eval[[]float64](t, tb, bars+`.p-wait-lock')].map(r => Number(r.getAttribute("height")))`)
		other := eval[[]float64](t, tb, bars+`.p-wait-other')].map(r => Number(r.getAttribute("height")))`)
		p := first.Series[1].Point(8)
		if len(lock) != 4 || len(other) != 4 {
			t.Fatalf("bars of locks %v, of other waits %v, want 4 each", lock, other)
		}
		if got, want := lock[3]/other[3], p.Wait["p-wait-lock"].Median/p.Wait["p-wait-other"].Median; math.Abs(got/want-1) > 1e-3 {
			t.Errorf("locks ÷ other waits is drawn as %v, want %v", got, want)
		}
	})
	t.Run("toggle", func(t *testing.T) {
		lines := func() int {
			return eval[int](t, tb, `document.querySelectorAll('.facet:not([hidden]) [data-section=throughput] .line').length`)
		}
		if lines() != 4 {
			t.Fatalf("%d lines, want 4", lines())
		}
		tb.run(t, chromedp.Click(`#legend li[data-name="1"] button`, chromedp.ByQuery))
		if lines() != 3 || eval[string](t, tb, `document.querySelector('#legend li[data-name="1"] button').ariaPressed`) != "false" {
			t.Errorf("after hiding one series: %d lines", lines())
		}
		tb.run(t, chromedp.Click(`#show-none`, chromedp.ByQuery))
		if got := eval[string](t, tb, `document.querySelector('.facet:not([hidden]) .plot').innerText`); lines() != 0 || !strings.Contains(got, "No line is shown") {
			t.Errorf("with all hidden: %d lines, %q", lines(), got)
		}
		tb.run(t, chromedp.Click(`#show-all`, chromedp.ByQuery))
		if lines() != 4 {
			t.Errorf("after showing all: %d lines", lines())
		}
	})
	t.Run("measure", func(t *testing.T) {
		for i, want := range []string{"M", "ns", "×", "%"} {
			tb.run(t, chromedp.Evaluate(fmt.Sprintf(`document.querySelectorAll('.facet:not([hidden]) [data-section=throughput] .choice input')[%d].click()`, i), nil))
			ticks := eval[string](t, tb, `[...document.querySelectorAll('.facet:not([hidden]) [data-section=throughput] .tick')].map(t => t.textContent).join(" ")`)
			if !strings.Contains(ticks, want) {
				t.Errorf("measure %d: ticks %q lack %q", i, ticks, want)
			}
		}
		tb.run(t, chromedp.Evaluate(`document.querySelector('.facet:not([hidden]) [data-section=throughput] .choice input').click()`, nil))
	})
	t.Run("samples", func(t *testing.T) {
		const dots = `document.querySelectorAll('.facet:not([hidden]) [data-section=throughput] g[data-series="1"] .dot').length`
		if eval[int](t, tb, dots) != 0 {
			t.Error("samples are drawn before they are asked for")
		}
		const choice = `document.querySelectorAll('.facet:not([hidden]) [data-section=throughput] [aria-label="Distribution"] input')`
		tb.run(t, chromedp.Evaluate(choice+`[1].click()`, nil))
		want := 0
		for _, p := range first.Series[1].Points {
			want += len(p.Rates())
		}
		if got := eval[int](t, tb, dots); got != want || want == 0 {
			t.Errorf("%d dots of %d samples", got, want)
		}
		if !eval[bool](t, tb, `location.hash.includes("samples=all")`) {
			t.Error("the address does not keep it")
		}
		tb.run(t, chromedp.Evaluate(choice+`[0].click()`, nil))
	})
	t.Run("keys", func(t *testing.T) {
		press := func(keys string) {
			t.Helper()
			tb.run(t, chromedp.KeyEvent(keys))
		}
		tb.run(t, chromedp.Evaluate(`document.activeElement.blur(); document.body.focus()`, nil))
		press("?")
		if !eval[bool](t, tb, `document.getElementById("help").open`) {
			t.Error("? does not open the help")
		}
		press(kb.Escape)
		if eval[bool](t, tb, `document.getElementById("help").open`) {
			t.Error("Escape does not close the help")
		}
		// Focus stays inside the closed help until the next frame: keys pressed by then count too.
		tb.run(t, chromedp.Evaluate(`document.getElementById("help").dispatchEvent(new KeyboardEvent("keydown", {key: "l", bubbles: true}))`, nil))
		if !eval[bool](t, tb, `location.hash.includes("y=log")`) {
			t.Error("the closed help swallows keys")
		}
		press("l")
		if !eval[bool](t, tb, `location.hash.includes("y=linear")`) {
			t.Error("l does not switch the axis back")
		}
		press("l")
		if !eval[bool](t, tb, `location.hash.includes("y=log")`) {
			t.Error("l does not switch the axis")
		}
		press("l")
		press("m")
		if !eval[bool](t, tb, `location.hash.includes("measure.throughput=ns%2Fop")`) {
			t.Error("m does not switch the measure")
		}
		press("mmm")
		press("]")
		if eval[int](t, tb, `Number(document.querySelector(".facet:not([hidden])").dataset.facet)`) != 1 {
			t.Error("] does not go to the next conditions")
		}
		press("[")
		// Tab leads to the chart; arrows walk along the line and across lines.
		tb.run(t, chromedp.Evaluate(`document.querySelector('.facet:not([hidden]) [data-section=throughput] .choice:last-of-type input:checked').focus()`, nil))
		press(kb.Tab)
		if got := eval[string](t, tb, `document.activeElement.tagName.toLowerCase()`); got != "svg" {
			t.Fatalf("Tab leads to %q, want the chart", got)
		}
		tip := func() string { return eval[string](t, tb, `document.getElementById("tip").innerText`) }
		press(kb.Home)
		if !strings.Contains(tip(), "GOMAXPROCS 1") {
			t.Errorf("Home: %q", tip())
		}
		press(kb.ArrowRight)
		if !strings.Contains(tip(), "GOMAXPROCS 2") {
			t.Errorf("right: %q", tip())
		}
		before := tip()
		press(kb.ArrowUp)
		if tip() == before || !strings.Contains(tip(), "GOMAXPROCS 2") {
			t.Errorf("up: %q after %q", tip(), before)
		}
		press(kb.Enter)
		if !eval[bool](t, tb, `document.documentElement.classList.contains("dimmed") && location.hash.includes("focus=")`) {
			t.Error("Enter does not focus the line")
		}
		press(kb.Escape)
		if eval[bool](t, tb, `document.documentElement.classList.contains("dimmed")`) {
			t.Error("Escape does not undo the focus")
		}
		// The legend: arrows move, Space toggles, o shows one only.
		tb.run(t, chromedp.Focus(`#legend .toggle`, chromedp.ByQuery))
		press(kb.ArrowDown)
		press(" ")
		if got := eval[int](t, tb, `document.querySelectorAll('#legend [aria-pressed=false]').length`); got != 1 {
			t.Errorf("Space hides %d series, want 1", got)
		}
		press("o")
		if got := eval[int](t, tb, `document.querySelectorAll('#legend [aria-pressed=true]').length`); got != 1 {
			t.Errorf("o leaves %d series, want 1", got)
		}
		press("a")
		if got := eval[int](t, tb, `document.querySelectorAll('#legend [aria-pressed=false]').length`); got != 0 {
			t.Errorf("a leaves %d series hidden", got)
		}
	})
	t.Run("dark", func(t *testing.T) {
		background := func() string { return eval[string](t, tb, `getComputedStyle(document.body).backgroundColor`) }
		light := background()
		tb.run(t, chromedp.Click("#theme", chromedp.ByQuery))
		if background() == light {
			t.Error("the button does not darken the page")
		}
		tb.run(t, chromedp.Click("#theme", chromedp.ByQuery))
		if background() != light {
			t.Error("the button does not lighten it again")
		}
		tb.load(t, page, "")
		tb.run(t, emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}))
		if background() == light {
			t.Error("the page does not follow the system's preference")
		}
		tb.run(t, emulation.SetEmulatedMedia())
	})
	t.Run("address", func(t *testing.T) {
		tb.load(t, page, "#conditions=workload-evict&hide=s3fifo&hide=otter2&hide=nobody&measure.throughput=speed-up&y=log&theme=dark&focus=nobody&evil=%3Cscript%3E")
		if got := eval[string](t, tb, `decodeURIComponent(location.hash)`); !strings.Contains(got, "conditions=workload-evict") || !strings.Contains(got, "hide=s3fifo&hide=otter2") || !strings.Contains(got, "measure.throughput=speed-up") {
			t.Errorf("the address became %q", got)
		}
		if got := eval[string](t, tb, `[document.querySelector(".facet:not([hidden])").dataset.facet, document.querySelectorAll("#legend [aria-pressed=false]").length, document.documentElement.dataset.theme].join()`); got != "1,2,dark" {
			t.Errorf("a link restores %q", got)
		}
	})
	t.Run("narrow", func(t *testing.T) {
		tb.run(t, emulation.SetDeviceMetricsOverride(390, 800, 2, false))
		tb.load(t, page, "")
		if over := eval[int](t, tb, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
			t.Errorf("the page is %d pixels wider than a narrow screen", over)
		}
	})
	t.Run("head", func(t *testing.T) {
		// The answer, where CPUs wait, what is not known and the warnings are on the first screen.
		tb.run(t, emulation.SetDeviceMetricsOverride(1440, 900, 1, false))
		tb.load(t, page, "")
		if bottom := eval[float64](t, tb, `document.getElementById("findings").getBoundingClientRect().bottom`); bottom > 900 {
			t.Errorf("the findings end at %.0f pixels", bottom)
		}
		head := eval[string](t, tb, `document.getElementById("findings").innerText`)
		for _, want := range []string{"workload=evict", "s3fifo", "What these samples cannot tell", "Where CPU time is lost", "carry a warning"} {
			if !strings.Contains(head, want) {
				t.Errorf("the findings lack %q: %s", want, head)
			}
		}
		if got := eval[int](t, tb, `[...document.querySelectorAll(".contents a")].filter(a => !document.getElementById(a.hash.slice(1))).length`); got != 0 {
			t.Errorf("%d links of the contents lead nowhere", got)
		}
		tb.run(t, chromedp.Click(`.contents a[href="#conditions-workload-evict"]`, chromedp.ByQuery))
		if eval[int](t, tb, `Number(document.querySelector(".facet:not([hidden])").dataset.facet)`) != 1 {
			t.Error("a link to conditions does not show their charts")
		}
		tb.load(t, page, "#conditions-workload-evict")
		if eval[int](t, tb, `Number(document.querySelector(".facet:not([hidden])").dataset.facet)`) != 1 {
			t.Error("a link of the contents, opened in a new tab, does not show the charts of its conditions")
		}
	})
	t.Run("tables", func(t *testing.T) {
		const table = `document.querySelector("#matrix table")`
		copied := eval[string](t, tb, `(() => {
			let text = "";
			Object.defineProperty(navigator, "clipboard", {value: {writeText: (t) => { text = t; return Promise.resolve(); }}, configurable: true});
			document.querySelector('#matrix [aria-label="Copy as CSV"]').click();
			return text;
		})()`)
		lines := strings.Split(strings.TrimSpace(copied), "\n")
		if len(lines) != 3 || lines[0] != "Conditions,At,s3fifo,ring,otter2,otter1" || !strings.HasPrefix(lines[1], "workload=zipf,GOMAXPROCS=4,") {
			t.Errorf("copied as CSV: %q", copied)
		}
		column := `[...` + table + `.tBodies[0].rows].map(r => r.cells[0].textContent).join()`
		tb.run(t, chromedp.Evaluate(table+`.tHead.rows[0].cells[0].click()`, nil))
		if got := eval[string](t, tb, column); got != "workload=zipf,workload=evict" {
			t.Errorf("sorted downwards: %s", got)
		}
		tb.run(t, chromedp.Evaluate(table+`.tHead.rows[0].cells[0].click()`, nil))
		if got := eval[string](t, tb, column); got != "workload=evict,workload=zipf" {
			t.Errorf("sorted upwards: %s", got)
		}
	})
	t.Run("constant", func(t *testing.T) {
		if got := eval[string](t, tb, `document.querySelector('[data-section="hits"] .constant').textContent`); got != "Achieved reads (reads/op): 75.0% everywhere." {
			t.Errorf("a chart of one value: %q", got)
		}
	})
	t.Run("download", func(t *testing.T) {
		tb.load(t, page, "")
		into := t.TempDir()
		tb.run(t, browser.SetDownloadBehavior(browser.SetDownloadBehaviorBehaviorAllow).WithDownloadPath(into),
			chromedp.Click("a.raw", chromedp.ByQuery))
		want, _ := os.ReadFile(filepath.Join(dir, sample.FileName))
		var got []byte
		for range 200 {
			if got, _ = os.ReadFile(filepath.Join(into, sample.FileName)); len(got) == len(want) {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("downloaded %d bytes, want the %d of the samples file", len(got), len(want))
		}
	})
	tb.noProblems(t)
}

// markerAt is an expression for the place of a series' i-th marker on the
// screen, scrolled into view.
func markerAt(section string, name, i int) string {
	return fmt.Sprintf(`(() => {
		const m = document.querySelectorAll('.facet:not([hidden]) [data-section=%s] g[data-series="%d"] .mark')[%d];
		m.scrollIntoView({block: "center"});
		const r = m.getBoundingClientRect();
		return [r.left + r.width / 2, r.top + r.height / 2];
	})()`, section, name, i)
}

func TestPageWithoutScripts(t *testing.T) {
	dir, set := folder(t, typical.Text())
	tb := openTab(t, 1400, 1000)
	tb.run(t, emulation.SetScriptExecutionDisabled(true), chromedp.Navigate("file://"+filepath.Join(dir, PageName)))
	var text string
	tb.run(t, chromedp.Text("body", &text, chromedp.ByQuery))
	view := derive.New(set)
	for _, f := range view.Facets {
		for _, finding := range f.Findings {
			for _, want := range append([]string{finding.What}, finding.More...) {
				if !strings.Contains(text, want) {
					t.Errorf("the page lacks %q", want)
				}
			}
		}
		for _, s := range f.Series {
			for _, p := range s.Points {
				if want := strings.TrimSuffix(derive.Format("ops/s", p.Rate.Median), " ops/s"); !strings.Contains(text, want) {
					t.Errorf("the table lacks %s of %s at %g", want, s.Name, p.X)
				}
			}
		}
	}
	tb.noProblems(t)
}

// TestHostileTexts fills every text with what could break a page: it must stay
// text, run nothing, and load nothing.
func TestHostileTexts(t *testing.T) {
	evil := `</script><img/src=x/onerror=alert(1)>"'&<!--]]>` + "\u2028☃漢字"
	long := strings.Repeat("W", 10000)
	word := strings.NewReplacer("/", "∕", "\u2028", "").Replace(evil) // a name has neither
	p := typical
	p.Backends = []string{word, "b" + long[:3000], "ring", "__proto__"}
	p.Workloads = []string{"zipf" + word}
	p.Config = []sample.Field{{Key: "kernel", Value: evil}, {Key: "governor", Value: long}}
	p.Boundaries = []sample.Record{synthetic.Boundary(2, evil)}
	p.Cmd = evil + long
	dir, _ := folder(t, p.Text())
	tb := openTab(t, 1400, 1000)
	tb.load(t, filepath.Join(dir, PageName), "")
	if n := eval[int](t, tb, `document.querySelectorAll("img[src=x], img[onerror], script:not(#data):not(:last-of-type)").length`); n != 0 {
		t.Errorf("%d elements came from texts", n)
	}
	if n := eval[int](t, tb, `document.scripts.length`); n != 2 {
		t.Errorf("%d scripts, want the data and the script", n)
	}
	text := eval[string](t, tb, `document.body.textContent`)
	for _, want := range []string{word, evil, long} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks the text %.60q", want)
		}
	}
	at := eval[[]float64](t, tb, markerAt("throughput", 0, 1))
	tb.run(t, chromedp.MouseEvent("mouseMoved", at[0], at[1]))
	if tip := eval[string](t, tb, `document.getElementById("tip").textContent`); !strings.Contains(tip, word) {
		t.Errorf("tooltip %q", tip)
	}
	if over := eval[int](t, tb, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
		t.Errorf("long texts widen the page by %d pixels", over)
	}
	tb.noProblems(t)
}

// TestPageOfOneProcess holds the page of foreign text with single samples to
// saying so, and to inventing no interval.
func TestForeignText(t *testing.T) {
	dir, _ := folder(t, "goos: plan9\nBenchmarkA 100 20 ns/op\nBenchmarkA-2 100 12 ns/op\nBenchmarkB 100 30 ns/op\nBenchmarkB-2 100 29 ns/op\n")
	tb := openTab(t, 1400, 1000)
	tb.load(t, filepath.Join(dir, PageName), "")
	text := eval[string](t, tb, `document.body.textContent`)
	for _, want := range []string{"These data came from elsewhere", "1 sample, no interval", "these benchmarks may not do the same work"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if n := eval[int](t, tb, `document.querySelectorAll(".whisker").length`); n != 0 {
		t.Errorf("%d intervals drawn of single samples", n)
	}
	at := eval[[]float64](t, tb, markerAt("throughput", 0, 1))
	tb.run(t, chromedp.MouseEvent("mouseMoved", at[0], at[1]))
	if tip := eval[string](t, tb, `document.getElementById("tip").innerText`); !strings.Contains(tip, "1 sample: no interval") {
		t.Errorf("tooltip %q", tip)
	}
	tb.noProblems(t)
}

// ps makes up the account of a process of one P, then of as many as there are lanes.
func ps(lanes int) *account.Account {
	const columns = 400
	a := &account.Account{Duration: 4 * time.Second, Split: true, Timeline: &account.Timeline{To: 4 * time.Second}}
	for lane := range lanes {
		cols := make([]account.Column, columns)
		for x := range cols {
			if lane == 0 || x >= columns/2 {
				cols[x][account.OnCPU], cols[x][account.Idle] = 0.75, 0.25
			}
		}
		a.Timeline.Lanes = append(a.Timeline.Lanes, cols)
	}
	for i, n := range []int{1, lanes} {
		a.Windows = append(a.Windows, account.Window{Label: fmt.Sprintf("gomaxprocs=%d", n), MinProcs: n, MaxProcs: n,
			Start: time.Duration(i) * 2 * time.Second, End: time.Duration(i+1) * 2 * time.Second, Capacity: time.Duration(n) * 2 * time.Second})
	}
	return a
}

// TestTimelineInBrowser: zoom enlarges time, and neither texts nor the lanes' height.
func TestTimelineInBrowser(t *testing.T) {
	dir, set := folder(t, typical.Text())
	strips, err := (&chart.Timeline{Title: "mutexlru", Account: ps(4), Usable: 2}).Strip(10_000)
	if err != nil {
		t.Fatal(err)
	}
	page := &html.Page{View: derive.New(set), Set: set, Timelines: []strip.Strip{strips}}
	path := filepath.Join(dir, "timeline.html")
	if err := whole.Write(path, page.Write); err != nil {
		t.Fatal(err)
	}
	tb := openTab(t, 1000, 800)
	tb.load(t, path, "")
	type size struct{ Width, Height, Text, Ticks, Scroll float64 }
	measure := func() size {
		return eval[size](t, tb, `(() => {
			const r = document.querySelector(".lanes svg").getBoundingClientRect(), text = document.createRange();
			text.selectNodeContents(document.querySelector(".windows span"));
			return {Width: r.width, Height: r.height, Text: text.getBoundingClientRect().width,
				Ticks: document.querySelectorAll(".ticks span").length, Scroll: document.querySelector(".zoom").scrollLeft};
		})()`)
	}
	before := measure()
	tb.run(t, chromedp.Focus(".zoom", chromedp.ByQuery), chromedp.KeyEvent("+"), chromedp.KeyEvent("+"))
	after := measure()
	if math.Abs(after.Width/before.Width-4) > 0.01 || after.Height != before.Height || after.Text != before.Text || after.Ticks < 2*before.Ticks || after.Scroll == 0 {
		t.Errorf("zoomed by 4: %+v, before %+v", after, before)
	}
	tb.run(t, chromedp.KeyEvent("0"))
	if got := measure(); got != before {
		t.Errorf("whole again: %+v, before %+v", got, before)
	}
	fill := `getComputedStyle(document.querySelector(".lanes .t-idle")).fill`
	light := eval[string](t, tb, fill)
	tb.run(t, emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}))
	if eval[string](t, tb, fill) == light {
		t.Error("lanes are as light on a dark page")
	}
	tb.run(t, emulation.SetDeviceMetricsOverride(390, 800, 2, false))
	tb.load(t, path, "")
	if got := measure(); got.Text != before.Text || got.Height != before.Height {
		t.Errorf("on a narrow screen %+v, on a wide one %+v", got, before)
	}
	if over := eval[int](t, tb, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
		t.Errorf("a timeline makes the page %d pixels wider than a narrow screen", over)
	}
	tb.noProblems(t)
	tb.run(t, emulation.SetScriptExecutionDisabled(true), chromedp.Navigate("file://"+path))
	var text string
	tb.run(t, chromedp.Text("#timelines", &text, chromedp.ByQuery))
	for _, want := range []string{"mutexlru", "goroutine on a CPU", "oversubscribed: more Ps than the 2 usable CPUs", "2s"} {
		if !strings.Contains(text, want) {
			t.Errorf("without scripts the timeline lacks %q: %s", want, text)
		}
	}
}

// TestOpenLoadInBrowser: a run at rates that others set leads with what callers wait. The capacity is a line, what was not
// carried a hollow mark at the top, and nothing speaks of throughput.
func TestOpenLoadInBrowser(t *testing.T) {
	dir, _ := folder(t, synthetic.OpenLoad(map[string]map[string]float64{"mutexlru": {"50%": 40_000, "80%": 0, "95%": 0}, "ring": {"50%": 20_000, "80%": 80_000, "95%": 0}}, -1))
	tb := openTab(t, 1440, 900)
	tb.load(t, filepath.Join(dir, PageName), "")
	if got := eval[string](t, tb, `document.querySelector(".facet [data-section]").dataset.section`); got != "latency" {
		t.Errorf("the first section is %q", got)
	}
	chart := `document.querySelector('[data-section="latency"] .plot`
	if got := eval[[]int](t, tb, `[`+chart+`').querySelectorAll(".boundary").length, `+chart+`').querySelectorAll("circle.mark.open").length, `+chart+`').querySelectorAll(".ceiling").length]`); got[0] != 1 || got[1] != 3 || got[2] != 2 {
		t.Errorf("capacity lines, hollow marks and dashed lines are %v, want 1, 3, 2", got)
	}
	top := eval[[]float64](t, tb, `[`+chart+`').querySelector("circle.mark.open").getBoundingClientRect().top, Math.min(...[...`+chart+`').querySelectorAll("path.mark")].map(m => m.getBoundingClientRect().top))]`)
	if top[0] >= top[1] {
		t.Errorf("a load that was not carried stands at %.0f, below one that was at %.0f", top[0], top[1])
	}
	ticks := eval[string](t, tb, `[...`+chart+`').querySelectorAll(".tick")].map(t => t.textContent).join(" ")`)
	if !strings.Contains(ticks, "10 µs") || !strings.Contains(ticks, "95%") {
		t.Errorf("ticks %q", ticks)
	}
	text := eval[string](t, tb, `document.getElementById("findings").innerText`)
	for _, want := range []string{"What callers wait", "unstable", "ring: rate=80%, p99 82.0 µs; unstable at 95%; capacity 300 k ops/s", "closed loop's p99"} {
		if !strings.Contains(text, want) {
			t.Errorf("the findings lack %q: %s", want, text)
		}
	}
	if whole := eval[string](t, tb, `document.querySelector("main").innerText`); strings.Contains(text, "lead") || strings.Contains(whole, "Throughput") {
		t.Errorf("the page of an open load speaks of throughput")
	}
	if bottom := eval[float64](t, tb, `document.getElementById("findings").getBoundingClientRect().bottom`); bottom > 900 {
		t.Errorf("the findings end at %.0f pixels", bottom)
	}
	tb.run(t, chromedp.Evaluate(`document.querySelectorAll('[data-section="latency"] [aria-label="Distribution"] input')[1].click()`, nil))
	if got := eval[int](t, tb, chart+`').querySelectorAll(".dot").length`); got != 18 {
		t.Errorf("%d dots, want one for each of 6 blocks at 3 points that were carried", got)
	}
	tb.run(t, chromedp.KeyEvent("m"))
	if !eval[bool](t, tb, `location.hash.includes("measure.latency=p50")`) {
		t.Error("m does not switch the quantile")
	}
	if picture, err := os.ReadFile(filepath.Join(dir, "latency.png")); err != nil || len(picture) == 0 {
		t.Error(err)
	}
	tb.noProblems(t)
}

// BenchmarkFirstPaint opens the page of a large run, 20 backends at 12 values
// of GOMAXPROCS in 10 blocks, and reports when its first content was painted.
func BenchmarkFirstPaint(b *testing.B) {
	dir, _ := folder(b, large.Text())
	tb := openTab(b, 1400, 1000)
	total := 0.0
	for b.Loop() {
		tb.load(b, filepath.Join(dir, PageName), "")
		paint := eval[float64](b, tb, `performance.getEntriesByName("first-contentful-paint")[0].startTime`)
		total += paint
	}
	b.ReportMetric(total/float64(b.N), "paint-ms")
	tb.noProblems(b)
}

var large = synthetic.Plan{
	Backends: synthetic.Names(20), Procs: []int{1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128}, Blocks: 10, Usable: 96, Control: true,
	Boundaries: []sample.Record{synthetic.Boundary(24, "socket 2"), synthetic.Boundary(48, "hyperthreads")},
}
