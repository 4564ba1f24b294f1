package derive

import (
	"maps"
	"strings"

	"github.com/contend-go/contend/bench/sample"
)

// WaitUnit is the unit of which [WaitParts] are the parts: stalled Ps.
const WaitUnit = "p-wait"

// WaitPart is one of the things that Ps wait for.
type WaitPart struct{ Unit, Label string }

// WaitParts are the parts of p-wait, as they are stacked: what goroutines were
// blocked on first. The parts of one sample add up to its p-wait.
var WaitParts = []WaitPart{
	{"p-wait-lock", "blocked on locks"},
	{"p-wait-chan", "blocked on channels"},
	{"p-wait-wakeup", "wake-up latency"},
	{"p-wait-held", "scheduling, spinning"},
	{"p-wait-syscall", "system calls"},
	{"p-wait-stw", "stop-the-world"},
	{"p-wait-other", "other, or nothing to do"},
}

// waits fills in what Ps stood still for. Tours count only where no cell was
// traced on its own: they are one process, traced throughout.
func (f *Facet) waits() {
	var points []*Point
	traced := false
	for _, s := range f.Series {
		for _, p := range s.Points {
			points = append(points, p)
			traced = traced || p.Traced[WaitUnit].N > 0
		}
	}
	for _, p := range points {
		of, all := p.traced, p.Traced
		if !traced {
			of, all = p.toured, summaries(p.toured)
			f.Toured = f.Toured || len(of) > 0
		}
		p.Wait = maps.Clone(all)
		maps.DeleteFunc(p.Wait, func(unit string, _ Estimate) bool { return !strings.HasPrefix(unit, WaitUnit) })
		p.Cost = Ratio(of, p.shared, rateOf)
	}
}

func rateOf(s *sample.Sample) (float64, bool) {
	r, _, ok := Rate(s)
	return r, ok
}

// Costs is, for every sample under a probe, the throughput of the samples of its
// name ÷ that of the untraced ones of the same conditions.
func Costs(set *sample.Set) map[*sample.Sample]Estimate {
	type key struct{ name, variant string }
	of := map[key][]*sample.Sample{}
	for _, s := range set.Samples {
		k := key{s.Name.String(), s.Variant}
		of[k] = append(of[k], s)
	}
	costs := map[*sample.Sample]Estimate{}
	for k, probed := range of {
		name := probed[0].Name
		if _, ok := name.Get(keyProbe); !ok {
			continue
		}
		e := Ratio(probed, of[key{name.Without(keyProbe), k.variant}], rateOf)
		for _, s := range probed {
			costs[s] = e
		}
	}
	return costs
}
