package bench

import (
	"time"

	"github.com/contend-go/contend/bench/sample"
)

// Probe observes one measured window from inside the measured process: an
// execution trace, a profile, switch records. A probe is used by one goroutine
// at a time and once: Start, any number of Marks, Stop.
type Probe interface {
	// Start begins to observe. The load is already running and steady.
	Start(w Window) error
	// Mark labels the moment in what the probe records. A tour calls it at
	// each step, with "gomaxprocs=N", right after the change.
	Mark(label string)
	// Stop ends the observation, waits until all files are complete and
	// renamed into place, and returns what was seen. It is called after the
	// timed window's counters were read, also when the window failed.
	Stop() (Observation, error)
}

// Window tells a probe what it is about to observe.
type Window struct {
	Name    string        // the sample's benchmark name
	Procs   int           // GOMAXPROCS at the start
	Planned time.Duration // length of the timed window
	Dir     string        // run folder, absolute; attachments go below it
	Prefix  string        // unique within the run: start file names with it
}

// Observation is what a probe adds to the sample.
type Observation struct {
	Values []sample.Value // of all that was observed, where there were no marks
	// Marked is, by the label of a mark, what holds from there to the next.
	Marked      map[string][]sample.Value
	Attachments []sample.Attachment
	Warnings    []string // one line each: what a reader of the numbers must know
}
