package family

import (
	"testing"
	"time"
)

// TestWork: the work depends on what it is given and on every unit, so that
// nothing of it can be left out.
func TestWork(t *testing.T) {
	if Work(0, 9) != 9 {
		t.Error("no units, but work")
	}
	if got := Work(60, Work(40, 5)); got != Work(100, 5) {
		t.Errorf("40 and 60 units give %x, 100 give %x", got, Work(100, 5))
	}
	seen := map[uint64]bool{}
	for units := range 100 {
		for x := range uint64(100) {
			seen[Work(units, x)] = true
		}
	}
	if len(seen) < 9900 {
		t.Errorf("10,000 different works give %d results", len(seen))
	}
	if n := testing.AllocsPerRun(10, func() { _ = Work(100, 1) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestCalibrateWork(t *testing.T) {
	if CalibrateWork(0) != 0 || CalibrateWork(-1) != 0 || MeasureWork(0) != 0 {
		t.Error("no time asked, but work")
	}
	if CalibrateWork(1) < 1 {
		t.Error("a nanosecond asked, but no work")
	}
	// A host that is busy may be measured slow, never impossibly fast: a unit
	// is a chain of at least three dependent instructions.
	small, large := CalibrateWork(100*time.Nanosecond), CalibrateWork(time.Millisecond)
	if small < 1 || large < 100*small/4 {
		t.Errorf("100 ns are %d units, 1 ms %d", small, large)
	}
	if ns := MeasureWork(1000); ns < 300 {
		t.Errorf("1000 units in %.0f ns: most of them were left out", ns)
	}
}

func BenchmarkWork(b *testing.B) {
	units := CalibrateWork(100 * time.Nanosecond)
	var x uint64
	for b.Loop() {
		x = Work(units, x)
	}
	b.ReportMetric(MeasureWork(units), "calibrated-ns/op")
}
