package report

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/contend-go/contend/report/internal/synthetic"
)

// paper is the width of an A4 sheet between its margins of 1 cm, in CSS pixels.
const paper = 718

// print shows the page as it is printed.
func (tb *tab) print(t testing.TB, file string) {
	t.Helper()
	tb.run(t, emulation.SetDeviceMetricsOverride(paper, 1000, 1, false), emulation.SetEmulatedMedia().WithMedia("print"))
	tb.load(t, file, "")
}

// TestPrint: no table of findings is wider than a sheet of paper, and the matrix of many backends is whole, in parts.
func TestPrint(t *testing.T) {
	for _, n := range []int{4, 7, 11, 28} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			dir, _ := folder(t, synthetic.Plan{Backends: synthetic.Names(n), Procs: []int{1, 2}, Blocks: 6, Usable: 2, Workloads: []string{"zipf", "uniform", "evict"}}.Text())
			tb := openTab(t, paper, 1000)
			tb.print(t, filepath.Join(dir, PageName))
			const tables = `[...document.querySelectorAll("#findings table, #matrix table")].filter(e => e.offsetParent)`
			if widest := eval[float64](t, tb, `Math.max(...`+tables+`.map(e => e.getBoundingClientRect().right))`); widest > paper {
				t.Errorf("a table reaches to %.0f of %d pixels", widest, paper)
			}
			// Of each name there is one column.
			if got := eval[int](t, tb, `new Set(`+tables+`.filter(e => e.matches(".matrix")).flatMap(e => [...e.tHead.rows[0].cells].slice(2)).map(e => e.textContent)).size`); got != n {
				t.Errorf("%d of %d backends are in the printed matrix", got, n)
			}
			// A name is not broken into letters.
			if got := eval[float64](t, tb, `Math.max(...`+tables+`.filter(e => e.matches(".matrix")).map(e => e.tHead.getBoundingClientRect().height))`); got > 60 {
				t.Errorf("the head of the printed matrix is %.0f pixels high", got)
			}
			tb.noProblems(t)
		})
	}
}

// TestPrintsOnFewPages: a section that is longer than what is left of a sheet begins on it all the same.
func TestPrintsOnFewPages(t *testing.T) {
	plan := typical
	plan.Workloads = nil
	dir, _ := folder(t, plan.Text())
	tb := openTab(t, 1440, 900)
	tb.load(t, filepath.Join(dir, PageName), "")
	var pdf []byte
	tb.run(t, chromedp.ActionFunc(func(ctx context.Context) (err error) {
		pdf, _, err = page.PrintToPDF().WithPaperWidth(8.27).WithPaperHeight(11.69).Do(ctx)
		return err
	}))
	const most = 9
	if n := len(regexp.MustCompile(`/Type\s*/Page\b`).FindAll(pdf, -1)); n < 1 || n > most {
		t.Errorf("%d pages, want up to %d", n, most)
	}
	tb.noProblems(t)
}
