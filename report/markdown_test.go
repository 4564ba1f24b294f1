package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/internal/synthetic"
)

// TestMarkdown: a line for each series, figures paired by block, and a mark
// where GOMAXPROCS exceeds the usable CPUs.
func TestMarkdown(t *testing.T) {
	text := "# contend protocol=1\n# run id=a seed=1\nusable-cpus: 2\n"
	for block := range 6 {
		drift := 1 + block // both structures' times, so that their ratio is always 4
		for _, p := range []int{2, 8} {
			text += fmt.Sprintf("# sample cell=a%d block=%d\nBenchmarkPrimitive/row=lock/impl=mutex/gomaxprocs=%d 10 %d ns/op\n", p, block, p, 10000*drift)
			text += fmt.Sprintf("# sample cell=b%d block=%d\nBenchmarkPrimitive/row=lock/impl=spin/gomaxprocs=%d 10 %d ns/op\n", p, block, p, 40000*drift)
		}
	}
	text += "# sample cell=c block=0\nBenchmarkPrimitive/row=alloc/impl=@a|<b>_[x](y)/gomaxprocs=2 10 12.345 ns/op\n"
	set := new(sample.Set)
	if err := set.Read(strings.NewReader(text), "synthetic"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		against []string
		want    string
	}{
		{[]string{"channel", "mutex"}, `
| chart | implementation | GOMAXPROCS=2, ns/op | GOMAXPROCS=8, ns/op | ÷ first, 2 | ÷ first, 8 |
|---|---|---|---|---|---|
| alloc | &#64;a\|&lt;b&gt;\_\[x\](y) | 12.3 (1 sample, no interval) |  |  |  |
| lock | mutex | 35000 [10000, 60000] | 35000 [10000, 60000] (oversubscribed) | 1 | 1 |
| lock | spin | 140000 [40000, 240000] | 140000 [40000, 240000] (oversubscribed) | 4 [4, 4] | 4 [4, 4] (oversubscribed) |
`},
		{nil, `
| chart | implementation | GOMAXPROCS=2, ns/op | GOMAXPROCS=8, ns/op |
|---|---|---|---|
| alloc | &#64;a\|&lt;b&gt;\_\[x\](y) | 12.3 (1 sample, no interval) |  |
| lock | mutex | 35000 [10000, 60000] | 35000 [10000, 60000] (oversubscribed) |
| lock | spin | 140000 [40000, 240000] | 140000 [40000, 240000] (oversubscribed) |
`},
	} {
		var out strings.Builder
		r, err := New(set)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Markdown(&out, c.against...); err != nil {
			t.Fatal(err)
		}
		if got := "\n" + out.String(); !strings.HasSuffix(got, c.want) {
			t.Errorf("against %v:\n%s\nwant\n%s", c.against, got, c.want)
		}
	}
}

// TestMarkdownSaysOfHowMany: a ratio of few blocks says so, a quantile of part of the samples says of how many, and a lock that did not exclude has its mark.
func TestMarkdownSaysOfHowMany(t *testing.T) {
	text := "# contend protocol=1\n# run id=a\n# axis name=Lock key=clients series=service\nusable-cpus: 2\n# begin\n"
	for block := range 2 {
		for i, name := range []string{"lease", "redis"} {
			text += fmt.Sprintf("# sample cell=%s block=%d\nBenchmarkLock/fault=none/fence=on/clients=1/service=%s/gomaxprocs=2 10 %d ns/op %d overlaps\n", name, block, name, 10+30*i, i)
		}
	}
	_, set := folder(t, text)
	r, err := New(set)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := r.Markdown(&b, "lease"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| redis ✗ | 40 (2 samples, no interval) | 4 (2 paired blocks, no interval) |", "✗: did not exclude under this fault and fence"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	_, set = folder(t, synthetic.OpenLoad(map[string]map[string]float64{"ring": {"50%": 20_000}}, 3))
	if text := markdownOf(t, set); !strings.Contains(text, "(5 of 6 samples) |") {
		t.Errorf("no 5 of 6 samples in\n%s", text)
	}
}

// TestMarkdownOfWaits: of an open load the figures are what callers wait, and what was not carried has none; of two builds the
// first finding is what changed.
func TestMarkdownOfWaits(t *testing.T) {
	_, set := folder(t, synthetic.OpenLoad(map[string]map[string]float64{"ring": {"50%": 20_000, "80%": 0}}, -1))
	text := markdownOf(t, set)
	for _, want := range []string{"| chart | backend | rate=50%, p99 in ns | rate=80%, p99 in ns |", "|  | ring | 20500 [20000, 21000] | unstable |"} {
		if !strings.Contains(text, want) {
			t.Errorf("no line %q in\n%s", want, text)
		}
	}
	plan := synthetic.Plan{Backends: []string{"ring", "otter2"}, Procs: []int{1, 2}, Blocks: 6, Usable: 2}.Text()
	_, set = folder(t, strings.ReplaceAll(plan, "# sample ", "# sample variant=base ")+strings.ReplaceAll(plan, "# sample ", "# sample variant=head "))
	if err := set.Lift("variant"); err != nil {
		t.Fatal(err)
	}
	if text := markdownOf(t, set); !strings.Contains(text, "- head against base\n  - ring, GOMAXPROCS=2: ") || strings.Contains(text, "fastest") {
		t.Errorf("of two builds: %s", text)
	}
}

func markdownOf(t *testing.T, set *sample.Set) string {
	t.Helper()
	r, err := New(set)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := r.Markdown(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
