package report

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestMatrix: the matrix of conditions and services has no winner where locks broke or samples are too few.
func TestMatrix(t *testing.T) {
	text := "# contend protocol=1\n# run id=a\n# axis name=Lock key=clients series=service\nusable-cpus: 2\n# begin\n"
	for _, line := range []string{
		"evict/fence=on/clients=2/service=fast 10 900 ops/s 3", "evict/fence=on/clients=2/service=slow 10 100 ops/s 0", "evict/fence=on/clients=2/service=mid 10 200 ops/s 0",
		"none/fence=on/clients=2/service=fast 10 900 ops/s 0", "none/fence=on/clients=2/service=slow 10 100 ops/s 0",
	} {
		text += "BenchmarkLock/fault=" + line + " overlaps\n"
	}
	dir := t.TempDir()
	if _, err := reportOf(t, text).Write(dir, Options{}); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, PageName))
	if err != nil {
		t.Fatal(err)
	}
	matrix := between(t, string(page), `<section class="block" id="matrix">`, "</section>")
	var cells []string
	for _, m := range regexp.MustCompile(`<td class="num ([a-z]*)"[^>]*>([^<]*)</td>`).FindAllStringSubmatch(matrix, -1) {
		cells = append(cells, strings.TrimSpace(m[1]+" "+m[2]))
	}
	got := strings.Join(cells, "|")
	for _, want := range []string{"broken ✗ 4.50×", "unsure 200 ops/s ?", "unsure 900 ops/s ?", "unsure 0.500×"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %s", want, got)
		}
	}
	if strings.Contains(got, "first") {
		t.Errorf("a winner of one sample: %s", got)
	}
}
