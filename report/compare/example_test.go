package compare_test

import (
	"fmt"
	"strings"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/compare"
)

// Two builds that one run measured side by side, and the verdict on the new one.
func ExampleCompare() {
	text := "# contend protocol=1\n# run id=a\n"
	for block := range 12 {
		for _, variant := range []string{"base", "head"} {
			ns := 100 + block%3
			if variant == "head" {
				ns *= 4
			}
			text += fmt.Sprintf("# sample cell=c block=%d variant=%s\nBenchmarkGet/gomaxprocs=2 1000 %d ns/op\n", block, variant, ns)
		}
	}
	set := new(sample.Set)
	if err := set.Read(strings.NewReader(text), "samples.txt"); err != nil {
		fmt.Println(err)
		return
	}
	c, err := compare.Compare(
		compare.Side{Label: "base", Set: set, Variant: "base"},
		compare.Side{Label: "head", Set: set, Variant: "head"}, compare.Default)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Gated()[0].Verdict, c.Regressed())
	// Output: worse true
}
