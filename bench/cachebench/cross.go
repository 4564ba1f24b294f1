package cachebench

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/cachebench/workload"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/caches"
)

// cross is every combination of the axes, without the repetitions that arise
// where a workload fixes an axis.
func (a axes) cross() []cell {
	var all []cell
	seen := map[string]bool{}
	a.each(func(c cell) {
		if n := c.name(c.Procs); !seen[n] {
			seen[n] = true
			all = append(all, c)
		}
	})
	return all
}

// each calls f for every combination; axes that do not apply to the workload
// take their fixed value.
func (a axes) each(f func(cell)) {
	loads := a.loads()
	for _, load := range loads {
		for _, perP := range a.perP {
			for _, shared := range a.shared {
				for _, backend := range a.backends {
					for _, procs := range a.procs {
						c := load
						c.PerP, c.Shared, c.Backend, c.Procs = perP, shared, backend, procs
						f(c)
					}
				}
			}
		}
	}
}

// loads is every combination of the axes that make the load.
func (a axes) loads() []cell {
	var loads []cell
	for _, name := range a.workloads {
		spec, _ := workload.Lookup(name)
		for _, reads := range a.reads {
			for _, keys := range a.keys {
				for _, capacity := range a.capacity {
					for _, keyType := range a.keyTypes {
						for _, keySize := range a.keySizes {
							for _, hot := range a.hotShare {
								for _, work := range a.work {
									for _, lock := range a.itemLock {
										c := cell{Workload: name, Reads: reads, Keys: keys, Capacity: capacity, KeyType: keyType, KeySize: keySize, HotShare: hot, Work: work, ItemLock: lock}
										loads = append(loads, a.fix(c, spec))
									}
								}
							}
						}
					}
				}
			}
		}
	}
	return loads
}

// fix sets what the workload decides itself.
func (a axes) fix(c cell, spec workload.Spec) cell {
	if spec.Pattern == workload.Recorded {
		c.Keys, c.Input, c.InputName, c.Content = a.traceKeys, a.input, inputName(a.input), a.traceContent
		c.requests = a.traceRequests
	}
	c.Keys = spec.KeyCount(c.Keys)
	if c.Capacity == 0 {
		c.Capacity = spec.Capacity(c.Keys)
	}
	if spec.KeyLength > 0 {
		c.KeySize = spec.KeyLength
	}
	if c.KeyType != "string" {
		c.KeySize = 0
	}
	if !spec.Mixed {
		c.Reads = 100
	}
	if spec.Pattern != workload.Hot {
		c.HotShare = 0
	}
	if spec.Task != workload.TakeToken {
		c.ItemLock = false
	}
	return c
}

// inputName is the file's name as it may stand in a benchmark name.
func inputName(path string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r == '/' || r == '=' || r == '-' || r > 0x7e {
			return '_'
		}
		return r
	}, filepath.Base(path))
}

// notApplicable is why a backend cannot run a cell; empty if it can.
func notApplicable(spec caches.Spec, c cell) string {
	load, _ := workload.Lookup(c.Workload)
	switch {
	case spec.ReadOnly && (load.Task != workload.GetSet && load.Task != workload.TakeToken || c.Reads < 100):
		return "the backend is only read once it is filled"
	case load.Evicts && !spec.Bounded:
		return "the backend is unbounded: it never evicts"
	case load.Task == workload.TakeToken && !spec.Strict:
		return "the backend is not strict: a rate limiter would lose its buckets"
	case c.KeyType == "uint64" && spec.Uint64 == nil || c.KeyType == "string" && spec.String == nil:
		return "the backend takes no such keys"
	case c.Capacity < spec.MinCapacity:
		return fmt.Sprintf("the backend takes no capacity below %d", spec.MinCapacity)
	}
	return ""
}

// tooLarge is why a cell does not fit the host's memory; empty if it does.
func tooLarge(c cell, facts *host.Facts) string {
	if need := c.memory(); facts.Memory > 0 && need > facts.Memory*3/4 {
		return fmt.Sprintf("at GOMAXPROCS=%d and above: about %d MB of memory needed, the host has %d", c.Procs, need>>20, facts.Memory>>20)
	}
	return ""
}

// memory is about how much the cell's process takes: keys and stream, and for
// each cache its entries at 200 bytes.
func (c cell) memory() int64 {
	copies := int64(1)
	if !c.Shared {
		copies = int64(c.goroutines(c.Procs))
	}
	keys := int64(c.Keys)
	entries := min(keys, int64(c.Capacity))
	return keys*int64(2*(16+c.KeySize)+8+32) + copies*(entries*200+int64(c.Capacity)*16)
}

// absences are the combinations that do not apply, each listed once.
type absences struct {
	order []string
	why   map[string]string
}

func newAbsences() *absences { return &absences{why: map[string]string{}} }

// add notes a combination, without the keys of its name that do not matter.
func (a *absences) add(c cell, reason string, without ...string) {
	name, _ := sample.ParseName(c.name(c.Procs))
	key := name.Without(without...)
	if _, ok := a.why[key]; !ok {
		a.order = append(a.order, key)
		a.why[key] = reason
	}
}

func (a *absences) records() []sample.Record {
	var list []sample.Record
	for _, name := range a.order {
		list = append(list, sample.Record{Verb: "absent", Fields: []sample.Field{{Key: "name", Value: name}, {Key: "reason", Value: a.why[name]}}})
	}
	return list
}

func (a *absences) String() string {
	if len(a.order) == 0 {
		return "no combination of the axes"
	}
	first := a.order[0]
	return fmt.Sprintf("%d combinations do not apply, such as %s: %s", len(a.order), first, a.why[first])
}

// backendRecord is what a backend promises, for reports.
func backendRecord(s caches.Spec) sample.Record {
	fields := []sample.Field{
		{Key: "name", Value: s.Name}, {Key: "about", Value: s.About},
		{Key: "sync", Value: string(s.Sync)}, {Key: "policy", Value: s.Policy},
		{Key: "bounded", Value: strconv.FormatBool(s.Bounded)},
		{Key: "read-only", Value: strconv.FormatBool(s.ReadOnly)},
		{Key: "strict", Value: strconv.FormatBool(s.Strict)},
		{Key: "may-drop", Value: strconv.FormatBool(s.MayDrop)},
		{Key: "overshoot", Value: overshoot(s)},
	}
	if s.MinCapacity > 1 {
		fields = append(fields, sample.Field{Key: "min-capacity", Value: strconv.Itoa(s.MinCapacity)})
	}
	return sample.Record{Verb: "backend", Fields: fields}
}

func overshoot(s caches.Spec) string {
	if !s.Bounded {
		return "unbounded"
	}
	var parts []string
	if f := s.Overshoot.Fraction; f > 0 {
		parts = append(parts, number(100*f)+"%")
	}
	if n := s.Overshoot.Entries; n > 0 {
		parts = append(parts, strconv.Itoa(n))
	}
	if n := s.Overshoot.PerSet; n > 0 {
		parts = append(parts, fmt.Sprintf("%d per Set in flight", n))
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, " + ")
}

// workUnits calibrates --work, or takes the calibration of the run folder.
func (o *Options) workUnits() map[time.Duration]int {
	units := map[time.Duration]int{}
	if old, err := bench.LoadPlan(filepath.Join(o.Out, bench.PlanFile)); err == nil {
		for _, p := range old.Cells {
			if c, ok := decode(p.Env); ok {
				units[c.Work] = c.WorkUnits
			}
		}
	}
	for _, w := range o.Work {
		if _, ok := units[w]; !ok {
			units[w] = workload.CalibrateWork(w)
		}
	}
	return units
}
