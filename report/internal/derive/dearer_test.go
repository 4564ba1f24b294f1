package derive

import (
	"fmt"
	"strings"
	"testing"
)

// TestDearer: where an operation takes twice the CPU time or more on more CPUs, and the whole
// interval says so, that is a finding, with what names the lines; in a traced run, and where
// it may be noise or GOMAXPROCS is oversubscribed, it is none.
func TestDearer(t *testing.T) {
	text := func(probe string) string {
		text := "# run id=1\nusable-cpus: 2\n"
		for block := range 6 {
			for name, cost := range map[string][3]float64{"shared": {5, 20, 90}, "padded": {5, 5.5, 90}, "noisy": {5, 5 + 5*float64(block), 90}} {
				for i, p := range []int{1, 2, 8} {
					line := fmt.Sprintf("BenchmarkX/backend=%s/gomaxprocs=%d 1 1e6 ops/s %g cpu-ns/op\n", name, p, cost[i])
					if i == 1 && probe != "" {
						text += fmt.Sprintf("# sample cell=y block=%d\n%s", block, strings.Replace(line, "/gomaxprocs", probe+"/gomaxprocs", 1))
					}
					text += fmt.Sprintf("# sample cell=x block=%d\n%s", block, line)
				}
			}
		}
		return text
	}
	fd, ok := New(read(t, text(""))).dearer()
	if want := "shared, GOMAXPROCS=2: 4.00× of that at 1 (95% interval 4.00 to 4.00×, 6 paired blocks)"; !ok || fmt.Sprint(fd.More) != "["+want+"]" || fd.Kind != Blame || !strings.Contains(fd.Next, "--trace cells") {
		t.Errorf("%+v, want %q", fd, want)
	}
	if fd, ok := New(read(t, text("/probe=trace"))).dearer(); ok {
		t.Errorf("of a traced run: %+v", fd)
	}
}
