package report

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/contend-go/contend/report/internal/synthetic"
)

// TestAnswersOnAPhone: at 390 pixels nothing is wider than the page, and of the answers nothing has to be scrolled to sideways.
func TestAnswersOnAPhone(t *testing.T) {
	names := synthetic.Names(3)
	for i := range names {
		names[i] += "_with_a_name_that_is_long"
	}
	for _, plan := range []synthetic.Plan{typical, {Backends: names, Procs: []int{1, 2}, Blocks: 6, Usable: 2, Workloads: []string{"zipf", "evict"}}} {
		dir, _ := folder(t, plan.Text())
		tb := openTab(t, 390, 844)
		tb.load(t, filepath.Join(dir, PageName), "")
		if over := eval[int](t, tb, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
			t.Errorf("the page is %d pixels too wide", over)
		}
		const boxes = `[...document.querySelectorAll("#findings .scroll")]`
		if over := eval[int](t, tb, `Math.max(...`+boxes+`.map(e => e.scrollWidth - e.clientWidth))`); over > 0 {
			t.Errorf("an answer is %d pixels too wide", over)
		}
		first := `document.querySelector("#findings tbody tr")`
		if got := eval[string](t, tb, `getComputedStyle(`+first+`.cells[2], "::before").content`); !strings.Contains(got, "fastest") && !strings.Contains(got, "data-head") {
			t.Errorf("a cell does not say what it is: %s", got)
		}
		tb.noProblems(t)
	}
}

// TestNoCeilingNoOverhead: without the share-nothing ceiling no chart is called one of it.
func TestNoCeilingNoOverhead(t *testing.T) {
	plan := synthetic.Plan{Backends: synthetic.Names(2), Procs: []int{1, 2}, Blocks: 6, Usable: 2}
	const title = "Share-nothing ceiling and overhead of sharing"
	if got := pageOf(t, plan.Text()); strings.Contains(got, title) || !strings.Contains(got, "CPU time per operation") {
		t.Error("an overhead is charted that was not measured")
	}
	plan.Control = true
	if !strings.Contains(pageOf(t, plan.Text()), title) {
		t.Error("no chart of the overhead")
	}
}

// TestHeadOfManyBenchmarks: the answers of twelve benchmarks, what cannot be told and the warnings are on the first screen.
func TestHeadOfManyBenchmarks(t *testing.T) {
	text := "# run id=a date=2026-11-28T12:00:00Z version=(devel)\nusable-cpus: 2\nvirtualization: kvm\ncpu: Some CPU\n"
	for i := range 12 {
		for _, p := range []string{"", "-2"} {
			for block := range 6 {
				text += fmt.Sprintf("# sample cell=x block=%d\n", block)
				for _, warning := range []string{"neighbours: the host took 7% of the CPU time", "the rate was not steady after a warm-up of 101ms", "the clock was set", "the process was held up", "other programs ran"} {
					text += fmt.Sprintf("# warn text=%q\n", warning)
				}
				text += fmt.Sprintf("BenchmarkRWMutexWorkWrite%c%s 10 100 ns/op\n", 'A'+i, p)
			}
		}
	}
	dir, _ := folder(t, text)
	tb := openTab(t, 1440, 900)
	tb.load(t, filepath.Join(dir, PageName), "")
	if bottom := eval[float64](t, tb, `document.getElementById("findings").getBoundingClientRect().bottom`); bottom > 900 {
		t.Errorf("the findings end at %.0f pixels", bottom)
	}
	tb.noProblems(t)
}
