package report

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
)

// TestLongNames: the two builds of a benchmark with a long name have different names at
// the ends of their lines and whole ones in the legend, and long conditions do not run
// into the next column, wide or narrow.
func TestLongNames(t *testing.T) {
	var text strings.Builder
	for _, file := range []struct{ name, keys string }{{"Cache", "/workload=ratelimit/reads=100/keys=32768/capacity=65536/key=string17/item-lock=on/goroutines-per-p=1/sharing=all"}, {"Primitive", "/row=lock-contended/hold=200ns/think=200ns"}} {
		for block := range 6 {
			for i, variant := range []string{"base", "head"} {
				for k, backend := range []string{"ParseLen32Truncated", "ParseLen36Corrupted", "ring"} {
					for procs := 1; procs <= 2; procs++ {
						fmt.Fprintf(&text, "# sample cell=%s%d%d block=%d variant=%s\nBenchmark%s%s/backend=%s/gomaxprocs=%d 100 %d ops/s\n", file.name, k, procs, block, variant, file.name, file.keys, backend, procs, (1000+500*i+block)*(k+2)*procs)
					}
				}
			}
		}
	}
	dir, set := folder(t, "# contend protocol=1\n# run id=a seed=1 exe=sha256:0\ngoos: linux\n# begin\n"+text.String())
	if err := set.Lift("variant"); err != nil {
		t.Fatal(err)
	}
	r, err := New(set)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Write(dir, Options{DPI: 48}); err != nil {
		t.Fatal(err)
	}
	tb := openTab(t, 1280, 900)
	for _, width := range []int64{1280, 390} {
		tb.run(t, emulation.SetDeviceMetricsOverride(width, 900, 1, width < 500))
		tb.load(t, filepath.Join(dir, PageName), "")
		if width > 1000 {
			ends := eval[[]string](t, tb, `[...document.querySelectorAll('.facet:not([hidden]) [data-section=throughput] .plot .end')].map((e) => e.textContent)`)
			seen := map[string]bool{}
			for _, e := range ends {
				if seen[e] {
					t.Errorf("two lines are called %s: %q", e, ends)
				}
				seen[e] = true
			}
			if len(ends) != 6 {
				t.Errorf("%d names at the ends of lines: %q", len(ends), ends)
			}
		}
		if width > 1000 { // as printed, nothing is beyond the paper
			tb.run(t, emulation.SetEmulatedMedia().WithMedia("print"), emulation.SetDeviceMetricsOverride(718, 1000, 1, false))
			if beyond := eval[[]string](t, tb, `[...document.querySelectorAll("table")].filter((e) => e.offsetParent && e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.textContent.slice(0, 80))`); len(beyond) > 0 {
				t.Errorf("printed beyond the paper: %q", beyond)
			}
			tb.run(t, emulation.SetEmulatedMedia(), emulation.SetDeviceMetricsOverride(width, 900, 1, false))
		}
		for what, selector := range map[string]string{"the answer": ".head td", "the legend": ".legend .toggle span"} {
			cut := eval[[]string](t, tb, `[...document.querySelectorAll('`+selector+`')].filter((e) => e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1).map((e) => e.textContent)`)
			if n := eval[int](t, tb, `document.querySelectorAll('`+selector+`').length`); len(cut) > 0 || n < 6 {
				t.Errorf("%d pixels: of %d texts in %s do not fit: %q", width, n, what, cut)
			}
		}
	}
	tb.noProblems(t)
}
