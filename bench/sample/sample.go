// Package sample is the results format, the hub of the house: what a run
// measured, as a text that benchstat reads natively, together with the one
// list of units.
//
// A run is a folder, and samples.txt in it is the truth. The file is the Go
// benchmark format (golang/proposal design/14313) with "# verb key=value …"
// comment records, which other readers skip:
//
//	# contend protocol=1
//	# run id=4f1c seed=7 exe=sha256:ab12 node=0c9d cmd="contend sweep"
//	# axis name=Cache key=gomaxprocs series=backend
//	# backend name=ring sync=lock-free
//	# absent name=BenchmarkCache/backend=plainmap reason="only read once it is filled"
//	goos: linux
//	usable-cpus: 2
//	Unit ops/s better=higher
//	# begin
//	# sample cell=3f2a block=4 variant=head
//	# warn text="oversubscribed: 8 Ps on 2 usable CPUs"
//	# attach kind=trace path=traces/0017.trace sha256=ab12
//	BenchmarkCache/workload=zipf/backend=ring/gomaxprocs=8 1048576 41.2 ns/op 24271844 ops/s
//
// The run line says where the lines below it come from, the axis how to read
// them; backend lines are promises that reports print, absent ones cells that do
// not apply. Configuration lines make samples incomparable where they differ. A
// sample line identifies the next result, and what a reader must know of it, and
// the files beside it, follow.
//
// An invalid sample (crash, hang, throttled) is kept but hidden from other
// readers and from statistics: its identity line has invalid="reason", and its
// result line, where there is one, stands behind "# result ". failed=1 beside it says
// that the program is to blame, and not what was measured or the host.
package sample

import (
	"math"
	"strconv"
)

// Protocol is the version of the text between a cell's process and the
// harness, and of the comment records. A reader accepts versions up to its own.
const Protocol = 1

// FileName is the name of the samples file within a run folder.
const FileName = "samples.txt"

// FewIterations is what the warning begins with that a window holds too few
// iterations for their mean to be one.
const FewIterations = "few iterations"

// Sample is one result line and all that is known about it. A text may hold
// millions: what many samples have in common they share.
type Sample struct {
	*Shared
	*Identity
	Iters  int       // operations in the timed window
	Values []float64 // in printed order; their units are Shared.Units
	Line   int       // where it was read
}

// Shared is what many samples have in common: do not modify.
type Shared struct {
	Name *Name // the same for samples of the same name

	// Units of the values, as printed ("ns/op", not the tidied "sec/op").
	Units []string

	// Config is the configuration in force at the line ("goos", "cpu",
	// "usable-cpus" …).
	Config map[string]string

	Run *Run // provenance; nil in text that is not ours

	// OneProcess marks samples printed by `go test -bench` (with a -N suffix,
	// canonicalised here): several results came from one process.
	OneProcess bool

	File string // where it was read
}

// Identity is which measurement a sample is, and what became of it. Samples of
// the same Cell, Block and differing Variant (or of the same Block and Run) were
// measured side by side and can be paired. In text that is not ours Cell is
// empty and Block -1. Samples may share it: do not modify that of a [Set].
type Identity struct {
	Cell    string
	Block   int
	Variant string // "" where one build was measured; "base" and "head" in comparisons

	Warnings    []string
	Attachments []Attachment
	Invalid     string // the reason, empty for a valid sample
	Failed      bool   // it is invalid because the program crashed, hung or printed no result
}

// Value is one measurement with its unit as printed.
type Value struct {
	Unit string
	V    float64
}

// Attachment is a file beside the samples, in the run folder.
type Attachment struct {
	Kind   string // "trace", "switches", "stderr" …
	Path   string // relative to the run folder, with forward slashes
	SHA256 string // hexadecimal
}

// Run is the provenance of the samples that follow its line: one executable on
// one machine. A run folder holds several when it was continued elsewhere.
type Run struct {
	ID     string
	Fields []Field // all fields of the line, in order: seed, exe, commit, cmd …
}

// NodeKey is the field of a run that tells the machine from others of its kind.
const NodeKey = "node"

// KindKey is the field of a run that names the kind of machine in a fleet.
const KindKey = "machine-kind"

// Node is the machine that the samples are of; empty where the run does not say.
func (r *Run) Node() string { return r.get(NodeKey) }

// Kind is the kind of machine in a fleet that the samples are of; empty outside a
// fleet.
func (r *Run) Kind() string { return r.get(KindKey) }

// Price is that of a machine-hour, in whatever unit the fleet's plan has it; 0 where it
// has none.
func (r *Run) Price() float64 {
	price, err := strconv.ParseFloat(r.get(PriceKey), 64)
	if err != nil || !(price > 0 && price < math.MaxFloat32) {
		return 0
	}
	return price
}

// PriceKey is the field of a run that has the price of a machine-hour.
const PriceKey = "price-per-hour"

// Machine is the node of a machine in a fleet, which stands for its kind; empty
// outside a fleet.
func (r *Run) Machine() string {
	if r.Kind() == "" {
		return ""
	}
	return r.Node()
}

// get is a field of the run's line.
func (r *Run) get(key string) string {
	if r == nil {
		return ""
	}
	for _, f := range r.Fields {
		if f.Key == key {
			return f.Value
		}
	}
	return ""
}

// Field is one key=value of a comment record.
type Field struct{ Key, Value string }

// Value returns the measurement in the given unit, and whether there is one.
func (s *Sample) Value(unit string) (float64, bool) {
	for i, u := range s.Units {
		if u == unit {
			return s.Values[i], true
		}
	}
	return 0, false
}

// UsableCPUs is how many CPUs the measured process could use, as the
// configuration states it; 0 where it does not. A quota can make it fractional.
func (s *Shared) UsableCPUs() float64 {
	c, err := strconv.ParseFloat(s.Config[UsableCPUs], 64)
	if err != nil || !(c > 0 && c < 1<<20) {
		return 0
	}
	return c
}

// AssumeCPUs states how many CPUs were usable, for samples that do not say so.
func (s *Set) AssumeCPUs(cpus float64) {
	text := strconv.FormatFloat(cpus, 'g', -1, 64)
	for _, smp := range s.Samples {
		if smp.Config == nil {
			smp.Config = map[string]string{}
		}
		if smp.Config[UsableCPUs] == "" {
			smp.Config[UsableCPUs] = text
		}
	}
}

// UsableCPUs is the configuration key of [Shared.UsableCPUs].
const UsableCPUs = "usable-cpus"

// Valid reports whether the sample may enter statistics.
func (id *Identity) Valid() bool { return id.Invalid == "" }
