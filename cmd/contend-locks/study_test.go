package main

import (
	"strings"
	"testing"

	"github.com/contend-go/contend/report/claims"
)

// TestStudy: what the study measures is all that the claims need: with such a run none of
// them answers that something was not measured.
func TestStudy(t *testing.T) {
	out, err := program("sweep", "--suite", "study", "--dry-run", "--procs", "2", "--count", "6", "--out", t.TempDir()).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, cell := range claims.LockCells() {
		if !strings.Contains(string(out), "service="+cell["service"]+"/") {
			lacks(t, cell["service"])
		}
		found := false
		for line := range strings.Lines(string(out)) {
			all := strings.Contains(line, "BenchmarkLock/")
			for key, value := range cell {
				switch {
				case key == "ttl", key == "load": // services round it up; the rate says it
				case key == "hold" && value == "0s":
					all = all && !strings.Contains(line, "/hold=")
				default:
					all = all && strings.Contains(line, "/"+key+"="+value+"/")
				}
			}
			found = found || all
		}
		if !found {
			t.Errorf("no cell with %v", cell)
		}
	}
}
