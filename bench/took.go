package bench

import (
	"fmt"
	"strings"
	"time"
)

// Time is how long processes took, against what was expected of them, and what
// may explain the difference.
type Time struct {
	Took, Expected time.Duration
	Warming        time.Duration // warm-ups, where samples tell
	Steal          float64       // share of the CPUs' time that the host took
	Pressure       float64       // share of the time in which some thread of the host waited for a CPU

	stolen, pressed, capacity time.Duration
}

// add counts one process in.
func (t *Time) add(c Cell, o Output, took time.Duration, cpus float64) {
	t.Took += took
	t.Expected += c.Expect
	t.stolen += o.Other.Steal
	t.pressed += o.Other.Pressure
	t.capacity += time.Duration(float64(took) * cpus)
	if t.capacity > 0 {
		t.Steal = float64(t.stolen) / float64(t.capacity)
	}
	if t.Took > 0 {
		t.Pressure = min(1, float64(t.pressed)/float64(t.Took))
	}
}

// off is by how much a run may miss its estimate before it is explained.
const off = 1.25

// String is a line on the time it took; empty for less than a second.
func (t *Time) String() string {
	if t.Took < time.Second || t.Expected == 0 {
		return ""
	}
	took, expected := t.Took.Round(time.Second), t.Expected.Round(time.Second)
	ratio := float64(t.Took) / float64(t.Expected)
	if ratio <= off || took <= expected {
		return fmt.Sprintf("took %v; estimated %v", took, expected)
	}
	var why []string
	add := func(format string, args ...any) { why = append(why, fmt.Sprintf(format, args...)) }
	if t.Steal > StealWarning {
		add("other tenants of the host took %.0f%% of the CPU time", 100*t.Steal)
	}
	if t.Pressure > 0.1 {
		add("in %.0f%% of the time threads waited for a CPU: other programs run here, or there were more Ps than CPUs", 100*t.Pressure)
	}
	if share := float64(t.Warming) / float64(t.Took); share > 0.1 {
		add("warming up took %.0f%% of it: windows begin when the rate is steady", 100*share)
	}
	if len(why) == 0 {
		add("processes were slower to start and to fill than expected")
	}
	return fmt.Sprintf("took %v, %.1f times the estimate of %v: %s", took, ratio, expected, strings.Join(why, "; "))
}
