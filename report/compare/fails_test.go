package compare

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestFailsInHead: a benchmark that fails in processes of the new side is an alarm in every
// format, whether none or some of it are left to compare; not so where the old side fails as
// well, and where a second attempt went well.
func TestFailsInHead(t *testing.T) {
	const n = 16
	text := func(failed func(block int) string) string {
		b := "# contend protocol=1\n# run id=1\n# begin\n"
		for i := range n {
			for _, name := range []string{"A", "B"} {
				id, line := fmt.Sprintf("# sample cell=%s block=%d", name, i), fmt.Sprintf("Benchmark%s/gomaxprocs=1 100 %v ns/op\n", name, hundred[i%len(hundred)])
				if why := failed(i); name == "A" && why != "" {
					b += id + why + "\n# result " + line
					if strings.HasSuffix(why, "again") {
						b += id + "\n" + line
					}
					continue
				}
				b += id + "\n" + line
			}
		}
		return b
	}
	none := func(int) string { return "" }
	const panics, throttled = ` invalid="exit status 2: panic: late" failed=1`, ` invalid="throttled by the CPU quota for 3ms"`
	first := func(k int, what string) func(int) string {
		return func(i int) string {
			if i < k {
				return what
			}
			return ""
		}
	}
	for _, test := range []struct {
		name     string
		old, new func(int) string
		want     string // empty: no alarm
	}{
		{"all", none, first(n, panics), "LOST: BenchmarkA/gomaxprocs=1: fails in all of 16 processes of new, and in none of 16 processes of old: exit status 2: panic: late"},
		{"half", none, first(n/2, panics), "FAILS: BenchmarkA/gomaxprocs=1: fails in 8 of 16 processes of new, and in none of 16 processes of old: exit status 2: panic: late"},
		{"one", none, first(1, panics), "FAILS: BenchmarkA/gomaxprocs=1: fails in 1 of 16 processes of new, and in none of 16 processes of old: exit status 2: panic: late"},
		{"more often", first(2, panics), first(n-2, panics), "FAILS: BenchmarkA/gomaxprocs=1: fails in 14 of 16 processes of new, and in 2 of 16 processes of old: exit status 2: panic: late"},
		{"as often", first(2, panics), first(3, panics), ""},
		{"the old side alone", first(n, panics), none, ""},
		{"both", first(n, panics), first(n, panics), ""},
		{"the host", none, first(n, throttled), ""},
		{"well when tried again", none, first(2, panics+" again"), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := compareTexts(t, text(test.old), text(test.new), Default)
			if c.Regressed() != (test.want != "") {
				t.Errorf("regressed: %v; %v", c.Regressed(), c.Notices)
			}
			for _, format := range []string{"text", "markdown", "github", "junit", "json"} {
				var out bytes.Buffer
				if err := c.Write(&out, format); err != nil {
					t.Fatal(err)
				}
				got, what := out.String(), ""
				if test.want != "" {
					what, _, _ = strings.Cut(test.want, ":")
				}
				wants := map[string]string{"text": test.want, "markdown": "- **" + what + "**: ", "github": "::error title=" + what + "::", "junit": `failures="1"`, "json": `"regressed": true`}
				if test.want != "" && !strings.Contains(got, wants[format]) {
					t.Errorf("%s: no %q in\n%s", format, wants[format], got)
				}
				if test.want == "" && (strings.Contains(got, "::error") || strings.Contains(got, "<failure") || strings.Contains(got, "❌")) {
					t.Errorf("%s: an alarm in\n%s", format, got)
				}
				if format == "json" && !json.Valid(out.Bytes()) {
					t.Errorf("not JSON: %s", got)
				}
			}
		})
	}
}
