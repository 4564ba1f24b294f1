package bench

import (
	"runtime"
	"runtime/metrics"
	"time"

	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
)

// Meter reads what this process used in one timed window: CPU time, waiting,
// switches, allocations, garbage collection, and what other tenants took. It is
// used by one goroutine: Begin, End, Values.
type Meter struct {
	// Quick leaves out p-idle and gc-cpu, which need a forced collection at both
	// ends.
	Quick bool
	// Yield, if not nil, is told true before a forced collection and false after
	// it. Load that keeps its P busy should call runtime.Gosched often
	// meanwhile: the collector yields for each span it sweeps, and gets the P
	// back after 10 ms otherwise, which adds up to seconds.
	Yield func(bool)

	facts *host.Facts
	sched host.Schedstat

	began, ended  reading
	before, after gcReading // at the forced collections before and after the window
}

// reading is all counters at one moment.
type reading struct {
	at      time.Time
	usage   usage
	sched   host.SchedTime
	schedOK bool
	other   host.Interference

	mutexWait            float64 // seconds
	allocBytes, allocOps uint64
}

// usage is what the kernel charges to the process.
type usage struct {
	cpu           time.Duration // user + system
	switches      int64         // context switches
	forced        int64         // the involuntary ones among them
	switchesKnown bool
}

// gcReading is the runtime's CPU accounting, which is refreshed at the end of
// each collection only: hence the forced ones.
type gcReading struct {
	idle, total, gc float64 // seconds of Ps, which need not be on a CPU
	cycles          uint64
}

// NewMeter returns a meter for a process on the given host.
func NewMeter(facts *host.Facts) *Meter { return &Meter{facts: facts} }

// Begin collects garbage and starts the window. Load may be running.
func (m *Meter) Begin() {
	m.before = m.collect()
	m.began = m.read(false)
}

// End ends the window, and collects garbage.
func (m *Meter) End() {
	m.ended = m.read(true)
	m.after = m.collect()
}

// Wall is the length of the window.
func (m *Meter) Wall() time.Duration { return m.ended.at.Sub(m.began.at) }

// read takes all counters: slow ones outside the window, the clock and the CPU
// time at its edge.
func (m *Meter) read(end bool) reading {
	var r reading
	edge := func() {
		r.at = time.Now()
		r.usage = readUsage()
	}
	if end {
		edge()
	}
	t, err := m.sched.Read()
	r.sched, r.schedOK = t, err == nil
	r.other = m.facts.Interference()
	s := []metrics.Sample{{Name: "/sync/mutex/wait/total:seconds"}, {Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/allocs:objects"}}
	metrics.Read(s)
	r.mutexWait, r.allocBytes, r.allocOps = s[0].Value.Float64(), s[1].Value.Uint64(), s[2].Value.Uint64()
	if !end {
		edge()
	}
	return r
}

func (m *Meter) collect() gcReading {
	if m.Quick {
		return gcReading{}
	}
	if m.Yield != nil {
		m.Yield(true)
		defer m.Yield(false)
	}
	runtime.GC()
	s := []metrics.Sample{
		{Name: "/cpu/classes/idle:cpu-seconds"}, {Name: "/cpu/classes/total:cpu-seconds"},
		{Name: "/cpu/classes/gc/total:cpu-seconds"}, {Name: "/gc/cycles/total:gc-cycles"},
	}
	metrics.Read(s)
	return gcReading{s[0].Value.Float64(), s[1].Value.Float64(), s[2].Value.Float64(), s[3].Value.Uint64()}
}

// Values are the window's units for the given number of operations, at the
// present GOMAXPROCS. What this system cannot tell is left out.
func (m *Meter) Values(ops int) []sample.Value {
	var (
		wall  = m.Wall().Seconds()
		n     = float64(max(ops, 1))
		procs = float64(runtime.GOMAXPROCS(0))
		cpus  = min(procs, m.facts.Usable())
		a, b  = m.began, m.ended
		v     []sample.Value
	)
	add := func(unit string, x float64) { v = append(v, sample.Value{Unit: unit, V: x}) }
	add("ns/op", wall*1e9/n)
	add("ops/s", n/wall)
	cpu := (b.usage.cpu - a.usage.cpu).Seconds()
	if cpu > 0 {
		add("cpu-ns/op", cpu*1e9/n)
		add("cpu-unused", 1-cpu/(cpus*wall))
	}
	if total := m.after.total - m.before.total; total > 0 {
		add("p-idle", (m.after.idle-m.before.idle)/total)
	}
	if a.schedOK && b.schedOK {
		add("os-wait", b.sched.Sub(a.sched).Wait.Seconds()/wall)
	}
	add("mutex-wait-ns/op", (b.mutexWait-a.mutexWait)*1e9/n)
	if a.usage.switchesKnown {
		add("ctxsw/op", float64(b.usage.switches-a.usage.switches)/n)
		add("ctxsw-forced/op", float64(b.usage.forced-a.usage.forced)/n)
	}
	add("B/op", float64(b.allocBytes-a.allocBytes)/n)
	add("allocs/op", float64(b.allocOps-a.allocOps)/n)
	if busy := m.after.total - m.before.total - (m.after.idle - m.before.idle); busy > 0 {
		add("gc-cpu", m.gcSeconds()/busy)
	}
	other := b.other.Sub(a.other)
	add("steal", other.Steal.Seconds()/(m.facts.Usable()*wall))
	add("throttled-ns", float64(other.Throttled))
	return v
}

// gcSeconds is the Ps' time that the collector took in the window. The runtime's count runs
// from one forced collection to the end of the next, which is no part of the
// window: of k+1 collections, k count.
func (m *Meter) gcSeconds() float64 {
	cycles := float64(m.after.cycles - m.before.cycles)
	if cycles <= 1 {
		return 0
	}
	return (m.after.gc - m.before.gc) * (cycles - 1) / cycles
}
