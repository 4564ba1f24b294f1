package report

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestCeilingIsExplained: the page says what efficiency is and why a point can lie above its ceiling, and remarks upon one that
// lies above it by more than its interval: in the findings, in the table and at the pointer.
func TestCeilingIsExplained(t *testing.T) {
	text := "# run id=1\nusable-cpus: 2\n"
	for block := range 6 {
		for backend, r := range map[string]float64{"above": 1.5, "below": 0.5} {
			for _, p := range []int{1, 2} {
				for sharing, rate := range map[string]float64{"all": r, "none": 1} {
					text += fmt.Sprintf("# sample cell=%s block=%d\nBenchmarkX/sharing=%s/backend=%s/gomaxprocs=%d 1 %g ops/s\n", sharing, block, sharing, backend, p, 1e6*rate*float64(p))
				}
			}
		}
	}
	dir, _ := folder(t, text)
	tb := openTab(t, 1440, 900)
	tb.load(t, filepath.Join(dir, PageName), "#measure.throughput=efficiency")
	for where, want := range map[string]string{
		"#findings": "2 of 4 points are above their share-nothing ceiling by more than the interval", "#words": "throughput ÷ the share-nothing ceiling",
		`[data-section="throughput"] .unit`: "can lie above the ceiling",
	} {
		if got := eval[string](t, tb, fmt.Sprintf("document.querySelector(%q).textContent", where)); !strings.Contains(got, want) {
			t.Errorf("%s lacks %q: %s", where, want, got)
		}
	}
	if n := eval[int](t, tb, `[...document.querySelectorAll('[data-section="throughput"] td small')].filter(e => e.textContent.endsWith("above the ceiling")).length`); n != 2 {
		t.Errorf("%d cells are remarked upon, want 2", n)
	}
	for name, want := range []bool{true, false} {
		at := eval[[]float64](t, tb, markerAt("throughput", name, 1))
		tb.run(t, chromedp.MouseEvent("mouseMoved", at[0], at[1]))
		tip := eval[string](t, tb, `document.getElementById("tip").innerText`)
		if !strings.Contains(tip, "GOMAXPROCS 2") || strings.Contains(tip, "Above the ceiling") != want {
			t.Errorf("at the pointer: %q", tip)
		}
	}
	tb.noProblems(t)
}
