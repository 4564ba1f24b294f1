package family

import (
	"testing"

	"github.com/contend-go/contend/bench/sample"
)

// TestAbsences: one combination that does not apply is spoken of as one.
func TestAbsences(t *testing.T) {
	a := absences{why: map[string]string{}, lacking: map[string]bool{}}
	for _, c := range []struct{ service, want string }{
		{"x", "1 combination does not apply: BenchmarkLock/service=x: no server"},
		{"y", "2 combinations do not apply, such as BenchmarkLock/service=x: no server"},
	} {
		name, _ := sample.ParseName("BenchmarkLock/service=" + c.service)
		a.add(name, Absence{Reason: "no server"})
		if got := a.String(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
