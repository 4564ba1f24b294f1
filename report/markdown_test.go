package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/contend-go/contend/bench/sample"
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
| chart | series | GOMAXPROCS=2, ns/op | GOMAXPROCS=8, ns/op | ÷ first, 2 | ÷ first, 8 |
|---|---|---|---|---|---|
| alloc | &#64;a\|&lt;b&gt;\_\[x\](y) | 12.3 |  |  |  |
| lock | mutex | 35000 [10000, 60000] | 35000 [10000, 60000] (oversubscribed) | 1 | 1 |
| lock | spin | 140000 [40000, 240000] | 140000 [40000, 240000] (oversubscribed) | 4 [4, 4] | 4 [4, 4] (oversubscribed) |
`},
		{nil, `
| chart | series | GOMAXPROCS=2, ns/op | GOMAXPROCS=8, ns/op |
|---|---|---|---|
| alloc | &#64;a\|&lt;b&gt;\_\[x\](y) | 12.3 |  |
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
