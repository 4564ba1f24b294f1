package compare

import (
	"slices"
	"strings"
	"testing"
)

// TestPackageStatedOnOneSide: a run of one package meets the text of go test.
func TestPackageStatedOnOneSide(t *testing.T) {
	lines := strings.Repeat("BenchmarkA-4 100 100 ns/op\nBenchmarkB-4 100 100 ns/op\n", 6)
	for _, texts := range [][2]string{{lines, "pkg: x/y\n" + lines}, {"pkg: x/y\n" + lines, lines}} {
		c, err := Compare(side(t, "old", texts[0]), side(t, "new", texts[1]), Default)
		if err != nil || len(c.Rows) != 2 || len(c.Missing)+len(c.New) > 0 {
			t.Fatalf("%v, %+v", err, c)
		}
	}
	two := "pkg: x/y\n" + lines + "pkg: x/z\nBenchmarkA-4 100 100 ns/op\n" // which A is meant?
	c, err := Compare(side(t, "old", lines), side(t, "new", two), Default)
	if err != nil || !slices.Equal(c.Missing, []string{"BenchmarkA/gomaxprocs=4"}) {
		t.Fatalf("%v, %+v", err, c)
	}
}
