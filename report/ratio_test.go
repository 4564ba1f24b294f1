package report

import (
	"bytes"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/contend-go/contend/report/internal/derive"
)

// unequal is a run in which one backend is 1,330 and one 100,000 times as slow as the fastest.
func unequal() string {
	text := "# contend protocol=1\n# run id=a\nusable-cpus: 4\n# begin\n"
	for block := range 6 {
		for _, workload := range []string{"zipf", "evict"} {
			for backend, ns := range map[string]float64{"quick": 10, "slow": 13300, "slower": 1e6} {
				for _, p := range []int{1, 2} {
					text += fmt.Sprintf("# sample cell=%s%s%d block=%d\nBenchmarkCache/workload=%s/backend=%s/gomaxprocs=%d 10 %g ns/op\n", workload, backend, p, block, workload, backend, p, ns*float64(1+block))
				}
			}
		}
	}
	return text
}

// exponent matches a number with one.
var exponent = regexp.MustCompile(`\d[eE][-+]?\d`)

// TestRatiosAreReadable: no output prints a ratio with an exponent.
func TestRatiosAreReadable(t *testing.T) {
	r := reportOf(t, unequal())
	var text, md, js bytes.Buffer
	for _, err := range []error{r.Text(&text, 0), r.Markdown(&md, "quick"), r.JSON(&js)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, out := range map[string]string{"text": text.String(), "Markdown": md.String(), "JSON": js.String()} {
		if found := exponent.FindString(out); found != "" {
			t.Errorf("%s prints %q: %s", name, found, out)
		}
	}
	// Markdown divides times, the page throughput.
	if want := "100000 [100000, 100000]"; !strings.Contains(md.String(), want) {
		t.Errorf("Markdown lacks %q: %s", want, md.String())
	}
	if c := r.view.Facets[0].Contests[0].Ranks; derive.Format("×", c[1].Ratio.Median) != "0.000752×" {
		t.Errorf("%+v", c[1].Ratio)
	}
}

// TestPageFormatsAlike: the page's script prints a number as the tables and the terminal do.
func TestPageFormatsAlike(t *testing.T) {
	dir, _ := folder(t, unequal())
	tb := openTab(t, 1000, 800)
	tb.load(t, filepath.Join(dir, PageName), "")
	if got := eval[string](t, tb, `document.getElementById("matrix").textContent`); !strings.Contains(got, "0.000752×") || !strings.Contains(got, "0.0000100×") {
		t.Errorf("the matrix: %s", got)
	}
	source := eval[string](t, tb, `document.scripts[document.scripts.length - 1].textContent`)
	functions := regexp.MustCompile(`(?s)function fixed\(.*?\n  }\n\n  function digits\(.*?\n  }\n`).FindString(source)
	if functions == "" {
		t.Fatal("the script has no function digits")
	}
	for _, v := range []float64{0, 1, 0.5, 0.00151, 0.0009999, 0.000751, -0.0002, 7.514e-6, 2.5e-10, 0.09996, 9.996, 99.96, 12345, 2e7} {
		got := eval[string](t, tb, fmt.Sprintf(`new Function(%q + "return digits(%g)")()`, functions, v))
		if want := strings.TrimSuffix(derive.Format("×", v), "×"); got != want {
			t.Errorf("the script prints %g as %s, the tables as %s", v, got, want)
		}
	}
	tb.noProblems(t)
}
